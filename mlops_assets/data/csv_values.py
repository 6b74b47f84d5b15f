"""From the texts of a CSV file to values: numbers, true and false, and texts as they are."""

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.data.notes import Note, examples_of, noted
from mlops_assets.data.written import (
    amount,
    has_leading_zero,
    is_infinite,
    is_iso_date,
    is_missing_word,
    is_numeral,
)

_WHOLE = r"[+-]?\d+"
_EXACT = 2**53  # from here on a float stands for several whole numbers
_BOOLEANS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


@dataclass(frozen=True)
class CsvForm:
    """How a CSV file is written."""

    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str | None = None
    thousands: str | None = None
    date_format: str | None = None


def with_values(
    frame: pd.DataFrame,
    form: CsvForm,
    columns: Columns | None,
    texts_of: Callable[[list[str]], pd.DataFrame],
    *,
    zeros: bool,
) -> pd.DataFrame:
    """The table of a CSV file, each column as what it holds; noted where a value was changed.

    - Ids are texts. Where nobody has said which columns these are, so are whole numbers with
      leading zeros, and those that a float would round.
    - A column of numbers, or of true and false, is that; a word for no value (``NA``, ``null``,
      ``None`` ...) is none there, and among ISO dates. In any other column it is a text.
    - The empty field is no value.

    Args:
        frame: as pandas parsed it, with the empty field as the only null.
        form: how the file is written.
        columns: the roles of the columns, where these are known.
        texts_of: gives columns as they are written; costs as much as parsing.
        zeros: whether a field of the file may be digits with zeros before them.
    """
    verbatim = _verbatim(frame, columns, texts_of, zeros)
    ids = columns.id if columns else []
    made: dict[str, pd.Series] = {}
    notes: list[Note] = []
    for name in frame.columns:
        values = verbatim.get(name, frame[name])
        if name in ids or name in verbatim:
            made[name] = values
            continue
        made[name], changes = _values(values, form, exact=columns is None)
        notes += [Note(str(name), says, examples) for says, examples in changes]
    return noted(pd.DataFrame(made, index=frame.index), notes)


def _verbatim(
    frame: pd.DataFrame,
    columns: Columns | None,
    texts_of: Callable[[list[str]], pd.DataFrame],
    zeros: bool,
) -> dict[str, pd.Series]:
    """The columns whose numbers say less than their texts."""
    parsed = [name for name in frame.columns if frame[name].dtype != object]
    ids = [name for name in parsed if columns and name in columns.id]
    numbers = [name for name in parsed if name not in ids and frame[name].dtype.kind in "iuf"]
    rounded = [
        name
        for name in numbers
        if frame[name].dtype.kind == "f" and bool((frame[name].abs() >= _EXACT).any())
    ]
    asked = dict.fromkeys([*ids, *(numbers if zeros else rounded)])
    texts = texts_of(list(asked)) if asked else pd.DataFrame()
    found = {name: texts[name] for name in ids}
    for name in asked:
        written = texts[name].dropna()
        if written.map(has_leading_zero).any() or (
            columns is None and name in rounded and written.str.fullmatch(_WHOLE).all()
        ):
            found[name] = texts[name]
    return found


_Changes = list[tuple[str, tuple[str, ...]]]


def _values(values: pd.Series, form: CsvForm, *, exact: bool) -> tuple[pd.Series, _Changes]:
    """One column, and what was changed in it; ``exact``: no number is rounded."""
    if values.dtype != object:
        return _days_of_digits(values, form)
    texts = values[values.notna()].map(str).str.strip()
    words = texts.map(is_missing_word).astype(bool)
    said = texts[~words & (texts != "")]
    if said.empty:
        return values, []
    found, changes = _read(said, form)
    if found is None or (exact and _rounds(said, found)):
        return values, []
    if len(said) == len(values) and _is_whole(said, found, form):
        found = found.astype("int64")
    if words.any():
        which = "/".join(sorted(set(texts[words]))[:3])
        changes.append((f"the word {which} of {_rows(int(words.sum()))} taken as no value", ()))
    read = found.reindex(values.index)
    if read.dtype == object:
        read = read.where(read.notna(), None)
    return read, changes


def _read(said: pd.Series, form: CsvForm) -> tuple[pd.Series | None, _Changes]:
    """What the texts of a column say that are no word for no value; None: they are texts."""
    marked = form.decimal is not None or form.thousands is not None
    reads = amount(form.decimal or ".", form.thousands) if marked else _plainly
    numbers = said.map(reads)
    if numbers.notna().all():
        if said.map(has_leading_zero).any():
            return said.astype(object), []
        signed = said[
            said.str.contains(r"[^\d.,' \u00a0\u202feE+-]", regex=True) & np.isfinite(numbers)
        ]
        says = f"the sign beside the number of {_rows(len(signed))} left out"
        return numbers.astype("float64"), [(says, examples_of(signed))] if len(signed) else []
    if said.isin(_BOOLEANS).all():
        return said.map(_BOOLEANS), []
    if form.date_format and (days := _days(said, form.date_format)).notna().any():
        return days.where(days.notna(), said), []
    return (said.astype(object), []) if said.map(is_iso_date).all() else (None, [])


def _plainly(text: str) -> float | None:
    return float(text) if is_numeral(text) or is_infinite(text) else None


def _rounds(said: pd.Series, found: pd.Series) -> bool:
    """Whether whole numbers have more digits than a float keeps."""
    if found.dtype != "float64" or not (found.abs() >= _EXACT).any():
        return False
    return bool(said.str.fullmatch(_WHOLE).all())


def _is_whole(said: pd.Series, found: pd.Series, form: CsvForm) -> bool:
    """Whether all are whole numbers, as they are written."""
    if found.dtype != "float64" or (found.abs() >= _EXACT).any():
        return False
    return not said.str.contains(f"[{re.escape(form.decimal or '.')}eEi]", regex=True).any()


def _days_of_digits(values: pd.Series, form: CsvForm) -> tuple[pd.Series, _Changes]:
    """Dates that are written as digits only, such as 20260131."""
    if (
        not form.date_format
        or re.search(r"[^%A-Za-z]", form.date_format)
        or values.dtype.kind not in "iu"
    ):
        return values, []
    days = _days(values.astype(str), form.date_format)
    return (days, []) if days.notna().all() else (values, [])


def _days(texts: pd.Series, written: str) -> pd.Series:
    """The texts as ISO dates, None where one is not written so."""
    known = {text: _day(text, written) for text in texts.unique()}
    return texts.map(known).astype(object)


def _day(text: str, written: str) -> str | None:
    try:
        moment = datetime.datetime.strptime(text, written)  # noqa: DTZ007 - as it is written
    except ValueError:
        return None
    day = moment.isoformat(" ")
    return day if any(mark in written for mark in ("%H", "%I", "%z")) else day[:10]


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
