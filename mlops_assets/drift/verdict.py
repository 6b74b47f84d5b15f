"""The verdict on a batch: has it drifted, which regime is it, and is it time to retrain?

Everything here is pure: comparisons, scores and records of earlier days in, the verdict out, its
reasons in words.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mlops_assets.drift.findings import (
    Batch,
    DaysScore,
    EstimatedScore,
    RegimeMatch,
    ScoreCheck,
    Together,
)
from mlops_assets.drift.policy import DriftPolicy
from mlops_assets.drift.reasons import comparison_reasons, score_reason, score_text
from mlops_assets.drift.regimes import (
    BASELINE,
    NEW,
    SUSPECTED_FAULT,
    Regime,
    ReportRecord,
    not_held,
)
from mlops_assets.drift.retraining import retrain_now
from mlops_assets.drift.shift import find_shift, joining, too_few
from mlops_assets.drift.two_sample import Comparison

State = Literal[
    "stable", "unusual day", "shift, known", "shift, new", "suspected fault", "not judged"
]


@dataclass(frozen=True)
class Verdict:
    """The verdict on a batch.

    ``state`` says it in one word. ``regime`` is `baseline`, `new`, or the name (first partition)
    of a known one; ``learned`` whether a version that was promoted has learned it. ``window`` are
    the earlier days that have shifted together with this one.
    ``regime_rows`` and ``regime_labelled_rows`` count the regime's rows with this batch.
    ``score_fallen`` says whether production's score is part of the drift, where days are known to
    be different; None where rows count as independent. ``score_below`` is kept for the next day's
    verdict (see `ReportRecord`). ``measured`` are the reasons without those that say what follows
    from them.
    """

    partition: str
    drift_detected: bool
    retrain: bool
    regime: str
    regime_rows: int
    regime_labelled_rows: int
    reasons: tuple[str, ...]
    rows: int
    labelled_rows: int
    score_below: bool | None = None
    score_fallen: bool | None = None
    production: str | None = None
    state: State = "stable"
    learned: bool = False
    unusual: bool | None = None
    distance: float | None = None
    window: tuple[str, ...] = ()
    scheduled: bool = False
    measured: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        """Whether it waits for a person: its delivery looks broken."""
        return self.state == SUSPECTED_FAULT

    @property
    def regime_name(self) -> str:
        """The regime's name from now on: a new one is named by this partition."""
        return self.partition if self.regime == NEW else self.regime

    def record(self) -> ReportRecord:
        """What later days need to know of this verdict."""
        return ReportRecord(
            partition=self.partition,
            drift_detected=self.drift_detected,
            retrain=self.retrain,
            regime=self.regime_name,
            rows=self.rows,
            labelled_rows=self.labelled_rows,
            score_below=self.score_below,
            score_fallen=self.score_fallen,
            production=self.production,
            state=self.state,
            unusual=self.unusual,
            distance=self.distance,
            window=self.window,
            scheduled=self.scheduled,
        )


def judge(
    batch: Batch,
    day: Comparison,
    score: ScoreCheck | DaysScore | None,
    regimes: Sequence[Regime],
    compare_with: Callable[[Regime], RegimeMatch],
    reports: Iterable[ReportRecord],
    policy: DriftPolicy,
    needed_labels: int = 1,
    together: Together | None = None,
    reference: str = "the baseline",
    due: str | None = None,
    score_unjudged: str | None = None,
    nearest: Callable[[Sequence[Regime]], Sequence[Regime]] = tuple,
    estimated: EstimatedScore | None = None,
) -> Verdict:
    """Judge a batch.

    Args:
        batch: The batch's partition and sizes.
        day: The batch compared with the reference.
        score: Production's score on the batch against that on the baseline holdout; None
            without labels.
        regimes: The regimes before this partition, as `fold_regimes` gives them.
        compare_with: Compares the batch with a regime; asked lazily, the most recent first.
        reports: The records of earlier reports; later partitions are left out here.
        policy: What counts as drift.
        needed_labels: Labelled rows that a regime needs before a decision on it is possible
            (the gate asks for so many evaluation rows).
        together: Several days at once; None where the periods of the reference are not known,
            so that rows count as independent.
        reference: What the batch is compared with, in words.
        due: Why a retraining is due whether or not anything has drifted; None where none is.
        score_unjudged: Why there is no ``score`` though there are labels.
        nearest: Of many regimes, those that are worth comparing with; asked where there is drift.
        estimated: The score to expect of a batch that has hardly any labels.

    Returns:
        The verdict. It never says `retrain` without labels; without drift only where it is due.
    """
    earlier = sorted(
        (report for report in not_held(reports) if report.partition < batch.partition),
        key=lambda report: report.partition,
    )
    # Where days are different, a score may fall for a day with whatever has moved it.
    one_is_enough = together is None or together.at_once is not None
    why_fallen = score_reason(score, earlier, batch.production, policy, one_is_enough)
    shift = find_shift(day, earlier, regimes, compare_with, policy, together)
    fallen_by_estimate = estimated is not None and estimated.fallen and estimated.counts
    score_fallen = why_fallen is not None or fallen_by_estimate
    drifted = shift.found or score_fallen
    if together and shift.comparison is together.at_once:
        reference = "the baseline"
    reasons = comparison_reasons(shift.comparison, reference, len(shift.window) + 1)
    if why_fallen:
        reasons.append(why_fallen)
    elif score:
        below = "for one day credibly below" if score.fall.credible else "not credibly below"
        reasons.append(score_text(score, below))
    if score_unjudged:
        reasons.append(score_unjudged)
    if estimated:
        reasons.append(estimated.text)
    unusual = day.differs if together else None
    if unusual and not drifted:
        reasons.append(
            "an unusual day: one day by itself is no shift where days are different; it is one if "
            "the next is like it"
        )
    known = match(nearest(regimes), compare_with, policy) if drifted else None
    regime = BASELINE if not drifted else known.name if known else NEW
    members = joining(shift.window, earlier, known)
    rows = batch.rows + (known.rows if known else 0) + sum(each.rows for each in members)
    labelled = batch.labelled_rows + (known.labelled_rows if known else 0)
    labelled += sum(each.labelled_rows for each in members)
    retrain, measured = False, tuple(reasons)
    if drifted:
        retrain, reason = retrain_now(batch, known, labelled, policy, needed_labels)
        reasons.append(reason)
    scheduled = bool(due) and not retrain
    if due and scheduled:
        retrain = True
        reasons.append(f"{due}: retrain")
    few = None if drifted or unusual else too_few(batch, earlier, policy, together)
    reasons.extend([few] if few else [])
    state: State = "unusual day" if unusual else "not judged" if few else "stable"
    if drifted:
        state = "shift, known" if known else "shift, new"
    return Verdict(
        partition=batch.partition,
        drift_detected=drifted,
        retrain=retrain,
        regime=regime,
        regime_rows=rows,
        regime_labelled_rows=labelled,
        reasons=tuple(reasons),
        rows=batch.rows,
        labelled_rows=batch.labelled_rows,
        score_below=score.fall_of_days.credible if isinstance(score, ScoreCheck) else None,
        score_fallen=score_fallen if together else None,
        production=batch.production,
        state=state,
        learned=known is not None and known.promoted,
        unusual=unusual,
        distance=day.distance if together else None,
        window=shift.window if drifted else (),
        scheduled=scheduled,
        measured=measured,
    )


def hold(verdict: Verdict, faults: Sequence[str], advice: str) -> Verdict:
    """Hold a day whose delivery looks broken: nothing follows from it until a person has looked.

    Args:
        verdict: What would be said of the day otherwise.
        faults: The evidence of each fault, in words; none: the verdict stands.
        advice: What a person can do.
    """
    if not faults:
        return verdict
    return replace(
        verdict,
        state=SUSPECTED_FAULT,
        retrain=False,
        scheduled=False,
        regime=BASELINE,
        learned=False,
        regime_rows=verdict.rows,
        regime_labelled_rows=verdict.labelled_rows,
        window=(),
        score_below=None,
        score_fallen=None,
        reasons=(*(f"suspected fault: {fault}" for fault in faults), advice, *verdict.measured),
    )


def match(
    regimes: Sequence[Regime],
    compare_with: Callable[[Regime], RegimeMatch],
    policy: DriftPolicy,
) -> Regime | None:
    """The most recent regime that the batch does not differ from; None: it is a new one.

    Nearly everything looks like a handful of rows: regimes of fewer than ``min_reference_rows``
    rows gather rows only from batches that no other regime claims.
    """
    recent = sorted(regimes, key=lambda regime: regime.partitions[-1], reverse=True)
    young = [regime for regime in recent if regime.rows < policy.min_reference_rows]
    grown = [regime for regime in recent if regime.rows >= policy.min_reference_rows]
    return next((regime for regime in [*grown, *young] if not compare_with(regime).differs), None)
