"""One sent value after the other, in the type that the model was trained on.

The same rules as the daily job has for a column of a batch: a whole number is the text of its
digits where the column is text, true is 1, and what has no clear meaning is refused.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

ABSENT = object()
"""Stands where a row has no value of that name at all, which is not the same as null."""

# Trees hold numbers as float32.
LARGEST = float(np.finfo("float32").max)
_WORDS = {"true": 1.0, "false": 0.0, "nan": math.nan}


class _Unfit(Exception):  # noqa: N818 - no error, but how one value says that it does not fit
    """A value is not of the column's type."""


def converted(name: str, values: Sequence[Any], kind: str, wrong: list[str]) -> pd.Series:
    """One column as the model takes it; what does not fit is added to ``wrong``, in words.

    Args:
        name: The column.
        values: What was sent: scalars of JSON, or :data:`ABSENT`. None and NaN are missing.
        kind: ``double`` (float64 comes of it) or ``string`` (objects of str, NaN where missing).
        wrong: One sentence a column is added where values do not fit.
    """
    convert, takes = _KINDS[kind]
    taken: list[Any] = []
    unfit: list[int] = []
    for row, value in enumerate(values):
        try:
            taken.append(convert(value))
        except _Unfit:
            taken.append(math.nan)
            unfit.append(row)
    if unfit:
        wrong.append(_told(name, values, unfit, takes))
    return pd.Series(taken, dtype="float64" if kind == "double" else object)


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    try:
        number = _number_of_text(value) if isinstance(value, str) else float(value)
    except (TypeError, ValueError, OverflowError):
        raise _Unfit from None
    if abs(number) > LARGEST:
        raise _Unfit
    return number


def _number_of_text(text: str) -> float:
    word = text.strip().lower()
    if "_" in word:  # Python's own way to write numbers
        raise _Unfit
    return _WORDS[word] if word in _WORDS else float(word)


def _text(value: Any) -> Any:
    if value is None:
        return math.nan
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
            raise _Unfit  # half a character: no text that could be stored or sent
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Unfit
    if math.isnan(value):
        return math.nan
    if not math.isfinite(value) or value != int(value):
        raise _Unfit
    return str(int(value))


_KINDS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "double": (
        _number,
        f"finite numbers up to {LARGEST:.2g} (true is 1, a date is its days since 1970)",
    ),
    "string": (_text, "texts, or whole numbers for their digits"),
}


def _told(name: str, values: Sequence[Any], unfit: list[int], takes: str) -> str:
    absent = [row for row in unfit if values[row] is ABSENT]
    if absent:
        return f"{name} is missing from {len(absent)} rows, the first is row {absent[0]}"
    return (
        f"{name} takes {takes}, and {len(unfit)} values are not, the first "
        f"in row {unfit[0]}: {str(values[unfit[0]])[:60]!r}"
    )
