"""What all tests share: no telemetry, and a real MLflow on sqlite that is quick to get."""

import os

# Before anything imports MLflow or Evidently.
os.environ["DO_NOT_TRACK"] = "true"

import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import hypothesis
import pytest

from mlops_assets_tests.examples import DAYS, RETRAINED, Loop, forget_mlflow, iris_spec
from mlops_assets_tests.quick_databases import make_databases_quick

# A shell starts its background jobs with SIGINT ignored. Dagster, in this process, copies that to
# SIGTERM, and whatever a test then starts inherits both: it could not be stopped.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

make_databases_quick()

# How long an example takes is the machine's affair: in a fresh clone the first text takes over a
# second, because Hypothesis makes its tables of characters then.
hypothesis.settings.register_profile(
    "tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("tests")


_OF_OTHER_SERVERS = "mlops_assets_tests/e2e/test_mlflow_away.py"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One worker runs all that look into the one demo, so that it is made once.

    Not by pytest-xdist's groups: those of 3.8.0 have no effect with the node ids of pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            if file == _OF_OTHER_SERVERS:
                return file
            return "demo" if "/e2e/" in file else nodeid

    return Scheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The quick ones first, in random order; then those that drive real servers."""
    items.sort(key=lambda item: "e2e" in item.keywords)


@pytest.fixture(scope="session")
def migrated_mlflow(tmp_path_factory) -> Path:
    """An empty MLflow database; its migrations take three seconds, so they are made once."""
    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        MlflowClient(f"sqlite:///{path}", f"sqlite:///{path}").search_experiments(max_results=1)
    return path


@pytest.fixture
def mlflow_uri(migrated_mlflow, tmp_path):
    """The URI of an MLflow of this test's own."""
    path = tmp_path / "mlflow.db"
    shutil.copyfile(migrated_mlflow, path)
    yield f"sqlite:///{path}"
    forget_mlflow()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A real Dagster instance in memory."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture(scope="session")
def demo_days(migrated_mlflow, tmp_path_factory) -> Iterator[Loop]:
    """The demo's six days with a quick search, made once. Look at it, and change a fork of it."""
    home = tmp_path_factory.mktemp("demo-days") / "home"
    home.mkdir()
    shutil.copyfile(migrated_mlflow, home / "mlflow.db")
    with dg.DagsterInstance.ephemeral() as ephemeral:
        loop = Loop(home, ephemeral)
        assert loop.baseline().success
        for day in DAYS:
            loop.daily(day)
            if day in RETRAINED:
                assert loop.retrain(day).success
        yield loop


@pytest.fixture
def fork(demo_days, instance, tmp_path) -> Callable[..., Loop]:
    """Makes a copy of the demo's days to change; with other settings of the model if given."""
    return lambda **changes: demo_days.fork(tmp_path / "home", instance, **changes)


@pytest.fixture
def fresh(instance, migrated_mlflow, tmp_path) -> Callable[..., Loop]:
    """Makes a loop in which nothing has run yet."""

    def make(**changes: Any) -> Loop:
        home = tmp_path / "home"
        home.mkdir()
        shutil.copyfile(migrated_mlflow, home / "mlflow.db")
        return Loop(home, instance, iris_spec(**changes))

    return make
