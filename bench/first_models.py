"""Is the first production model as good as the better of two that everybody knows?

``make bench-first-models``. A logistic regression (of numbers: ridge regression) and LightGBM are
fitted as anybody would, with scaled numbers and encoded categories; beside them the search with its
default settings, on the same rows. All are judged on rows that none of them has seen.
"""

import argparse
import datetime as dt
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from mlops_assets.data.columns import Columns
from mlops_assets.data.flights import flights
from mlops_assets.data.sources import SklearnSource, read_source
from mlops_assets.metrics import Metric, Task, get_metric
from mlops_assets.predicted import Predicted
from mlops_assets.training.automl import train
from mlops_assets.training.features import predicted_by
from mlops_assets.training.policy import TrainingPolicy

BEHIND = 0.01  # of ROC AUC; of numbers, of the error
SPLITS = 5
OF_NUMBERS = 20  # whose error differs more between splits: 5 % from one to the next
JUDGED = 0.4  # of a table's rows
LATER_DAYS = 28  # of flights, on which they are judged
CHURN_ROWS, CHURN_UNSEEN = 3000, 30_000


@dataclass(frozen=True)
class Case:
    """Rows to learn from, rows to be judged on, and what is to be told."""

    learn: pd.DataFrame
    judge: pd.DataFrame
    columns: Columns
    task: Task
    policy: TrainingPolicy

    @property
    def metric(self) -> Metric:
        """ROC AUC; of numbers the root of the mean squared error."""
        target = self.learn[self.columns.target]
        positive = target.value_counts().index[-1] if target.nunique() == 2 else None
        if self.task == "regression":
            return get_metric("rmse", self.task)
        return get_metric("roc_auc", self.task, positive)


@dataclass(frozen=True)
class Score:
    """How the search's model did, and the better of the two; and which algorithm it is."""

    ours: float
    best: float
    algorithm: str


def cases() -> Iterator[tuple[str, list[Callable[[], Case]]]]:
    """The tables by name, each with its splits."""
    yield "churn, 9 % yes, linear", [lambda seed=seed: churn(seed) for seed in range(SPLITS)]
    for name in ("iris", "wine", "breast_cancer", "diabetes"):
        splits = range(OF_NUMBERS if name == "diabetes" else SPLITS)
        yield name, [lambda name=name, seed=seed: bundled(name, seed) for seed in splits]
    yield "flights, January for February", [january]


def churn(seed: int) -> Case:
    """A made-up table with 9 % yes, of which a linear rule tells the odds."""
    rng = np.random.default_rng([71, seed])

    def rows(count: int) -> pd.DataFrame:
        values = rng.normal(size=(count, 6))
        plan = rng.choice(["basic", "plus", "pro"], count)
        odds = -2.9 + values @ [0.9, -0.6, 0.4, 0.2, 0, 0] + 0.5 * (plan == "basic")
        table = pd.DataFrame(values * [1, 20, 500, 1, 1, 1], columns=[f"x{n}" for n in range(6)])
        yes = rng.random(count) < 1 / (1 + np.exp(-odds))
        return table.assign(plan=plan, churned=np.where(yes, "yes", "no"))

    columns = Columns(target="churned")
    policy = TrainingPolicy()
    return Case(rows(CHURN_ROWS), rows(CHURN_UNSEEN), columns, "classification", policy)


def bundled(name: Any, seed: int) -> Case:
    """One of scikit-learn's tables, split at random."""
    table = read_source(SklearnSource(kind="sklearn", dataset=name), None)
    task: Task = "regression" if name == "diabetes" else "classification"
    target = {"iris": "species", "wine": "cultivar", "breast_cancer": "diagnosis"}
    judged = np.random.default_rng([72, seed]).random(len(table)) < JUDGED
    columns = Columns(target=target.get(name, "progression"))
    return Case(table[~judged], table[judged], columns, task, TrainingPolicy())


def january() -> Case:
    """The flights of January, judged on the four weeks after; with the example's settings."""
    first = dt.date(2013, 1, 29)
    later = [flights(first + dt.timedelta(days=day)) for day in range(LATER_DAYS)]
    columns = Columns(target="late", timestamp="scheduled")
    policy = TrainingPolicy(folds=5, algorithms=["lr", "nb", "lda", "dt", "lightgbm"])
    return Case(flights(None), pd.concat(later), columns, "classification", policy)


def compared(case: Case) -> Score:
    """The search beside the two, on rows that none of them has seen."""
    truth = case.judge[case.columns.target].to_numpy()
    found = train(case.learn, case.columns, case.task, case.policy, lambda _: None)
    ours = case.metric.score(truth, found.model.predict(case.judge))
    two = [case.metric.score(truth, _known(case, name)) for name in ("linear", "lightgbm")]
    best = max(two) if case.metric.greater_is_better else min(two)
    return Score(ours, best, found.algorithm)


def _known(case: Case, name: str) -> Predicted:
    features = case.columns.features(case.learn)
    pipeline = _pipeline(case.task, name)
    pipeline.fit(case.learn[features], case.learn[case.columns.target])
    return predicted_by(pipeline, case.judge[features])


def _pipeline(task: Task, name: str) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    texts = OneHotEncoder(handle_unknown="ignore", min_frequency=20, sparse_output=False)
    encoded = make_column_transformer(
        (texts, make_column_selector(dtype_include=object)),
        (
            make_pipeline(SimpleImputer(), StandardScaler()),
            make_column_selector(dtype_include="number"),
        ),
    ).set_output(transform="pandas")
    forest = {"n_jobs": 1, "verbose": -1, "random_state": 0}
    estimators = {
        ("classification", "linear"): LogisticRegression(max_iter=1000),
        ("regression", "linear"): Ridge(),
        ("classification", "lightgbm"): LGBMClassifier(**forest),
        ("regression", "lightgbm"): LGBMRegressor(**forest),
    }
    return make_pipeline(encoded, estimators[task, name])


def behind(scores: list[Score], metric: Metric) -> float:
    """By how much the search is behind the better one in the mean; of an error, as a share."""
    lost = [metric.improvement(each.best, each.ours) for each in scores]
    return float(np.mean(lost)) / (
        1 if metric.greater_is_better else float(np.mean([each.best for each in scores]))
    )


def main() -> int:
    """Print the table; the exit code says whether the bar is met (with CHECK=1)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="only tables whose name contains this")
    only = parser.parse_args().only or ""
    shown = Table(title="The first production model beside the better of two", title_justify="left")
    for heading in ("table", "metric", "ours", "the better one", "behind", "algorithms", "bar", ""):
        shown.add_column(heading)
    met = True
    for name, splits in cases():
        if only not in name:
            continue
        made = [split() for split in splits]
        metric, scores = made[0].metric, [compared(case) for case in made]
        lost = behind(scores, metric)
        met &= lost <= BEHIND
        shown.add_row(
            *(name, metric.name, f"{np.mean([each.ours for each in scores]):.4f}"),
            *(f"{np.mean([each.best for each in scores]):.4f}", f"{lost:+.4f}"),
            *(", ".join(each.algorithm for each in scores), f"<= {BEHIND:g}"),
            "[green]met[/]" if lost <= BEHIND else "[red]missed[/]",
        )
    Console(width=None if sys.stdout.isatty() else 160).print(shown)
    return 1 if os.environ.get("CHECK") == "1" and not met else 0


if __name__ == "__main__":
    sys.exit(main())
