"""A home has one daemon, whoever starts it: here with Dagster's own."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlops_assets.local.home import HomeInUseError, claimed, environment, prepare
from mlops_assets.settings import CHECKOUT

# Holds the home and starts a daemon on it, as `make up` does; another can be started beside it.
OWNER = """
import subprocess, sys
from pathlib import Path
from mlops_assets.local.home import claimed
from mlops_assets.local.processes import StoppedError, stop_signals_raise
with stop_signals_raise(), claimed(Path(sys.argv[1]), "make up"):
    daemon = subprocess.Popen(sys.argv[2:])
    try:
        daemon.wait()
    except StoppedError:
        daemon.terminate()
        daemon.wait()
"""
DAEMON = [sys.executable, "-m", "dagster._daemon", "run", "--empty-workspace"]


@pytest.fixture
def home(tmp_path) -> Path:
    prepare(tmp_path)
    return tmp_path


@pytest.fixture
def run(home) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts processes on the home, and ends them."""
    started = []

    def start(*command: str) -> subprocess.Popen[str]:
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        env = environment(home) | {"PYTHONPATH": str(CHECKOUT)}
        started.append(subprocess.Popen(command, env=env, cwd=CHECKOUT, **output))
        return started[-1]

    yield start
    for process in started:
        process.terminate()
        process.communicate()


def until_it_works(daemon: subprocess.Popen[str]) -> None:
    for line in daemon.stdout:
        if "Instance is configured with the following daemons" in line:
            return
    raise AssertionError("the daemon has ended")


def test_a_daemon_beside_the_holder_is_refused_with_its_name(home, run):
    owner = run(sys.executable, "-c", OWNER, str(home), *DAEMON)
    until_it_works(owner)  # its own daemon is not refused
    refused = run(*DAEMON)
    said, _ = refused.communicate(timeout=60)
    assert refused.returncode != 0
    assert f"is in use by `make up` (process {owner.pid}, since 20" in said
    assert owner.poll() is None


def test_a_daemon_by_itself_holds_the_home(home, run):
    daemon = run(*DAEMON)
    until_it_works(daemon)
    told = rf"in use by `dagster-daemon run` \(process {daemon.pid}, "
    with pytest.raises(HomeInUseError, match=told), claimed(home, "make up"):
        pass
    second = run(*DAEMON)
    said, _ = second.communicate(timeout=60)
    assert second.returncode != 0
    assert f"`dagster-daemon run` (process {daemon.pid}" in said
    daemon.kill()
    daemon.wait()
    with claimed(home, "make up"):
        pass


def test_what_is_no_daemon_is_not_kept_off(home, run):
    with claimed(home, "make up"):
        listed = run(sys.executable, "-m", "dagster", "run", "list")
        said, _ = listed.communicate(timeout=60)
    assert listed.returncode == 0, said
