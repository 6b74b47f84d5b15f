"""Read Parquet and CSV from any fsspec URL, whole or one day of it."""

import contextlib
import csv
import datetime
import gzip
import hashlib
import io
import lzma
import posixpath
import re
import sys
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import fsspec
import pandas as pd
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from mlops_assets.data.columns import Columns
from mlops_assets.data.csv_values import CsvForm, with_values
from mlops_assets.data.notes import Note, noted
from mlops_assets.data.source_error import NoRowsError, SourceError, shown
from mlops_assets.errors import EmptyDayError, NotThereYetError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

_IDENTITY = ("size", "mtime", "ino", "created", "ETag", "etag", "LastModified", "last_modified")
"""What file systems tell of a file that changes when the file does."""

_STORAGE_ERRORS = (
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("azure.core.exceptions", "AzureError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("gcsfs.retry", "HttpError"),
    ("aiohttp", "ClientError"),
)
"""What drivers raise that is no OSError; looked up only where the driver is loaded."""

_BUCKET_PROTOCOLS = {"s3", "gs", "abfs"}

_NO_DATA = (".crc", ".json", ".txt", ".md", ".csv", ".avro", ".tmp", ".part", ".inprogress")
"""How files are named that lie beside those of a dataset."""

_NULL = "__HIVE_DEFAULT_PARTITION__"
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")

_LOGS = {"_delta_log": "Delta", ".hoodie": "Hudi"}

_DELIMITERS = ",;\t|"


def read_parquet(
    template: str, date: datetime.date | None, partition_column: str | None
) -> pd.DataFrame:
    """One file or one folder of Parquet files (hive folders give columns).

    With a partition column only the day's rows are read.

    Raises:
        NotThereYetError: the day's file, or the day in the dataset, is not there; an
            EmptyDayError where it is and has no rows.
        SourceError: it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    url = dated_url(template, date, partition_column)
    with _opened(url, template, date) as place:
        _is_finished(place, url, template, date)
        parts = [file for file, info in place.files.items() if place.is_parquet(file, info)]
        if not parts:
            raise absent(f"{shown(url)} holds no Parquet file", date)
        try:
            schema = pq.read_schema(parts[0], filesystem=place.fs)
            _once(schema.names, url)
            both = place.keys(parts) & set(schema.names)
            in_folder: list[str] = []
            if partition_column in both and date is not None:
                in_folder = place.of_day(parts, partition_column, date)
                parts = in_folder or parts
            dataset = ds.dataset(
                parts,
                filesystem=place.fs,
                format=_parquet_format(),
                partitioning=_hive(place, parts, schema),
                partition_base_dir=place.path,
            )
            where = None
            if partition_column is not None and date is not None:
                where = _of_day(dataset, partition_column, date, url)
                read = dataset.get_fragments(filter=where)
                place.folders = {posixpath.dirname(fragment.path) for fragment in read}
            table = dataset.to_table(filter=where)
            if in_folder:
                _same_day(table.num_rows, dataset.count_rows(), str(partition_column), url)
        except pa.ArrowException as error:
            raise SourceError(
                f"{shown(url)} is not readable Parquet ({_unquoted(error)}). Was it written to "
                "the end, every file with the same types? Write it again, aside first and then "
                "renamed."
            ) from error
    if table.num_rows == 0 and where is not None:
        raise absent(f"{shown(url)} has no row whose {partition_column} is that day", date)
    # Blocks are handed over column by column, so that the peak is not twice the table.
    frame = table.to_pandas(split_blocks=True, self_destruct=True)
    frame = frame.astype(dict.fromkeys(_codes(schema, frame), "category"))
    says = "in the path and in the files; taken from the files"
    return noted(with_rows(frame, url, date), [Note(name, says) for name in sorted(both)])


def read_csv(
    template: str,
    date: datetime.date | None,
    partition_column: str | None,
    form: CsvForm,
    columns: Columns | None = None,
) -> pd.DataFrame:
    """One CSV file with a header; compressed where its name says so.

    The roles of the columns say which hold ids: these are texts.

    Raises:
        NotThereYetError: the day's file, or the day in the file, is not there; an EmptyDayError
            where it is and has no rows.
        SourceError: it cannot be read.
    """
    url = dated_url(template, date, partition_column)
    with _opened(url, template, date) as place:
        if list(place.files) != [place.path]:
            raise SourceError(f"{shown(url)} is a folder. Name a file in `url`.")
        with place.fs.open(place.path, "rb", compression="infer") as file:
            content = _content(file, url)
    # Spreadsheets put a mark before UTF-8 that would become part of the first name.
    encoding = form.encoding
    marked = "utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding
    try:
        frame = _parsed(content, replace(form, encoding=marked), columns, url)
    except UnicodeError as error:
        raise SourceError(
            f"{shown(url)} is not {encoding}{_where(content, marked)}. Set `encoding`, for example "
            "to latin-1."
        ) from error
    except LookupError as error:
        raise SourceError(f"{encoding} is no known encoding. Correct `encoding`.") from error
    if partition_column is None or date is None:
        return with_rows(frame, url, date)
    if partition_column not in frame.columns:
        raise no_partition_column(partition_column, [str(name) for name in frame], url)
    said = frame[partition_column].map(str)
    said = said.where(said.str[:1].str.isdigit())  # pandas takes "today" for this day
    days = pd.to_datetime(said, errors="coerce", format="ISO8601", utc=True)
    if days.isna().all() and len(days):
        raise SourceError(
            f"{shown(url)}: {partition_column} holds no date like 2026-01-31. Correct "
            "`partition_column`, or write its dates so."
        )
    rows = frame[days.dt.date == date].reset_index(drop=True)
    if rows.empty:
        raise absent(f"{shown(url)} has no row whose {partition_column} is that day", date)
    return rows


def signature(
    template: str, date: datetime.date, partition_column: str | None = None
) -> str | None:
    """A text that is another one once the files of a day have changed, and costs no reading.

    Returns:
        Empty where there are none; None where files do not tell days apart, or cannot be listed:
        whoever reads them says why.
    """
    try:
        fs, path = fsspec.core.url_to_fs(dated_url(template, date, partition_column))
        if partition_column is None:
            return _signed(_listed(fs, path))
        # One folder a day tells its day; any other table of all days changes with each of them.
        folders = [f"{path}/{partition_column}={day}" for day in _folder_names(date)]
        found = [_signed(files) for folder in folders if (files := _listed(fs, folder))]
        return found[0] if found else None
    except (SourceError, ValueError, ImportError, *_storage_errors()):
        return None


def _signed(files: dict[str, dict[str, Any]]) -> str:
    return hashlib.sha256(repr(files).encode()).hexdigest()[:16] if files else ""


def _folder_names(date: datetime.date) -> tuple[str, str]:
    """How a day is written as a folder's name."""
    return f"{date}", f"{date:%Y%m%d}"


# ------------------------------------------------------------------ opening


def dated_url(template: str, date: datetime.date | None, partition_column: str | None) -> str:
    """The address of that day.

    Raises:
        SourceError: it is not clear which rows are of the day.
    """
    dated = "{" in template
    if date is None:
        if dated:
            raise SourceError(f"{shown(template)} is one file a day. Name one table for all rows.")
        return template
    if not dated and partition_column is None:
        raise SourceError(
            f"{shown(template)} has the same rows every day. Put {{date}} into `url`, or name the "
            "column that holds the day as `partition_column`."
        )
    return template.format(date=date)


@dataclass
class _Place:
    """The files at a path before they are read, each with what identifies its content.

    A reader that needs some ``folders`` only says so: others may be written meanwhile.
    """

    fs: AbstractFileSystem
    path: str
    files: dict[str, dict[str, Any]]
    folders: set[str] | None = None

    def is_same(self, now: dict[str, dict[str, Any]]) -> bool:
        """Whether what was read is now as it was before."""
        return self._needed(now) == self._needed(self.files)

    def is_parquet(self, file: str, info: dict[str, Any]) -> bool:
        """A file of a dataset; no mark or log that a writer leaves (``_SUCCESS``), no empty file.

        As for Spark, whatever begins with ``_`` or ``.`` is none, nor is anything below it, but
        for the folder of a column (``_day=2026-01-31``).
        """
        if info.get("size") == "0":
            return False
        names = self.below(file)
        hidden = [one for one in names if one.startswith(("_", ".")) and "=" not in one]
        return not hidden and not (names and names[-1].endswith(_NO_DATA))

    def below(self, file: str) -> list[str]:
        """The folders between the path and the file, and the file; none where it is the path."""
        rest = file.removeprefix(self.path).strip("/")
        return rest.split("/") if rest and file != self.path else []

    def keys(self, parts: list[str]) -> set[str]:
        """The columns that folders give (``day`` of ``day=2026-01-31``)."""
        folders = (one for part in parts for one in self.below(part)[:-1])
        return {one.partition("=")[0] for one in folders if "=" in one}

    def of_day(self, parts: list[str], column: str, date: datetime.date) -> list[str]:
        """The files in the folders of that day."""
        folders = {f"{column}={day}" for day in _folder_names(date)}
        return [part for part in parts if folders & set(self.below(part))]

    def _needed(self, files: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        if self.folders is None:
            return files
        return {f: i for f, i in files.items() if posixpath.dirname(f) in self.folders}


@contextlib.contextmanager
def _opened(url: str, template: str, date: datetime.date | None) -> Iterator[_Place]:
    """What there is to read, and all storage errors in plain words.

    The files have to be the same after they were read.
    """
    try:
        fs, path = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise SourceError(
            f"{shown(url)} cannot be opened ({_first_line(error)}). Correct `url`, or install the "
            "driver that it needs."
        ) from error
    try:
        place = _Place(fs, path, _files(fs, path, url, template, date))
        yield place
        if not place.is_same(_files(fs, path, url, template, date)):
            raise SourceError(
                f"{shown(url)} changed while it was read. Write it aside and rename it when it is "
                "whole; then run again."
            )
    except PermissionError as error:
        raise SourceError(
            f"{shown(url)} may not be read (permission denied). Let this user read it, or correct "
            "the credentials."
        ) from error
    except FileNotFoundError as error:
        raise SourceError(
            f"{shown(url)} was removed while it was read. Put it back and run again."
        ) from error
    except _storage_errors() as error:
        raise SourceError(
            f"{shown(url)} cannot be read ({type(error).__name__}: {_first_line(error)}). See that "
            "the storage answers and that its credentials are set."
        ) from error


def _files(
    fs: AbstractFileSystem, path: str, url: str, template: str, date: datetime.date | None
) -> dict[str, dict[str, Any]]:
    """The files at the path, with what identifies their content; there is something to read."""
    files = _listed(fs, path)
    if not files and not fs.exists(path):
        _check_folder(fs, template)
        raise absent(f"{shown(url)} does not exist{_otherwise_dated(fs, path, date)}", date)
    if list(files) == [path] and files[path].get("size") == "0":
        raise SourceError(
            f"{shown(url)} is empty (0 bytes). Write it again, aside first and then renamed."
        )
    return files


def _listed(fs: AbstractFileSystem, path: str) -> dict[str, dict[str, Any]]:
    """The files at the path, with what identifies their content; none where nothing is there."""
    fs.invalidate_cache()
    if not fs.exists(path):
        return {}
    info = fs.info(path)
    found = {path: info} if info["type"] == "file" else fs.find(path, detail=True)
    return {
        str(name): {key: str(info[key]) for key in _IDENTITY if key in info}
        for name, info in sorted(dict(found).items())
    }


def _otherwise_dated(fs: AbstractFileSystem, path: str, date: datetime.date | None) -> str:
    """A file beside the missing one that has the day in another form, as a question."""
    folder = posixpath.dirname(path)
    if date is None or not isinstance(fs, LocalFileSystem):  # a bucket may list for minutes
        return ""
    with contextlib.suppress(OSError):
        for name in sorted(str(one).rpartition("/")[2] for one in fs.ls(folder, detail=False)):
            if f"{date:%Y%m%d}" in re.sub(r"\D", "", name):
                return f" (is it {name}? `{{date:%Y%m%d}}` in `url` writes the day in such a form)"
    return ""


def _check_folder(fs: AbstractFileSystem, template: str) -> None:
    """Where a day's file is missing: the bucket, or the folder before ``{date}``, is there."""
    protocols = {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)
    fixed = str(fs._strip_protocol(template.partition("{")[0].rpartition("/")[0] or "."))
    if "file" in protocols:
        what, root = "folder", fixed
    elif protocols & _BUCKET_PROTOCOLS:
        what, root = "bucket", fixed.partition("/")[0]
    else:
        return
    with contextlib.suppress(PermissionError):  # it may be read and yet not be listed
        if not fs.exists(root):
            raise SourceError(f"the {what} {root} does not exist. Create it, or correct `url`.")


def _is_finished(place: _Place, url: str, template: str, date: datetime.date | None) -> None:
    """The folder is a plain dataset, and whoever writes it has come to the end.

    Files of a table format are not all valid: its log says which are.
    """
    inside = [place.below(file) for file in place.files]
    first = {names[0] for names in inside if names}
    table = next((_LOGS[name] for name in first if name in _LOGS), None)
    if any(
        names[0] == "metadata" and names[-1].endswith(".metadata.json") for names in inside if names
    ):
        table = "Iceberg"
    last = posixpath.basename(place.path)
    if "=" in last and place.fs.exists(f"{posixpath.dirname(place.path)}/_delta_log"):
        table = "Delta"
    if table is not None:
        raise SourceError(
            f"{shown(url)} is a {table} table: not all of its Parquet files count, its log says "
            f"which do. Read it as such{' (`kind: delta`)' if table == 'Delta' else ''}, or write "
            "the rows as plain Parquet."
        )
    if "_temporary" in first or (
        place.path not in place.files and place.fs.isdir(f"{place.path}/_temporary")
    ):
        raise absent(
            f"{shown(url)} is being written (it has a folder _temporary; remove the folder if its "
            "job is dead)",
            date,
        )
    if first and "_SUCCESS" not in first and _others_have_success(place.fs, template, date):
        raise absent(f"{shown(url)} has no _SUCCESS, which the days before have", date)


def _others_have_success(fs: AbstractFileSystem, template: str, date: datetime.date | None) -> bool:
    """Whether the last day's folder before this one, of a week, says that it is complete."""
    if date is None or "{" not in template:
        return False
    for days in range(1, 8):
        folder = template.format(date=date - datetime.timedelta(days=days))
        path = str(fs._strip_protocol(folder))
        if fs.exists(path):
            return bool(fs.exists(f"{path}/_SUCCESS"))
    return False


def _storage_errors() -> tuple[type[BaseException], ...]:
    loaded = [
        getattr(sys.modules[module], name)
        for module, name in _STORAGE_ERRORS
        if hasattr(sys.modules.get(module), name)
    ]
    return (OSError, *loaded)


# ------------------------------------------------------------------ content


def _content(file: Any, url: str) -> bytes:
    try:
        return file.read()
    except (gzip.BadGzipFile, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError) as error:
        raise SourceError(
            f"{shown(url)} is not compressed as its name says, or not whole. Write it again, aside "
            "first and then renamed."
        ) from error


def _parquet_format() -> "ds.ParquetFileFormat":
    """How Parquet is read: the moments that Spark writes reach further than nanoseconds do."""
    import pyarrow.dataset as ds

    return ds.ParquetFileFormat(
        read_options=ds.ParquetReadOptions(coerce_int96_timestamp_unit="us")
    )


def _codes(schema: "pa.Schema", frame: pd.DataFrame) -> list[str]:
    """The columns that pandas wrote as categories, which Arrow gives back for texts only."""
    told = (schema.pandas_metadata or {}).get("columns", [])
    codes = [one["name"] for one in told if one.get("pandas_type") == "categorical"]
    return [n for n in codes if n in frame and not isinstance(frame[n].dtype, pd.CategoricalDtype)]


def _same_day(of_day: int, rows: int, column: str, url: str) -> None:
    if of_day < rows:
        raise SourceError(
            f"{shown(url)}: {column} is in the path and in the files, and they do not agree for "
            f"{rows - of_day} of {rows} rows. Correct the folders, or the files."
        )


def _hive(place: _Place, parts: list[str], schema: "pa.Schema") -> "ds.Partitioning":
    """The columns that folders give, but for those that the files have.

    Arrow would take these in a type of its own and refuse the files'. Digits with leading zeros
    are text.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    found: dict[str, set[str]] = {}
    for part in parts:
        for one in place.below(part)[:-1]:
            name, by, value = one.partition("=")
            if by and name not in schema.names:
                found.setdefault(name, set()).add(value)
    kinds = {
        name: pa.int64()
        if all(_INTEGER.fullmatch(one) for one in values - {_NULL})
        else pa.string()
        for name, values in found.items()
    }
    return ds.partitioning(pa.schema(list(kinds.items())), flavor="hive")


def _of_day(dataset: "ds.Dataset", column: str, date: datetime.date, url: str) -> "pc.Expression":
    """The filter that leaves that day's rows, whatever type the column has."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    if column not in dataset.schema.names:
        raise no_partition_column(column, dataset.schema.names, url)
    kind = dataset.schema.field(column).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    field = ds.field(column)
    if pa.types.is_timestamp(kind):
        start = datetime.datetime.combine(date, datetime.time())
        zone = datetime.UTC if kind.tz else None
        bounds = [start.replace(tzinfo=zone) + datetime.timedelta(days=days) for days in (0, 1)]
        low, high = (pa.scalar(bound, kind) for bound in bounds)
        return (field >= low) & (field < high)
    if pa.types.is_date(kind):
        return field == pa.scalar(date, kind)
    if pa.types.is_integer(kind):
        return field == int(f"{date:%Y%m%d}")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        after = date + datetime.timedelta(days=1)
        return (field >= str(date)) & (field < str(after))  # ISO dates sort as text
    raise is_no_day(column, kind, url)


def _where(content: bytes, encoding: str) -> str:
    """The line that an encoding does not know."""
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f": line {line} has a byte that it does not know"
    return ""


def _parsed(content: bytes, form: CsvForm, columns: Columns | None, url: str) -> pd.DataFrame:
    """The table in a CSV file; what does not fit its header is an error."""
    delimiter = form.delimiter
    with io.TextIOWrapper(io.BytesIO(content), encoding=form.encoding, newline="") as lines:
        header = next(csv.reader([lines.readline().rstrip("\r\n")], delimiter=delimiter), [])
    _once(header, url)
    others = [mark for mark in _DELIMITERS if mark != delimiter and mark in "".join(header)]
    if len(header) == 1 and others:
        raise SourceError(
            f"{shown(url)} has one column only, {header[0][:80]!r}. Set `delimiter: {others[0]!r}`."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = _as_parsed(content, form)
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        reason = _first_line(error).removeprefix("Error tokenizing data. C error: ")
        if isinstance(error, pd.errors.ParserWarning):
            reason = "every line has more fields than the header"
        raise SourceError(
            f"{shown(url)} is not CSV of {len(header)} columns ({reason}). Correct that line, its "
            "quotes or `delimiter`."
        ) from error
    except pd.errors.EmptyDataError as error:
        raise SourceError(f"{shown(url)} has no header. Write the names first.") from error

    def texts_of(names: list[str]) -> pd.DataFrame:
        return _as_parsed(content, form, usecols=names, dtype=str)

    return with_values(frame, form, columns, texts_of, zeros=_zeros(content, form))


def _as_parsed(content: bytes, form: CsvForm, **settings: Any) -> pd.DataFrame:
    """As pandas reads it; only the empty field is null."""
    return pd.read_csv(
        io.BytesIO(content),
        sep=form.delimiter,
        encoding=form.encoding,
        decimal=form.decimal or ".",
        keep_default_na=False,
        na_values=[""],
        float_precision="round_trip",
        low_memory=False,
        index_col=False,
        **settings,
    )


def _zeros(content: bytes, form: CsvForm) -> bool:
    """Whether a field may be a number with leading zeros."""
    one_byte = form.encoding.lower().startswith(("utf-8", "latin", "iso", "cp", "ascii"))
    before = re.escape(form.delimiter.encode()) + rb"\s\"+-"
    return not one_byte or re.search(rb"(?:^|[" + before + rb"])0\d", content) is not None


def _once(names: list[str], url: str) -> None:
    """No name is there twice."""
    if twice := [f"{name} ({times} times)" for name, times in Counter(names).items() if times > 1]:
        raise SourceError(
            f"{shown(url)}: {len(twice)} column name(s) occur more than once: "
            f"{', '.join(twice[:10])}. Rename them."
        )


def with_rows(frame: pd.DataFrame, url: str, date: datetime.date | None) -> pd.DataFrame:
    """The table, which has rows.

    Raises:
        EmptyDayError: a day's table has none.
        NoRowsError: the table of all rows has none.
        SourceError: it has no columns either, which says nothing of the day.
    """
    if not len(frame.columns):
        raise SourceError(f"{shown(url)} has no columns. Write it again, with the table's.")
    if frame.empty and date is not None:
        raise EmptyDayError(f"{shown(url)} has column names and no rows.")
    if frame.empty:
        raise NoRowsError(f"{shown(url)} has column names and no rows. Write the rows.")
    return frame


def is_no_day(column: str, kind: "pa.DataType", url: str) -> SourceError:
    """What to tell of a partition column of another type."""
    return SourceError(
        f"{shown(url)}: {column} holds {kind}, which is no day. Correct `partition_column`."
    )


def no_partition_column(column: str, names: list[str], url: str) -> SourceError:
    """What to tell where the partition column is not there."""
    return SourceError(
        f"{shown(url)} has no column {column}. Set `partition_column` to one of "
        f"{', '.join(names[:20])}."
    )


def absent(what: str, date: datetime.date | None) -> SourceError | NotThereYetError:
    """What is missing may still come where it is a day's; a baseline will not."""
    if date is None:
        return NoRowsError(f"{what}. Put it there, or correct `url`.")
    return NotThereYetError(f"the data of {date} is not there yet: {what}.")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]


def _unquoted(error: BaseException) -> str:
    """The innermost cause, without what it quotes: that may be a value of a row."""
    text = re.sub(r"'[^']*'", "'…'", str(error))
    return text.rpartition("'…': ")[2].strip().splitlines()[0][:200]
