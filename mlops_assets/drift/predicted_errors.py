"""What a model's error is likely to be on rows without labels, by a model of its errors.

A small second model learns from labelled rows what each of them costs, such as its squared error,
by its features and what was predicted for it; then it says what to expect of rows whose labels
have not come (direct loss estimation, as NannyML has it). Every row is predicted by what was
learned from other days, which tells whether it knows more than the mean does, and how far off it
is on whole days.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.drift.estimate import (
    FEWEST_DAYS,
    FEWEST_ROWS,
    MAX_ROWS,
    MOST_DAYS,
    Drawn,
    Estimate,
    evenly,
    with_days,
)
from mlops_assets.drift.score import Scored
from mlops_assets.metrics import Metric
from mlops_assets.predicted import Predicted
from mlops_assets.random_effects import Measured

FOLDS = 5
_MOST_TEXTS = 200  # of a column; rarer ones are one of them
_NO_COST = 1e-6  # of the mean cost: no row is expected to cost less
_LEARNER = {
    "objective": "poisson",  # costs are no less than 0, and their sum is kept
    "n_estimators": 100,
    "num_leaves": 8,
    "min_child_samples": 20,
    "reg_lambda": 1.0,
    "n_jobs": 1,  # the tables are small, and threads that wait for each other cost more
    "deterministic": True,
    "verbose": -1,
}


@dataclass(frozen=True)
class Known:
    """Labelled rows that a model has not learned from.

    Attributes:
        rows: Their features, as models take them (numbers and texts).
        scored: Their true values, and what the model says of them.
        periods: The number of the day of each, later days later, of shape (n_rows,); -1 where
            nobody knows it.
    """

    rows: pd.DataFrame
    scored: Scored
    periods: np.ndarray


def can_be_estimated(metric: Metric) -> bool:
    """Whether errors tell it: where it is a mean of what each row costs, or the root of one.

    So are ``rmse``, ``mae``, ``mape`` and ``pinball``. ``r2`` compares with how the true values
    vary, and nobody knows what a function of the user's own makes of them.
    """
    return metric.task == "regression" and metric.kind == "rows"


def estimate_error(
    rows: pd.DataFrame, predicted: Predicted, known: Known, metric: Metric, seed: int
) -> Estimate | None:
    """The score to expect of predicted numbers without labels; the order of rows plays no part.

    Args:
        rows: The features of the rows, as models take them; the columns of ``known``.
        predicted: What the model says of them.
        known: Labelled rows; of more than 5,000, so many are looked at.
        metric: A metric that `can_be_estimated`.
        seed: Of the days that are predicted together.

    Returns:
        None where there are no rows, fewer than 20 labelled ones, or another metric.
    """
    if not can_be_estimated(metric) or not len(predicted) or len(known.rows) < FEWEST_ROWS:
        return None
    known_said = Predicted.of(known.scored.y_pred)
    table, now = _encoded(known.rows, known_said, rows, predicted)
    truth = np.asarray(known.scored.y_true, dtype=float)
    order = evenly(np.lexsort((*table.T, truth, known.periods)), MAX_ROWS)
    table, periods = table[order], known.periods[order]
    scored = Scored(truth[order], known_said[order])
    cost = metric.costs(scored.y_true, known_said[order])
    costs = _Costs.learned(table, cost, periods, seed)
    chance = costs.chance
    expected = costs.of(now[np.lexsort(now.T)])
    level = chance * float(np.square(costs.left_out).sum()) / float(cost.sum() or 1.0) ** 2
    drawn = _drawn(expected, chance, level, metric)
    per_row = _drawn(expected, chance, 0.0, metric).error ** 2 * len(expected)
    misses = []
    days = np.unique(periods[periods >= 0])[-MOST_DAYS:]
    for day in days if len(days) >= FEWEST_DAYS else ():
        of_day = np.flatnonzero(periods == day)
        score = metric.score(scored.y_true[of_day], scored.y_pred[of_day])
        alike = _drawn(costs.left_out[of_day], chance, 0.0, metric)
        misses.append(Measured(score - alike.score, len(of_day)))
    found = with_days(drawn, misses, per_row, 0.0, metric)
    return replace(found, unlike=_unlike(now, table))


def _unlike(now: np.ndarray, known: np.ndarray) -> float:
    """The share of rows with a value below or above all known ones: their errors are guessed."""
    low, high = (edge(known, axis=0) for edge in (np.fmin.reduce, np.fmax.reduce))
    return float(((now < low) | (now > high)).any(axis=1).mean())


def _drawn(costs: np.ndarray, chance: float, level: float, metric: Metric) -> Drawn:
    """The score of rows that are expected to cost so much, and what chance does to it.

    Args:
        costs: What each row is expected to cost, of shape (n_rows,).
        chance: The variance of a row's cost, as a multiple of its expected cost squared.
        level: The variance of how high all costs are, as a multiple of their mean squared.
        metric: What they are costs of.
    """
    mean = float(costs.mean())
    by_rows = chance * float(np.square(costs).mean()) / len(costs)
    variance = by_rows + level * mean**2
    if metric.formula != "rmse":
        return Drawn(mean, math.sqrt(variance), len(costs))
    if mean <= 0:
        return Drawn(0.0, 0.0, len(costs))
    # To the second order: the root of a mean that varies is below the root of its expectation.
    root = math.sqrt(mean)
    score = root * max(0.0, 1 - by_rows / (8 * mean**2))
    return Drawn(score, math.sqrt(variance) / (2 * root), len(costs))


@dataclass(frozen=True)
class _Costs:
    """What rows cost.

    Attributes:
        learner: What says it; None: the mean knows as much.
        mean: Of the costs.
        left_out: What each row was expected to cost by the rows of other days.
        chance: The variance of a cost, as a multiple of its expectation squared.
    """

    learner: Any
    mean: float
    left_out: np.ndarray
    chance: float

    @classmethod
    def learned(
        cls, table: np.ndarray, cost: np.ndarray, periods: np.ndarray, seed: int
    ) -> "_Costs":
        """Learn it from rows and what they have cost."""
        mean = float(cost.mean())
        flat = np.full(len(cost), mean)
        if mean <= 0:  # without an error
            return cls(None, 0.0, flat, 0.0)
        left_out, folds = np.empty(len(cost)), _folds(periods, seed)
        for fold in range(FOLDS):
            out = folds == fold
            if out.any():
                left_out[out] = _fitted(table[~out], cost[~out] / mean).predict(table[out]) * mean
        left_out = np.maximum(left_out, _NO_COST * mean)
        if _deviance(cost, left_out) >= _deviance(cost, flat):
            return cls(None, mean, flat, _chance(cost, flat))
        return cls(_fitted(table, cost / mean), mean, left_out, _chance(cost, left_out))

    def of(self, table: np.ndarray) -> np.ndarray:
        """What other rows are expected to cost."""
        if self.learner is None:
            return np.full(len(table), self.mean)
        said = self.learner.predict(table) * self.mean
        return np.maximum(said, _NO_COST * self.mean)


def _fitted(table: np.ndarray, cost: np.ndarray) -> Any:
    from lightgbm import LGBMRegressor

    if not cost.any():  # the loss is not defined on these
        from sklearn.dummy import DummyRegressor

        return DummyRegressor(strategy="constant", constant=0.0).fit(table, cost)
    return LGBMRegressor(random_state=0, **_LEARNER).fit(table, cost)


def _folds(periods: np.ndarray, seed: int) -> np.ndarray:
    """The fold of each row: rows of one day are in one, and each row by itself where days are few.

    Where there are five days or fewer, each of them is a fold.
    """
    rng = np.random.default_rng(seed)
    folds = rng.permutation(len(periods)) % FOLDS
    known = periods >= 0
    days, of_day = np.unique(periods[known], return_inverse=True)
    if len(days) >= 2:
        folds[known] = (rng.permutation(len(days)) % FOLDS)[of_day]
    return folds


def _deviance(cost: np.ndarray, expected: np.ndarray) -> float:
    """How badly costs are told: Poisson's deviance, which the learner makes small."""
    from scipy.special import xlogy

    return float(np.mean(xlogy(cost, cost / expected) - cost + expected))


def _chance(cost: np.ndarray, expected: np.ndarray) -> float:
    return float(np.square(cost - expected).sum() / np.square(expected).sum())


def _encoded(
    known: pd.DataFrame, known_said: Predicted, rows: pd.DataFrame, said: Predicted
) -> tuple[np.ndarray, np.ndarray]:
    """Two tables as numbers, with what was predicted as their last column.

    A text is its place among those of the labelled rows by their mean prediction, so that one
    question parts texts as numbers are parted; one that these do not have, or rarely, is -1.
    """
    columns, now = [], []
    predicted = known_said.labels.astype(float)
    for name in known:
        then, new = known[name], rows[name]
        if then.dtype.kind != "f":
            means = pd.Series(predicted, index=known.index).groupby(then, observed=True).mean()
            frequent = then.value_counts().index[:_MOST_TEXTS]
            order = means.reindex(frequent).sort_values(kind="stable").index
            place = {text: float(at) for at, text in enumerate(order)}
            then, new = (
                texts.map(place).where(texts.isna() | texts.isin(frequent), -1.0)
                for texts in (then, new)
            )
        columns.append(then.to_numpy(dtype=float))
        now.append(new.to_numpy(dtype=float))
    return (
        np.column_stack([*columns, predicted]),
        np.column_stack([*now, said.labels.astype(float)]),
    )
