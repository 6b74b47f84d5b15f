"""What ``make up`` serves, and how it ends."""

import json
import os
import signal
import subprocess
import time
import urllib.request

import dagster as dg
import pytest

from mlops_assets.local.home import dagster_home
from mlops_assets.settings import CHECKOUT
from mlops_assets_tests.e2e.conftest import (
    STOP_SECONDS,
    environment_for,
    processes_of,
    wait_for,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.mark.parametrize("command", ["demo", "up"])
def test_a_home_that_is_served_is_refused_with_the_name_of_its_holder(up, command):
    refused = subprocess.run(
        ["make", command],
        cwd=CHECKOUT,
        env=environment_for(up.home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    assert "in use by `make up` (process " in refused.stderr


RELOAD = """mutation { reloadRepositoryLocation(repositoryLocationName: "mlops_assets") {
  ... on WorkspaceLocationEntry { locationOrLoadError { __typename } } } }"""


def test_reload_definitions_reads_the_models_files_anew(up):
    """Else a model that was added or changed waits for a restart, and the UI says it is loaded."""

    def loaders() -> set[str]:  # each has a socket of its own
        return {command for command in processes_of(up.home) if " api grpc " in command}

    before = loaders()
    assert before
    body = json.dumps({"query": RELOAD}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{up.dagster}/graphql", body, headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        told = json.load(response)["data"]["reloadRepositoryLocation"]
    assert told == {"locationOrLoadError": {"__typename": "RepositoryLocation"}}
    assert loaders() - before


def test_sigterm_in_the_middle_of_a_run_ends_everything_and_leaves_no_run_running(up_to_stop):
    run_id = up_to_stop.webserver.launch("iris_daily", "2026-01-07")

    def running():
        return any(r.id == run_id and r.status == "STARTED" for r in up_to_stop.webserver.runs())

    wait_for(running, 60, "the run to start")
    os.kill(up_to_stop.pid, signal.SIGTERM)
    stopped = time.monotonic()
    wait_for(lambda: not processes_of(up_to_stop.home), 2 * STOP_SECONDS, "everything to end")
    assert time.monotonic() - stopped < STOP_SECONDS
    with dg.DagsterInstance.from_config(str(dagster_home(up_to_stop.home))) as instance:
        assert instance.get_run_by_id(run_id).status is dg.DagsterRunStatus.FAILURE
