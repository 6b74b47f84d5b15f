"""The scores a model is judged by: scikit-learn's values, vectorised over bootstrap resamples."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from mlops_assets.errors import UserError
from mlops_assets.predicted import Predicted

Task = Literal["classification", "regression"]
Kind = Literal["classes", "rows", "ranking", "table"]
"""What a score is made of.

``classes``: of how each class is recognised, so that it is another score where a class is not
there. ``rows``: a mean of what each row costs. ``ranking``: of the order of the rows; not defined
where they are of one class. ``table``: of all rows together, in a way that is not known.
"""

# Cells of one working array while resampling: 4 million int64 cells are 32 MB, and at most five
# such arrays live at a time, whatever the number of rows, classes and resamples.
_CELLS = 4_000_000


@dataclass(frozen=True)
class Metric:
    """One score, with its direction and its column in PyCaret's leaderboard.

    Attributes:
        name: The name in the YAML, in reports and in MLflow.
        task: What kind of target it is for.
        greater_is_better: False for errors such as ``rmse``.
        pycaret_column: The leaderboard's column that holds this metric.
        kind: What it is made of.
        reads: Whether it looks at probabilities, or at labels only.
        positive: The class that it is of, where it is of one.
    """

    name: str
    task: Task
    greater_is_better: bool
    pycaret_column: str
    kind: Kind
    reads: Literal["labels", "probabilities"] = "labels"
    positive: Any = None

    @property
    def by_counts(self) -> bool:
        """Whether it is told by how often each class is predicted for each: see `of_counts`."""
        return self.task == "classification" and self.reads == "labels" and self.kind != "table"

    def looks_at(self, y_pred: Predicted | ArrayLike) -> Predicted:
        """What it needs to know of predictions."""
        predicted = Predicted.of(y_pred)
        return Predicted(predicted.labels) if self.reads == "labels" else predicted

    def score(self, y_true: ArrayLike, y_pred: ArrayLike) -> float:
        """The score of ``y_pred``, equal to scikit-learn's (``zero_division=0``).

        NaN where there are no rows.
        """
        rows = len(np.asarray(y_true))
        return float(self.resampled(y_true, y_pred, np.arange(rows)[np.newaxis, :])[0])

    def score_of_known(self, y_true: ArrayLike, y_pred: ArrayLike) -> float:
        """The score over the classes that ``y_true`` has, as on rows older than a class is.

        A prediction of another class is wrong for its row, and makes no class of its own, which a
        mean over classes would count as much as each of the others. NaN where there are no rows.
        """
        if self.task == "regression" or len(np.asarray(y_true)) == 0:
            return self.score(y_true, y_pred)
        from pandas import factorize

        truth: Any = np.asarray(y_true)
        codes, classes = factorize(truth, use_na_sentinel=False)
        same = np.asarray(y_pred)[:, np.newaxis] == np.asarray(classes)[np.newaxis, :]
        true = np.eye(len(classes), dtype=int)[codes]
        hits, predicted = (true * same).sum(axis=0), same.sum(axis=0)
        counts = (hits, true.sum(axis=0), predicted)
        return float(_BY_COUNTS[self.name](*(each[np.newaxis, :] for each in counts))[0])

    def resampled(self, y_true: ArrayLike, y_pred: ArrayLike, indices: np.ndarray) -> np.ndarray:
        """The score on each resample of the rows.

        Args:
            y_true: The true target, of shape (n_rows,).
            y_pred: The prediction for the same rows.
            indices: Row positions of shape (n_resamples, n_rows_of_a_resample).

        Returns:
            Scores of shape (n_resamples,). The classes averaged over are those that are present
            in the resample, as scikit-learn counts them. NaN where a resample has no rows.
        """
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        if y_true.shape != y_pred.shape or y_true.ndim != 1:
            msg = (
                f"{self.name} needs one prediction per row: got {y_true.shape} true and "
                f"{y_pred.shape} predicted values"
            )
            raise ValueError(msg)
        if indices.shape[1] == 0:
            return np.full(len(indices), np.nan)
        if self.task == "classification":
            return _classification(y_true, y_pred, indices, _BY_COUNTS[self.name])
        return _regression(y_true, y_pred, indices, _BY_ERRORS[self.name])

    def of_counts(self, y_true: ArrayLike, y_pred: ArrayLike, counts: np.ndarray) -> np.ndarray:
        """The score of tables in which each row occurs so many times (classification only).

        A bootstrap of many rows with few classes is a bootstrap of the few distinct rows.

        Args:
            y_true: The true target, of shape (n_rows,).
            y_pred: The prediction for the same rows.
            counts: How often each row occurs, of shape (n_tables, n_rows).

        Returns:
            Scores of shape (n_tables,), as `resampled` would give.
        """
        from pandas import factorize

        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        codes, labels = factorize(  # pyright: ignore[reportCallIssue]
            np.concatenate([y_true, y_pred]),  # pyright: ignore[reportArgumentType]
            use_na_sentinel=False,
        )
        true, predicted = np.split(np.eye(len(labels), dtype=counts.dtype)[codes], 2)
        return _BY_COUNTS[self.name](counts @ (true * predicted), counts @ true, counts @ predicted)

    def improvement(self, candidate: float, production: float) -> float:
        """How much better ``candidate`` is than ``production``: positive is better."""
        return candidate - production if self.greater_is_better else production - candidate


def get_metric(name: str | None, task: Task, positive: Any = None) -> Metric:
    """The metric called ``name``; by default ``f1_macro``, and ``rmse`` for regression.

    Args:
        name: As in the YAML.
        task: What kind of target it is for.
        positive: The class that it is of, where it is of one.

    Raises:
        UserError: There is no such metric for this task.
    """
    if name is None:
        return replace(metrics_for(task)[0], positive=positive)
    for metric in metrics_for(task):
        if metric.name == name:
            return replace(metric, positive=positive)
    known = ", ".join(metric.name for metric in metrics_for(task))
    msg = f"There is no metric {name!r} for {task}. Use one of: {known}."
    raise UserError(msg)


def metrics_for(task: Task) -> tuple[Metric, ...]:
    """All metrics of ``task``, the default one first."""
    if task == "classification":
        return (
            Metric("f1_macro", task, True, "F1 macro", "classes"),
            Metric("accuracy", task, True, "Accuracy", "classes"),
            Metric("balanced_accuracy", task, True, "Balanced accuracy", "classes"),
            Metric("precision_macro", task, True, "Precision macro", "classes"),
            Metric("recall_macro", task, True, "Recall macro", "classes"),
        )
    return (
        Metric("rmse", task, False, "RMSE", "rows"),
        Metric("mae", task, False, "MAE", "rows"),
        Metric("r2", task, True, "R2", "table"),
    )


def _classification(
    y_true: np.ndarray,
    y_pred: np.ndarray,
    indices: np.ndarray,
    statistic: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    # pandas, because np.unique cannot sort labels of mixed types.
    from pandas import factorize

    rows = len(y_true)
    both: Any = np.concatenate([y_true, y_pred])
    codes, labels = factorize(both, use_na_sentinel=False)
    classes = len(labels)
    # One code per cell of the confusion matrix: a resample is then one bincount.
    cells = codes[:rows] * classes + codes[rows:]
    scores = np.empty(len(indices))
    for chunk in _chunks(indices, classes * classes):
        taken = cells[indices[chunk]]
        taken += np.arange(len(taken))[:, np.newaxis] * (classes * classes)
        confusion = np.bincount(taken.ravel(), minlength=len(taken) * classes * classes)
        confusion = confusion.reshape(len(taken), classes, classes)
        hits = np.diagonal(confusion, axis1=1, axis2=2)
        scores[chunk] = statistic(hits, confusion.sum(axis=2), confusion.sum(axis=1))
    return scores


def _regression(
    y_true: np.ndarray,
    y_pred: np.ndarray,
    indices: np.ndarray,
    statistic: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    true = y_true.astype(float)
    errors = true - y_pred.astype(float)
    scores = np.empty(len(indices))
    for chunk in _chunks(indices, 1):
        scores[chunk] = statistic(true[indices[chunk]], errors[indices[chunk]])
    return scores


def _chunks(indices: np.ndarray, cells_per_resample: int) -> list[slice]:
    step = max(1, _CELLS // max(indices.shape[1], cells_per_resample))
    return [slice(start, start + step) for start in range(0, len(indices), step)]


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)


def _mean_over(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    return (values * counted).sum(axis=1) / counted.sum(axis=1)


# By class, all of shape (n_resamples, n_classes): hits, true rows, predicted rows.
_BY_COUNTS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
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


def _r2(true: np.ndarray, errors: np.ndarray) -> np.ndarray:
    unexplained = np.square(errors).sum(axis=1)
    total = np.square(true - true.mean(axis=1, keepdims=True)).sum(axis=1)
    # scikit-learn's force_finite: a constant target is 1 where it is hit exactly, else 0.
    constant = np.where(unexplained == 0, 1.0, 0.0)
    return np.where(total > 0, 1 - unexplained / np.where(total > 0, total, 1), constant)


# From the true values and the errors, both of shape (n_resamples, n_rows).
_BY_ERRORS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "rmse": lambda _, errors: np.sqrt(np.square(errors).mean(axis=1)),
    "mae": lambda _, errors: np.abs(errors).mean(axis=1),
    "r2": _r2,
}
