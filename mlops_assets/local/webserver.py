"""``python -m mlops_assets.local.webserver``: Dagster's webserver on this machine, guarded.

Dagster's own command leaves no place for anything in front of its application. This does what that
does for `make up` and `make demo`: no path prefix, no telemetry, code servers that run already.
"""

import argparse
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._utils.log import configure_loggers
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.cli import (
    DEFAULT_DB_STATEMENT_TIMEOUT,
    DEFAULT_POOL_MAX_OVERFLOW,
    DEFAULT_POOL_RECYCLE,
)
from dagster_webserver.version import __version__

from mlops_assets.guard import Guard, loopback_hosts

_POLL_MILLISECONDS = 2000  # between two looks of the UI for new data; Dagster's own default


@contextmanager
def guarded_webserver(instance: dg.DagsterInstance, workspace: Path, port: int) -> Iterator[Guard]:
    """Dagster's webserver as an ASGI application that is to be served on loopback.

    Args:
        instance: The instance that it shows.
        workspace: The ``workspace.yaml`` that names the code servers.
        port: The port that it is to be served on.
    """
    target = WorkspaceFileTarget([str(workspace)])
    with WorkspaceProcessContext(instance, target, version=__version__) as context:
        app = create_app_from_workspace_process_context(
            context, live_data_poll_rate=_POLL_MILLISECONDS
        )
        yield Guard(app, loopback_hosts(port))


def main() -> None:
    """Serve the instance of ``DAGSTER_HOME`` until a signal comes."""
    parser = argparse.ArgumentParser(prog="mlops_assets.local.webserver", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workspace", type=Path, required=True)
    given = parser.parse_args()
    # SIGTERM ends it as Ctrl-C does: everything that is open is closed first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    configure_loggers()
    with dg.DagsterInstance.get() as instance:
        instance.optimize_for_webserver(
            DEFAULT_DB_STATEMENT_TIMEOUT, DEFAULT_POOL_RECYCLE, DEFAULT_POOL_MAX_OVERFLOW
        )
        with guarded_webserver(instance, given.workspace, given.port) as app:
            # What the headers of a proxy say would be believed: there is none.
            uvicorn.run(
                app, host="127.0.0.1", port=given.port, log_level="warning", proxy_headers=False
            )


if __name__ == "__main__":
    main()
