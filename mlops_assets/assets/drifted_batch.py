"""``drifted_batch``: one day's incoming data, or its quarantine."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import pandas as pd

from mlops_assets.assets.shared import (
    ALL,
    ASKED_FOR_LABELS,
    asset,
    table_metadata,
    told_plainly,
)
from mlops_assets.data.contract import Contract, ContractViolation, check
from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.data.labels import join_labels
from mlops_assets.data.sources import read_labels, read_source
from mlops_assets.data.store import Store
from mlops_assets.errors import NotThereYetError
from mlops_assets.spec import ModelSpec


def drifted_batch(spec: ModelSpec) -> dg.AssetsDefinition:
    """The asset for one model."""

    @asset(
        spec,
        "drifted_batch",
        kinds={"pandas", "parquet"},
        pool="daily",
        checks={
            "contract": "The batch keeps the data contract that was derived from the baseline."
        },
        output_required=False,
        description="One day's batch, checked against the data contract. A batch that breaks the "
        "contract is kept in quarantine and never becomes a partition.",
    )
    def _drifted_batch(
        context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        partition = context.partition_key
        with told_plainly():
            record = store.record(spec.name, "baseline_data", ALL)
            contract = Contract.from_yaml(record["contract"])
            for_labels = ASKED_FOR_LABELS.items() <= context.run.tags.items()
            try:
                read, notes = _read(spec, store, partition)
            except NotThereYetError as error:
                context.log.warning("No batch for %s yet: %s", partition, error)
                yield _awaited(error)
                return
            try:
                checked = check(read, contract, spec.columns)
            except ContractViolation as violation:
                path = _quarantine(spec, store, partition, read, violation)
                yield _failed(violation, path)
                raise
            for note in notes:
                context.log.warning("%s: %s", partition, note)
            if for_labels and _is_reported(spec, store, partition, checked.frame):
                context.log.info("No label of %s is new: its report stays as it is.", partition)
                yield dg.AssetCheckResult(
                    passed=True, check_name="contract", description="No label is new."
                )
                return
            yield _stored(spec, store, partition, checked.frame, (*checked.notes, *notes))

    return _drifted_batch


def _read(spec: ModelSpec, store: Store, partition: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The day's rows with the labels that a second source has of them by now; notes on these.

    Of a day that is stored already nothing is lost where a source has removed it since.
    """
    day = dt.date.fromisoformat(partition)
    if spec.labels is None:
        return read_source(spec.batches, day), ()
    known = store.find_record(spec.name, "drifted_batch", partition)
    stored = store.read(spec.name, "drifted_batch", partition) if known else None
    try:
        rows = read_source(spec.batches, day)
    except NotThereYetError:
        if stored is None:
            raise
        rows = stored
    try:
        labels = read_labels(spec.labels, day)
    except NotThereYetError as error:
        note = f"no labels yet: {error}"
        target = spec.columns.target
        if stored is None or target not in stored:
            return rows, (note,)
        kept = join_labels(rows, stored, spec.columns)
        if target in rows:
            kept = kept.assign(**{target: rows[target].where(rows[target].notna(), kept[target])})
        return kept, (note,)
    joined = join_labels(rows, labels, spec.columns)
    if joined is rows:
        ids = ", ".join(spec.columns.id)
        return rows, (
            f"none of the {len(labels)} labels belongs to a row of this batch. If some should, "
            f"compare how `labels` and `batches` write {ids}.",
        )
    return joined, ()


def _is_reported(spec: ModelSpec, store: Store, partition: str, table: pd.DataFrame) -> bool:
    """Whether the day's drift report was made of this very table."""
    report = store.find_record(spec.name, "drift_report", partition)
    return report is not None and report.get("data_hash") == fingerprint(table)


def _stored(
    spec: ModelSpec, store: Store, partition: str, table: pd.DataFrame, notes: tuple[str, ...]
) -> dg.MaterializeResult:
    path = store.write(spec.name, "drifted_batch", partition, table)
    facts = {
        "labelled_rows": len(spec.columns.labelled(table)),
        "notes": list(notes),
        "data_hash": fingerprint(table),
    }
    store.write_record(spec.name, "drifted_batch", partition, facts | {"rows": len(table)})
    return dg.MaterializeResult(
        metadata=table_metadata(table, path) | facts,
        check_results=[dg.AssetCheckResult(passed=True, check_name="contract")],
    )


def _quarantine(
    spec: ModelSpec, store: Store, partition: str, read: pd.DataFrame, violation: ContractViolation
) -> str:
    """Keep what came, as text where Parquet cannot hold it, beside what is wrong with it."""
    readable = read.astype("string")
    readable.columns = [f"{i}_{name}" for i, name in enumerate(read.columns)]
    path = store.write(spec.name, "quarantine", partition, readable)
    record = {"partition": partition, "rows": len(read), "violation": str(violation)}
    store.write_record(spec.name, "quarantine", partition, record)
    return path


def _awaited(error: NotThereYetError) -> dg.AssetCheckResult:
    """Yellow, which blocks nothing: a run without any result of a check of its own would fail."""
    return dg.AssetCheckResult(
        passed=False,
        check_name="contract",
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Not checked: {error}",
    )


def _failed(violation: ContractViolation, path: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=False,
        check_name="contract",
        severity=dg.AssetCheckSeverity.ERROR,
        description=str(violation),
        metadata={
            "violations": len(violation.violations),
            "quarantined_at": dg.MetadataValue.path(path),
        },
    )
