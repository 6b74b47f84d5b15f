"""Ids are names: one text for a value, whatever type a source gave it."""

import datetime as dt
import numbers
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd

_EXACT = 2**53  # from here on a float stands for several whole numbers


def id_texts(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    """The column's ids as text: ``7``, ``007``, ``2026-01-31``, a UUID in lower case.

    Text stays as it is, but for blanks around it. A number has no leading zeros and no fraction
    of zero; days have no time, where no value of the column has one.

    Returns:
        The texts (None where there is no id), and the mask of rows whose value is no id: a list,
        bytes, or a float of 16 digits or more, which cannot tell an id from its neighbours.
    """
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu":
        return values.astype(str), pd.Series(data=False, index=values.index)
    objects = values.astype(object)
    objects = objects.where(objects.notna(), None)
    moments = objects.map(lambda value: isinstance(value, dt.datetime)).astype(bool)
    timed = bool(objects[moments].map(lambda moment: moment.time() != dt.time()).any())
    texts = objects.map(lambda value: _text(value, timed=timed)).astype(object)
    texts = texts.where(texts.notna(), None)
    blank = objects.map(lambda value: isinstance(value, str) and not value.strip()).astype(bool)
    return texts, objects.notna() & texts.isna() & ~blank


def _text(value: object, *, timed: bool) -> str | None:
    """The id, or None where there is none."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool | np.bool_ | uuid.UUID):
        return str(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(" ") if timed else value.date().isoformat()
    if isinstance(value, dt.date):
        return f"{value} 00:00:00" if timed else str(value)
    if isinstance(value, Decimal):
        whole = value.is_finite() and value == value.to_integral_value()
        return str(int(value)) if whole else str(value)
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, float | np.floating):
        if not float(value).is_integer():
            return str(float(value))
        return None if abs(value) >= _EXACT else str(int(value))
    return None


def normal_form(texts: pd.Series) -> pd.Series:
    """The same text for ids that only look different: ``007`` and ``7.0``, UUIDs in upper case."""
    plain = texts.str.casefold().str.replace(r"[\s{}-]", "", regex=True)
    plain = plain.str.replace(r"^(\+?\d+)\.0+$", r"\1", regex=True)
    return plain.str.replace(r"^\+?0+(?=\d)", "", regex=True)
