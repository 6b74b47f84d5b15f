"""Read Delta Lake tables: the rows that one version has, as the table's log tells them."""

import datetime
import os
import re
from typing import TYPE_CHECKING

import pandas as pd

from mlops_assets.data.files import absent, dated_url, is_no_day, no_partition_column, with_rows
from mlops_assets.data.notes import Note, noted
from mlops_assets.data.source_error import SourceError, shown

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

# With several threads, rows would come in another order each time.
_IN_ORDER = {"datafusion.execution.target_partitions": "1"}


def read_delta(
    template: str,
    date: datetime.date | None,
    partition_column: str | None,
    version: int | None,
    moment: datetime.datetime | None,
) -> pd.DataFrame:
    """The rows of one version; with a partition column only the day's are read.

    Rows that were deleted or replaced are not read, whichever way the table marks them (removed
    files, deletion vectors), and columns are called what they are called now (column mapping).

    Args:
        template: the table's root.
        date: the day, None for all rows.
        partition_column: the column that holds a row's day.
        version: which version; None: the latest.
        moment: the version that was the latest then; None: the latest.

    Returns:
        The rows, with a note that says which version they are of.

    Raises:
        NotThereYetError: the table, or the day in it, is not there.
        SourceError: it cannot be read.
    """
    url = dated_url(template, date, partition_column)
    of_day = None if date is None else partition_column
    try:
        from deltalake import exceptions
    except ImportError as error:
        raise SourceError(
            f"{shown(url)} is read with the package deltalake, which is not installed. Run "
            'pip install "mlops-assets[delta]" where this code location runs.'
        ) from error
    try:
        rows, note = _rows(url, date, of_day, version, moment)
    except SourceError:
        raise
    except exceptions.TableNotFoundError as error:
        raise absent(f"{shown(url)} holds no Delta table", date) from error
    # Rust, Arrow and each kind of storage have errors of their own.
    except Exception as error:
        raise SourceError(
            f"{shown(url)} cannot be read as a Delta table ({_reason(error)}). See that the "
            "storage answers and its credentials are set in the environment, that VACUUM has not "
            "removed the files of this version, and that deltalake knows the table's features."
        ) from error
    if rows.num_rows == 0 and of_day is not None:
        raise absent(f"{shown(url)} has no row whose {of_day} is that day", date)
    # Blocks are handed over column by column, so that the peak is not twice the table.
    frame = rows.to_pandas(split_blocks=True, self_destruct=True)
    return noted(with_rows(frame, url, date), [note])


def _rows(
    url: str,
    date: datetime.date | None,
    of_day: str | None,
    version: int | None,
    moment: datetime.datetime | None,
) -> "tuple[pa.Table, Note]":
    """The rows of the version, or its rows of the day, and which version it is."""
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder

    table = DeltaTable(url, storage_options=_options())
    latest = table.version()
    number = _pinned(table, version, moment, url)
    if number != latest:
        table.load_as_version(number)
    where = ""
    if of_day is not None and date is not None:
        where = _of_day(pa.schema(table.schema().to_arrow()), of_day, date, url)
    query = f"SELECT * FROM rows_of_it{where}"  # noqa: S608 - the column is quoted
    rows = QueryBuilder(_IN_ORDER).register("rows_of_it", table).execute(query)
    return pa.table(rows), _version_read(table, latest)


def _options() -> dict[str, str]:
    """Credentials come from the environment; so does an endpoint, which may be without TLS."""
    endpoints = (os.environ.get(f"AWS_ENDPOINT_URL{which}", "") for which in ("", "_S3"))
    plain = any(endpoint.startswith("http://") for endpoint in endpoints)
    return {"AWS_ALLOW_HTTP": "true"} if plain else {}


def _pinned(
    table: "DeltaTable", version: int | None, moment: datetime.datetime | None, url: str
) -> int:
    """The version to read."""
    latest = table.version()
    if version is not None and version > latest:
        raise SourceError(
            f"{shown(url)} has no version {version}; the latest is {latest}. Correct `version`."
        )
    if moment is None:
        return latest if version is None else version
    # Not by deltalake, which takes the first version for any time before it.
    written = {c["version"]: c["timestamp"] for c in table.history() if "timestamp" in c}
    until = [one for one, at in written.items() if at <= moment.timestamp() * 1000]
    if not until:
        first = min(written, default=None)
        known = "tells no times" if first is None else f"begins with {_said(first, written[first])}"
        raise SourceError(
            f"{shown(url)} has no version of {moment:%Y-%m-%d %H:%M %Z} or before: its log "
            f"{known}. Correct `timestamp`, or set `version`."
        )
    return max(until)


def _version_read(table: "DeltaTable", latest: int) -> Note:
    number = table.version()
    commits = table.history(latest - number + 1)  # from the latest back
    times = [c["timestamp"] for c in commits if c.get("version") == number and "timestamp" in c]
    said = _said(number, times[0]) if times else f"version {number}"
    return Note("", f"{said} of the Delta table was read")


def _said(version: int, milliseconds: int) -> str:
    written = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    return f"version {version} of {written:%Y-%m-%d %H:%M} UTC"


def _of_day(schema: "pa.Schema", column: str, date: datetime.date, url: str) -> str:
    """The condition that leaves that day's rows, whatever type the column has."""
    import pyarrow as pa

    if column not in schema.names:
        raise no_partition_column(column, schema.names, url)
    kind = schema.field(column).type
    name = '"' + column.replace('"', '""') + '"'
    if pa.types.is_integer(kind):
        return f" WHERE {name} = {date:%Y%m%d}"
    if pa.types.is_temporal(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        # Days and moments are compared as such, and ISO dates sort as text.
        after = date + datetime.timedelta(days=1)
        return f" WHERE {name} >= '{date}' AND {name} < '{after}'"
    raise is_no_day(column, kind, url)


def _reason(error: BaseException) -> str:
    """What an error of Rust says, without its colours and its trace; the cause stands last."""
    text = re.split(r"\n\s*\d+: ", re.sub(r"\x1b\[\d*m|↳", "", str(error)))[0]
    text = " ".join(text.split())
    return text if len(text) <= 300 else f"…{text[-300:]}"
