"""What runs when: jobs, the 06:00 schedule, the drift sensor."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import dagster as dg

from mlops_assets import settings
from mlops_assets.assets.shared import ASKED_FOR_LABELS
from mlops_assets.drift.verdict import hold_back
from mlops_assets.jobs import (
    DAILY,
    EXPECTED_TAG,
    RETRAIN,
    AssetJob,
    approve_job,
    asset_job,
    rollback_job,
)
from mlops_assets.resources.mlflow import MODEL_TAG, TRAINS_TAG
from mlops_assets.spec import ModelSpec

LATE_SECONDS = 600  # between two looks for days whose batch or labels were late
HOUR = 6  # of the day, in UTC, from which the day before is asked for
CATCH_UP_DAYS = 31
BURST = 50  # materializations that one tick of the drift sensor handles at the most


def automation(spec: ModelSpec) -> dg.Definitions:
    """The jobs, the schedule and the sensors of one model."""
    daily = asset_job(spec, "daily", DAILY)
    retrain = asset_job(spec, "retrain", RETRAIN)
    rollback = rollback_job(spec)
    return dg.Definitions(
        jobs=[daily, retrain, rollback, approve_job(spec)],
        schedules=[daily_schedule(spec, daily)],
        sensors=[
            first_start(spec),
            retrain_on_drift(spec, retrain),
            rollback_on_fall(spec, rollback),
            late_batches(spec, daily),
            *([late_labels(spec, daily)] if spec.labels else []),
        ],
    )


def daily_schedule(spec: ModelSpec, daily: AssetJob) -> dg.ScheduleDefinition:
    """At 06:00 UTC, the daily job for the day that has just ended, and for days that were missed.

    After an outage Dagster makes up for the last tick only. A day was missed when it ended since
    the model lives here (its first baseline model) and nothing has ever run for it.
    """
    status = dg.DefaultScheduleStatus

    @dg.schedule(
        name=f"{spec.name}_daily_schedule",
        job=daily,
        cron_schedule=f"0 {HOUR} * * *",
        execution_timezone="UTC",
        default_status=status.RUNNING if settings.schedules_run() else status.STOPPED,
        description="Checks the batch of the day that has just ended, and those of the days before "
        f"that were missed while no daemon ran, for {CATCH_UP_DAYS} days at the most.",
    )
    def _daily_schedule(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
        ended = context.scheduled_execution_time.date() - dt.timedelta(days=1)
        days = [*_missed(context.instance, spec, daily.name, ended), str(ended)]
        return [dg.RunRequest(run_key=f"{spec.name}-{day}", partition_key=day) for day in days]

    return _daily_schedule


def first_start(spec: ModelSpec) -> dg.AutomationConditionSensorDefinition:
    """Makes the baseline and its model as soon as a daemon runs and they are missing."""
    return dg.AutomationConditionSensorDefinition(
        name=f"{spec.name}_baseline",
        target=dg.AssetSelection.assets(
            [spec.name, "baseline_data"], [spec.name, "baseline_model"]
        ),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=settings.sensor_seconds(),
        run_tags={MODEL_TAG: spec.name, TRAINS_TAG: "yes"},
        description="Materializes the baseline and the first production model, once.",
    )


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
            skip = _why_not(spec, record, retrained)
            if (requests and skip) or (skips and not skip):
                break
            if skip:
                skips.append(skip)
            else:
                key = f"{spec.name}-drift-report-{record.storage_id}"
                requests.append(dg.RunRequest(run_key=key, partition_key=record.partition_key))
                retrained.append(str(record.partition_key))
            cursor = str(record.storage_id)
        if skips:
            return dg.SensorResult(skip_reason="\n".join(skips), cursor=cursor)
        return dg.SensorResult(run_requests=requests, cursor=cursor)

    return _retrain_on_drift


def rollback_on_fall(spec: ModelSpec, rollback: dg.JobDefinition) -> dg.SensorDefinition:
    """The rollback job for a drift report that found the previous version to be the better one."""

    @dg.sensor(
        name=f"{spec.name}_rollback_on_fall",
        job=rollback,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=settings.sensor_seconds(),
        description="Goes back to the previous version when that is credibly better.",
    )
    def _rollback_on_fall(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        found = _new_reports(spec, context)
        if not found:
            return dg.SensorResult(skip_reason="No new drift report.", cursor=context.cursor)
        requests = []
        for record in found:
            said = _said(record)
            if said.get("rollback") is True:
                key = f"{spec.name}-rollback-{record.storage_id}"
                tags = {EXPECTED_TAG: str(said["production_version"])}
                requests.append(dg.RunRequest(run_key=key, tags=tags))
        cursor = str(found[-1].storage_id)
        if requests:
            return dg.SensorResult(run_requests=requests, cursor=cursor)
        days = ", ".join(str(record.partition_key) for record in found)
        return dg.SensorResult(
            skip_reason=f"Production is not credibly worse than previous on {days}.", cursor=cursor
        )

    return _rollback_on_fall


def late_batches(spec: ModelSpec, daily: AssetJob) -> dg.SensorDefinition:
    """Asks again, once an hour, for the batch of a day that had not arrived yet.

    A day that was refused (quarantine) or whose run failed is not asked for again: a person has
    to look first.
    """

    @dg.sensor(
        name=f"{spec.name}_late_batches",
        job=daily,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=LATE_SECONDS,
        description="Runs the daily job again for days whose batch was not there yet.",
    )
    def _late_batches(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        today = dt.datetime.now(tz=dt.UTC).date()
        days = [str(today - dt.timedelta(days=ago)) for ago in range(spec.late_days, 0, -1)]
        waiting = [day for day in days if _not_there_yet(context.instance, spec, daily.name, day)]
        if not waiting:
            return dg.SensorResult(
                skip_reason=f"No batch is awaited among the last {spec.late_days} days."
            )
        hour = dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H")
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(run_key=f"{spec.name}-{day}-asked-{hour}", partition_key=day)
                for day in waiting
            ]
        )

    return _late_batches


def late_labels(spec: ModelSpec, daily: AssetJob) -> dg.SensorDefinition:
    """Asks again, once a day, for the labels of batches that have rows without one.

    The run leaves everything as it is where no label is new. A day whose last run failed is not
    asked for: a person has to look first.
    """

    @dg.sensor(
        name=f"{spec.name}_late_labels",
        job=daily,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=LATE_SECONDS,
        description="Runs the daily job again, once a day, for days whose labels are not complete.",
    )
    def _late_labels(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        today = (dt.datetime.now(tz=dt.UTC) - dt.timedelta(hours=HOUR)).date()
        if context.cursor == str(today):
            return dg.SensorResult(
                skip_reason=f"Asked on {today} already; again on the next day from {HOUR}:00 UTC.",
                cursor=context.cursor,
            )
        # Yesterday has just been asked for, by the schedule.
        days = [str(today - dt.timedelta(days=ago)) for ago in range(spec.label_days, 1, -1)]
        waiting = [day for day in days if _lacks_labels(context.instance, spec, daily.name, day)]
        if not waiting:
            return dg.SensorResult(
                skip_reason=f"Every batch of the last {spec.label_days} days has all its labels.",
                cursor=str(today),
            )
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=f"{spec.name}-{day}-labels-{today}",
                    partition_key=day,
                    tags=ASKED_FOR_LABELS,
                )
                for day in waiting
            ],
            cursor=str(today),
        )

    return _late_labels


def _missed(instance: dg.DagsterInstance, spec: ModelSpec, job: str, ended: dt.date) -> list[str]:
    """The days before ``ended`` that nothing has run for since the model lives here."""
    born = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey([spec.name, "baseline_model"])),
        limit=1,
        ascending=True,
    ).records
    if not born:
        return []
    since = max(
        dt.datetime.fromtimestamp(born[0].timestamp, tz=dt.UTC).date(),
        dt.date.fromisoformat(spec.start_date),
        ended - dt.timedelta(days=CATCH_UP_DAYS),
    )
    days = [str(since + dt.timedelta(days=later)) for later in range((ended - since).days)]
    if not days:
        return []
    runs = instance.get_runs(dg.RunsFilter(job_name=job, tags={"dagster/partition": days}))
    known = instance.get_materialized_partitions(dg.AssetKey([spec.name, "drifted_batch"]))
    known |= {run.tags["dagster/partition"] for run in runs}
    return [day for day in days if day not in known]


def _not_there_yet(instance: dg.DagsterInstance, spec: ModelSpec, job: str, partition: str) -> bool:
    """Whether the last daily run of a day ended well but found no batch."""
    ended_well = _last_run(instance, job, partition) is dg.DagsterRunStatus.SUCCESS
    return ended_well and _batch(instance, spec, partition) is None


def _lacks_labels(instance: dg.DagsterInstance, spec: ModelSpec, job: str, partition: str) -> bool:
    """Whether a day's batch has rows without a label, and no daily run of it goes on or failed."""
    batch = _batch(instance, spec, partition)
    if batch is None:
        return False
    said = _said(batch)
    return said.get("labelled_rows", 0) < said.get("dagster/row_count", 0) and _last_run(
        instance, job, partition
    ) in (None, dg.DagsterRunStatus.SUCCESS)  # None: materialized by hand


def _last_run(instance: dg.DagsterInstance, job: str, partition: str) -> dg.DagsterRunStatus | None:
    """How the latest daily run of a day stands."""
    tags = {"dagster/partition": partition}
    runs = instance.get_runs(dg.RunsFilter(job_name=job, tags=tags), limit=1)
    return runs[0].status if runs else None


def _batch(
    instance: dg.DagsterInstance, spec: ModelSpec, partition: str
) -> dg.EventLogRecord | None:
    """The latest materialization of a day's batch."""
    found = instance.fetch_materializations(
        dg.AssetRecordsFilter(
            asset_key=dg.AssetKey([spec.name, "drifted_batch"]), asset_partitions=[partition]
        ),
        limit=1,
    )
    return next(iter(found.records), None)


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


def _said(record: dg.EventLogRecord) -> dict[str, Any]:
    materialization = record.asset_materialization
    metadata = {} if materialization is None else materialization.metadata
    return {name: value.value for name, value in metadata.items()}


def _why_not(spec: ModelSpec, record: dg.EventLogRecord, retrained: list[str]) -> str | None:
    """Why a drift report leads to no retraining, in words; None where it does."""
    said = _said(record)
    partition = str(record.partition_key)
    reasons = said.get("reasons") or ["the report gives no reason"]
    if said.get("retrain") is not True:
        return f"{partition}: {'; '.join(map(str, reasons))}"
    in_a_row = said.get("drifted_in_a_row")
    held_back = hold_back(
        partition,
        in_a_row if isinstance(in_a_row, int) else 1,
        max((day for day in retrained if day < partition), default=None),
        spec.drift,
    )
    return f"{partition}: {held_back}" if held_back else None


def _retrained_days(instance: dg.DagsterInstance, job: str) -> list[str]:
    """The partitions of the latest retrainings that were asked for and did not fail."""
    runs = instance.get_runs(dg.RunsFilter(job_name=job), limit=100)
    lost = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
    days = (run.tags.get("dagster/partition") for run in runs if run.status not in lost)
    return [day for day in days if day]
