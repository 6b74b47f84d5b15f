"""A model once found, fitted to other rows: a search costs many times as much."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.metrics import Task, get_metric
from mlops_assets.training.automl import plain_target
from mlops_assets.training.features import Model, model_input
from mlops_assets.training.folds import assign_folds
from mlops_assets.training.policy import TrainingPolicy
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


def refit(
    model: Model, frame: pd.DataFrame, columns: Columns, task: Task, weights: Any = None
) -> Model:
    """The same algorithm, settings, seed and threshold, fitted anew on the rows of ``frame``.

    Args:
        model: What a search has found.
        frame: The labelled training table; has every column that the model was trained on.
        columns: Which column plays which role.
        task: Classification or regression.
        weights: What each row weighs, of shape (n_rows,); None: all the same.
    """
    from sklearn.base import clone

    pipeline: Any = clone(model.pipeline)
    with quietly():
        fit_weighted(pipeline, *_plain(model, frame, columns, task), weights, model.class_weights)
    return Model(pipeline, model.threshold, model.own)


def refit_weighted(
    model: Model,
    frame: pd.DataFrame,
    columns: Columns,
    task: Task,
    policy: TrainingPolicy,
    roles: Roles,
) -> tuple[Model, float]:
    """:func:`refit`, with the weight of the regime's rows that does best; and that weight.

    Where labels are cut is chosen anew, as in a search: it depends on what the rows weigh.
    """
    table, target = _plain(model, frame, columns, task)
    metric = policy.ranks_by(target, task, columns.positive)
    can = takes_weights(model.pipeline.steps[-1][1])
    fold_of, _ = assign_folds(frame, columns, task, FOLDS, policy.seed, roles)
    out_of_fold = partial(
        cross_validated,
        model.pipeline,
        table,
        target,
        fold_of,
        class_weights=model.class_weights,
    )
    with quietly():
        roles, tried = choose(out_of_fold, target, roles, policy, metric, takes_weights=can)
    again = refit(model, frame, columns, task, roles.weights(tried.weight))
    if task == "classification" and target.nunique() == 2 and policy.threshold is None:
        judged = roles.regime if not roles.few else np.ones(len(target), dtype=bool)
        truth, folds = target.to_numpy()[judged], fold_of[judged]
        predicted = tried.predicted[judged]
        threshold, _ = threshold_of(truth, predicted, folds, metric, model.class_weights)
        again = replace(again, threshold=threshold)
    return again, tried.weight


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


def _plain(
    model: Model, frame: pd.DataFrame, columns: Columns, task: Task
) -> tuple[pd.DataFrame, pd.Series]:
    dates = model.own is not None
    table = model_input(frame, model.features, dates=dates).reset_index(drop=True)
    return table, plain_target(frame[columns.target], task)
