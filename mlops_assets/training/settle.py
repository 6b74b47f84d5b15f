"""What a search settles on: the best algorithm that keeps the baseline, calibrated and cut."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlops_assets.predicted import Predicted
from mlops_assets.training.calibration import Calibrated, calibrate
from mlops_assets.training.class_weights import in_order
from mlops_assets.training.pipelines import calibrated, inner
from mlops_assets.training.search import Rows, Search, mean_score, out_of_fold_of
from mlops_assets.training.threshold import Groups, Threshold, threshold_of
from mlops_assets.training.weights import (
    FOLDS,
    Roles,
    best_of,
    fit_weighted,
    named,
    quietly,
    takes_weights,
    told,
    weigh,
    weights_to_try,
    with_quiet_or_without,
)

_ROUNDING = 1e-9
_MOST_ASKED = 3  # of the best algorithms, whether they keep the baseline


@dataclass(frozen=True)
class Found:
    """The algorithm that is taken, with what it predicts for each row out of fold.

    Attributes:
        algorithm: Its id.
        pipeline: Not fitted yet.
        predicted: What it predicts for each row from the folds without it.
        fold_of: The fold of each row in that.
        roles: What the rows are to it.
        weight: Of a row of the regime.
        threshold: From which probability on a row is of the positive class.
    """

    algorithm: str
    pipeline: Any
    predicted: Predicted
    fold_of: np.ndarray
    roles: Roles | None = None
    weight: float | None = None
    threshold: Threshold | None = None

    @property
    def weights(self) -> np.ndarray | None:
        """What each row weighs in its fit."""
        if self.roles is None or self.weight is None:
            return None
        return self.roles.weights(self.weight)

    @property
    def groups(self) -> Groups | None:
        """The rows by which labels are cut: a regime may be over soon, it counts as in the fit."""
        if self.roles is None or self.weight is None:
            return None
        return self.roles.groups(self.weight)


def settle(search: Search, ranked: list[str], notes: list[str]) -> Found:
    """The best algorithm that keeps the baseline, fitted on every row as it is to weigh."""
    rows = search.rows
    with quietly():
        if rows.roles is None:
            best = ranked[0]
            found = Found(best, search.pipeline(best), search.predicted[best], rows.fold_of)
        else:
            out_of_fold = out_of_fold_of(search, search.pipeline(ranked[0]), rows.fold_of % FOLDS)
            ways = out_of_fold, rows.target, rows.roles, search.metric
            roles, said = with_quiet_or_without(*ways)
            notes += [said] if said else []
            found = _kept_baseline(search, roles, ranked, notes)
        if search.task == "classification":
            found = _with_threshold(search, _calibrated(search, found, notes), notes)
        elif search.policy.threshold is not None:
            notes.append("`training.threshold` plays no part: the target is a number.")
        if rows.class_weights and not takes_weights(found.pipeline.named_steps["estimator"]):
            notes.append(
                f"{found.algorithm} takes no weights: rows of classes that weigh more are repeated."
            )
        fit_weighted(found.pipeline, rows.table, rows.target, found.weights, rows.class_weights)
    return found


def _kept_baseline(search: Search, roles: Roles, ranked: list[str], notes: list[str]) -> Found:
    """The first algorithm that has a weight which keeps the baseline, and the best such weight."""
    rows, policy = search.rows, search.policy
    looked: list[Found] = []
    for algorithm in ranked[:_MOST_ASKED]:
        pipeline = search.pipeline(algorithm)
        can = takes_weights(pipeline.named_steps["estimator"])
        weights = weights_to_try(roles, rows.target, search.task, policy, takes_weights=can)
        # Each weight costs as many fits as there are folds.
        fold_of = rows.fold_of % FOLDS if len(weights) > 1 else rows.fold_of
        out_of_fold = out_of_fold_of(search, pipeline, fold_of)
        tried = weigh(out_of_fold, rows.target, roles, weights, search.metric)
        chosen = best_of(tried, search.metric)
        taken = chosen or tried[0]
        looked.append(Found(algorithm, pipeline, taken.predicted, fold_of, roles, taken.weight))
        if chosen:
            notes.append(f"{algorithm}: {told(tried, chosen, roles, search.metric)}")
            return looked[-1]
        notes.append(
            f"{algorithm} keeps the baseline at no weight: {tried[0].baseline:.4f} at "
            f"{named(tried[0].weight)}, {roles.floor:.4f} is asked for."
        )
    notes.append(f"{looked[0].algorithm} was taken all the same: the gate will judge.")
    return looked[0]


def _calibrated(search: Search, found: Found, notes: list[str]) -> Found:
    """The same, calibrated where that credibly lowers log loss and costs nothing of the metric."""
    estimator = found.pipeline.named_steps["estimator"]
    if inner(estimator) is not estimator:
        notes.append(
            f"{found.algorithm} has scores and no probabilities: these are a sigmoid of them, "
            "fitted on cross-validated scores."
        )
        return found
    rows = search.rows
    ways = calibrate(
        rows.target.to_numpy(),
        found.predicted,
        found.fold_of,
        rows.judged,
        found.weights,
        by_scores=hasattr(estimator, "decision_function"),
        class_weights=_in_order(rows, found.predicted),
    )
    good = [way for way in ways if way.helps and _keeps_metric(search, found, way)]
    if not good:
        return found
    way = max(good, key=lambda one: float(one.gains.mean()))
    notes.append(
        f"The probabilities of {found.algorithm} are calibrated ({way.method}, on cross-validated "
        f"predictions): log loss falls by {way.gains.mean():.4f} on rows left out, in "
        f"{int((way.gains > 0).sum())} of {len(way.gains)} folds."
    )
    found.pipeline.steps[-1] = ("estimator", calibrated(estimator, way.method))
    return replace(found, predicted=way.predicted)


def _in_order(rows: Rows, predicted: Predicted) -> np.ndarray | None:
    if rows.class_weights is None or predicted.classes is None:
        return None
    return in_order(rows.class_weights, predicted.classes)


def _keeps_metric(search: Search, found: Found, way: Calibrated) -> bool:
    """Whether the metric is no worse; by labels of two classes the threshold decides that."""
    metric = search.metric
    if metric.reads == "labels" and search.rows.target.nunique() == 2:
        return True
    before, after = (
        mean_score(metric, search.rows, predicted, found.fold_of)
        for predicted in (found.predicted, way.predicted)
    )
    return metric.improvement(after, before) >= -_ROUNDING


def _with_threshold(search: Search, found: Found, notes: list[str]) -> Found:
    """The same with the threshold that is asked for, or that is best for the metric's labels."""
    rows, metric, asked = search.rows, search.metric, search.policy.threshold
    classes, weights = rows.target.nunique(), rows.class_weights
    if classes != 2:
        if asked is not None:
            notes.append(f"`training.threshold` plays no part: the target has {classes} classes.")
        return found
    if asked is not None:
        threshold = Threshold(metric.positive, asked)
        notes.append(f"Labels are cut at a probability of {asked:g}, as `training.threshold` says.")
    else:
        threshold, said = threshold_of(
            rows.target.to_numpy(), found.predicted, found.fold_of, metric, weights, found.groups
        )
        notes.append(said)
    if threshold is None:
        return found
    return replace(found, threshold=threshold, predicted=threshold.applied(found.predicted))
