"""What the stack's code server does about runs; it needs no engine for that."""

import importlib.util
import signal
import threading
from types import ModuleType

import dagster as dg
import pytest

from mlops_assets.local.home import dagster_home, prepare
from mlops_assets.runs import STOPPED_TAG
from mlops_assets.settings import CHECKOUT


@dg.job
def nothing():
    pass


@pytest.fixture
def code_server(tmp_path, monkeypatch) -> ModuleType:
    prepare(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(dagster_home(tmp_path)))
    path = CHECKOUT / "docker" / "bin" / "code_server.py"
    spec = importlib.util.spec_from_file_location("code_server", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(status: dg.DagsterRunStatus) -> str:
    with dg.DagsterInstance.get() as instance:
        return instance.create_run_for_job(nothing, status=status).run_id


def test_only_the_runs_of_the_process_before_are_lost(code_server):
    lost = run(dg.DagsterRunStatus.STARTED)
    run(dg.DagsterRunStatus.SUCCESS)
    assert [found.run_id for found in code_server.lost_runs()] == [lost]


def test_asked_to_stop_it_marks_its_runs_so_that_they_do_not_count_as_tries(code_server):
    running = run(dg.DagsterRunStatus.STARTED)
    others = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        code_server.asked_to_stop(signal.SIGTERM, None)
    for thread in set(threading.enumerate()) - others:
        thread.join()
    with dg.DagsterInstance.get() as instance:
        assert instance.get_run_by_id(running).tags[STOPPED_TAG] == running
