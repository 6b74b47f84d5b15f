"""Scores of labels: from how often each class is hit, is true, and is predicted."""

from collections.abc import Callable

import numpy as np

from mlops_assets.metrics.resamples import chunks, counted

Statistic = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""From hits, true rows and predicted rows by class, all of shape (n_tables, n_classes)."""


def over_classes(formula: str) -> Statistic:
    """A mean over all classes, of scikit-learn's values with ``zero_division=0``."""
    return _OVER_CLASSES[formula]


def of_positive(formula: str, parameters: tuple[float, ...]) -> Statistic:
    """A score of the positive class, which is the second of two.

    ``f1`` is NaN where no row is of it, nor taken for it; so is ``expected_cost`` without rows.
    """
    if formula == "f1":
        return lambda hits, true, predicted: _defined(2 * hits[:, 1], (true + predicted)[:, 1])
    false_positive, false_negative = parameters

    def cost(hits: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        wrong = false_positive * (predicted - hits)[:, 1] + false_negative * (true - hits)[:, 1]
        return _defined(wrong, true.sum(axis=1))

    return cost


def resampled(
    true: np.ndarray,
    predicted: np.ndarray,
    classes: int,
    indices: np.ndarray,
    statistic: Statistic,
) -> np.ndarray:
    """A score of labels on each resample.

    Args:
        true: The true class of each row, as a number from 0 on.
        predicted: The predicted one.
        classes: How many classes there are.
        indices: Row positions of shape (n_resamples, n_rows_of_a_resample).
        statistic: The score.
    """
    # One code per cell of the confusion matrix: a resample is then one bincount.
    cells = true * classes + predicted
    scores = np.empty(len(indices))
    for chunk in chunks(indices, classes * classes):
        confusion = counted(cells, indices[chunk], classes * classes)
        confusion = confusion.reshape(-1, classes, classes)
        hits = np.diagonal(confusion, axis1=1, axis2=2)
        scores[chunk] = statistic(hits, confusion.sum(axis=2), confusion.sum(axis=1))
    return scores


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)


def _defined(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _mean_over(values: np.ndarray, which: np.ndarray) -> np.ndarray:
    return (values * which).sum(axis=1) / which.sum(axis=1)


_OVER_CLASSES: dict[str, Statistic] = {
    "f1_macro": lambda hits, true, predicted: _mean_over(
        _ratio(2 * hits, true + predicted), true + predicted > 0
    ),
    "accuracy": lambda hits, true, _: hits.sum(axis=1) / true.sum(axis=1),
    # Averaged over the classes that truly occur, where recall_macro counts predicted ones too.
    "balanced_accuracy": lambda hits, true, _: _mean_over(_ratio(hits, true), true > 0),
    "precision_macro": lambda hits, true, predicted: _mean_over(
        _ratio(hits, predicted), true + predicted > 0
    ),
    "recall_macro": lambda hits, true, predicted: _mean_over(
        _ratio(hits, true), true + predicted > 0
    ),
}
