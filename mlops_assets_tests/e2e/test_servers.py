"""A server that dies is started again, and said; one that cannot be ends ``make up``."""

import os
import signal

import pytest

from mlops_assets_tests.e2e.conftest import commands_of, copied, processes_of, served, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DAY = "2026-01-07"
QUICK = {"MLOPS_SCHEDULES": "stopped", "MLOPS_SENSOR_SECONDS": "1"}


def kill_the_definitions(home):
    """The process that the code server has started to serve them."""
    [pid] = [pid for pid, command in commands_of(home).items() if " api grpc " in command]
    os.kill(pid, signal.SIGKILL)


def test_a_code_server_that_dies_serves_again_and_its_runs_are_tried_again(demo, tmp_path):
    home = copied(demo.home, tmp_path)
    half = home / "data" / "iris" / f"half.json.{'0' * 32}.part"
    half.touch()
    with served(home, **QUICK) as up:
        assert not half.exists()
        first = up.webserver.launch("iris_retrain", "2026-01-04")

        def tries():
            tags = ("dagster/root_run_id", "mlops_assets/first_try")
            runs = up.webserver.runs()
            return [r for r in runs if first in (r.id, *(r.tags.get(tag) for tag in tags))]

        wait_for(lambda: tries()[0].status == "STARTED", 60, "the run to start")
        kill_the_definitions(home)
        up.says("code-server has died, and is started again")
        up.says("code-server serves again")
        wait_for(lambda: tries()[0].status == "FAILURE", 30, "the run to end")
        run_id = up.webserver.launch("iris_daily", DAY)

        def done():
            return any(r.id == run_id and r.status == "SUCCESS" for r in up.webserver.runs())

        wait_for(done, 120, "a new run to succeed")
        wait_for(lambda: tries()[-1].status == "SUCCESS", 180, "the lost run to be tried again")


@pytest.mark.parametrize("server", ["local.webserver", "dagster._daemon", "mlflow server"])
def test_every_other_server_is_started_again_as_well(demo, tmp_path, server):
    home = copied(demo.home, tmp_path)
    with served(home, **QUICK) as up:
        before = {pid for pid, command in commands_of(home).items() if server in command}
        os.kill(min(before), signal.SIGKILL)
        up.says("has died, and is started again")
        up.says("serves again")
        after = {pid for pid, command in commands_of(home).items() if server in command}
        assert after
        assert not after & before


def test_a_server_that_dies_again_and_again_ends_make_up_with_the_reason(demo, tmp_path):
    home = copied(demo.home, tmp_path)
    with served(home, **QUICK) as up:
        for _ in range(3):
            kill_the_definitions(home)
            up.says("code-server serves again")
        kill_the_definitions(home)
        wait_for(lambda: not processes_of(home), 60, "make up to end")
        assert "code-server has ended 4 times in 10 minutes" in up.log.read_text()
