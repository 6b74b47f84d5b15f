"""Scores of the order that probabilities bring rows into.

The rows are sorted once. A resample is then told by how many of its rows are in each place, and
rows of one probability share a place, so that ties are counted as scikit-learn counts them.
"""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from mlops_assets.metrics.resamples import chunks, counted

Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From the other rows and the positive ones by place, the most probable place first, both of
shape (n_resamples, n_places)."""


def resampled(
    formula: str,
    positive: np.ndarray,
    probability: np.ndarray,
    indices: np.ndarray,
    parameters: tuple[float, ...],
) -> np.ndarray:
    """A score of the order on each resample; NaN where it is not defined.

    Args:
        formula: The metric.
        positive: Which rows are of the class, a mask.
        probability: Of the class, of shape (n_rows,).
        indices: Row positions of shape (n_resamples, n_rows_of_a_resample).
        parameters: Of the metric.
    """
    values, from_below = np.unique(probability, return_inverse=True)
    places = len(values)
    cells = places - 1 - from_below + places * positive
    statistic = _statistic(formula, indices.shape[1], parameters)
    scores = np.empty(len(indices))
    for chunk in chunks(indices, 2 * places):
        found = counted(cells, indices[chunk], 2 * places).reshape(-1, 2, places)
        scores[chunk] = statistic(found[:, 0], found[:, 1])
    return scores


def mean_over_classes(
    formula: str,
    truth: np.ndarray,
    probability_of: Callable[[object], np.ndarray],
    indices: np.ndarray,
) -> np.ndarray:
    """The mean of each class against all others; of those that a resample has rows of.

    Args:
        formula: The metric.
        truth: The true class of each row.
        probability_of: The probabilities of a class, of shape (n_rows,).
        indices: Row positions of shape (n_resamples, n_rows_of_a_resample).
    """
    from pandas import unique

    total, classes = np.zeros(len(indices)), np.zeros(len(indices), dtype=int)
    for each in unique(truth):  # pyright: ignore[reportArgumentType, reportCallIssue]
        scores = resampled(formula, truth == each, probability_of(each), indices, ())
        defined = np.isfinite(scores)
        total[defined] += scores[defined]
        classes += defined
    return _defined(total, classes)


def rows_of_share(share: float, rows: int) -> int:
    """How many rows are the top ``share`` of so many: the nearest number, at least one."""
    # By the decimals that were written: 0.1 of 5 is a half, which no float is sure to be.
    return max(1, int(Fraction(str(share)) * rows + Fraction(1, 2)))


def _statistic(formula: str, rows: int, parameters: tuple[float, ...]) -> Statistic:
    if formula == "roc_auc":
        return _roc_auc
    if formula == "average_precision":
        return _average_precision
    top = rows_of_share(parameters[0], rows)

    def at_the_top(others: np.ndarray, positives: np.ndarray) -> np.ndarray:
        there = positives.sum(axis=1)
        # Without a positive row no order is better than another.
        whole = np.where(there > 0, top, 0) if formula == "precision_at" else there
        return _defined(_hits(others, positives, top), whole)

    return at_the_top


def _roc_auc(others: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """The share of pairs that are in the right order, a tie counted as half (Mann and Whitney)."""
    above = np.cumsum(others, axis=1)
    all_others, all_positives = above[:, -1], positives.sum(axis=1)
    # Twice the others below each place, and once those in it.
    below = 2 * (all_others[:, np.newaxis] - above) + others
    right = np.einsum("ij,ij->i", positives, below)
    return _defined(right, 2 * all_others * all_positives)


def _average_precision(others: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """The mean precision at the positive rows, those of one place all at its end."""
    hits = np.cumsum(positives, axis=1)
    seen = hits + np.cumsum(others, axis=1)
    precision = hits / np.maximum(seen, 1)
    return _defined(np.einsum("ij,ij->i", positives, precision), hits[:, -1])


def _hits(others: np.ndarray, positives: np.ndarray, top: int) -> np.ndarray:
    """How many positive rows are among the top ones.

    Of a place that has more rows than are still to be taken, a part is taken as if at random: as
    many of its positive rows as are to be expected. So the order of the rows changes nothing.
    """
    here = others + positives
    above = np.cumsum(here, axis=1) - here
    taken = np.clip(top - above, 0, here)
    return np.einsum("ij,ij->i", positives, taken / np.maximum(here, 1))


def _defined(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
