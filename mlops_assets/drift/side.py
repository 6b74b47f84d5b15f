"""One side of a comparison: its rows made ready, and what is usual between its periods."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from pandas.util import hash_pandas_object

from mlops_assets.drift.day_effects import (
    FEWEST_PERIODS,
    DayEffect,
    Kind,
    Spread,
    binned,
    counted_by_period,
    learned,
    of_neighbours,
)
from mlops_assets.drift.statistics import Counted, norm


class Side:
    """One side of a comparison, made ready once for however many others it is compared with.

    Args:
        frame: The rows; has every column of ``features``.
        features: The feature columns to compare.
        target: The target; None: not compared.
        max_rows: Of more rows, so many are sampled.
        periods: The number of each row's period, from 0 on in the order of time, of shape
            (n_rows,); -1 where nobody knows it. None: of no row.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        features: Sequence[str],
        target: str | None,
        max_rows: int,
        periods: np.ndarray | None = None,
    ) -> None:
        self.rows = len(frame)
        periods = np.full(len(frame), -1) if periods is None else periods
        self.periods = Periods.of(periods)
        places = sampled(frame, list(features), max_rows)
        self.features = {name: Values(frame[name], places, periods) for name in features}
        self.cells = len(places) * (len(features) + 1)
        self.target = target
        self.labels: Values | None = None
        if target is not None and target in frame.columns:
            known = np.flatnonzero(frame[target].notna())
            labels = frame[[target]].iloc[known]
            places = known[sampled(labels, [target], max_rows)]
            self.labels = Values(frame[target], places, periods) if len(places) else None
        self._effects: dict[tuple[str, int], DayEffects | None] = {}

    def effects(self, task: str, longest: int) -> "DayEffects | None":
        """What is usual between its own periods, learned once; None where too few are known.

        Args:
            task: As for `compare`.
            longest: How many periods in a row are compared with it at the most.
        """
        key = task, longest
        if key not in self._effects:
            known = self.periods.known >= FEWEST_PERIODS
            self._effects[key] = _learned_effects(self, task, longest) if known else None
        return self._effects[key]


class Outputs:
    """What a model predicts for the rows of one side, made ready to be compared.

    Args:
        values: One a row: the probability of the positive class, the class, or the number.
        periods: The number of each row's period, as for :class:`Side`.
    """

    def __init__(self, values: pd.Series, periods: np.ndarray) -> None:
        self.values = Values(values, np.arange(len(values)), periods)
        self.periods = Periods.of(periods)
        self.all = values
        self._effects: dict[tuple[Kind, int], DayEffect] = {}

    def effect(self, kind: Kind, longest: int, correlation: float) -> DayEffect | None:
        """What is usual between its own periods; None where too few are known.

        Args:
            kind: What the values are.
            longest: How many periods in a row are compared with it at the most.
            correlation: Of one period with the next.
        """
        if self.periods.known < FEWEST_PERIODS:
            return None
        key = kind, longest
        if key not in self._effects:
            self._effects[key] = self.values.effect(kind, longest)[0]
        return replace(self._effects[key], correlation=correlation)


@dataclass(frozen=True)
class Periods:
    """The periods that the rows of a side come from.

    Attributes:
        known: How many there are, of those that are known.
        count: How many there are, where rows of unknown ones make as many as their number does.
        squares: The sum of the squared shares that they have of the rows.
    """

    known: int
    count: float
    squares: float

    @classmethod
    def of(cls, periods: np.ndarray) -> "Periods":
        """From the number of each row's period; -1 where nobody knows it."""
        sizes = np.unique(periods[periods >= 0], return_counts=True)[1].astype(float)
        unknown, usual = float(np.sum(periods < 0)), float(sizes.mean()) if len(sizes) else 1.0
        squares = (np.sum(sizes**2) + unknown * usual) / max(len(periods), 1) ** 2
        return cls(len(sizes), len(sizes) + unknown / usual, float(squares))

    def spread(self, rows: int) -> Spread:
        """Of so many of the rows."""
        return Spread(rows, max(self.squares, 1 / rows))


@dataclass(frozen=True)
class DayEffects:
    """What is usual between the periods of a reference.

    Attributes:
        periods: How many it was learned from.
        values: Of the values of each column.
        missing: Of the share of missing values of each column that has any.
        correlation: Of one period with the next, all columns together.
    """

    periods: int
    values: dict[str, DayEffect]
    missing: dict[str, DayEffect]
    correlation: float


def _learned_effects(side: Side, task: str, longest: int) -> DayEffects:
    columns = dict(side.features)
    if side.target is not None and side.labels is not None:
        columns[side.target] = side.labels
    values: dict[str, DayEffect] = {}
    missing: dict[str, DayEffect] = {}
    alone = together = 0.0
    for name, column in columns.items():
        is_class = name == side.target and task == "classification"
        kind: Kind = "categorical" if is_class or not column.is_number else "numerical"
        found, pairs = column.effect(kind, longest)
        alone, together = alone + found.share, together + pairs
        values[name] = found
        if column.counted(kind).rows < column.rows:
            gaps = column.effect_of_missing(kind, longest)
            # Too rare to learn it from: an outage takes a whole day as the weather does.
            missing[name] = replace(gaps, share=max(gaps.share, found.share))
    correlation = of_neighbours(alone, together, side.periods.known)
    values, missing = (
        {name: replace(effect, correlation=correlation) for name, effect in effects.items()}
        for effects in (values, missing)
    )
    return DayEffects(side.periods.known, values, missing, correlation)


class Values:
    """A column of one side; what its values are counted as depends on the other side's kind."""

    def __init__(self, whole: pd.Series, places: np.ndarray, periods: np.ndarray) -> None:
        assert isinstance(whole, pd.Series), "two columns have one name"
        column = whole.iloc[places].reset_index(drop=True)
        self._column, self._periods = column, periods[places]
        self.rows = len(column)
        self.known = bool(column.notna().any())
        self.is_number = is_number(column)
        self._counted: dict[Kind, Counted] = {}

    def counted(self, kind: Kind) -> Counted:
        """Its distinct values, as numbers or as categories; counted once."""
        if kind not in self._counted:
            values = present(self._column, kind).to_numpy()
            count = Counted.numbers if kind == "numerical" else Counted.categories
            self._counted[kind] = count(values)
        return self._counted[kind]

    def effect(self, kind: Kind, longest: int) -> tuple[DayEffect, float]:
        """What is usual between periods; and what share of the variation two in a row have."""
        there = present(self._column, kind)
        periods = self._periods[there.index]
        if kind == "numerical":
            levels, codes = binned(there.to_numpy())
        else:
            codes, levels = pd.factorize(there)
            levels = np.asarray(levels)
        counts = counted_by_period(periods, codes, len(levels))
        return learned(counts, kind, levels, norm(self.counted(kind)), longest)

    def effect_of_missing(self, kind: Kind, longest: int) -> DayEffect:
        """The same of the share of missing values."""
        there = np.zeros(self.rows, dtype=int)
        there[present(self._column, kind).index] = 1
        counts = counted_by_period(self._periods, there, 2)
        return learned(counts, "categorical", np.arange(2), 1.0, longest)[0]


def sampled(frame: pd.DataFrame, columns: list[str], max_rows: int) -> np.ndarray:
    """The places of at most ``max_rows`` rows, the same ones in whatever order the rows come.

    Every k-th row in the order of a hash of the contents: equal rows lie side by side there, so
    that each is represented by its share (taking the smallest hashes would take all of them or
    none).
    """
    if len(frame) <= max_rows:
        return np.arange(len(frame))
    hashes = np.asarray(hash_pandas_object(frame[columns], index=False))  # pyright: ignore[reportCallIssue]
    places = np.linspace(0, len(frame) - 1, max_rows).round().astype(int)
    return np.argsort(hashes, kind="stable")[places]


def kind_of(then: pd.Series, now: pd.Series) -> Kind:
    """Numbers and times are numerical; booleans, text, categories and mixtures categorical.

    A side without any value has no say: its dtype is an accident.
    """
    return kind_of_sides(
        *(Values(side, np.arange(len(side)), np.full(len(side), -1)) for side in (then, now))
    )


def kind_of_sides(then: Values, now: Values) -> Kind:
    """As :func:`kind_of`, of columns made ready."""
    sides = [side for side in (then, now) if side.known] or [then]
    return "numerical" if all(side.is_number for side in sides) else "categorical"


def is_number(column: pd.Series) -> bool:
    """Whether a column holds numbers, or times; booleans are none."""
    if pd.api.types.is_bool_dtype(column):
        return False
    return pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column)


def present(column: pd.Series, kind: Kind) -> pd.Series:
    """The column's values without missing ones; numbers as finite floats, times as seconds."""
    column = column.dropna()
    if kind == "categorical":
        return column.astype(object)
    if pd.api.types.is_datetime64_any_dtype(column):
        utc = pd.to_datetime(column, utc=True)
        return (utc - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    numbers = column.astype(float)
    return numbers.loc[np.isfinite(numbers)]
