"""One home has one owner, and all state is in it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from mlops_assets.errors import UserError
from mlops_assets.local.home import HomeInUseError, claimed, dagster_home, environment, prepare

HOLDER = """
import sys, time
from pathlib import Path
from mlops_assets.local.home import claimed
with claimed(Path(sys.argv[1]), "make up"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the home."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_user_of_a_home_is_told_who_holds_it_and_what_to_do(tmp_path, holder):
    with pytest.raises(HomeInUseError) as refused, claimed(tmp_path, "make demo"):
        pass
    message = str(refused.value)
    assert str(tmp_path) in message
    assert f"`make up` (process {holder.pid}, since 20" in message
    assert "MLOPS_HOME=" in message


def test_a_holder_that_was_killed_blocks_nobody_though_its_note_is_left(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "lock.json").exists()
    with claimed(tmp_path, "make demo"):
        pass


def test_a_home_is_free_again_after_its_holder(tmp_path):
    for _ in range(2):
        with claimed(tmp_path, "make demo"):
            assert '"make demo"' in (tmp_path / "lock.json").read_text()
    assert not (tmp_path / "lock.json").exists()


def test_a_home_that_cannot_be_made_is_an_error_that_names_the_variable(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="MLOPS_HOME"), claimed(tmp_path / "file" / "home", "x"):
        pass


def test_the_prepared_instance_is_one_that_dagster_accepts_and_that_keeps_the_rules(tmp_path):
    prepare(tmp_path)
    with dg.DagsterInstance.from_config(str(dagster_home(tmp_path))) as instance:
        pools = instance.get_concurrency_config().pool_config
        assert pools.pool_granularity.value == "run"
        assert pools.default_pool_limit == 1
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 4
        assert instance.run_monitoring_enabled
        assert instance.run_retries_enabled
        assert not instance.run_retries_retry_on_asset_or_op_failure
        assert not instance.telemetry_enabled
        assert instance.run_coordinator.dequeue_interval_seconds == 1


def test_children_find_all_state_in_the_home_unless_a_setting_moves_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found = environment(tmp_path, {"MLOPS_SCHEDULES": "stopped"})
    assert found["MLOPS_HOME"] == str(tmp_path)
    assert found["MLFLOW_TRACKING_URI"] == f"sqlite:///{tmp_path}/mlflow.db"
    assert Path(found["DAGSTER_HOME"]).parent == tmp_path
    assert found["MLOPS_SCHEDULES"] == "stopped"
    assert found["DO_NOT_TRACK"] == "true"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert environment(tmp_path)["MLFLOW_TRACKING_URI"] == "http://mlflow:5000"
