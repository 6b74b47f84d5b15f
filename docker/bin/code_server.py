"""Serves the code location, and sees to it that no run is shown as running without a process.

With the default launcher, runs are children of this process. When it is killed they are gone, and
nobody would ever say so: so they are marked as failed before serving, and Dagster's run retries
take it from there.
"""
# ruff: noqa: INP001

import os
import sys
import threading
import traceback

import dagster as dg
from dagster._cli import main as dagster_command
from dagster._core.launcher import DefaultRunLauncher

PORT = "4000"
WITH_PROCESS = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def end_lost_runs() -> None:
    """Mark as ended what the process before this one was running."""
    with dg.DagsterInstance.get() as instance:
        # Any other launcher gave its runs a container of their own, which may well be alive.
        if not isinstance(instance.run_launcher, DefaultRunLauncher):
            return
        for run in instance.get_runs(filters=dg.RunsFilter(statuses=WITH_PROCESS)):
            if run.status is dg.DagsterRunStatus.CANCELING:
                instance.report_run_canceled(run, "Its process was stopped.")
            else:
                instance.report_run_failed(run, "Its process ended with the code server.")


def end_with_any_thread(failed: threading.ExceptHookArgs) -> None:
    """End the whole process, for Docker to start it anew.

    The thread that notices that a run has died ends for good when it meets a database that is away
    just then. Without it this server would look well and leave runs shown as running for ever.
    """
    traceback.print_exception(failed.exc_type, failed.exc_value, failed.exc_traceback)
    os._exit(1)


if __name__ == "__main__":
    end_lost_runs()
    threading.excepthook = end_with_any_thread
    location = ("--location-name", "mlops_assets", "--module-name", "mlops_assets.definitions")
    listen = ("--host", "0.0.0.0", "--port", PORT)  # noqa: S104 - the network is the stack's own
    sys.argv = ["dagster", "api", "grpc", *location, *listen]
    dagster_command()
