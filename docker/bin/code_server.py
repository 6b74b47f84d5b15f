"""Serves the code location, and sees to it that no run is shown as running without a process.

With the default launcher, runs are children of this process. When it is killed they are gone, and
nobody would ever say so: so they are ended here, and are tried again. Where this process was asked
to stop, that does not count as a try.
"""
# ruff: noqa: INP001

import os
import signal
import sys
import threading
import time
import traceback
from types import FrameType

import dagster as dg
import grpc
from dagster._cli import main as dagster_command
from dagster._core.launcher import DefaultRunLauncher
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mlops_assets.local.leftovers import sweep
from mlops_assets.runs import end_lost_runs, mark_as_stopped, with_process

PORT = "4000"
# Dagster gives a retry up when the code location cannot be loaded at that moment; its daemon takes
# some seconds to find a server that has come back.
DAEMON_SECONDS = 20


def own_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """The runs that are recorded as running, if they are children of this process."""
    # Any other launcher gave its runs a container of their own, which may well be alive.
    return with_process(instance) if isinstance(instance.run_launcher, DefaultRunLauncher) else []


def lost_runs() -> list[dg.DagsterRun]:
    """The runs that the process before this one was running."""
    with dg.DagsterInstance.get() as instance:
        if isinstance(instance.run_launcher, DefaultRunLauncher):
            tidy_up()
        return own_runs(instance)


def tidy_up() -> None:
    """Remove what the runs of the process before this one have left half written."""
    try:
        swept = sweep()
    except OSError as error:  # a bucket that is away now may be there when it is needed
        print(f"Files left half written were not looked for: {error}")  # noqa: T201
    else:
        print(f"Removed what killed processes had left half written: {swept} files.")  # noqa: T201


def end_when_serving(lost: list[dg.DagsterRun]) -> None:
    """Mark runs as ended, once they can be launched again."""
    with grpc.insecure_channel(f"127.0.0.1:{PORT}") as channel:
        request = health_pb2.HealthCheckRequest(service="DagsterApi")
        health_pb2_grpc.HealthStub(channel).Check(request, timeout=300, wait_for_ready=True)
    time.sleep(DAEMON_SECONDS)
    with dg.DagsterInstance.get() as instance:
        end_lost_runs(instance, lost, "Its process ended with the code server.")


def mark_runs() -> None:
    """Mark the runs that end because this server was asked to."""
    with dg.DagsterInstance.get() as instance:
        for run in own_runs(instance):
            mark_as_stopped(instance, run)


def asked_to_stop(number: int, frame: FrameType | None) -> None:
    """End as Dagster ends on an interrupt; the runs have some seconds to end by themselves."""
    threading.Thread(target=mark_runs).start()
    signal.default_int_handler(number, frame)


def end_with_any_thread(failed: threading.ExceptHookArgs) -> None:
    """End the whole process, for Docker to start it anew.

    The thread that notices that a run has died ends for good when it meets a database that is away
    just then. Without it this server would look well and leave runs shown as running for ever.
    """
    traceback.print_exception(failed.exc_type, failed.exc_value, failed.exc_traceback)
    os._exit(1)


if __name__ == "__main__":
    threading.excepthook = end_with_any_thread
    signal.signal(signal.SIGINT, asked_to_stop)  # Dagster takes it for SIGTERM as well
    if lost := lost_runs():
        threading.Thread(target=end_when_serving, args=(lost,), daemon=True).start()
    location = ("--location-name", "mlops_assets", "--module-name", "mlops_assets.definitions")
    listen = ("--host", "0.0.0.0", "--port", PORT)  # noqa: S104 - the network is the stack's own
    sys.argv = ["dagster", "api", "grpc", *location, *listen]
    dagster_command()
