"""The evidence: scores, the paired bound, and what neither may depend on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.metrics import get_metric
from mlops_assets.promotion import evaluation
from mlops_assets.promotion.evaluation import Evidence, beside, improvement_lower, measure
from mlops_assets.promotion.gate import decide
from mlops_assets.promotion.policy import GatePolicy

ACCURACY = get_metric("accuracy", "classification")
NONE = np.array([])


def compared(y, candidate, production, metric=ACCURACY, policy=None, baseline=(NONE, NONE, NONE)):
    return measure(
        y, candidate, production, *baseline, metric, policy or GatePolicy(), "2026-01-02", None
    )


def test_scores_of_a_case_worked_out_by_hand():
    evidence = compared(
        ["a", "a", "b", "b"],
        ["a", "a", "b", "a"],
        ["a", "b", "a", "a"],
        baseline=(["a", "b"], ["a", "a"], ["a", "b"]),
    )
    assert evidence.candidate_score == 0.75
    assert evidence.production_score == 0.25
    assert evidence.improvement == 0.5
    assert evidence.evaluation_rows == 4
    assert (evidence.candidate_baseline_score, evidence.first_baseline_score) == (0.5, 1.0)
    assert evidence.baseline_drop == 0.5
    assert evidence.baseline_rows == 2


def test_the_bound_is_the_quantile_that_the_normal_approximation_expects():
    # Per row the candidate gains 1 in 30 %, loses 1 in 10 %, else nothing: mean 0.2, and the
    # variance of a row is 0.4 - 0.04 = 0.36, so the bound is 0.2 - 1.881 * 0.6 / sqrt(1000): at
    # 0.97, what 0.95 leaves for the first look.
    y = np.zeros(1000, int)
    candidate = np.where(np.arange(1000) < 100, 1, 0)
    production = np.where(np.arange(1000) >= 700, 1, 0)
    evidence = compared(y, candidate, production)
    assert evidence.improvement == pytest.approx(0.2)
    assert evidence.improvement_lower == pytest.approx(0.2 - 1.881 * 0.6 / 1000**0.5, abs=0.003)


def test_the_bound_is_paired():
    # Both models err on the same 400 rows; unpaired noise would swamp the 20 rows between them.
    y = np.zeros(1000, int)
    production = np.where(np.arange(1000) < 420, 1, 0)
    candidate = np.where(np.arange(1000) < 400, 1, 0)
    assert compared(y, candidate, production).improvement_lower > 0


def test_identical_predictions_improve_by_exactly_nothing():
    y = np.array(["a", "b", "c"] * 30)
    pred = np.roll(y, 1)
    evidence = compared(y, pred, pred, get_metric(None, "classification"))
    assert evidence.improvement == 0
    assert evidence.improvement_lower == 0
    assert decide(evidence, GatePolicy(max_baseline_drop=None)).decision == "rejected"


@given(seed=st.integers(0, 1000))
@settings(max_examples=10)
def test_the_order_of_the_rows_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    y, candidate, production = rng.choice(["a", "b", "c"], (3, 60))
    order = rng.permutation(60)
    policy = GatePolicy(resamples=200)
    assert compared(y, candidate, production, policy=policy) == compared(
        y[order], candidate[order], production[order], policy=policy
    )


def test_an_error_is_better_when_smaller_and_its_drop_is_a_share():
    rmse = get_metric("rmse", "regression")
    y = np.arange(100.0)
    noise = np.where(np.arange(100) % 2, 1.0, -1.0)
    evidence = compared(
        y, y + noise, y + 3 * noise, rmse, baseline=(y, y + 2.2 * noise, y + 2 * noise)
    )
    assert evidence.improvement == pytest.approx(2.0)
    assert evidence.improvement_lower == pytest.approx(2.0)
    assert evidence.baseline_drop == pytest.approx(0.1)
    assert not evidence.greater_is_better


def test_no_or_one_row_give_no_bound():
    nothing = compared(NONE, NONE, NONE)
    assert nothing.candidate_score is None
    assert nothing.improvement is None
    assert nothing.improvement_lower is None
    assert nothing.baseline_drop is None
    assert compared(["a"], ["a"], ["b"]).improvement_lower is None


def test_large_evaluation_sets_are_sampled_for_the_bound_only(monkeypatch):
    monkeypatch.setattr(evaluation, "MAX_BOOTSTRAP_ROWS", 500)
    y = np.zeros(2000, int)
    candidate = np.where(np.arange(2000) < 400, 1, 0)
    production = np.where(np.arange(2000) < 600, 1, 0)
    evidence = compared(y, candidate, production)
    assert evidence.evaluation_rows == 2000
    assert evidence.improvement == pytest.approx(0.1)
    # A row's variance is 0.1 - 0.01 = 0.09; 500 rows, and the sample's own error of as much.
    assert 0.03 < evidence.improvement_lower < 0.12
    assert evidence == compared(y, candidate, production)


def test_evidence_survives_json():
    evidence = compared(["a", "b"], ["a", "b"], ["a", "a"])
    assert Evidence.model_validate_json(evidence.model_dump_json()) == evidence


def test_a_candidate_that_guesses_is_hardly_ever_credibly_better():
    rng = np.random.default_rng(0)
    f1 = get_metric(None, "classification")
    fooled = 0
    for trial in range(100):
        y = rng.integers(0, 3, 200)
        production = np.where(rng.random(200) < 0.6, y, rng.integers(0, 3, 200))
        guess = np.where(rng.random(200) < 0.6, y, rng.integers(0, 3, 200))
        fooled += improvement_lower(y, guess, production, f1, 0.95, 300, trial) > 0
    assert fooled <= 11  # of 100 equal pairs 5 are expected; more than 11 has P < 0.5 %


def test_chance_is_a_high_quantile_of_the_scores_of_shuffled_predictions():
    from mlops_assets.promotion.evaluation import chance_score

    y = np.arange(300) % 3
    accuracy = get_metric("accuracy", "classification")
    # 300 hits at 1/3: 0.333 + 1.645 * sqrt(0.222 / 300) = 0.378.
    assert chance_score(y, y, accuracy, 0.95, 0) == pytest.approx(0.378, abs=0.015)
    rmse = get_metric("rmse", "regression")
    # Shuffled, the error is sqrt(2) times the standard deviation of 0.816, give or take.
    below = chance_score(y.astype(float), y.astype(float), rmse, 0.95, 0)
    assert 1.05 < below < 1.1547
    assert chance_score(y[:1], y[:1], accuracy, 0.95, 0) is None


# ---------------------------------------------------------------- periods


def two_models_by_day(between: float, seed: int, days: int = 8, rows: int = 150):
    """Truth, a candidate that is better by 0.1 on the mean day, production, and the days."""
    rng = np.random.default_rng(seed)
    right = np.clip(0.8 + between * rng.normal(size=days), 0, 1)
    y = np.zeros(days * rows, int)
    candidate = (rng.random((days, rows)) >= right[:, None]).astype(int).ravel()
    production = (rng.random(days * rows) >= 0.7).astype(int)
    return y, candidate, production, np.repeat(np.arange(days), rows)


def measured(y, candidate, production, periods, holdout=(NONE, NONE, NONE), of_holdout=None):
    return measure(
        y,
        candidate,
        production,
        *holdout,
        ACCURACY,
        GatePolicy(),
        "2026-01-02",
        None,
        periods=periods,
        baseline_periods=of_holdout,
    )


def measured_by_day(between: float, seed: int, *, known: bool = True):
    y, candidate, production, days = two_models_by_day(between, seed)
    return measured(y, candidate, production, days if known else None)


def test_days_that_are_alike_change_nothing():
    assert measured_by_day(0.0, 1) == measured_by_day(0.0, 1, known=False)


def test_days_that_differ_by_more_than_rows_explain_widen_the_bound():
    by_rows, by_days = measured_by_day(0.15, 1, known=False), measured_by_day(0.15, 1)
    assert by_days.improvement == by_rows.improvement
    assert by_days.improvement_lower < by_rows.improvement_lower - 0.03
    assert by_days.between_periods == pytest.approx(0.15, abs=0.08)
    assert "as days vary (by 0." in decide(by_days, GatePolicy()).checks[1].detail


def test_an_equal_candidate_is_hardly_promoted_where_days_differ():
    def wrongly_better(*, known: bool) -> float:
        found = []
        for seed in range(60):
            y, one, _, days = two_models_by_day(0.1, seed)
            other = two_models_by_day(0.1, 1000 + seed)[1]
            evidence = measured(y, one, other, days if known else None)
            found.append(evidence.improvement_lower > 0)
        return float(np.mean(found))

    assert wrongly_better(known=False) > 0.15
    assert wrongly_better(known=True) <= 0.1


def test_the_holdouts_days_tell_what_one_judged_day_cannot():
    y, candidate, production, _ = two_models_by_day(0.0, 1, days=1)
    holdout = two_models_by_day(0.2, 2, days=28)
    one_day = np.zeros(len(y), int)

    def lower(periods):
        found = measured(y, candidate, production, one_day, holdout[:3], periods)
        return found.improvement_lower

    assert lower(holdout[3]) < lower(None) - 0.1


def test_two_versions_on_a_day_are_kept_with_their_difference_and_its_error():
    y, candidate, production, _ = two_models_by_day(0.0, 1, days=1, rows=1000)
    found = beside(y, candidate, production, ACCURACY, "2026-01-02", 2, 3, 0)
    assert (found.production, found.other, found.rows) == (2, 3, 1000)
    assert found.improvement == pytest.approx((candidate == 0).mean() - (production == 0).mean())
    assert found.error == pytest.approx((0.8 * 0.2 + 0.7 * 0.3) ** 0.5 / 1000**0.5, rel=0.2)
