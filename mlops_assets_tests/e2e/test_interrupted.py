"""A retraining that is interrupted twice is completed all the same."""

import os
import signal

import dagster as dg
import pytest

from mlops_assets.local.graphql import Run, Webserver
from mlops_assets.local.home import dagster_home
from mlops_assets.resources.mlflow import FIRST_TRY_TAG
from mlops_assets.runs import STOPPED_TAG
from mlops_assets_tests.e2e.conftest import STOP_SECONDS, copied, processes_of, served, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DAY = "2026-01-04"
# No other days come in between, and no test waits for a sensor.
QUICK = {"MLOPS_SCHEDULES": "stopped", "MLOPS_SENSOR_SECONDS": "1"}


def tries(webserver: Webserver, first: str) -> list[Run]:
    """The runs of a piece of work so far, the first one first."""
    tags = ("dagster/root_run_id", FIRST_TRY_TAG)
    return [
        run for run in webserver.runs() if first in (run.id, *(run.tags.get(tag) for tag in tags))
    ]


def wait_for_try(webserver: Webserver, first: str, number: int, status: str) -> Run:
    def there() -> bool:
        made = tries(webserver, first)
        return len(made) == number and made[-1].status == status

    wait_for(there, 180, f"try {number} to be {status}")
    return tries(webserver, first)[-1]


def test_a_retraining_that_two_stops_interrupt_is_completed_by_the_third_start(demo, tmp_path):
    home = copied(demo.home, tmp_path)
    first = ""
    for number in (1, 2):
        with served(home, **QUICK) as up:
            first = first or up.webserver.launch("iris_retrain", DAY)
            wait_for_try(up.webserver, first, number, "STARTED")
            os.kill(up.pid, signal.SIGTERM)
            wait_for(lambda: not processes_of(home), 2 * STOP_SECONDS, "everything to end")
    with dg.DagsterInstance.from_config(str(dagster_home(home))) as instance:
        stopped = [run for run in instance.get_runs() if STOPPED_TAG in run.tags]
    assert len(stopped) == 2
    with served(home, **QUICK) as up:
        last = wait_for_try(up.webserver, first, 3, "SUCCESS")
        told = "asked for again: The servers were stopped while it ran."
        assert last.tags["mlops_assets/asked_again"] == told
        assert last.tags["mlops_assets/asked_by"] == "a person"
        decided = up.webserver.metadata("iris", "production_model", DAY)
        assert decided is not None
        assert decided["decision"] == "rejected"
