"""A column that says the same in every row, or one default in many."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mlops_assets.data.faults.suspicion import FEWEST_ROWS, Suspicion, Tables, apart, by_chance

_MOSTLY = 0.8  # a value that is in more of the reference's rows may be in all of a batch's
_CHANCE = 1e-6
FLOOD = 0.1  # share of rows that is a flood, where the value was in hardly any
_HARDLY, _RARELY = 0.01, 0.05
_TIMES = 4
_ROOM = 0.05
_NUMBERS = {0, -1, -9, 99, -99, 999, -999, 9999, -9999, 99_999, -99_999, 999_999}
_WORDS = {
    *("", "-", "?", ".", "0", "-1", "999", "unknown", "none", "null", "nan", "na", "n/a", "nil"),
    *("missing", "undefined", "default", "not available", "tbd", "#n/a"),
}
_DATES = {"1899-12-30", "1900-01-01", "1970-01-01", "2000-01-01", "9999-12-31", "2262-04-11"}


def stuck(tables: Tables, name: str) -> Iterator[Suspicion]:
    """The suspicion that a column has one value, or none at all, in every row."""
    then, now = tables.reference[name].dropna(), tables.batch[name].dropna()
    if len(tables.batch) < FEWEST_ROWS or len(then) < FEWEST_ROWS:
        return
    if now.empty and name != tables.roles.target:  # labels come later
        gaps = 1 - len(then) / len(tables.reference)
        if gaps < _MOSTLY and all(name in table for table in tables.earlier.values()):
            yield Suspicion("stuck", (name,), f"{name} has no value in any of the rows")
        return
    if len(now) < FEWEST_ROWS or now.nunique() != 1:
        return
    value = now.iloc[0]
    share = float((then == value).mean())
    if share > _MOSTLY or max(share, 1 / len(then)) ** len(now) > _CHANCE:
        return
    if _is_of_the_period(tables, name, value):
        return
    yield Suspicion(
        "stuck",
        (name,),
        f"{name} is {tables.shown(name, value)} in all of {len(now)} rows, and in "
        f"{share:.1%} of the baseline's",
    )


def _is_of_the_period(tables: Tables, name: str, value: object) -> bool:
    """Whether the column says one thing a period, such as its weekday.

    A day that is suspected itself shows it by another value: a pipeline that is stuck stays so.
    """
    suspected = (table[name].dropna() for table in tables.held.values() if name in table)
    return any(values.nunique() == 1 for values in tables.by_period(name)) or any(
        values.nunique() == 1 and values.iloc[0] != value for values in suspected
    )


def default(tables: Tables, name: str) -> Iterator[Suspicion]:
    """The suspicion that one value is in many rows in place of what belongs there."""
    then, now = tables.reference[name].dropna(), tables.batch[name].dropna()
    if min(len(then), len(now)) < FEWEST_ROWS or then.dtype.kind == "b":
        return
    counts = now.value_counts()
    for value in counts.index[:3]:
        share, before = float(counts[value] / len(now)), float((then == value).mean())
        if share < FLOOD or share < _TIMES * before:
            continue
        distinct = then.nunique() / len(then)
        looks = before <= _RARELY and is_default(value)
        # In a column that hardly repeats a value nothing is in so many rows by itself.
        lonely = before <= _HARDLY and then.dtype.kind in "fM" and distinct > 0.5
        if not (looks or lonely) or not _rest_is_usual(then, now, value):
            continue
        usual = [float((values == value).mean()) for values in tables.by_period(name)]
        if max(usual, default=0.0) >= share / 2:
            continue
        yield Suspicion(
            "default",
            (name,),
            f"{name} is {tables.shown(name, value)} in {share:.1%} of the rows, and in "
            f"{before:.1%} of the baseline's; the other rows are as usual",
        )
        return


def is_default(value: object) -> bool:
    """Whether a value is one that programs write where they know none."""
    if isinstance(value, str):
        return value.strip().casefold() in _WORDS
    if isinstance(value, pd.Timestamp):
        return str(value.date()) in _DATES
    return isinstance(value, int | float | np.number) and value in _NUMBERS


def _rest_is_usual(then: pd.Series, now: pd.Series, value: object) -> bool:
    then, now = then[then != value], now[now != value]
    if len(now) < FEWEST_ROWS // 2 or len(then) < FEWEST_ROWS:
        return True  # nearly all is the default
    most = by_chance(len(then), len(now)) + _ROOM
    if then.dtype.kind in "iufM":
        first, second = then, now
        if then.dtype.kind == "M":
            return True  # times go on from day to day
        return apart(first.to_numpy(dtype=float), second.to_numpy(dtype=float)) <= most
    shares = then.value_counts(normalize=True).sub(now.value_counts(normalize=True), fill_value=0)
    return float(shares.abs().sum() / 2) <= most + _ROOM
