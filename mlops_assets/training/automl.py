"""AutoML: an engine's algorithms are cross-validated, the best one is fitted on every row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.errors import UserError
from mlops_assets.metrics import Metric, Task
from mlops_assets.predicted import Predicted
from mlops_assets.training.class_weights import class_weights
from mlops_assets.training.class_weights import told as told_of_classes
from mlops_assets.training.dates import told as told_of_dates
from mlops_assets.training.dates import varying_parts
from mlops_assets.training.engines import Engine, catalogue, chosen_engine
from mlops_assets.training.features import Model, column_types, model_input
from mlops_assets.training.folds import assign_folds
from mlops_assets.training.model_format import refuse_unstorable
from mlops_assets.training.own_features import OwnFeatures, Prepared, prepare
from mlops_assets.training.pipelines import inner
from mlops_assets.training.policy import RARE, TrainingPolicy, default_metric
from mlops_assets.training.search import (
    AlgorithmResult,
    Rows,
    Search,
    compare_algorithms,
    leaderboard_of,
)
from mlops_assets.training.settle import settle
from mlops_assets.training.target import plain_target
from mlops_assets.training.threshold import Threshold
from mlops_assets.training.tuned_search import tuned_best, with_tuned
from mlops_assets.training.tuning import Tuning
from mlops_assets.training.weights import Roles

MIN_ROWS = 10


@dataclass(frozen=True)
class Trained:
    """The outcome of a search.

    Attributes:
        pipeline: A scikit-learn pipeline, fitted on every row; needs no engine.
        leaderboard: One row an algorithm, the best first: ``id``, ``Algorithm``, the metrics
            under the names of their columns, ``Seconds``.
        algorithm: The id of the best one.
        engine: Whose algorithm it is.
        parameters: The best one's hyperparameters.
        features: The feature columns, in the order of the training table.
        metric: The name of the metric that ranked them.
        cross_validated: What the best one predicts for each row from the folds without it, in
            the order of the training table.
        failed: The algorithms that could not be trained, with their errors.
        notes: What was done otherwise than asked for, and what was chosen, in words.
        regime_weight: What a row of the candidate's regime weighs beside an older one; None
            where no rows were told apart.
        threshold: From which probability on a row of a binary target is of its positive class;
            None: 0.5, or there are no two classes.
        own: The transformer of the user's in the pipeline; None: there is none.
        tuning: What came of tuning; None: there was none.
    """

    pipeline: Any
    leaderboard: pd.DataFrame
    algorithm: str
    engine: Engine
    parameters: dict[str, Any]
    features: tuple[str, ...]
    metric: str
    cross_validated: Predicted
    failed: tuple[AlgorithmResult, ...]
    notes: tuple[str, ...]
    regime_weight: float | None = None
    threshold: Threshold | None = None
    own: OwnFeatures | None = None
    tuning: Tuning | None = None

    @property
    def model(self) -> Model:
        """The pipeline, taking tables as they are stored."""
        return Model(self.pipeline, self.threshold, self.own)


def train(
    frame: pd.DataFrame,
    columns: Columns,
    task: Task,
    policy: TrainingPolicy,
    on_algorithm: Callable[[AlgorithmResult], None],
    roles: Roles | None = None,
    tuned: Tuning | None = None,
) -> Trained:
    """Compare the engine's algorithms on ``frame`` and fit the best one on all of it.

    Only the feature columns and the target are looked at. The same seed, table and roles give the
    same model.

    With roles, the algorithms are ranked by their score on the regime's rows, each with these at
    a weight between 1 and equal halves. The best one gets the weight that does best there, of
    those that keep the baseline; where none does, the next algorithm is asked.

    Args:
        frame: The labelled training table, of shape (n_rows, n_columns).
        columns: Which column plays which role.
        task: Classification or regression.
        policy: Metric, folds, algorithms, budget, seed.
        on_algorithm: Called after each algorithm, and each trial of tuning, with its scores, or
            its error.
        roles: What each row is to the candidate that is trained; None: all are alike.
        tuned: What came of tuning before, to be taken as it is; None: it is done where the policy
            asks for it.

    Raises:
        UserError: Too few rows, one class, no features, a transformer that fails, an unknown
            algorithm, or none that could be trained.
    """
    features = columns.features(frame)
    engine = chosen_engine(policy.engine)
    _check(frame, columns, features, task)
    of_own = policy.features is not None  # which takes dates as they are
    table = model_input(frame, features, dates=of_own).reset_index(drop=True)
    target = plain_target(frame[columns.target], task)
    notes: list[str] = []
    own = _prepared(table, target, policy, notes)
    metric = _ranks_by(target, columns, task, policy, notes)
    roles = _enough_to_rank_by(roles, notes)
    fold_of, note = assign_folds(
        frame.reset_index(drop=True),
        columns,
        task,
        policy.folds,
        policy.seed,
        roles,
        in_time=policy.folds_in_time,
    )
    notes += [note] if note else []
    dates = {} if of_own else _parts_of_dates(frame, table, notes)
    weights = _class_weights(target, columns, task, policy, notes)
    rows = Rows(table, target, fold_of, roles, dates, weights)
    offered = catalogue(engine, task, policy.seed, policy.n_jobs)
    ranked_at = _ranked_at(rows, task, policy, notes)
    search = Search(
        engine, offered, metric, task, rows, ranked_at, policy, not columns.sensitive, own
    )
    results, failed = compare_algorithms(search, on_algorithm, notes)
    leaderboard = leaderboard_of(results, search)
    tuning = tuned_best(search, list(leaderboard["id"]), tuned, on_algorithm, notes)
    if tuning is not None and tuning.algorithm is not None:
        leaderboard = leaderboard_of(with_tuned(search, tuning, results), search)
    found = settle(search, list(leaderboard["id"]), notes)
    return Trained(
        pipeline=found.pipeline,
        leaderboard=leaderboard,
        algorithm=found.algorithm,
        engine=engine,
        parameters=inner(found.pipeline.named_steps["estimator"]).get_params(),
        features=tuple(features),
        metric=metric.name,
        cross_validated=found.predicted,
        failed=tuple(failed),
        notes=tuple(notes),
        regime_weight=found.weight,
        threshold=found.threshold,
        own=own and own.own,
        tuning=tuning,
    )


def _parts_of_dates(
    frame: pd.DataFrame, table: pd.DataFrame, notes: list[str]
) -> dict[str, list[str]]:
    types = column_types(frame, list(table.columns))
    dates = [name for name, kind in types.items() if kind == "datetime"]
    parts = varying_parts(table, dates)
    notes += told_of_dates(parts, dates)
    return parts


def _class_weights(
    target: pd.Series, columns: Columns, task: Task, policy: TrainingPolicy, notes: list[str]
) -> dict[Any, float] | None:
    if task == "regression" and policy.class_weight is not None:
        raise UserError(
            "`training.class_weight` is of classes, and the target of a regression has none. Leave "
            "it out."
        )
    hidden = columns.target in columns.sensitive
    weights = class_weights(policy.class_weight, target, hidden=hidden)
    notes += [told_of_classes(weights, hidden=hidden)] if weights else []
    return weights


def _prepared(
    table: pd.DataFrame, target: pd.Series, policy: TrainingPolicy, notes: list[str]
) -> Prepared | None:
    """The transformer of the user's, tried on the table: before a search that takes long."""
    if policy.features is None:
        return None
    own = prepare(policy.features, table, target, policy.seed)
    refuse_unstorable(own, table, target)
    notes += own.notes
    return own


def _ranks_by(
    target: pd.Series, columns: Columns, task: Task, policy: TrainingPolicy, notes: list[str]
) -> Metric:
    """The metric that ranks, of the positive class where there are two."""
    metric = policy.ranks_by(target, task, columns.positive)
    if policy.metric is None and metric.name == default_metric(target, task):
        share = target.value_counts(normalize=True).min()
        notes.append(
            f"The algorithms are ranked by {metric.name}: {share:.1%} of the rows are of the rarer "
            f"class, and where that is under {RARE:.0%} the labels at a probability of 0.5 hardly "
            "tell a good model from a dummy. `training.metric` names another."
        )
    return metric


def _ranked_at(rows: Rows, task: Task, policy: TrainingPolicy, notes: list[str]) -> float:
    """The weight at which the algorithms are compared: neither end, so that none is favoured."""
    weights = rows.weights_to_try(task, policy, can=True)
    weight = weights[min(1, len(weights) - 1)]
    if rows.roles is not None:
        regime = rows.roles.regime
        notes.append(
            f"The algorithms are ranked on the regime's {int(regime.sum())} of {len(regime)} rows, "
            f"each of which weighs {weight:.3g}."
        )
    return weight


def _enough_to_rank_by(roles: Roles | None, notes: list[str]) -> Roles | None:
    if roles is None or not roles.few:
        return roles
    notes.append(
        f"The regime has {int(roles.regime.sum())} rows, too few to rank by: all rows are looked "
        "at and weigh the same."
    )
    return None


def _check(frame: pd.DataFrame, columns: Columns, features: list[str], task: Task) -> None:
    if not features:
        raise UserError(
            "There is no feature column to learn from: every column of the training table is the "
            "target, an id, the timestamp or ignored. Change `columns` in the model's YAML."
        )
    if len(frame) < MIN_ROWS:
        raise UserError(
            f"The training table has {len(frame)} labelled rows; at least {MIN_ROWS} are needed. "
            "Give more rows, or hold out fewer."
        )
    unlabelled = int(frame[columns.target].isna().sum())
    if unlabelled:
        raise UserError(
            f"{unlabelled} of {len(frame)} training rows have no {columns.target!r}. Leave out "
            "rows without a label."
        )
    if task == "classification" and frame[columns.target].nunique() < 2:
        raise UserError(
            f"All {len(frame)} training rows are of one class of {columns.target!r}; a classifier "
            "needs at least two."
        )
