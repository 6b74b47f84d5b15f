"""No run is shown as running for ever."""

import dagster as dg

from mlops_assets.local.home import dagster_home, prepare
from mlops_assets.local.runs import end_orphaned_runs


@dg.job
def nothing():
    pass


def test_a_fresh_home_has_no_orphans(tmp_path):
    assert end_orphaned_runs(tmp_path) == 0


def test_runs_whose_process_is_gone_end_and_waiting_ones_wait_on(tmp_path):
    prepare(tmp_path)
    status = dg.DagsterRunStatus
    with dg.DagsterInstance.from_config(str(dagster_home(tmp_path))) as instance:
        ids = {
            before: instance.create_run_for_job(nothing, status=before).run_id
            for before in (status.STARTED, status.CANCELING, status.NOT_STARTED, status.SUCCESS)
        }
    assert end_orphaned_runs(tmp_path) == 2
    with dg.DagsterInstance.from_config(str(dagster_home(tmp_path))) as instance:
        after = {before: instance.get_run_by_id(run).status for before, run in ids.items()}
    assert after == {
        status.STARTED: status.FAILURE,
        status.CANCELING: status.CANCELED,
        status.NOT_STARTED: status.NOT_STARTED,
        status.SUCCESS: status.SUCCESS,
    }
    assert end_orphaned_runs(tmp_path) == 0
