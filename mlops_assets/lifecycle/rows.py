"""The rows that the loop learns from and judges on, derived again from what is stored.

Nothing here is kept: a split is a pure function of the rows and the policy, so it can be made
again at any time, and evaluation rows stay evaluation rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops_assets.data.splits import delivered_before, held_out, on_first_side
from mlops_assets.drift.regimes import BASELINE
from mlops_assets.lifecycle.journal import ALL
from mlops_assets.lifecycle.life import Life
from mlops_assets.spec import ModelSpec

ORIGIN = "mlops_assets_partition"  # of each row to learn from: its batch's partition, or `baseline`


@dataclass(frozen=True)
class Parts:
    """The labelled rows of a table in two disjoint parts: to learn from, and to judge on."""

    learn: pd.DataFrame
    judge: pd.DataFrame


def baseline_parts(life: Life) -> Parts:
    """The baseline's train part and holdout."""
    table = life.store.read(life.spec.name, "baseline_data", ALL)
    return _parts(life.spec, table, _judged(life.spec, BASELINE, table))


def lineage_parts(life: Life, partitions: Iterable[str]) -> dict[str, Parts]:
    """The parts of the baseline and of batches, by origin, in the order of their days.

    A row stays where it is when labels arrive. One that is delivered more than once is on the
    same side in all of them, so that no model of this lineage is judged on what it has learned
    from; and where a timestamp tells it from others, it counts once.
    """
    spec, store = life.spec, life.store
    origins = {BASELINE: store.read(spec.name, "baseline_data", ALL)}
    for partition in sorted(partitions):
        origins[partition] = store.read(spec.name, "drifted_batch", partition)
    repeated = delivered_before(list(origins.values()), spec.columns)
    tables = [table[~again] for table, again in zip(origins.values(), repeated, strict=True)]
    split = [_judged(spec, origin, table) for origin, table in zip(origins, tables, strict=True)]
    sides = on_first_side(list(zip(tables, split, strict=True)), spec.columns)
    return {
        origin: _parts(spec, table, judged)
        for origin, table, judged in zip(origins, tables, sides, strict=True)
    }


def _judged(spec: ModelSpec, origin: str, table: pd.DataFrame) -> np.ndarray:
    policy, baseline = spec.split, origin == BASELINE
    share = policy.holdout_share if baseline else policy.evaluation_share
    return held_out(table, spec.columns, share, policy.seed, spec.task, stratified=baseline)


def _parts(spec: ModelSpec, table: pd.DataFrame, judged: np.ndarray) -> Parts:
    labelled = table.index.isin(spec.columns.labelled(table).index)
    return Parts(
        learn=table[labelled & ~judged].reset_index(drop=True),
        judge=table[labelled & judged].reset_index(drop=True),
    )


def evaluation_rows(life: Life, partitions: Sequence[str]) -> pd.DataFrame:
    """The evaluation parts of several batches, one below the other."""
    parts = lineage_parts(life, partitions)
    return pd.concat([parts[partition].judge for partition in partitions], ignore_index=True)
