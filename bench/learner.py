"""A classifier cheap enough to be retrained thousands of times."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.kernel_approximation import RBFSampler

from bench.tables import TARGET
from mlops_assets.predicted import Predicted

CLASSES = 3
RIDGE = 1.0


@dataclass(frozen=True)
class Moments:
    """What ridge regression needs to know of some rows; those of several tables add up."""

    squares: np.ndarray
    products: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, labels: np.ndarray) -> "Moments":
        """Of features of shape (n_rows, n_features) and the number of each row's class."""
        return cls(features.T @ features, features.T @ np.eye(CLASSES)[labels])

    def times(self, weight: float) -> "Moments":
        """Those of the same rows, each of which weighs so much."""
        return Moments(weight * self.squares, weight * self.products)


@dataclass(frozen=True)
class Model:
    """A fitted classifier."""

    sampler: RBFSampler
    coefficients: np.ndarray
    features: list[str]

    def predict(self, frame: pd.DataFrame) -> Predicted:
        """The most probable class of each row."""
        scores = _features(self.sampler, frame[self.features]) @ self.coefficients
        return Predicted(np.argmax(scores, axis=1))


class Learner:
    """Ridge classification on random Fourier features (Rahimi and Recht 2007).

    It learns curved borders, so that an old and a new regime can live in one model where their
    features differ, and learns from added moments, so that retraining on 40,000 rows costs as
    little as on 400.
    """

    def __init__(self, columns: int, components: int = 120, gamma: float = 0.05) -> None:
        self.features = [f"x{place}" for place in range(columns)]
        self.sampler = RBFSampler(gamma=gamma, n_components=components, random_state=0)
        self.sampler.fit(np.zeros((1, columns)))

    def moments(self, rows: pd.DataFrame) -> Moments:
        """The moments of labelled rows."""
        features = _features(self.sampler, rows[self.features])
        return Moments.of(features, rows[TARGET].to_numpy())

    def fit(self, parts: Iterable[Moments]) -> Model:
        """The model of all rows that the moments are of."""
        parts = list(parts)
        squares = np.sum([part.squares for part in parts], axis=0)
        products = np.sum([part.products for part in parts], axis=0)
        ridge = RIDGE * np.eye(len(squares))
        return Model(self.sampler, np.linalg.solve(squares + ridge, products), self.features)


class Folded:
    """A table's moments by fold and by group, the rows of each of which weigh the same.

    So that any number of weights is cross-validated at the cost of one pass over the rows.

    Args:
        learner: Fits them.
        rows: The labelled rows.
        fold_of: The fold of each, of shape (n_rows,).
        group_of: The group of each, of shape (n_rows,).
    """

    def __init__(
        self, learner: Learner, rows: pd.DataFrame, fold_of: np.ndarray, group_of: np.ndarray
    ) -> None:
        self._learner, self._fold_of, self._group_of = learner, fold_of, group_of
        self._features = _features(learner.sampler, rows[learner.features])
        labels = rows[TARGET].to_numpy()
        self._moments = {
            (fold, group): Moments.of(self._features[inside], labels[inside])
            for fold in np.unique(fold_of)
            for group in np.unique(group_of)
            if (inside := (fold_of == fold) & (group_of == group)).any()
        }

    def __call__(self, weights: np.ndarray | None) -> Predicted:
        """The class of each row as predicted from the other folds; an `OutOfFold`."""
        predicted = np.empty(len(self._fold_of), dtype=int)
        for fold in np.unique(self._fold_of):
            held = self._fold_of == fold
            model = self.fit(weights, without=fold)
            predicted[held] = np.argmax(self._features[held] @ model.coefficients, axis=1)
        return Predicted(predicted)

    def fit(self, weights: np.ndarray | None, without: int | None = None) -> Model:
        """The model of the rows as they weigh, of those outside a fold."""
        weight = {
            group: 1.0 if weights is None else weights[np.argmax(self._group_of == group)]
            for group in np.unique(self._group_of)
        }
        return self._learner.fit(
            moments.times(weight[group])
            for (fold, group), moments in self._moments.items()
            if fold != without
        )


def _features(sampler: RBFSampler, rows: pd.DataFrame) -> np.ndarray:
    values = rows.to_numpy()
    return np.hstack([sampler.transform(values), np.ones((len(values), 1))])
