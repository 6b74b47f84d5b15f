"""A decision told again from its stored evidence, or what happened in place of one."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlops_assets.errors import UserError
from mlops_assets.evidence.differences import differences
from mlops_assets.lifecycle.journal import Decided, Move, Reported
from mlops_assets.lifecycle.life import Life
from mlops_assets.metrics import get_metric
from mlops_assets.promotion.evaluation import Evidence
from mlops_assets.promotion.gate import Decision, challenged, decide, waits_for_later_days
from mlops_assets.promotion.policy import GatePolicy
from mlops_assets.spec import ModelSpec


@dataclass(frozen=True)
class CheckTold:
    """One condition of the gate, in numbers; "-" where there is none."""

    name: str
    passed: bool
    needed: str
    measured: str


@dataclass(frozen=True)
class Explanation:
    """What is known of a day.

    Attributes:
        headline: What came of it, in one line.
        reasons: Why, in words.
        checks: The gate's, in the order they are asked; none where nothing was decided.
        facts: What was compared, on which rows, by name.
        again: What the gate says to the same evidence now, with the policy of then and of now.
        besides: What else happened to the day, or to its version.
        sound: False where the stored evidence does not give the stored decision any more.
    """

    headline: str
    reasons: tuple[str, ...]
    checks: tuple[CheckTold, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    again: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    sound: bool = True


def explain(life: Life, day: str) -> Explanation:
    """Tell what was decided on a day, or what happened in place of a decision.

    Only the journal is read.

    Raises:
        UserError: It is no day.
    """
    try:
        dt.date.fromisoformat(day)
    except ValueError:
        raise UserError(f"{day!r} is not a day; write it as YYYY-MM-DD.") from None
    decided = life.journal.decided(day)
    besides = tuple(_besides(life, day, decided))
    if decided is None:
        headline, reasons = _without_decision(life, day)
        return Explanation(headline, reasons, besides=besides)
    again, sound = _again(decided)
    return Explanation(
        headline=f"{decided.decision}: version {decided.candidate_version}, compared with "
        f"version {decided.production_version} in production",
        reasons=decided.reasons,
        checks=tuple(_checks(decided)),
        facts=tuple(_facts(decided)),
        again=(*again, *_today(decided, life.spec)),
        besides=besides,
        sound=sound,
    )


def _checks(decided: Decided) -> Iterator[CheckTold]:
    for check in decided.checks:
        numbers = _NUMBERS.get(check.name)
        needed, measured = numbers(decided.evidence, decided.policy) if numbers else ("-", "-")
        yield CheckTold(check.name, check.passed, needed, measured)


def _number(value: float | None, sign: str = "") -> str:
    return "none" if value is None else f"{value:{sign}.4f}"


def _confidence(policy: GatePolicy, told: str) -> str:
    return "-" if policy.confidence is None else told


def _than(evidence: Evidence, bound: float | None) -> str:
    return f"{'above' if evidence.greater_is_better else 'below'} {_number(bound)}"


def _floor(evidence: Evidence, policy: GatePolicy) -> str:
    bound = "at least" if evidence.greater_is_better else "at most"
    return "-" if policy.min_score is None else f"{bound} {policy.min_score:g}"


def _needed_to_be_credible(evidence: Evidence, policy: GatePolicy) -> str:
    later = " and on later days" if waits_for_later_days(evidence, policy) else ""
    return f"above 0 at {evidence.confidence:.4g}{later}"


def _bounds(evidence: Evidence, policy: GatePolicy) -> str:
    later, first = challenged(evidence, policy), _number(evidence.improvement_lower, "+")
    return f"{first}, and on later days {_number(later.lower, '+')}" if later else first


# What each of the gate's checks needs, and what was measured.
_NUMBERS: dict[str, Callable[[Evidence, GatePolicy], tuple[str, str]]] = {
    "better": lambda e, p: (f"above {p.min_improvement:g}", _number(e.improvement, "+")),
    "credibly_better": lambda e, p: (
        _confidence(p, _needed_to_be_credible(e, p)),
        _bounds(e, p),
    ),
    "better_than_chance": lambda e, p: (
        _confidence(p, _than(e, e.chance_score)) if e.chance_score is not None else "-",
        _number(e.candidate_score),
    ),
    "baseline_kept": lambda e, p: (
        "-" if p.max_baseline_drop is None else f"at most {p.max_baseline_drop:g}",
        _number(e.baseline_drop),
    ),
    "enough_rows": lambda e, p: (f"at least {p.min_evaluation_rows}", str(e.evaluation_rows)),
    "score_floor": lambda e, p: (_floor(e, p), _number(e.candidate_score)),
    "later_partition": lambda e, p: (
        "-" if p.allow_older_partition else f"not before {e.production_partition or 'any'}",
        e.partition,
    ),
    "approval": lambda _, p: ("-" if p.approval == "auto" else "a person agrees", "-"),
}


def _facts(decided: Decided) -> Iterator[tuple[str, str]]:
    evidence = decided.evidence
    yield "metric", evidence.metric
    rows = f"on {evidence.evaluation_rows} evaluation rows"
    yield f"version {decided.candidate_version}", f"{_number(evidence.candidate_score)} {rows}"
    yield f"version {decided.production_version}", f"{_number(evidence.production_score)} {rows}"
    regime = ", ".join(decided.regime_partitions)
    yield "regime", f"{decided.regime} (judged on {regime}; {decided.record.regime_rows} labels)"
    yield "learned from", ", ".join(["the baseline", *decided.training_partitions])
    for name, digest in decided.data_hashes.items():
        yield f"hash of {name}", digest


def _again(decided: Decided) -> tuple[tuple[str, ...], bool]:
    """What the gate says to the evidence and the policy of then; whether that is what is stored."""
    again = decide(decided.evidence, decided.policy)
    wrong = list(_what_differs(decided, again))
    if wrong:
        return ("The gate does not say the same to the stored evidence any more:", *wrong), False
    told = "The gate says the same to the stored evidence and policy"
    if (again.reasons, again.checks) != (decided.reasons, decided.checks):
        return (f"{told}, in other words.",), True
    return (f"{told}.",), True


def _what_differs(decided: Decided, again: Decision) -> Iterator[str]:
    # What a person did since has changed what the decision is called, and not what the gate said.
    called = "promoted" if decided.decision == "rolled_back" else decided.decision
    approved = called == "promoted" and decided.policy.approval == "manual"
    if again.decision != ("awaiting_approval" if approved else called):
        yield f"{again.decision} in place of {called}"
    passed = {check.name: check.passed for check in again.checks}
    for check in decided.checks:
        if check.name in passed and check.passed != passed[check.name]:
            was, now = ("passed", "fails") if check.passed else ("failed", "passes")
            yield f"{check.name} {was} and {now}"


def _today(decided: Decided, spec: ModelSpec) -> Iterator[str]:
    """Whether the policy of today would decide otherwise."""
    then, now = decided.policy, spec.gate
    changed = differences(then.model_dump(), now.model_dump())
    if not changed:
        yield "The gate's policy in the model's defs.yaml is the one of then."
        return
    yield f"The gate's policy in the model's defs.yaml has changed: {'; '.join(changed)}."
    before, today = decide(decided.evidence, then), decide(decided.evidence, now)
    if today.decision == before.decision:
        yield f"Today's policy would decide the same: {today.decision}."
    else:
        yield f"Today's policy would decide otherwise: {today.decision}. {' '.join(today.reasons)}"
    if measured := list(_measured_otherwise(decided.evidence, then, spec)):
        yield (
            f"That is by the numbers of then; {', '.join(measured)} would make others of them, "
            "which only scoring the rows again can tell."
        )


def _measured_otherwise(evidence: Evidence, then: GatePolicy, spec: ModelSpec) -> Iterator[str]:
    now = spec.gate
    if get_metric(now.metric, spec.task).name != evidence.metric:
        yield "another metric"
    if now.first_confidence is None:
        return
    if now.first_confidence != evidence.confidence:
        yield "another confidence"
    if (now.resamples, now.seed) != (then.resamples, then.seed):
        yield "other resamples"


def _without_decision(life: Life, day: str) -> tuple[str, tuple[str, ...]]:
    journal, name = life.journal, life.spec.name
    reported, dataset = journal.reported(day), journal.find_augmented(day)
    if dataset is not None and dataset.already_known:
        return "already known: nothing was trained", (dataset.already_known,)
    if reported is not None and reported.report.retrain:
        return _on_its_way(life, day, reported)
    if reported is not None:
        said = _state(reported) if reported.report.held else f"skipped: {_state(reported)}"
        return said, tuple(reported.reasons)
    batch, quarantined = journal.batch(day), journal.quarantined(day)
    if batch is not None:
        told = f"{batch.rows} rows are stored, {batch.labelled_rows} of them with a label"
        ask = f"Materialize {name}/drift_report of {day}, or run the job {name}_daily for it."
        return f"no drift report yet: {told}", (ask,)
    if quarantined is not None:
        return f"quarantined: {quarantined.rows} rows", (quarantined.violation,)
    if closed := journal.closed(day):
        return "closed: there were no rows when it was read", (closed.why,)
    return f"nothing is known of {day}", (_why_nothing(life, day),)


def _on_its_way(life: Life, day: str, reported: Reported) -> tuple[str, tuple[str, ...]]:
    candidate = life.journal.find_candidate(day)
    so_far = (
        f"version {candidate.version} was trained, and not decided on"
        if candidate
        else "its rows were put together, and nothing was trained"
        if life.journal.find_augmented(day)
        else "it has not begun"
    )
    ask = f"The sensor asks for it; or run the job {life.spec.name}_retrain for {day}."
    return f"a retraining is due: {so_far}", (*reported.reasons, ask)


def _why_nothing(life: Life, day: str) -> str:
    name, today = life.spec.name, life.clock().date().isoformat()
    if day < life.spec.start_date:
        return f"It is before the model's first day, {life.spec.start_date} (start_date)."
    if day >= today:
        return f"It has not ended yet (today is {today} UTC)."
    return (
        f"No batch of it was taken, and none was quarantined. Run the job {name}_daily for it; "
        "what came of runs that failed is in Dagster."
    )


def _state(reported: Reported) -> str:
    report = reported.report
    found = f"drift, regime {report.regime}" if report.drift_detected else "no drift"
    if report.held:
        found = "held, its delivery looks broken"
    labels = f"{report.labelled_rows} of {report.rows} rows with a label"
    return f"{found}; {labels}; version {report.production or 'unknown'} in production"


def _besides(life: Life, day: str, decided: Decided | None) -> Iterator[str]:
    journal = life.journal
    reported, batch, dataset = (
        journal.reported(day),
        journal.batch(day),
        journal.find_augmented(day),
    )
    quarantined, candidate = journal.quarantined(day), journal.find_candidate(day)
    if decided is not None and reported is not None:
        yield f"The drift report said: {_state(reported)}. {'; '.join(reported.reasons)}"
    for beside in reported.beside if reported is not None else ():
        better = "better" if beside.improvement > 0 else "not better"
        yield (
            f"Version {beside.other} was {better} on the batch than version {beside.production} in "
            f"production: {beside.improvement:+.4f} on {beside.rows} rows."
        )
    if reported and batch and reported.data_hash and reported.data_hash != batch.data_hash:
        yield "The batch was delivered again, with other rows, after its drift report was made."
    if accepted := journal.accepted(day):
        evidence = "; ".join(fault.evidence for fault in accepted.faults)
        yield f"A person accepted it on {accepted.accepted:%Y-%m-%d %H:%M:%S} UTC: {evidence}."
    if quarantined is not None and (batch is not None or reported is not None):
        yield f"A delivery of the day was quarantined: {quarantined.violation}"
    if decided is not None and dataset is not None and dataset.already_known:
        yield f"When it was asked for again, nothing was trained: {dataset.already_known}"
    if decided and candidate and candidate.version != decided.candidate_version:
        yield f"Version {candidate.version} was trained for the day, and is not decided on."
    version = decided.candidate_version if decided else None
    for move in journal.moves():
        if _concerns(move, day, version):
            yield _moved(move)


def _concerns(move: Move, day: str, version: int | None) -> bool:
    marked = any(mark.partition == day for mark in move.marks)
    same_day = move.begun.date().isoformat() == day
    return marked or same_day or (version is not None and version in (move.left, move.to))


def _moved(move: Move) -> str:
    left = f"from version {move.left} " if move.left else ""
    when = f"{move.begun:%Y-%m-%d %H:%M:%S} UTC"
    said = f"{move.kind.capitalize()} of {when}: production moved {left}to version {move.to}"
    if move.state == "begun":
        return f"{said}; it was cut short, and the next step of any kind finishes it."
    if move.state == "given up":
        return f"{said} was given up: {move.why}"
    return f"{said}."
