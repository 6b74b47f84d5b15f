"""Scores that are means of what each row costs; and r2, which is of all rows together."""

import numpy as np

from mlops_assets.metrics.resamples import chunks
from mlops_assets.predicted import Predicted


def log_loss(truth: np.ndarray, predicted: Predicted) -> np.ndarray:
    """Minus the logarithm of the probability of each row's class, as scikit-learn clips it.

    A class that the model does not know has the smallest probability there is.
    """
    assert predicted.probabilities is not None
    smallest = np.finfo(predicted.probabilities.dtype).eps
    clipped = np.clip(predicted.probabilities, smallest, 1 - smallest)
    said = np.full(len(truth), smallest)
    for column, of_class in enumerate(_classes(predicted)):
        rows = truth == of_class
        said[rows] = clipped[rows, column]
    return -np.log(said / clipped.sum(axis=1))


def brier(truth: np.ndarray, predicted: Predicted, positive: object) -> np.ndarray:
    """The squared error of the probability of the positive class; None: summed over classes."""
    if positive is not None:
        probability = predicted.probability(positive)
        assert probability is not None
        return np.square(probability - (truth == positive))
    assert predicted.probabilities is not None
    costs, known = np.zeros(len(truth)), np.zeros(len(truth), dtype=bool)
    for column, of_class in enumerate(_classes(predicted)):
        costs += np.square(predicted.probabilities[:, column] - (truth == of_class))
        known |= truth == of_class
    return costs + ~known  # the probability of a class that the model does not know is 0


def of_errors(
    formula: str, truth: np.ndarray, labels: np.ndarray, parameters: tuple[float, ...]
) -> np.ndarray:
    """What each row's error costs: squared for ``rmse``, as scikit-learn has it for the others."""
    true = truth.astype(float)
    errors = true - labels.astype(float)
    if formula == "rmse":
        return np.square(errors)
    if formula == "mae":
        return np.abs(errors)
    if formula == "mape":
        return np.abs(errors) / np.maximum(np.abs(true), np.finfo(float).eps)
    (quantile,) = parameters  # of the pinball loss: Koenker and Bassett 1978
    return np.where(errors >= 0, quantile * errors, (quantile - 1) * errors)


def means(costs: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """The mean cost of each resample's rows."""
    scores = np.empty(len(indices))
    for chunk in chunks(indices):
        scores[chunk] = costs[indices[chunk]].mean(axis=1)
    return scores


def r2(truth: np.ndarray, labels: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """The share of each resample's variation that is explained."""
    true = truth.astype(float)
    errors = true - labels.astype(float)
    scores = np.empty(len(indices))
    for chunk in chunks(indices):
        scores[chunk] = _r2(true[indices[chunk]], errors[indices[chunk]])
    return scores


def _r2(true: np.ndarray, errors: np.ndarray) -> np.ndarray:
    unexplained = np.square(errors).sum(axis=1)
    total = np.square(true - true.mean(axis=1, keepdims=True)).sum(axis=1)
    # scikit-learn's force_finite: a constant target is 1 where it is hit exactly, else 0.
    constant = np.where(unexplained == 0, 1.0, 0.0)
    return np.where(total > 0, 1 - unexplained / np.where(total > 0, total, 1), constant)


def _classes(predicted: Predicted) -> np.ndarray:
    assert predicted.classes is not None
    return predicted.classes
