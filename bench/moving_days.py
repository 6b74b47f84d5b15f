"""What the loop makes of days that move as a whole."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from bench.learner import Learner
from bench.streams import HANDED_IN, METRIC, LearnerTrainer, asks_for_none, retrain
from bench.tables import TARGET
from bench.trials import Cell, Effort, rate, run
from mlops_assets.data.columns import Columns
from mlops_assets.data.contract import ContractOverrides
from mlops_assets.lifecycle.baseline_data import take_baseline
from mlops_assets.lifecycle.baseline_model import train_baseline_model
from mlops_assets.lifecycle.drift_report import report_drift
from mlops_assets.lifecycle.drifted_batch import take_batch
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.memory import MemoryRegistry, MemoryStore
from mlops_assets.lifecycle.moves import roll_back
from mlops_assets.lifecycle.production_model import decide_on_candidate
from mlops_assets.lifecycle.sides import Sides
from mlops_assets.spec import ModelSpec
from mlops_assets.training.features import Predictor

Kind = Literal["normal", "heavy tails", "AR 0.7", "weekly"]
REFERENCE_DAYS, REFERENCE_ROWS, ROWS = 28, 200, 300
DAYS = 56
TREND_DAYS = 120  # in which a column that creeps comes as far as a standard deviation
TREND_NOTICED = 90  # days, after which it has come three quarters of one: retrained on by then
COLUMNS = 10
FAR_AWAY, UNSEEN_DAYS = 10_000, 400  # the days on which two models are held against each other
CARRIED = 0.7  # by a day from the one before, where days are autocorrelated
FIRST_DAY = dt.date(2026, 1, 29)
KEPT_CELLS = 3_000_000
SPEC = ModelSpec(
    name="days",
    columns=Columns(target=TARGET, timestamp="at"),
    baseline=HANDED_IN,
    batches=HANDED_IN,
    start_date=FIRST_DAY.isoformat(),
    contract=ContractOverrides(range_margin=1000),  # tails are heavy
)
BARS: dict[Kind, float] = {"normal": 0.5, "heavy tails": 1.0, "AR 0.7": 1.0, "weekly": 0.5}


@dataclass(frozen=True)
class MovingDays:
    """A world whose days move as a whole.

    Attributes:
        seed: Draws it again.
        share: Of the variation of each column, that which lies between days.
        kind: How days follow each other, and how values and days are distributed.
        shared: Whether all columns move with one and the same thing, each its own way.
        shifts: How far half of the columns (or, with ``whole``, all) are moved on a day.
    """

    seed: int
    share: float
    kind: Kind = "normal"
    shared: bool = True
    shifts: tuple[tuple[int, float], ...] = ()
    whole: bool = False
    since: int | None = None  # for good from this day on, by half a standard deviation
    columns: ClassVar[int] = COLUMNS
    rows: ClassVar[int] = ROWS
    first_day: ClassVar[dt.date] = FIRST_DAY

    def baseline(self) -> pd.DataFrame:
        """Twenty-eight days."""
        days = range(-REFERENCE_DAYS, 0)
        return pd.concat([self._rows(day, REFERENCE_ROWS) for day in days], ignore_index=True)

    def batch(self, date: dt.date) -> pd.DataFrame:
        """The rows of a day."""
        return self._rows((date - self.first_day).days, self.rows)

    def labels(self, day: dt.date) -> pd.DataFrame:
        """They come with the rows."""
        raise AssertionError(day)

    def gained(self, before: Predictor, after: Predictor) -> tuple[float, float]:
        """By how much a model is better than the one before, on many days that nobody has seen.

        And the standard error of that.
        """
        days = [self._rows(FAR_AWAY + day, self.rows) for day in range(UNSEEN_DAYS)]
        truths = [day[TARGET].to_numpy() for day in days]
        scores = [
            [METRIC.score(truth, model.predict(day)) for model in (before, after)]
            for day, truth in zip(days, truths, strict=True)
        ]
        each = np.diff(scores)
        return float(np.mean(each)), float(np.std(each, ddof=1) / np.sqrt(len(each)))

    def _rows(self, day: int, count: int) -> pd.DataFrame:
        rng = np.random.default_rng([self.seed, day + 1000])
        own = _drawn(rng, (count, self.columns), self.kind)
        values = np.sqrt(self.share) * self._moved(day) + np.sqrt(1 - self.share) * own
        # The rule goes with the rows: a day that moves does not change what they mean.
        rule = np.random.default_rng([self.seed, 5000]).normal(size=(self.columns, 3))
        scores = own @ rule / np.sqrt(self.columns) + 0.5 * rng.gumbel(size=(count, 3))
        scores += self._leaning(day)
        values[:, : self.columns if self.whole else self.columns // 2] += self._shift(day)
        midnight = pd.Timestamp(self.first_day) + pd.Timedelta(days=day)
        at = midnight + pd.to_timedelta(np.sort(rng.integers(0, 86_400, count)), unit="s")
        table = pd.DataFrame(values, columns=[f"x{place}" for place in range(self.columns)])
        return table.assign(**{TARGET: np.argmax(scores, axis=1), "at": at})

    def _leaning(self, day: int) -> np.ndarray:  # noqa: ARG002
        """How much more a day's rows tend to each class."""
        return np.zeros(3)

    def _shift(self, day: int) -> float | np.ndarray:
        if self.since is not None and day >= self.since:
            return 0.5
        return dict(self.shifts).get(day, 0.0)

    def _moved(self, day: int) -> np.ndarray:
        """Where a day's columns are, in standard deviations of days."""
        ways = np.random.default_rng([self.seed, 6000]).choice([-1.0, 1.0], self.columns)
        if self.kind == "weekly":
            weekend = (day + REFERENCE_DAYS) % 7 >= 5
            return ways * (float(weekend) - 2 / 7) / np.sqrt(10 / 49)
        moved = self._day(day)
        if self.kind == "AR 0.7":
            before = range(day - 20, day)
            steps = [CARRIED ** (day - each) * self._day(each) for each in before]
            moved = np.sqrt(1 - CARRIED**2) * (moved + np.sum(steps, axis=0))
        return ways * moved

    def _day(self, day: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, 7000 + day])
        return _drawn(rng, (1 if self.shared else self.columns,), self.kind)


@dataclass(frozen=True)
class Weekends(MovingDays):
    """Saturdays and Sundays are another population, in the baseline as ever after.

    Half of the columns are moved by one to two standard deviations, a column of categories has
    another mix, and so have the classes.
    """

    def _rows(self, day: int, count: int) -> pd.DataFrame:
        mix = [0.1, 0.2, 0.7] if _is_weekend(day) else [0.6, 0.3, 0.1]
        rng = np.random.default_rng([self.seed, 8000, day + 1000])
        return super()._rows(day, count).assign(kind=rng.choice(["a", "b", "c"], count, p=mix))

    def _leaning(self, day: int) -> np.ndarray:
        return np.array([0.5, 0.0, -0.5]) * _is_weekend(day)

    def _shift(self, day: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, 9000])
        far = rng.uniform(1, 2, COLUMNS // 2) * rng.choice([-1, 1], COLUMNS // 2)
        return far * _is_weekend(day)


@dataclass(frozen=True)
class Creeping(MovingDays):
    """Half of the columns creep away from the baseline, a standard deviation in 120 days."""

    def _shift(self, day: int) -> float:
        return max(0, day + 1) / TREND_DAYS


@dataclass(frozen=True)
class Prevalence(MovingDays):
    """How frequent the first class is differs by day; the rows of each class are alike.

    The logit of its share moves by a standard deviation of 0.5, from day to day by itself.
    """

    def _rows(self, day: int, count: int) -> pd.DataFrame:
        rng = np.random.default_rng([self.seed, 8000, day + 1000])
        times = np.exp(0.5 * rng.normal())  # the odds of the class, against a day of the middle
        rows = super()._rows(day, 10 * count)
        odds = np.where(rows[TARGET] == 0, times, 1.0) / max(times, 1.0)
        kept = np.flatnonzero(rng.random(len(rows)) < odds)
        return rows.iloc[np.sort(rng.permutation(kept)[:count])].reset_index(drop=True)


def _is_weekend(day: int) -> bool:
    return (FIRST_DAY + dt.timedelta(days=day)).weekday() >= 5


def _drawn(rng: np.random.Generator, shape: tuple[int, ...], kind: Kind) -> np.ndarray:
    if kind == "heavy tails":
        return rng.standard_t(3, shape) / np.sqrt(3)
    return rng.normal(size=shape)


@dataclass(frozen=True)
class Move:
    """Production became another version: a candidate, or back to the one before; and the gain.

    ``error`` is the standard error of the gain, which was measured.
    """

    back: bool
    gained: float
    error: float

    @property
    def worse(self) -> bool:
        """Whether it is, beyond the error of the measurement: many candidates are as good."""
        return self.gained < -2 * self.error


@dataclass(frozen=True)
class Lived:
    """What became of a world: the days that a retraining was asked for, states, and moves."""

    asked: tuple[int, ...]
    states: tuple[str, ...]
    moves: tuple[Move, ...]

    @property
    def asked_in_time(self) -> tuple[int, ...]:
        """The days asked for whose candidate was scored beside production as long as any is."""
        last = len(self.states) - SPEC.gate.challenge_periods
        return tuple(day for day in self.asked if day < last)


def live(world: MovingDays, days: int, spec: ModelSpec = SPEC) -> Lived:
    """The loop over a world's days."""
    registry = MemoryRegistry(spec.name)
    life = Life(spec, MemoryStore(), registry, source=world, sides=Sides(KEPT_CELLS))
    trainer = LearnerTrainer(registry, Learner(world.columns))
    take_baseline(life)
    train_baseline_model(life, trainer)
    asked: list[int] = []
    states: list[str] = []
    moves: list[Move] = []
    for day in range(days):
        partition = str(world.first_day + dt.timedelta(days=day))
        assert take_batch(life, partition).record
        found = report_drift(life, partition)
        before = found.production
        states.append(found.verdict.state)
        retrained = [str(world.first_day + dt.timedelta(days=each)) for each in asked]
        if found.rollback_due:
            roll_back(life, partition, found.production.number)
        if found.promotion_due:
            decide_on_candidate(life, found.promotion_due)
        if not asks_for_none(found, retrained, spec):
            retrain(life, partition, trainer)
            asked.append(day)
        after = registry.in_use()
        if after.number != before.number:
            gained, error = world.gained(life.load(before), life.load(after))
            moves.append(Move(found.rollback_due is not None, gained, error))
    return Lived(tuple(asked), tuple(states), tuple(moves))


def quiet_trial(seed: int, share: float, kind: Kind, shared: bool) -> Lived:
    """Days on which nothing changes, but which are different."""
    return live(MovingDays(seed, share, kind, shared), DAYS)


def shift_trial(seed: int, share: float) -> bool:
    """Whether half the columns, moved by half a standard deviation, are found within a week."""
    world = MovingDays(seed, share, since=10)
    return any(day >= 10 for day in live(world, 17).asked)


def storm_trial(seed: int, share: float) -> bool:
    """Whether one day on which all columns move by three leads to no retraining, then or later."""
    world = MovingDays(seed, share, shifts=((10, 3.0),), whole=True)
    return not any(day >= 10 for day in live(world, 20).asked)


def weekend_trial(seed: int, share: float) -> Lived:
    """Days alike, after a baseline of four whole weeks, where weekends are another population."""
    return live(Weekends(seed, share), DAYS)


def trend_trial(seed: int, share: float) -> Lived:
    """Days on which half of the columns creep."""
    return live(Creeping(seed, share), TREND_DAYS)


def prevalence_trial(seed: int, share: float) -> Lived:
    """Days on which nothing but the frequency of a class is different."""
    return live(Prevalence(seed, share), DAYS)


def nothing_changes(effort: Effort) -> Iterator[Cell]:
    """Days that are different, and nothing that changes: 28 reference days of 200 rows."""
    for kind, bar in BARS.items():
        for share in (0.05, 0.3):
            for shared in (True, False):
                lives = run(quiet_trial, effort.trials(8), share, kind, shared)
                asked = [day in each.asked for each in lives for day in range(DAYS)]
                unusual = [state == "unusual day" for each in lives for state in each.states]
                yield rate(
                    "retraining asked for on a day, no change",
                    f"{kind}, day effect {share:g}, {'shared' if shared else 'by column'}",
                    asked,
                    "<=",
                    bar,
                    **{"unusual days": 100 * float(np.mean(unusual))},
                )


def a_shift_that_stays(effort: Effort) -> Iterator[Cell]:
    """Half the columns moved by half a standard deviation for good, 300 rows a day."""
    for share, bar in ((0.0, 100), (0.05, 95)):
        found = run(shift_trial, effort.trials(60), share)
        yield rate("found within 7 days", f"day effect {share:g}", found, ">=", bar)


def one_storm(effort: Effort) -> Iterator[Cell]:
    """One day on which all columns move by three standard deviations, then back."""
    for share in (0.05, 0.3):
        kept = run(storm_trial, effort.trials(100), share)
        yield rate("no retraining after one storm", f"day effect {share:g}", kept, ">=", 99)


def weekends(effort: Effort) -> Iterator[Cell]:
    """Weekends are another population, in a baseline of four whole weeks and in 56 days alike."""
    for share in (0.0, 0.05):
        lives = run(weekend_trial, effort.trials(12), share)
        unusual = [each.states.count("unusual day") for each in lives]
        yield rate(
            "no retraining, at most one unusual day",
            f"day effect {share:g}",
            [not each.asked and days <= 1 for each, days in zip(lives, unusual, strict=True)],
            ">=",
            95,
            **{
                "no retraining": 100 * float(np.mean([not each.asked for each in lives])),
                "unusual days a life": float(np.mean(unusual)),
            },
        )


def a_slow_trend(effort: Effort) -> Iterator[Cell]:
    """Half the columns creep away by a standard deviation in 120 days."""
    for share in (0.0, 0.05):
        lives = run(trend_trial, effort.trials(6), share)
        beside = {
            "first on day": float(
                np.median([min(each.asked, default=TREND_DAYS) for each in lives])
            ),
            "retrainings": float(np.mean([len(each.asked) for each in lives])),
        }
        cell = f"day effect {share:g}"
        noticed = [min(each.asked, default=TREND_DAYS) < TREND_NOTICED for each in lives]
        yield rate(f"retrained within {TREND_NOTICED} days", cell, noticed, ">=", 95, **beside)
        calm = [_most(each) <= 3 for each in lives]
        yield rate("at most 3 retrainings in any 7 days", cell, calm, ">=", 95, **beside)


def _most(lived: Lived) -> int:
    """The most retrainings in any seven days."""
    return max(
        (sum(0 <= day - first < 7 for day in lived.asked) for first in lived.asked), default=0
    )


def prevalence(effort: Effort) -> Iterator[Cell]:
    """The logit of a class's share moves by day, sd 0.5, and nothing changes."""
    for share in (0.0, 0.05):
        lives = run(prevalence_trial, effort.trials(12), share)
        asked = [day in each.asked for each in lives for day in range(DAYS)]
        unusual = [state == "unusual day" for each in lives for state in each.states]
        yield rate(
            "retraining asked for on a day, prevalence moves",
            f"day effect {share:g}",
            asked,
            "<=",
            1.0,
            **{"unusual days": 100 * float(np.mean(unusual))},
        )
