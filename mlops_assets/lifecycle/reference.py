"""What a batch is compared with: the baseline, and the quiet days since."""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from mlops_assets.drift.day_effects import FEWEST_PERIODS
from mlops_assets.drift.regimes import BASELINE, ReportRecord, quiet_days, regimes_by_day
from mlops_assets.drift.side import DayEffects, Side
from mlops_assets.errors import NotStoredError
from mlops_assets.lifecycle.comparing import Table
from mlops_assets.lifecycle.journal import ALL
from mlops_assets.lifecycle.life import Life

MOST_QUIET = 28  # days that are looked at beside the baseline: the latest


def periods_of_times(times: pd.Series) -> np.ndarray:
    """The number of the day (UTC) of each moment, in the order of time; -1 where it is missing."""
    if not isinstance(times.dtype, np.dtype) or times.dtype.kind != "M":
        times = pd.to_datetime(times, utc=True).dt.tz_localize(None)
    days = times.to_numpy().astype("datetime64[D]")
    known = ~np.isnat(days)
    numbers = np.full(len(days), -1)
    numbers[known] = np.unique(days[known], return_inverse=True)[1]
    return numbers


class Reference:
    """The rows that a batch is compared with, and what is usual between their periods.

    Args:
        life: The model.
        partition: The batch's day; later ones play no part.
        baseline: The baseline's rows.
        reports: The drift reports so far.
    """

    def __init__(
        self,
        life: Life,
        partition: str,
        baseline: pd.DataFrame,
        reports: Sequence[ReportRecord],
    ) -> None:
        self._life, self._partition, self._baseline = life, partition, baseline
        self._reports = [report for report in reports if report.partition < partition]
        self._features = tuple(life.spec.columns.features(baseline))
        self._read: dict[str, pd.DataFrame] = {}

    @cached_property
    def baseline_periods(self) -> np.ndarray:
        """The period of each row of the baseline."""
        return baseline_periods(self._life, self._baseline)

    @cached_property
    def quiet(self) -> tuple[str, ...]:
        """The quiet days that belong to it: none while too few periods are known.

        Not the very latest, which the batch may be taken together with: a shift that is too small
        for one day to show it would be held against itself.
        """
        quiet = quiet_days(self._reports, self._partition)
        known = len(np.unique(self.baseline_periods[self.baseline_periods >= 0]))
        latest = sorted(report.partition for report in self._reports)
        latest = latest[max(0, len(latest) - self._life.spec.drift.window + 1) :]
        for days in (tuple(day for day in quiet if day not in latest), quiet):
            if known + len(days) >= FEWEST_PERIODS:
                return days[-MOST_QUIET:]
        return ()

    @property
    def name(self) -> str:
        """What it is, in words."""
        if not self.quiet:
            return "the baseline"
        days = f"{len(self.quiet)} quiet day{'s' if len(self.quiet) > 1 else ''}"
        return f"the baseline and the latest {days}"

    @cached_property
    def side(self) -> Side:
        """Its rows, ready to be compared."""
        life = self._life
        hashes = (life.journal.baseline().data_hash, *map(self.hash_of, self.quiet))
        return self._side(hashes, self.table)

    @property
    def baseline_side(self) -> Side:
        """The baseline's rows alone."""
        known = self.baseline_periods
        data_hash = self._life.journal.baseline().data_hash
        return self._side((data_hash,), lambda: Table((self._baseline,), known))

    @cached_property
    def effects(self) -> DayEffects | None:
        """What is usual between periods; None: too few are known, and rows count by themselves."""
        spec = self._life.spec
        found = self.side.effects(spec.task, spec.drift.window)
        return found or self._effects_of_days_unlike()

    def table(self) -> Table:
        """Its rows: the baseline's, then those of the quiet days."""
        tables = [self.batch(day) for day in self.quiet]
        known = self.baseline_periods
        first = int(known.max(initial=-1)) + 1
        days = [np.full(len(rows), first + place) for place, rows in enumerate(tables)]
        return Table((self._baseline, *tables), np.concatenate([known, *days]))

    def several(self, partitions: Sequence[str]) -> Side:
        """Some days as one."""
        hashes = tuple(self.hash_of(day) for day in partitions)
        return self._side(hashes, lambda: self.days(partitions))

    def _effects_of_days_unlike(self) -> DayEffects | None:
        """Where hardly two days were alike so far, that is what days are like here."""
        named = regimes_by_day(self._reports)
        first = [named[day] for day in sorted(named)[:FEWEST_PERIODS]]
        unlike = len({*first} - {BASELINE}) > FEWEST_PERIODS / 2
        if not unlike or len(named) < FEWEST_PERIODS:
            return None
        spec = self._life.spec
        return self.several(sorted(named)[-MOST_QUIET:]).effects(spec.task, spec.drift.window)

    def days(self, partitions: Sequence[str]) -> Table:
        """The rows of some days, in their order, each day a period."""
        tables = [self.batch(day) for day in partitions]
        lengths = [len(rows) for rows in tables]
        return Table(tuple(tables), np.repeat(np.arange(len(tables)), lengths))

    def _side(self, hashes: tuple[str, ...], table: Callable[[], Table]) -> Side:
        spec = self._life.spec
        columns = (self._features, spec.columns.target, spec.drift.max_rows)

        return self._life.sides.side(
            (hashes, columns), lambda: self._life.comparing.side(table(), *columns)
        )

    def batch(self, day: str) -> pd.DataFrame:
        """The rows of a day; read once, where there are not too many."""
        if day in self._read:
            return self._read[day]
        rows = self._life.store.read(self._life.spec.name, "drifted_batch", day)
        if sum(map(len, self._read.values())) + len(rows) <= self._life.spec.drift.max_rows:
            self._read[day] = rows
        return rows

    def hash_of(self, day: str) -> str:
        """What tells a day's rows from those of another delivery of it."""
        taken = self._life.journal.batch(day)
        return taken.data_hash if taken else day


def baseline_periods(
    life: Life, baseline: pd.DataFrame, places: np.ndarray | None = None
) -> np.ndarray:
    """The period of each row of the baseline; -1 where nobody knows it.

    Args:
        life: The model.
        baseline: The baseline, or some of its rows.
        places: Where these are in it; None: they are all of it.
    """
    spec = life.spec
    if spec.columns.timestamp is not None:
        return periods_of_times(baseline[spec.columns.timestamp])
    nobody_knows = np.full(len(baseline), -1)
    if not life.journal.baseline().periods:
        return nobody_knows
    try:
        kept = life.store.read(spec.name, "baseline_periods", ALL)["period"].to_numpy()
    except NotStoredError:  # its periods were those of a timestamp that is named no more
        return nobody_knows
    kept = kept if places is None else kept[places]
    return kept if len(kept) == len(baseline) else nobody_knows
