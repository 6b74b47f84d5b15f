"""Read Parquet and CSV from any fsspec URL, whole or one day of it."""

import contextlib
import csv
import datetime
import gzip
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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fsspec
import pandas as pd
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from mlops_assets.data.source_error import NoRowsError, SourceError, shown
from mlops_assets.errors import NotThereYetError

if TYPE_CHECKING:
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

_DELIMITERS = ",;\t|"


def read_parquet(
    template: str, date: datetime.date | None, partition_column: str | None
) -> pd.DataFrame:
    """One file or one folder of Parquet files (hive folders give columns).

    With a partition column only the day's rows are read.

    Raises:
        NotThereYetError: the day's file, or the day in the dataset, is not there.
        SourceError: it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    url = _url(template, date, partition_column)
    with _opened(url, template, date) as place:
        parts = [file for file, info in place.files.items() if place.is_parquet(file, info)]
        if not parts:
            raise _absent(f"{shown(url)} holds no Parquet file", date)
        try:
            _once(pq.read_schema(parts[0], filesystem=place.fs).names, url)
            dataset = ds.dataset(
                parts,
                filesystem=place.fs,
                format="parquet",
                partitioning="hive",
                partition_base_dir=place.path,
            )
            where = None
            if partition_column is not None and date is not None:
                where = _of_day(dataset, partition_column, date, url)
                read = dataset.get_fragments(filter=where)
                place.folders = {posixpath.dirname(fragment.path) for fragment in read}
            table = dataset.to_table(filter=where)
        except pa.ArrowException as error:
            raise SourceError(
                f"{shown(url)} is not readable Parquet ({_unquoted(error)}). Was it written to "
                "the end, every file with the same types? Write it again, aside first and then "
                "renamed."
            ) from error
    if table.num_rows == 0 and where is not None:
        raise _absent(f"{shown(url)} has no row whose {partition_column} is that day", date)
    # Blocks are handed over column by column, so that the peak is not twice the table.
    frame = table.to_pandas(split_blocks=True, self_destruct=True)
    return _with_rows(frame.reset_index(drop=True), url)


def read_csv(
    template: str,
    date: datetime.date | None,
    partition_column: str | None,
    delimiter: str,
    encoding: str,
) -> pd.DataFrame:
    """One CSV file with a header; compressed where its name says so.

    Raises:
        NotThereYetError: the day's file, or the day in the file, is not there.
        SourceError: it cannot be read.
    """
    url = _url(template, date, partition_column)
    with _opened(url, template, date) as place:
        if list(place.files) != [place.path]:
            raise SourceError(f"{shown(url)} is a folder. Name a file in `url`.")
        with place.fs.open(place.path, "rb", compression="infer") as file:
            content = _content(file, url)
    # Spreadsheets put a mark before UTF-8 that would become part of the first name.
    marked = "utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding
    try:
        frame = _parsed(content, delimiter, marked, url)
    except UnicodeError as error:
        raise SourceError(
            f"{shown(url)} is not {encoding}{_where(content, marked)}. Set `encoding`, for example "
            "to latin-1."
        ) from error
    except LookupError as error:
        raise SourceError(f"{encoding} is no known encoding. Correct `encoding`.") from error
    if partition_column is None or date is None:
        return _with_rows(frame, url)
    if partition_column not in frame.columns:
        raise _no_partition_column(partition_column, [str(name) for name in frame], url)
    days = pd.to_datetime(frame[partition_column], errors="coerce", format="ISO8601", utc=True)
    if days.isna().all():
        raise SourceError(
            f"{shown(url)}: {partition_column} holds no date like 2026-01-31. Correct "
            "`partition_column`, or write its dates so."
        )
    rows = frame[days.dt.date == date].reset_index(drop=True)
    if rows.empty:
        raise _absent(f"{shown(url)} has no row whose {partition_column} is that day", date)
    return rows


# ------------------------------------------------------------------ opening


def _url(template: str, date: datetime.date | None, partition_column: str | None) -> str:
    """The address of that day."""
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
        """A file of a dataset; no mark that a writer leaves (``_SUCCESS``), no empty file."""
        named = file == self.path or not posixpath.basename(file).startswith(("_", "."))
        return named and info.get("size") != "0"

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
    """The files at the path, with what identifies their content."""
    fs.invalidate_cache()
    if not fs.exists(path):
        _check_folder(fs, template)
        raise _absent(f"{shown(url)} does not exist{_otherwise_dated(fs, path, date)}", date)
    info = fs.info(path)
    found = {path: info} if info["type"] == "file" else fs.find(path, detail=True)
    files = {
        str(name): {key: str(info[key]) for key in _IDENTITY if key in info}
        for name, info in sorted(dict(found).items())
    }
    if list(files) == [path] and files[path].get("size") == "0":
        raise SourceError(
            f"{shown(url)} is empty (0 bytes). Write it again, aside first and then renamed."
        )
    return files


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


def _of_day(dataset: "ds.Dataset", column: str, date: datetime.date, url: str) -> "pc.Expression":
    """The filter that leaves that day's rows, whatever type the column has."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    if column not in dataset.schema.names:
        raise _no_partition_column(column, dataset.schema.names, url)
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
    raise SourceError(
        f"{shown(url)}: {column} holds {kind}, which is no day. Correct `partition_column`."
    )


def _where(content: bytes, encoding: str) -> str:
    """The line that an encoding does not know."""
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f": line {line} has a byte that it does not know"
    return ""


def _parsed(content: bytes, delimiter: str, encoding: str, url: str) -> pd.DataFrame:
    """The table in a CSV file; what does not fit its header is an error."""
    with io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline="") as lines:
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
            frame = pd.read_csv(
                io.BytesIO(content),
                sep=delimiter,
                encoding=encoding,
                low_memory=False,
                index_col=False,
            )
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
    return frame


def _once(names: list[str], url: str) -> None:
    """No name is there twice."""
    if twice := [f"{name} ({times} times)" for name, times in Counter(names).items() if times > 1]:
        raise SourceError(
            f"{shown(url)}: {len(twice)} column name(s) occur more than once: "
            f"{', '.join(twice[:10])}. Rename them."
        )


def _with_rows(frame: pd.DataFrame, url: str) -> pd.DataFrame:
    if frame.empty:
        raise NoRowsError(
            f"{shown(url)} has column names and no rows. Write the rows, or remove it until they "
            "are there."
        )
    return frame


def _no_partition_column(column: str, names: list[str], url: str) -> SourceError:
    return SourceError(
        f"{shown(url)} has no column {column}. Set `partition_column` to one of "
        f"{', '.join(names[:20])}."
    )


def _absent(what: str, date: datetime.date | None) -> SourceError | NotThereYetError:
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
