"""What values of periods of different sizes say together: within and between periods."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BY_CHANCE = 0.01  # below it, periods are known to differ
ALIKE = 1.5  # up to this inflation they are hardly more different than rows explain


@dataclass(frozen=True)
class Measured:
    """A score, or a difference of scores, on the labelled rows of one period."""

    value: float
    rows: int


@dataclass(frozen=True)
class Spread:
    """How something measured varies from period to period.

    Attributes:
        per_row: The variance that it would have on one row; on n rows it has an n-th of it.
        between: The variance between periods beyond that.
        freedom: The degrees of freedom that ``between`` was learned with.
        by_chance: How often periods that are all alike would differ as much (Cochran's Q).
    """

    per_row: float
    between: float
    freedom: int
    by_chance: float = 0.0

    def matters(self, rows: float) -> bool:
        """Whether periods of so many rows differ by much more than rows explain, not by chance."""
        if self.per_row <= 0:
            return self.between > 0
        inflation = 1 + self.between * rows / self.per_row
        return inflation >= ALIKE and self.by_chance <= BY_CHANCE

    def quantile(self, significance: float) -> float:
        """How many standard errors a one-sided bound is away (Student's t)."""
        from scipy.special import stdtrit

        return float(stdtrit(max(1, self.freedom), 1 - significance))


@dataclass(frozen=True)
class Mean:
    """The mean of some periods, by rows; ``squares`` is the sum of their squared shares."""

    value: float
    rows: int
    squares: float

    @classmethod
    def of(cls, periods: Sequence[Measured]) -> "Mean":
        """Of at least one period."""
        rows = np.array([each.rows for each in periods])
        share = rows / rows.sum()
        value = float(np.sum(share * [each.value for each in periods]))
        return cls(value, int(rows.sum()), float(np.sum(share**2)))


def spread_of(groups: Sequence[Sequence[Measured]], per_row: float) -> Spread:
    """How periods that are alike vary (DerSimonian and Laird 1986), learned from several groups.

    Args:
        groups: Periods of one mean each, such as those of the holdout, and those of a regime.
        per_row: What rows explain, as in :class:`Spread`.
    """
    from scipy.special import chdtrc

    freedom = sum(len(group) - 1 for group in groups if group)
    if per_row <= 0:
        squares = [float(np.var([each.value for each in group])) for group in groups if group]
        return Spread(0.0, math.fsum(squares) / max(1, len(squares)), freedom)
    q = carried = 0.0
    for group in filter(None, groups):
        weight = np.array([each.rows for each in group]) / per_row
        values = np.array([each.value for each in group])
        q += float(np.sum(weight * (values - np.sum(weight * values) / weight.sum()) ** 2))
        carried += float(weight.sum() - np.sum(weight**2) / weight.sum())
    if freedom < 1 or carried <= 0:
        return Spread(per_row, 0.0, 0, 1.0)
    between = max(0.0, (q - freedom) / carried)
    return Spread(per_row, between, freedom, float(chdtrc(freedom, q)))
