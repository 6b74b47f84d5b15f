"""How much a whole period moves: the unit of evidence is the period, not the row.

Weather, a weekday or a campaign move all rows of a day at once. Let ρ be the share of a column's
variation that lies between periods (the intraclass correlation). A two-sample statistic that
averages 1 where rows are independent then averages

    φ = 1 + ρ (s + S - 1/n - 1/N) / (1/n + 1/N)

for n rows against N, where s and S are the sums of the squared shares that each side's periods
have of its rows: 1/w for w periods of one size (the design effect; Kish 1965, Rao and Scott 1981).
ρ is learned from the reference's own periods, each held against the others.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["numerical", "categorical"]
FEWEST_PERIODS = 7  # from so many on is anything known of them
DAYS_ALIKE = 1.5  # up to here days are hardly more different than rows explain
BY_CHANCE = 0.01  # below it, periods are known to differ
USUAL = 0.95  # the quantile of the reference's own distances that counts as usual
_FREEDOM_OF_NUMBERS = 2.5  # of the statistic of numbers: 2 / its variance of 0.8
_MOST_LEVELS = 500  # of a column of numbers, when its periods are compared with each other


@dataclass(frozen=True)
class Spread:
    """How the rows of one side are spread over periods.

    Attributes:
        rows: How many there are.
        squares: The sum of the squared shares of its periods; 1/rows where each row is a period
            of its own.
    """

    rows: int
    squares: float

    @classmethod
    def of(cls, rows_by_period: np.ndarray) -> "Spread":
        """From the number of rows of each period."""
        rows = int(rows_by_period.sum())
        return cls(rows, float(np.sum((rows_by_period / rows) ** 2)) if rows else 0.0)


@dataclass(frozen=True)
class DayEffect:
    """What is usual between the reference's own periods, for one test of a column.

    Attributes:
        share: ρ, between 0 and 1.
        usual: The distance that 95 % of one, two, ... periods in a row stay below, from all
            other periods.
        periods: How many periods it was learned from.
        correlation: Of one period with the next.
        by_chance: How often periods that are all alike would differ as much.
    """

    share: float
    usual: tuple[float, ...]
    periods: int
    correlation: float = 0.0
    by_chance: float = 0.0

    @property
    def certain(self) -> bool:
        """Whether periods are known to differ."""
        return self.by_chance <= BY_CHANCE

    def inflation(self, then: Spread, now: Spread, then_periods: int, now_periods: int) -> float:
        """φ: what a statistic averages that averages 1 for independent rows; never below 1."""
        one, other = 1 / now.rows, 1 / then.rows
        squares = now.squares * self._carried(now_periods)
        squares += then.squares * self._carried(then_periods)
        return max(1.0, 1 + self.share * (squares - one - other) / (one + other))

    def usual_of(self, periods: int) -> float:
        """The usual distance of so many periods."""
        return self.usual[min(periods, len(self.usual)) - 1] if self.usual else 0.0

    def _carried(self, periods: int) -> float:
        """How much more the mean of neighbours varies than that of independent periods."""
        steps = np.arange(1, periods)
        return float(1 + 2 * np.sum((1 - steps / periods) * self.correlation**steps))

    def p_value(self, statistic: float, freedom: float, inflation: float) -> float:
        """How often a statistic that averages 1, with so many degrees of freedom, is as large.

        Referred to F, whose second degrees of freedom are those of ρ: fewer than periods where
        neighbours are alike. The part of the variation that comes from whole periods is taken to
        have one degree of freedom, as when they move a column up or down.
        """
        from scipy.stats import f

        days = inflation - 1
        freedom = inflation**2 / (1 / freedom + days**2 + 2 * days / math.sqrt(freedom))
        squared = self.correlation**2  # of what two neighbours tell of a variance (Bartlett 1946)
        known = max(1.0, (self.periods - 1) * (1 - squared) / (1 + squared))
        return float(f.sf(statistic / inflation, freedom, known))


@dataclass(frozen=True)
class Held:
    """Blocks of periods of a reference, each held against all others: arrays, one entry a block."""

    statistic: np.ndarray
    distance: np.ndarray
    share: np.ndarray


def hold_against_the_others(
    counts: np.ndarray, kind: Kind, levels: np.ndarray, norm: float, length: int
) -> Held:
    """Each ``length`` periods in a row against the others.

    Args:
        counts: Of each period (rows) and each value (columns).
        kind: What the values are.
        levels: The values, in ascending order where they are numbers.
        norm: The unit of a distance between numbers.
        length: How many periods are taken together.

    Returns:
        The statistics, which average 1 for independent rows; the distances; and, solved from each
        statistic, ρ.
    """
    sums = np.cumsum(np.vstack([np.zeros(counts.shape[1]), counts]), axis=0)
    blocks = sums[length:] - sums[:-length]
    others = sums[-1] - blocks
    rows = counts.sum(axis=1)
    squares = np.cumsum(np.r_[0.0, rows.astype(float) ** 2])
    own = squares[length:] - squares[:-length]
    n, m = blocks.sum(axis=1), others.sum(axis=1)
    kept = (n > 0) & (m > 0)
    blocks, others, n, m, own = blocks[kept], others[kept], n[kept], m[kept], own[kept]
    if kind == "numerical":
        statistic, distance = _of_numbers(blocks, others, levels, norm)
    else:
        statistic, distance = _of_categories(blocks, others)
    per_row = 1 / n + 1 / m
    spread = own / n**2 + (squares[-1] - own) / m**2 - per_row
    known = spread > 1e-12
    share = np.zeros(len(n))
    share[known] = (statistic[known] - 1) * per_row[known] / spread[known]
    return Held(statistic, distance, share)


def learned(
    counts: np.ndarray, kind: Kind, levels: np.ndarray, norm: float, longest: int
) -> tuple[DayEffect, float]:
    """What is usual between periods, and ρ as it looks for two periods in a row.

    Args:
        counts: As for :func:`hold_against_the_others`.
        kind: As there.
        levels: As there.
        norm: As there.
        longest: The usual distance is learned of up to so many periods in a row.
    """
    from scipy.special import chdtrc

    held = [
        hold_against_the_others(counts, kind, levels, norm, length)
        for length in range(1, min(longest, len(counts) // 2) + 1)
    ]
    usual = tuple(float(np.quantile(each.distance, USUAL)) for each in held)
    share = float(np.clip(held[0].share.mean(), 0, 1))
    pairs = float(held[1].share.mean()) if len(held) > 1 else share
    levels_seen = int(np.count_nonzero(counts.sum(axis=0)))
    freedom = _FREEDOM_OF_NUMBERS if kind == "numerical" else max(1, levels_seen - 1)
    known = freedom * max(1, len(counts) - 1)
    by_chance = float(chdtrc(known, known * held[0].statistic.mean()))
    return DayEffect(share, usual, len(counts), by_chance=by_chance), pairs


def of_neighbours(alone: float, pairs: float, periods: int) -> float:
    """The correlation of one period with the next.

    The mean of two keeps (1 + r) / 2 of the variation of one. What so few periods say of r is
    drawn towards 0 by as much as chance would have it (James and Stein 1961).

    Args:
        alone: ρ of single periods, summed over columns.
        pairs: The same as it looks for two in a row.
        periods: How many there are.
    """
    if alone <= 0:
        return 0.0
    found = float(np.clip(pairs / alone - 1, 0, 0.95))
    return found**3 / (found**2 + 1 / periods) if found > 0 else 0.0


def binned(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers as levels in ascending order, some hundreds at the most, and the level of each."""
    levels = np.unique(values)
    if len(levels) > _MOST_LEVELS:
        levels = np.unique(np.sort(values)[_places(len(values))])
    return levels, np.searchsorted(levels, values)


def counted_by_period(periods: np.ndarray, codes: np.ndarray, levels: int) -> np.ndarray:
    """How often each level (columns) occurs in each known period (rows), in their order."""
    known = periods >= 0
    there, period = np.unique(periods[known], return_inverse=True)
    cells = np.bincount(period * levels + codes[known], minlength=len(there) * levels)
    return cells.reshape(len(there), levels)


def _places(rows: int) -> np.ndarray:
    return np.linspace(0, rows - 1, _MOST_LEVELS).round().astype(int)


def _of_numbers(
    blocks: np.ndarray, others: np.ndarray, levels: np.ndarray, norm: float
) -> tuple[np.ndarray, np.ndarray]:
    n, m = blocks.sum(axis=1), others.sum(axis=1)
    total = n + m
    weight = (blocks + others)[0] / total[0]
    below = np.cumsum(weight)
    mean = np.sum(weight * below * np.clip(1 - below, 0, None)) * total / (total - 1)
    gap = np.cumsum(blocks, axis=1) / n[:, None] - np.cumsum(others, axis=1) / m[:, None]
    if len(levels) < 2:
        return np.ones(len(n)), np.zeros(len(n))
    statistic = n * m / total * np.sum(weight * gap**2, axis=1) / mean
    return statistic, np.sum(np.abs(gap[:, :-1]) * np.diff(levels), axis=1) / norm


def _of_categories(blocks: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n, m = blocks.sum(axis=1, keepdims=True), others.sum(axis=1, keepdims=True)
    ours, theirs = blocks / n, others / m
    middle = (ours + theirs) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = sum(
            np.where(side > 0, side * np.log(side / middle), 0.0).sum(axis=1)
            for side in (ours, theirs)
        )
    distance = np.sqrt(np.clip(entropy, 0, None) / 2)
    pooled = (blocks + others)[0]
    used = pooled > 0
    if used.sum() < 2:
        return np.ones(len(n)), distance
    total = float(pooled.sum())
    shares = pooled[used] / total
    squared = (ours - theirs)[:, used] ** 2 / shares
    chi2 = (n * m / total).ravel() * squared.sum(axis=1)
    return chi2 / (used.sum() - 1) * (total - 1) / total, distance
