"""``drifted_batch``: one day's incoming data, or its quarantine."""

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from mlops_assets.data.columns import with_columns
from mlops_assets.data.contract import Contract, ContractViolation
from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.data.labels import join_labels
from mlops_assets.data.notes import notes_of
from mlops_assets.errors import EmptyDayError, NotThereYetError
from mlops_assets.lifecycle.journal import BatchTaken, Closed, Quarantined
from mlops_assets.lifecycle.life import Life


@dataclass(frozen=True)
class BatchOutcome:
    """What became of a day's batch: one of these is set.

    ``awaited`` says why it is not there yet, ``closed`` why none will come. ``violation`` is what
    is wrong with it, and ``path`` where its quarantine is. ``record`` is of the batch that is
    stored, with ``table`` and ``path``. ``unchanged``: it was read again, and nothing is new.
    """

    awaited: NotThereYetError | None = None
    closed: EmptyDayError | None = None
    violation: ContractViolation | None = None
    record: BatchTaken | None = None
    table: pd.DataFrame | None = None
    path: str = ""
    unchanged: bool = False
    notes: tuple[str, ...] = ()


def take_batch(life: Life, partition: str, *, only_news: bool = False) -> BatchOutcome:
    """Read a day's batch with its labels, check it against the contract, and store it.

    Args:
        life: The model.
        partition: The day.
        only_news: It may be here already: leave everything as it is where nothing is new.

    Raises:
        UserError: A source cannot be read, or there is no baseline.
    """
    spec = life.spec
    contract = Contract.from_yaml(life.journal.baseline().contract)
    try:
        read, notes = _read(life, partition)
    except NotThereYetError as error:
        return _without_rows(life, partition, error)
    try:
        checked = life.comparing.check(read, contract, spec.columns)
    except ContractViolation as violation:
        return BatchOutcome(violation=violation, path=_quarantine(life, partition, read, violation))
    data_hash = fingerprint(checked.frame)
    if only_news and _is_reported(life, partition, data_hash):
        return BatchOutcome(unchanged=True, notes=notes)
    record = BatchTaken(
        rows=len(checked.frame),
        labelled_rows=len(spec.columns.labelled(checked.frame)),
        notes=[*checked.notes, *notes],
        unusual=list(checked.unusual),
        data_hash=data_hash,
    )
    path = life.store.write(spec.name, "drifted_batch", partition, checked.frame)
    life.journal.keep_batch(partition, record)
    return BatchOutcome(record=record, table=checked.frame, path=path, notes=notes)


def _without_rows(life: Life, partition: str, error: NotThereYetError) -> BatchOutcome:
    """The day was closed, or its rows are awaited; what is stored of it stays."""
    late = life.spec.batches.empty_days == "late" or life.journal.batch(partition) is not None
    if late or not isinstance(error, EmptyDayError):
        return BatchOutcome(awaited=error)
    life.journal.keep_closed(Closed(partition=partition, why=str(error)))
    return BatchOutcome(closed=error)


def _read(life: Life, partition: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The day's rows with the labels that a second source has of them by now; notes on these.

    Of a day that is stored already nothing is lost where a source has removed it since.
    """
    spec, day = life.spec, dt.date.fromisoformat(partition)
    if spec.labels is None:
        return life.incoming.batch(day), ()
    known = life.journal.batch(partition)
    stored = life.store.read(spec.name, "drifted_batch", partition) if known else None
    try:
        rows = life.incoming.batch(day)
    except NotThereYetError:
        if stored is None:
            raise
        rows = stored
    try:
        labels = life.incoming.labels(day)
    except NotThereYetError as error:
        note = f"no labels yet: {error}"
        target = spec.columns.target
        if stored is None or target not in stored:
            return rows, (note,)
        kept = join_labels(rows, stored, spec.columns)
        if target in rows:
            known = rows[target].where(rows[target].notna(), kept[target])
            kept = with_columns(kept, {target: known})
        return kept, (note,)
    joined = join_labels(rows, labels, spec.columns)
    notes = tuple(f"labels: {note}" for note in notes_of(labels, spec.columns))
    if joined is rows:
        ids = ", ".join(spec.columns.id)
        none = (
            f"none of the {len(labels)} labels belongs to a row of this batch. If some should, "
            f"compare how `labels` and `batches` write {ids}."
        )
        return rows, (none, *notes)
    return joined, notes


def _is_reported(life: Life, partition: str, data_hash: str) -> bool:
    """Whether the day's drift report was made of the table of this hash."""
    reported = life.journal.reported(partition)
    return reported is not None and reported.data_hash == data_hash


def _quarantine(
    life: Life, partition: str, read: pd.DataFrame, violation: ContractViolation
) -> str:
    """Keep what came, as text where Parquet cannot hold it, beside what is wrong with it."""
    readable = read.astype("string")
    readable.columns = [f"{i}_{name}" for i, name in enumerate(read.columns)]
    path = life.store.write(life.spec.name, "quarantine", partition, readable)
    life.journal.keep_quarantined(
        Quarantined(partition=partition, rows=len(read), violation=str(violation))
    )
    return path
