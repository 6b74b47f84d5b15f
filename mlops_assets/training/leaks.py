"""Scores that are too good: which feature gives the target away."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.metrics import Task
from mlops_assets.predicted import Predicted
from mlops_assets.training.doubts import Doubt
from mlops_assets.training.engines import Algorithm
from mlops_assets.training.features import model_input
from mlops_assets.training.folds import assign_folds
from mlops_assets.training.pipelines import pipeline_of
from mlops_assets.training.target import plain_target
from mlops_assets.training.weights import cross_validated, quietly

_MOST_ROWS = 5_000  # that a feature by itself is looked at on
_FOLDS = 3
_CONFIDENCE = 0.95
_RESAMPLES = 300
_SHOWN = 3  # features
_AS_GOOD = 3.0  # times what the best of them leaves: of about the same merit


@dataclass(frozen=True)
class _Limits:
    """Shares of a constant's error (wrong rows, squared deviation) that a model may leave.

    Attributes:
        looked_at: With less, features are looked at by themselves: there is something to give.
        near: Nearly perfect: a feature that gives that by itself is a warning.
        beyond: Less than this is a warning though no feature gives it by itself.
        nearly_all: Of what all features spare, what one that gives it away spares by itself.
    """

    looked_at: float
    near: float
    beyond: float
    nearly_all: float


# That a model leaves little is told by an upper bound, so that small tables, which may be separable
# by luck or by nature, are not called perfect.
_LIMITS: dict[Task, _Limits] = {
    "classification": _Limits(looked_at=0.2, near=0.05, beyond=0.01, nearly_all=0.9),
    "regression": _Limits(looked_at=0.1, near=0.01, beyond=0.001, nearly_all=0.95),
}


@dataclass(frozen=True)
class _Left:
    """What predictions leave of a constant's error.

    Attributes:
        share: 0 is perfect, 1 as a constant.
        upper: Its upper bound at 95 %.
        told: Both in words.
    """

    share: float
    upper: float
    told: str


def too_good(
    frame: pd.DataFrame, columns: Columns, task: Task, predicted: Predicted, seed: int
) -> tuple[Doubt, ...]:
    """Whether predictions out of fold are nearly perfect, and which feature gives that by itself.

    A feature that is filled in after the target, or because of it, makes a model that is perfect on
    the past and useless from then on. From the rows alone it cannot be told from a feature that is
    simply good (the petals of irises): what is said is what to find out, and of which column.

    Each feature by itself is a decision tree, cross-validated on 5,000 rows at the most; this
    is done only where the model leaves little of a constant's error.

    Args:
        frame: Labelled rows, of shape (n_rows, n_columns).
        columns: Which column plays which role.
        task: Classification or regression.
        predicted: What was predicted for each row by a fit without it.
        seed: Of the sample and the folds.
    """
    limits = _LIMITS[task]
    truth = plain_target(frame[columns.target], task)
    whole = _left(truth.to_numpy(), predicted.labels, task, seed)
    if whole is None or whole.upper > limits.looked_at:
        return ()
    alone = _by_themselves(frame, columns, task, seed)
    if not alone:  # the sample has one class only
        return ()
    least = 1 - limits.nearly_all * (1 - whole.share)
    # Beside one that holds the answer, one that is merely good is not to be suspected.
    best = min(left.share for left in alone.values())
    least = min(least, max(_AS_GOOD * best, limits.near))
    giving = [name for name, left in alone.items() if left.share <= least]
    if giving:
        return (_given_away(giving[:_SHOWN], alone, whole, warns=whole.upper <= limits.near),)
    if whole.upper <= limits.near:
        warns = whole.upper <= limits.beyond
        return (_no_single(alone, whole, _repeated(frame, columns), warns=warns),)
    return ()


def _given_away(names: list[str], alone: dict[str, _Left], whole: _Left, *, warns: bool) -> Doubt:
    each = "; ".join(f"with {name} alone {alone[name].told}" for name in names)
    is_given = f"{' or '.join(names)} by itself gives nearly all that is known of the target"
    if not warns:
        return Doubt(
            f"{is_given}: out of fold {whole.told}; {each}. Look whether it is known at the time "
            "that a prediction is asked for; if not, list it under `columns.ignore`.",
            warns=False,
        )
    return Doubt(
        f"The scores are nearly perfect, and {is_given}: out of fold {whole.told}; {each}. If it "
        "is filled in after the target is known, it holds the answer: list it under "
        "`columns.ignore`, and make the baseline and its model again. If it is known when a "
        "prediction is asked for, all is well."
    )


def _no_single(alone: dict[str, _Left], whole: _Left, repeated: int, *, warns: bool) -> Doubt:
    best = min(alone, key=lambda name: alone[name].share)
    again = (
        f" {repeated} rows are there more than once: those of one thing belong to one id, which "
        "`columns.id` names."
        if repeated
        else ""
    )
    return Doubt(
        f"The scores are nearly perfect: out of fold {whole.told}. No feature gives that by "
        f"itself; with {best} alone {alone[best].told}. Look whether all features are known at the "
        f"time that a prediction is asked for.{again}",
        warns=warns,
    )


def _by_themselves(
    frame: pd.DataFrame, columns: Columns, task: Task, seed: int
) -> dict[str, _Left]:
    """What each feature leaves by itself, the least first."""
    rows = frame.reset_index(drop=True)
    if len(rows) > _MOST_ROWS:
        rows = rows.sample(_MOST_ROWS, random_state=seed).reset_index(drop=True)
    table = model_input(rows, columns.features(rows))
    target = plain_target(rows[columns.target], task)
    fold_of, _ = assign_folds(rows, columns, task, _FOLDS, seed)
    found = {}
    for name in table.columns:
        one = table[[name]]
        with quietly():
            said = cross_validated(
                pipeline_of(_tree(task, seed), one, task), one, target, fold_of, None
            )
        left = _left(target.to_numpy(), said.labels, task, seed)
        if left is not None:
            found[str(name)] = left
    return dict(sorted(found.items(), key=lambda item: item[1].share))


def _tree(task: Task, seed: int) -> Algorithm:
    """A decision tree of moderate size."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeClassifier if task == "classification" else DecisionTreeRegressor
    settings = {"max_depth": 8, "min_samples_leaf": 3, "random_state": seed}
    return Algorithm("dt", "Decision Tree", kind, settings)


def _left(truth: np.ndarray, said: np.ndarray, task: Task, seed: int) -> _Left | None:
    """What is left of a constant's error; None where a constant makes none."""
    return _of_classes(truth, said) if task == "classification" else _of_values(truth, said, seed)


def _of_classes(truth: np.ndarray, said: np.ndarray) -> _Left | None:
    """By wrong rows; the bound is that of Clopper and Pearson (1934)."""
    from scipy.stats import beta

    n_rows, wrong = len(truth), int((truth != said).sum())
    constant = n_rows - int(pd.Series(truth).value_counts().iloc[0])
    if constant == 0:
        return None
    upper = 1.0 if wrong == n_rows else float(beta.ppf(_CONFIDENCE, wrong + 1, n_rows - wrong))
    told = f"{wrong} of {n_rows} rows are wrong (a constant: {constant})"
    return _Left(wrong / constant, upper * n_rows / constant, told)


def _of_values(truth: np.ndarray, said: np.ndarray, seed: int) -> _Left | None:
    """By squared errors; the bound is that of a percentile bootstrap."""
    errors, deviations = (truth - said) ** 2, (truth - truth.mean()) ** 2
    if deviations.sum() == 0:
        return None
    share = float(errors.sum() / deviations.sum())
    rng = np.random.default_rng(seed)
    # By how often each row is drawn, which takes far less memory than which rows are.
    shares = [
        float(errors @ drawn / max(deviations @ drawn, np.finfo(float).tiny))
        for drawn in (
            np.bincount(rng.integers(0, len(truth), len(truth)), minlength=len(truth))
            for _ in range(_RESAMPLES)
        )
    ]
    return _Left(share, float(np.quantile(shares, _CONFIDENCE)), f"R² is {1 - share:.4f}")


def _repeated(frame: pd.DataFrame, columns: Columns) -> int:
    """How many rows are there more than once, by what is learned from."""
    learned = model_input(frame, columns.features(frame))
    labels = frame[columns.target].astype(str).rename("")
    return int(pd.concat([learned, labels], axis=1).duplicated(keep=False).sum())
