"""The servers of the embedded stack: how each is started, and how one sees that it serves."""

import http.client
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import NoReturn

from mlops_assets import settings
from mlops_assets.local import tracking_server
from mlops_assets.local.graphql import Webserver
from mlops_assets.local.home import dagster_home
from mlops_assets.local.processes import Supervisor, free_port, listening
from mlops_assets.local.runs import lost_runs_ended

LOCATION = "mlops_assets"
_WATCH_SECONDS = 1
_MISSED_ANSWERS = 3  # in a row, after which the code server's definitions are taken for lost
_START_SECONDS = 180  # a cold first import on a slow disk has been seen to take a minute


def start_dagster(
    supervisor: Supervisor,
    home: Path,
    webserver: Webserver,
    port: int,
    environment: Mapping[str, str],
) -> int:
    """Starts code server, webserver and daemon; returns when all three are ready for work.

    Args:
        supervisor: Who starts and watches them.
        home: The folder of all state, prepared.
        webserver: The client of the webserver that is started.
        port: The port that the webserver is to serve on.
        environment: What the processes find in their environment.

    Returns:
        The port of the code server.
    """
    # The other two look for the definitions once and then only now and again: so it goes first. Of
    # Dagster's two code servers this is the one whose "Reload definitions" does what it says.
    code = _start_code_server(supervisor, home, environment)
    workspace = ("--workspace", str(_workspace(home)))
    serve = ("-m", "mlops_assets.local.webserver", "--port", str(port))
    supervisor.start("webserver", [sys.executable, *serve, *workspace], environment)
    daemon = ("-m", "dagster._daemon", "run")
    supervisor.start("daemon", [sys.executable, *daemon, *workspace], environment)
    for ready, what in (
        (lambda: _answers(port, "/server_info"), "the webserver to serve"),
        (webserver.location_loaded, "the webserver to load the definitions"),
        (webserver.daemon_healthy, "the daemon to report for work"),
    ):
        supervisor.wait_until(ready, what, _START_SECONDS)
    return code


def keep_serving(
    supervisor: Supervisor,
    home: Path,
    webserver: Webserver,
    ports: Mapping[str, int],
    say: Callable[[str], None],
) -> NoReturn:
    """Watches the servers until a signal comes, and starts anew what has died.

    Args:
        supervisor: Who has started them.
        home: The folder of all state.
        webserver: The client of the webserver.
        ports: Those of the servers, by their names; `mlflow` only where it is served here.
        say: Tells the user what happens.

    Raises:
        UserError: if one of them dies again and again, or does not serve again.
    """
    code = ports["code-server"]
    serves: dict[str, Callable[[], bool]] = {
        "code-server": lambda: (
            listening(code) and not _definitions_lost(code) and webserver.location_reached()
        ),
        "webserver": lambda: _answers(ports["webserver"], "/server_info"),
        "daemon": webserver.daemon_healthy,
        "mlflow": lambda: _answers(ports["mlflow"], "/health"),
    }
    missed = 0
    while True:
        missed = missed + 1 if _definitions_lost(code) else 0
        died = supervisor.ended() or ("code-server" if missed >= _MISSED_ANSWERS else None)
        if died:
            say(f"{died} has died, and is started again.")
            # Nobody would notice how the runs end that are children of a code server.
            with lost_runs_ended(home) if died == "code-server" else nullcontext():
                supervisor.revive(died)
                supervisor.wait_until(serves[died], f"{died} to serve again", _START_SECONDS)
            say(f"{died} serves again.")
            missed = 0
        time.sleep(_WATCH_SECONDS)


def _definitions_lost(port: int) -> bool:
    """Whether nothing answers any more for the definitions.

    A code server is two processes: one that listens, and one that it has started, which has loaded
    the definitions. The first does not notice when the second dies. An answer that definitions
    have a mistake is one.
    """
    import grpc
    from dagster._core.errors import DagsterUserCodeUnreachableError
    from dagster._grpc.client import DagsterGrpcClient

    try:
        DagsterGrpcClient(port=port, host="127.0.0.1").list_repositories()
    except DagsterUserCodeUnreachableError as error:
        slow = grpc.StatusCode.DEADLINE_EXCEEDED
        return not (isinstance(error.__cause__, grpc.Call) and error.__cause__.code() is slow)
    return False


def _start_code_server(supervisor: Supervisor, home: Path, environment: Mapping[str, str]) -> int:
    port = free_port()
    server = {"host": "127.0.0.1", "port": port, "location_name": LOCATION}
    workspace = {"load_from": [{"grpc_server": server}]}
    _workspace(home).write_text(json.dumps(workspace), encoding="utf-8")  # JSON is YAML as well
    command = [
        *(sys.executable, "-m", "dagster", "code-server", "start", "--location-name", LOCATION),
        *("--module-name", "mlops_assets.definitions"),
        *("--working-directory", str(settings.CHECKOUT)),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    supervisor.start("code-server", command, environment)
    supervisor.wait_until(
        lambda: listening(port), "the code server to load the definitions", _START_SECONDS
    )
    return port


def start_mlflow(
    supervisor: Supervisor, home: Path, port: int, environment: Mapping[str, str]
) -> None:
    """Starts MLflow's UI over the database of the home; waits until it serves."""
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", "1", "--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}"),
        *("--artifacts-destination", (home / "mlartifacts").as_uri()),
        *("--app-name", tracking_server.APP_NAME),
    ]
    # Its guard is found wherever it is started: the package need not be installed.
    path = (str(tracking_server.PLUGIN), str(settings.CHECKOUT), environment.get("PYTHONPATH"))
    its_own = {
        tracking_server.PORT: str(port),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        # Its job workers, which nothing here uses, would take another gigabyte.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    supervisor.start("mlflow", command, {**environment, **its_own})
    supervisor.wait_until(lambda: _answers(port, "/health"), "MLflow to serve", _START_SECONDS)


def _workspace(home: Path) -> Path:
    return dagster_home(home) / "workspace.yaml"


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
