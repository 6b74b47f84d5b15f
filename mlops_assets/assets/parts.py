"""The rows that the assets learn from and judge on, derived again from what is stored.

Nothing here is kept: a split is a pure function of the rows and the policy, so it can be made
again at any time, and evaluation rows stay evaluation rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.assets.shared import ALL, registry_of
from mlops_assets.data.splits import delivered_before, held_out, on_first_side
from mlops_assets.data.store import Store
from mlops_assets.drift.regimes import (
    BASELINE,
    DecisionRecord,
    ReportRecord,
    fold_regimes,
    regime_of,
)
from mlops_assets.drift.verdict import decided_already, known_already
from mlops_assets.errors import UserError
from mlops_assets.promotion.registry import Version
from mlops_assets.promotion.rollback import RollbackRecord
from mlops_assets.spec import ModelSpec
from mlops_assets.training.features import model_input

ORIGIN = "mlops_assets_partition"  # of each row to learn from: its batch's partition, or `baseline`


@dataclass(frozen=True)
class Parts:
    """The labelled rows of a table in two disjoint parts: to learn from, and to judge on."""

    learn: pd.DataFrame
    judge: pd.DataFrame


def baseline_parts(spec: ModelSpec, store: Store) -> Parts:
    """The baseline's train part and holdout."""
    table = store.read(spec.name, "baseline_data", ALL)
    return _parts(spec, table, _judged(spec, BASELINE, table))


def lineage_parts(spec: ModelSpec, store: Store, partitions: Iterable[str]) -> dict[str, Parts]:
    """The parts of the baseline and of batches, by origin, in the order of their days.

    A row stays where it is when labels arrive. One that is delivered more than once is on the
    same side in all of them, so that no model of this lineage is judged on what it has learned
    from; and where a timestamp tells it from others, it counts once.
    """
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


def evaluation_rows(spec: ModelSpec, store: Store, partitions: Sequence[str]) -> pd.DataFrame:
    """The evaluation parts of several batches, one below the other."""
    parts = lineage_parts(spec, store, partitions)
    return pd.concat([parts[partition].judge for partition in partitions], ignore_index=True)


def served_by(spec: ModelSpec, store: Store, partition: str) -> Version:
    """Production; for a day that is made again, the version that scored it before.

    Else drift that only the score shows would be none any more as soon as a model that has
    learned from it is in production, and its regime would be forgotten.
    """
    registry = registry_of(spec)
    made = store.find_record(spec.name, "drift_report", partition)
    number = ReportRecord.model_validate(made["report"]).production if made else None
    if number is None:
        return registry.in_use()
    try:
        return registry.get(int(number))
    except UserError:  # it was deleted from the registry since
        return registry.in_use()


def reports(spec: ModelSpec, store: Store) -> Sequence[ReportRecord]:
    """What the drift reports have said so far."""
    records = store.records(spec.name, "drift_report")
    return [ReportRecord.model_validate(record["report"]) for record in records]


def decisions(spec: ModelSpec, store: Store) -> Sequence[DecisionRecord]:
    """What has been decided about candidates so far."""
    records = decision_records(spec, store)
    return [DecisionRecord.model_validate(record["record"]) for record in records]


def decided_before(spec: ModelSpec, store: Store, partition: str, labelled: int) -> str | None:
    """Why the decision on a day's candidate stands; None where there is none, or it does not.

    It holds for the rows that it was made on: not where the day was delivered again with others.
    """
    kept = store.find_record(spec.name, "production_model", partition)
    decided = DecisionRecord.model_validate(kept["record"]) if kept else None
    stands = decided_already(decided, labelled, spec.drift)
    return stands if stands and _still_has_what_was_learned(spec, store, partition) else None


def _still_has_what_was_learned(spec: ModelSpec, store: Store, partition: str) -> bool:
    try:
        table = store.read(spec.name, "augmented_dataset", partition)
    except UserError:  # nobody can tell any more
        return True
    learned = table[table[ORIGIN] == partition].drop(columns=ORIGIN)
    batch = spec.columns.labelled(store.read(spec.name, "drifted_batch", partition))
    compared = [*spec.columns.features(learned), spec.columns.target]
    if not set(compared) <= set(batch.columns):
        return False
    then, now = (
        pd.util.hash_pandas_object(model_input(rows, compared), index=False)
        for rows in (learned, batch)
    )
    return bool(then.isin(now).all())


def decision_records(spec: ModelSpec, store: Store) -> list[dict[str, Any]]:
    """The decisions as they are kept, with their evidence, in the order of their days."""
    return store.records(spec.name, "production_model")


def rollback_records(spec: ModelSpec, store: Store, without: str) -> list[RollbackRecord]:
    """How production and the version before it compared on the batches of other days."""
    kept = (record.get("rollback") for record in store.records(spec.name, "drift_report"))
    found = [RollbackRecord.model_validate(record) for record in kept if record]
    return [record for record in found if record.partition != without]


def settle(spec: ModelSpec, store: Store, partition: str, version: int, decision: str) -> None:
    """Change the decision that was kept for a partition, if one on this version was."""
    every = decision_records(spec, store)
    kept = next((one for one in every if one["record"]["partition"] == partition), None)
    if kept is None or kept["candidate_version"] != version:
        return
    record = DecisionRecord.model_validate(kept["record"]).model_copy(update={"decision": decision})
    changed = kept | {"decision": decision, "record": record.model_dump(mode="json")}
    store.write_record(spec.name, "production_model", partition, changed)


@dataclass(frozen=True)
class Lineage:
    """What a retraining on a partition learns from and is judged on.

    ``regime_partitions`` are the batches of its regime up to this day; ``training_partitions``
    are those and the ones of every regime that an earlier candidate was promoted on;
    ``already_known`` says why the retraining is no longer due, or is None.
    """

    regime: str
    regime_partitions: tuple[str, ...]
    regime_rows: int
    training_partitions: tuple[str, ...]
    already_known: str | None


def lineage(spec: ModelSpec, store: Store, partition: str) -> Lineage:
    """Fold the lineage of a partition from the records as they are now.

    Raises:
        UserError: The partition has no drift report.
    """
    own = store.record(spec.name, "drift_report", partition)["report"]
    report = ReportRecord.model_validate(own)
    made = decisions(spec, store)
    earlier = fold_regimes(reports(spec, store), made, before=partition)
    name = regime_of(report)
    alike = next((regime for regime in earlier if regime.name == name), None)
    regime_partitions = (*(alike.partitions if alike else ()), partition)
    rows = report.labelled_rows + (alike.labelled_rows if alike else 0)
    promoted = (day for regime in earlier if regime.promoted for day in regime.partitions)
    return Lineage(
        regime=name,
        regime_partitions=regime_partitions,
        regime_rows=rows,
        training_partitions=tuple(sorted({*promoted, *regime_partitions})),
        already_known=decided_before(spec, store, partition, rows)
        or known_already(report, earlier, spec.drift),
    )
