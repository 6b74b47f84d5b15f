"""Are scores that are estimated without labels right? ``make bench-estimates``.

Models are fitted on the baseline's train part; the days' labels are withheld, and then held
against what was expected.
"""

import argparse
import datetime as dt
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from rich.console import Console
from rich.table import Table

from mlops_assets.data.columns import Columns
from mlops_assets.data.flights import flights
from mlops_assets.data.sources import SklearnSource, SyntheticSource, read_source
from mlops_assets.data.splits import held_out
from mlops_assets.drift.estimate import (
    MAX_ROWS,
    MOST_DAYS,
    Estimate,
    Reading,
    agreement,
    estimate_score,
    expected_score,
)
from mlops_assets.drift.predicted_errors import Known, estimate_error
from mlops_assets.drift.score import Scored
from mlops_assets.lifecycle.reference import periods_of_times
from mlops_assets.metrics import Metric, Task, get_metric
from mlops_assets.predicted import Predicted
from mlops_assets.random_effects import Measured
from mlops_assets.training.features import predicted_by

METRICS: dict[Task, tuple[str, ...]] = {
    "classification": ("f1_macro", "accuracy"),
    "regression": ("rmse", "mae"),
}
YEAR_END = dt.date(2013, 12, 31)
FIRST = dt.date(2013, 1, 29)
SYNTHETIC_DAYS = 60
MODELS = ("lr", "lightgbm")
LATE = 8  # days after which labels come, where they do
_FLIGHTS = Columns(target="late", timestamp="scheduled")


@dataclass(frozen=True)
class Day:
    """What a model says of a day, its true labels, and whether the day is like the baseline."""

    truth: np.ndarray
    predicted: Predicted
    usual: bool
    rows: pd.DataFrame


@dataclass(frozen=True)
class Stream:
    """A model on its days: the baseline's holdout, with the day of each row, and all later ones."""

    holdout: Scored
    periods: np.ndarray
    days: list[Day]
    rows: pd.DataFrame
    task: Task = "classification"


def fitted(rows: pd.DataFrame, target: str, model: str, task: Task = "classification") -> Any:
    """A pipeline fitted on a table of numbers and texts."""
    from lightgbm import LGBMClassifier, LGBMRegressor
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    encoded = make_column_transformer(
        (
            OneHotEncoder(handle_unknown="ignore", min_frequency=20, sparse_output=False),
            make_column_selector(dtype_include=object),
        ),
        (
            make_pipeline(SimpleImputer(), StandardScaler()),
            make_column_selector(dtype_include="number"),
        ),
    ).set_output(transform="pandas")
    trees: dict[str, Any] = {"n_estimators": 100, "num_leaves": 15, "n_jobs": 1, "verbose": -1}
    numbers = task == "regression"
    if model == "lr":
        chosen = Ridge() if numbers else LogisticRegression(max_iter=1000)
    else:
        chosen = (LGBMRegressor if numbers else LGBMClassifier)(random_state=0, **trees)
    return make_pipeline(encoded, chosen).fit(rows.drop(columns=target), rows[target])


def flights_stream(model: str, every: int) -> Stream:
    """The flights of 2013, of whose days each so many-th is looked at."""
    baseline = flights(None)
    held = held_out(baseline, _FLIGHTS, 0.3, 0, "classification")
    pipeline = fitted(baseline[~held].drop(columns="scheduled"), "late", model)
    kept = baseline[held]
    dates = [FIRST + dt.timedelta(days=place) for place in range((YEAR_END - FIRST).days + 1)]
    tables = {day: flights(day) for day in dates[::every]}
    # Nobody knows which days are like January's: the four weeks after it are as near as any.
    usual = FIRST + dt.timedelta(days=28)
    days = [
        Day(rows["late"].to_numpy(), _said(pipeline, rows, "late", "scheduled"), day < usual, rows)
        for day, rows in tables.items()
        if len(rows)
    ]
    holdout = Scored(kept["late"].to_numpy(), _said(pipeline, kept, "late", "scheduled"))
    return Stream(holdout, periods_of_times(kept["scheduled"]), days, kept)


def best_possible(model: str, every: int, metric_name: str) -> tuple[float, float, int]:
    """What probabilities of the whole year would know of the January model's score on its days.

    They are those of a model of all odd days, read as they are, on the even ones: it has seen each
    season, so that what it misses is not in the columns of a day, but in the day.

    Returns:
        The mean absolute error, that of labels drawn by chance alone, and the days.
    """
    stream_days = [FIRST + dt.timedelta(days=place) for place in range((YEAR_END - FIRST).days + 1)]
    odd = [flights(day) for day in stream_days if day.toordinal() % 2]
    even = [flights(day) for day in stream_days if not day.toordinal() % 2][::every]
    baseline = flights(None)
    held = held_out(baseline, _FLIGHTS, 0.3, 0, "classification")
    production = fitted(baseline[~held].drop(columns="scheduled"), "late", model)
    learned = pd.concat([rows for rows in odd if len(rows)], ignore_index=True)
    of_year = fitted(learned.drop(columns="scheduled"), "late", "lightgbm")
    metric, missed, by_chance = get_metric(metric_name, "classification"), [], []
    for rows in even:
        if rows.empty:
            continue
        labels = _said(production, rows, "late", "scheduled").labels
        known = _said(of_year, rows, "late", "scheduled")
        as_known = Reading(np.array([1.0, 0.0]), np.zeros((2, 2)))
        said = Predicted(labels, known.probabilities, known.classes)
        drawn = expected_score(said, as_known, metric, 0)
        assert drawn is not None, "there are probabilities"
        missed.append(abs(drawn.score - metric.score(rows["late"].to_numpy(), labels)))
        by_chance.append(drawn.error * np.sqrt(2 / np.pi))
    return float(np.mean(missed)), float(np.mean(by_chance)), len(missed)


def example_stream(folder: Path, model: str) -> Stream:
    """A ready example with a made-up story: its regimes that have all columns, in turn."""
    settings = yaml.safe_load((folder / "defs.yaml").read_text(encoding="utf-8"))["attributes"]
    target, told = settings["columns"]["target"], settings["batches"]
    task: Task = settings["task"]
    baseline = read_source(SklearnSource.model_validate(settings["baseline"]), None)
    held = held_out(baseline, Columns(target=target), 0.3, 0, task)
    pipeline = fitted(baseline[~held], target, model, task)
    names = [
        name
        for name, regime in told["regimes"].items()
        if name in told["story"] and not {"drop", "scrambled"} & regime.keys()
    ]
    source = SyntheticSource.model_validate(told | {"story": names[:1], "then": names})
    days = []
    for place in range(SYNTHETIC_DAYS):
        rows = read_source(source, source.start_date + dt.timedelta(days=place))
        said = _said(pipeline, rows, target)
        name = names[(place - 1) % len(names)] if place else names[0]
        features = rows.drop(columns=target)
        days.append(Day(rows[target].to_numpy(), said, name == "usual", features))
    kept = baseline[held]
    holdout = Scored(kept[target].to_numpy(), _said(pipeline, kept, target))
    features = kept.drop(columns=target)
    return Stream(holdout, np.full(len(kept), -1), days, features, task)


def _said(pipeline: Any, rows: pd.DataFrame, *roles: str) -> Predicted:
    return predicted_by(pipeline, rows.drop(columns=list(roles)))


def measured(stream: Stream, metric_name: str, late: int | None) -> Iterator[tuple[float, ...]]:
    """Of each day: estimate, lower, upper, realised score, and 1 where the day is usual.

    Args:
        stream: The days.
        metric_name: What they are scored by.
        late: How many days later labels come; None: never.
    """
    metric = get_metric(metric_name, stream.task)
    misses: list[Measured] = []
    for place, day in enumerate(stream.days):
        labelled = 0 if late is None else max(0, place - late + 1)
        if stream.task == "regression":
            found = by_errors(stream, day, stream.days[:labelled], metric)
        else:
            found = estimate_score(
                day.predicted, stream.holdout, stream.periods, misses[:labelled], metric, 0
            )
        score = metric.score(day.truth, day.predicted.labels)
        assert found is not None, "there are rows enough, and probabilities of classes"
        misses.append(Measured(score - found.expected, len(day.truth)))
        yield found.score, found.lower, found.upper, score, float(day.usual)


def by_errors(stream: Stream, day: Day, before: list[Day], metric: Metric) -> Estimate | None:
    """The score to expect of numbers, by the holdout and some days whose labels are known."""
    first, most = int(stream.periods.max(initial=-1)) + 1, MAX_ROWS // MOST_DAYS
    tables, truths, said, periods = [stream.rows], [stream.holdout.y_true], [], [stream.periods]
    said.append(Predicted.of(stream.holdout.y_pred))
    for place, each in enumerate(before[-MOST_DAYS:]):
        tables.append(each.rows[:most])
        truths.append(each.truth[:most])
        said.append(each.predicted[:most])
        periods.append(np.full(len(truths[-1]), first + place))
    known = Known(
        pd.concat(tables, ignore_index=True),
        Scored(np.concatenate(truths), Predicted.joined(said)),
        np.concatenate(periods),
    )
    return estimate_error(day.rows, day.predicted, known, metric, 0)


def best_possible_of_numbers(stream: Stream, metric_name: str) -> tuple[float, float, int]:
    """What the errors on half of the days would know of the others, once all regimes are seen.

    Every other pair of days: of two regimes in turn, each half has both.

    Returns:
        The mean absolute error, that of what chance alone does, and the days.
    """
    metric = get_metric(metric_name, "regression")
    missed, by_chance = [], []
    learned = [day for place, day in enumerate(stream.days) if place // 2 % 2]
    others = [day for place, day in enumerate(stream.days) if not place // 2 % 2]
    for day in others:
        found = by_errors(stream, day, learned, metric)
        assert found is not None, "there are rows enough"
        missed.append(abs(found.score - metric.score(day.truth, day.predicted.labels)))
        by_chance.append(found.error * np.sqrt(2 / np.pi))
    return float(np.mean(missed)), float(np.mean(by_chance)), len(missed)


def tell(name: str, stream: Stream, shown: Table) -> bool:
    """Measure a stream; returns whether both bars are met wherever labels come late or never."""
    met = True
    for metric in METRICS[stream.task]:
        for late in (None, LATE):
            rows = list(measured(stream, metric, late))
            every = agreement([row[:4] for row in rows])  # pyright: ignore[reportArgumentType]
            usual = agreement([row[:4] for row in rows if row[4]])  # pyright: ignore[reportArgumentType]
            assert every is not None
            third = float(np.std([row[3] for row in rows])) / 3
            covered = usual.covered if usual else float("nan")
            enough = every.error <= third and 0.9 <= covered <= 0.99
            met = met and enough
            cells = (f"{every.error:.3f}", f"{third:.3f}", f"{every.covered:.1%}", f"{covered:.1%}")
            when = "never" if late is None else f"{late} days later"
            shown.add_row(name, metric, when, str(every.days), *cells, "yes" if enough else "no")
    return met


def main() -> int:
    """Measure and tell; the exit code says whether the bars are met (with CHECK=1)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="look at each so many-th day of 2013")
    parser.add_argument("--only", nargs="+", help="flights, iris, wine, breast_cancer, diabetes")
    parser.add_argument("--models", nargs="+", default=MODELS, help="lr, lightgbm")
    arguments = parser.parse_args()
    shown = Table("data, model", "metric", "labels", "days", title="estimates without labels")
    for heading in ("mean |error|", "at most", "covered", "usual days", "met"):
        shown.add_column(heading, justify="right")
    package = Path(__file__).parent.parent / "mlops_assets"
    folders = {
        "iris": package / "defs" / "iris",
        "wine": package / "examples" / "wine",
        "breast_cancer": package / "examples" / "breast_cancer",
        "diabetes": package / "examples" / "diabetes",
    }
    met, oracles = True, []
    for name in arguments.only or ["flights", *folders]:
        for model in arguments.models:
            stream = (
                flights_stream(model, arguments.every)
                if name == "flights"
                else example_stream(folders[name], model)
            )
            met = tell(f"{name}, {model}", stream, shown) and met
            if stream.task == "regression":
                oracles += [
                    (f"{name}, {model}, {metric}", best_possible_of_numbers(stream, metric))
                    for metric in METRICS["regression"]
                ]
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(shown)
    for what, (missed, chance, days) in oracles:
        console.print(
            f"{what}: the errors on half of the days would miss by {missed:.3f} on {days} others; "
            f"chance alone by {chance:.3f}"
        )
    if "flights" in (arguments.only or ["flights"]):
        for metric in METRICS["classification"]:
            missed, chance, days = best_possible(arguments.models[0], arguments.every, metric)
            console.print(
                f"flights, {arguments.models[0]}, {metric}: a model of the whole year's odd days "
                f"would miss by {missed:.3f} on {days} even ones; labels alone by {chance:.3f}"
            )
    return 1 if os.environ.get("CHECK") == "1" and not met else 0


if __name__ == "__main__":
    sys.exit(main())
