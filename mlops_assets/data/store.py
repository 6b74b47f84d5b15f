"""The store: tables as Parquet and records as JSON, on any fsspec URL."""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fsspec
import pandas as pd
import pyarrow as pa

from mlops_assets import settings
from mlops_assets.errors import NotStoredError, UserError

_ASIDE = re.compile(r"\.[0-9a-f]{32}\.part$")  # what is written before it is renamed


@dataclass(frozen=True)
class Store:
    """Reads and writes what is kept of a model.

    A table is at ``<url>/<model>/<asset>/<partition>.parquet``, a record beside it as ``.json``; an
    asset without partitions uses the partition ``all``. Whatever is written is written aside and
    then renamed, so that a reader sees the old file or the new one, never half of one.

    Attributes:
        url: Where to keep it; empty means ``MLOPS_DATA_URL``, else ``data/`` under ``MLOPS_HOME``.
    """

    url: str = ""

    def write(self, model: str, asset: str, partition: str, table: pd.DataFrame) -> str:
        """Keep ``table``; returns the path of the Parquet file."""
        path = self.path(model, asset, partition, "parquet")
        self._replace(path, table.to_parquet(index=False))
        return path

    def read(self, model: str, asset: str, partition: str) -> pd.DataFrame:
        """The table that was kept.

        Raises:
            NotStoredError: There is none.
            UserError: The file is not readable as Parquet.
        """
        path = self.path(model, asset, partition, "parquet")
        filesystem = self._filesystem()
        try:
            with filesystem.open(path, "rb") as file:
                return pd.read_parquet(file)
        except FileNotFoundError:
            raise missing_table(model, asset, partition, path) from None
        except (pa.ArrowInvalid, OSError) as error:
            again = _again(model, asset, partition)
            raise UserError(f"{path} cannot be read as Parquet ({error}). {again}") from error

    def write_record(
        self, model: str, asset: str, partition: str, record: Mapping[str, Any]
    ) -> None:
        """Keep a JSON record about a partition, beside its table."""
        text = json.dumps(record, indent=1, sort_keys=True, allow_nan=False)
        self._replace(self.path(model, asset, partition, "json"), text.encode())

    def record(self, model: str, asset: str, partition: str) -> dict[str, Any]:
        """One record.

        Raises:
            NotStoredError: There is none.
        """
        found = self.find_record(model, asset, partition)
        if found is None:
            raise missing_record(model, asset, partition, self._url())
        return found

    def find_record(self, model: str, asset: str, partition: str) -> dict[str, Any] | None:
        """One record; None where there is none."""
        return next(iter(self._records([self.path(model, asset, partition, "json")])), None)

    def records(self, model: str, asset: str) -> list[dict[str, Any]]:
        """All records of an asset, in the order of their partitions; none where none is kept."""
        filesystem = self._filesystem()
        folder = f"{self._root()}/{model}/{asset}"
        filesystem.invalidate_cache()
        return self._records(sorted(filesystem.glob(f"{folder}/*.json")))

    def sweep(self) -> int:
        """Remove what killed processes have left half written; returns the number of files.

        Only while nothing writes: what is being written looks the same.
        """
        filesystem = self._filesystem()
        filesystem.invalidate_cache()
        left = [path for path in filesystem.find(self._root()) if _ASIDE.search(path)]
        if left:
            filesystem.rm(left)
        return len(left)

    def path(self, model: str, asset: str, partition: str, suffix: str) -> str:
        """Where a file of a partition is, without the protocol."""
        return f"{self._root()}/{model}/{asset}/{partition}.{suffix}"

    def _records(self, paths: Sequence[str]) -> list[dict[str, Any]]:
        # All at once: on an object store a year of daily records costs one round trip, not 365.
        found = self._filesystem().cat(list(paths), on_error="return") if paths else {}
        there = {p: one for p, one in found.items() if not isinstance(one, FileNotFoundError)}
        for path, one in there.items():
            if isinstance(one, Exception):
                raise UserError(
                    f"{path} cannot be read ({type(one).__name__}: {one}). Nothing was decided "
                    "without it. Check the store and its permissions, then run again."
                ) from one
        return [_parsed(path, there[path]) for path in paths if path in there]

    def _replace(self, path: str, content: bytes) -> None:
        filesystem = self._filesystem()
        filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
        aside = f"{path}.{uuid.uuid4().hex}.part"
        try:
            filesystem.pipe_file(aside, content)
            filesystem.mv(aside, path)
        except OSError as error:
            raise UserError(
                f"{path} cannot be written ({error}). What was there before is untouched. "
                "Check the disk and its permissions, then run again."
            ) from error

    def _url(self) -> str:
        return self.url or settings.data_url()

    def _filesystem(self) -> Any:  # fsspec.AbstractFileSystem, whose annotations are too wide
        return fsspec.url_to_fs(self._url())[0]

    def _root(self) -> str:
        return str(fsspec.url_to_fs(self._url())[1]).rstrip("/")


def missing_table(model: str, asset: str, partition: str, path: str) -> NotStoredError:
    """The error of a table that is not there."""
    return NotStoredError(
        f"There is no {model}/{asset}{_of(partition)} at {path}. {_again(model, asset, partition)}"
    )


def missing_record(model: str, asset: str, partition: str, where: str) -> NotStoredError:
    """The error of a record that is not there."""
    what = f"{model}/{asset}{_of(partition)}"
    return NotStoredError(f"There is no record of {what} in {where}. Materialize {what} first.")


def _again(model: str, asset: str, partition: str) -> str:
    return f"Materialize {model}/{asset}{_of(partition)} again."


def _of(partition: str) -> str:
    return "" if partition == "all" else f" of {partition}"


def _parsed(path: str, content: bytes) -> dict[str, Any]:
    try:
        return json.loads(content)
    except ValueError as error:
        raise UserError(
            f"{path} is not JSON ({error}). Materialize the partition that it belongs to again."
        ) from error
