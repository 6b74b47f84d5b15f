"""Tuning in a search: the best algorithms, tried with other parameters on the same folds."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mlops_assets.errors import UserError
from mlops_assets.training.search import AlgorithmResult, Search, cross_validate, fold_scores
from mlops_assets.training.tuning import TUNED, Trial, Tuning, draw, tune
from mlops_assets.training.tuning import told as told_of_tuning


def tuned_best(
    search: Search,
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
    search: Search,
    best: list[str],
    minutes: float,
    on_algorithm: Callable[[AlgorithmResult], None],
) -> Tuning:
    offered, metric, rows = search.offered, search.metric, search.rows

    def score(algorithm: str, parameters: dict[str, Any], number: int) -> np.ndarray | None:
        name = f"{offered[algorithm].name}, trial {number}"
        result, predicted = cross_validate(search, algorithm, name, parameters)
        on_algorithm(replace(result, id=f"{algorithm}, trial {number}", parameters=parameters))
        return None if predicted is None else fold_scores(metric, rows, predicted)

    drawn = draw({one: offered[one].ranges for one in best}, search.policy.seed)
    default = Trial(best[0], {}, fold_scores(metric, rows, search.predicted[best[0]]))
    return tune(default, drawn, score, metric, minutes)


def with_tuned(
    search: Search, tuning: Tuning, results: list[AlgorithmResult]
) -> list[AlgorithmResult]:
    """The results with the tuned algorithm in place of its default: first, so of equal ones too."""
    algorithm = tuning.algorithm
    assert algorithm is not None
    name = f"{search.offered[algorithm].name}, tuned"
    result, predicted = cross_validate(search, algorithm, name, tuning.parameters)
    if predicted is None:
        raise UserError(
            f"{algorithm} cannot be trained with the parameters that tuning has found: "
            f"{result.error}. Other rows or packages than then? Train again without them."
        )
    search.parameters[algorithm] = tuning.parameters
    search.predicted[algorithm] = predicted
    return [result, *(one for one in results if one.id != algorithm)]
