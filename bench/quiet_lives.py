"""What ten years bring in which nothing changes: composed of what is rare and what it leads to.

A promise of one in twenty lives of 3,650 days takes hundreds of such lives to be seen. So it is put
together: how often a retraining is asked for, seen in whole years; and what comes of one, seen in
these and in worlds where more are asked for, because a shift is called far too easily.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bench.moving_days import SPEC, Lived, MovingDays, live
from bench.trials import Cell, Effort, clopper_pearson, run

YEAR, DECADE = 365, 10
HURRIED_DAYS = 84
SHARE = 0.05  # of the variation of each column, between days
FIRST_DAY = dt.date(2016, 1, 29)  # long ago: no day of a life may be in the future
CALM = SPEC.model_copy(update={"start_date": FIRST_DAY.isoformat()})
EASILY = {"shift_significance": 0.3, "significance": 0.3, "numerical_threshold": 0.03}
HURRIED = CALM.model_copy(update={"drift": SPEC.drift.model_copy(update=EASILY)})
SCHEDULED = CALM.model_copy(update={"retrain": SPEC.retrain.model_copy(update={"every": "7 days"})})


@dataclass(frozen=True)
class Quiet(MovingDays):
    """Nothing changes, in fewer columns and rows: there are many days."""

    columns: ClassVar[int] = 4
    rows: ClassVar[int] = 200
    first_day: ClassVar[dt.date] = FIRST_DAY


def quiet_year(seed: int) -> Lived:
    """A year as configured."""
    return live(Quiet(seed, SHARE), YEAR, CALM)


def hurried(seed: int) -> Lived:
    """Some weeks in which a shift is called far too easily."""
    return live(Quiet(5_000_000 + seed, SHARE), HURRIED_DAYS, HURRIED)


def scheduled(seed: int) -> Lived:
    """Some weeks, each with a retraining that nothing but the schedule asks for."""
    return live(Quiet(6_000_000 + seed, SHARE), HURRIED_DAYS, SCHEDULED)


def quiet_lives(effort: Effort) -> Iterator[Cell]:
    """Where nothing changes: false retrainings a year, and what they lead to in ten years."""
    years: list[Lived] = run(quiet_year, effort.trials(24))
    asked = [len(each.asked) for each in years]
    low, high = _poisson(sum(asked), len(asked))
    a_year = float(np.mean(asked))
    yield Cell(
        *("false retrainings a year", f"{YEAR} days, day effect {SHARE:g}"),
        *(a_year, low, high, len(asked), "<=", 1),
        unit="",
        beside={"most in a year": float(max(asked))},
    )
    came = _What.of([*years, *run(hurried, effort.trials(100))])
    for what, hits in (
        ("a worse candidate promoted in ten years", came.worse),
        ("a false rollback in ten years", came.wrongly_back),
    ):
        shares = (hits / max(1, came.retrained), *clopper_pearson(hits, max(1, came.retrained)))
        value, low, high = (100 * -np.expm1(-DECADE * a_year * share) for share in shares)
        yield Cell(
            *(what, f"share of lives, at {a_year:.2g} retrainings a year"),
            *(float(value), float(low), float(high), came.retrained, "<=", 5),
            beside=came.beside | {"of these": float(hits)},
        )
    came = _What.of(run(scheduled, effort.trials(30)))
    share, low, high = (came.worse / came.retrained, *clopper_pearson(came.worse, came.retrained))
    yield Cell(
        *("a worse candidate promoted", "share of retrainings that only a schedule asks for"),
        *(100 * share, 100 * low, 100 * high, came.retrained, "<=", 5),
        beside=came.beside | {"of these": float(came.worse)},
    )


@dataclass(frozen=True)
class _What:
    """What came of the retrainings of some lives."""

    retrained: int
    promoted: int
    worse: int
    wrongly_back: int

    @classmethod
    def of(cls, lives: list[Lived]) -> "_What":
        moves = [move for each in lives for move in each.moves]
        promoted = [move for move in moves if not move.back]
        return cls(
            retrained=sum(len(each.asked_in_time) for each in lives),
            promoted=len(promoted),
            worse=sum(move.worse for move in promoted),
            wrongly_back=sum(move.back and move.gained <= 0 for move in moves),
        )

    @property
    def beside(self) -> dict[str, float]:
        return {
            "retrainings looked at": float(self.retrained),
            "promoted": float(self.promoted),
        }


def _poisson(count: int, years: int) -> tuple[float, float]:
    """The exact interval of a rate (Garwood 1936)."""
    from scipy.stats import chi2

    low = float(chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0
    return low / years, float(chi2.ppf(0.975, 2 * count + 2)) / 2 / years
