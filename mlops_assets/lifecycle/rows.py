"""The rows that the loop learns from and judges on, derived again from what is stored.

Nothing here is kept: a split is a pure function of the rows and the policy, so it can be made
again at any time, and evaluation rows stay evaluation rows.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.data.splits import RowKeys, delivered_before, held_out, on_first_side
from mlops_assets.drift.regimes import BASELINE
from mlops_assets.errors import NotStoredError
from mlops_assets.lifecycle.journal import ALL
from mlops_assets.lifecycle.life import Life
from mlops_assets.promotion.registry import Version
from mlops_assets.spec import ModelSpec
from mlops_assets.training.features import model_input

ORIGIN = "mlops_assets_partition"  # of each row to learn from: its batch's partition, or `baseline`


@dataclass(frozen=True)
class Parts:
    """The labelled rows of a table in two disjoint parts: to learn from, and to judge on.

    ``origin`` is the day that they came on, or `baseline`; ``judge_places`` are those of the rows
    to judge on in the table as it is stored. The tables are shared: copy before you change one.
    """

    origin: str
    learn: pd.DataFrame
    judge: pd.DataFrame
    judge_places: np.ndarray

    @cached_property
    def learned(self) -> pd.DataFrame:
        """The rows to learn from, each with its origin."""
        return self.learn.assign(**{ORIGIN: self.origin})

    @cached_property
    def learned_hash(self) -> str:
        """The fingerprint of these."""
        return fingerprint(self.learned)


class _Table:
    """A table's rows with what tells them apart, and how it is split by itself."""

    def __init__(self, spec: ModelSpec, origin: str, table: pd.DataFrame) -> None:
        self.origin, self.table = origin, table
        self.keys = RowKeys.of(table, spec.columns)
        policy, baseline = spec.split, origin == BASELINE
        share = policy.holdout_share if baseline else policy.evaluation_share
        self.judged = held_out(
            table, spec.columns, share, policy.seed, spec.task, stratified=baseline
        )
        self._parts: dict[bytes, Parts] = {}

    @property
    def cells(self) -> int:
        """How much it takes to keep it: the rows, and once more in parts."""
        return 2 * self.table.size

    def parts(self, judged: np.ndarray) -> Parts:
        """The rows as they are on two sides."""
        sides = judged.tobytes()
        if sides not in self._parts:
            learn, judge = (self.table[self.keys.labelled & side] for side in (~judged, judged))
            self._parts[sides] = Parts(
                self.origin,
                learn.reset_index(drop=True),
                judge.reset_index(drop=True),
                judge.index.to_numpy(),
            )
        return self._parts[sides]


def baseline_parts(life: Life) -> Parts:
    """The baseline's train part and holdout."""
    table = _ready(life, BASELINE, life.store.read(life.spec.name, "baseline_data", ALL))
    return table.parts(table.judged)


def lineage_parts(life: Life, partitions: Iterable[str]) -> dict[str, Parts]:
    """The parts of the baseline and of batches, by origin, in the order of their days.

    A row stays where it is when labels arrive. One that is delivered more than once is on the
    same side in all of them, so that no model of this lineage is judged on what it has learned
    from; and where a timestamp tells it from others, it counts once.
    """
    name, store = life.spec.name, life.store
    tables = [_ready(life, BASELINE, store.read(name, "baseline_data", ALL))]
    for partition in sorted(partitions):
        tables.append(_ready(life, partition, store.read(name, "drifted_batch", partition)))
    repeated = delivered_before([table.keys for table in tables])
    tables = [
        _ready(life, table.origin, table.table[~again]) if again.any() else table
        for table, again in zip(tables, repeated, strict=True)
    ]
    sides = on_first_side([(table.keys, table.judged) for table in tables])
    return {table.origin: table.parts(judged) for table, judged in zip(tables, sides, strict=True)}


def keep_learned(life: Life, version: Version, partition: str, table: pd.DataFrame) -> None:
    """Keep which rows a version learns from: their keys, and what those of its own day held.

    The table is made again when its day is retrained on, and the split when a day is delivered
    again: then nothing else tells any more.
    """
    rows = table.drop(columns=ORIGIN)
    learned = {
        "row": RowKeys.of(rows, life.spec.columns).identity,
        "content": contents(life, rows),
        "own": (table[ORIGIN] == partition).to_numpy(),
    }
    life.store.write(
        life.spec.name, "learned_rows", _version(version.number), pd.DataFrame(learned)
    )


def contents(life: Life, rows: pd.DataFrame) -> np.ndarray:
    """A number a row, of what a model learns from: its features and its label."""
    columns = life.spec.columns
    table = model_input(rows, [*columns.features(rows), columns.target])
    return pd.util.hash_pandas_object(table, index=False).to_numpy(dtype=np.uint64)


def learned_of_its_day(life: Life, partition: str, version: int) -> np.ndarray | None:
    """What the rows held that a version has learned from its own day; None: nobody can tell."""
    name, store = life.spec.name, life.store
    try:
        kept = store.read(name, "learned_rows", _version(version))
        return kept["content"].to_numpy()[kept["own"].to_numpy()]
    except (NotStoredError, KeyError):  # trained before this was kept
        pass
    try:
        table = store.read(name, "augmented_dataset", partition)
    except NotStoredError:
        return None
    return contents(life, table[table[ORIGIN] == partition].drop(columns=ORIGIN))


def not_learned(life: Life, rows: pd.DataFrame, *versions: Version) -> pd.DataFrame:
    """The rows that none of some versions has learned from, as far as that was kept.

    They keep their places in the index.
    """
    known = [_learned(life, version) for version in versions]
    if rows.empty or not any(len(each) for each in known):
        return rows
    identity = RowKeys.of(rows, life.spec.columns).identity
    return rows[~np.isin(identity, np.concatenate(known))]


def _learned(life: Life, version: Version) -> np.ndarray:
    """The keys that were kept; none of the first model, nor of versions of before this was kept."""
    try:
        kept = life.store.read(life.spec.name, "learned_rows", _version(version.number))
    except NotStoredError:
        return np.array([], dtype=np.uint64)
    return kept["row"].to_numpy()


def _version(number: int) -> str:
    return f"version-{number}"


def _ready(life: Life, origin: str, table: pd.DataFrame) -> _Table:
    if not life.sides.keeps:
        return _Table(life.spec, origin, table)
    # What is kept holds on to its table, so that no other has the same id meanwhile.
    known_by = id(table) if life.sides.same_tables else _content(table)
    key = "rows", origin, tuple(table.columns), known_by
    return life.sides.side(key, lambda: _Table(life.spec, origin, table))


def _content(table: pd.DataFrame) -> bytes:
    """A hash of the rows in their order; ten times as fast as pandas' for a table of numbers."""
    digest = hashlib.sha256()
    for _, values in table.items():
        if isinstance(values.dtype, np.dtype) and values.dtype != object:
            digest.update(values.to_numpy().tobytes())
        else:
            digest.update(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())
        digest.update(str(values.dtype).encode())
    return digest.digest()


def evaluation_rows(life: Life, partitions: Sequence[str]) -> pd.DataFrame:
    """The evaluation parts of several batches, one below the other."""
    parts = lineage_parts(life, partitions)
    return pd.concat([parts[partition].judge for partition in partitions], ignore_index=True)
