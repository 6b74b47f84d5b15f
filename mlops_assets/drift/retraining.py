"""Whether it is time to retrain: by the regime, by what was decided on it, and by the calendar."""

import datetime
from collections.abc import Iterable, Sequence

from mlops_assets.drift.findings import Batch
from mlops_assets.drift.policy import DriftPolicy, RetrainPolicy
from mlops_assets.drift.reasons import plural
from mlops_assets.drift.regimes import NEW, DecisionRecord, Regime, ReportRecord, not_held


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
            f"held back: {drifted_days} drifted {plural(drifted_days, 'batch', 'batches')} in a "
            f"row, and patience asks for {policy.patience}"
        )
    if last_retrained is None or not policy.cooldown_days:
        return None
    day, last = (datetime.date.fromisoformat(key) for key in (partition, last_retrained))
    passed = (day - last).days
    if 0 <= passed < policy.cooldown_days:
        return (
            f"held back: retrained for {last_retrained}, {passed} {plural(passed, 'day', 'days')} "
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


def retrain_now(
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
