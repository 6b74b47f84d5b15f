"""What a DataFrame holds beside its columns, and columns that no model should learn from."""

import datetime
import re
from collections.abc import Iterable

import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.data.ids import id_texts
from mlops_assets.data.notes import Note, examples_of, noted
from mlops_assets.errors import UserError

_DAY = re.compile(r"(19|20)\d\d(-\d\d-\d\d|[01]\d[0-3]\d)")
_UNNAMED = re.compile(r"Unnamed: \d+(\.\d+)*|__index_level_\d+__|")


def as_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with its named index as columns, and noted; names of columns are one text each.

    Raises:
        UserError: The columns have names of several levels.
    """
    if isinstance(frame.columns, pd.MultiIndex):
        flat = [("_".join(str(part) for part in name if str(part))) for name in frame.columns]
        raise UserError(
            f"the columns have names of {frame.columns.nlevels} levels, for example "
            f"{frame.columns[0]}. Give each one name, for example by "
            f"`frame.columns = ['_'.join(map(str, name)) for name in frame.columns]`, which makes "
            f"that one {flat[0]!r}."
        )
    names = [name for name in frame.index.names if name is not None]
    if not names:
        return _without_index(frame)
    rest = [name for name in frame.index.names if name is None]
    there = [str(name) for name in names if name in frame.columns]
    notes = [
        Note(str(name), "in the index, taken as a column")
        for name in names
        if str(name) not in there
    ]
    notes += [Note(name, "in the index and in the columns; the column is taken") for name in there]
    levels = {
        name: frame.index.get_level_values(place)
        for place, name in enumerate(frame.index.names)
        if name is not None and str(name) not in there
    }
    plain = frame.reset_index(drop=True)
    index = pd.DataFrame({name: pd.Series(level) for name, level in levels.items()})
    notes += [Note("", f"{len(rest)} level(s) of the index without a name left out")] * bool(rest)
    whole = pd.concat([index, plain], axis=1) if levels else plain
    whole.attrs = frame.attrs
    return noted(whole, notes)


def _without_index(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with rows counted from 0; an index of texts or times is told of."""
    if isinstance(frame.index, pd.RangeIndex):
        return frame
    whole = frame.reset_index(drop=True)
    if pd.api.types.is_integer_dtype(frame.index.dtype):
        return whole  # which rows these were of another table
    says = "the index has no name and was left out; name it to make it a column"
    return noted(whole, [Note("", says)])


def without_row_number(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The table without the row numbers that pandas writes, which nobody named; noted.

    A column that plays a role is kept, and so is one that holds anything else.
    """
    found = [
        name
        for name in map(str, frame.columns)
        if _UNNAMED.fullmatch(name) and not columns.has(name) and _counts(frame[name])
    ]
    notes = [Note(name or "the column without a name", _COUNTS) for name in found]
    return noted(frame.drop(columns=found), notes)


_COUNTS = (
    "left out: it has no name and numbers the rows, as `to_csv` does without `index=False`. To "
    "keep it, give it a name"
)


def _counts(values: "pd.Series | pd.DataFrame") -> bool:
    """Whether the column numbers rows, in whatever order these are now."""
    if isinstance(values, pd.DataFrame):
        return False  # two columns of that name
    digits = pd.to_numeric(values, errors="coerce")
    return bool(digits.notna().all() and (digits % 1 == 0).all() and digits.is_unique)


def without_days(frame: pd.DataFrame, days: Iterable[str], columns: Columns) -> pd.DataFrame:
    """The baseline without the columns that say which day a row is of; noted.

    In every batch such a column has one value, and one that the baseline has not: it can only
    differ. A column that plays a role is kept.
    """
    found = [name for name in dict.fromkeys(days) if name in frame and not columns.has(name)]
    says = (
        "left out, but to know how days differ: it says which day a row is of, and every batch has "
        "a day of its own. To use it otherwise, name it in `columns` (`timestamp`, `ignore`) or as "
        "`baseline.period`"
    )
    notes = [Note(name, says, examples_of(frame[name])) for name in found]
    return noted(frame.drop(columns=found), notes)


def may_be_day(values: pd.Series) -> bool:
    """Whether the column holds days without a time, each for several rows."""
    known = values.dropna()
    if known.empty or not _are_days(known.head(1000)) or not _are_days(known):
        return False
    return known.nunique() <= len(values) / 2


def _are_days(values: pd.Series) -> bool:
    return bool(id_texts(values)[0].map(lambda text: bool(_DAY.fullmatch(str(text)))).all())


def is_day(values: pd.Series, date: datetime.date) -> bool:
    """Whether the column says that day in every row."""
    if values.empty:
        return False
    texts = id_texts(values)[0]
    return bool(texts.isin([f"{date}", f"{date:%Y%m%d}"]).all())
