"""Two columns in each other's place."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from mlops_assets.data.faults.suspicion import (
    FEWEST_ROWS,
    Suspicion,
    Tables,
    apart,
    by_chance,
    numbers,
)

_AWAY = 0.25  # how far each has to be from its own place
_OF_AWAY = 0.4  # and how much nearer to the other's
_ROOM = 0.03


def swapped(tables: Tables, names: Sequence[str]) -> Iterator[Suspicion]:
    """The pairs of columns of which each is as the other was; each column once."""
    sides = {name: tables.both(name) for name in names if name != tables.roles.target}
    sides = {n: side for n, side in sides.items() if min(map(len, side)) >= FEWEST_ROWS}
    away = {name: _apart(*side) for name, side in sides.items()}
    moved = [name for name in sides if away[name] >= _AWAY]
    gone: set[str] = set()
    for one, other in combinations(moved, 2):
        if gone & {one, other} or _is_number(sides[one][0]) != _is_number(sides[other][0]):
            continue
        crossed = [
            (_apart(sides[there][0], sides[here][1]), away[here], sides[here])
            for here, there in ((one, other), (other, one))
        ]
        if all(_fits(left, raw, side) for left, raw, side in crossed):
            gone |= {one, other}
            yield Suspicion(
                "swapped",
                (one, other),
                f"{one} is as {other} was, and {other} as {one} was: the two columns look swapped",
            )


def _fits(left: float, raw: float, side: tuple[pd.Series, pd.Series]) -> bool:
    return left <= by_chance(*map(len, side)) + _ROOM and left <= _OF_AWAY * raw


def _is_number(values: pd.Series) -> bool:
    return values.dtype.kind in "iuf"


def _apart(then: pd.Series, now: pd.Series) -> float:
    """0 for the same distribution, 1 for two that have nothing in common."""
    first, second = numbers(then), numbers(now)
    if first is not None and second is not None:
        return apart(first, second)
    if _is_number(then) != _is_number(now):
        return 1.0
    shares = pd.concat(
        [
            then.astype(str).value_counts(normalize=True),
            now.astype(str).value_counts(normalize=True),
        ],
        axis=1,
    ).fillna(0.0)
    return float(np.abs(shares.iloc[:, 0] - shares.iloc[:, 1]).sum() / 2)
