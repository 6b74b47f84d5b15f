"""Days that look broken: what is suspected of them, and what a person has accepted."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from mlops_assets.data.faults.suspicion import Suspicion
from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.drift.verdict import Verdict
from mlops_assets.errors import UserError
from mlops_assets.lifecycle.journal import Fault, FaultsAccepted
from mlops_assets.lifecycle.life import Life
from mlops_assets.spec import ModelSpec

if TYPE_CHECKING:
    from mlops_assets.lifecycle.day import Day

LOOKED_AT = 7  # earlier days whose rows are looked at, where something is unusual
COUNTED = 28  # and whose number of rows is known


def suspected(life: Life, day: "Day", verdict: Verdict) -> tuple[Suspicion, ...]:
    """What looks broken in a day's delivery, without what a person has accepted of it.

    Where no column differs, only what costs nothing is asked: whether the rows were delivered
    before, and whether most are missing.
    """
    may_lack = {n for n, given in life.spec.contract.columns.items() if not given.required}
    found = tuple(
        each
        for each in _found(life, day, verdict)
        if not (each.kind == "stuck" and set(each.columns) <= may_lack)
    )
    accepted = life.journal.accepted(day.partition) if found else None
    if accepted is None or accepted.rows_hash != _rows_hash(life, day.batch):
        return found
    known = {(fault.kind, tuple(fault.columns)) for fault in accepted.faults}
    return tuple(each for each in found if (each.kind, each.columns) not in known)


def _found(life: Life, day: "Day", verdict: Verdict) -> tuple[Suspicion, ...]:
    earlier = [report for report in day.reports if report.partition < day.partition]
    earlier.sort(key=lambda report: report.partition)
    usual_rows = [report.rows for report in earlier[-COUNTED:]]
    same = [
        reported.report.partition
        for reported in day.reported
        if reported.report.partition < day.partition and reported.data_hash == day.data_hash
    ]
    columns = life.spec.columns
    if not _looks_unusual(day, verdict):
        tables = _tables(life, same[-1:])
        return life.comparing.faults(
            None, day.batch, columns, earlier=tables, usual_rows=usual_rows
        )
    latest = [report.partition for report in earlier[-LOOKED_AT:]]
    held = sorted(r.report.partition for r in day.reported if r.report.held)
    held = [partition for partition in held if partition < day.partition][-LOOKED_AT:]
    beside = day.table_of(verdict)
    return life.comparing.faults(
        beside.rows,
        day.batch,
        columns,
        periods=beside.periods,
        earlier=_tables(life, {*latest, *same[-1:]}),
        held=_tables(life, held),
        usual_rows=usual_rows,
    )


def _looks_unusual(day: "Day", verdict: Verdict) -> bool:
    """One column in another unit is no drift by itself, where there are ten."""
    found = day.against_reference
    differs = bool(found.drifted_columns) or found.target_drift
    return differs or verdict.drift_detected or bool(verdict.unusual)


def _tables(life: Life, days: Iterable[str]) -> dict[str, pd.DataFrame]:
    return {day: life.store.read(life.spec.name, "drifted_batch", day) for day in sorted(days)}


def faults_kept(faults: Iterable[Suspicion]) -> list[Fault]:
    """What the journal keeps of suspicions."""
    return [Fault(kind=f.kind, columns=f.columns, evidence=f.evidence) for f in faults]


def advice(spec: ModelSpec, partition: str) -> str:
    """What a person can do about a day that is held."""
    return (
        f"held, so that nothing is learned from it: correct {partition} at its source and run the "
        f"job {spec.name}_daily for it again; or, if it is meant to be like this, run the job "
        f"{spec.name}_accept_day for it"
    )


def accept_day(life: Life, partition: str, asked_by: str) -> FaultsAccepted:
    """A person says that a day which is held is meant to be like this.

    It holds for the rows that are there, and for what is suspected of them now: not where the day
    is delivered again with others. The day's report has to be made again.

    Args:
        life: The model.
        partition: The day.
        asked_by: Who asks, the same when asked again: a day is accepted once.

    Raises:
        UserError: The day is not held.
    """
    known = life.journal.accepted(partition)
    if known is not None and known.asked_by == asked_by:
        return known
    reported = life.journal.reported(partition)
    if reported is None or not reported.report.held:
        name = life.spec.name
        raise UserError(f"{partition} of {name} is not held for a fault. Nothing changed.")
    taken = life.journal.batch(partition)
    if taken is None or taken.data_hash != reported.data_hash:
        raise UserError(
            f"{partition} of {life.spec.name} was delivered again since its report was made. Run "
            f"the job {life.spec.name}_daily for it. Nothing changed."
        )
    batch = life.store.read(life.spec.name, "drifted_batch", partition)
    rows_hash = _rows_hash(life, batch)
    before = known.faults if known is not None and known.rows_hash == rows_hash else []
    accepted = FaultsAccepted(
        partition=partition,
        rows_hash=rows_hash,
        faults=[*before, *reported.faults],
        asked_by=asked_by,
        accepted=life.clock(),
    )
    life.journal.keep_accepted(accepted)
    return accepted


def _rows_hash(life: Life, batch: pd.DataFrame) -> str:
    return fingerprint(batch.drop(columns=life.spec.columns.target, errors="ignore"))
