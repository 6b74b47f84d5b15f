"""A model once found, fitted to other rows: a search costs many times as much."""

from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.metrics import Task, get_metric
from mlops_assets.training.features import Model, model_input
from mlops_assets.training.folds import assign_folds
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.target import plain_target
from mlops_assets.training.threshold import threshold_of
from mlops_assets.training.weights import (
    FOLDS,
    Roles,
    choose,
    cross_validated,
    fit_weighted,
    quietly,
    takes_weights,
)

_ENOUGH = 20_000  # rows to choose a threshold by: it costs as many fits as there are folds


def refit(
    model: Model, frame: pd.DataFrame, columns: Columns, task: Task, policy: TrainingPolicy
) -> Model:
    """The same algorithm, settings and seed, fitted anew on the rows of ``frame``, all alike.

    Where labels are cut is chosen anew, as in a search.

    Args:
        model: What a search has found.
        frame: The labelled training table; has every column that the model was trained on.
        columns: Which column plays which role.
        task: Classification or regression.
        policy: The metric and the threshold.
    """
    table, target = _plain(model, frame, columns, task)
    fitted = _fitted(model, table, target, None)
    if not _is_cut(target, task, policy):
        return fitted
    metric = policy.ranks_by(target, task, columns.positive)
    if len(frame) > _ENOUGH:
        frame = frame.sample(_ENOUGH, random_state=policy.seed)
        table, target = _plain(model, frame, columns, task)
    fold_of, _ = assign_folds(frame.reset_index(drop=True), columns, task, FOLDS, policy.seed)
    weights = model.class_weights
    with quietly():
        predicted = cross_validated(
            *(model.pipeline, table, target, fold_of, None), class_weights=weights
        )
    threshold, _ = threshold_of(target.to_numpy(), predicted, fold_of, metric, weights)
    return replace(fitted, threshold=threshold)


def refit_weighted(
    model: Model,
    frame: pd.DataFrame,
    columns: Columns,
    task: Task,
    policy: TrainingPolicy,
    roles: Roles,
) -> tuple[Model, float]:
    """:func:`refit`, with the weight of the regime's rows that does best; and that weight."""
    table, target = _plain(model, frame, columns, task)
    metric = policy.ranks_by(target, task, columns.positive)
    can = takes_weights(model.pipeline.steps[-1][1])
    fold_of, _ = assign_folds(frame, columns, task, FOLDS, policy.seed, roles)
    weights = model.class_weights
    out_of_fold = partial(
        cross_validated, model.pipeline, table, target, fold_of, class_weights=weights
    )
    with quietly():
        roles, tried = choose(out_of_fold, target, roles, policy, metric, takes_weights=can)
    fitted = _fitted(model, table, target, roles.weights(tried.weight))
    if not _is_cut(target, task, policy):
        return fitted, tried.weight
    truth, groups = target.to_numpy(), roles.groups(tried.weight)
    threshold, _ = threshold_of(truth, tried.predicted, fold_of, metric, weights, groups)
    return replace(fitted, threshold=threshold), tried.weight


def with_floor(
    roles: Roles,
    first: Model,
    frame: pd.DataFrame,
    columns: Columns,
    task: Task,
    policy: TrainingPolicy,
) -> Roles:
    """The roles with the worst score on the baseline that the gate is likely to let pass.

    The gate compares with the first production model on the baseline's holdout, which must play
    no part in a training. On the baseline's rows that may be learned from, the first model's
    algorithm, cross-validated, says what it would.
    """
    if roles.max_drop is None or roles.floor is not None or not roles.baseline.any():
        return roles
    metric = get_metric(roles.metric, task, columns.positive)
    rows = frame[roles.baseline].reset_index(drop=True)
    fold_of, _ = assign_folds(rows, columns, task, FOLDS, policy.seed)
    table, target = _plain(first, rows, columns, task)
    with quietly():
        predicted = cross_validated(
            *(first.pipeline, table, target, fold_of, None), class_weights=first.class_weights
        )
    score = metric.score(target.to_numpy(), predicted)
    lost = roles.max_drop if metric.greater_is_better else -roles.max_drop * score
    return replace(roles, floor=score - lost)


def _fitted(model: Model, table: pd.DataFrame, target: pd.Series, weights: Any) -> Model:
    from sklearn.base import clone

    pipeline: Any = clone(model.pipeline)
    with quietly():
        fit_weighted(pipeline, table, target, weights, model.class_weights)
    return Model(pipeline, model.threshold, model.own)


def _is_cut(target: pd.Series, task: Task, policy: TrainingPolicy) -> bool:
    """Whether there is a threshold to choose."""
    return task == "classification" and target.nunique() == 2 and policy.threshold is None


def _plain(
    model: Model, frame: pd.DataFrame, columns: Columns, task: Task
) -> tuple[pd.DataFrame, pd.Series]:
    dates = model.own is not None
    table = model_input(frame, model.features, dates=dates).reset_index(drop=True)
    return table, plain_target(frame[columns.target], task)
