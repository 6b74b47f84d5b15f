"""No run is shown as running for ever."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from mlops_assets.local.home import dagster_home, prepare
from mlops_assets.local.runs import end_orphaned_runs
from mlops_assets.runs import STOPPED_TAG

STATUS = dg.DagsterRunStatus


@dg.op
def work():
    pass


@dg.job(executor_def=dg.in_process_executor)
def job():
    work()


def opened(home):
    return dg.DagsterInstance.from_config(str(dagster_home(home)))


@pytest.fixture
def home(tmp_path):
    prepare(tmp_path)
    return tmp_path


def test_a_fresh_home_has_no_orphans(tmp_path):
    assert end_orphaned_runs(tmp_path) == 0


def test_runs_whose_process_is_gone_end_and_waiting_ones_wait_on(home):
    with opened(home) as instance:
        ids = {
            before: instance.create_run_for_job(job, status=before).run_id
            for before in (STATUS.STARTED, STATUS.CANCELING, STATUS.NOT_STARTED, STATUS.SUCCESS)
        }
    assert end_orphaned_runs(home) == 2
    with opened(home) as instance:
        after = {before: instance.get_run_by_id(run) for before, run in ids.items()}
    assert {before: run.status for before, run in after.items()} == {
        STATUS.STARTED: STATUS.FAILURE,
        STATUS.CANCELING: STATUS.CANCELED,
        STATUS.NOT_STARTED: STATUS.NOT_STARTED,
        STATUS.SUCCESS: STATUS.SUCCESS,
    }
    assert not any(STOPPED_TAG in run.tags for run in after.values())
    assert end_orphaned_runs(home) == 0


def test_a_stop_is_told_from_a_crash_whichever_way_the_run_ended(home):
    with opened(home) as instance:
        before, itself, left = (
            instance.create_run_for_job(job, status=STATUS.STARTED) for _ in range(3)
        )
        instance.report_run_failed(before)
        stopped = datetime.now(tz=UTC)
        instance.report_run_failed(itself)
    assert end_orphaned_runs(home, stopped) == 1
    with opened(home) as instance:
        tags = {run.run_id: run.tags.get(STOPPED_TAG) for run in instance.get_runs()}
    ended_by_the_stop = {run.run_id: run.run_id for run in (itself, left)}
    assert tags == {before.run_id: None} | ended_by_the_stop


def test_a_run_that_was_killed_after_its_last_step_has_succeeded(home):
    """As recorded by a process that ends before it says so."""
    with opened(home) as instance:
        done = job.execute_in_process(instance=instance)
        run = instance.get_run_by_id(done.run_id)
        started = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, run.job_name)
        instance.report_dagster_event(started, run.run_id)
        assert instance.get_run_by_id(run.run_id).status is STATUS.STARTED
    assert end_orphaned_runs(home) == 1
    with opened(home) as instance:
        assert instance.get_run_by_id(run.run_id).status is STATUS.SUCCESS
