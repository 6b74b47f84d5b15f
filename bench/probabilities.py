"""How often a candidate is promoted where the score reads probabilities, or weighs errors by cost.

Two models see a hidden number through noise of their own, and give the probability of the positive
class as it is, given what they see: both are calibrated, and one sees more.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np

from bench.trials import Cell, Effort, rate, run
from mlops_assets.metrics import Metric, get_metric
from mlops_assets.predicted import Predicted
from mlops_assets.promotion.evaluation import measure
from mlops_assets.promotion.gate import decide
from mlops_assets.promotion.policy import GatePolicy

GATE = GatePolicy()
COST = "expected_cost(fp=1, fn=20)"
SHARES = (0.02, 0.08, 0.5)  # of positives
ROWS, HOLDOUT = 500, 4000
SLOPE = 3.0  # of the log odds, by standard deviations of the hidden number
SEES = 0.5  # the correlation of what a model sees with the hidden number
SEES_MORE = {"roc_auc": 0.8, COST: 0.95}  # of a candidate that is truly better
ALIKE = 0.95  # of the noise of two models that have learned the same baseline


def scores_of_probabilities(effort: Effort) -> Iterator[Cell]:
    """A candidate judged by probabilities or by cost: of random labels, and truly better."""
    for name in ("roc_auc", COST):
        for share in SHARES:
            found = run(random_labels_trial, effort.trials(300), name, share)
            cell = f"{name}, {100 * share:g} % positives, {ROWS} rows"
            yield rate("promoted, labels are random", cell, found, "<=", 5)
    for name in ("roc_auc", COST):
        found = run(better_trial, effort.trials(300), name, 0.08)
        gained = expected_gain(name, 0.08)
        cell = f"{name}, 8 % positives, {ROWS} rows, better by {gained:.3f}"
        yield rate("promoted, truly better", cell, found, ">=", 90)


def random_labels_trial(seed: int, name: str, share: float) -> bool:
    """Whether a candidate is promoted on rows whose labels have nothing to do with them."""
    rng = np.random.default_rng([31, seed, round(1000 * share)])
    y, production, candidate = two_models(rng, ROWS, share, SEES, SEES, 0.3)
    return _promoted(rng, rng.permutation(y), production, candidate, name, share)


def better_trial(seed: int, name: str, share: float) -> bool:
    """Whether a candidate that sees more is promoted."""
    rng = np.random.default_rng([32, seed, round(1000 * share)])
    y, production, candidate = two_models(rng, ROWS, share, SEES, SEES_MORE[name], 0.3)
    return _promoted(rng, y, production, candidate, name, share)


def expected_gain(name: str, share: float) -> float:
    """By how much the better one is better, on very many rows."""
    rng, more = np.random.default_rng(33), SEES_MORE[name]
    y, one, other = two_models(rng, 200_000, share, SEES, more, 0.3)
    metric = _metric(name)
    return metric.improvement(metric.score(y, other), metric.score(y, one))


def two_models(
    rng: np.random.Generator, rows: int, share: float, first: float, second: float, alike: float
) -> tuple[np.ndarray, Predicted, Predicted]:
    """Truth (0 and 1) and what two models say of it.

    Args:
        rng: Draws all.
        rows: How many.
        share: Of positives.
        first: How much the first one sees: its correlation with the hidden number.
        second: The same of the second.
        alike: The correlation of their noise.
    """
    hidden, noise = rng.normal(size=rows), rng.normal(size=(2, rows))
    noise[1] = alike * noise[0] + np.sqrt(1 - alike**2) * noise[1]
    y = (rng.random(rows) < _sigmoid(_offset(share) + SLOPE * hidden)).astype(int)
    said = [
        _said(sees * hidden + np.sqrt(1 - sees**2) * own, sees, share)
        for sees, own in zip((first, second), noise, strict=True)
    ]
    return y, said[0], said[1]


def _promoted(
    rng: np.random.Generator,
    y: np.ndarray,
    production: Predicted,
    candidate: Predicted,
    name: str,
    share: float,
) -> bool:
    baseline_y, first, on_baseline = two_models(rng, HOLDOUT, share, SEES, SEES, ALIKE)
    evidence = measure(
        *(y, candidate, production, baseline_y, on_baseline, first),
        *(_metric(name), GATE, "2026-01-01", None),
    )
    return decide(evidence, GATE).decision == "promoted"


def _metric(name: str) -> Metric:
    return get_metric(name, "classification", 1)


def _said(seen: np.ndarray, sees: float, share: float) -> Predicted:
    """Calibrated probabilities of what is seen; the label is what costs less, at 20 to 1."""
    grid, weights = _quadrature()
    hidden = sees * seen[:, None] + np.sqrt(1 - sees**2) * grid
    positive = _sigmoid(_offset(share) + SLOPE * hidden) @ weights
    labels = (positive > 1 / 21).astype(int)
    return Predicted(labels, np.column_stack([1 - positive, positive]), np.array([0, 1]))


@cache
def _offset(share: float) -> float:
    """The log odds in the middle with which so many are positive."""
    from scipy.optimize import brentq

    grid, weights = _quadrature()
    return float(brentq(lambda at: _sigmoid(at + SLOPE * grid) @ weights - share, -20, 20))


@cache
def _quadrature() -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of a standard normal (Gauss and Hermite)."""
    points, weights = np.polynomial.hermite_e.hermegauss(30)
    return points, weights / weights.sum()


def _sigmoid(log_odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-log_odds))
