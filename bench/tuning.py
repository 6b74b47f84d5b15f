"""What does tuning gain on rows that nobody has seen, and what does it cost? ``make bench-tuning``.

Half of a table is learned from, by default parameters and tuned; the other half judges both.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
from rich.console import Console
from sklearn import datasets
from sklearn.model_selection import train_test_split

from mlops_assets.data.columns import Columns
from mlops_assets.data.flights import flights
from mlops_assets.metrics import Task, get_metric
from mlops_assets.training.automl import Trained, train
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.tuning import Tuning

TABLES: dict[str, tuple[Task, str]] = {
    "wine": ("classification", "f1_macro"),
    "breast_cancer": ("classification", "roc_auc"),
    "diabetes": ("regression", "rmse"),
    "flights": ("classification", "roc_auc"),
}
FLIGHTS = 2000  # rows to learn from
UNSEEN = 10_000  # rows to judge by, at the most
NONE = Tuning(trials=0)  # what came of tuning: the defaults


def halves(name: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to learn from, and rows to judge by; the target is ``y``."""
    task, _ = TABLES[name]
    if name == "flights":
        frame = flights(None).drop(columns="scheduled").rename(columns={"late": "y"})
    else:
        frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
        frame = frame.rename(columns={"target": "y"})
    learn, unseen = train_test_split(
        frame,
        train_size=FLIGHTS if name == "flights" else 0.5,
        random_state=seed,
        stratify=frame["y"] if task == "classification" else None,
    )
    return learn, unseen.iloc[:UNSEEN]


Measured = tuple[Trained, float, float]


def measured(name: str, seed: int, policy: TrainingPolicy) -> Iterator[Measured]:
    """By default and tuned: the outcome, its score on unseen rows, and the seconds of computing."""
    task, metric_name = TABLES[name]
    learn, unseen = halves(name, seed)
    # Of two classes the later one, which is late, or benign.
    classes = sorted(unseen["y"].unique().tolist())
    positive = classes[1] if len(classes) == 2 else None
    metric = get_metric(metric_name, task, positive)
    columns = Columns(target="y", positive=positive)
    for tuned in (NONE, None):
        begun = time.process_time()
        outcome = train(learn, columns, task, policy, lambda _: None, None, tuned)
        score = metric.score(unseen["y"].to_numpy(), outcome.model.predict(unseen))
        yield outcome, score, time.process_time() - begun


def main() -> None:
    """Print a line a table and seed, and the mean gain of each table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=60, help="of tuning, at the most")
    parser.add_argument("--algorithms", nargs="+", help="PyCaret's ids (default: its default ones)")
    given = parser.parse_args()
    console = Console(highlight=False)
    for name in given.tables:
        task, metric_name = TABLES[name]
        sign = 1 if get_metric(metric_name, task).greater_is_better else -1
        gains = []
        for seed in range(given.seeds):
            policy = TrainingPolicy(
                metric=metric_name,
                algorithms=given.algorithms,
                folds=given.folds,
                seed=seed,
                tune_minutes=given.minutes,
            )
            (plain, before, cost), (tuned, after, more) = measured(name, seed, policy)
            assert tuned.tuning is not None
            gains.append(sign * (after - before))
            console.print(
                f"{name} {seed}: {metric_name} on unseen rows {before:.4f} ({plain.algorithm}, "
                f"{cost:.0f} s of computing), tuned {after:.4f} "
                f"({tuned.tuning.algorithm or 'defaults stay'}, {more:.0f} s, "
                f"{tuned.tuning.trials} trials, expected gain {tuned.tuning.gain:.4f})"
            )
        console.print(f"{name}: tuning gains {np.mean(gains):+.4f} (worst {min(gains):+.4f})")


if __name__ == "__main__":
    main()
