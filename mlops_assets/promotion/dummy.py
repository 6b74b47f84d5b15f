"""Whether a model that was found by a search is better than none."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from mlops_assets.metrics import Metric
from mlops_assets.predicted import Predicted
from mlops_assets.promotion.evaluation import chance_score, lower_as_periods_vary
from mlops_assets.promotion.policy import GatePolicy
from mlops_assets.training.doubts import Doubt

_CONFIDENCE = 0.95
_HARDLY = 0.02  # of the way from a constant to a perfect score
_MOST_CLASSES = 20
_QUANTILES = 19
_TO_DO = (
    "Look whether the labels belong to their rows (a join that is off looks like this), and "
    "whether the columns can say anything of the target; more rows make small merits credible."
)


def hardly_better(
    truth: np.ndarray,
    predicted: Predicted,
    metric: Metric,
    policy: GatePolicy,
    algorithms: int,
    periods: np.ndarray | None = None,
) -> Doubt | None:
    """What is to be said where predictions are not credibly better than a dummy's, or by little.

    The dummy says the same of every row: what is best by the metric. Where classes are predicted
    it may deal the model's own predictions to the rows at random, too, which has the better macro
    F1 of the two. The best of several algorithms looks better than it is, so the bounds are
    corrected over them (Bonferroni).

    Args:
        truth: Labels, of shape (n_rows,).
        predicted: What the model says of each row by a fit without it.
        metric: What it is judged by.
        policy: The resamples and the seed of the bootstrap.
        algorithms: How many the model is the best of.
        periods: The number of each row's period, -1 where it is not known; None: of none.

    Returns:
        The doubt; None where there is none, and where the metric is not defined on these rows.
    """
    constant = best_constant(truth, predicted, metric)
    if constant is None or not math.isfinite(score := metric.score(truth, predicted)):
        return None
    sure = 1 - (1 - _CONFIDENCE) / algorithms
    by = metric, sure, policy, periods
    least = lower_as_periods_vary(truth, predicted, constant, *by)
    opposite = lower_as_periods_vary(truth, constant, predicted, *by)
    if least is None or opposite is None:
        return None
    dummy = metric.score(truth, constant)
    told = (
        f"{metric.name} is {score:.4f} out of fold on {len(truth)} rows, for a constant "
        f"{dummy:.4f}: better by {least:.4f} to {-opposite:.4f} (at {_CONFIDENCE:.0%} on either "
        f"side, corrected for the best of {algorithms})"
    )
    if least <= 0:
        return Doubt(f"The model is not credibly better than a constant. {told}. {_TO_DO}")
    if beaten := _by_chance(truth, predicted, metric, sure, policy.seed, score):
        return Doubt(f"The model is not credibly better than chance. {told}; {beaten}. {_TO_DO}")
    perfect = _perfect(metric)
    if perfect is not None and -opposite < _HARDLY * metric.improvement(perfect, dummy):
        return Doubt(
            f"The model is better than a constant, but hardly. {told}, and a perfect one by "
            f"{metric.improvement(perfect, dummy):.4f}. {_TO_DO}"
        )
    return None


def best_constant(truth: np.ndarray, predicted: Predicted, metric: Metric) -> Predicted | None:
    """The dummy that says the same of every row: of all constants the best by the metric.

    None where it is defined for none.
    """
    sign = 1 if metric.greater_is_better else -1
    scored = [
        (sign * metric.score(truth, one), one) for one in _constants(truth, predicted, metric)
    ]
    known = [pair for pair in scored if math.isfinite(pair[0])]
    return max(known, key=lambda pair: pair[0])[1] if known else None


def _constants(truth: np.ndarray, predicted: Predicted, metric: Metric) -> Iterator[Predicted]:
    """Every class with the classes' shares as probabilities; or the mean and quantiles."""
    if metric.task == "regression":
        values = truth.astype(float)
        quantiles = np.quantile(values, np.linspace(0, 1, _QUANTILES + 2)[1:-1])
        for value in (values.mean(), *np.unique(quantiles)):
            yield Predicted(np.full(len(values), value))
        return
    counts = pd.Series(truth).value_counts(normalize=True)
    classes = counts.index if predicted.classes is None else predicted.classes
    shares = counts.reindex(classes, fill_value=0.0).to_numpy()
    known = None if predicted.probabilities is None else np.tile(shares, (len(truth), 1))
    for one in counts.index[:_MOST_CLASSES]:
        labels = np.full(len(truth), one, dtype=truth.dtype)
        yield Predicted(labels, known, predicted.classes)


def _by_chance(
    truth: np.ndarray, predicted: Predicted, metric: Metric, sure: float, seed: int, score: float
) -> str | None:
    """How good the model's own predictions are on other rows than theirs, where that is as good."""
    if metric.task == "regression":
        return None
    dealt = chance_score(truth, predicted, metric, sure, seed)
    if dealt is None or metric.improvement(score, dealt) > 0:
        return None
    return f"its own predictions, dealt to the rows at random, have up to {dealt:.4f}"


def _perfect(metric: Metric) -> float | None:
    """The best score that there can be; None where nobody knows."""
    if metric.formula == "function":
        return None
    return 1.0 if metric.greater_is_better else 0.0
