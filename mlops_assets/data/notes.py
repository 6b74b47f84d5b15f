"""What was changed in a table on its way in, in words, and kept with the table."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from mlops_assets.data.columns import Columns

_KEY = "mlops_assets.notes"


@dataclass(frozen=True)
class Note:
    """One change: of a column (or of the table, where ``column`` is empty), with examples."""

    column: str
    says: str
    examples: tuple[str, ...] = ()

    def told(self, *, sensitive: bool) -> str:
        """A sentence; without the examples of a sensitive column."""
        shown = f" (for example {', '.join(self.examples)})" if self.examples else ""
        where = f"{self.column}: " if self.column else ""
        return f"{where}{self.says}{' (values hidden)' if shown and sensitive else shown}."


def examples_of(values: pd.Series) -> tuple[str, ...]:
    """Three different values as they are shown in a note."""
    shown = (
        repr(v if len(v) <= 40 else v[:37] + "...") if isinstance(v, str) else str(v)
        for v in values.head(1000)
    )
    return tuple(dict.fromkeys(shown))[:3]


def noted(frame: pd.DataFrame, notes: Iterable[Note]) -> pd.DataFrame:
    """The table with further notes (a shallow copy); itself where there are none."""
    if not (new := [[n.column, n.says, list(n.examples)] for n in notes]):
        return frame
    copy = frame.copy(deep=False)
    # Lists of text, for pandas writes what a table carries into Parquet as JSON.
    copy.attrs = {**frame.attrs, _KEY: [*frame.attrs.get(_KEY, []), *new]}
    return copy


def notes_of(frame: pd.DataFrame, columns: Columns) -> tuple[str, ...]:
    """The notes that a table carries, as sentences."""
    kept = [Note(column, says, tuple(shown)) for column, says, shown in frame.attrs.get(_KEY, [])]
    return tuple(note.told(sensitive=note.column in columns.sensitive) for note in kept)
