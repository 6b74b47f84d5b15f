"""The rows that the assets learn from and judge on, derived again from what is stored.

Nothing here is kept: a split is a pure function of the rows and the policy, so it can be made
again at any time, and evaluation rows stay evaluation rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from mlops_assets.assets.shared import ALL
from mlops_assets.data.splits import held_out
from mlops_assets.drift.regimes import DecisionRecord, ReportRecord
from mlops_assets.resources.store import Store
from mlops_assets.spec import ModelSpec


@dataclass(frozen=True)
class Parts:
    """The labelled rows of a table in two disjoint parts: to learn from, and to judge on."""

    learn: pd.DataFrame
    judge: pd.DataFrame


def baseline_parts(spec: ModelSpec, store: Store) -> Parts:
    """The baseline's train part and holdout."""
    table = store.read(spec.name, "baseline_data", ALL)
    return _parts(spec, table, spec.split.holdout_share)


def batch_parts(spec: ModelSpec, store: Store, partition: str) -> Parts:
    """A batch's adaptation part and evaluation part."""
    table = store.read(spec.name, "drifted_batch", partition)
    return _parts(spec, spec.columns.labelled(table), spec.split.evaluation_share)


def evaluation_rows(spec: ModelSpec, store: Store, partitions: Iterable[str]) -> pd.DataFrame:
    """The evaluation parts of several batches, one below the other."""
    parts = [batch_parts(spec, store, partition).judge for partition in partitions]
    return pd.concat(parts, ignore_index=True)


def reports(spec: ModelSpec, store: Store) -> Sequence[ReportRecord]:
    """What the drift reports have said so far."""
    records = store.records(spec.name, "drift_report")
    return [ReportRecord.model_validate(record["report"]) for record in records]


def decisions(spec: ModelSpec, store: Store) -> Sequence[DecisionRecord]:
    """What has been decided about candidates so far."""
    records = store.records(spec.name, "production_model")
    return [DecisionRecord.model_validate(record["record"]) for record in records]


def _parts(spec: ModelSpec, labelled: pd.DataFrame, share: float) -> Parts:
    judged = held_out(labelled, spec.columns, share, spec.split.seed, spec.task)
    return Parts(
        learn=labelled[~judged].reset_index(drop=True),
        judge=labelled[judged].reset_index(drop=True),
    )
