"""What a model's score is likely to be on rows without labels, by its own probabilities.

Labels are drawn from the probabilities, some hundreds of times, and each draw is scored: the mean
is the estimate, and how the draws differ is what chance does to it. That is right where the
probabilities are, so they are first brought in line with rows whose labels are known. How far
these rows leave that open is drawn as well; how far off the estimate is on whole days beyond all
that is learned from days whose score is known.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlops_assets.drift.score import Scored
from mlops_assets.metrics import Metric
from mlops_assets.predicted import Predicted
from mlops_assets.random_effects import Mean, Measured, spread_of

DRAWS = 400
BAND = 0.95
MOST_DAYS = 28  # whose estimates are held against their scores: the latest
FEWEST_DAYS = 3
FEWEST_ROWS = 20  # with labels; fewer say nothing of probabilities
MAX_ROWS = 5_000  # that a reading is learned from, or a metric of probabilities is drawn on
_CELLS = 2_000_000  # of one working array, 16 MB
_CERTAIN = 1e-3  # nearer to 0 or 1 is more than some thousand rows can tell
_GRID = 100  # rows whose probabilities are alike to a hundredth are drawn together
# What is believed of slope and offsets before any row was seen: that the model is about right. In
# a few rows without an error, nothing else keeps a probability from being certain.
_PRIOR_SLOPE, _PRIOR_OFFSET = 0.5, 1.0


@dataclass(frozen=True)
class Estimate:
    """An expected score, and the band that holds the realised one on 95 % of alike days.

    Attributes:
        score: The estimate.
        lower: The lower end of the band.
        upper: The upper end of the band.
        error: The standard error of the estimate.
        expected: What the probabilities, or the predicted errors, alone say; ``score`` also knows
            how far off that was on earlier days.
        rows: The rows that it is expected on.
        days: How many days have said how far off it is; 0: none, and the band does not know that
            days differ.
        unlike: The share of the rows with values beyond all whose labels are known, where that
            plays a part.
    """

    score: float
    lower: float
    upper: float
    error: float
    expected: float
    rows: int
    days: int
    unlike: float = 0.0


@dataclass(frozen=True)
class Drawn:
    """An expected score with what chance does to it: the standard deviation of the draws."""

    score: float
    error: float
    rows: int


@dataclass(frozen=True)
class Reading:
    """How probabilities have to be read: ``softmax(slope * log(p) + offset)``.

    Temperature scaling with a bias for each class (Guo et al. 2017).

    Attributes:
        found: Slope, and the offset of each class but the first, of shape (n_classes,).
        root: A square root of their covariance, of shape (n_classes, n_classes).
    """

    found: np.ndarray
    root: np.ndarray

    @property
    def exact(self) -> "Reading":
        """The same, as if it were known without error."""
        return replace(self, root=np.zeros_like(self.root))

    def drawn(self, draws: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """What they may be: slopes of shape (draws, 1) and offsets of shape (draws, n_classes)."""
        moved = self.found + rng.standard_normal((draws, len(self.found))) @ self.root.T
        slopes, offsets = moved[:, :1], moved[:, 1:]
        return np.maximum(slopes, 0.0), np.concatenate([np.zeros((draws, 1)), offsets], axis=1)


def learn_reading(known: Scored) -> Reading | None:
    """Learn how probabilities have to be read from labelled rows that the model has not learned.

    Args:
        known: The rows, with probabilities; of more than 5,000, so many are looked at.

    Returns:
        The reading; None where there are no probabilities, or too few rows of classes that the
        model knows.
    """
    predicted = Predicted.of(known.y_pred)
    if predicted.probabilities is None or predicted.classes is None or len(predicted.classes) < 2:
        return None
    truth = np.asarray(known.y_true)[:, np.newaxis] == np.asarray(predicted.classes)
    usable = np.flatnonzero(truth.any(axis=1))
    if len(usable) < FEWEST_ROWS:
        return None
    logs = _logs(predicted.probabilities)
    order = usable[np.lexsort((*logs[usable].T, np.argmax(truth[usable], axis=1)))]
    order = evenly(order, MAX_ROWS)
    found, information = _fitted(logs[order], truth[order].astype(float))
    return Reading(found, np.linalg.inv(np.linalg.cholesky(information)).T)


def expected_score(
    predicted: Predicted, reading: Reading, metric: Metric, seed: int, draws: int = DRAWS
) -> Drawn | None:
    """The score to expect of predictions, and what chance does to it.

    The order of the rows plays no part. Of more than 5,000 rows a metric of probabilities is drawn
    on so many, and its error is that of so many.

    Args:
        predicted: Predictions with probabilities.
        reading: How these have to be read.
        metric: Any metric of a classification.
        seed: Of the draws.
        draws: How many.

    Returns:
        None where the score is mostly not defined, or there are no rows or probabilities.
    """
    if predicted.probabilities is None or predicted.classes is None or not len(predicted):
        return None
    rng = np.random.default_rng(seed)
    ordered = predicted[np.lexsort(predicted.sort_keys())]
    draw = _drawn_by_counts if metric.by_counts else _drawn_by_rows
    scores = draw(ordered, *reading.drawn(draws, rng), metric, rng)
    scores = scores[np.isfinite(scores)]
    if len(scores) < draws / 2:
        return None
    return Drawn(float(scores.mean()), float(scores.std()), len(predicted))


def estimate_score(
    batch: Predicted,
    known: Scored,
    periods: np.ndarray,
    later: Sequence[Measured],
    metric: Metric,
    seed: int,
) -> Estimate | None:
    """The score to expect of predictions without labels.

    Args:
        batch: What the model says of the rows.
        known: Labelled rows that the model has not learned, such as the baseline's holdout.
        periods: The day of each of these, of shape (n_known,); -1 where nobody knows it.
        later: Of later days whose labels have come, the score less what was ``expected``.
        metric: Any metric of a classification.
        seed: Of the draws.

    Returns:
        None where the model has no probabilities, labels are too few to read these, or the score
        is mostly not defined.
    """
    reading = learn_reading(known)
    drawn = expected_score(batch, reading, metric, seed) if reading else None
    if reading is None or drawn is None:
        return None
    misses = [*_misses(known, periods, reading, metric, seed), *later][-MOST_DAYS:]
    exact = expected_score(batch, reading.exact, metric, seed, DRAWS // 4) or drawn
    return with_days(drawn, misses, exact.error**2 * drawn.rows, _best(known, metric), metric)


def estimated_fall(estimate: Estimate, then: float, metric: Metric, confidence: float) -> float:
    """How far the score is below another at least, by its estimate; above 0: credibly so.

    Args:
        estimate: What is expected.
        then: The score that it may have fallen from.
        metric: The metric.
        confidence: One-sided, e.g. 0.999.
    """
    from scipy.special import ndtri, stdtrit

    width = stdtrit(estimate.days - 1, confidence) if estimate.days else ndtri(confidence)
    return metric.improvement(then, estimate.score) - float(width) * estimate.error


@dataclass(frozen=True)
class Agreement:
    """How estimates stood up to the scores that were realised once labels came.

    ``error`` is the mean absolute error, ``covered`` the share of scores inside of their band.
    """

    days: int
    error: float
    covered: float


def agreement(pairs: Sequence[tuple[float, float, float, float]]) -> Agreement | None:
    """Hold estimates against realised scores.

    Args:
        pairs: Of each day the estimate, its lower and upper end, and the realised score.

    Returns:
        None where there is no day.
    """
    if not pairs:
        return None
    estimate, lower, upper, score = np.array(pairs, dtype=float).T
    return Agreement(
        len(pairs),
        float(np.abs(estimate - score).mean()),
        float(((lower <= score) & (score <= upper)).mean()),
    )


def _misses(
    known: Scored, periods: np.ndarray, reading: Reading, metric: Metric, seed: int
) -> list[Measured]:
    """By how much the score of each day was above what was expected; none where few days are."""
    predicted, found = Predicted.of(known.y_pred), []
    days = np.unique(periods[periods >= 0])[-MOST_DAYS:]
    for day in days if len(days) >= FEWEST_DAYS else ():
        rows = np.flatnonzero(periods == day)
        drawn = expected_score(predicted[rows], reading.exact, metric, seed, DRAWS // 4)
        score = metric.score(known.y_true[rows], metric.looks_at(predicted[rows]))  # pyright: ignore[reportArgumentType]
        if drawn is not None and math.isfinite(score):
            found.append(Measured(score - drawn.score, len(rows)))
    return found


def with_days(
    drawn: Drawn, misses: Sequence[Measured], per_row: float, best: float, metric: Metric
) -> Estimate:
    """An expected score, moved by how far off such scores were, with its band.

    Args:
        drawn: What is expected.
        misses: Of days whose score is known: by how much it was above what was expected.
        per_row: The variance that labels alone give a score on one row; on n rows an n-th of it.
        best: The score of predictions that are all right: no band goes beyond.
        metric: The metric.
    """
    from scipy.special import ndtri, stdtrit

    score, variance = drawn.score, drawn.error**2
    width, days = float(ndtri((1 + BAND) / 2)), 0
    if len(misses) >= FEWEST_DAYS:
        days, mean, spread = len(misses), Mean.of(misses), spread_of([misses], per_row)
        variance += spread.between * (1 + mean.squares)
        if spread.between > 0:
            width = float(stdtrit(max(1, spread.freedom), (1 + BAND) / 2))
            # Shrunk, as far as chance explains it.
            score += mean.value * spread.between / (spread.between + per_row / mean.rows)
    error = math.sqrt(variance)
    ends = (score - width * error, score, score + width * error)
    lower, score, upper = (
        min(each, best) if metric.greater_is_better else max(each, best) for each in ends
    )
    return Estimate(score, lower, upper, error, drawn.score, drawn.rows, days)


def _best(known: Scored, metric: Metric) -> float:
    """The score of predictions that are all right."""
    classes = np.asarray(Predicted.of(known.y_pred).classes)
    right = Predicted(classes, np.eye(len(classes)), classes)
    return metric.score(classes, metric.looks_at(right))  # pyright: ignore[reportArgumentType]


def _drawn_by_counts(
    predicted: Predicted,
    slopes: np.ndarray,
    offsets: np.ndarray,
    metric: Metric,
    rng: np.random.Generator,
) -> np.ndarray:
    """Scores of draws; rows of one label and alike probabilities are drawn at once."""
    assert predicted.probabilities is not None
    labels, code = np.unique(predicted.labels.astype(str), return_inverse=True)
    rounded = np.round(predicted.probabilities * _GRID).astype(int)
    alike, first, group, rows = np.unique(
        np.column_stack([code, rounded]),
        axis=0,
        return_index=True,
        return_inverse=True,
        return_counts=True,
    )
    sums = np.zeros((len(alike), predicted.probabilities.shape[1]))
    np.add.at(sums, group.ravel(), predicted.probabilities)
    logs = _logs(sums / rows[:, np.newaxis])
    classes = np.asarray(predicted.classes)
    of_label = np.eye(len(labels), dtype=int)[alike[:, 0]]
    said = predicted.labels[[first[alike[:, 0] == each][0] for each in range(len(labels))]]
    truth, said = np.tile(classes, len(labels)), np.repeat(said, len(classes))
    scores = []
    for chunk in _chunks(len(slopes), logs.size):
        drawn = rng.multinomial(rows, _read(logs, slopes[chunk], offsets[chunk]))
        counts = np.einsum("dgk,gl->dlk", drawn, of_label).reshape(len(drawn), -1)
        scores.append(metric.of_counts(truth, said, counts))
    return np.concatenate(scores)


def _drawn_by_rows(
    predicted: Predicted,
    slopes: np.ndarray,
    offsets: np.ndarray,
    metric: Metric,
    rng: np.random.Generator,
) -> np.ndarray:
    """Scores of draws; each draw is a resample of all pairs of a row and a class."""
    predicted = predicted[evenly(np.arange(len(predicted)), MAX_ROWS)]
    assert predicted.probabilities is not None
    assert predicted.classes is not None
    rows, classes = predicted.probabilities.shape
    logs = _logs(predicted.probabilities)
    truth = np.tile(np.asarray(predicted.classes), rows)
    said = predicted[np.repeat(np.arange(rows), classes)]
    scores = []
    for chunk in _chunks(len(slopes), logs.size):
        below = np.cumsum(_read(logs, slopes[chunk], offsets[chunk]), axis=2)[:, :, :-1]
        drawn = (rng.random((len(below), rows, 1)) > below).sum(axis=2)
        scores.append(metric.resampled(truth, said, np.arange(rows) * classes + drawn))
    return np.concatenate(scores)


def _fitted(logs: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope and offsets of most likelihood, and their information (Newton's method)."""
    classes = logs.shape[1]
    believed = np.array([1.0, *np.zeros(classes - 1)])
    weight = np.array([_PRIOR_SLOPE, *np.full(classes - 1, _PRIOR_OFFSET)]) ** -2.0
    found, information = believed, np.diag(weight)
    for _ in range(50):
        q = _softmax(logs, found)
        off = truth - q
        slope = np.concatenate([[(off * logs).sum()], off.sum(axis=0)[1:]])
        slope = slope - weight * (found - believed)
        # Of each row: what its logits move by, weighted by q; the information is its variance.
        mean = np.column_stack([(q * logs).sum(axis=1), q[:, 1:]])
        second = np.diag([(q * logs**2).sum(), *q[:, 1:].sum(axis=0)])
        second[0, 1:] = second[1:, 0] = (q * logs).sum(axis=0)[1:]
        information = second - mean.T @ mean + np.diag(weight)
        step = np.linalg.solve(information, slope)
        found = found + step * min(1.0, 2.0 / np.abs(step).max(initial=1e-12))
        if np.abs(step).max() < 1e-8:
            break
    return found, information


def _logs(probabilities: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities, none of which is certain, centred so that sizes stay small."""
    logs = np.log(np.clip(probabilities, _CERTAIN, 1.0))
    return logs - logs.mean(axis=1, keepdims=True)


def _softmax(logs: np.ndarray, found: np.ndarray) -> np.ndarray:
    offsets = np.concatenate([[0.0], found[1:]])
    return _read(logs, found[np.newaxis, :1], offsets[np.newaxis, :])[0]


def _read(logs: np.ndarray, slopes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Probabilities by draw, row and class."""
    logits = slopes[:, :, np.newaxis] * logs + offsets[:, np.newaxis, :]
    logits -= logits.max(axis=2, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=2, keepdims=True)
    return logits


def evenly(places: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the places, at even distances."""
    if len(places) <= most:
        return places
    return places[np.linspace(0, len(places) - 1, most).round().astype(int)]


def _chunks(draws: int, cells: int) -> list[slice]:
    """The draws, as many at a time as fit into a working array of so many cells each."""
    step = max(1, _CELLS // max(1, cells))
    return [slice(start, start + step) for start in range(0, draws, step)]
