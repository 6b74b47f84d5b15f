"""A suspicion that a delivery is broken, and the two tables that it is found in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns

MOST_ROWS = 20_000  # of a side that are looked at: every n-th of more
FEWEST_ROWS = 30  # fewer say nothing of how a column is distributed
MOST_ROOM = 0.5
_FEWEST_OF_A_PERIOD = 5

Kind = Literal[
    "unit",
    "swapped",
    "stuck",
    "default",
    "times",
    "repeated",
    "cut off",
    "renamed",
    "rewritten",
]


@dataclass(frozen=True)
class Suspicion:
    """What a fault of the delivery would explain, and no usual change does.

    Attributes:
        kind: Which fault.
        columns: The columns that it is seen in; none: the whole delivery.
        evidence: What was measured, in words. Without values of sensitive columns.
        factor: What the column is multiplied by (`unit`), or moved by, in hours (`times`).
    """

    kind: Kind
    columns: tuple[str, ...]
    evidence: str
    factor: float | None = None


@dataclass(frozen=True)
class Tables:
    """A batch beside the rows that it should be like.

    Attributes:
        reference: These rows, in the contract's data types.
        batch: The batch, likewise.
        roles: Of the columns.
        periods: The number of the period of each row of the reference; -1, or none at all, where
            nobody knows it.
        earlier: The tables of some earlier periods, by name.
        held: Those of periods that are suspected themselves.
    """

    reference: pd.DataFrame
    batch: pd.DataFrame
    roles: Columns
    periods: np.ndarray | None = None
    earlier: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    held: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def names(self) -> list[str]:
        """The columns to look at: the features, and the target where both sides have it."""
        both = [name for name in self.reference.columns if name in self.batch.columns]
        features = set(self.roles.features(self.reference))
        return [name for name in both if name in features or name == self.roles.target]

    def both(self, name: str) -> tuple[pd.Series, pd.Series]:
        """The values of a column that are not null: of the reference, and of the batch."""
        return some(self.reference[name]).dropna(), some(self.batch[name]).dropna()

    def by_period(self, name: str) -> list[pd.Series]:
        """The values of a column in each single period that is known."""
        known = [table[name].dropna() for table in self.earlier.values() if name in table]
        if self.periods is not None and len(self.periods) == len(self.reference):
            rows = self.periods >= 0
            values, periods = self.reference[name][rows], self.periods[rows]
            known += [group.dropna() for _, group in values.groupby(periods)]
        return [values for values in known if len(values) >= _FEWEST_OF_A_PERIOD]

    def room(self, name: str) -> float:
        """How far single periods usually are from the reference, by :func:`apart`; 0: unknown."""
        then = numbers(self.both(name)[0])
        found = [numbers(some(values)) for values in self.by_period(name)]
        away = [apart(then, v) for v in found if then is not None and v is not None]
        return min(float(np.quantile(away, 0.9)), MOST_ROOM) if away else 0.0

    def shown(self, name: str, value: object) -> str:
        """A value in words; of a sensitive column that it is hidden."""
        return "a value (hidden)" if name in self.roles.sensitive else repr(value)


def some(values: pd.Series) -> pd.Series:
    """Not more rows than are looked at."""
    return values.iloc[:: -(-len(values) // MOST_ROWS)] if len(values) > MOST_ROWS else values


def numbers(values: pd.Series) -> np.ndarray | None:
    """The values as numbers; None where they are none."""
    if values.dtype.kind not in "iuf":
        return None
    return values.to_numpy(dtype=float)


def apart(first: np.ndarray, second: np.ndarray) -> float:
    """How far two samples are apart: the statistic of Kolmogorov and Smirnov, 0 to 1."""
    first, second = np.sort(first), np.sort(second)
    both = np.concatenate([first, second])
    below = np.searchsorted(first, both, "right") / len(first)
    return float(np.abs(below - np.searchsorted(second, both, "right") / len(second)).max())


def by_chance(first: int, second: int) -> float:
    """How far two samples of so many rows of one distribution are apart at the most (p 0.005)."""
    return 1.73 * float(np.sqrt(1 / first + 1 / second))
