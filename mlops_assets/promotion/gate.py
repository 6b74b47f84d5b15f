"""The gate: scores and policy in, decision and reasons out."""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.promotion.beside import Standing, standing
from mlops_assets.promotion.evaluation import Evidence
from mlops_assets.promotion.policy import GatePolicy

Outcome = Literal["promoted", "rejected", "inconclusive", "already_known", "awaiting_approval"]


class Check(BaseModel):
    """One condition of the gate: whether it holds, and the numbers in words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    passed: bool
    detail: str


class Decision(BaseModel):
    """A decision with everything it was made from: ``decide(d.evidence, d.policy) == d``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Outcome
    reasons: tuple[str, ...] = Field(description="What decided, in words with numbers.")
    checks: tuple[Check, ...] = Field(description="Every condition, in the order they are asked.")
    evidence: Evidence
    policy: GatePolicy


def decide(evidence: Evidence, policy: GatePolicy) -> Decision:
    """Whether the candidate takes production's place.

    ``rejected``: not better, worse than allowed on the baseline, below the floor, or of a day
    before production's. ``inconclusive``: better but not credibly, or too few
    evaluation rows to tell. ``awaiting_approval``: everything holds and a person has to agree.
    """
    enough = _enough_rows(evidence, policy)
    better = _better(evidence, policy)
    credible = _credibly_better(evidence, policy)
    skilful = _better_than_chance(evidence, policy)
    floor = _score_floor(evidence, policy)
    baseline = _baseline_kept(evidence, policy)
    of_parts = [*_slices_kept(evidence, policy), *_groups_alike(evidence)]
    later = _later_partition(evidence, policy)
    approval = _approval(policy)
    # Too few rows say nothing of the candidate's score on them, good or bad.
    known = [better, skilful, baseline, *of_parts, floor, later]
    refusing = known if enough.passed else [baseline, later]
    refused = [check for check in refusing if not check.passed]
    unsure = [check for check in (credible, enough) if not check.passed]
    checks = (better, credible, skilful, baseline, *of_parts, enough, floor, later, approval)
    outcome: Outcome
    if refused:
        outcome, decisive = "rejected", refused
    elif unsure:
        outcome, decisive = "inconclusive", unsure if enough.passed else [enough]
    elif not approval.passed:
        outcome, decisive = "awaiting_approval", [better, credible, approval]
    else:
        outcome, decisive = "promoted", [better, credible, baseline, enough]
    return Decision(
        decision=outcome,
        reasons=tuple(check.detail for check in decisive),
        checks=checks,
        evidence=evidence,
        policy=policy,
    )


def _better(evidence: Evidence, policy: GatePolicy) -> Check:
    if evidence.improvement is None:
        return Check(
            name="better", passed=False, detail="There are no labelled rows to compare on."
        )
    improvement, since = _with_later_days(evidence, policy)
    passed = improvement > policy.min_improvement
    needed = f", needed is more than {policy.min_improvement:g}" if policy.min_improvement else ""
    detail = (
        f"The candidate is {'' if passed else 'not '}better: {evidence.metric} "
        f"{_number(evidence.candidate_score)} against production's "
        f"{_number(evidence.production_score)} on {evidence.evaluation_rows} drifted rows that "
        f"neither has seen (improvement {evidence.improvement:+.4f}{since}{needed})."
    )
    return Check(name="better", passed=passed, detail=detail)


def _with_later_days(evidence: Evidence, policy: GatePolicy) -> tuple[float, str]:
    """The improvement on the drifted rows, and on those of later days where they are credible."""
    first, later = evidence.improvement or 0.0, challenged(evidence, policy)
    if later is None or not later.credible:
        return first, ""
    rows = evidence.evaluation_rows + later.rows
    improvement = (first * evidence.evaluation_rows + later.improvement * later.rows) / rows
    return improvement, f", {improvement:+.4f} with the {later.rows} rows of later days"


def may_be_better(decision: Decision) -> bool:
    """Whether a candidate that was not promoted lives on as a challenger.

    It passed all that a refusal is final for, and was not credibly worse: its improvement is
    above 0 within the error that its bound has.
    """
    evidence = decision.evidence
    if decision.policy.challenge_confidence is None or evidence.improvement is None:
        return False
    failed = {check.name for check in decision.checks if not check.passed} - {"approval"}
    if not failed or not failed <= {"better", "credibly_better", "enough_rows"}:
        return False
    lower = evidence.improvement_lower
    error = 0.0 if lower is None else evidence.improvement - lower
    return evidence.improvement + error > 0


def _credibly_better(evidence: Evidence, policy: GatePolicy) -> Check:
    name = "credibly_better"
    if policy.confidence is None:
        return Check(
            name=name, passed=True, detail="Any improvement counts: no confidence is asked for."
        )
    lower = evidence.improvement_lower
    if lower is None:
        return Check(name=name, passed=False, detail="There are too few rows to bound anything.")
    later, waits = challenged(evidence, policy), waits_for_later_days(evidence, policy)
    passed = (lower > 0 and not waits) or (later is not None and later.credible)
    vary = evidence.between_periods
    days = f", as days vary (by {vary:.4f})" if vary else ""
    detail = (
        f"The improvement is {'' if passed else 'not '}credible: with {evidence.confidence:.3g} "
        f"confidence it is at least {lower:+.4f}{days}, which must be above 0"
        f"{' on later days as well' if waits else ''}."
    )
    if waits and not passed:
        detail += (
            " Production's score has not fallen on the days that the candidate is for: nothing is "
            "lost by waiting, and days that stand out may do so by chance."
        )
    if later:
        detail += f" Beside production on later days: {later.text}."
    return Check(name=name, passed=passed, detail=detail)


def waits_for_later_days(evidence: Evidence, policy: GatePolicy) -> bool:
    """Whether a candidate has to be better on later days, however good it is on those it is for.

    It was made for days whose columns stand out, by chance or for good, while production is as
    good as ever on them. It has learned from these days and is judged on them: on days that stood
    out by chance it truly is better, and on no others.
    """
    return evidence.score_fallen is False and policy.challenge_confidence is not None


def later_confidence(evidence: Evidence, policy: GatePolicy) -> float | None:
    """The confidence of all later days together; None: there are none.

    What the first look did not spend is left for them.
    """
    waits = waits_for_later_days(evidence, policy)
    return policy.confidence if waits else policy.challenge_confidence


def challenged(evidence: Evidence, policy: GatePolicy) -> Standing | None:
    """How a candidate that was not credible has stood beside production since."""
    confidence = later_confidence(evidence, policy)
    if not evidence.challenge or confidence is None:
        return None
    last = evidence.challenge[-1]
    return standing(
        evidence.challenge, last.production, last.other, confidence, policy.challenge_periods
    )


def _better_than_chance(evidence: Evidence, policy: GatePolicy) -> Check:
    name = "better_than_chance"
    chance, score = evidence.chance_score, evidence.candidate_score
    if policy.confidence is None or chance is None or score is None:
        return Check(name=name, passed=True, detail="Nothing is asked for beyond the comparison.")
    passed = score > chance if evidence.greater_is_better else score < chance
    detail = (
        f"The candidate is {'' if passed else 'not '}better than chance: its {evidence.metric} of "
        f"{_number(score)} is held against {_number(chance)}, which its predictions reach with "
        f"{1 - policy.confidence:.2g} probability when they are dealt to the rows at random."
    )
    return Check(name=name, passed=passed, detail=detail)


def _baseline_kept(evidence: Evidence, policy: GatePolicy) -> Check:
    name = "baseline_kept"
    if policy.max_baseline_drop is None:
        return Check(name=name, passed=True, detail="No limit is set to the drop on the baseline.")
    if evidence.baseline_drop is None:
        detail = (
            "There are no baseline holdout rows to compare on; set max_baseline_drop to null "
            "if none are wanted."
        )
        return Check(name=name, passed=False, detail=detail)
    passed = evidence.baseline_drop <= policy.max_baseline_drop
    unit = "" if evidence.greater_is_better else " of the first one's error"
    moved = "loses" if evidence.baseline_drop > 0 else "does not lose"
    detail = (
        f"On {evidence.baseline_rows} baseline holdout rows the candidate {moved}: "
        f"{evidence.metric} {_number(evidence.candidate_baseline_score)} against the first "
        f"production's {_number(evidence.first_baseline_score)}, a drop of "
        f"{evidence.baseline_drop:.4f}{unit} where {policy.max_baseline_drop:g} is allowed."
    )
    return Check(name=name, passed=passed, detail=detail)


def _slices_kept(evidence: Evidence, policy: GatePolicy) -> Iterator[Check]:
    """Asked where the YAML names slices."""
    name, allowed = "slices_kept", policy.max_slice_drop
    if not evidence.slices:
        return
    if allowed is None or policy.confidence is None:
        yield Check(name=name, passed=True, detail="Slices are reported, and refuse nobody.")
        return
    judged = [each for each in evidence.slices if each.loss_lower is not None]
    worse = [each for each in judged if (each.loss_lower or 0.0) > allowed]
    few = len(evidence.slices) - len(judged)
    unjudged = f"; {few} have too few rows to judge by" if few else ""
    if not worse:
        detail = f"On none of {len(judged)} slices is the candidate credibly worse{unjudged}."
        yield Check(name=name, passed=True, detail=detail)
        return
    told = "; ".join(
        f"{each.name}: {evidence.metric} {_number(each.candidate_score)} against "
        f"{_number(each.production_score)} on {each.rows} rows, worse by at least "
        f"{each.loss_lower:.4f}"
        for each in worse
    )
    detail = (
        f"On {len(worse)} of {len(judged)} slices the candidate is credibly worse, where a drop of "
        f"{allowed:g} is allowed: {told}{unjudged}."
    )
    yield Check(name=name, passed=False, detail=detail)


def _groups_alike(evidence: Evidence) -> Iterator[Check]:
    """Asked where the YAML bounds how differently groups are treated."""
    fairness = evidence.fairness
    if fairness is None or fairness.max_difference is None:
        return
    found = fairness.differences()
    apart = [each for each in found if each.difference > fairness.max_difference]
    told = "; ".join(
        f"the {each.rate} by {each.difference:.3f} between {each.lowest} and {each.highest}"
        for each in apart or found
    )
    if not found:
        told = f"no two groups have {fairness.min_rows} rows each, so nothing was compared"
    detail = (
        f"The candidate treats groups {'too differently' if apart else 'alike enough'}: {told}; "
        f"{fairness.max_difference:g} is allowed."
    )
    yield Check(name="groups_alike", passed=not apart, detail=detail)


def _enough_rows(evidence: Evidence, policy: GatePolicy) -> Check:
    later = sum(day.rows for day in evidence.challenge)
    passed = evidence.evaluation_rows + later >= policy.min_evaluation_rows
    since = f" and {later} of later days" if later else ""
    detail = (
        f"There are {'enough' if passed else 'too few'} labelled evaluation rows: "
        f"{evidence.evaluation_rows}{since}, needed are {policy.min_evaluation_rows}."
    )
    return Check(name="enough_rows", passed=passed, detail=detail)


def _score_floor(evidence: Evidence, policy: GatePolicy) -> Check:
    name = "score_floor"
    if policy.min_score is None:
        return Check(name=name, passed=True, detail="No floor is set for the score.")
    score = evidence.candidate_score
    if score is None:
        return Check(name=name, passed=False, detail="There is no score to hold against the floor.")
    passed = score >= policy.min_score if evidence.greater_is_better else score <= policy.min_score
    bound = "at least" if evidence.greater_is_better else "at most"
    detail = (
        f"The candidate's {evidence.metric} is {score:.4f}; it must be {bound} "
        f"{policy.min_score:g}."
    )
    return Check(name=name, passed=passed, detail=detail)


def _later_partition(evidence: Evidence, policy: GatePolicy) -> Check:
    name, production = "later_partition", evidence.production_partition
    if production is None:
        detail = f"Production is the baseline's model; the candidate is of {evidence.partition}."
        return Check(name=name, passed=True, detail=detail)
    # Of the same day: its other labels have come since.
    later = evidence.partition >= production
    detail = (
        f"The candidate is of {evidence.partition}, {'not before' if later else 'before'} "
        f"{production}, the day production was promoted on"
        f"{'' if later or not policy.allow_older_partition else ', which is allowed here'}."
    )
    return Check(name=name, passed=later or policy.allow_older_partition, detail=detail)


def _approval(policy: GatePolicy) -> Check:
    if policy.approval == "auto":
        return Check(name="approval", passed=True, detail="No person's approval is asked for.")
    return Check(name="approval", passed=False, detail="A person has to approve the promotion.")


def _number(score: float | None) -> str:
    return "none" if score is None else f"{score:.4f}"
