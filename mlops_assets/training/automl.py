"""AutoML: PyCaret's algorithms are cross-validated, the best one is fitted on every row."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.errors import UserError
from mlops_assets.metrics import Metric, Task, metrics_for
from mlops_assets.predicted import Predicted
from mlops_assets.training.algorithms import calibrated, catalogue, inner, pipeline_of
from mlops_assets.training.calibration import Calibrated, calibrate
from mlops_assets.training.class_weights import class_weights, in_order
from mlops_assets.training.class_weights import told as told_of_classes
from mlops_assets.training.dates import told as told_of_dates
from mlops_assets.training.dates import varying_parts
from mlops_assets.training.features import Model, column_types, model_input
from mlops_assets.training.folds import assign_folds
from mlops_assets.training.model_format import can_store, refuse_unstorable
from mlops_assets.training.own_features import OwnFeatures, Prepared, prepare
from mlops_assets.training.policy import RARE, TrainingPolicy, default_metric
from mlops_assets.training.threshold import Threshold, threshold_of
from mlops_assets.training.tuning import TUNED, Trial, Tuning, draw, tune
from mlops_assets.training.tuning import told as told_of_tuning
from mlops_assets.training.weights import (
    FOLDS,
    OutOfFold,
    Roles,
    best_of,
    cross_validated,
    fit_weighted,
    named,
    quietly,
    takes_weights,
    told,
    weigh,
    weights_to_try,
    with_quiet_or_without,
)

MIN_ROWS = 10
_TARGET = "target"
_ROUNDING = 1e-9
_MOST_ASKED = 3  # of the best algorithms, whether they keep the baseline


@dataclass(frozen=True)
class AlgorithmResult:
    """How one algorithm did in cross-validation; ``error`` says why it could not.

    Of a trial of tuning, ``parameters`` are those that it was tried with.
    """

    id: str
    name: str
    metrics: dict[str, float]
    seconds: float
    error: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """The outcome of a search.

    Attributes:
        pipeline: A scikit-learn pipeline, fitted on every row; needs no PyCaret.
        leaderboard: One row an algorithm, the best first: ``id``, ``Algorithm``, the metrics
            under PyCaret's column names, ``Seconds``.
        algorithm: PyCaret's id of the best one.
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
    """Compare PyCaret's algorithms on ``frame`` and fit the best one on all of it.

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
    rows = _Rows(table, target, fold_of, roles, dates, weights)
    offered = catalogue(task, policy.seed, policy.n_jobs)
    ranked_at = _ranked_at(rows, task, policy, notes)
    search = _Search(offered, metric, task, rows, ranked_at, policy, not columns.sensitive, own)
    results, failed = _compare(search, on_algorithm, notes)
    leaderboard = _leaderboard(results, search)
    tuning = _tuned(search, list(leaderboard["id"]), tuned, on_algorithm, notes)
    if tuning is not None and tuning.algorithm is not None:
        leaderboard = _leaderboard(_with_tuned(search, tuning, results), search)
    found = _settle(search, list(leaderboard["id"]), notes)
    return Trained(
        pipeline=found.pipeline,
        leaderboard=leaderboard,
        algorithm=found.algorithm,
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


def _ranked_at(rows: "_Rows", task: Task, policy: TrainingPolicy, notes: list[str]) -> float:
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


@dataclass(frozen=True)
class _Rows:
    """What is learned from: features, labels, the fold of each row, and what the rows are.

    ``dates`` are the parts of dates to learn from, and the columns of each; ``class_weights`` what
    the classes weigh in a fit, None: all the same.
    """

    table: pd.DataFrame
    target: pd.Series
    fold_of: np.ndarray
    roles: Roles | None
    dates: dict[str, list[str]]
    class_weights: dict[Any, float] | None

    @property
    def judged(self) -> np.ndarray:
        """The rows that are scored: with roles, those of the regime; a mask."""
        return np.ones(len(self.target), dtype=bool) if self.roles is None else self.roles.regime

    def weights_to_try(self, task: Task, policy: TrainingPolicy, *, can: bool) -> list[float]:
        """The weights of a row of the regime, for an algorithm that can take them or not."""
        if self.roles is None:
            return [1.0]
        return weights_to_try(self.roles, self.target, task, policy, takes_weights=can)


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


def plain_target(target: pd.Series, task: Task) -> pd.Series:
    """A target in types that every algorithm takes: numbers for regression, else plain values."""
    plain = target.reset_index(drop=True).rename(_TARGET)
    if task == "regression":
        return plain.astype(float)
    if isinstance(plain.dtype, np.dtype) and plain.dtype != object:
        return plain
    return pd.Series(plain.tolist(), name=_TARGET)


@dataclass(frozen=True)
class _Search:
    offered: pd.DataFrame
    metric: Metric
    task: Task
    rows: _Rows
    ranked_at: float
    policy: TrainingPolicy
    may_quote: bool
    """Whether an algorithm's own message may be passed on: it can hold values of the table."""
    own: Prepared | None = None
    predicted: dict[str, Predicted] = field(default_factory=dict)
    """What each algorithm predicts for each row out of fold, as they were compared."""
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What an algorithm that was tuned has in place of PyCaret's settings."""

    @property
    def shown(self) -> list[Metric]:
        """The metrics of the leaderboard, each once."""
        usual = metrics_for(self.task)
        ranks = [] if self.metric.name in {one.name for one in usual} else [self.metric]
        return [*ranks, *usual]

    def pipeline(self, algorithm: str, parameters: dict[str, Any] | None = None) -> Any:
        """An algorithm behind the features' encoder, not fitted; with parameters to try or not."""
        known = self.parameters.get(algorithm) if parameters is None else parameters
        offered = self.offered.loc[algorithm]
        rows = self.rows
        return pipeline_of(offered, rows.table, self.task, rows.dates, self.own, known)


def _compare(
    search: _Search, on_algorithm: Callable[[AlgorithmResult], None], notes: list[str]
) -> tuple[list[AlgorithmResult], list[AlgorithmResult]]:
    """Cross-validate one algorithm after the other, so that each is reported when it is done."""
    known, policy = search.offered, search.policy
    chosen = _chosen(known, policy)
    failed = [refused for algorithm in chosen if (refused := _refused(known.loc[algorithm]))]
    for refused in failed:
        on_algorithm(refused)
    begun = time.monotonic()
    results: list[AlgorithmResult] = []
    not_to_try = {refused.id for refused in failed}
    for algorithm in (one for one in chosen if one not in not_to_try):
        minutes = (time.monotonic() - begun) / 60
        if policy.budget_minutes is not None and minutes > policy.budget_minutes and results:
            left = len(chosen) - len(results) - len(failed)
            notes.append(
                f"The budget of {policy.budget_minutes:g} minutes was used up: {left} of "
                f"{len(chosen)} algorithms were not tried."
            )
            break
        result, predicted = _cross_validate(search, algorithm, str(known.loc[algorithm, "Name"]))
        if predicted is not None:
            search.predicted[algorithm] = predicted
        (failed if result.error else results).append(result)
        on_algorithm(result)
    if not results:
        errors = "; ".join(f"{result.name}: {result.error}" for result in failed)
        raise UserError(
            f"None of {len(chosen)} algorithms could be trained. {errors}. Check the training "
            "table, or name other `algorithms` in the model's YAML."
        )
    if failed:
        names = ", ".join(result.name for result in failed)
        notes.append(f"{len(failed)} of {len(chosen)} algorithms could not be trained: {names}.")
    return results, failed


def _refused(algorithm: pd.Series) -> AlgorithmResult | None:
    """The failure of an algorithm whose models could not be stored: known before it is tried."""
    estimator = str(algorithm["Reference"])
    if can_store(estimator):
        return None
    package = estimator.partition(".")[0]
    why = f"models of {package} cannot be stored so that loading them is safe; `exclude` it"
    return AlgorithmResult(str(algorithm.name), str(algorithm["Name"]), {}, 0.0, error=why)


def _chosen(known: pd.DataFrame, policy: TrainingPolicy) -> list[str]:
    asked = [*(policy.algorithms or []), *policy.exclude]
    unknown = [name for name in asked if name not in known.index]
    if unknown:
        raise UserError(
            f"PyCaret does not offer {', '.join(map(repr, unknown))} here: install the package of "
            f"that name, or take from: {', '.join(known.index)}."
        )
    defaults = [str(name) for name in known.index[known["Turbo"]]]
    chosen = defaults if policy.algorithms is None else list(dict.fromkeys(policy.algorithms))
    left = [name for name in chosen if name not in policy.exclude]
    if not left:
        raise UserError(
            "`exclude` leaves no algorithm to compare. Exclude fewer, or name others in "
            "`algorithms`."
        )
    return left


def _tuned(
    search: _Search,
    ranked: list[str],
    known: Tuning | None,
    on_algorithm: Callable[[AlgorithmResult], None],
    notes: list[str],
) -> Tuning | None:
    """What comes of tuning the best algorithms, where that is asked for; or came of it before."""
    minutes = search.policy.tune_minutes
    if minutes is None:
        return None
    tuning = _tune(search, ranked[:TUNED], minutes, on_algorithm) if known is None else known
    notes.append(told_of_tuning(tuning, search.metric, minutes))
    return tuning


def _tune(
    search: _Search,
    best: list[str],
    minutes: float,
    on_algorithm: Callable[[AlgorithmResult], None],
) -> Tuning:
    offered, metric, rows = search.offered, search.metric, search.rows

    def score(algorithm: str, parameters: dict[str, Any], number: int) -> np.ndarray | None:
        name = f"{offered.loc[algorithm, 'Name']}, trial {number}"
        result, predicted = _cross_validate(search, algorithm, name, parameters)
        on_algorithm(replace(result, id=f"{algorithm}, trial {number}", parameters=parameters))
        return None if predicted is None else _fold_scores(metric, rows, predicted)

    takes = {
        one: set(inner(search.pipeline(one).named_steps["estimator"]).get_params()) for one in best
    }
    ranges = {one: offered["Tune Distributions"][one] for one in best}
    drawn = draw(ranges, takes, search.policy.seed)
    default = Trial(best[0], {}, _fold_scores(metric, rows, search.predicted[best[0]]))
    return tune(default, drawn, score, metric, minutes)


def _with_tuned(
    search: _Search, tuning: Tuning, results: list[AlgorithmResult]
) -> list[AlgorithmResult]:
    """The results with the tuned algorithm in place of its default: first, so of equal ones too."""
    algorithm = tuning.algorithm
    assert algorithm is not None
    name = f"{search.offered.loc[algorithm, 'Name']}, tuned"
    result, predicted = _cross_validate(search, algorithm, name, tuning.parameters)
    if predicted is None:
        raise UserError(
            f"{algorithm} cannot be trained with the parameters that tuning has found: "
            f"{result.error}. Other rows or packages than then? Train again without them."
        )
    search.parameters[algorithm] = tuning.parameters
    search.predicted[algorithm] = predicted
    return [result, *(one for one in results if one.id != algorithm)]


def _cross_validate(
    search: _Search, algorithm: str, name: str, parameters: dict[str, Any] | None = None
) -> tuple[AlgorithmResult, Predicted | None]:
    """How an algorithm does, and what it predicts for each row out of fold; None: it fails."""
    begun = time.monotonic()
    rows, roles, metric = search.rows, search.rows.roles, search.metric
    weights = None if roles is None else roles.weights(search.ranked_at)
    try:
        with quietly():
            pipeline = search.pipeline(algorithm, parameters)
            predicted = _out_of_fold(search, pipeline, rows.fold_of)(weights)
    # Whatever an algorithm makes of a table is said in its own line; the others go on.
    except Exception as error:  # noqa: BLE001
        seconds, why = time.monotonic() - begun, _reason(error, search.may_quote)
        return AlgorithmResult(algorithm, name, {}, seconds, error=why), None
    scores = {shown.name: _mean_score(shown, rows, predicted) for shown in search.shown}
    seconds = time.monotonic() - begun
    if not np.isfinite(scores[metric.name]):
        why = f"its {metric.name} is no number"
        return AlgorithmResult(algorithm, name, {}, seconds, error=why), None
    return AlgorithmResult(algorithm, name, scores, seconds), predicted


def _mean_score(
    metric: Metric, rows: _Rows, predicted: Predicted, fold_of: np.ndarray | None = None
) -> float:
    """The mean over the folds in which it is defined; with roles, of the regime's rows alone."""
    by_fold = _fold_scores(metric, rows, predicted, fold_of)
    known = by_fold[~np.isnan(by_fold)]
    return float(np.mean(known)) if len(known) else float("nan")


def _fold_scores(
    metric: Metric, rows: _Rows, predicted: Predicted, fold_of: np.ndarray | None = None
) -> np.ndarray:
    """The score in each fold, of shape (n_folds,); NaN where no row is judged."""
    truth = rows.target.to_numpy()
    fold_of = rows.fold_of if fold_of is None else fold_of
    held_out = [rows.judged & (fold_of == fold) for fold in np.unique(fold_of)]
    return np.array(
        [metric.score(truth[held], predicted[held]) if held.any() else np.nan for held in held_out]
    )


def _reason(error: Exception, may_quote: bool) -> str:
    """The algorithm's own error, or its kind where its words may hold values."""
    message = str(error).strip()
    kind = type(error).__name__
    return f"{kind}: {message.splitlines()[0]}" if may_quote and message else kind


def _leaderboard(results: list[AlgorithmResult], search: _Search) -> pd.DataFrame:
    metric = search.metric
    rows = [
        {"id": result.id, "Algorithm": result.name}
        | {shown.pycaret_column: round(result.metrics[shown.name], 6) for shown in search.shown}
        | {"Seconds": round(result.seconds, 2)}
        for result in results
    ]
    # Stable, so that of equal ones PyCaret's order decides on every machine.
    return (
        pd.DataFrame(rows)
        .sort_values(metric.pycaret_column, ascending=not metric.greater_is_better, kind="stable")
        .reset_index(drop=True)
    )


@dataclass(frozen=True)
class _Found:
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


def _settle(search: _Search, ranked: list[str], notes: list[str]) -> _Found:
    """The best algorithm that keeps the baseline, fitted on every row as it is to weigh."""
    rows = search.rows
    with quietly():
        if rows.roles is None:
            best = ranked[0]
            found = _Found(best, search.pipeline(best), search.predicted[best], rows.fold_of)
        else:
            out_of_fold = _out_of_fold(search, search.pipeline(ranked[0]), rows.fold_of % FOLDS)
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


def _kept_baseline(search: _Search, roles: Roles, ranked: list[str], notes: list[str]) -> _Found:
    """The first algorithm that has a weight which keeps the baseline, and the best such weight."""
    rows, policy = search.rows, search.policy
    looked: list[_Found] = []
    for algorithm in ranked[:_MOST_ASKED]:
        pipeline = search.pipeline(algorithm)
        can = takes_weights(pipeline.named_steps["estimator"])
        weights = weights_to_try(roles, rows.target, search.task, policy, takes_weights=can)
        # Each weight costs as many fits as there are folds.
        fold_of = rows.fold_of % FOLDS if len(weights) > 1 else rows.fold_of
        out_of_fold = _out_of_fold(search, pipeline, fold_of)
        tried = weigh(out_of_fold, rows.target, roles, weights, search.metric)
        chosen = best_of(tried, search.metric)
        taken = chosen or tried[0]
        looked.append(_Found(algorithm, pipeline, taken.predicted, fold_of, roles, taken.weight))
        if chosen:
            notes.append(f"{algorithm}: {told(tried, chosen, roles, search.metric)}")
            return looked[-1]
        notes.append(
            f"{algorithm} keeps the baseline at no weight: {tried[0].baseline:.4f} at "
            f"{named(tried[0].weight)}, {roles.floor:.4f} is asked for."
        )
    notes.append(f"{looked[0].algorithm} was taken all the same: the gate will judge.")
    return looked[0]


def _out_of_fold(search: _Search, pipeline: Any, fold_of: np.ndarray) -> OutOfFold:
    rows, n_jobs = search.rows, search.policy.n_jobs
    return partial(
        cross_validated,
        pipeline,
        rows.table,
        rows.target,
        fold_of,
        class_weights=rows.class_weights,
        n_jobs=n_jobs,
    )


def _calibrated(search: _Search, found: _Found, notes: list[str]) -> _Found:
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


def _in_order(rows: _Rows, predicted: Predicted) -> np.ndarray | None:
    if rows.class_weights is None or predicted.classes is None:
        return None
    return in_order(rows.class_weights, predicted.classes)


def _keeps_metric(search: _Search, found: _Found, way: Calibrated) -> bool:
    """Whether the metric is no worse; by labels of two classes the threshold decides that."""
    metric = search.metric
    if metric.reads == "labels" and search.rows.target.nunique() == 2:
        return True
    before, after = (
        _mean_score(metric, search.rows, predicted, found.fold_of)
        for predicted in (found.predicted, way.predicted)
    )
    return metric.improvement(after, before) >= -_ROUNDING


def _with_threshold(search: _Search, found: _Found, notes: list[str]) -> _Found:
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
        judged, truth = rows.judged, rows.target.to_numpy()
        folds, predicted = found.fold_of[judged], found.predicted[judged]
        threshold, said = threshold_of(truth[judged], predicted, folds, metric, weights)
        notes.append(said)
    if threshold is None:
        return found
    return replace(found, threshold=threshold, predicted=threshold.applied(found.predicted))
