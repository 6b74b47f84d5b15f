"""Ends the runs whose process is gone, so that none is shown as running for ever."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from mlops_assets.local.home import dagster_home


def end_orphaned_runs(home: Path, stopped: datetime | None = None) -> int:
    """Ends every run that is recorded as running; returns how many there were.

    Only for the holder of the home, while no code server runs: then no such run has a process.
    Runs that are still queued stay so; the next daemon launches them.

    Args:
        home: The folder of all state.
        stopped: When the servers were asked to stop, if they were: what has ended since then is no
            fault of the runs, and does not count as a try.
    """
    if not (dagster_home(home) / "history").exists():
        return 0
    # 1 to 2 s, which a fresh home need not wait for.
    import dagster as dg

    from mlops_assets.runs import end_lost_runs, mark_stopped, with_process

    with dg.DagsterInstance.from_config(str(dagster_home(home))) as instance:
        ended = end_lost_runs(
            instance, with_process(instance), "The servers were stopped while it ran."
        )
        if stopped is not None:
            mark_stopped(instance, stopped)
    return ended


@contextmanager
def lost_runs_ended(home: Path) -> Iterator[None]:
    """Ends the runs of a code server that has died, once another one is there to try them again."""
    import dagster as dg

    from mlops_assets.runs import end_lost_runs, with_process

    with dg.DagsterInstance.from_config(str(dagster_home(home))) as instance:
        lost = with_process(instance)
        yield
        end_lost_runs(instance, lost, "Its process ended with the code server.")
