"""What a retraining learns from and is judged on, folded from the journal."""

from dataclasses import dataclass

import numpy as np

from mlops_assets.drift.regimes import BASELINE, fold_regimes, quiet_days, regime_of, regimes_by_day
from mlops_assets.drift.retraining import decided_already, known_already
from mlops_assets.errors import UserError
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.reference import MOST_QUIET
from mlops_assets.lifecycle.rows import contents, learned_of_its_day


def decided_before(life: Life, partition: str, labelled: int) -> str | None:
    """Why the decision on a day's candidate stands; None where there is none, or it does not.

    It holds for the rows that it was made on: not where the day was delivered again with others.
    """
    kept = life.journal.decided(partition)
    if kept is None:
        return None
    stands = decided_already(kept.record, labelled, life.spec.drift)
    still = stands and _still_has_what_was_learned(life, partition, kept.candidate_version)
    return stands if still else None


def _still_has_what_was_learned(life: Life, partition: str, candidate: int) -> bool:
    """Whether the day has the rows yet that the decision's candidate has learned from.

    Its dataset does not tell: it may have been made again since, for a candidate to come.
    """
    learned = learned_of_its_day(life, partition, candidate)
    if learned is None:
        return True
    spec = life.spec
    batch = spec.columns.labelled(life.store.read(spec.name, "drifted_batch", partition))
    there = contents(life, batch) if len(batch) else np.empty(0, dtype=np.uint64)
    return bool(np.isin(learned, there).all())


@dataclass(frozen=True)
class Lineage:
    """What a retraining on a partition learns from and is judged on.

    ``regime_partitions`` are the batches of its regime up to this day; ``training_partitions``
    are those and the ones of every regime that an earlier candidate was promoted on;
    ``already_known`` says why the retraining is no longer due, or is None.
    """

    regime: str
    regime_partitions: tuple[str, ...]
    regime_rows: int
    training_partitions: tuple[str, ...]
    already_known: str | None


def lineage(life: Life, partition: str) -> Lineage:
    """Fold the lineage of a partition from the records as they are now.

    Raises:
        UserError: The partition has no drift report.
    """
    reported = life.journal.reported(partition)
    if reported is None:
        raise UserError(
            f"There is no record of {life.spec.name}/drift_report of {partition}. Materialize "
            f"{life.spec.name}/drift_report of {partition} first."
        )
    report = reported.report
    if report.held:
        raise UserError(
            f"{partition} is held: {'; '.join(reported.reasons)}. Nothing is trained on it."
        )
    reports, decisions = life.journal.reports(), life.journal.decisions()
    earlier = fold_regimes(reports, decisions, before=partition)
    name = regime_of(report)
    alike = next((regime for regime in earlier if regime.name == name), None)
    named = regimes_by_day(r for r in reports if r.partition < partition)
    before = {day for day in report.window if named.get(day) == BASELINE}
    before |= {*(alike.partitions if alike else ())}
    if name == BASELINE:  # a retraining that was due: on what has come since the last one
        last = max((d.partition for d in decisions if d.partition < partition), default="")
        before = {day for day in quiet_days(reports, partition)[-MOST_QUIET:] if day > last}
    regime_partitions = (*sorted(before), partition)
    rows = sum(r.labelled_rows for r in reports if r.partition in {*regime_partitions})
    promoted = (day for regime in earlier if regime.promoted for day in regime.partitions)
    return Lineage(
        regime=name,
        regime_partitions=regime_partitions,
        regime_rows=rows,
        training_partitions=tuple(sorted({*promoted, *regime_partitions})),
        already_known=decided_before(life, partition, rows)
        or known_already(report, earlier, life.spec.drift),
    )
