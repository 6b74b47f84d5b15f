"""A search: each algorithm cross-validated on the same folds, and what came of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.errors import UserError
from mlops_assets.metrics import Metric, Task, metrics_for
from mlops_assets.predicted import Predicted
from mlops_assets.training.engines import Algorithm, Catalogue, Engine
from mlops_assets.training.model_format import can_store
from mlops_assets.training.own_features import Prepared
from mlops_assets.training.pipelines import pipeline_of
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.weights import (
    OutOfFold,
    Roles,
    cross_validated,
    quietly,
    weights_to_try,
)


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
class Rows:
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


@dataclass(frozen=True)
class Search:
    """What a search goes by, and what each algorithm has predicted so far.

    Attributes:
        engine: Whose algorithms they are.
        offered: The algorithms, as `catalogue` gives them.
        metric: What ranks them.
        task: Classification or regression.
        rows: What is learned from.
        ranked_at: What a row of the regime weighs as they are compared.
        policy: Which algorithms, folds, budget.
    """

    engine: Engine
    offered: Catalogue
    metric: Metric
    task: Task
    rows: Rows
    ranked_at: float
    policy: TrainingPolicy
    may_quote: bool
    """Whether an algorithm's own message may be passed on: it can hold values of the table."""
    own: Prepared | None = None
    predicted: dict[str, Predicted] = field(default_factory=dict)
    """What each algorithm predicts for each row out of fold, as they were compared."""
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What an algorithm that was tuned has in place of the engine's settings."""

    @property
    def shown(self) -> list[Metric]:
        """The metrics of the leaderboard, each once."""
        usual = metrics_for(self.task)
        ranks = [] if self.metric.name in {one.name for one in usual} else [self.metric]
        return [*ranks, *usual]

    def pipeline(self, algorithm: str, parameters: dict[str, Any] | None = None) -> Any:
        """An algorithm behind the features' encoder, not fitted; with parameters to try or not."""
        known = self.parameters.get(algorithm) if parameters is None else parameters
        offered = self.offered[algorithm]
        rows = self.rows
        return pipeline_of(offered, rows.table, self.task, rows.dates, self.own, known)


def compare_algorithms(
    search: Search, on_algorithm: Callable[[AlgorithmResult], None], notes: list[str]
) -> tuple[list[AlgorithmResult], list[AlgorithmResult]]:
    """Cross-validate one algorithm after the other, so that each is reported when it is done."""
    known, policy = search.offered, search.policy
    chosen = _chosen(search.engine, known, policy)
    failed = [refused for algorithm in chosen if (refused := _refused(known[algorithm]))]
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
        result, predicted = cross_validate(search, algorithm, known[algorithm].name)
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


def _refused(algorithm: Algorithm) -> AlgorithmResult | None:
    """The failure of an algorithm whose models could not be stored: known before it is tried."""
    package = algorithm.kind.__module__.partition(".")[0]
    if can_store(package):
        return None
    why = f"models of {package} cannot be stored so that loading them is safe; `exclude` it"
    return AlgorithmResult(algorithm.id, algorithm.name, {}, 0.0, error=why)


def _chosen(engine: Engine, known: Catalogue, policy: TrainingPolicy) -> list[str]:
    asked = [*(policy.algorithms or []), *policy.exclude]
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise UserError(
            f"The engine {engine} does not offer {', '.join(map(repr, unknown))} here. Take from: "
            f"{', '.join(known)}."
        )
    defaults = [name for name, algorithm in known.items() if algorithm.default]
    chosen = defaults if policy.algorithms is None else list(dict.fromkeys(policy.algorithms))
    left = [name for name in chosen if name not in policy.exclude]
    if not left:
        raise UserError(
            "`exclude` leaves no algorithm to compare. Exclude fewer, or name others in "
            "`algorithms`."
        )
    return left


def cross_validate(
    search: Search, algorithm: str, name: str, parameters: dict[str, Any] | None = None
) -> tuple[AlgorithmResult, Predicted | None]:
    """How an algorithm does, and what it predicts for each row out of fold; None: it fails."""
    begun = time.monotonic()
    rows, roles, metric = search.rows, search.rows.roles, search.metric
    weights = None if roles is None else roles.weights(search.ranked_at)
    try:
        with quietly():
            pipeline = search.pipeline(algorithm, parameters)
            predicted = out_of_fold_of(search, pipeline, rows.fold_of)(weights)
    # Whatever an algorithm makes of a table is said in its own line; the others go on.
    except Exception as error:  # noqa: BLE001
        seconds, why = time.monotonic() - begun, _reason(error, search.may_quote)
        return AlgorithmResult(algorithm, name, {}, seconds, error=why), None
    scores = {shown.name: mean_score(shown, rows, predicted) for shown in search.shown}
    seconds = time.monotonic() - begun
    if not np.isfinite(scores[metric.name]):
        why = f"its {metric.name} is no number"
        return AlgorithmResult(algorithm, name, {}, seconds, error=why), None
    return AlgorithmResult(algorithm, name, scores, seconds), predicted


def mean_score(
    metric: Metric, rows: Rows, predicted: Predicted, fold_of: np.ndarray | None = None
) -> float:
    """The mean over the folds in which it is defined; with roles, of the regime's rows alone."""
    by_fold = fold_scores(metric, rows, predicted, fold_of)
    known = by_fold[~np.isnan(by_fold)]
    return float(np.mean(known)) if len(known) else float("nan")


def fold_scores(
    metric: Metric, rows: Rows, predicted: Predicted, fold_of: np.ndarray | None = None
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


def leaderboard_of(results: list[AlgorithmResult], search: Search) -> pd.DataFrame:
    """One row an algorithm, the best first."""
    metric = search.metric
    rows = [
        {"id": result.id, "Algorithm": result.name}
        | {shown.column: round(result.metrics[shown.name], 6) for shown in search.shown}
        | {"Seconds": round(result.seconds, 2)}
        for result in results
    ]
    # Stable, so that of equal ones the catalogue's order decides on every machine.
    return (
        pd.DataFrame(rows)
        .sort_values(metric.column, ascending=not metric.greater_is_better, kind="stable")
        .reset_index(drop=True)
    )


def out_of_fold_of(search: Search, pipeline: Any, fold_of: np.ndarray) -> OutOfFold:
    """A pipeline cross-validated on these folds, once it is told what each row weighs."""
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
