"""What follows from a drift report: a retraining, a move of production, or nothing, and why."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from mlops_assets import settings
from mlops_assets.drift.retraining import why_not_retrained
from mlops_assets.jobs import EXPECTED_TAG, AssetJob
from mlops_assets.resources.mlflow import first_try
from mlops_assets.spec import ModelSpec

BURST = 50  # reports that one tick handles at the most
# Of a retraining: the hash of its day's rows, and the first try of the run that reported on them.
ROWS_TAG, REPORTED_BY_TAG = "mlops_assets/rows", "mlops_assets/reported_by"


def retrain_on_drift(spec: ModelSpec, retrain: AssetJob) -> dg.SensorDefinition:
    """The retrain job for every drift report that asks for it.

    Dagster's own asset sensor looks at the latest materialization only, so that a report which is
    followed by another between two ticks is lost. This one reads on from its cursor: every
    report, in order, exactly once. A tick ends where the answer changes, because a tick either
    requests runs or is skipped with a reason, and every skip has to have its reason.
    """

    @dg.sensor(
        name=f"{spec.name}_retrain_on_drift",
        job=retrain,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=settings.sensor_seconds(),
        description="Retrains on a partition whose drift report says so; says why where not.",
    )
    def _retrain_on_drift(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        found = _new_reports(spec, context)
        if not found:
            return dg.SensorResult(skip_reason="No new drift report.", cursor=context.cursor)
        requests: list[dg.RunRequest] = []
        skips: list[str] = []
        retrained = _retrained_days(context.instance, retrain.name)
        cursor = context.cursor
        for record in found:
            asked = _Asked(context.instance, retrain.name, record)
            skip = _why_not(spec, record, retrained) or asked.already
            # The run of an equal wish of this tick does not exist yet: the next tick will find it.
            again = asked.rows in [run.tags[ROWS_TAG] for run in requests]
            if (requests and (skip or again)) or (skips and not skip):
                break
            if skip:
                skips.append(skip)
            else:
                requests.append(asked.request(spec))
                retrained.append(str(record.partition_key))
            cursor = str(record.storage_id)
        if skips:
            return dg.SensorResult(skip_reason="\n".join(skips), cursor=cursor)
        return dg.SensorResult(run_requests=requests, cursor=cursor)

    return _retrain_on_drift


def rollback_on_fall(spec: ModelSpec, rollback: dg.JobDefinition) -> dg.SensorDefinition:
    """The rollback job for a drift report that found the previous version to be the better one."""

    def wish(record: dg.EventLogRecord) -> dg.RunRequest | None:
        said = metadata_of(record)
        if said.get("rollback") is not True:
            return None
        key = f"{spec.name}-rollback-{record.storage_id}"
        return dg.RunRequest(run_key=key, tags={EXPECTED_TAG: str(said["production_version"])})

    return _on_reports(
        spec,
        f"{spec.name}_rollback_on_fall",
        rollback,
        wish,
        "Goes back to the previous version when that is credibly better.",
        "asks to go back to previous",
    )


def promote_on_evidence(spec: ModelSpec, challenge: AssetJob) -> dg.SensorDefinition:
    """The gate once more for a candidate that is credibly better on the days since."""

    def wish(record: dg.EventLogRecord) -> dg.RunRequest | None:
        day = metadata_of(record).get("promotion_due")
        if not day:
            return None
        key = f"{spec.name}-challenge-{record.storage_id}"
        return dg.RunRequest(run_key=key, partition_key=str(day))

    return _on_reports(
        spec,
        f"{spec.name}_promote_on_evidence",
        challenge,
        wish,
        "Decides again on a candidate that has turned out credibly better on later days.",
        "found a challenger to be credibly better",
    )


def _on_reports(
    spec: ModelSpec,
    name: str,
    job: AssetJob,
    wish: Callable[[dg.EventLogRecord], dg.RunRequest | None],
    description: str,
    what: str,
) -> dg.SensorDefinition:
    """Asks for a job for each new drift report that wishes it."""

    @dg.sensor(
        name=name,
        job=job,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=settings.sensor_seconds(),
        description=description,
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        found = _new_reports(spec, context)
        if not found:
            return dg.SensorResult(skip_reason="No new drift report.", cursor=context.cursor)
        requests = [asked for asked in map(wish, found) if asked]
        cursor = str(found[-1].storage_id)
        if requests:
            return dg.SensorResult(run_requests=requests, cursor=cursor)
        days = ", ".join(str(record.partition_key) for record in found)
        return dg.SensorResult(skip_reason=f"No report of {days} {what}.", cursor=cursor)

    return _sensor


class _Asked:
    """What a drift report asks for: known by its day and its rows, not by its event.

    A daily run that is killed after its report, and tried again, reports once more on the same
    rows: that is no second wish.
    """

    def __init__(self, instance: dg.DagsterInstance, job: str, record: dg.EventLogRecord) -> None:
        made_by = instance.get_run_by_id(record.run_id)
        self._instance, self._job = instance, job
        self._partition = str(record.partition_key)
        self.rows = str(metadata_of(record).get("data_hash") or record.storage_id)
        self._work = first_try(made_by) if made_by else str(record.storage_id)

    @property
    def already(self) -> str | None:
        """Why it is not asked for once more; None where it is to be."""
        tags = {"dagster/partition": self._partition, ROWS_TAG: self.rows}
        for run in self._instance.get_runs(dg.RunsFilter(job_name=self._job, tags=tags), limit=20):
            if run.tags.get(REPORTED_BY_TAG) == self._work:
                why = f"asked for already, run {run.run_id} (the report was made again)"
                return f"{self._partition}: {why}"
            if not run.is_finished or run.is_complete_and_waiting_to_retry:
                return f"{self._partition}: run {run.run_id} on the same rows has not ended yet"
        return None

    def request(self, spec: ModelSpec) -> dg.RunRequest:
        """The retrain job for the day."""
        return dg.RunRequest(
            run_key=f"{spec.name}-{self._partition}-{self.rows}-{self._work}",
            partition_key=self._partition,
            tags={ROWS_TAG: self.rows, REPORTED_BY_TAG: self._work},
        )


def _new_reports(
    spec: ModelSpec, context: dg.SensorEvaluationContext
) -> Sequence[dg.EventLogRecord]:
    """The drift reports since the cursor, in the order they were made, a burst at a time."""
    return context.instance.fetch_materializations(
        dg.AssetRecordsFilter(
            asset_key=dg.AssetKey([spec.name, "drift_report"]),
            after_storage_id=int(context.cursor) if context.cursor else None,
        ),
        limit=BURST,
        ascending=True,
    ).records


def metadata_of(record: dg.EventLogRecord) -> dict[str, Any]:
    """The metadata of a materialization as plain values."""
    materialization = record.asset_materialization
    metadata = {} if materialization is None else materialization.metadata
    return {name: value.value for name, value in metadata.items()}


def _why_not(spec: ModelSpec, record: dg.EventLogRecord, retrained: list[str]) -> str | None:
    """Why a drift report leads to no retraining, in words; None where it does."""
    said = metadata_of(record)
    in_a_row = said.get("drifted_in_a_row")
    return why_not_retrained(
        str(record.partition_key),
        said.get("retrain") is True,
        map(str, said.get("reasons") or ["the report gives no reason"]),
        said.get("decided_before"),
        in_a_row if isinstance(in_a_row, int) else 1,
        retrained,
        spec.drift,
        spec.retrain,
    )


def _retrained_days(instance: dg.DagsterInstance, job: str) -> list[str]:
    """The partitions of the latest retrainings that were asked for and did not fail."""
    runs = instance.get_runs(dg.RunsFilter(job_name=job), limit=100)
    lost = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
    days = (run.tags.get("dagster/partition") for run in runs if run.status not in lost)
    return [day for day in days if day]
