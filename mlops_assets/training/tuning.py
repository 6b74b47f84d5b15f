"""Tuning: other parameters of the best algorithms, by a random search on the same folds."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from mlops_assets.metrics import Metric
from mlops_assets.training.threshold import credibly_above_zero

TUNING = "tuning.json"  # an artifact of the version's MLflow run
TUNED = 3  # of the best algorithms
MOST_TRIALS = 60  # of all of them together


class Tuning(BaseModel):
    """What came of it, kept with a version so that it can be made again without a search.

    Attributes:
        trials: How many parameters were tried.
        failed: How many of them could not be.
        out_of_time: Whether there was no time for all: how many are tried depends on the machine.
        algorithm: The algorithm that does better by other parameters; None: none credibly does.
        parameters: These; of the others its defaults stay.
        gain: By how much the metric is better on folds that had no part in choosing; None where
            nothing was tried.
    """

    model_config = ConfigDict(frozen=True)

    trials: int
    failed: int = 0
    out_of_time: bool = False
    algorithm: str | None = None
    parameters: dict[str, Any] = {}
    gain: float | None = None


@dataclass(frozen=True)
class Trial:
    """Parameters of an algorithm, and the score in each fold, of shape (n_folds,)."""

    algorithm: str
    parameters: dict[str, Any]
    scores: np.ndarray


def draw(
    ranges: Mapping[str, Mapping[str, Any]], seed: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Algorithms in turn with random parameters (Bergstra and Bengio 2012), :data:`MOST_TRIALS`.

    The same for the same seed, however many are taken of it.

    Args:
        ranges: By algorithm, what its parameters are drawn from: objects with ``rvs``.
        seed: Of the draws.
    """
    from sklearn.model_selection import ParameterSampler

    samplers = [
        (algorithm, iter(ParameterSampler(dict(space), MOST_TRIALS, random_state=seed + place)))
        for place, (algorithm, space) in enumerate(ranges.items())
        if space
    ]
    seen: set[str] = set()
    for place in range(MOST_TRIALS if samplers else 0):
        algorithm, sampler = samplers[place % len(samplers)]
        parameters = {name: _plain(value) for name, value in next(sampler).items()}
        key = repr((algorithm, sorted(parameters.items(), key=lambda item: item[0])))
        if key not in seen:  # of few choices
            seen.add(key)
            yield algorithm, parameters


def _plain(value: Any) -> Any:
    """As JSON keeps it."""
    return value.item() if isinstance(value, np.generic) else value


def tune(
    default: Trial,
    drawn: Iterator[tuple[str, dict[str, Any]]],
    score: Callable[[str, dict[str, Any], int], np.ndarray | None],
    metric: Metric,
    minutes: float,
) -> Tuning:
    """Try parameters, and take the best ones where these are credibly better than the default.

    The best of many is better by chance alone. So what tuning gains is measured on folds that had
    no part in the choice: for each fold the best on the others is taken. Where that gain is not
    credible (:func:`mlops_assets.training.threshold.credibly_above_zero`), the default stays.

    Args:
        default: The best algorithm as it is.
        drawn: What to try, in this order.
        score: What an algorithm scores with parameters in each fold, given the number of the
            trial, from 1 on; None where it fails.
        metric: What the scores are of.
        minutes: After so many no further trial is begun.
    """
    begun, tried, failed, late = time.monotonic(), [default], 0, False
    for algorithm, parameters in drawn:
        late = (time.monotonic() - begun) / 60 > minutes
        if late:
            break
        scores = score(algorithm, parameters, len(tried) + failed)
        if scores is None or not np.isfinite(scores[~np.isnan(default.scores)]).all():
            failed += 1
        else:
            tried.append(Trial(algorithm, parameters, scores))
    came = Tuning(trials=len(tried) - 1 + failed, failed=failed, out_of_time=late)
    gains, best = gains_of_choosing(tried, metric)
    if len(tried) == 1 or np.isnan(gains).all():
        return came
    came = came.model_copy(update={"gain": float(np.nanmean(gains))})
    if best is default or not credibly_above_zero(gains):
        return came
    return came.model_copy(update={"algorithm": best.algorithm, "parameters": best.parameters})


def gains_of_choosing(tried: Sequence[Trial], metric: Metric) -> tuple[np.ndarray, Trial]:
    """What choosing gains over the first in each fold, chosen on the others; and the best of all.

    Returns:
        Gains of shape (n_folds,), NaN where a score is not defined; and the best trial, the first
        of equal ones.
    """
    sign = 1 if metric.greater_is_better else -1
    scores = sign * np.vstack([trial.scores for trial in tried])
    folds = [fold for fold in range(scores.shape[1]) if not np.isnan(scores[0, fold])]
    gains = np.full(scores.shape[1], np.nan)
    for fold in folds if len(folds) > 1 else []:
        others = [other for other in folds if other != fold]
        chosen = int(np.argmax(scores[:, others].mean(axis=1)))
        gains[fold] = scores[chosen, fold] - scores[0, fold]
    best = int(np.argmax(scores[:, folds].mean(axis=1))) if folds else 0
    return gains, tried[best]


def told(tuning: Tuning, metric: Metric, minutes: float) -> str:
    """What came of tuning, in words."""
    failed = f", {tuning.failed} of which failed" if tuning.failed else ""
    bound = (
        f" in {minutes:g} minutes (how many depends on the machine)" if tuning.out_of_time else ""
    )
    head = f"Tuning: {tuning.trials} parameters of the best algorithms were tried{bound}{failed}."
    if tuning.gain is None:
        return head
    gained = f"{metric.name} gains {tuning.gain:.4f} on folds that had no part in choosing"
    if tuning.algorithm is None:
        return f"{head} The defaults stay: {gained}, by chance for all we know."
    parameters = ", ".join(f"{name} {_shown(value)}" for name, value in tuning.parameters.items())
    return f"{head} {tuning.algorithm} is taken with {parameters}: {gained}."


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
