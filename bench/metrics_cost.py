"""What each metric costs over 2,000 resamples of 20,000 rows: ``make bench-metrics``.

So many rows and resamples are what a comparison of two models takes at the most. Seconds are those
of the processor, which other programs hardly change; memory is what numpy holds at once.
"""

import argparse
import os
import sys
import time
import tracemalloc
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from mlops_assets.metrics import Metric, get_metric, metrics_for
from mlops_assets.predicted import Predicted

BAR = 5.0
ROWS, RESAMPLES = 20_000, 2_000
AT_ONCE = 200  # resamples that are drawn at a time, as the bootstrap of the gate has it
CLASSES = 5
OF_ONE = (
    *("roc_auc", "average_precision", "log_loss", "brier", "f1"),
    *("precision_at(0.1)", "recall_at(0.1)", "expected_cost(fp=1, fn=20)"),
)
OF_SEVERAL = ("roc_auc", "average_precision", "log_loss", "brier")
OF_NUMBERS = ("mape", "pinball(0.9)")


@dataclass(frozen=True)
class Cost:
    """Of all resamples together, and the most that is held at a time, without the indices."""

    seconds: float
    megabytes: float


def binary(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, Predicted]:
    """Eight in a hundred are positive; every probability is another."""
    truth = rng.random(rows) < 0.08
    said = 1 / (1 + np.exp(3 - 1.5 * truth - rng.normal(size=rows)))
    return truth, Predicted(said > 0.5, np.column_stack([1 - said, said]), np.array([False, True]))


def several(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, Predicted]:
    """Five even classes, with probabilities that are all different."""
    truth = rng.integers(0, CLASSES, rows)
    weights = np.exp(rng.normal(size=(rows, CLASSES)) + np.eye(CLASSES)[truth])
    said = weights / weights.sum(axis=1, keepdims=True)
    return truth, Predicted(said.argmax(axis=1), said, np.arange(CLASSES))


def numbers(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, Predicted]:
    """Values around 10, predicted with an error of 1."""
    truth = rng.normal(10, 3, rows)
    return truth, Predicted(truth + rng.normal(size=rows))


def cost(metric: Metric, truth: np.ndarray, predicted: Predicted, resamples: int) -> Cost:
    """What the metric costs, drawn a batch at a time; drawing does not count."""
    rng = np.random.default_rng(0)
    metric.score(truth, predicted)  # with what Python imports on first use
    seconds, rows = 0.0, len(truth)
    for start in range(0, resamples, AT_ONCE):
        indices = rng.integers(0, rows, (min(AT_ONCE, resamples - start), rows))
        begun = time.process_time()
        metric.resampled(truth, predicted, indices)
        seconds += time.process_time() - begun
    # Tracing takes time of its own, so memory is looked at apart.
    tracemalloc.start()
    metric.resampled(truth, predicted, rng.integers(0, rows, (AT_ONCE, rows)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Cost(seconds, (most - AT_ONCE * rows * 8) / 1e6)


def costs(rows: int, resamples: int) -> dict[tuple[str, str], Cost]:
    """What each metric costs, by what it is of and its name."""
    rng = np.random.default_rng(0)
    labels = tuple(metric.name for metric in metrics_for("classification"))
    values = tuple(metric.name for metric in metrics_for("regression"))
    found = {}
    truth, predicted = binary(rng, rows)
    for name in (*OF_ONE, *labels):
        metric = get_metric(name, "classification", True)
        found["two classes", name] = cost(metric, truth, predicted, resamples)
    truth, predicted = several(rng, rows)
    for name in (*OF_SEVERAL, *labels):
        metric = get_metric(name, "classification")
        found[f"{CLASSES} classes", name] = cost(metric, truth, predicted, resamples)
    truth, predicted = numbers(rng, rows)
    for name in (*OF_NUMBERS, *values):
        metric = get_metric(name, "regression")
        found["numbers", name] = cost(metric, truth, predicted, resamples)
    return found


def main() -> int:
    """Measure and tell; the exit code says whether the bar is met (with CHECK=1)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--resamples", type=int, default=RESAMPLES)
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 150)
    title = f"{arguments.resamples:,} resamples of {arguments.rows:,} rows"
    shown = Table("of", "metric", title=title, title_justify="left")
    for heading in ("seconds", "MB"):
        shown.add_column(heading, justify="right")
    found = costs(arguments.rows, arguments.resamples)
    for (kind, name), each in found.items():
        shown.add_row(kind, name, f"{each.seconds:.2f}", f"{each.megabytes:.0f}")
    console.print(shown)
    worst = max(found, key=lambda each: found[each].seconds)
    seconds = found[worst].seconds
    console.print(
        f"{worst[1]} of {worst[0]} costs most, {seconds:.2f} s; the bar is {BAR:g} s for each"
    )
    return 1 if os.environ.get("CHECK") == "1" and seconds > BAR else 0


if __name__ == "__main__":
    sys.exit(main())
