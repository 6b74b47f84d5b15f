"""Memory and time of a day with a million rows of twenty columns: ``make bench-large-batch``."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
from rich.console import Console

BASELINE_ROWS, ROWS = 50_000, 1_000_000
DAY = "2026-01-01"
STEPS = {
    "baseline": ("baseline_data", "baseline_model"),
    "day": ("drifted_batch", "predictions", "drift_report"),
}


def table(rows: int, seed: int, moved_by: float) -> pd.DataFrame:
    """Seventeen numbers, a category, a boolean and a target of two classes."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(rows, 17)) + moved_by
    says_yes = numbers[:, 0] + numbers[:, 1] + rng.normal(size=rows) > 2 * moved_by
    return pd.DataFrame(numbers, columns=[f"number_{i}" for i in range(17)]).assign(
        category=rng.choice(list("abcdef"), rows),
        flag=rng.random(rows) < 0.4,
        target=np.where(says_yes, "yes", "no"),
    )


def definitions(folder: Path) -> dg.Definitions:
    """The model over the tables of the folder, with a quick search."""
    from mlops_assets.component import ModelLifecycle

    model = ModelLifecycle.model_validate(
        {
            "name": "large",
            "columns": {"target": "target"},
            "baseline": {"kind": "parquet", "url": str(folder / "baseline.parquet")},
            "batches": {"kind": "parquet", "url": str(folder / "{date}.parquet")},
            "start_date": DAY,
            "training": {"algorithms": ["lr", "lightgbm"], "folds": 3},
        }
    )
    made = model.build_defs(dg.ComponentTree.for_test().load_context)
    return dg.Definitions.merge(made, dg.Definitions(executor=dg.in_process_executor))


def run(what: str, folder: Path) -> None:
    """One run in this process; prints its time, its steps' times and its peak of memory."""
    begun = time.perf_counter()
    with dg.DagsterInstance.ephemeral() as instance:
        result = (
            definitions(folder)
            .resolve_implicit_global_asset_job_def()
            .execute_in_process(
                instance=instance,
                partition_key=DAY if what == "day" else None,
                asset_selection=[dg.AssetKey(["large", step]) for step in STEPS[what]],
            )
        )
        steps = {
            event.step_key: event.event_specific_data.duration_ms / 1000
            for event in result.get_step_success_events()
        }
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    told = ", ".join(f"{name.removeprefix('large__')} {took:.0f} s" for name, took in steps.items())
    Console().print(f"{what}: {seconds:.0f} s ({told}), peak memory {peak:.2f} GB")


def main() -> None:
    """Make the tables, then run baseline and day, each in a process of its own."""
    if len(sys.argv) > 1:
        run(sys.argv[1], Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table(BASELINE_ROWS, 0, 0.0).to_parquet(folder / "baseline.parquet")
        table(ROWS, 1, 0.3).to_parquet(folder / f"{DAY}.parquet")
        environment = {**os.environ, "MLOPS_HOME": str(folder / "home"), "DO_NOT_TRACK": "true"}
        for what in STEPS:
            command = [sys.executable, "-W", "ignore", "-m", "bench.large_batch", what, name]
            subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)  # noqa: S603


if __name__ == "__main__":
    main()
