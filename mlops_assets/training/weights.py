"""How much a row of a candidate's own regime counts beside an older one: cross-validated.

One day beside a large baseline hardly moves a model. So the rows of the regime that a candidate is
for may weigh more than one each: as much as helps on rows of the regime that were left out of the
fit, and no more than leaves the baseline as the gate asks.
"""

import hashlib
import io
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.metrics import Metric, Task, get_metric
from mlops_assets.predicted import Predicted
from mlops_assets.training.features import CLASS_WEIGHTS, predicted_by
from mlops_assets.training.pipelines import inner
from mlops_assets.training.policy import TrainingPolicy

FOLDS = 5  # of the cross-validation of weights: each of them is a fit for each weight
ALONE = math.inf  # the weight with which older rows count for nothing
# Predicts each row by a fit on the folds without it, given what each row weighs, of shape (n_rows,)
# (None: all the same).
OutOfFold = Callable[[np.ndarray | None], Predicted]
# Where the older rows weigh less than this many times the regime's, equal halves are near enough.
_LEAST_RATIO = 2.0
_FEWEST = 30  # rows of the regime to choose by
_MORE_THAN_HALVES = 3.0  # the regime three quarters of all weight


@dataclass(frozen=True)
class Roles:
    """What each row of a training table is to the candidate that learns from it.

    Attributes:
        regime: The rows of the regime that it is for; a mask of shape (n_rows,).
        baseline: The rows of the baseline; a mask of shape (n_rows,).
        importance: What each row weighs before its regime is looked at, by its age; 1 where age
            plays no part.
        metric: The name of the metric that the gate judges by.
        max_drop: How much of it the gate allows to be lost on the baseline; None: all of it.
        floor: The score on the baseline's rows, out of fold, that is the worst that it may have;
            None where there is no such bound, or it is not known yet.
        period: The number of the period of each row of the regime, from 0 on; -1 for other rows.
            None: all are of one.
        quiet: The rows of quiet days, a mask; None: there are none.
    """

    regime: np.ndarray
    baseline: np.ndarray
    importance: np.ndarray
    metric: str
    max_drop: float | None
    floor: float | None = None
    period: np.ndarray | None = None
    quiet: np.ndarray | None = None

    @property
    def periods(self) -> np.ndarray:
        """The number of the period of each row of the regime; -1 for other rows."""
        return np.where(self.regime, 0, -1) if self.period is None else self.period

    @property
    def few(self) -> bool:
        """Whether the rows of the regime are too few to choose anything by."""
        return int(self.regime.sum()) < _FEWEST

    @property
    def ratio(self) -> float:
        """How many times as much the older rows weigh as those of the regime."""
        new = float(self.importance[self.regime].sum())
        return float(self.importance[~self.regime].sum()) / new if new else 0.0

    def columns(self) -> dict[str, np.ndarray]:
        """What the rows are, a column each."""
        return {
            "regime": self.regime,
            "baseline": self.baseline,
            "importance": self.importance,
            "period": self.periods,
            "quiet": np.zeros(len(self.regime), bool) if self.quiet is None else self.quiet,
        }

    def without_quiet(self) -> "Roles":
        """The same, with nothing learned from quiet days."""
        left = self.importance if self.quiet is None else np.where(self.quiet, 0, self.importance)
        return replace(self, importance=left, quiet=None)

    def groups(self, regime_weight: float) -> list[tuple[np.ndarray, float]]:
        """The regime's rows and those beside them, as masks, with the share that each weighs.

        Where the regime has too few rows to tell anything by, all are one group.
        """
        weights = self.weights(regime_weight)
        used = weights > 0
        beside = used & ~self.regime
        if self.few or not beside.any():
            return [(used, 1.0)]
        share = float(weights[self.regime].sum() / weights.sum())
        return [(used & self.regime, share), (beside, 1 - share)]

    def digest(self) -> str:
        """The same for roles that lead to the same search."""
        made = hashlib.sha256(repr((self.metric, self.max_drop)).encode())
        for each in self.columns().values():
            made.update(each.tobytes())
        return made.hexdigest()[:32]

    def weights(self, regime_weight: float) -> np.ndarray:
        """What each row weighs, 1 on average; 0 for rows that are left out."""
        if regime_weight == ALONE:
            weights = self.importance * self.regime
        else:
            weights = self.importance * np.where(self.regime, regime_weight, 1.0)
        return weights * np.count_nonzero(weights) / weights.sum()


@dataclass(frozen=True)
class Tried:
    """A weight, and what came of it out of fold.

    Attributes:
        weight: Of a row of the regime beside an older one.
        score: On the regime's rows.
        baseline: On the baseline's rows, in the gate's metric; None where there are none.
        keeps_baseline: Whether that is as good as it has to be.
        predicted: What was predicted for each row from the folds without it.
    """

    weight: float
    score: float
    baseline: float | None
    keeps_baseline: bool
    predicted: Predicted = field(repr=False)


def weights_to_try(
    roles: Roles, target: pd.Series, task: Task, policy: TrainingPolicy, *, takes_weights: bool
) -> list[float]:
    """The weights of a row of the regime, from 1 (all rows alike) to the new rows alone.

    Between: half-way to equal halves (geometric mean), equal halves (the new rows weigh as much
    as all older ones together), and three times that. Where the new rows are about as many as the
    older ones there is nothing to choose, and where they are few nothing to choose by. For an
    algorithm that takes no weights rows are repeated, up to equal halves, which doubles them.

    Args:
        roles: What the rows are.
        target: Their labels: where the regime lacks a class, older rows are needed to know it.
        task: Classification or regression.
        policy: May name one weight.
        takes_weights: Whether the algorithm does.
    """
    if policy.regime_weight is not None:
        return [policy.regime_weight]
    ratio = roles.ratio
    if ratio < _LEAST_RATIO or roles.few:
        return [1.0]
    more = [_MORE_THAN_HALVES * ratio] if takes_weights else []
    alone = task == "regression" or _shows_every_class(target, roles.regime)
    return [1.0, math.sqrt(ratio), ratio, *more, *([ALONE] if alone else [])]


def _shows_every_class(target: pd.Series, regime: np.ndarray) -> bool:
    """Whether there are enough rows of each class in the regime to be in every fold."""
    counts = target[regime].value_counts()
    return len(counts) == target.nunique() and int(counts.min()) >= FOLDS


def weigh(
    out_of_fold: OutOfFold,
    target: pd.Series,
    roles: Roles,
    weights: Sequence[float],
    metric: Metric,
) -> list[Tried]:
    """Cross-validate each weight of the regime's rows; one entry each, in their order.

    Args:
        out_of_fold: What is cross-validated.
        target: The labels.
        roles: What the rows are.
        weights: Of a row of the regime beside an older one.
        metric: What the score on the regime's rows is.
    """
    task: Task = metric.task
    keeps = get_metric(roles.metric, task, metric.positive)
    truth = target.to_numpy()
    tried = []
    for weight in weights:
        predicted = out_of_fold(roles.weights(weight))
        on_baseline = (
            keeps.score_of_known(truth[roles.baseline], predicted[roles.baseline])
            if roles.baseline.any()
            else None
        )
        tried.append(
            Tried(
                weight=weight,
                score=metric.score(truth[roles.regime], predicted[roles.regime]),
                baseline=on_baseline,
                keeps_baseline=roles.floor is None
                or on_baseline is None
                or keeps.improvement(on_baseline, roles.floor) >= 0,
                predicted=predicted,
            )
        )
    return tried


def with_quiet_or_without(
    out_of_fold: OutOfFold, target: pd.Series, roles: Roles, metric: Metric
) -> tuple[Roles, str | None]:
    """Whether quiet days help on the regime's rows, half-way to equal halves; and that in words.

    They are more rows of what was usual before: where the regime is another world they lead away
    from it. Of two that do not keep the baseline, the one that keeps more.
    """
    if roles.quiet is None or not roles.quiet.any() or roles.few:
        return roles, None
    ways = (roles, roles.without_quiet())
    used, left = (
        weigh(out_of_fold, target, way, [math.sqrt(max(1.0, way.ratio))], metric)[0] for way in ways
    )
    if used.keeps_baseline or left.keeps_baseline:
        better = best_of([used, left], metric)
    else:
        keeps = get_metric(roles.metric, metric.task, metric.positive)
        drop = keeps.improvement(used.baseline or 0.0, left.baseline or 0.0)
        better = used if drop >= 0 else left
    what = "left out" if better is left else "learned from"
    said = (
        f"The {int(roles.quiet.sum())} rows of quiet days are {what}: {metric.name} on the regime "
        f"out of fold {used.score:.4f} with them, {left.score:.4f} without."
    )
    return ways[better is left], said


def choose(
    out_of_fold: OutOfFold,
    target: pd.Series,
    roles: Roles,
    policy: TrainingPolicy,
    metric: Metric,
    *,
    takes_weights: bool,
) -> tuple[Roles, Tried]:
    """The roles, with quiet days or without, and the weight of the regime's rows that do best.

    Where no weight keeps the baseline all rows weigh the same: the gate will tell.
    """
    roles, _ = with_quiet_or_without(out_of_fold, target, roles, metric)
    weights = weights_to_try(roles, target, metric.task, policy, takes_weights=takes_weights)
    tried = weigh(out_of_fold, target, roles, weights, metric)
    return roles, best_of(tried, metric) or tried[0]


def best_of(tried: Sequence[Tried], metric: Metric) -> Tried | None:
    """The one that is best on the regime's rows, of those that keep the baseline.

    None where none does. Of equal ones the least weight.
    """
    keeping = [one for one in tried if one.keeps_baseline and np.isfinite(one.score)]
    sign = 1 if metric.greater_is_better else -1
    return max(keeping, key=lambda one: sign * one.score, default=None)


def told(tried: Sequence[Tried], chosen: Tried, roles: Roles, metric: Metric) -> str:
    """What was chosen and why, in words."""
    others = ", ".join(
        f"{named(one.weight)} {one.score:.4f}{'' if one.keeps_baseline else ' (loses baseline)'}"
        for one in tried
        if one is not chosen
    )
    kept = "" if chosen.baseline is None else f"; on the baseline {chosen.baseline:.4f}"
    asked = "" if roles.floor is None else f", {roles.floor:.4f} asked for"
    return (
        f"A row of the regime ({int(roles.regime.sum())} of {len(roles.regime)}) weighs "
        f"{named(chosen.weight)}: {metric.name} on them out of fold {chosen.score:.4f}"
        f"{' (others: ' + others + ')' if others else ''}{kept}{asked}."
    )


def named(weight: float) -> str:
    """A weight in words."""
    return "all, older ones nothing," if weight == ALONE else f"{weight:.3g}"


def cross_validated(
    pipeline: Any,
    table: pd.DataFrame,
    target: pd.Series,
    fold_of: np.ndarray,
    weights: np.ndarray | None,
    *,
    class_weights: Mapping[Any, float] | None = None,
    n_jobs: int = 1,
) -> Predicted:
    """What is predicted for each row by a fit on the other folds.

    The probabilities are of all classes of the target: 0 of one that a fit has not seen.
    """
    from joblib import Parallel, delayed

    held_out = [fold_of == fold for fold in np.unique(fold_of)]
    parts: Any = Parallel(n_jobs=n_jobs)(
        delayed(_fold)(pipeline, table, target, held, weights, class_weights) for held in held_out
    )
    places = np.concatenate([np.flatnonzero(held) for held in held_out])
    if all(part.probabilities is not None for part in parts):
        classes = np.unique(target.to_numpy())
        parts = [_over(classes, part) for part in parts]
    return Predicted.joined(parts)[np.argsort(places)]


def _fold(
    pipeline: Any,
    table: pd.DataFrame,
    target: pd.Series,
    held: np.ndarray,
    weights: np.ndarray | None,
    class_weights: Mapping[Any, float] | None,
) -> Predicted:
    from sklearn.base import clone

    fitted: Any = clone(pipeline)
    inside = None if weights is None else weights[~held]
    with quietly():  # once more, in case that it is another process
        fit_weighted(fitted, table[~held], target[~held], inside, class_weights)
        return predicted_by(fitted, table[held])


def _over(classes: np.ndarray, part: Predicted) -> Predicted:
    """The same, with a column for each class."""
    assert part.probabilities is not None
    assert part.classes is not None
    probabilities = np.zeros((len(part), len(classes)))
    probabilities[:, np.searchsorted(classes, part.classes)] = part.probabilities
    return Predicted(part.labels, probabilities, classes)


def fit_weighted(
    pipeline: Any,
    table: pd.DataFrame,
    target: pd.Series,
    weights: np.ndarray | None,
    class_weights: Mapping[Any, float] | None = None,
) -> None:
    """Fit a pipeline on weighted rows: those of weight 0 are left out.

    Where all that are left weigh the same, it is the fit without weights. Where the estimator
    takes none, rows are repeated. One that is calibrated on cross-validated scores gets as many
    folds as the smallest class has rows, :data:`FOLDS` at the most.

    With class weights a row weighs that of its class times its own; what came of that is kept with
    the pipeline, by which `predicted_by` puts its probabilities right.
    """
    name, estimator = pipeline.steps[-1]
    before = weights
    if class_weights is not None:
        by_class = np.array([class_weights.get(each, 1.0) for each in target.tolist()])
        weights = by_class if weights is None else weights * by_class
    kept = np.arange(len(target)) if weights is None else np.flatnonzero(weights > 0)
    weighed = None if weights is None or alike(weights[kept]) else weights
    if weighed is not None and not takes_weights(estimator):
        kept, weighed = np.repeat(kept, repeats(weighed[kept])), None
    fitted = kept
    if inner(estimator) is not estimator:
        fitted = _in_two_folds(kept, target)
        smallest = int(target.iloc[fitted].value_counts().min())
        estimator.set_params(cv=min(FOLDS, smallest))
    given = {} if weighed is None else {f"{name}__sample_weight": weighed[fitted]}
    pipeline.fit(table.iloc[fitted], target.iloc[fitted], **given)
    if class_weights is not None:
        more = _by_class(target, kept, weighed) / _by_class(target, np.unique(kept), before)
        more = more.to_dict()
        setattr(pipeline, CLASS_WEIGHTS, [float(more[each]) for each in estimator.classes_])


def _by_class(target: pd.Series, rows: np.ndarray, weights: np.ndarray | None) -> pd.Series:
    """What the rows of each class weigh together."""
    weighs = np.ones(len(rows)) if weights is None else weights[rows]
    return pd.Series(weighs).groupby(target.iloc[rows].to_numpy()).sum()


def _in_two_folds(rows: np.ndarray, target: pd.Series) -> np.ndarray:
    """The rows, with the only one of its class twice: a class must be in every fold."""
    labels = target.iloc[rows]
    alone = labels.map(labels.value_counts()).to_numpy() == 1
    return np.concatenate([rows, rows[alone]])


def alike(weights: np.ndarray) -> bool:
    """Whether all rows weigh the same."""
    return bool(np.allclose(weights, weights[:1]))


def repeats(weights: np.ndarray) -> np.ndarray:
    """How often each row is there where it cannot be weighed: once for a usual weight or less."""
    return np.maximum(1, np.rint(weights / np.median(weights))).astype(int)


def takes_weights(estimator: Any) -> bool:
    """Whether an estimator can be told that one row counts more than another."""
    from sklearn.utils.validation import has_fit_parameter

    return bool(has_fit_parameter(inner(estimator), "sample_weight"))


@contextmanager
def quietly() -> Iterator[None]:
    """Without warnings of convergence, as in a search; LightGBM tells how it counts as well."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
