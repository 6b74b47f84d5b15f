"""AutoML: PyCaret compares the algorithms, the best one is fitted on every row."""

import gc
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.errors import UserError
from mlops_assets.metrics import Metric, Task, get_metric, metrics_for
from mlops_assets.predicted import Predicted
from mlops_assets.training.features import Model, model_input
from mlops_assets.training.folds import assign_folds
from mlops_assets.training.model_format import can_store
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.weights import (
    FOLDS,
    OutOfFold,
    Roles,
    Tried,
    best_of,
    cross_validated,
    fit_weighted,
    named,
    repeats,
    takes_weights,
    told,
    weigh,
    weights_to_try,
    with_quiet_or_without,
)

MIN_ROWS = 10
# More distinct texts than this are pooled, the rarest first, into one.
MAX_CATEGORIES = 26
_TARGET = "target"
_MOST_ASKED = 3  # of the best algorithms, whether they keep the baseline


@dataclass(frozen=True)
class AlgorithmResult:
    """How one algorithm did in cross-validation; ``error`` says why it could not."""

    id: str
    name: str
    metrics: dict[str, float]
    seconds: float
    error: str | None = None


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

    @property
    def model(self) -> Model:
        """The pipeline, taking tables as they are stored."""
        return Model(self.pipeline)


def train(
    frame: pd.DataFrame,
    columns: Columns,
    task: Task,
    policy: TrainingPolicy,
    on_algorithm: Callable[[AlgorithmResult], None],
    roles: Roles | None = None,
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
        on_algorithm: Called after each algorithm with its scores, or its error.
        roles: What each row is to the candidate that is trained; None: all are alike.

    Raises:
        UserError: Too few rows, one class, no features, an unknown algorithm, or none that could
            be trained.
    """
    metric = get_metric(policy.metric, task, columns.positive)
    features = columns.features(frame)
    _check(frame, columns, features, task)
    table = model_input(frame, features).reset_index(drop=True)
    target = plain_target(frame[columns.target], task)
    notes: list[str] = []
    roles = _enough_to_rank_by(roles, notes)
    fold_of, note = assign_folds(
        frame.reset_index(drop=True), columns, task, policy.folds, policy.seed, roles
    )
    notes += [note] if note else []
    with _quiet_pycaret(task) as (experiment_class, logger):
        rows = _Rows(table, target, fold_of, roles)
        between = _ranked_at(rows, task, policy, notes)
        experiment = _experiment(experiment_class, rows, between, task, policy, logger)
        search = _Search(experiment, metric, task, rows, may_quote=not columns.sensitive)
        results, failed = _compare(search, policy, on_algorithm, notes)
        leaderboard = _leaderboard(results, metric, task)
        found = _settle(search, list(leaderboard["id"]), policy, logger, notes)
    return Trained(
        pipeline=found.pipeline,
        leaderboard=leaderboard,
        algorithm=found.algorithm,
        parameters=found.pipeline.named_steps["estimator"].get_params(),
        features=tuple(features),
        metric=metric.name,
        cross_validated=found.predicted,
        failed=tuple(failed),
        notes=tuple(notes),
        regime_weight=found.weight,
    )


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
    """What is learned from: features, labels, the fold of each row, and what the rows are."""

    table: pd.DataFrame
    target: pd.Series
    fold_of: np.ndarray
    roles: Roles | None

    @cached_property
    def compared(self) -> np.ndarray:
        """The rows in the order that PyCaret is given them, but for the last.

        PyCaret insists on a holdout of its own; one row, of the largest class, costs least.
        """
        last = int(self.target.index[self.target == self.target.mode().iloc[0]][-1])
        return np.append(np.delete(np.arange(len(self.table)), last), last)

    def splits(self, regime_weight: float) -> Any:
        """How PyCaret cross-validates: with roles, the rows of the regime alone are scored.

        Each of them is learned from as often as it is to weigh, because PyCaret 3.3.2 fails where
        it is given weights.
        """
        from sklearn.model_selection import PredefinedSplit

        order = self.compared[:-1]
        if self.roles is None:
            return PredefinedSplit(self.fold_of[order])
        scored = np.where(self.roles.regime, self.fold_of, -1)[order]
        often = repeats(self.roles.weights(regime_weight)[order])
        return _Splits(
            [
                (np.repeat(learn, often[learn]), judge)
                for learn, judge in PredefinedSplit(scored).split()
            ]
        )

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


@contextmanager
def _quiet_pycaret(task: Task) -> Iterator[tuple[Any, logging.Logger]]:
    """PyCaret without its side effects: its experiment class, and a logger that tells nobody.

    At import it opens ``logs.log`` in the current folder and takes over all of the process's
    warnings. Those of the algorithms (convergence, constant columns) are expected in a search.
    """
    os.environ.setdefault("PYCARET_CUSTOM_LOGGING_PATH", os.devnull)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pycaret.internal.logging import captureWarnings

        if task == "classification":
            from pycaret.classification import ClassificationExperiment as Experiment
        else:
            from pycaret.regression import RegressionExperiment as Experiment
        captureWarnings(capture=False)
        warnings.simplefilter("ignore")
        logger = logging.Logger("pycaret")
        logger.addHandler(logging.NullHandler())
        # PyCaret collects garbage around every algorithm, 0.3 s each with all that is imported;
        # frozen, what is there already is not looked at again.
        gc.freeze()
        try:
            yield Experiment, logger
        finally:
            gc.unfreeze()


@dataclass(frozen=True)
class _Splits:
    """Folds as scikit-learn asks for them."""

    folds: list[tuple[np.ndarray, np.ndarray]]

    def get_n_splits(self, *_: Any, **__: Any) -> int:
        return len(self.folds)

    def split(self, *_: Any, **__: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield from self.folds


def _experiment(
    experiment_class: Any,
    rows: _Rows,
    regime_weight: float,
    task: Task,
    policy: TrainingPolicy,
    logger: logging.Logger,
) -> Any:
    """A PyCaret experiment over all rows but one, with the project's metrics only."""
    from sklearn.preprocessing import FunctionTransformer

    table, target, order = rows.table, rows.target, rows.compared
    if task == "classification":
        # Without its preprocessing PyCaret takes classes only as codes from 0.
        target = pd.Series(pd.factorize(target)[0], name=_TARGET)
    # Under names of our own: a column of the table may have any, `target` too.
    data = table.set_axis([f"feature_{i}" for i in range(table.shape[1])], axis="columns")
    data = data.assign(**{_TARGET: target}).iloc[order].reset_index(drop=True)
    experiment = experiment_class()
    experiment.setup(
        data=data.iloc[:-1],
        test_data=data.iloc[-1:],
        target=_TARGET,
        index=False,
        preprocess=False,
        custom_pipeline=[
            ("features", _encoder(data.drop(columns=_TARGET))),
            ("names", FunctionTransformer(_numbered)),
        ],
        fold_strategy=rows.splits(regime_weight),
        session_id=policy.seed,
        n_jobs=policy.n_jobs,
        memory=False,
        html=False,
        verbose=False,
        log_experiment=False,
        system_log=logger,
    )
    # PyCaret's own precision, recall and F1 are weighted by class size, not macro.
    for name in list(experiment.get_metrics().index):
        experiment.remove_metric(name)
    for metric in metrics_for(task):
        experiment.add_metric(
            metric.name,
            metric.pycaret_column,
            _score_function(metric),
            greater_is_better=metric.greater_is_better,
        )
    # PyCaret takes it for a failure where every score is 0, as where labels have turned round.
    experiment.add_metric("ran", "Ran", lambda *_, **__: 1.0)
    return experiment


def _numbered(encoded: pd.DataFrame) -> pd.DataFrame:
    """Columns without the texts that they stand for: LightGBM refuses names with commas, say."""
    return encoded.set_axis([f"column_{i}" for i in range(encoded.shape[1])], axis="columns")


def _score_function(metric: Metric) -> Any:
    def score(y_true: Any, y_pred: Any, **_labels: Any) -> float:
        return metric.score(y_true, y_pred)

    return score


def _encoder(table: pd.DataFrame) -> Any:
    """Numbers with the mean for what is missing, and one-hot texts.

    Of scikit-learn alone: PyCaret's own encoders keep pandas objects, which skops cannot store.
    A text that was never seen counts as rare, or else as the first one.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder

    numbers = list(table.select_dtypes("number").columns)
    texts = [column for column in table.columns if column not in numbers]
    one_hot = OneHotEncoder(
        drop="first",
        handle_unknown="infrequent_if_exist",
        max_categories=MAX_CATEGORIES,
        sparse_output=False,
    )
    return ColumnTransformer(
        [("numbers", SimpleImputer(keep_empty_features=True), numbers), ("texts", one_hot, texts)]
    )


@dataclass(frozen=True)
class _Search:
    experiment: Any
    metric: Metric
    task: Task
    rows: _Rows
    may_quote: bool
    """Whether an algorithm's own message may be passed on: it can hold values of the table."""


def _compare(
    search: _Search,
    policy: TrainingPolicy,
    on_algorithm: Callable[[AlgorithmResult], None],
    notes: list[str],
) -> tuple[list[AlgorithmResult], list[AlgorithmResult]]:
    """Cross-validate one algorithm after the other, so that each is reported when it is done."""
    known = search.experiment.models()
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
        result = _cross_validate(search, algorithm, str(known.loc[algorithm, "Name"]))
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


def _cross_validate(search: _Search, algorithm: str, name: str) -> AlgorithmResult:
    begun = time.monotonic()
    metric = search.metric
    try:
        # n_select=0: no fit beyond the folds. errors="ignore" would drop a failure silently.
        search.experiment.compare_models(
            include=[algorithm],
            sort=metric.name,
            n_select=0,
            round=6,
            errors="raise",
            verbose=False,
        )
    except RuntimeError as error:
        seconds = time.monotonic() - begun
        return AlgorithmResult(algorithm, name, {}, seconds, error=_reason(error, search.may_quote))
    row = search.experiment.pull().iloc[0]
    scores = {m.name: float(row[m.pycaret_column]) for m in metrics_for(search.task)}
    seconds = time.monotonic() - begun
    if not np.isfinite(scores[metric.name]):
        return AlgorithmResult(
            algorithm, name, {}, seconds, error=f"its {metric.name} is no number"
        )
    return AlgorithmResult(algorithm, name, scores, seconds)


def _reason(error: RuntimeError, may_quote: bool) -> str:
    """The algorithm's own error, which PyCaret wraps."""
    cause = error.__context__ or error
    if isinstance(cause, AssertionError):
        return "every score was 0 or could not be computed"
    message = str(cause).strip()
    return (
        f"{type(cause).__name__}: {message.splitlines()[0]}"
        if may_quote and message
        else (type(cause).__name__)
    )


def _leaderboard(results: list[AlgorithmResult], metric: Metric, task: Task) -> pd.DataFrame:
    rows = [
        {"id": result.id, "Algorithm": result.name}
        | {m.pycaret_column: result.metrics[m.name] for m in metrics_for(task)}
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
    """The algorithm that is taken, fitted, with what it predicts for each row out of fold."""

    algorithm: str
    pipeline: Any
    predicted: Predicted
    weight: float | None


def _settle(
    search: _Search,
    ranked: list[str],
    policy: TrainingPolicy,
    logger: logging.Logger,
    notes: list[str],
) -> _Found:
    """The best algorithm that keeps the baseline, fitted on every row as it is to weigh.

    What PyCaret's ``finalize_model`` does, but as a pipeline of scikit-learn: it loads without
    PyCaret, in a fraction of the time, and fewer types have to be trusted.
    """
    from pycaret.internal.logging import redirect_output

    rows, roles = search.rows, search.rows.roles
    with redirect_output(logger):
        if roles is None:
            pipeline = _pipeline(search, ranked[0])
            predicted = _out_of_fold(pipeline, rows, rows.fold_of)(None)
            fit_weighted(pipeline, rows.table, rows.target, None)
            return _Found(ranked[0], pipeline, predicted, None)
        out_of_fold = _out_of_fold(_pipeline(search, ranked[0]), rows, rows.fold_of % FOLDS)
        roles, said = with_quiet_or_without(out_of_fold, rows.target, roles, search.metric)
        notes += [said] if said else []
        algorithm, pipeline, chosen = _kept_baseline(search, roles, ranked, policy, notes)
        weights = roles.weights(chosen.weight)
        fit_weighted(pipeline, rows.table, rows.target, weights)
    return _Found(algorithm, pipeline, chosen.predicted, chosen.weight)


def _kept_baseline(
    search: _Search, roles: Roles, ranked: list[str], policy: TrainingPolicy, notes: list[str]
) -> tuple[str, Any, Tried]:
    """The first algorithm that has a weight which keeps the baseline, and the best such weight."""
    rows = search.rows
    looked: list[tuple[str, Any, Tried]] = []
    for algorithm in ranked[:_MOST_ASKED]:
        pipeline = _pipeline(search, algorithm)
        can = takes_weights(pipeline.named_steps["estimator"])
        weights = weights_to_try(roles, rows.target, search.task, policy, takes_weights=can)
        # Each weight costs as many fits as there are folds.
        fold_of = rows.fold_of % FOLDS if len(weights) > 1 else rows.fold_of
        out_of_fold = _out_of_fold(pipeline, rows, fold_of)
        tried = weigh(out_of_fold, rows.target, roles, weights, search.metric)
        chosen = best_of(tried, search.metric)
        looked.append((algorithm, pipeline, chosen or tried[0]))
        if chosen:
            notes.append(f"{algorithm}: {told(tried, chosen, roles, search.metric)}")
            return looked[-1]
        notes.append(
            f"{algorithm} keeps the baseline at no weight: {tried[0].baseline:.4f} at "
            f"{named(tried[0].weight)}, {roles.floor:.4f} is asked for."
        )
    notes.append(f"{looked[0][0]} was taken all the same: the gate will judge.")
    return looked[0]


def _out_of_fold(pipeline: Any, rows: _Rows, fold_of: np.ndarray) -> OutOfFold:
    return partial(cross_validated, pipeline, rows.table, rows.target, fold_of)


def _pipeline(search: _Search, algorithm: str) -> Any:
    """The algorithm behind the features' encoder, not fitted."""
    from sklearn.base import clone
    from sklearn.pipeline import Pipeline

    estimator = search.experiment.create_model(algorithm, cross_validation=False, verbose=False)
    return Pipeline([("features", _encoder(search.rows.table)), ("estimator", clone(estimator))])
