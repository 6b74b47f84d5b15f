"""The store of one policy: small enough to be kept after every few days."""

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.data.store import missing_table
from mlops_assets.lifecycle.memory import MemoryStore
from mlops_assets.lifecycle.rows import ORIGIN
from mlops_assets.replay.scratch import keep, take

_MOST_BYTES = 400_000_000  # of tables in memory; the others are read again from their files
_AUGMENTED = "augmented_dataset"


class _Tables:
    """Tables by file, those that were used last in memory."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, tuple[pd.DataFrame, int]] = OrderedDict()
        self._bytes = 0

    def get(self, path: Path) -> pd.DataFrame:
        if path not in self._kept:
            self.put(path, take(path))
        self._kept.move_to_end(path)
        return self._kept[path][0]

    def put(self, path: Path, table: pd.DataFrame) -> None:
        if path in self._kept:
            self._bytes -= self._kept.pop(path)[1]
        size = int(table.memory_usage().sum())
        self._kept[path] = table, size
        self._bytes += size
        while self._bytes > _MOST_BYTES and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1][1]


@dataclass(frozen=True, eq=False)
class ReplayStore(MemoryStore):
    """Records in memory; tables in files that are named by their contents, shared by all policies.

    Of an augmented dataset only the rows of its own day are kept once a candidate has learned from
    it: that is all that anybody reads later, and a year of them would fill a disk.

    Attributes:
        folder: Where the tables are.
    """

    folder: Path = Path()
    _named: dict[tuple[str, str], str] = field(default_factory=dict)
    _whole: dict[str, pd.DataFrame] = field(default_factory=dict)  # the latest augmented dataset
    _memory: _Tables = field(default_factory=_Tables)

    def write(self, model: str, asset: str, partition: str, table: pd.DataFrame) -> str:  # noqa: ARG002
        """Keep a table; returns where."""
        if asset == _AUGMENTED:
            self._whole.clear()
            self._whole[partition] = table
            table = table[table[ORIGIN] == partition]
        kept = self._kept(table)
        path = self.folder / fingerprint(kept)
        if not path.exists():
            keep(path, kept)
        self._named[asset, partition] = path.name
        self._memory.put(path, kept)
        return str(path)

    def read(self, model: str, asset: str, partition: str) -> pd.DataFrame:
        """The table that was kept; not to be changed in place.

        Raises:
            UserError: There is none.
        """
        if asset == _AUGMENTED and partition in self._whole:
            return self._whole[partition]
        if (asset, partition) not in self._named:
            raise missing_table(model, asset, partition, "the replay")
        return self._memory.get(self.folder / self._named[asset, partition])

    def __getstate__(self) -> dict[str, Any]:
        """All but the tables in memory."""
        return {**self.__dict__, "_memory": _Tables(), "_whole": {}}
