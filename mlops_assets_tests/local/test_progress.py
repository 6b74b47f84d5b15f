"""Progress is a line for every asset, once, also where there is no terminal."""

import io

from rich.console import Console

from mlops_assets.local.graphql import Run, Step
from mlops_assets.local.progress import Progress


def run(*steps):
    return Run("1", "iris_daily", "STARTED", {"dagster/partition": "2026-01-02"}, steps)


def test_every_asset_that_has_ended_gets_one_line_with_its_seconds():
    console = Console(file=io.StringIO(), width=100)
    done = Step("drifted_batch", "SUCCESS", 10.0, 11.5)
    with Progress(console) as progress:
        progress.show("2026-01-02", run())
        progress.show("2026-01-02", run(done, Step("predictions", "IN_PROGRESS", 12.0, None)))
        progress.show("2026-01-02", run(done, Step("predictions", "FAILURE", 12.0, 14.0)))
        progress.outcome("2026-01-02", "quarantined: columns [a] are missing")
    lines = console.file.getvalue().splitlines()
    assert [" ".join(line.split()[2:]) for line in lines] == [
        "2026-01-02 drifted_batch done in 1.5 s",
        "2026-01-02 predictions failed in 2.0 s",
        "2026-01-02 quarantined: columns [a] are missing",
    ]


def test_a_terminal_shows_what_runs_right_now():
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with Progress(console) as progress:
        progress.show("2026-01-02", run(Step("candidate_model", "IN_PROGRESS", 12.0, None)))
        progress.waiting("2026-01-02", "the drift sensor")
        progress.say("2026-01-02", "done")
    shown = console.file.getvalue()
    assert "\x1b[" in shown
    assert "done" in shown
