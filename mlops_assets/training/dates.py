"""Month, weekday and hour of dates, within the pipeline: by NumPy, so that it loads anywhere.

A stored model may hold nothing but what scikit-learn and NumPy bring, or who loads it would need
this package. To a pipeline a date is its days since 1970 (see `model_input`), and a part of it is
a step function of these that comes again after a week, a day, or four years.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

PARTS = ("month", "weekday", "hour")
_FOUR_YEARS = 1461  # days: as months come again from March 1900 to February 2100
# Of a day, 0.1 ms: how far from full hours a time may be, as a sum of binary fractions is.
_ROUNDING = 1e-9


def varying_parts(table: pd.DataFrame, dates: Sequence[str]) -> dict[str, list[str]]:
    """The dates of which a part is worth learning from: it is not the same in all rows.

    Args:
        table: What is learned from, as `model_input` gives it.
        dates: Its columns that are dates.

    Returns:
        Part to columns; no part of which there are none.
    """
    found = {part: [name for name in dates if _values(part, table[name]) > 1] for part in PARTS}
    return {part: names for part, names in found.items() if names}


def _values(part: str, days: pd.Series) -> int:
    return int(pd.Series(part_of_date(part).transform(days.to_numpy())).nunique())


def part_of_date(part: str) -> Any:
    """A transformer of scikit-learn from days since 1970 (UTC) to a part of the date.

    Months are 1 to 12, weekdays 0 (Monday) to 6, hours 0 to 23; NaN stays NaN.

    Args:
        part: One of :data:`PARTS`.
    """
    if part == "month":
        first = pd.date_range("1970-01-01", periods=48, freq="MS")
        return _steps((first - first[0]).days.to_numpy(), first.month.to_numpy(), _FOUR_YEARS)
    if part == "weekday":
        return _steps(np.arange(7), (np.arange(7) + 3) % 7, 7)  # 1970 began on a Thursday
    return _steps(np.arange(24) / 24, np.arange(24), 1)


def _steps(begin: np.ndarray, values: np.ndarray, period: float) -> Any:
    """The step function that has ``values`` from each ``begin`` on, and comes again."""
    from sklearn.preprocessing import FunctionTransformer

    begin = begin - _ROUNDING
    end = np.r_[begin[1:], begin[0] + period] - _ROUNDING
    places = np.column_stack([begin, end]).ravel()
    heights = np.repeat(values.astype(float), 2)
    return FunctionTransformer(np.interp, kw_args={"xp": places, "fp": heights, "period": period})


def told(parts: Mapping[str, Sequence[str]], dates: Sequence[str]) -> list[str]:
    """What is learned from each date, in words."""
    said = []
    for name in dates:
        has = [part for part in PARTS if name in parts.get(part, ())]
        lacks = [part for part in PARTS if part not in has]
        same = f"; no {' or '.join(lacks)}, the same in all rows" if lacks else ""
        learned = ", ".join(["days since 1970", *has])
        said.append(f"The date {name!r} is learned from as {learned} (UTC){same}.")
    return said
