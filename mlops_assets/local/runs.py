"""Ends the runs whose process is gone, so that none is shown as running for ever."""

from pathlib import Path

from mlops_assets.local.home import dagster_home


def end_orphaned_runs(home: Path) -> int:
    """Marks as failed every run that is recorded as running; returns how many there were.

    Only for the holder of the home, while no code server runs: then no such run has a process.
    Runs that are still queued stay so; the next daemon launches them.
    """
    if not (dagster_home(home) / "history").exists():
        return 0
    import dagster as dg  # 1 to 2 s, which a fresh home need not wait for

    running = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.CANCELING,
        ]
    )
    with dg.DagsterInstance.from_config(str(dagster_home(home))) as instance:
        runs = instance.get_runs(filters=running)
        for run in runs:
            if run.status is dg.DagsterRunStatus.CANCELING:
                instance.report_run_canceled(run, "Its process was stopped.")
            else:
                instance.report_run_failed(
                    run, "The servers were stopped while it ran. Launch it again."
                )
    return len(runs)
