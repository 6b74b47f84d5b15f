"""From which probability on a row is of the positive class, chosen on cross-validated rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlops_assets.metrics import Metric, get_metric
from mlops_assets.predicted import Predicted, Threshold
from mlops_assets.training.class_weights import usual_threshold

HALF = 0.5
# That a threshold helps. Measured with f1_macro and 10 folds, against 0.5 for all: on 300 rows with
# 8 % positives it gains 0.05 (at a confidence of 0.95: 0.02; a threshold always: 0.08), with 50 %
# it loses 0.005 (0.000; 0.010); on 1,000 rows 0.09 (0.06; 0.09) and 0.000.
_CONFIDENCE = 0.8
# Groups of rows, as masks, and what each counts; together 1.
Groups = Sequence[tuple[np.ndarray, float]]
_TRIED = 99  # quantiles of the probabilities, which are where rows change sides


def threshold_of(
    truth: np.ndarray,
    predicted: Predicted,
    fold_of: np.ndarray,
    metric: Metric,
    class_weights: Mapping[Any, float] | None,
    groups: Groups | None = None,
) -> tuple[Threshold | None, str]:
    """The threshold of a model that is ranked by ``metric``; None: 0.5. And that in words.

    It is chosen (:func:`choose_threshold`) by that metric, or by the usual one where it reads no
    labels. Where classes weigh, the usual place is where the weighted classes are even.
    """
    by = metric if metric.reads == "labels" else get_metric(None, "classification")
    positive = metric.positive
    usual = usual_threshold(class_weights, positive) if class_weights else HALF
    threshold, said = choose_threshold(truth, predicted, fold_of, by, positive, usual, groups)
    if class_weights and threshold is None:
        threshold = Threshold(positive, usual)
    return threshold, said


def choose_threshold(
    truth: np.ndarray,
    predicted: Predicted,
    fold_of: np.ndarray,
    metric: Metric,
    positive: Any,
    usual: float = HALF,
    groups: Groups | None = None,
) -> tuple[Threshold | None, str]:
    """The threshold that does best on cross-validated predictions, and that in words.

    What the choice gains is measured on rows that had no part in it: for each fold the threshold
    is chosen on the others. Where the gain over the usual one, 0.5, is not credible
    (:func:`credibly_above_zero`) that stays: a threshold that follows chance costs more than it
    brings.

    Args:
        truth: Labels of two classes, of shape (n_rows,).
        predicted: What was predicted for each row from the folds without it, with probabilities.
        fold_of: The fold of each row.
        metric: A metric that reads labels.
        positive: The positive class.
        usual: Where labels are cut unless another place is better.
        groups: Of the rows, each scored by itself; None: all are one.
    """
    tried, scores = scores_by_threshold(truth, predicted, fold_of, metric, positive, usual, groups)
    half = int(np.flatnonzero(tried == usual)[0])
    best = _best(scores)
    gains = np.array(
        [
            scores[fold, _best(np.delete(scores, fold, axis=0))] - scores[fold, half]
            for fold in range(len(scores))
        ]
    )
    at = float(tried[best])
    sign = 1 if metric.greater_is_better else -1
    at_usual, at_best = (sign * np.nanmean(scores[:, place]) for place in (half, best))
    told = (
        f"{metric.name} at {usual:.3g} is {at_usual:.4f} on cross-validated predictions, at the "
        f"best threshold ({at:.3g}) {at_best:.4f}"
    )
    if at == usual or not credibly_above_zero(gains):
        cut = f"Labels are cut at a probability of {usual:.3g}"
        return None, f"{cut}: {told}, by chance for all we know."
    return Threshold(positive, at), f"Labels are cut at a probability of {at:.3g}: {told}."


def scores_by_threshold(
    truth: np.ndarray,
    predicted: Predicted,
    fold_of: np.ndarray,
    metric: Metric,
    positive: Any,
    usual: float = HALF,
    groups: Groups | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The score in each fold at each threshold.

    Returns:
        Thresholds of shape (n_thresholds,), in order, the usual one among them; and scores of shape
        (n_folds, n_thresholds): greater is better, whatever the metric is; NaN in a fold without
        rows of each group.
    """
    probability = predicted.probability(positive)
    assert probability is not None
    quantiles = np.quantile(probability, np.linspace(0, 1, _TRIED + 2)[1:-1])
    tried = np.unique(np.r_[quantiles, usual])
    sign = 1 if metric.greater_is_better else -1
    scores = np.zeros((len(np.unique(fold_of)), len(tried)))
    for place, at in enumerate(tried):
        cut = Threshold(positive, float(at)).applied(predicted)
        for rows, share in groups or [(np.ones(len(truth), dtype=bool), 1.0)]:
            scores[:, place] += [
                sign * share * metric.score(truth[held], cut[held]) if held.any() else np.nan
                for held in (rows & (fold_of == fold) for fold in np.unique(fold_of))
            ]
    return tried, scores


def _best(scores: np.ndarray) -> int:
    """The place of the threshold with the best mean; in the middle of equal ones."""
    means = np.nanmean(scores, axis=0)
    best = np.flatnonzero(means >= means.max() - 1e-12)
    return int(best[len(best) // 2])


def credibly_above_zero(gains: np.ndarray, confidence: float = _CONFIDENCE) -> bool:
    """Whether a gain that was measured in each fold is above 0 beyond chance.

    The one-sided t-test of cross-validated differences, with the variance corrected for the rows
    that the fits of different folds share (Nadeau and Bengio 2003).

    Args:
        gains: One a fold; NaN where it is not defined.
        confidence: Of the lower bound.
    """
    from scipy.stats import t

    known = gains[~np.isnan(gains)]
    folds = len(known)
    if folds < 2:
        return False
    spread = known.var(ddof=1) * (1 / folds + 1 / (folds - 1))
    return bool(known.mean() - t.ppf(confidence, folds - 1) * np.sqrt(spread) > 0)
