"""The verdict on a batch: has it drifted, which regime is it, and is it time to retrain?

Everything here is pure: comparisons, scores and records of earlier days in, the verdict out, its
reasons in words.
"""

import datetime
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mlops_assets.drift.policy import DriftPolicy, RetrainPolicy
from mlops_assets.drift.regimes import (
    BASELINE,
    NEW,
    SUSPECTED_FAULT,
    DecisionRecord,
    Regime,
    ReportRecord,
    not_held,
    regimes_by_day,
)
from mlops_assets.drift.score import ScoreFall
from mlops_assets.drift.two_sample import ColumnDrift, Comparison

SHOWN_COLUMNS = 5
OUTLIER = 2  # times as far as the median day of a window
State = Literal[
    "stable", "unusual day", "shift, known", "shift, new", "suspected fault", "not judged"
]


@dataclass(frozen=True)
class Batch:
    """What the verdict needs to know of the batch itself."""

    partition: str
    rows: int
    labelled_rows: int
    production: str | None = None
    """The production version that scored it."""


@dataclass(frozen=True)
class ScoreCheck:
    """Production's score on the batch against that on the baseline holdout, at two confidences.

    ``fall`` is judged by itself (``score_confidence``), ``fall_of_days`` together with earlier
    days (``score_days_confidence``).
    """

    fall: ScoreFall
    fall_of_days: ScoreFall


@dataclass(frozen=True)
class EstimatedScore:
    """Production's score as it is expected without labels, in words.

    ``fallen`` says whether it is credibly below that on the baseline holdout, ``counts`` whether
    that is drift.
    """

    text: str
    fallen: bool = False
    counts: bool = False


@dataclass(frozen=True)
class DaysScore:
    """Production's scores on the latest days against those on the reference's, day by day.

    ``days`` are those that speak, this one included; ``fall`` is credible where they, without
    the worst of them, are below by more than days vary.
    """

    fall: ScoreFall
    days: int


@dataclass(frozen=True)
class Together:
    """What is asked of several days at once, where the periods of the reference are known.

    ``compare`` holds the batch and some earlier days, as one, against the reference.
    ``at_once`` is the batch against the baseline by its rows, where days are hardly more
    different from each other than rows explain: then one day is enough. None where they are.
    """

    compare: Callable[[tuple[str, ...]], Comparison]
    at_once: Comparison | None


@dataclass(frozen=True)
class RegimeMatch:
    """The batch beside an earlier regime: its columns and, with labels, production's score."""

    comparison: Comparison
    fall: ScoreFall | None = None

    @property
    def differs(self) -> bool:
        """Whether the batch is of another distribution than the regime."""
        return self.comparison.differs or (self.fall is not None and self.fall.credible)


@dataclass(frozen=True)
class Verdict:
    """The verdict on a batch.

    ``state`` says it in one word. ``regime`` is `baseline`, `new`, or the name (first partition)
    of a known one; ``learned`` whether a version that was promoted has learned it. ``window`` are
    the earlier days that have shifted together with this one.
    ``regime_rows`` and ``regime_labelled_rows`` count the regime's rows with this batch.
    ``score_fallen`` says whether production's score is part of the drift, ``score_below`` is kept
    for the next day's verdict (see `ReportRecord`). ``measured`` are the reasons without those
    that say what follows from them.
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
    score_fallen: bool = False
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
    score_reason = _score_reason(score, earlier, batch.production, policy, one_is_enough)
    shift = _shift(day, earlier, regimes, compare_with, policy, together)
    fallen_by_estimate = estimated is not None and estimated.fallen and estimated.counts
    score_fallen = score_reason is not None or fallen_by_estimate
    drifted = shift.found or score_fallen
    if together and shift.comparison is together.at_once:
        reference = "the baseline"
    reasons = _comparison_reasons(shift.comparison, reference, len(shift.window) + 1)
    if score_reason:
        reasons.append(score_reason)
    elif score:
        below = "for one day credibly below" if score.fall.credible else "not credibly below"
        reasons.append(_score_text(score, below))
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
    joining = _joining(shift.window, earlier, known)
    rows = batch.rows + (known.rows if known else 0) + sum(each.rows for each in joining)
    labelled = batch.labelled_rows + (known.labelled_rows if known else 0)
    labelled += sum(each.labelled_rows for each in joining)
    retrain, measured = False, tuple(reasons)
    if drifted:
        retrain, reason = _retrain(batch, known, labelled, policy, needed_labels)
        reasons.append(reason)
    scheduled = bool(due) and not retrain
    if due and scheduled:
        retrain = True
        reasons.append(f"{due}: retrain")
    too_few = None if drifted or unusual else _too_few(batch, earlier, policy, together)
    reasons.extend([too_few] if too_few else [])
    state: State = "unusual day" if unusual else "not judged" if too_few else "stable"
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
        score_fallen=score_fallen,
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
        score_fallen=False,
        reasons=(*(f"suspected fault: {fault}" for fault in faults), advice, *verdict.measured),
    )


@dataclass(frozen=True)
class _Shift:
    """Whether the batch has shifted, by which comparison, and together with which days."""

    found: bool
    comparison: Comparison
    window: tuple[str, ...] = ()


def _shift(
    day: Comparison,
    earlier: Sequence[ReportRecord],
    regimes: Sequence[Regime],
    compare_with: Callable[[Regime], RegimeMatch],
    policy: DriftPolicy,
    together: Together | None,
) -> _Shift:
    """By rows, one day is enough. By days it takes several: one may be a storm."""
    if together is None:
        return _Shift(day.differs, day)
    if together.at_once and together.at_once.differs:
        return _Shift(found=True, comparison=together.at_once)
    named = regimes_by_day(earlier)
    windows = [_alike_before(earlier, named, regimes, compare_with, policy, together)]
    if day.differs:
        windows.insert(0, _unusual_before(earlier, named, policy.window - 1))
    for days in windows:
        window = _without_an_outlier(days, earlier, day)
        comparison = together.compare(window) if window else None
        if comparison and comparison.differs:
            return _Shift(found=True, comparison=comparison, window=window)
    return _Shift(found=False, comparison=day)


def _too_few(
    batch: Batch,
    earlier: Sequence[ReportRecord],
    policy: DriftPolicy,
    together: Together | None,
) -> str | None:
    """Why nothing was found says nothing; None where there were rows to find something in."""
    window = earlier[len(earlier) - (policy.window - 1) :] if together and policy.window > 1 else ()
    rows = batch.rows + sum(report.rows for report in window)
    if rows >= policy.min_rows:
        return None
    with_days = f" with those of the {len(window)} batches before" if window else ""
    return (
        f"not judged: {rows} {_plural(rows, 'row', 'rows')}{with_days}, and {policy.min_rows} are "
        "needed to find anything (drift.min_rows)"
    )


def _unusual_before(
    earlier: Sequence[ReportRecord], named: dict[str, str], most: int
) -> tuple[str, ...]:
    """The days right before this one, without a break, each of which was beyond the usual."""
    days: list[str] = []
    for report in reversed(earlier):
        by_rows = report.unusual is None and named[report.partition] != BASELINE
        if not (report.unusual or by_rows) or len(days) == most:
            break
        days.insert(0, report.partition)
    return tuple(days)


def _alike_before(
    earlier: Sequence[ReportRecord],
    named: dict[str, str],
    regimes: Sequence[Regime],
    compare_with: Callable[[Regime], RegimeMatch],
    policy: DriftPolicy,
    together: Together,
) -> tuple[str, ...]:
    """The latest days of one regime, as far as none by itself was unusual.

    After days of a regime, they count with this one only where it may be one of them.
    """
    if not earlier:
        return ()
    state = named[earlier[-1].partition]
    if state != BASELINE:
        regime = next((each for each in regimes if each.name == state), None)
        if together.at_once or regime is None or compare_with(regime).differs:
            return ()
    days: list[str] = []
    for report in reversed(earlier):
        if named[report.partition] != state or len(days) == policy.window - 1:
            break
        days.insert(0, report.partition)
    return tuple(days)


def _without_an_outlier(
    window: tuple[str, ...], earlier: Sequence[ReportRecord], day: Comparison
) -> tuple[str, ...]:
    """No single day may make a shift of a window; none is left where that is this very day."""
    distances = {report.partition: report.distance or 0.0 for report in earlier}
    away = [distances[each] for each in window]
    far = OUTLIER * statistics.median_low([*away, day.distance])
    if not window or day.distance > max(far, *away):
        return ()
    return tuple(each for each in window if distances[each] <= far or distances[each] < max(away))


def _joining(
    window: Sequence[str], earlier: Sequence[ReportRecord], known: Regime | None
) -> list[ReportRecord]:
    """The days that become part of the regime with this one."""
    members = set(known.partitions) if known else set()
    named = regimes_by_day(earlier)
    return [
        report
        for report in earlier
        if report.partition in set(window) - members and named[report.partition] == BASELINE
    ]


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


def known_already(
    report: ReportRecord, regimes: Sequence[Regime], policy: DriftPolicy
) -> str | None:
    """Why the retraining that a report asked for is no longer due; None where it is.

    Asked at the start of a retrain run: between report and run, another run may have decided on
    the same regime.

    Args:
        report: The record of the report that asked.
        regimes: The regimes before its partition as the records are now.
        policy: The growth that another decision on a regime needs.
    """
    name = report.partition if report.regime == NEW else report.regime
    regime = next((regime for regime in regimes if regime.name == name), None)
    if regime is None or report.scheduled:
        return None
    labelled = regime.labelled_rows + report.labelled_rows
    return _decided_text(regime, labelled, policy) if _waits(regime, labelled, policy) else None


def decided_already(
    decided: DecisionRecord | None, labelled: int, policy: DriftPolicy
) -> str | None:
    """Why the decision made on a batch stands though its report is made again; None: it does not.

    Labels that come in bit by bit lead to another decision where those of further days would; and
    at once where they were too few to tell.

    Args:
        decided: The decision; None: there was none. `already_known` is none either.
        labelled: The labelled rows that the regime has now, this batch included.
        policy: The growth that another decision on a regime needs.
    """
    if decided is None or decided.decision == "already_known":
        return None
    due = _grown(decided.regime_rows, policy) if decided.enough_rows else decided.regime_rows + 1
    if labelled >= due:
        return None
    return (
        f"{decided.partition} was decided on before, with {decided.regime_rows} labelled rows "
        f"({decided.decision}), and there are {labelled} now; retraining again from {due}, or when "
        "its retrain job is started by hand"
    )


def drifted_in_a_row(reports: Iterable[ReportRecord], before: str) -> int:
    """How many of the latest reports before a partition, without a break, found drift."""
    earlier = sorted(
        (report for report in not_held(reports) if report.partition < before),
        key=lambda report: report.partition,
        reverse=True,
    )
    count = 0
    for report in earlier:
        if not report.drift_detected:
            break
        count += 1
    return count


def hold_back(
    partition: str, drifted_days: int, last_retrained: str | None, policy: DriftPolicy
) -> str | None:
    """Why a retraining that is due is not asked for yet; None where it is.

    Args:
        partition: The batch's day, as an ISO date.
        drifted_days: Drifted batches in a row, this one included.
        last_retrained: The day of the last retraining, as an ISO date; None: there was none.
        policy: ``patience`` and ``cooldown_days``.
    """
    if drifted_days and drifted_days < policy.patience:
        return (
            f"held back: {drifted_days} drifted {_plural(drifted_days, 'batch', 'batches')} in a "
            f"row, and patience asks for {policy.patience}"
        )
    if last_retrained is None or not policy.cooldown_days:
        return None
    day, last = (datetime.date.fromisoformat(key) for key in (partition, last_retrained))
    passed = (day - last).days
    if 0 <= passed < policy.cooldown_days:
        return (
            f"held back: retrained for {last_retrained}, {passed} {_plural(passed, 'day', 'days')} "
            f"before, and cooldown_days asks for {policy.cooldown_days}"
        )
    return None


def why_not_retrained(
    partition: str,
    retrain: bool,
    reasons: Iterable[str],
    decided_before: str | None,
    drifted_days: int,
    retrained: Iterable[str],
    policy: DriftPolicy,
    guard: RetrainPolicy,
) -> str | None:
    """Why a report leads to no retraining, in words; None where it does.

    Args:
        partition: The batch's day.
        retrain: What the report's verdict says.
        reasons: Its reasons.
        decided_before: Why the decision that was made on the day stands, if one was.
        drifted_days: Drifted batches in a row, this one included.
        retrained: The days that a retraining was asked for so far, and did not fail.
        policy: ``patience`` and ``cooldown_days``.
        guard: ``max``.
    """
    if not retrain:
        return f"{partition}: {'; '.join(reasons)}"
    if decided_before:
        return f"{partition}: {decided_before}"
    retrained = sorted({day for day in retrained if day < partition})
    held_back = hold_back(
        partition, drifted_days, retrained[-1] if retrained else None, policy
    ) or _too_often(partition, retrained, guard)
    return f"{partition}: {held_back}" if held_back else None


def _too_often(partition: str, retrained: Sequence[str], guard: RetrainPolicy) -> str | None:
    """Why one more retraining would be too many; None where it would not."""
    if guard.most is None:
        return None
    most, days = guard.most
    since = datetime.date.fromisoformat(partition) - datetime.timedelta(days=days)
    lately = [day for day in retrained if day > since.isoformat()]
    if len(lately) < most:
        return None
    return (
        f"held back: retrained for {', '.join(lately)}, and retrain.max allows {guard.max}; it is "
        "asked for again by the next report that has a reason to"
    )


def _retrain(
    batch: Batch, regime: Regime | None, labelled: int, policy: DriftPolicy, needed: int
) -> tuple[bool, str]:
    """Whether to retrain on a drifted batch, and why (not)."""
    who = f"the regime of {regime.name}" if regime else "the regime"
    state = "is known" if regime else f"is new, named {batch.partition}"
    if regime and _waits(regime, labelled, policy):
        return False, _decided_text(regime, labelled, policy)
    if batch.labelled_rows == 0 or labelled < needed:
        return False, (
            f"{who} {state}: {labelled} labelled rows ({batch.labelled_rows} of this batch's "
            f"{batch.rows}), and at least {max(needed, 1)} are needed to retrain; materialize "
            f"{batch.partition} again when its labels are there"
        )
    if regime and regime.decided_rows is not None:
        return True, (
            f"{who} {state} and has grown to {labelled} labelled rows, {policy.regime_growth:g} "
            f"times the {regime.decided_rows} it was last decided on with "
            f"({regime.last_decision}): retrain"
        )
    if regime:
        return True, f"{who} {state} but nothing is decided on it yet, {labelled} rows: retrain"
    return True, f"{who} {state}, {labelled} labelled rows: retrain"


def _waits(regime: Regime, labelled: int, policy: DriftPolicy) -> bool:
    return regime.decided_rows is not None and labelled < _due_from(regime, policy)


def _due_from(regime: Regime, policy: DriftPolicy) -> int:
    return _grown(regime.decided_rows or 0, policy)


def _grown(rows: int, policy: DriftPolicy) -> int:
    # An empty regime, decided on by hand, has to grow as well.
    return int(-(-max(rows, 1) * policy.regime_growth // 1))


def _decided_text(regime: Regime, labelled: int, policy: DriftPolicy) -> str:
    return (
        f"the regime of {regime.name} is known: {labelled} labelled rows, decided at "
        f"{regime.decided_rows} ({regime.last_decision}); retraining again from "
        f"{_due_from(regime, policy)}"
    )


def _score_reason(
    score: ScoreCheck | DaysScore | None,
    earlier: Sequence[ReportRecord],
    production: str | None,
    policy: DriftPolicy,
    one_is_enough: bool,
) -> str | None:
    """Why production's score counts as fallen; None where it does not."""
    if score is None:
        return None
    if score.fall.credible and (one_is_enough or isinstance(score, DaysScore)):
        return _score_text(score, "credibly below")
    if isinstance(score, DaysScore):
        return None
    if not score.fall_of_days.credible:
        return None
    # Where days are different, the first of them may be a storm, and the next its echo.
    days = policy.score_days if one_is_enough else policy.score_days + 1
    # Days of another production version say nothing about this one.
    scored = [report for report in earlier if report.score_below is not None]
    last = scored[len(scored) - (days - 1) :] if days > 1 else []
    in_a_row = len(last) == days - 1 and all(
        report.score_below and report.production == production for report in last
    )
    if not in_a_row:
        return None
    text = _score_text(ScoreCheck(score.fall_of_days, score.fall_of_days), "credibly below")
    return f"{text}, {days} scored batches in a row"


def _score_text(score: ScoreCheck | DaysScore, relation: str) -> str:
    fall = score.fall
    numbers = (
        f"{fall.rows_now} rows against {fall.rows_then}, fall {fall.fall:+.3f}, "
        f"at least {fall.fall_lower:+.3f} at confidence {fall.confidence:g}"
    )
    if isinstance(score, ScoreCheck):
        what = "score"
        if fall.absent_classes:
            none_of = _plural(fall.absent_classes, "1 class", f"{fall.absent_classes} classes")
            what = f"balanced accuracy (without {none_of} that the batch has no row of)"
        return (
            f"production's {what} {fall.score_now:.3f} is {relation} its {fall.score_then:.3f} on "
            f"the baseline holdout ({numbers})"
        )
    return (
        f"production's score {fall.score_now:.3f} on {score.days} "
        f"{_plural(score.days, 'day', 'days')} is {relation} its {fall.score_then:.3f} on the "
        f"days that it is known by, as days vary ({numbers})"
    )


def _comparison_reasons(comparison: Comparison, reference: str, days: int = 1) -> list[str]:
    reasons = []
    if days > 1:
        reference = f"{reference}, the last {days} days taken together"
    differing = [column for column in comparison.features if column.differs]
    total = len(comparison.features)
    if differing:
        differing.sort(key=lambda column: -_excess(column))
        shown = ", ".join(_column_text(column) for column in differing[:SHOWN_COLUMNS])
        more = len(differing) - SHOWN_COLUMNS
        reasons.append(
            f"{len(differing)} of {total} feature columns "
            f"{_plural(len(differing), 'differs', 'differ')} from {reference}: "
            f"a share of {comparison.drift_share:.2f}, drift from "
            f"{comparison.needed_share:g} ({shown}{f', and {more} more' if more > 0 else ''})"
        )
        if comparison.share_reached and not comparison.features_differ:
            by_chance = "by chance" if comparison.inflation == 1 else "between days"
            reasons.append(
                f"so many columns differ {by_chance} with p {comparison.joint_p:.2g}, which must "
                f"be at most {comparison.joint_significance:g} to call it drift"
            )
    else:
        reasons.append(f"none of {total} feature columns differs from {reference}")
    target = comparison.target
    if target is None:
        reasons.append("the target was not compared: no labels")
    elif target.differs:
        reasons.append(f"the target differs from {reference} ({_column_text(target)})")
    return reasons


def _column_text(column: ColumnDrift) -> str:
    note = f" [{column.note}]" if column.note else ""
    return (
        f"{column.name} {column.distance:.2f} >= {column.threshold:g}, "
        f"p {column.p_adjusted:.1g}{note}"
    )


def _excess(column: ColumnDrift) -> float:
    return column.distance / column.threshold if column.threshold else float("inf")


def _plural(count: int, one: str, many: str) -> str:
    return one if count == 1 else many
