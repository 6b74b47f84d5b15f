"""The rows of a recipe, looked for by their hashes in what is stored now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.data.fingerprint import row_hashes
from mlops_assets.lifecycle.recipe import TRAINED_ON, Kept, types_of

_MOST_NAMED = 10  # of rows that were changed


@dataclass(frozen=True)
class Recovered:
    """What is there of the rows of a recipe.

    Attributes:
        trained_on: What the trainer was given, in the order of then; None where rows are lost.
        lost: How many of its rows are nowhere any more.
        judged: The evaluation rows that are as they were.
        judged_then: How many there were.
        changes: Which of its rows are not as they were, in which stored table, in words.
        besides: What else has changed there, such as labels that came later.
    """

    trained_on: pd.DataFrame | None
    lost: int
    judged: pd.DataFrame
    judged_then: int
    changes: tuple[str, ...]
    besides: tuple[str, ...]


@dataclass(frozen=True)
class StoredTable:
    """A table as it is stored now, and what it is called; None: it is missing."""

    called: str
    table: pd.DataFrame | None


def recover(kept: Kept, stored: Mapping[str, StoredTable]) -> Recovered:
    """Look for the rows of a recipe.

    A row that was changed in one table may still be in another: what was trained on is a copy of
    parts of the baseline and of the batches.

    Args:
        kept: The recipe.
        stored: What is stored now, by the names that the recipe has for it; ``trained_on`` is
            not among it where it was never stored by itself.
    """
    then = {name: kept.rows[kept.rows["table"] == name] for name in kept.recipe.types}
    looked = {
        name: _Looked.at(then[name], one.table, kept.recipe.types[name])
        for name, one in stored.items()
        if one.table is not None
    }
    original = _Original.among(then, looked, kept.recipe.types[TRAINED_ON])
    changes = [f"{one.called} is missing" for one in stored.values() if one.table is None]
    besides: list[str] = []
    for name, one in looked.items():
        known, called = original.of(name, then), stored[name].called
        told = list(one.changes(then[name]["use"], known, kept.recipe.settings.columns))
        changes += [f"{called}: {what}" for what in told]
        besides += [f"{called}: {what}" for what in one.besides(then[name]["use"], seen=bool(told))]
    judged_on = [name for name in kept.recipe.judged_on if name in looked]
    judged = [looked[name].found(then[name]["use"] == "judge") for name in judged_on]
    return Recovered(
        trained_on=original.whole,
        lost=original.lost,
        judged=pd.concat(judged, ignore_index=True) if judged else pd.DataFrame(),
        judged_then=sum(
            int((then[name]["use"] == "judge").sum()) for name in kept.recipe.judged_on
        ),
        changes=tuple(changes),
        besides=tuple(besides),
    )


@dataclass(frozen=True)
class _Looked:
    """A stored table beside the rows that it had.

    ``places`` has, for each row of then, its position now, or -1; ``new`` the positions of the
    rows that it did not have.
    """

    table: pd.DataFrame
    places: np.ndarray
    new: np.ndarray
    of_columns: tuple[str, ...]

    @classmethod
    def at(cls, then: pd.DataFrame, table: pd.DataFrame, types: dict[str, str]) -> "_Looked":
        """``then`` has a line for each row that the table had."""
        of_columns = tuple(_changes_of_columns(types, types_of(table)))
        comparable = table[[name for name in types if name in table.columns]]
        # So that one value of another type does not make every row of its column another one.
        comparable = comparable.astype(
            {name: types[name] for name in comparable.columns}, errors="ignore"
        )
        places = _places(then["hash"].to_numpy(), row_hashes(comparable))
        new = np.setdiff1d(np.arange(len(table)), places)
        return cls(comparable, places, new, of_columns)

    def found(self, wanted: pd.Series) -> pd.DataFrame:
        """The wanted rows of then that are there now, in the order of then."""
        places = self.places[wanted.to_numpy()]
        return self.table.iloc[places[places >= 0]]

    @property
    def gone(self) -> np.ndarray:
        """The rows of then that are not there any more."""
        return np.flatnonzero(self.places < 0)

    @property
    def in_place(self) -> bool:
        """Whether every row that is gone has another one in its place."""
        return len(self.gone) == len(self.new) and bool((self.gone == self.new).all())

    def changes(self, use: pd.Series, original: pd.DataFrame, columns: Columns) -> Iterator[str]:
        """Which of the rows that were used are not as they were.

        Args:
            use: What each row of then was used for.
            original: What is known of the rows of then, by their positions.
            columns: Those whose values may not be told, and those that a row is known by.
        """
        gone, total = self.gone[(use.to_numpy() != "")[self.gone]], len(self.places)
        if len(gone) == 0:
            return
        yield from self.of_columns
        if len(self.gone) == total and self.of_columns:
            return
        if not self.in_place:
            yield f"{_rows(gone)} of the {total} of then {_are(gone)} not there any more"
            return
        for row in gone[:_MOST_NAMED]:
            yield f"row {row} of {total} was changed{self._told(int(row), original, columns)}"
        if len(gone) > _MOST_NAMED:
            yield f"{len(gone) - _MOST_NAMED} more rows of {total} were changed"

    def besides(self, use: pd.Series, *, seen: bool) -> Iterator[str]:
        """What has changed and concerns no row that was used; ``seen``: the columns are told."""
        if not seen:
            yield from self.of_columns
        unused = self.gone[(use.to_numpy() == "")[self.gone]]
        if len(unused):
            yield f"{_rows(unused)}, which it was not made from, {_are(unused)} not as then"
        if len(self.new) and not self.in_place:
            yield f"{_rows(self.new)} of the {len(self.table)} of now {_are(self.new)} new"

    def _told(self, row: int, original: pd.DataFrame, columns: Columns) -> str:
        """Which row of now it is, and what is another value in it, where that is known."""
        now = self.table.iloc[row]
        shown = [name for name in columns.id if name in now.index and name not in columns.sensitive]
        known_by = f" ({', '.join(f'{name} {now[name]}' for name in shown)})" if shown else ""
        if row not in original.index:
            return known_by
        then = original.loc[row]
        cells = [
            f"{name} is another value (sensitive)"
            if name in columns.sensitive
            else f"{name} was {then[name]} and is {now[name]}"
            for name in now.index
            if name in then.index
            and not (then[name] == now[name] or (pd.isna(then[name]) and pd.isna(now[name])))
        ]
        return f"{known_by}: {', '.join(cells)}" if cells else known_by


@dataclass(frozen=True)
class _Original:
    """What the trainer was given, as far as its rows are still found: ``there`` says which are."""

    rows: pd.DataFrame
    there: np.ndarray

    @classmethod
    def among(
        cls,
        then: Mapping[str, pd.DataFrame],
        looked: Mapping[str, _Looked],
        types: dict[str, str],
    ) -> "_Original":
        """Look for it in its own table, and in those that its rows came from."""
        sources = [
            looked[name].found(rows["use"] == "learn")
            for name, rows in then.items()
            if name in looked and name != TRAINED_ON
        ]
        copies = [looked[TRAINED_ON].table] if TRAINED_ON in looked else []
        # Of the sources all at once, as they were put together then: it decides on the types.
        found = [*copies, *([pd.concat(sources)] if sources else [])]
        pool = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
        pool = pool.reindex(columns=list(types)).astype(types, errors="ignore")
        hashes = then[TRAINED_ON]["hash"].to_numpy()
        known = pd.Series(row_hashes(pool)).drop_duplicates()
        at = pd.Index(known).get_indexer(pd.Index(hashes))
        there = at >= 0
        return cls(pool.iloc[known.index.to_numpy()[at[there]]], there)

    @property
    def lost(self) -> int:
        return int((~self.there).sum())

    @property
    def whole(self) -> pd.DataFrame | None:
        return None if self.lost else self.rows.reset_index(drop=True)

    def of(self, name: str, then: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """The rows of a table that are known, by their positions in it then."""
        positions = np.flatnonzero(self.there)
        known = self.rows.set_axis(positions, axis=0)
        if name == TRAINED_ON:
            return known
        # What was trained on is the rows to learn from, one table below the other.
        learned = pd.concat([rows for source, rows in then.items() if source != TRAINED_ON])
        learned = learned[learned["use"] == "learn"]
        if len(learned) != len(self.there):
            return known.iloc[:0]
        own = np.flatnonzero(learned["table"] == name)
        row = dict(zip(own, np.flatnonzero(then[name]["use"] == "learn"), strict=True))
        mine = known[known.index.isin(own)]
        return mine.set_axis([row[position] for position in mine.index], axis=0)


def _places(then: np.ndarray, now: np.ndarray) -> np.ndarray:
    """The position now of each row of then, -1 where there is none; of equal rows one by one."""
    keys = [
        pd.MultiIndex.from_arrays([hashes, pd.Series(hashes).groupby(hashes).cumcount()])
        for hashes in (now, then)
    ]
    return keys[0].get_indexer(keys[1])


def _changes_of_columns(then: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    for name, kind in then.items():
        if name not in now:
            yield f"the column {name} is gone"
        elif now[name] != kind:
            yield f"the column {name} is of the type {now[name]}, and was {kind}"
    for name in now.keys() - then.keys():
        yield f"the column {name} is new"


def _rows(positions: Sequence[int] | np.ndarray) -> str:
    named = ", ".join(map(str, positions[:_MOST_NAMED]))
    more = f" and {len(positions) - _MOST_NAMED} more" if len(positions) > _MOST_NAMED else ""
    return f"{'row' if len(positions) == 1 else 'rows'} {named}{more}"


def _are(positions: np.ndarray) -> str:
    return "is" if len(positions) == 1 else "are"
