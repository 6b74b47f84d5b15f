"""Many trials on all cores, and what they show: a rate, its interval, and whether a bar is met."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

CONFIDENCE = 0.95
STRIDE = 100_000_000  # between the seeds of two sets of trials; no question has so many


@dataclass(frozen=True)
class Effort:
    """How many trials, and which: a share of all for a quick look, and another seed for others."""

    scale: float = 1.0
    seed: int = 0

    def trials(self, count: int) -> range:
        """The seeds of ``count`` trials, or of their share."""
        first = self.seed * STRIDE
        return range(first, first + max(1, round(count * self.scale)))


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    ``sense`` is "<=" or ">=": which side of ``bar`` the value has to be on. ``beside`` holds what
    other rules come to in the same trials; it has no bar.
    """

    question: str
    cell: str
    value: float
    low: float
    high: float
    trials: int
    sense: str
    bar: float
    unit: str = "%"
    beside: dict[str, float] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether the measured value is on the bar's side."""
        return self.value <= self.bar if self.sense == "<=" else self.value >= self.bar


def rate(
    question: str, cell: str, hits: Iterable[bool], sense: str, bar: float, **beside: float
) -> Cell:
    """The share of hits in percent, with its Clopper-Pearson interval."""
    found = np.asarray(list(hits), dtype=bool)
    low, high = clopper_pearson(int(found.sum()), len(found))
    value = 100 * float(found.mean())
    return Cell(question, cell, value, 100 * low, 100 * high, len(found), sense, bar, beside=beside)


def clopper_pearson(hits: int, trials: int) -> tuple[float, float]:
    """The exact two-sided 95 % interval of a binomial share (Clopper and Pearson 1934)."""
    from scipy.stats import binomtest

    interval = binomtest(hits, trials).proportion_ci(CONFIDENCE, method="exact")
    return float(interval.low), float(interval.high)


def run(trial: Callable[..., Any], seeds: Sequence[int], *arguments: object) -> list[Any]:
    """``[trial(seed, *arguments) for seed in seeds]``, on all cores, in this order."""
    from joblib import Parallel, delayed

    chunks = [chunk for chunk in np.array_split(np.asarray(seeds), 16 * cores()) if len(chunk)]
    results: list[list[Any]] = Parallel(n_jobs=cores())(
        delayed(_several)(trial, chunk.tolist(), arguments) for chunk in chunks
    )  # pyright: ignore[reportAssignmentType]
    return [result for chunk in results for result in chunk]


def cores() -> int:
    """How many processes run at once."""
    return len(os.sched_getaffinity(0))


def _several(
    trial: Callable[..., Any], seeds: list[int], arguments: tuple[object, ...]
) -> list[Any]:
    return [trial(seed, *arguments) for seed in seeds]
