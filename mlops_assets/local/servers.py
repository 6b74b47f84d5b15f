"""The servers of the embedded stack: how each is started, and how one sees that it serves."""

import http.client
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from mlops_assets import settings
from mlops_assets.local import tracking_server
from mlops_assets.local.graphql import Webserver
from mlops_assets.local.home import dagster_home
from mlops_assets.local.processes import Supervisor, free_port, listening

LOCATION = "mlops_assets"
_START_SECONDS = 180  # a cold first import on a slow disk has been seen to take a minute


def start_dagster(
    supervisor: Supervisor,
    home: Path,
    webserver: Webserver,
    port: int,
    environment: Mapping[str, str],
) -> None:
    """Starts code server, webserver and daemon; returns when all three are ready for work.

    Args:
        supervisor: Who starts and watches them.
        home: The folder of all state, prepared.
        webserver: The client of the webserver that is started.
        port: The port that the webserver is to serve on.
        environment: What the processes find in their environment.
    """
    # The other two look for the definitions once and then only now and again: so it goes first. Of
    # Dagster's two code servers this is the one whose "Reload definitions" does what it says.
    _start_code_server(supervisor, home, environment)
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


def _start_code_server(supervisor: Supervisor, home: Path, environment: Mapping[str, str]) -> None:
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
    path = (str(tracking_server.PLUGIN), environment.get("PYTHONPATH"))
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
