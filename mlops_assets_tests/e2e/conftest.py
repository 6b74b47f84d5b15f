"""One real demo, whose home all tests here look into; and real servers over it."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from mlops_assets.local.graphql import Webserver
from mlops_assets.local.processes import free_port
from mlops_assets.settings import CHECKOUT

STOP_SECONDS = 10  # in which everything must have ended after a signal
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60_000  # ms: the first page of a fresh server takes its time on two cores


@dataclass(frozen=True)
class Demo:
    """A finished demo: its exit code, what it printed, and its home."""

    exit_code: int
    output: str
    seconds: float
    home: Path


@dataclass(frozen=True)
class Served:
    """A home served by ``make up``: what it prints after its start, and the log of its errors."""

    home: Path
    dagster: str
    mlflow: str
    webserver: Webserver
    pid: int
    output: IO[str]
    log: Path

    def says(self, words: str) -> None:
        """Wait for a line of its output."""
        for line in self.output:
            if words in line:
                return
        raise AssertionError(f"it ended without saying {words!r}: {self.log.read_text()}")


def environment_for(home: Path, **more: str) -> dict[str, str]:
    """This environment, for commands on a home, without settings that move state elsewhere."""
    moved = ("MLFLOW_TRACKING_URI", "MLOPS_DATA_URL")
    kept = {name: value for name, value in os.environ.items() if name not in moved}
    return {**kept, "MLOPS_HOME": str(home), **more}


def processes_of(home: Path) -> list[str]:
    """The command lines of all processes that work on a home."""
    return list(commands_of(home).values())


def commands_of(home: Path) -> dict[int, str]:
    """The processes that work on a home, with their command lines."""
    mine = f"MLOPS_HOME={home}".encode()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mine in (process / "environ").read_bytes().split(b"\0"):
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return {pid: command for pid, command in found.items() if command}  # a zombie has none


def wait_for(condition, seconds: float, what: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain for {what}"
        time.sleep(0.2)


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Demo:
    """``make demo`` on a fresh home, as a user types it."""
    home = tmp_path_factory.mktemp("demo") / "home"
    start = time.monotonic()
    ended = subprocess.run(
        ["make", "--no-print-directory", "demo"],
        cwd=CHECKOUT,
        env=environment_for(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Demo(ended.returncode, ended.stdout, time.monotonic() - start, home)


@contextmanager
def served(home: Path, **more: str) -> Iterator[Served]:
    """``make up`` over a home, from the background of a shell; stopped by SIGTERM at the end.

    Args:
        home: The folder of all state.
        more: Other variables of its environment.
    """
    dagster, mlflow = free_port(), free_port()
    ports = {"DAGSTER_PORT": str(dagster), "MLFLOW_PORT": str(mlflow)}
    environment = environment_for(home, **ports, **more)
    log = home.parent / f"up-{dagster}.log"
    # A shell without job control starts background jobs with SIGINT ignored.
    script = "make --no-print-directory up & echo $!; wait $!"
    with (
        log.open("w") as output,
        subprocess.Popen(
            ["/bin/sh", "-c", script],
            cwd=CHECKOUT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        ) as shell,
    ):
        pid = int(shell.stdout.readline())
        line = ""
        while not line.startswith("State"):
            line = shell.stdout.readline()
            assert line, f"make up has ended: {log.read_text()}"
        try:
            yield Served(
                home,
                f"http://127.0.0.1:{dagster}",
                f"http://127.0.0.1:{mlflow}",
                Webserver(dagster, "mlops_assets"),
                pid,
                shell.stdout,
                log,
            )
        finally:  # a test that failed must not wait for servers that nobody stops
            if processes_of(home):
                os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not processes_of(home), 3 * STOP_SECONDS, "make up to end")


@pytest.fixture(scope="session")
def up(demo, tmp_path_factory) -> Iterator[Served]:
    """A copy of the demo's home, served: the home itself stays as the demo has left it."""
    with served(copied(demo.home, tmp_path_factory.mktemp("up"))) as serving:
        yield serving


@pytest.fixture
def up_to_stop(demo, tmp_path) -> Iterator[Served]:
    """Another copy, for a test that stops the servers itself."""
    with served(copied(demo.home, tmp_path)) as serving:
        yield serving


def copied(home: Path, folder: Path) -> Path:
    """A copy of a home in another folder."""
    return shutil.copytree(home, folder / "home")


# Of a module, not of the session: while Playwright is open its event loop runs in this thread, and
# whatever comes after in the same process and calls ``asyncio.run`` would fail.
@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None and os.environ.get("MLOPS_REQUIRE_BROWSER"):
        pytest.fail(f"MLOPS_REQUIRE_BROWSER is set, but none of {BROWSERS} is installed")
    if path is None:
        pytest.skip(f"needs a browser, one of {BROWSERS}; Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        # Without a sandbox, which root in a container does not get; it opens local pages only.
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        chromium = playwright.chromium.launch(executable_path=path, args=options)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()
