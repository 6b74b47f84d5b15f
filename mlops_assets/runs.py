"""How runs are ended whose process is gone, so that none is shown as running for ever."""

import logging
from collections.abc import Iterable
from datetime import datetime

import dagster as dg

# Of a run that a stop of the servers ended, with the run's own id, because Dagster gives the tags
# of a run to its retry: no fault of the run, so that it does not count as a try.
STOPPED_TAG = "mlops_assets/stopped"
WITH_PROCESS = (
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
_DONE = {"SUCCESS", "SKIPPED"}


def with_process(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """The runs that are recorded as having a process; those that are queued have none yet."""
    return list(instance.get_runs(dg.RunsFilter(statuses=list(WITH_PROCESS))))


def end_lost_runs(instance: dg.DagsterInstance, lost: Iterable[dg.DagsterRun], why: str) -> int:
    """End runs whose process is known to be gone; returns how many there were.

    Args:
        instance: Dagster's instance.
        lost: The runs. What has ended meanwhile is left as it is.
        why: What became of their process, for people to read.
    """
    ended = 0
    for before in lost:
        run = instance.get_run_by_id(before.run_id)
        if run is None or run.is_finished:
            continue
        ended += 1
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, why)
        elif every_step_is_done(instance, run):
            end_well(instance, run)
        else:
            instance.report_run_failed(run, why)
    return ended


def mark_stopped(instance: dg.DagsterInstance, since: datetime) -> None:
    """Mark the runs that have ended without success since the servers were asked to stop."""
    failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since)
    for record in instance.get_run_records(failed):
        if record.end_time is not None and record.end_time >= since.timestamp():
            mark_as_stopped(instance, record.dagster_run)


def mark_as_stopped(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Say of a run that a stop of the servers ends it."""
    instance.add_run_tags(run.run_id, {STOPPED_TAG: run.run_id})


def every_step_is_done(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a run has done all its work, and only its end has not been recorded."""
    if run.execution_plan_snapshot_id is None:
        return False
    plan = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
    stats = {step.step_key: step.status for step in instance.get_run_step_stats(run.run_id)}
    found = [stats.get(key) for key in plan.step_keys_to_execute]
    return bool(found) and all(status and status.value in _DONE for status in found)


def end_well(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Record the success of a run that was killed after its last step."""
    event = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.RUN_SUCCESS.value,
        job_name=run.job_name,
        message="Every step had succeeded before its process ended: nothing is left to do.",
    )
    instance.report_dagster_event(event, run.run_id, logging.INFO)
