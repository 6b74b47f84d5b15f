"""One real stack for all tests of this folder, built and removed by docker/stack."""

import json
import os
import shutil
import subprocess

import pytest

from mlops_assets.drift.regimes import SUSPECTED_FAULT
from mlops_assets.local.demo import SENSOR, STORY
from mlops_assets.local.processes import free_port
from mlops_assets_tests.docker.stack import Dagster, Stack, wait_for


def pytest_collection_modifyitems(items):
    # They wait for real trainings in containers.
    for item in items:
        if "docker" in item.keywords:
            item.add_marker(pytest.mark.timeout(3600))


def engine_answers() -> bool:
    if not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "info"], capture_output=True).returncode == 0


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    """The stack, up and healthy; its containers and volumes are gone afterwards."""
    if not engine_answers():
        if os.environ.get("MLOPS_REQUIRE_DOCKER"):
            pytest.fail("MLOPS_REQUIRE_DOCKER is set, and no Docker engine answers")
        pytest.skip("no Docker engine answers")
    port = free_port()
    stack = Stack(tmp_path_factory.mktemp("stack"), f"mlops-test-{port}", port)
    try:
        stack.up_said = stack.run("up")
        yield stack
    finally:
        stack.run("compose", "down", "--volumes", "--remove-orphans", "--timeout", "5", check=False)


@pytest.fixture(scope="session")
def dagster(stack):
    return Dagster(stack)


@pytest.fixture(scope="session")
def story(stack, dagster):
    """The six demo days, driven as `make demo` drives them: partition to what came of it."""
    wait_for(lambda: dagster.metadata("iris", "baseline_model", None), "the baseline model", 900)
    days = {}
    for partition in STORY:
        days[partition] = _day(stack, dagster, partition)
    return days


def _day(stack, dagster, partition):
    run_id = dagster.launch("iris_daily", partition)

    def ended():
        found = [run for run in dagster.runs() if run.id == run_id]
        return found and found[0].ended and found[0]

    if wait_for(ended, f"the daily run of {partition}", 900).status != "SUCCESS":
        return {"outcome": "quarantined", "check": dagster.failure(run_id).check}
    report = dagster.metadata("iris", "drift_report", partition)
    if not report["retrain"]:
        outcome = "held" if report["state"] == SUSPECTED_FAULT else "skipped"
        return {"outcome": outcome, "report": report, "served": stack.predicted()["version"]}

    def requested():
        runs = dagster.of_partition("iris_retrain", partition)
        return runs[0].id if runs else None

    retraining = dagster.finished(wait_for(requested, f"the sensor to ask for {partition}"))
    assert retraining.tags["dagster/sensor_name"] == SENSOR
    gate = dagster.metadata("iris", "production_model", partition)
    served = wait_for(
        lambda: stack.predicted()["version"] == gate["production_version"],
        f"serving to follow to version {gate['production_version']}",
        60,
    )
    return {"outcome": gate["decision"], "gate": gate, "report": report, "served": served}


@pytest.fixture(scope="session")
def inspected(stack, story):
    """``docker inspect`` of every container of the stack."""
    ids = stack.compose("ps", "--all", "--quiet").split()
    out = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=True)
    return json.loads(out.stdout)
