"""One score that a model is judged by."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from mlops_assets.errors import UserError
from mlops_assets.metrics import counts as of_labels
from mlops_assets.metrics import function, ranking, rows
from mlops_assets.predicted import Predicted

Task = Literal["classification", "regression"]
Kind = Literal["classes", "rows", "ranking", "table"]
"""What a score is made of.

``classes``: of how each class is recognised, so that it is another score where a class is not
there. ``rows``: a mean of what each row costs. ``ranking``: of the order of the rows; not defined
where they are of one class. ``table``: of all rows together, in a way that is not known.
"""

_TRIED = 100  # rows that a function of the user's own is called with, to see that it answers


@dataclass(frozen=True)
class Metric:
    """One score, with its direction and its column in the leaderboard.

    Attributes:
        name: The one text that it is known by, in records, in reports and in MLflow.
        task: What kind of target it is for.
        greater_is_better: False for errors such as ``rmse``.
        column: The leaderboard's column that holds this metric.
        kind: What it is made of.
        reads: Whether it looks at probabilities, or at labels only.
        positive: The class that it is of, where there is one.
        of_positive: Whether it is of one class, and cannot be told without.
        parameters: What stands behind its name: a share, costs, a quantile, a function.
    """

    name: str
    task: Task
    greater_is_better: bool
    column: str
    kind: Kind
    reads: Literal["labels", "probabilities"] = "labels"
    positive: Any = None
    of_positive: bool = False
    parameters: tuple[Any, ...] = ()

    @property
    def formula(self) -> str:
        """Its name without parameters."""
        return self.name.partition("(")[0]

    @property
    def by_counts(self) -> bool:
        """Whether it is told by how often each class is predicted for each: see `of_counts`."""
        return self.task == "classification" and self.reads == "labels" and self.kind != "table"

    def looks_at(self, y_pred: Predicted | ArrayLike) -> Predicted:
        """What it needs to know of predictions."""
        predicted = Predicted.of(y_pred)
        return Predicted(predicted.labels) if self.reads == "labels" else predicted

    def score(self, y_true: ArrayLike, y_pred: Predicted | ArrayLike) -> float:
        """The score of ``y_pred``, equal to scikit-learn's (``zero_division=0``).

        NaN where there are no rows, or where it is not defined on them: ``roc_auc`` on rows of one
        class, other rankings without a positive one, ``f1`` without one that is or is called so.

        Raises:
            UserError: It needs probabilities or a positive class, and there are none.
        """
        n_rows = len(np.asarray(y_true))
        return float(self.resampled(y_true, y_pred, np.arange(n_rows)[np.newaxis, :])[0])

    def score_of_known(self, y_true: ArrayLike, y_pred: Predicted | ArrayLike) -> float:
        """The score over the classes that ``y_true`` has, as on rows older than a class is.

        A prediction of another class is wrong for its row, and makes no class of its own, which a
        mean of labels over classes would count as much as each of the others. Other metrics make
        no such class anyway: of one class, another is no more than not that one; a mean over
        classes of probabilities is over those that the rows have; ``log_loss`` and ``brier`` are
        of each row's own class, from which a later one takes probability. NaN where there are no
        rows.
        """
        if not self.by_counts or self.of_positive or len(np.asarray(y_true)) == 0:
            return self.score(y_true, y_pred)
        from pandas import factorize

        truth: Any = np.asarray(y_true)
        codes, classes = factorize(truth, use_na_sentinel=False)
        same = np.asarray(y_pred)[:, np.newaxis] == np.asarray(classes)[np.newaxis, :]
        true = np.eye(len(classes), dtype=int)[codes]
        hits, predicted = (true * same).sum(axis=0), same.sum(axis=0)
        counts = (hits, true.sum(axis=0), predicted)
        return float(self._statistic(*(each[np.newaxis, :] for each in counts))[0])

    def resampled(
        self, y_true: ArrayLike, y_pred: Predicted | ArrayLike, indices: np.ndarray
    ) -> np.ndarray:
        """The score on each resample of the rows.

        Args:
            y_true: The true target, of shape (n_rows,).
            y_pred: The prediction for the same rows.
            indices: Row positions of shape (n_resamples, n_rows_of_a_resample).

        Returns:
            Scores of shape (n_resamples,). The classes averaged over are those that are present
            in the resample, as scikit-learn counts them. NaN where a resample has no rows, or
            where the score is not defined on them.

        Raises:
            UserError: It needs probabilities or a positive class, and there are none.
        """
        truth, predicted = np.asarray(y_true), Predicted.of(y_pred)
        if truth.shape != predicted.labels.shape or truth.ndim != 1:
            msg = (
                f"{self.name} needs one prediction per row: got {truth.shape} true and "
                f"{predicted.labels.shape} predicted values"
            )
            raise ValueError(msg)
        if indices.shape[1] == 0:
            return np.full(len(indices), np.nan)
        self._check(predicted)
        if self.by_counts:
            true, codes, classes = self._codes(truth, predicted.labels)
            return of_labels.resampled(true, codes, classes, indices, self._statistic)
        if self.formula == "function":
            return function.resampled(self.parameters[0], self._told(truth, predicted), indices)
        if self.formula == "r2":
            return rows.r2(truth, predicted.labels, indices)
        if self.kind == "rows":
            means = rows.means(self.costs(truth, predicted), indices)
            return np.sqrt(means) if self.formula == "rmse" else means
        return self._ranked(truth, predicted, indices)

    def of_counts(self, y_true: ArrayLike, y_pred: ArrayLike, counts: np.ndarray) -> np.ndarray:
        """The score of tables in which each row occurs so many times (where `by_counts`).

        A bootstrap of many rows with few classes is a bootstrap of the few distinct rows.

        Args:
            y_true: The true target, of shape (n_rows,).
            y_pred: The prediction for the same rows.
            counts: How often each row occurs, of shape (n_tables, n_rows).

        Returns:
            Scores of shape (n_tables,), as `resampled` would give.

        Raises:
            UserError: It needs a positive class, and there is none.
        """
        predicted = Predicted.of(y_pred)
        self._check(predicted)
        true, codes, classes = self._codes(np.asarray(y_true), predicted.labels)
        each = np.eye(classes, dtype=counts.dtype)
        true, codes = each[true], each[codes]
        return self._statistic(counts @ (true * codes), counts @ true, counts @ codes)

    def improvement(self, candidate: float, production: float) -> float:
        """How much better ``candidate`` is than ``production``: positive is better."""
        return candidate - production if self.greater_is_better else production - candidate

    def try_on(self, target: np.ndarray) -> None:
        """Whether it can be told of models of a target: of one that is right in every class.

        Args:
            target: True labels or values, all known; at least one.

        Raises:
            UserError: It cannot; it says what to do.
        """
        if self.formula == "mape" and (zeros := int((target == 0).sum())):
            raise UserError(
                f"The metric mape divides by the target, which is 0 in {zeros} of {len(target)} "
                "rows. Take mae, rmse or pinball."
            )
        if self.task == "regression":
            self.score(target[:_TRIED], target[:_TRIED])
            return
        from pandas import unique

        classes = np.asarray(unique(target))  # pyright: ignore[reportArgumentType, reportCallIssue]
        self.score(classes, Predicted(classes, np.eye(len(classes)), classes))

    @property
    def _statistic(self) -> of_labels.Statistic:
        if self.of_positive:
            return of_labels.of_positive(self.formula, self.parameters)
        return of_labels.over_classes(self.formula)

    def _check(self, predicted: Predicted) -> None:
        if self.of_positive and self.positive is None:
            raise UserError(
                f"The metric {self.name} is of one class, and the target does not have two, of "
                "which the rarer would be it. Name that class in `columns.positive`, or take a "
                "metric of all classes, such as f1_macro or log_loss."
            )
        if self.reads == "probabilities" and predicted.probabilities is None:
            raise UserError(
                f"The metric {self.name} reads probabilities, and this version gives none: it was "
                "stored without them. Train again, or take a metric of labels, such as f1_macro."
            )

    def _codes(self, truth: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        """True and predicted classes as numbers from 0 on, and how many there are.

        Of a metric of one class: 1 is that class, 0 any other.
        """
        if self.of_positive:
            return (truth == self.positive).astype(int), (labels == self.positive).astype(int), 2
        # pandas, because np.unique cannot sort labels of mixed types.
        from pandas import factorize

        both: Any = np.concatenate([truth, labels])
        codes, classes = factorize(both, use_na_sentinel=False)
        return codes[: len(truth)], codes[len(truth) :], len(classes)

    def costs(self, truth: np.ndarray, predicted: Predicted) -> np.ndarray:
        """What each row costs, where `kind` is ``rows``: the score is their mean.

        Of ``rmse`` they are squared errors, and the score is the root of their mean.
        """
        if self.formula == "log_loss":
            return rows.log_loss(truth, predicted)
        if self.formula == "brier":
            return rows.brier(truth, predicted, self.positive)
        return rows.of_errors(self.formula, truth, predicted.labels, self.parameters)

    def _ranked(self, truth: np.ndarray, predicted: Predicted, indices: np.ndarray) -> np.ndarray:
        def probability(of_class: Any) -> np.ndarray:
            known = predicted.probability(of_class)
            assert known is not None
            return known

        if self.positive is None:
            return ranking.mean_over_classes(self.formula, truth, probability, indices)
        positive = truth == self.positive
        known = probability(self.positive)
        return ranking.resampled(self.formula, positive, known, indices, self.parameters)

    def _told(self, truth: np.ndarray, predicted: Predicted) -> tuple[np.ndarray, ...]:
        """What a function of the user's own is called with."""
        probability = predicted.probability(self.positive)
        if self.task == "regression" or probability is None:
            return truth, predicted.labels
        return truth, predicted.labels, probability
