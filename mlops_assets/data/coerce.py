"""Bring one column into the data type of the contract, and say which rows do not fit."""

import datetime as dt
import math
import numbers
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd

from mlops_assets.data.ids import id_texts
from mlops_assets.data.notes import examples_of
from mlops_assets.data.written import fits_nanoseconds, is_beyond, is_missing_word, is_numeral

ColumnType = Literal["integer", "float", "boolean", "datetime", "category", "string"]
"""The data types of a contract; a category is text of few different values."""

_INT64 = np.iinfo(np.int64)
_EXACT = 2**53  # from here on a float stands for several whole numbers
_WHOLE = re.compile(r"[+-]?\d+")

_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


@dataclass(frozen=True)
class Changed:
    """What was done to some values of a column, in words, with examples of what they were."""

    says: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coerced:
    """A column in its type; where a row does not fit, the value is null and ``wrong`` is set."""

    values: pd.Series
    wrong: pd.Series
    says: str = ""
    changes: tuple[Changed, ...] = ()


def coerce(values: pd.Series, to: ColumnType, *, is_id: bool = False) -> Coerced:
    """Bring ``values`` into the type ``to`` without guessing.

    float64, int64 (float64 where values are null), bool (object where null), datetime64[ns] in
    UTC without a zone, and object of str.

    Args:
        values: the column as it was read.
        to: the type of the contract.
        is_id: its values are names, so that 7 is the text ``7``.

    Returns:
        The converted column, the mask of rows that do not fit, what is wrong with these in words
        ("are not numbers"), and what was changed of harmless differences.
    """
    coercers: dict[ColumnType, Callable[[pd.Series], Coerced]] = {
        "float": _float,
        "integer": _integer,
        "boolean": _boolean,
        "datetime": _datetime,
        "category": _text,
        "string": _text,
    }
    if is_id and to in ("category", "string"):
        texts, wrong = id_texts(values)
        return Coerced(texts, wrong, "are not text")
    coerced = coercers[to](plain(values))
    blanks = () if is_id else _blanks(values)
    return replace(coerced, changes=(*blanks, *coerced.changes)) if blanks else coerced


def plain(values: pd.Series) -> pd.Series:
    """The column in a NumPy data type: no categoricals, no nullable or Arrow types, no Decimals.

    Null is None among objects. Texts have no blanks around them, and an empty one is null: fixed
    widths pad, and CSV has no other null. Whole numbers beyond int64 are floats.
    """
    dtype = values.dtype
    if isinstance(dtype, pd.ArrowDtype):
        # NumPy would take Arrow's gaps for numbers.
        arrow = values.array.__arrow_array__()  # pyright: ignore[reportAttributeAccessIssue]
        made = pd.Series(arrow.to_pandas().to_numpy(), index=values.index, name=values.name)
        zone = getattr(arrow.type, "tz", None)
        values = made.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else made
    elif isinstance(dtype, pd.api.extensions.ExtensionDtype) and dtype.kind in "iuf":
        values = _of_masked(values)
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return values
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "biufM":
        large = values.dtype.kind == "u" and bool((values.to_numpy() > _INT64.max).any())
        return values.astype("float64") if large else values
    values = values.astype(object).where(values.notna(), None).infer_objects()
    if values.dtype == np.uint64:
        return plain(values)
    kind = kind_of(values)
    if values.dtype == object and kind == "number":
        return values.map(_number).astype("float64")
    return _stripped(values) if kind == "text" else values


def _of_masked(values: pd.Series) -> pd.Series:
    """A nullable number column of pandas as NumPy has it."""
    to: Any = values.dtype
    if values.isna().any():
        return pd.Series(
            values.to_numpy("float64", na_value=np.nan), values.index, name=values.name
        )
    return values.astype(to.numpy_dtype)


def _stripped(texts: pd.Series) -> pd.Series:
    padded = [text for text in texts.unique() if text is not None and _is_padded(text)]
    if not padded:
        return texts
    return texts.map(lambda text: text.strip() or None, na_action="ignore").astype(object)


def _is_padded(text: str) -> bool:
    return not text or text[0].isspace() or text[-1].isspace()


def _blanks(values: pd.Series) -> tuple[Changed, ...]:
    """What ``plain`` did to texts."""
    if isinstance(values.dtype, np.dtype) and values.dtype != object:
        return ()
    if not isinstance(values.dtype, np.dtype) and values.dtype.kind != "O":
        return ()
    texts = values.dropna().astype(object)
    if kind_of(texts) != "text":
        return ()
    found = texts[texts.map(_is_padded).astype(bool)]
    blank = found.map(lambda text: not text.strip()).astype(bool)
    changes: list[Changed] = []
    if rows := int((~blank).sum()):
        says = f"blanks around the text of {_rows(rows)} taken off"
        changes.append(Changed(says, examples_of(found[~blank])))
    if rows := int(blank.sum()):
        changes.append(Changed(f"the empty text of {_rows(rows)} taken as no value"))
    return tuple(changes)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


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


def _fits(values: pd.Series, *changes: Changed) -> Coerced:
    return Coerced(values, pd.Series(data=False, index=values.index), changes=changes)


def _without_words(values: pd.Series) -> tuple[pd.Series, tuple[Changed, ...]]:
    """The column with null where a word says so, as it may where all else is no text."""
    words = values.map(lambda value: isinstance(value, str) and is_missing_word(value)).astype(bool)
    if not words.any():
        return values, ()
    found = values[words]
    says = f"the word {'/'.join(sorted(set(found))[:3])} of {_rows(len(found))} taken as no value"
    return values.mask(words, None), (Changed(says),)


def _float(values: pd.Series) -> Coerced:
    kind = kind_of(values)
    if kind in ("number", "empty"):
        floats = values.astype("float64", copy=False)
        return _fits(floats, *_taken("whole numbers taken as floats", values.dtype.kind in "iu"))
    if kind not in ("text", "mixed"):
        return _none_fits(values, "float64", "are not numbers")
    values, changes = _without_words(values)
    floats = values.map(_number).astype("float64")
    wrong = values.notna() & floats.isna()
    return Coerced(floats, wrong, "are not numbers", (*changes, *_numbers_as_text(values, wrong)))


def _taken(says: str, holds: bool) -> tuple[Changed, ...]:
    return (Changed(says),) if holds else ()


def _numbers_as_text(values: pd.Series, wrong: pd.Series) -> tuple[Changed, ...]:
    found = values[values.map(lambda value: isinstance(value, str)).astype(bool) & ~wrong]
    if found.empty:
        return ()
    says = f"numbers written as text in {_rows(len(found))} taken as numbers"
    return (Changed(says, examples_of(found)),)


def _number(value: object) -> float | None:
    """The number that a value is, or says as text."""
    if isinstance(value, str):
        return float(value) if is_numeral(value.strip()) else None
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real | Decimal):
        return None
    try:
        return float(value)
    except OverflowError:
        return -math.inf if str(value).startswith("-") else math.inf


def _integer(values: pd.Series) -> Coerced:
    if values.dtype.kind in "iu":
        return _fits(values.astype("int64", copy=False))
    if kind_of(values) == "text" and (exact := _whole(values)) is not None:
        changes = _numbers_as_text(values, pd.Series(data=False, index=values.index))
        return _fits(exact, *changes)
    as_float = _float(values)
    floats = as_float.values
    if as_float.wrong.any():
        return as_float
    broken = (floats % 1 != 0) & floats.abs().lt(np.inf)
    if broken.any():
        return Coerced(floats.mask(broken), broken, "are not whole numbers", as_float.changes)
    # A float of 2**63 would wrap.
    large = (floats.abs() >= float(_INT64.max)) & floats.abs().lt(np.inf)
    if large.any():
        says = "are whole numbers of more than 64 bits"
        return Coerced(floats.mask(large), large, says, as_float.changes)
    if np.isfinite(floats).all():
        says = "floats without a fraction taken as whole numbers"
        found = () if as_float.changes else (Changed(says),)
        return _fits(floats.astype("int64"), *as_float.changes, *found)
    return _fits(floats, *as_float.changes)


def _whole(texts: pd.Series) -> pd.Series | None:
    """Texts of digits as int64, exactly; None where one is none."""
    if not texts.map(lambda text: isinstance(text, str) and bool(_WHOLE.fullmatch(text))).all():
        return None
    exact = texts.map(int)
    return exact.astype("int64") if exact.between(_INT64.min, _INT64.max).all() else None


def _boolean(values: pd.Series) -> Coerced:
    if values.dtype == bool:
        return _fits(values)
    values, changes = _without_words(values)
    mapped = values.map(lambda value: _BOOLEANS.get(str(value).lower()), na_action="ignore")
    wrong = values.notna() & mapped.isna()
    if wrong.any():
        return Coerced(mapped, wrong, "are neither true nor false", changes)
    known = kind_of(values) in ("boolean", "empty")
    changes += _taken("0 and 1 taken as false and true", not known)
    return _fits(mapped.astype(bool) if mapped.notna().all() else mapped.astype(object), *changes)


def _datetime(values: pd.Series) -> Coerced:
    kind = kind_of(values)
    if kind == "empty":
        return _fits(pd.to_datetime(values))
    if kind not in ("datetime", "text", "mixed"):
        return _none_fits(values, "datetime64[ns]", "are not dates")
    values, changes = _without_words(values)
    zoned = isinstance(values.dtype, pd.DatetimeTZDtype)
    values, beyond = _without_far_days(values)
    if kind == "datetime" and values.dtype != object:
        moments = values
    else:
        # pandas takes "now" and "today" for the present.
        words = values.map(lambda value: isinstance(value, str) and not value[:1].isdigit())
        said = values.mask(words.astype(bool), None)
        moments = pd.to_datetime(said, errors="coerce", format="ISO8601", utc=True)
    if isinstance(moments.dtype, pd.DatetimeTZDtype):
        moments = moments.dt.tz_convert("UTC").dt.tz_localize(None)
    moments = moments.astype("datetime64[ns]")
    wrong = values.notna() & moments.isna()
    changes += beyond + _taken("times of a zone taken as UTC", zoned)
    return Coerced(moments, wrong, "are not dates like 2026-01-31", changes)


def _without_far_days(values: pd.Series) -> tuple[pd.Series, tuple[Changed, ...]]:
    """The column with null for days that nanoseconds do not reach, such as 9999-12-31."""
    if values.dtype == object:
        far = values.map(_is_far).astype(bool)
    else:
        years = values.dt.year
        far = values.notna() & ~years.between(pd.Timestamp.min.year + 1, pd.Timestamp.max.year - 1)
    if not far.any():
        return values, ()
    says = f"the date of {_rows(int(far.sum()))}, before 1678 or after 2261, taken as no value"
    return values.mask(far), (Changed(says, examples_of(values[far].map(str).str[:10])),)


def _is_far(value: object) -> bool:
    if isinstance(value, str):
        return is_beyond(value)
    return isinstance(value, dt.date) and value is not pd.NaT and not fits_nanoseconds(value.year)


def _text(values: pd.Series) -> Coerced:
    values = values.astype(object)
    kind = kind_of(values)
    if kind in ("text", "empty") and not any(map(_is_broken, values.dropna().unique())):
        return _fits(values)
    texts = values.map(_text_of, na_action="ignore").astype(object)
    wrong = values.notna() & texts.isna()
    if kind == "number" and wrong.any():
        return Coerced(texts.mask(values.notna(), None), values.notna(), "are not text")
    made = texts.notna() & ~values.map(lambda value: isinstance(value, str)).astype(bool)
    changes = _taken("whole numbers taken as text", bool(made.any()))
    return Coerced(texts.mask(wrong, None), wrong, "are not text", changes)


def _text_of(value: object) -> str | None:
    """A text, or the digits of a whole number that is known exactly."""
    if isinstance(value, str):
        return None if _is_broken(value) else value
    if isinstance(value, numbers.Integral) and not isinstance(value, bool | np.bool_):
        return str(int(value))
    number = _number(value)
    exact = number is not None and number % 1 == 0 and abs(number) < _EXACT
    return f"{number:.0f}" if exact else None


def _is_broken(text: str) -> bool:
    """Whether the text has half characters, which no file can hold."""
    return not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text)


def _none_fits(
    values: pd.Series, dtype: Literal["float64", "datetime64[ns]"], says: str
) -> Coerced:
    nothing = pd.Series(None, index=values.index, dtype=dtype)
    return Coerced(nothing, values.notna(), says)
