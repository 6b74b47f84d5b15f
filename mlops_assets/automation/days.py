"""Which days are asked for: the one that has ended, and those whose batch or labels are late."""

import datetime as dt
from collections.abc import Callable

import dagster as dg

from mlops_assets import settings
from mlops_assets.assets.shared import ASKED_AGAIN, CLOSED_TAG, READ_TAG
from mlops_assets.automation.reports import metadata_of
from mlops_assets.data.sources import read_signature
from mlops_assets.jobs import AssetJob
from mlops_assets.spec import ModelSpec

HOUR = 6  # of the day, in UTC, from which the day before is asked for
CATCH_UP_DAYS = 31
LATE_SECONDS = 600  # between two looks for days whose batch or labels were late
Clock = Callable[[], dt.datetime]


def utc_now() -> dt.datetime:
    """The clock that the sensors go by."""
    return dt.datetime.now(tz=dt.UTC)


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
    def _daily_schedule(
        context: dg.ScheduleEvaluationContext,
    ) -> list[dg.RunRequest] | dg.SkipReason:
        ended = context.scheduled_execution_time.date() - dt.timedelta(days=1)
        if str(ended) < spec.start_date:
            return dg.SkipReason(f"The first day is {spec.start_date}, and it has not ended yet.")
        days = [*_missed(context.instance, spec, daily.name, ended), str(ended)]
        return [dg.RunRequest(run_key=f"{spec.name}-{day}", partition_key=day) for day in days]

    return _daily_schedule


def late_batches(spec: ModelSpec, daily: AssetJob, clock: Clock = utc_now) -> dg.SensorDefinition:
    """Asks again for the days whose batch was not there yet, or is another one by now.

    A day that was refused (quarantine) or whose run failed is asked for again only where its
    files have changed: a person has to look first.
    """

    @dg.sensor(
        name=f"{spec.name}_late_batches",
        job=daily,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=LATE_SECONDS,
        description="Runs the daily job again for days whose batch was not there yet (1, 3, 7, 15 "
        "... hours later), or was not complete: where its files have changed since; where only "
        "reading tells, 1, 2 and 4 days later.",
    )
    def _late_batches(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now = clock()
        days = _days_before(now.date(), 1, spec.late_days, spec)
        requests = [
            dg.RunRequest(run_key=f"{spec.name}-{day}-{why}", partition_key=day, tags=ASKED_AGAIN)
            for day in days
            if (why := _why_again(context.instance, spec, daily.name, day, now))
        ]
        if not requests:
            return dg.SensorResult(
                skip_reason=f"No batch is awaited among the last {spec.late_days} days, and none "
                "has changed since it was read."
            )
        return dg.SensorResult(run_requests=requests)

    return _late_batches


def late_labels(spec: ModelSpec, daily: AssetJob, clock: Clock = utc_now) -> dg.SensorDefinition:
    """Asks again, once a day, for the labels of batches that have rows without one.

    The run leaves everything as it is where no label is new.
    """

    @dg.sensor(
        name=f"{spec.name}_late_labels",
        job=daily,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=LATE_SECONDS,
        description="Runs the daily job again, once a day, for days whose labels are not complete.",
    )
    def _late_labels(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        today = (clock() - dt.timedelta(hours=HOUR)).date()
        if context.cursor == str(today):
            return dg.SensorResult(
                skip_reason=f"Asked on {today} already; again on the next day from {HOUR}:00 UTC.",
                cursor=context.cursor,
            )
        # Yesterday has just been asked for, by the schedule.
        days = _days_before(today, 2, spec.label_days + 1, spec)
        waiting = [day for day in days if _lacks_labels(context.instance, spec, daily.name, day)]
        if not waiting:
            return dg.SensorResult(
                skip_reason=f"No batch of the last {spec.label_days} days waits for labels.",
                cursor=context.cursor,
            )
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=f"{spec.name}-{day}-labels-{today}",
                    partition_key=day,
                    tags=ASKED_AGAIN,
                )
                for day in waiting
            ],
            cursor=str(today),
        )

    return _late_labels


def _days_before(today: dt.date, first: int, last: int, spec: ModelSpec) -> list[str]:
    """The days from ``last`` to ``first`` days ago that the model has, the oldest first."""
    days = (str(today - dt.timedelta(days=ago)) for ago in range(last, first - 1, -1))
    return [day for day in days if day >= spec.start_date]


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


def _why_again(
    instance: dg.DagsterInstance, spec: ModelSpec, job: str, partition: str, now: dt.datetime
) -> str | None:
    """What a day is asked for again for, as a key that is the same until it was; None for nothing.

    Files are looked at; where they do not tell, gaps between two looks double: hours where a
    batch is awaited, days where there is one, or the day was closed.
    """
    run = _last_run(instance, job, partition)
    if run is None or not run.is_finished:
        return None
    then, found = run.tags.get(READ_TAG), read_signature(spec.batches, _day(partition))
    if then is not None and found is not None and then != found:
        return f"changed-since-{run.run_id}"
    if run.status is not dg.DagsterRunStatus.SUCCESS:
        return None
    asked = dt.datetime.combine(_day(partition), dt.time(HOUR), dt.UTC) + dt.timedelta(days=1)
    if _batch(instance, spec, partition) is None and CLOSED_TAG not in run.tags:
        looks = _doublings((now - asked) // dt.timedelta(hours=1) + 1)
        return f"asked-{looks}" if looks else None
    looks = _doublings((now - asked) // dt.timedelta(days=1) * 2)
    return f"again-{looks}" if looks and found is None else None


def _doublings(times: int) -> int:
    """How often one has doubled when it is as many: 1 at 2, 2 at 4, 3 at 8."""
    return max(times, 1).bit_length() - 1


def _day(partition: str) -> dt.date:
    return dt.date.fromisoformat(partition)


def _lacks_labels(instance: dg.DagsterInstance, spec: ModelSpec, job: str, partition: str) -> bool:
    """Whether a day's batch has rows without a label, and nothing is about to change that."""
    batch = _batch(instance, spec, partition)
    if batch is None:
        return False
    said = metadata_of(batch)
    if said.get("labelled_rows", 0) >= said.get("dagster/row_count", 0):
        return False
    run = _last_run(instance, job, partition)
    return run is None or run.is_finished


def _last_run(instance: dg.DagsterInstance, job: str, partition: str) -> dg.DagsterRun | None:
    """The latest daily run of a day."""
    tags = {"dagster/partition": partition}
    runs = instance.get_runs(dg.RunsFilter(job_name=job, tags=tags), limit=1)
    return runs[0] if runs else None


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
