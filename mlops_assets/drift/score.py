"""Has production's score fallen credibly, given how few rows either score was measured on?"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlops_assets.metrics import Metric, get_metric
from mlops_assets.predicted import Predicted
from mlops_assets.random_effects import Mean, Measured, Spread, spread_of

MAX_DRAWS = 4_000_000  # indices held in memory at once, 32 MB
MAX_ROWS = 20_000  # a score on more rows is as good as exact beside the other side's


@dataclass(frozen=True)
class Scored:
    """Labelled rows that a model has predicted: truth and prediction, aligned, of any order."""

    y_true: np.ndarray
    y_pred: Predicted


@dataclass(frozen=True)
class ScoreFall:
    """How far a score has fallen between two sets of rows.

    ``fall`` is positive where the score is worse now, whatever the metric's direction;
    ``fall_lower`` is its one-sided lower bound at ``confidence``. Where the rows of now show none
    of some classes (``absent_classes``), the scores are balanced accuracies of the others.
    """

    score_now: float
    score_then: float
    fall: float
    fall_lower: float
    confidence: float
    rows_now: int
    rows_then: int
    credible: bool
    absent_classes: int = 0


def score_spread(days: Sequence[Measured], fall: ScoreFall) -> Spread:
    """How scores vary between days that are alike.

    Args:
        days: Their scores.
        fall: A comparison of two sets of rows, whose bootstrap says how much rows explain.
    """
    from scipy.special import ndtri

    error = max(0.0, fall.fall - fall.fall_lower) / float(ndtri(fall.confidence))
    return spread_of([days], error**2 / (1 / fall.rows_now + 1 / fall.rows_then))


def fall_of_days(
    then: Sequence[Measured],
    now: Sequence[Measured],
    per_row: float,
    metric: Metric,
    significance: float,
) -> ScoreFall:
    """How far a score has fallen, with days as the unit: one bad day proves nothing.

    The worst of three days or more is left out, and fewer are never enough. How days vary is
    learned from both sides: where some of the latest are far below and others are not, that is no
    fall that stays.

    Args:
        then: The days that the score is known by.
        now: The latest days.
        per_row: The variance of the score on one row.
        metric: The metric.
        significance: Of the one-sided t test.
    """
    enough = len(now) >= 3
    if enough:
        best_first = sorted(now, key=lambda day: day.value, reverse=metric.greater_is_better)
        now = best_first[:-1]
    spread = spread_of([then, now], per_row)
    latest, known = Mean.of(now), Mean.of(then)
    variance = spread.per_row * (1 / latest.rows + 1 / known.rows)
    variance += spread.between * (latest.squares + known.squares)
    fall = metric.improvement(known.value, latest.value)
    lower = fall - spread.quantile(significance) * math.sqrt(variance)
    return ScoreFall(
        score_now=latest.value,
        score_then=known.value,
        fall=fall,
        fall_lower=lower,
        confidence=1 - significance,
        rows_now=latest.rows,
        rows_then=known.rows,
        credible=enough and lower > 0,
    )


def fall_beyond_days(
    fall: ScoreFall, days_then: int, spread: Spread, significance: float
) -> ScoreFall:
    """A fall of one day beside so many others, credible only beyond what days vary anyway.

    Args:
        fall: What their rows say.
        days_then: How many the others are.
        spread: How scores vary between days that are alike.
        significance: Of the one-sided t test.
    """
    variance = spread.per_row * (1 / fall.rows_now + 1 / fall.rows_then)
    variance += spread.between * (1 + 1 / days_then)
    lower = fall.fall - spread.quantile(significance) * math.sqrt(variance)
    return replace(fall, fall_lower=lower, confidence=1 - significance, credible=lower > 0)


def credibly_worse(
    now: Scored, then: Scored, metric: Metric, confidence: float, resamples: int, seed: int
) -> ScoreFall:
    """Compare a model's score on two disjoint sets of rows by a two-sample bootstrap.

    Both sets are resampled, each by itself, so that the uncertainty of both scores counts
    (percentile interval; Efron and Tibshirani 1993, chapter 16).

    Args:
        now: The rows that the score may have fallen on; at least one.
        then: The rows it is compared with; at least one.
        metric: The metric.
        confidence: One-sided confidence of the lower bound, e.g. 0.999.
        resamples: How many bootstrap resamples.
        seed: Seed of the resampling.

    Returns:
        The fall; credible where its lower bound is above zero.
    """
    return falls(now, then, metric, (confidence,), resamples, seed)[0]


def falls(
    now: Scored,
    then: Scored,
    metric: Metric,
    confidences: tuple[float, ...],
    resamples: int,
    seed: int,
) -> tuple[ScoreFall, ...]:
    """As `credibly_worse`, for several confidences from one bootstrap."""
    then, metric, absent = _of_classes_that_occur(now, then, metric)
    rows_now, rows_then = len(now.y_true), len(then.y_true)
    now, then = _ordered(now, metric), _ordered(then, metric)
    score_now = metric.score(now.y_true, now.y_pred)
    score_then = metric.score(then.y_true, then.y_pred)
    rng = np.random.default_rng(seed)
    draws_now = _resampled(now, metric, resamples, rng)
    draws_then = _resampled(_not_perfect(then, metric), metric, resamples, rng)
    drawn = np.array(
        [metric.improvement(old, new) for old, new in zip(draws_then, draws_now, strict=True)]
    )
    fall = metric.improvement(score_then, score_now)
    result = []
    for confidence in confidences:
        lower = float(np.nanquantile(drawn, 1 - confidence, method="lower"))
        result.append(
            ScoreFall(
                score_now=score_now,
                score_then=score_then,
                fall=fall,
                fall_lower=lower,
                confidence=confidence,
                rows_now=rows_now,
                rows_then=rows_then,
                credible=lower > 0,
                absent_classes=absent,
            )
        )
    return tuple(result)


def _of_classes_that_occur(now: Scored, then: Scored, metric: Metric) -> tuple[Scored, Metric, int]:
    """What a score can be compared with where some classes have no row now, by which metric.

    A mean over classes swings with a class that is rare: on a day without a fraud one false alarm
    takes its F1 from nothing to 0. What each class that occurs is recognised by does not.
    """
    if metric.kind != "classes":
        return then, metric, 0
    classes_then = _sortable(then.y_true)
    occurs = np.isin(classes_then, _sortable(now.y_true))
    if occurs.all() or not occurs.any():
        return then, metric, 0
    absent = len(np.unique(classes_then[~occurs]))
    balanced = get_metric("balanced_accuracy", metric.task)
    return Scored(then.y_true[occurs], then.y_pred[occurs]), balanced, absent


def _ordered(scored: Scored, metric: Metric) -> Scored:
    """The rows in an order of their own, so that the order they come in changes nothing."""
    truth, predicted = np.asarray(scored.y_true), metric.looks_at(scored.y_pred)
    known = [] if predicted.probabilities is None else list(predicted.probabilities.T)
    order = np.lexsort((*known, _sortable(predicted.labels), _sortable(truth)))
    if len(order) > MAX_ROWS:
        order = order[np.linspace(0, len(order) - 1, MAX_ROWS).round().astype(int)]
    return Scored(truth[order], predicted[order])


def _not_perfect(scored: Scored, metric: Metric) -> Scored:
    """One more error for each class, where the metric is one of classes.

    A bootstrap of 120 rows without an error has no spread, and would call any later error a fall
    that is certain. With the pseudo-errors its spread is about that of the exact binomial bound
    (the "plus four" idea of Agresti and Coull 1998); among many errors they hardly count.
    """
    if metric.task != "classification":
        return scored
    classes = np.unique(_sortable(scored.y_true), return_index=True)[1]
    if len(classes) < 2:
        return scored
    truth, others = scored.y_true[classes], np.roll(classes, 1)
    predicted = Predicted.of(scored.y_pred)
    # Taken for a row of another class; by label, for that class itself.
    wrong = (
        Predicted(scored.y_true[others]) if predicted.probabilities is None else predicted[others]
    )
    return _ordered(
        Scored(np.concatenate([scored.y_true, truth]), Predicted.joined([predicted, wrong])),
        metric,
    )


def _sortable(values: np.ndarray) -> np.ndarray:
    # Labels of mixed types cannot be compared with each other.
    return values.astype(str) if values.dtype == object else values


def _resampled(
    scored: Scored, metric: Metric, resamples: int, rng: np.random.Generator
) -> np.ndarray:
    if metric.by_counts:
        # The rows differ only by label and prediction: far fewer than there are rows.
        truth, predicted = scored.y_true, np.asarray(scored.y_pred)
        changes = (truth[1:] != truth[:-1]) | (predicted[1:] != predicted[:-1])
        first = np.concatenate([[0], np.flatnonzero(changes) + 1])
        rows = np.diff([*first, len(truth)])
        counts = rng.multinomial(len(truth), rows / len(truth), size=resamples)
        return metric.of_counts(truth[first], predicted[first], counts)
    return np.concatenate(
        [
            metric.resampled(scored.y_true, scored.y_pred, indices)
            for indices in _indices(len(scored.y_true), resamples, rng)
        ]
    )


def _indices(rows: int, resamples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Bootstrap indices, (some, rows) at a time, ``resamples`` in all."""
    at_once = max(1, MAX_DRAWS // rows)
    for start in range(0, resamples, at_once):
        yield rng.integers(0, rows, size=(min(at_once, resamples - start), rows))
