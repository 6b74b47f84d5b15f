"""Which rows are held out: derivable again at any time, whatever the order of the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.data.coerce import kind_of, plain
from mlops_assets.data.columns import Columns, with_columns


class SplitPolicy(BaseModel):
    """How much of a table is never trained on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    holdout_share: float = Field(
        default=0.3, gt=0, lt=1, description="Share of the baseline kept out of every training set."
    )
    evaluation_share: float = Field(
        default=0.4,
        gt=0,
        lt=1,
        description="Share of each labelled batch that only ever evaluates; the rest may be "
        "trained on.",
    )
    seed: int = Field(default=0, description="Chooses another split of the same data.")


def held_out(
    frame: pd.DataFrame,
    columns: Columns,
    share: float,
    seed: int,
    task: str,
    *,
    stratified: bool = True,
) -> np.ndarray:
    """Mark about ``share`` of the rows as held out: a boolean mask, one entry a row.

    - With a timestamp column: the latest rows; rows of one moment stay together, and so do rows
      of one id (at the id's latest moment). Rows without a timestamp count as the earliest.
    - Else with id columns: whole ids, by a seeded hash of the id, so that an id stays on its side
      in every table. The share is then met on average, not exactly.
    - Else by a seeded hash of the row's content, within each class for classification. Rows that
      are alike but for ignored columns stay together; a class of one row is never held out.

    Without ``stratified`` the target plays no part, so that labels which come later move no row to
    the other side: give it all rows of a batch, labelled or not.

    The mask belongs to the set of rows: their order, the index and the order of the columns play
    no part.

    Args:
        frame: rows in the data types of the contract; labelled ones where it is stratified.
        columns: the roles of the columns.
        share: 0 to 1.
        seed: chooses another split of the same data.
        task: "classification" or "regression".
        stratified: whether each class is split by itself.
    """
    if frame.empty:
        return np.zeros(0, dtype=bool)
    ids = _hashes(_one_zero(frame[columns.id]).astype(str), seed) if columns.id else None
    if columns.timestamp is not None:
        moments = pd.to_datetime(frame[columns.timestamp])
        if moments.nunique() > 1:
            return _latest(moments, ids, share)
    if ids is not None:
        return ids < np.uint64(share * 2**64)
    silent = {*columns.ignore, *([] if stratified else [columns.target])}
    told = sorted(set(frame.columns) - silent)
    content = _hashes(_one_zero(frame[told]), seed)
    mask = np.zeros(len(frame), dtype=bool)
    if stratified and task == "classification":
        for places in frame.groupby(columns.target, observed=True).indices.values():
            mask[places] = _lowest(content[places], share)
        return mask
    return _lowest(content, share)


@dataclass(frozen=True)
class RowKeys:
    """What the rows of a table are known by in other tables; arrays of shape (n_rows,).

    Attributes:
        identity: A row that comes again has the same: its id or, without id columns, what all
            its columns hold that are not ignored.
        content: What all its columns hold that are not ignored, a timestamp among them; None
            without one, where rows that are alike may be as good as different ones.
        labelled: Whether it has a label.
    """

    identity: np.ndarray
    content: np.ndarray | None
    labelled: np.ndarray

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: Columns) -> Self:
        """The keys of a table in the data types of the contract."""
        known = columns.labelled(frame)
        whole = known is frame
        labelled = np.ones(len(frame), bool) if whole else frame.index.isin(known.index)
        if not columns.id:
            content = _content(frame, columns)
            return cls(content, content if columns.timestamp else None, labelled)
        ids = _hashes(_one_zero(frame[columns.id]).astype(str), 0)
        return cls(ids, _content(frame, columns) if columns.timestamp else None, labelled)


def on_first_side(tables: Sequence[tuple[RowKeys, np.ndarray]]) -> list[np.ndarray]:
    """The masks of several tables, with each row on the side that it was on first.

    A row that comes again would else be held out of one table and learned from in another.

    Args:
        tables: the keys of each table's rows with the mask that `held_out` gave for it, in the
            order of their time.
    """
    rows = np.concatenate([keys.identity for keys, _ in tables])
    held = np.concatenate([mask for _, mask in tables])
    _, first, row = np.unique(rows, return_index=True, return_inverse=True)
    return np.split(held[first][row], np.cumsum([len(mask) for _, mask in tables])[:-1])


def delivered_before(tables: Sequence[RowKeys]) -> list[np.ndarray]:
    """Mark the rows of each table that an earlier one has had, as when every day brings seven.

    Such a row has a label there as well, and the same values in all other columns that are not
    ignored, a timestamp among them: without one, a row that is alike may be as good as a new one,
    say of a customer who has not changed since yesterday.

    Args:
        tables: the keys of each table's rows, in the order of their time.
    """
    lengths = [len(keys.labelled) for keys in tables]
    contents = [keys.content for keys in tables if keys.content is not None]
    if len(contents) < len(tables):
        return [np.zeros(length, dtype=bool) for length in lengths]
    rows = np.concatenate(contents)
    labelled = np.concatenate([keys.labelled for keys in tables])
    table = np.repeat(np.arange(len(tables)), lengths)
    again = np.zeros(len(rows), dtype=bool)
    _, first, row = np.unique(rows[labelled], return_index=True, return_inverse=True)
    again[labelled] = table[labelled][first][row] < table[labelled]
    return np.split(again, np.cumsum(lengths)[:-1])


def _content(frame: pd.DataFrame, columns: Columns) -> np.ndarray:
    # A time tells rows from each other; without one, the label helps to. It may come later.
    silent = {*columns.ignore, *([columns.target] if columns.timestamp else [])}
    told = {name: _comparable(frame[name]) for name in sorted(set(frame.columns) - silent)}
    return _hashes(pd.DataFrame(told), 0)


def _comparable(values: pd.Series) -> pd.Series:
    """The values in a type that does not depend on what else is in the column of this table.

    With -0.0 as 0.0: they are equal, and their hashes would not be.
    """
    values = plain(values)
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "biuf":
        return values.astype(float) + 0.0
    kind = kind_of(values)
    if kind == "datetime":
        moments = pd.to_datetime(values, utc=True).dt.tz_localize(None)
        return moments.astype("datetime64[ns]").astype("int64")
    if kind in ("number", "boolean", "empty"):
        return values.astype(object).where(values.notna(), np.nan).astype(float) + 0.0
    return values.astype(str)


def _latest(moments: pd.Series, ids: np.ndarray | None, share: float) -> np.ndarray:
    """The latest rows, ties and ids kept together; at least one moment on either side."""
    if ids is not None:
        moments = moments.groupby(ids).transform("max")
    # Ranks, so that the latest come first and missing moments (NaT, the lowest number) last.
    ranks = np.unique(moments.to_numpy().astype("int64"), return_inverse=True)[1]
    return _lowest(-ranks, share)


def _lowest(keys: np.ndarray, share: float) -> np.ndarray:
    """Mark the rows of the lowest keys: whole keys, as near to ``share`` of the rows as can be.

    Where there are two keys or more and the share asks for a row, neither side is empty.
    """
    unique, group, counts = np.unique(keys, return_inverse=True, return_counts=True)
    wanted = round(len(keys) * share)
    if wanted == 0 or len(unique) == 1:
        return np.zeros(len(keys), dtype=bool)
    rows = np.cumsum(counts)[:-1]  # rows held out when cutting after each key but the last
    return group <= int(np.argmin(np.abs(rows - wanted)))


def _one_zero(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with -0.0 as 0.0: they are equal, and their hashes would not be."""
    floats = [name for name in frame.columns if pd.api.types.is_float_dtype(frame[name])]
    return with_columns(frame, {name: frame[name] + 0.0 for name in floats}) if floats else frame


def _hashes(frame: pd.DataFrame, seed: int) -> np.ndarray:
    """One well-mixed 64-bit number a row, from its content and the seed."""
    rows = pd.util.hash_pandas_object(frame, index=False).to_numpy(dtype=np.uint64)
    # pandas' hash has a key for text only, so the seed is mixed in here (splitmix64, Steele et
    # al., 2014).
    mixed = rows ^ np.uint64((seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
