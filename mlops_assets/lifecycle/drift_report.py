"""``drift_report``: has the batch drifted, and is it worth retraining?"""

from dataclasses import dataclass
from pathlib import Path

from mlops_assets.data.faults.suspicion import Suspicion
from mlops_assets.drift.estimate import Estimate
from mlops_assets.drift.findings import EstimatedScore
from mlops_assets.drift.importance import RankedColumn
from mlops_assets.drift.two_sample import Comparison
from mlops_assets.drift.verdict import Verdict
from mlops_assets.drift.weakest import WeakSlice
from mlops_assets.fairness import Fairness
from mlops_assets.lifecycle.day import Day
from mlops_assets.lifecycle.faults import faults_kept
from mlops_assets.lifecycle.journal import Estimated, Reported
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.pages import write_pages
from mlops_assets.promotion.beside import Standing
from mlops_assets.promotion.registry import Version
from mlops_assets.slices import SliceScore


@dataclass(frozen=True)
class DriftOutcome:
    """What a day's report found.

    Attributes:
        verdict: Has the batch drifted, which regime is it, is a retraining due?
        comparison: The batch against the reference, column by column.
        ranked: The columns by how much their drift matters to production; none without drift, or
            where nobody looks.
        pages: The pages for people, by name.
        data_hash: Of the batch.
        production: The version that scored it.
        score: Its score on the labelled rows; None without any.
        drifted_in_a_row: Drifted batches without a break up to this one.
        decided_before: Why a retraining that is due by the verdict was dealt with already.
        on_probation: How the version before production has stood beside it since its promotion;
            None where the two were not compared.
        rollback_due: Why production has to go back to it; None where it has not.
        challenging: How a candidate that was not credibly better has stood beside production
            since; None where none was compared.
        promotion_due: The day whose candidate is credibly better by now; None where none is.
        faults: What the day is held for; none: it is not held.
        slices: Production's score on each slice that the YAML names.
        fairness: How production treats the groups that the YAML names; None where none are.
        weakest: Where it errs most, though nobody has named it; None where that is nowhere, or
            where nobody looks.
        estimate: Its score as it is expected without labels; None: it is not estimated.
        estimated_score: What that says; None where the score itself is known.
    """

    verdict: Verdict
    comparison: Comparison
    ranked: tuple[RankedColumn, ...]
    pages: dict[str, Path]
    data_hash: str
    production: Version
    score: float | None
    drifted_in_a_row: int
    decided_before: str | None
    on_probation: Standing | None
    rollback_due: str | None
    challenging: Standing | None
    promotion_due: str | None
    faults: tuple[Suspicion, ...] = ()
    slices: tuple[SliceScore, ...] = ()
    fairness: Fairness | None = None
    weakest: WeakSlice | None = None
    estimate: Estimate | None = None
    estimated_score: EstimatedScore | None = None


def report_drift(life: Life, partition: str) -> DriftOutcome:
    """Compare a day's batch with the baseline and all that was met since; judge; keep the report.

    Raises:
        UserError: There is no batch, no baseline or no production.
    """
    today = Day(life, partition)
    verdict = today.verdict()
    # Some thirty predictions, for people to look at.
    ranked = today.ranked() if verdict.drift_detected and life.pages else ()
    pages = write_pages(today, verdict)
    # Nothing follows from a day that is held: not that another version is the better one either.
    beside = None if verdict.held else today.beside
    life.journal.keep_report(
        Reported(
            report=verdict.record().model_copy(
                update={"score": today.score, "score_rows": len(today.now.y_true)}
            ),
            reasons=list(verdict.reasons),
            data_hash=today.data_hash,
            beside=beside.records if beside else [],
            faults=faults_kept(today.faults),
            slices=today.slices,
            fairness=today.fairness,
            estimated=_kept(today.estimate),
        )
    )
    return DriftOutcome(
        verdict=verdict,
        comparison=today.against_reference,
        ranked=ranked,
        pages=pages,
        data_hash=today.data_hash,
        production=today.production,
        score=today.score,
        drifted_in_a_row=today.drifted_in_a_row(verdict),
        decided_before=today.decided_before(verdict),
        on_probation=beside.on_probation if beside else None,
        rollback_due=beside.rollback_due if beside else None,
        challenging=beside.challenging if beside else None,
        promotion_due=beside.promotion_due if beside else None,
        faults=today.faults,
        slices=tuple(today.slices),
        fairness=today.fairness,
        weakest=today.weakest if life.pages else None,
        estimate=today.estimate,
        estimated_score=today.estimated_score,
    )


def _kept(found: Estimate | None) -> Estimated | None:
    if found is None:
        return None
    return Estimated(
        score=found.score,
        lower=found.lower,
        upper=found.upper,
        expected=found.expected,
        rows=found.rows,
        days=found.days,
    )
