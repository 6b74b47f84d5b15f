"""Whether probabilities are as frequent as they say, and what makes them so."""

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mlops_assets.predicted import Predicted
from mlops_assets.training.threshold import credibly_above_zero

Method = Literal["sigmoid", "isotonic"]
METHODS: tuple[Method, ...] = ("sigmoid", "isotonic")
BINS = 10
_CONFIDENCE = 0.975  # one of two methods may win by chance
_LEAST = 1e-15  # of a probability in a logarithm


@dataclass(frozen=True)
class Calibrated:
    """A way to calibrate, and what comes of it on rows that it has not seen.

    Attributes:
        method: The way, as scikit-learn names it.
        predicted: The predictions by it, each row from the folds without it.
        gains: By how much log loss falls in each fold, of shape (n_folds,).
    """

    method: Method
    predicted: Predicted
    gains: np.ndarray

    @property
    def helps(self) -> bool:
        """Whether it credibly does."""
        return credibly_above_zero(self.gains, _CONFIDENCE)


def calibrate(
    truth: np.ndarray,
    predicted: Predicted,
    fold_of: np.ndarray,
    judged: np.ndarray,
    weights: np.ndarray | None,
    *,
    by_scores: bool,
    class_weights: np.ndarray | None = None,
) -> list[Calibrated]:
    """Each method, on cross-validated probabilities: fitted on the other folds' for each fold.

    No model is fitted again, so it costs next to nothing.

    Args:
        truth: Labels of shape (n_rows,).
        predicted: What was predicted for each row from the folds without it, with probabilities.
        fold_of: The fold of each row.
        judged: The rows that count, a mask.
        weights: What each row weighs; None: all the same.
        by_scores: Whether the model has scores (a decision function), which scikit-learn
            calibrates in place of its probabilities; their log-odds are such.
        class_weights: What labels weigh the probabilities of the classes by, in their order.
    """
    before = log_loss_of_rows(truth, predicted)
    found = []
    for method in METHODS:
        after = _cross_fitted(method, truth, predicted, fold_of, weights, by_scores=by_scores)
        if class_weights is not None:
            after = _labelled(after, class_weights)
        fell = before - log_loss_of_rows(truth, after)
        folds = (judged & (fold_of == fold) for fold in np.unique(fold_of))
        gains = np.array([fell[held].mean() for held in folds if held.any()])
        found.append(Calibrated(method, after, gains))
    return found


def _labelled(predicted: Predicted, class_weights: np.ndarray) -> Predicted:
    """The same probabilities, with the class that leads by weight."""
    assert predicted.probabilities is not None
    assert predicted.classes is not None
    labels = predicted.classes[np.argmax(predicted.probabilities * class_weights, axis=1)]
    return Predicted(labels, predicted.probabilities, predicted.classes)


def _cross_fitted(
    method: Method,
    truth: np.ndarray,
    predicted: Predicted,
    fold_of: np.ndarray,
    weights: np.ndarray | None,
    *,
    by_scores: bool,
) -> Predicted:
    assert predicted.probabilities is not None
    assert predicted.classes is not None
    table, probabilities = predicted.probabilities, np.empty_like(predicted.probabilities)
    for fold in np.unique(fold_of):
        held = fold_of == fold
        learn = ~held if weights is None else ~held & (weights > 0)
        known = _known(predicted.classes, by_scores=by_scores)
        way = _of_fitted(known, method, int(learn.sum()))
        with warnings.catch_warnings():
            # What is fitted already takes no weights, of which scikit-learn warns from 1.6 on.
            warnings.filterwarnings("ignore", "Since FrozenEstimator does not appear to accept")
            way.fit(table[learn], truth[learn], None if weights is None else weights[learn])
        probabilities[held] = way.predict_proba(table[held])
    labels = predicted.classes[np.argmax(probabilities, axis=1)]
    return Predicted(labels, probabilities, predicted.classes)


def _of_fitted(known: Any, method: Method, n_rows: int) -> Any:
    """What calibrates a classifier that is not to be fitted again, on ``n_rows`` rows."""
    from sklearn.calibration import CalibratedClassifierCV

    try:
        from sklearn.frozen import FrozenEstimator  # pyright: ignore[reportMissingImports]
    except ImportError:  # before scikit-learn 1.6
        return CalibratedClassifierCV(known, method=method, cv="prefit")
    every = np.arange(n_rows)
    frozen: Any = FrozenEstimator(known)
    return CalibratedClassifierCV(frozen, method=method, cv=[(every, every)], ensemble=False)


def _known(classes: np.ndarray, *, by_scores: bool) -> Any:
    """A classifier whose rows are the probabilities that it is to say."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Known(ClassifierMixin, BaseEstimator):
        def __init__(self) -> None:
            self.classes_ = classes

        def fit(self, *_: Any) -> "Known":
            return self

        def predict(self, rows: np.ndarray) -> np.ndarray:
            return classes[np.argmax(rows, axis=1)]

        def predict_proba(self, rows: np.ndarray) -> np.ndarray:
            return rows

    class Scoring(Known):
        def decision_function(self, rows: np.ndarray) -> np.ndarray:
            logs = np.log(np.clip(rows, _LEAST, 1))
            return logs[:, 1] - logs[:, 0] if len(classes) == 2 else logs

    return Scoring() if by_scores else Known()


def log_loss_of_rows(truth: np.ndarray, predicted: Predicted) -> np.ndarray:
    """Minus the logarithm of the probability of each row's own class, of shape (n_rows,)."""
    return -np.log(np.clip(_of_own_class(truth, predicted), _LEAST, 1))


def _of_own_class(truth: np.ndarray, predicted: Predicted) -> np.ndarray:
    assert predicted.probabilities is not None
    assert predicted.classes is not None
    places = np.searchsorted(predicted.classes, truth)
    return predicted.probabilities[np.arange(len(truth)), places]


@dataclass(frozen=True)
class Reliability:
    """How often what was said came true, by how probable it was said to be.

    Attributes:
        said: The mean probability of each bin that has rows, of shape (n_bins,).
        came: The share of its rows for which it came true.
        rows: How many there are.
    """

    said: np.ndarray
    came: np.ndarray
    rows: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error (Naeini, Cooper and Hauskrecht 2015)."""
        return float(np.average(np.abs(self.said - self.came), weights=self.rows))


def reliability(truth: np.ndarray, predicted: Predicted, positive: Any = None) -> Reliability:
    """The reliability of probabilities, in :data:`BINS` bins of equal width.

    Of two classes: of the positive one. Of more: of each row's most probable class.
    """
    probability, came = predicted.probability(positive), truth == positive
    assert predicted.probabilities is not None
    assert predicted.classes is not None
    if positive is None or probability is None or len(predicted.classes) != 2:
        probability = predicted.probabilities.max(axis=1)
        came = predicted.classes[predicted.probabilities.argmax(axis=1)] == truth
    of = np.minimum((probability * BINS).astype(int), BINS - 1)
    rows = np.bincount(of, minlength=BINS)
    there = rows > 0
    means = [
        np.bincount(of, weights=each, minlength=BINS)[there] / rows[there]
        for each in (probability, came)
    ]
    return Reliability(means[0], means[1], rows[there])
