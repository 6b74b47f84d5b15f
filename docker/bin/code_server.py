"""Serves the code location, and sees to it that no run is shown as running without a process.

With the default launcher, runs are children of this process. When it is killed they are gone, and
nobody would ever say so: so they are marked as failed, and Dagster's run retries take it from
there.
"""
# ruff: noqa: INP001

import os
import sys
import threading
import time
import traceback

import dagster as dg
import grpc
from dagster._cli import main as dagster_command
from dagster._core.launcher import DefaultRunLauncher
from grpc_health.v1 import health_pb2, health_pb2_grpc

PORT = "4000"
# Dagster gives a retry up when the code location cannot be loaded at that moment; its daemon takes
# some seconds to find a server that has come back.
DAEMON_SECONDS = 20
WITH_PROCESS = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def lost_runs() -> list[str]:
    """The runs that the process before this one was running."""
    with dg.DagsterInstance.get() as instance:
        # Any other launcher gave its runs a container of their own, which may well be alive.
        if not isinstance(instance.run_launcher, DefaultRunLauncher):
            return []
        runs = instance.get_runs(filters=dg.RunsFilter(statuses=WITH_PROCESS))
        return [run.run_id for run in runs]


def end_when_serving(lost: list[str]) -> None:
    """Mark runs as ended, once they can be launched again."""
    with grpc.insecure_channel(f"127.0.0.1:{PORT}") as channel:
        request = health_pb2.HealthCheckRequest(service="DagsterApi")
        health_pb2_grpc.HealthStub(channel).Check(request, timeout=300, wait_for_ready=True)
    time.sleep(DAEMON_SECONDS)
    with dg.DagsterInstance.get() as instance:
        for run_id in lost:
            run = instance.get_run_by_id(run_id)
            if run is None or run.is_finished:
                continue
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
    threading.excepthook = end_with_any_thread
    if lost := lost_runs():
        threading.Thread(target=end_when_serving, args=(lost,), daemon=True).start()
    location = ("--location-name", "mlops_assets", "--module-name", "mlops_assets.definitions")
    listen = ("--host", "0.0.0.0", "--port", PORT)  # noqa: S104 - the network is the stack's own
    sys.argv = ["dagster", "api", "grpc", *location, *listen]
    dagster_command()
