"""The gate: every decision and its reason, on numbers given by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_assets.fairness import Fairness, GroupRates
from mlops_assets.promotion.beside import Beside
from mlops_assets.promotion.evaluation import Evidence
from mlops_assets.promotion.gate import Decision, decide, later_confidence, may_be_better
from mlops_assets.promotion.policy import GatePolicy
from mlops_assets.slices import SliceCompared

ORDER = ["rejected", "inconclusive", "promoted"]


def evidence(**changes):
    values = {
        "metric": "f1_macro",
        "candidate_score": 0.8,
        "production_score": 0.7,
        "improvement": 0.1,
        "improvement_lower": 0.04,
        "evaluation_rows": 300,
        "candidate_baseline_score": 0.93,
        "first_baseline_score": 0.95,
        "baseline_drop": 0.02,
        "baseline_rows": 45,
        "partition": "2026-01-05",
        "production_partition": "2026-01-02",
    }
    return Evidence(**{**values, **changes})


def failed(decision):
    return [check.name for check in decision.checks if not check.passed]


def test_a_candidate_that_passes_everything_is_promoted_and_the_reasons_have_the_numbers():
    decision = decide(evidence(), GatePolicy())
    assert decision.decision == "promoted"
    assert failed(decision) == []
    assert "0.8000 against production's 0.7000 on 300 drifted rows" in decision.reasons[0]
    assert "at least +0.0400" in decision.reasons[1]


def test_the_checks_come_in_a_fixed_order():
    assert [check.name for check in decide(evidence(), GatePolicy()).checks] == [
        "better",
        "credibly_better",
        "better_than_chance",
        "baseline_kept",
        "enough_rows",
        "score_floor",
        "later_partition",
        "approval",
    ]


@pytest.mark.parametrize("improvement", [0.0, -0.1])
def test_a_candidate_that_is_not_better_is_rejected(improvement):
    decision = decide(evidence(improvement=improvement, improvement_lower=-0.2), GatePolicy())
    assert decision.decision == "rejected"
    assert decision.reasons[0].startswith("The candidate is not better")


def test_an_improvement_must_be_above_the_least_that_is_asked_for():
    policy = GatePolicy(min_improvement=0.1)
    assert decide(evidence(), policy).decision == "rejected"
    assert decide(evidence(improvement=0.1001), policy).decision == "promoted"


@pytest.mark.parametrize("lower", [0.0, -0.01])
def test_better_but_not_credibly_is_inconclusive(lower):
    decision = decide(evidence(improvement_lower=lower), GatePolicy())
    assert decision.decision == "inconclusive"
    assert failed(decision) == ["credibly_better"]


def test_without_a_confidence_any_improvement_is_promoted():
    assert (
        decide(evidence(improvement_lower=-0.01), GatePolicy(confidence=None)).decision
        == "promoted"
    )


@pytest.mark.parametrize("improvement", [0.1, -0.1])
def test_too_few_rows_are_inconclusive_whatever_the_scores(improvement):
    decision = decide(evidence(evaluation_rows=49, improvement=improvement), GatePolicy())
    assert decision.decision == "inconclusive"
    assert decision.reasons == ("There are too few labelled evaluation rows: 49, needed are 50.",)


def test_no_rows_at_all_are_inconclusive():
    nothing = evidence(
        evaluation_rows=0,
        candidate_score=None,
        production_score=None,
        improvement=None,
        improvement_lower=None,
    )
    assert decide(nothing, GatePolicy(min_score=0.5)).decision == "inconclusive"


def test_a_drop_on_the_baseline_is_a_rejection_that_says_so():
    decision = decide(evidence(baseline_drop=0.051), GatePolicy())
    assert decision.decision == "rejected"
    assert "a drop of 0.0510 where 0.05 is allowed" in decision.reasons[0]
    assert decide(evidence(baseline_drop=0.05), GatePolicy()).decision == "promoted"
    assert decide(evidence(baseline_drop=0.9), GatePolicy(max_baseline_drop=None)).decision == (
        "promoted"
    )


def test_a_limit_on_the_baseline_without_baseline_rows_is_a_rejection():
    decision = decide(evidence(baseline_drop=None, baseline_rows=0), GatePolicy())
    assert decision.decision == "rejected"
    assert "set max_baseline_drop to null" in decision.reasons[0]


def test_a_score_below_the_floor_is_rejected_in_the_metrics_direction():
    assert decide(evidence(), GatePolicy(min_score=0.81)).decision == "rejected"
    assert decide(evidence(), GatePolicy(min_score=0.8)).decision == "promoted"
    error = evidence(metric="rmse", greater_is_better=False, candidate_score=3.0)
    assert decide(error, GatePolicy(min_score=2.9)).decision == "rejected"
    assert decide(error, GatePolicy(min_score=3.0)).decision == "promoted"


def test_a_day_before_productions_is_rejected_unless_allowed():
    older = evidence(partition="2026-01-01")
    decision = decide(older, GatePolicy())
    assert decision.decision == "rejected"
    assert "is of 2026-01-01, before 2026-01-02" in decision.reasons[0]
    assert decide(older, GatePolicy(allow_older_partition=True)).decision == "promoted"
    # Of the same day there may be more labels by now.
    assert decide(evidence(partition="2026-01-02"), GatePolicy()).decision == "promoted"


def test_any_day_is_later_than_the_baseline():
    assert decide(evidence(production_partition=None), GatePolicy()).decision == "promoted"


def test_manual_approval_waits_only_where_everything_else_holds():
    policy = GatePolicy(approval="manual")
    assert decide(evidence(), policy).decision == "awaiting_approval"
    assert decide(evidence(improvement=-0.1), policy).decision == "rejected"
    assert decide(evidence(improvement_lower=-0.1), policy).decision == "inconclusive"


def test_a_decision_can_be_made_again_from_its_json():
    decision = decide(evidence(), GatePolicy(min_score=0.5))
    stored = Decision.model_validate_json(decision.model_dump_json())
    assert stored == decision
    assert decide(stored.evidence, stored.policy) == decision


def test_an_unknown_or_impossible_policy_is_refused():
    with pytest.raises(ValidationError, match="min_improvment"):
        GatePolicy(min_improvment=0.1)
    with pytest.raises(ValidationError, match="confidence"):
        GatePolicy(confidence=1.5)


scores = st.floats(0, 1)


@given(
    production=scores,
    low=scores,
    high=scores,
    margin=st.floats(0, 0.3),
    baseline=scores,
    rows=st.integers(0, 200),
    floor=st.none() | scores,
)
def test_a_better_score_never_makes_the_decision_worse(
    production, low, high, margin, baseline, rows, floor
):
    low, high = sorted([low, high])
    policy = GatePolicy(min_score=floor)

    def rank(score):
        made = decide(
            evidence(
                candidate_score=score,
                production_score=production,
                improvement=score - production,
                improvement_lower=score - production - margin,
                evaluation_rows=rows,
                baseline_drop=baseline - score,
            ),
            policy,
        )
        return ORDER.index(made.decision)

    assert rank(low) <= rank(high)


@pytest.mark.parametrize(
    ("chance", "decided"), [(0.79, "promoted"), (0.8, "rejected"), (0.9, "rejected")]
)
def test_a_candidate_that_is_no_better_than_chance_is_rejected(chance, decided):
    decision = decide(evidence(chance_score=chance), GatePolicy())
    assert decision.decision == decided
    if decided == "rejected":
        assert failed(decision) == ["better_than_chance"]
        assert (
            "not better than chance: its f1_macro of 0.8000 is held against" in decision.reasons[0]
        )


def test_of_an_error_chance_is_above():
    errors = {"metric": "rmse", "greater_is_better": False, "candidate_score": 0.8}
    assert decide(evidence(**errors, chance_score=0.9), GatePolicy()).decision == "promoted"
    assert decide(evidence(**errors, chance_score=0.7), GatePolicy()).decision == "rejected"


def test_the_plain_rule_asks_nothing_of_chance():
    policy = GatePolicy(confidence=None)
    assert decide(evidence(chance_score=0.9), policy).decision == "promoted"


# ---------------------------------------------------------------- a challenger


def later(*improvements, rows=300):
    return tuple(
        Beside(
            partition=f"2026-01-{day:02}",
            production=2,
            other=3,
            improvement=improvement,
            error=0.02,
            rows=rows,
        )
        for day, improvement in enumerate(improvements, start=6)
    )


def test_a_challenger_is_promoted_once_later_days_are_evidence_enough():
    unsure = evidence(improvement_lower=-0.01)
    assert decide(unsure, GatePolicy()).decision == "inconclusive"
    some = unsure.model_copy(update={"challenge": later(0.1, 0.1)})
    assert decide(some, GatePolicy()).decision == "inconclusive"
    enough = unsure.model_copy(update={"challenge": later(0.1, 0.1, 0.1)})
    decision = decide(enough, GatePolicy())
    assert decision.decision == "promoted"
    assert "+0.1000 on 900 rows of 3 of 14 days" in decision.reasons[1]


def test_a_challenger_that_waits_for_a_person_waits_on():
    enough = evidence(improvement_lower=-0.01, challenge=later(0.1, 0.1, 0.1))
    assert decide(enough, GatePolicy(approval="manual")).decision == "awaiting_approval"


def test_rows_of_later_days_count_where_there_were_too_few():
    few = evidence(evaluation_rows=20, improvement_lower=-0.01, challenge=later(0.2, 0.2, 0.2))
    decision = decide(few, GatePolicy())
    assert decision.decision == "promoted"
    assert "20 and 900 of later days" in decision.checks[4].detail


def test_without_challenge_periods_later_days_say_nothing():
    policy = GatePolicy(challenge_periods=0)
    assert policy.first_confidence == 0.95
    unsure = evidence(improvement_lower=-0.01, challenge=later(0.1, 0.1, 0.1))
    assert decide(unsure, policy).decision == "inconclusive"


def test_what_may_go_wrong_is_shared_by_the_first_look_and_all_later_ones():
    policy = GatePolicy(confidence=0.9)
    left = (1 - policy.first_confidence) + (1 - policy.challenge_confidence)
    assert left == pytest.approx(0.1)
    assert GatePolicy(confidence=None).challenge_confidence is None


def test_while_production_has_not_fallen_a_candidate_is_proven_on_later_days_alone():
    waiting = decide(evidence(score_fallen=False), GatePolicy())
    assert waiting.decision == "inconclusive"
    assert may_be_better(waiting)
    assert "at least +0.0400, which must be above 0 on later days as well" in waiting.reasons[0]
    assert "Production's score has not fallen" in waiting.reasons[0]
    two = evidence(score_fallen=False, challenge=later(0.1, 0.1))
    assert decide(two, GatePolicy()).decision == "inconclusive"
    three = decide(evidence(score_fallen=False, challenge=later(0.1, 0.1, 0.1)), GatePolicy())
    assert three.decision == "promoted"
    worse = decide(evidence(score_fallen=False, challenge=later(-0.1, -0.1, -0.1)), GatePolicy())
    assert worse.decision == "inconclusive"


@pytest.mark.parametrize("score_fallen", [True, None])
def test_where_it_has_fallen_or_nobody_asks_the_first_day_is_enough(score_fallen):
    assert decide(evidence(score_fallen=score_fallen), GatePolicy()).decision == "promoted"


@pytest.mark.parametrize("policy", [{"challenge_periods": 0}, {"confidence": None}])
def test_where_there_are_no_later_days_nobody_waits_for_them(policy):
    decision = decide(evidence(score_fallen=False), GatePolicy(**policy))
    assert decision.decision == "promoted"


def test_one_that_has_to_wait_has_all_that_may_go_wrong_left_for_later():
    policy = GatePolicy()
    assert later_confidence(evidence(score_fallen=False), policy) == policy.confidence
    assert later_confidence(evidence(score_fallen=True), policy) == policy.challenge_confidence


def test_what_may_be_better_lives_on_and_what_is_refused_for_good_does_not():
    def lives_on(policy=None, **changes):
        return may_be_better(decide(evidence(**changes), policy or GatePolicy()))

    assert not lives_on()  # promoted
    assert lives_on(improvement_lower=-0.01)
    assert lives_on(improvement=-0.01, improvement_lower=-0.1)  # nobody can tell
    assert not lives_on(improvement=-0.1, improvement_lower=-0.15)
    assert not lives_on(improvement=0.0, improvement_lower=0.0)  # it answers the same
    assert not lives_on(improvement_lower=-0.01, baseline_drop=0.2)
    assert not lives_on(improvement_lower=-0.01, policy=GatePolicy(challenge_periods=0))
    assert lives_on(improvement_lower=-0.01, policy=GatePolicy(approval="manual"))
    assert lives_on(evaluation_rows=20, improvement_lower=-0.01)
    assert not lives_on(improvement=None, improvement_lower=None)


def test_one_that_was_not_better_at_first_is_judged_on_all_rows_of_both():
    first = {"improvement": -0.01, "improvement_lower": -0.1}
    unsure = evidence(**first, challenge=later(0.1, 0.1))
    assert decide(unsure, GatePolicy()).decision == "rejected"
    decision = decide(evidence(**first, challenge=later(0.1, 0.1, 0.1)), GatePolicy())
    assert decision.decision == "promoted"
    assert "improvement -0.0100, +0.0725 with the 900 rows of later days" in decision.reasons[0]


def part(name="carrier = AA", loss_lower: float | None = 0.02, **changes):
    values = {"name": name, "rows": 80, "candidate_score": 0.6, "production_score": 0.7}
    return SliceCompared(**{**values, "loss_lower": loss_lower, **changes})


def test_a_candidate_that_is_credibly_worse_on_a_slice_is_rejected_and_the_slice_is_named():
    decision = decide(evidence(slices=(part("a", None), part("b", -0.1), part())), GatePolicy())
    assert decision.decision == "rejected"
    assert failed(decision) == ["slices_kept"]
    assert "On 1 of 2 slices" in decision.reasons[0]
    assert "carrier = AA: f1_macro 0.6000 against 0.7000 on 80 rows" in decision.reasons[0]
    assert "1 have too few rows" in decision.reasons[0]


@pytest.mark.parametrize("policy", [{"max_slice_drop": 0.03}, {"max_slice_drop": None}])
def test_a_drop_on_a_slice_may_be_allowed(policy):
    assert decide(evidence(slices=(part(),)), GatePolicy(**policy)).decision == "promoted"


def treated(difference, max_difference=0.1):
    groups = [
        GroupRates(
            column="sex",
            name=f"sex, group {place}",
            rows=100,
            selection_rate=rate,
            positives=60,
            true_positive_rate=0.8,
        )
        for place, rate in ((1, 0.3), (2, 0.3 + difference))
    ]
    return Fairness(groups=tuple(groups), max_difference=max_difference, min_rows=50)


def test_a_candidate_that_treats_groups_too_differently_is_rejected():
    decision = decide(evidence(fairness=treated(0.2)), GatePolicy())
    assert decision.decision == "rejected"
    assert (
        "the selection rate by 0.200 between sex, group 1 and sex, group 2" in (decision.reasons[0])
    )
    assert decide(evidence(fairness=treated(0.05)), GatePolicy()).decision == "promoted"
    assert decide(evidence(fairness=treated(0.2, None)), GatePolicy()).decision == "promoted"
