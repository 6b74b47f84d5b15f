"""Labels that come later and from elsewhere."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns, with_columns
from mlops_assets.errors import UserError

_EXACT = 2**53  # from here on a float stands for several whole numbers


def join_labels(frame: pd.DataFrame, labels: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Give the rows of ``frame`` the labels that are known of their ids.

    Args:
        frame: a batch, with the id columns; with or without the target.
        labels: the id columns and the target; other columns and ids play no part.
        columns: the roles of the columns.

    Returns:
        ``frame`` with the target column: the label from ``labels`` where there is one, else what
        ``frame`` had, else null. Rows and their order stay as they are. Where no row has a label
        in ``labels``, it is ``frame`` itself.

    Raises:
        UserError: a column is missing, or an id of ``frame`` has two different labels.
    """
    ids, target = columns.id, columns.target
    if not ids:
        raise UserError("labels of a second source are joined on ids. Name them as `columns.id`.")
    for what, table, needed in (("batch", frame, ids), ("labels", labels, [*ids, target])):
        if missing := [name for name in needed if name not in table.columns]:
            raise UserError(
                f"the {what} lack {len(missing)} column(s) that labels are joined by: "
                f"{', '.join(missing)}. Their columns are {', '.join(map(str, table.columns))}. "
                f"Correct the source, or `columns`; then run the day again."
            )
    rows = _keys(frame, ids)
    there = labels[target].notna()
    for name in ids:
        there &= labels[name].notna()
    known = labels[[*ids, target]]
    known = known if there.all() else known[there]
    keys = _keys(known, ids)
    ours = keys.isin(rows)
    if not ours.all():
        known, keys = known[ours], keys[ours]
    if known.empty:
        return frame
    if keys.duplicated().any():
        once = ~known.duplicated()
        known, keys = known[once], keys[once]
        _refuse_two_labels(keys[keys.duplicated()].drop_duplicates(), columns)
    found = rows.map(pd.Series(known[target].to_numpy(), index=keys))
    if target in frame.columns:
        found = found.where(found.notna(), frame[target])
    return with_columns(frame, {target: found})


def _refuse_two_labels(several: pd.Series, columns: Columns) -> None:
    if several.empty:
        return
    shown = several.head(3).str.replace("\x1f", "/")
    hidden = set(columns.id) & set(columns.sensitive)
    raise UserError(
        f"the labels give {len(several)} id(s) of this batch two labels or more "
        f"({'values hidden' if hidden else 'for example ' + ', '.join(shown)}). Leave one "
        f"{columns.target} for each {'/'.join(columns.id)}, then run the day again."
    )


def labels_of(frame: pd.DataFrame, labels: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The rows of ``labels`` whose ids are in ``frame``; all where either lacks an id column."""
    ids = columns.id
    if not ids or not set(ids) <= set(frame.columns) & set(labels.columns):
        return labels
    return labels[_keys(labels, ids).isin(_keys(frame, ids))]


def _keys(frame: pd.DataFrame, ids: list[str]) -> pd.Series:
    """One text a row, the same whether a source wrote an id as a number or as text."""
    parts = [_texts(frame[name]) for name in ids]
    return parts[0].str.cat(parts[1:], sep="\x1f") if len(parts) > 1 else parts[0]


def _texts(values: pd.Series) -> pd.Series:
    if values.dtype.kind in "iu":
        return values.astype(str)
    return values.astype(object).map(_key).astype(str)


def _key(value: object) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        if abs(value) >= _EXACT:
            raise UserError(
                "an id of 16 digits or more came as a float, which cannot tell it from its "
                "neighbours. Give such ids as whole numbers or as text in both sources."
            )
        return str(int(value))
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return str(int(value))
    if isinstance(value, dt.datetime) and value.time() == dt.time():  # as a date is written
        return value.date().isoformat()
    return str(value)
