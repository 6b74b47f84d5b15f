"""A model's rows, read once from its own sources and kept while policies live through them."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from mlops_assets.data.labels import labels_of
from mlops_assets.data.sources import has_days
from mlops_assets.errors import NotThereYetError, UserError
from mlops_assets.lifecycle.outside import Source
from mlops_assets.replay.scratch import keep, take
from mlops_assets.spec import ModelSpec

# From so many days without a batch in a row on, no later one is looked for unless `to` is given.
LAST_LOOK_DAYS = 92


@dataclass(frozen=True)
class History:
    """The days of a replay.

    Attributes:
        days: Every period from the first to the last, in order.
        present: Those of them that have a batch.
        failed: Why a day's batch or labels could not be read, by day.
        notes: What was left out of looking, in words.
    """

    days: tuple[str, ...]
    present: tuple[str, ...]
    failed: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """The days whose batch is not there, and could not be read either."""
        return tuple(day for day in self.days if day not in {*self.present, *self.failed})


def read_history(
    spec: ModelSpec,
    source: Source,
    folder: Path,
    first: dt.date,
    last: dt.date | None,
    today: dt.date,
    told: Callable[[str], None],
) -> History:
    """Read the baseline and every day's batch and labels into ``folder``.

    Args:
        spec: The model.
        source: Where its rows come from.
        folder: Where they are kept.
        first: The first day.
        last: The last day; None: the last that has a batch.
        today: No day from this one on has ended.
        told: Called with each day that is read.

    Raises:
        UserError: The baseline cannot be read, or no day has a batch.
    """
    keep(folder / "baseline", source.baseline())
    labels = _Labels(spec, source)
    days: list[str] = []
    present: list[str] = []
    failed: dict[str, str] = {}
    notes: list[str] = []
    for day in _days(first, last or today - dt.timedelta(days=1)):
        told(str(day))
        days.append(str(day))
        try:
            rows = source.batch(day)
            keep(folder / str(day), (rows, labels.of(day, rows)))
            present.append(str(day))
        except NotThereYetError:
            seen = present[-1] if present else str(first - dt.timedelta(days=1))
            if last is None and (day - dt.date.fromisoformat(seen)).days >= LAST_LOOK_DAYS:
                notes.append(
                    f"No day after {seen} was looked for beyond {day}: {LAST_LOOK_DAYS} in a row "
                    "had no batch. Give --to for a later end."
                )
                break
        except UserError as error:
            failed[str(day)] = str(error)
    if not present:
        raise UserError(_why_none(spec, days, failed))
    if last is None:
        days = days[: days.index(max(*present, *failed, "")) + 1]
    history = History(tuple(days), tuple(present), failed, tuple(notes))
    keep(folder / "history", history)
    return history


class _Labels:
    """The labels of a day's rows; one table of all labels is read once."""

    def __init__(self, spec: ModelSpec, source: Source) -> None:
        self._spec, self._source = spec, source
        self._all: pd.DataFrame | None = None

    def of(self, day: dt.date, rows: pd.DataFrame) -> pd.DataFrame | None:
        if self._spec.labels is None:
            return None
        try:
            labels = self._source.labels(day) if self._all is None else self._all
        except NotThereYetError:
            return None
        if not has_days(self._spec.labels):
            self._all = labels
        return labels_of(rows, labels, self._spec.columns)


def _days(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    for later in range((last - first).days + 1):
        yield first + dt.timedelta(days=later)


def _why_none(spec: ModelSpec, days: list[str], failed: dict[str, str]) -> str:
    between = f"from {days[0]} to {days[-1]} ({len(days)} days)" if days else "that has ended"
    told = f"There is no day to replay: {spec.name} has no batch of any day {between}."
    if failed:
        day, why = next(iter(failed.items()))
        told += f" {len(failed)} could not be read, the first of them {day}: {why}"
    return f"{told} Look at `batches` and `start_date` in its defs.yaml, or give --from and --to."


@dataclass
class KeptRows:
    """The rows of a history as they were seen on a day: labels as late as they are said to be.

    Attributes:
        spec: The model.
        folder: Where the rows are kept.
        delay: Days after which the labels of a batch are seen.
        today: The latest day of which anything is seen.
    """

    spec: ModelSpec
    folder: Path
    delay: int
    today: dt.date = dt.date.min

    def baseline(self) -> pd.DataFrame:
        """The labelled snapshot."""
        return take(self.folder / "baseline")

    def batch(self, day: dt.date) -> pd.DataFrame:
        """A day's rows, with their labels where these are in the batch and can be seen.

        Raises:
            NotThereYetError: The day has none.
        """
        rows = self._kept(day)[0]
        if self.spec.labels is None and not self._sees_labels(day):
            return rows.drop(columns=self.spec.columns.target, errors="ignore")
        return rows

    def labels(self, day: dt.date) -> pd.DataFrame:
        """The labels of a day's rows.

        Raises:
            NotThereYetError: They cannot be seen yet, or there are none.
        """
        labels = self._kept(day)[1] if self._sees_labels(day) else None
        if labels is None:
            raise NotThereYetError(f"the labels of {day} are not there yet")
        return labels

    def _sees_labels(self, day: dt.date) -> bool:
        return day + dt.timedelta(days=self.delay) <= self.today

    def _kept(self, day: dt.date) -> tuple[pd.DataFrame, pd.DataFrame | None]:
        path = self.folder / str(day)
        if not path.exists():
            raise NotThereYetError(f"there is no batch of {day}")
        return take(path)
