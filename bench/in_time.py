"""What dates and folds bring where rows come in time: flights, scored on the month that follows.

    python -W ignore -m bench.in_time

Every algorithm learns from some flights of 28 days and is scored on as many of the next 28 days.
"""

import argparse
import datetime as dt
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from mlops_assets.data.flights import flights
from mlops_assets.metrics import get_metric
from mlops_assets.training.dates import varying_parts
from mlops_assets.training.engines import catalogue
from mlops_assets.training.features import model_input, predicted_by
from mlops_assets.training.pipelines import pipeline_of
from mlops_assets.training.weights import fit_weighted, quietly

DAYS = 28
FIRST = dt.date(2013, 1, 29)  # those before are the baseline's
WINDOWS = 10
NAMES = ("lr", "nb", "knn", "ridge", "dt", "rf", "et", "ada", "lightgbm")
FOLDS = 5
TREES = 30  # of a forest: a third of the usual, as it is fitted two hundred times
METRICS = {name: get_metric(name, "classification", "yes") for name in ("roc_auc", "f1_macro")}


@dataclass(frozen=True)
class Window:
    """Flights to learn from, and those of the month that follows."""

    learn: pd.DataFrame
    later: pd.DataFrame


def windows(rows: int, seed: int) -> Iterator[Window]:
    """Each of the year's windows, with so many rows on either side, in the order of time."""
    months = [flights(None)] + [
        pd.concat([flights(FIRST + dt.timedelta(days=DAYS * month + day)) for day in range(DAYS)])
        for month in range(WINDOWS)
    ]
    drawn = [one.sample(rows, random_state=seed).sort_values("scheduled") for one in months]
    for learn, later in pairwise(one.reset_index(drop=True) for one in drawn):
        yield Window(learn, later)


def dates(rows: int, seed: int) -> Table:
    """ROC AUC of the following month with the moment of departure as the only word of the time."""
    table = Table("algorithm", "days since 1970", "with parts", "gain (s.e.)", "better in", "s")
    offered = catalogue("pycaret", "classification", seed, 1)
    found: dict[str, list[list[float]]] = {name: [] for name in NAMES}
    for window in windows(rows, seed):
        features = [n for n in map(str, window.learn) if n not in ("hour", "weekday", "late")]
        tables = [model_input(one, features) for one in (window.learn, window.later)]
        parts = varying_parts(tables[0], ["scheduled"])
        for name in NAMES:
            ways = []
            for way in ({}, parts):
                begun = time.monotonic()
                pipeline = pipeline_of(offered[name], tables[0], "classification", way)
                ways += [_later(pipeline, window, tables)["roc_auc"], time.monotonic() - begun]
            found[name].append(ways)
    for name, ways in found.items():
        before, cost, after, costs = np.array(ways).T
        table.add_row(
            name,
            f"{before.mean():.4f}",
            f"{after.mean():.4f}",
            _with_error(after - before),
            f"{(after > before).sum()} of {len(after)}",
            f"{cost.mean():.2f} → {costs.mean():.2f}",
        )
    return table


def folds(rows: int, seed: int) -> Table:
    """What the algorithm that leads in cross-validation lacks in the following month."""
    table = Table("metric", "folds", "regret", "rank correlation", "promised too much")
    offered = catalogue("pycaret", "classification", seed, 1)
    found: dict[tuple[str, str], list[list[float]]] = {}
    for window in windows(rows, seed):
        features = [n for n in map(str, window.learn) if n not in ("scheduled", "late")]
        tables = [model_input(one, features) for one in (window.learn, window.later)]
        pipelines = [pipeline_of(offered[n], tables[0], "classification") for n in NAMES]
        for pipeline in pipelines:
            if "n_estimators" in pipeline[-1].get_params():
                pipeline[-1].set_params(n_estimators=TREES)
        later = [_later(one, window, tables) for one in pipelines]
        for way, said in _ways(window.learn, seed).items():
            scores = [
                _cross_validated(one, tables[0], window.learn["late"], said) for one in pipelines
            ]
            for metric in METRICS:
                came = np.array([one[metric] for one in later])
                told = np.array([one[metric] for one in scores])
                best = int(told.argmax())
                alike: Any = spearmanr(told, came)
                figures = [came.max() - came[best], alike.statistic, told[best] - came[best]]
                found.setdefault((metric, way), []).append(figures)
    for (metric, way), figures in sorted(found.items()):
        table.add_row(metric, way, *(_with_error(each) for each in np.array(figures).T))
    return table


def _ways(learn: pd.DataFrame, seed: int) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """For each way of folding: which rows are learned from and which are held out, as masks."""
    day = learn["scheduled"].dt.dayofyear
    block = np.searchsorted(np.arange(1, FOLDS) / FOLDS, day.rank(pct=True, method="average"))
    by_row, by_day = np.zeros((2, len(learn)), int)
    for fold, (_, held) in enumerate(
        StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(learn, learn["late"])
    ):
        by_row[held] = fold
    for fold, (_, held) in enumerate(
        StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(
            learn, learn["late"], day
        )
    ):
        by_day[held] = fold
    named = {"rows": by_row, "whole days": by_day, "blocks of days": block}
    made = {name: [(of != fold, of == fold) for fold in range(FOLDS)] for name, of in named.items()}
    return made | {"expanding": [(block < fold, block == fold) for fold in range(1, FOLDS)]}


def _cross_validated(
    pipeline: Any,
    table: pd.DataFrame,
    target: pd.Series,
    masks: list[tuple[np.ndarray, np.ndarray]],
) -> dict[str, float]:
    scores = {name: [] for name in METRICS}
    for learn, held in masks:
        with quietly():
            fitted: Any = clone(pipeline)
            fit_weighted(fitted, table[learn], target[learn], None)
            said = predicted_by(fitted, table[held])
        for name, metric in METRICS.items():
            scores[name].append(metric.score(target[held], said))
    return {name: float(np.mean(each)) for name, each in scores.items()}


def _later(pipeline: Any, window: Window, tables: list[pd.DataFrame]) -> dict[str, float]:
    with quietly():
        fit_weighted(pipeline, tables[0], window.learn["late"], None)
        said = predicted_by(pipeline, tables[1])
    return {name: metric.score(window.later["late"], said) for name, metric in METRICS.items()}


def _with_error(values: np.ndarray) -> str:
    return f"{values.mean():+.4f} ({values.std(ddof=1) / len(values) ** 0.5:.4f})"


def main() -> int:
    """Print what was measured."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=3000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--only", choices=["dates", "folds"])
    asked = options.parse_args()
    console = Console(width=110)
    for name, measure in {"dates": dates, "folds": folds}.items():
        if asked.only in (None, name):
            console.print(f"{name}:", measure.__doc__, measure(asked.rows, asked.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
