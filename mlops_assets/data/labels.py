"""Labels that come later and from elsewhere."""

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns, with_columns
from mlops_assets.data.ids import id_texts, normal_form
from mlops_assets.data.notes import Note, noted
from mlops_assets.errors import UserError

_NO_ID = "\x00"
_FEW = 0.01  # of the rows with a label: a slip of the pen, not another way to write ids


def join_labels(frame: pd.DataFrame, labels: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Give the rows of ``frame`` the labels that are known of their ids.

    Args:
        frame: a batch, with the id columns; with or without the target.
        labels: the id columns and the target; other columns and ids play no part.
        columns: the roles of the columns.

    Returns:
        ``frame`` with the target column: the label from ``labels`` where there is one, else what
        ``frame`` had, else null. Rows and their order stay as they are. Where no row has a label
        in ``labels``, it is ``frame`` itself. Ids are compared as text; where the two tables write
        them differently (``007`` and ``7``), so that only some would match, none is taken, and a
        note says so.

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
    if differ := _written_otherwise(rows, keys, ours, columns):
        return noted(frame, [differ])
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


def latest_labels(labels: pd.DataFrame, columns: Columns, by: str) -> pd.DataFrame:
    """Of the labels of each id those that were written last, with a note on the others.

    Args:
        labels: the id columns, the target, and the column ``by``.
        columns: the roles of the columns.
        by: when a row was written: dates, times, numbers, or texts like 2026-01-31 10:00.

    Raises:
        UserError: the column is missing, or holds nothing that has an order.
    """
    ids, target = columns.id, columns.target
    if by not in labels.columns:
        raise UserError(
            f"the labels have no column {by}. Set `labels.latest_by` to one of "
            f"{', '.join(map(str, labels.columns[:20]))}."
        )
    if not ids or not {*ids, target} <= set(labels.columns):
        return labels  # whoever joins them says what is missing
    known = labels[labels[target].notna()]
    when = _moments(known[by], by)
    last = when.groupby([known[name] for name in ids], dropna=False).transform("max")
    kept = known[(when == last) | last.isna()]
    left_out = len(known) - len(kept)
    if not left_out:
        return labels
    says = f"{left_out} row(s) are left out, as a later one by {by} has a label of the same id"
    return noted(kept.reset_index(drop=True), [Note("", says)])


def _moments(values: pd.Series, by: str) -> pd.Series:
    """When, as what can be compared; texts are dates, and a gap is before all else."""
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return values
    try:
        if any(isinstance(value, str) and not value[:1].isdigit() for value in values.unique()):
            raise ValueError("a word")  # pandas takes "today" and "now" for the present
        return pd.to_datetime(values, format="ISO8601", utc=True)
    except (ValueError, TypeError) as error:
        raise UserError(
            f"the labels' {by} holds no date or time like 2026-01-31 10:00 in every row. Correct "
            "`labels.latest_by`, write them so, or set `date_format` (CSV)."
        ) from error


def _refuse_two_labels(several: pd.Series, columns: Columns) -> None:
    if several.empty:
        return
    shown = several.head(3).str.replace("\x1f", "/")
    hidden = set(columns.id) & set(columns.sensitive)
    raise UserError(
        f"the labels give {len(several)} id(s) of this batch two labels or more "
        f"({'values hidden' if hidden else 'for example ' + ', '.join(shown)}). Leave one "
        f"{columns.target} for each {'/'.join(columns.id)}; where they were corrected, set "
        "`labels.latest_by` to the column that says when, and the latest counts; where an id comes "
        "again on another day, name the day as a second id. Then run the day again."
    )


def labels_of(frame: pd.DataFrame, labels: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The rows of ``labels`` whose ids are in ``frame``; all where either lacks an id column."""
    ids = columns.id
    if not ids or not set(ids) <= set(frame.columns) & set(labels.columns):
        return labels
    return labels[_keys(labels, ids).isin(_keys(frame, ids))]


def _written_otherwise(
    rows: pd.Series, keys: pd.Series, ours: pd.Series, columns: Columns
) -> Note | None:
    """What to tell where rows and labels write the same ids differently, in more than a few rows.

    Those that are written alike would be a part of the labels that nobody chose.
    """
    missed, others = rows[~rows.isin(keys)].drop_duplicates(), keys[~ours].drop_duplicates()
    if missed.empty or others.empty:
        return None
    our_forms, their_forms = normal_form(missed), normal_form(others)
    alike = our_forms[our_forms.isin(their_forms)]
    if len(alike) <= _FEW * int(ours.sum()):
        return None
    every = normal_form(rows.drop_duplicates())
    theirs = their_forms[their_forms.isin(alike)]
    if (
        every.duplicated().any()
        or theirs.duplicated().any()
        or theirs.isin(normal_form(keys[ours].drop_duplicates())).any()
    ):
        return None  # they are different ids: one table has both
    names, ids = "/".join(columns.id), set(columns.id)
    one = alike.index[0]
    pair = (rows[one], others[their_forms == our_forms[one]].iloc[0])
    shown = ["/".join(repr(text) for text in key.split("\x1f")) for key in pair]
    example = "values hidden" if ids & set(columns.sensitive) else f"{shown[0]} and {shown[1]}"
    return Note(
        names,
        f"written differently in `batches` and `labels` for {len(alike)} row(s) ({example}), so no "
        "label was taken: a part of them would tell of some rows only. Write them alike in both",
    )


def _keys(frame: pd.DataFrame, ids: list[str]) -> pd.Series:
    """One text a row, the same whether a source wrote an id as a number or as text."""
    parts = [_texts(frame[name]) for name in ids]
    return parts[0].str.cat(parts[1:], sep="\x1f") if len(parts) > 1 else parts[0]


def _texts(values: pd.Series) -> pd.Series:
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu":
        return values.astype(str)
    texts, wrong = id_texts(values)
    if wrong.any():
        floats = values[wrong].map(lambda value: isinstance(value, float))
        if floats.any():
            raise UserError(
                "an id of 16 digits or more came as a float, which cannot tell it from its "
                "neighbours. Give such ids as whole numbers or as text in both sources."
            )
    return texts.where(texts.notna(), _NO_ID).astype(str)
