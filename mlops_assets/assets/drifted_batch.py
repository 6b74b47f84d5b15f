"""``drifted_batch``: one day's incoming data, or its quarantine."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from mlops_assets.assets.shared import (
    ASKED_AGAIN,
    CLOSED_TAG,
    READ_TAG,
    asset,
    life_of,
    table_metadata,
    told_plainly,
    yellow_where,
)
from mlops_assets.data.contract import ContractViolation
from mlops_assets.data.sources import read_signature
from mlops_assets.data.store import Store
from mlops_assets.errors import EmptyDayError, NotThereYetError
from mlops_assets.lifecycle.drifted_batch import BatchOutcome, take_batch
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
        "contract is kept in quarantine and never becomes a partition; what is only unusual is "
        "told, and left to the drift report.",
    )
    def _drifted_batch(
        context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        partition = context.partition_key
        again = ASKED_AGAIN.items() <= context.run.tags.items()
        with told_plainly():
            # Before it is read: what changes meanwhile is seen afterwards.
            _tag(context, READ_TAG, read_signature(spec.batches, dt.date.fromisoformat(partition)))
            taken = take_batch(life_of(spec, store), partition, only_news=again)
            for note in taken.notes:
                context.log.warning("%s: %s", partition, note)
            if taken.awaited:
                context.log.warning("No batch for %s yet: %s", partition, taken.awaited)
                yield _awaited(taken.awaited)
            elif taken.closed:
                context.log.info("%s is closed: %s", partition, taken.closed)
                _tag(context, CLOSED_TAG, "yes")
                yield _closed(taken.closed)
            elif taken.violation:
                yield _failed(taken.violation, taken.path)
                raise taken.violation
            elif taken.unchanged:
                context.log.info("Nothing of %s is new: its report stays as it is.", partition)
                yield dg.AssetCheckResult(
                    passed=True, check_name="contract", description="Nothing is new."
                )
            else:
                yield _stored(taken)

    return _drifted_batch


def _tag(context: dg.AssetExecutionContext, name: str, value: str | None) -> None:
    """Tell, in the run, whoever may ask for the day again; a value of None tells nothing."""
    if value is not None:
        context.instance.add_run_tags(context.run.run_id, {name: value})


def _stored(taken: BatchOutcome) -> dg.MaterializeResult:
    assert taken.record is not None, "nothing was stored"
    assert taken.table is not None, "nothing was stored"
    return dg.MaterializeResult(
        metadata=table_metadata(taken.table, taken.path)
        | taken.record.model_dump(include={"labelled_rows", "notes", "data_hash"}),
        check_results=[yellow_where(taken.record.unusual, "contract", "Possible, but unusual")],
    )


def _awaited(error: NotThereYetError) -> dg.AssetCheckResult:
    """Yellow, which blocks nothing: a run without any result of a check of its own would fail."""
    return dg.AssetCheckResult(
        passed=False,
        check_name="contract",
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Not checked: {error}",
    )


def _closed(error: EmptyDayError) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=True,
        check_name="contract",
        description=f"Closed, there is nothing to check: {error} If its rows are only late, set "
        "`batches.empty_days: late`.",
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
