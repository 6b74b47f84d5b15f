"""Bring one column into the data type of the contract, and say which rows do not fit."""

import math
import numbers
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np
import pandas as pd

ColumnType = Literal["integer", "float", "boolean", "datetime", "category", "string"]
"""The data types of a contract; a category is text of few different values."""

_NUMERAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


@dataclass(frozen=True)
class Coerced:
    """A column in its type; where a row does not fit, the value is null and ``wrong`` is set."""

    values: pd.Series
    wrong: pd.Series
    says: str = ""
    note: str | None = None


def coerce(values: pd.Series, to: ColumnType) -> Coerced:
    """Bring ``values`` into the type ``to`` without guessing.

    float64, int64 (float64 where values are null), bool (object where null), datetime64[ns] in
    UTC without a zone, and object of str.

    Returns:
        The converted column, the mask of rows that do not fit, what is wrong with these in words
        ("are not numbers"), and a note where a harmless difference was put right.
    """
    coercers: dict[ColumnType, Callable[[pd.Series], Coerced]] = {
        "float": _float,
        "integer": _integer,
        "boolean": _boolean,
        "datetime": _datetime,
        "category": _text,
        "string": _text,
    }
    return coercers[to](plain(values))


def plain(values: pd.Series) -> pd.Series:
    """The column in a NumPy data type: no categoricals, no nullable or Arrow types, no Decimals.

    Null is None among objects.
    """
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        values = values.astype(dtype.categories.dtype)
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind in "biufM":
        return values
    values = values.astype(object).where(values.notna(), None).infer_objects()
    if values.dtype == object and kind_of(values) == "number":
        return values.map(_number).astype("float64")
    return values


def kind_of(values: pd.Series) -> str:
    """What a plain column holds: number, boolean, datetime, text, empty, mixed or other."""
    inferred = pd.api.types.infer_dtype(values, skipna=True)
    if inferred == "empty" or (inferred == "floating" and values.isna().all()):
        return "empty"
    kinds = {
        "integer": "number",
        "floating": "number",
        "decimal": "number",
        "mixed-integer-float": "number",
        "boolean": "boolean",
        "datetime64": "datetime",
        "datetime": "datetime",
        "date": "datetime",
        "string": "text",
    }
    return kinds.get(inferred, "mixed" if inferred.startswith("mixed") else "other")


def _fits(values: pd.Series, note: str | None = None) -> Coerced:
    return Coerced(values, pd.Series(data=False, index=values.index), note=note)


def _float(values: pd.Series) -> Coerced:
    kind = kind_of(values)
    if kind in ("number", "empty"):
        note = "whole numbers taken as floats" if values.dtype.kind in "iu" else None
        return _fits(values.astype("float64", copy=False), note)
    if kind not in ("text", "mixed"):
        return _none_fits(values, "float64", "are not numbers")
    floats = values.map(_number).astype("float64")
    wrong = values.notna() & floats.isna()
    if wrong.any():
        return Coerced(floats, wrong, "are not numbers")
    text = values.map(lambda value: isinstance(value, str))
    return Coerced(floats.mask(text), text, "hold a number as text")


def _number(value: object) -> float | None:
    """The number that a value is, or says as text."""
    if isinstance(value, str):
        return float(value) if _NUMERAL.fullmatch(value.strip()) else None
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real | Decimal):
        return None
    try:
        return float(value)
    except OverflowError:
        return -math.inf if str(value).startswith("-") else math.inf


def _integer(values: pd.Series) -> Coerced:
    if values.dtype.kind in "iu":
        return _fits(values.astype("int64", copy=False))
    as_float = _float(values)
    floats = as_float.values
    if as_float.wrong.any():
        return as_float
    broken = (floats % 1 != 0) & floats.abs().lt(np.inf)
    if broken.any():
        return Coerced(floats.mask(broken), broken, "are not whole numbers")
    if np.isfinite(floats).all():
        return _fits(floats.astype("int64"), "floats without a fraction taken as whole numbers")
    return _fits(floats)


def _boolean(values: pd.Series) -> Coerced:
    if values.dtype == bool:
        return _fits(values)
    mapped = values.map(lambda value: _BOOLEANS.get(str(value).lower()), na_action="ignore")
    wrong = values.notna() & mapped.isna()
    if wrong.any():
        return Coerced(mapped, wrong, "are neither true nor false")
    note = None if kind_of(values) in ("boolean", "empty") else "0 and 1 taken as false and true"
    return _fits(mapped.astype(bool) if mapped.notna().all() else mapped.astype(object), note)


def _datetime(values: pd.Series) -> Coerced:
    kind = kind_of(values)
    if kind == "empty":
        return _fits(pd.to_datetime(values))
    if kind not in ("datetime", "text", "mixed"):
        return _none_fits(values, "datetime64[ns]", "are not dates")
    zoned = isinstance(values.dtype, pd.DatetimeTZDtype)
    if kind == "datetime" and values.dtype != object:
        moments = values
    else:
        moments = pd.to_datetime(values, errors="coerce", format="ISO8601", utc=True)
    if isinstance(moments.dtype, pd.DatetimeTZDtype):
        moments = moments.dt.tz_convert("UTC").dt.tz_localize(None)
    moments = moments.astype("datetime64[ns]")
    wrong = values.notna() & moments.isna()
    note = "times of a zone taken as UTC" if zoned else None
    return Coerced(moments, wrong, "are not dates like 2026-01-31", note)


def _text(values: pd.Series) -> Coerced:
    kind = kind_of(values)
    if kind in ("text", "empty"):
        return _fits(values.astype(object))
    if kind == "number":
        whole = _integer(values)
        if not whole.wrong.any():
            text = whole.values.map(lambda value: f"{value:.0f}", na_action="ignore")
            return _fits(text.astype(object), "whole numbers taken as text")
    wrong = values.notna() & ~values.map(lambda value: isinstance(value, str))
    return Coerced(values.astype(object).mask(wrong, None), wrong, "are not text")


def _none_fits(
    values: pd.Series, dtype: Literal["float64", "datetime64[ns]"], says: str
) -> Coerced:
    nothing = pd.Series(None, index=values.index, dtype=dtype)
    return Coerced(nothing, values.notna(), says)
