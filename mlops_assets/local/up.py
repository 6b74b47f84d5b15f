"""``make up``: serves the state of a home until it is stopped."""

import os
from pathlib import Path

from rich.console import Console

from mlops_assets import settings
from mlops_assets.errors import UserError
from mlops_assets.local.graphql import Webserver
from mlops_assets.local.home import claimed, environment, logs, prepare
from mlops_assets.local.leftovers import sweep
from mlops_assets.local.processes import Supervisor, require_free
from mlops_assets.local.runs import end_orphaned_runs
from mlops_assets.local.servers import LOCATION, keep_serving, start_dagster, start_mlflow


def up(console: Console) -> None:
    """Serves Dagster and MLflow over the home, on the loopback address, until a signal comes.

    Raises:
        UserError: if the home is in use, a port is taken, or a server ends by itself.
    """
    home = settings.home()
    dagster_port = _port("DAGSTER_PORT", 3000)
    mlflow_port = _port("MLFLOW_PORT", 5000)
    embedded = not os.environ.get("MLFLOW_TRACKING_URI")
    if embedded and dagster_port == mlflow_port:
        raise UserError(
            f"DAGSTER_PORT and MLFLOW_PORT are both {dagster_port}: give each a port of its own."
        )
    with claimed(home, "make up"):
        require_free(dagster_port, "Dagster", "DAGSTER_PORT")
        if embedded:
            require_free(mlflow_port, "MLflow", "MLFLOW_PORT")
        prepare(home)
        end_orphaned_runs(home)
        _sweep(console, home)
        supervisor = Supervisor(logs(home), settings.CHECKOUT)
        try:
            with supervisor:
                _serve(supervisor, console, home, dagster_port, mlflow_port if embedded else None)
        finally:
            end_orphaned_runs(home, supervisor.stopped)


def _sweep(console: Console, home: Path) -> None:
    if not (home / "data").exists() and not os.environ.get("MLOPS_DATA_URL"):
        return
    try:
        swept = sweep()
    except OSError as error:  # a bucket that is away now may be there when it is needed
        console.print(f"Files left half written were not looked for: {error}", style="red")
        return
    if swept:
        console.print(f"Removed what killed processes had left half written: {swept} files.")


def _serve(
    supervisor: Supervisor,
    console: Console,
    home: Path,
    dagster_port: int,
    mlflow_port: int | None,
) -> None:
    servers = environment(home)
    with console.status("start the servers"):
        if mlflow_port is not None:
            # First, and alone: two processes that create MLflow's database at once get in each
            # other's way.
            start_mlflow(supervisor, home, mlflow_port, servers)
        webserver = Webserver(dagster_port, LOCATION)
        code_port = start_dagster(supervisor, home, webserver, dagster_port, servers)
    mlflow = settings.mlflow_uri() if mlflow_port is None else f"http://127.0.0.1:{mlflow_port}"
    console.print(f"Dagster  http://127.0.0.1:{dagster_port}")
    console.print(f"MLflow   {mlflow}")
    console.print(f"State    {home}  (Ctrl-C stops the servers; the state stays)")
    ports = {"code-server": code_port, "webserver": dagster_port}
    ports |= {} if mlflow_port is None else {"mlflow": mlflow_port}
    keep_serving(supervisor, home, webserver, ports, lambda said: console.print(said, style="red"))


def _port(variable: str, default: int) -> int:
    given = os.environ.get(variable) or str(default)
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise UserError(f"{variable}={given} is not a port; give a number from 1 to 65535.")
    return int(given)
