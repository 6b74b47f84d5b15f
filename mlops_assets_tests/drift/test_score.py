"""When a score has credibly fallen."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.drift.score import (
    Scored,
    credibly_worse,
    fall_beyond_days,
    fall_of_days,
    falls,
    score_spread,
)
from mlops_assets.metrics import get_metric
from mlops_assets.random_effects import Measured, Spread

ACCURACY = get_metric("accuracy", "classification")
F1 = get_metric(None, "classification")
RMSE = get_metric("rmse", "regression")


def with_hits(hits: int, rows: int) -> Scored:
    """Rows of one class of which so many are predicted."""
    return Scored(np.zeros(rows, int), np.where(np.arange(rows) < hits, 0, 1))


def test_a_large_fall_is_credible_and_its_size_is_the_difference_of_scores():
    fall = credibly_worse(with_hits(150, 300), with_hits(270, 300), ACCURACY, 0.999, 2000, 0)
    assert (fall.score_now, fall.score_then) == (0.5, 0.9)
    assert fall.fall == pytest.approx(0.4)
    # The bound is 0.4 - 3.09 * sqrt(0.25 / 300 + 0.09 / 300) = 0.296 by the normal approximation.
    assert fall.fall_lower == pytest.approx(0.296, abs=0.02)
    assert fall.credible


def test_the_same_fall_on_few_rows_is_not_credible():
    assert not credibly_worse(with_hits(5, 10), with_hits(9, 10), ACCURACY, 0.999, 2000, 0).credible


def test_few_rows_of_the_evaluation_at_promotion_count_as_well():
    many = credibly_worse(with_hits(240, 300), with_hits(2700, 3000), ACCURACY, 0.999, 2000, 0)
    few = credibly_worse(with_hits(240, 300), with_hits(27, 30), ACCURACY, 0.999, 2000, 0)
    assert many.credible
    assert not few.credible


def test_a_better_score_is_no_fall():
    fall = credibly_worse(with_hits(270, 300), with_hits(150, 300), ACCURACY, 0.6, 2000, 0)
    assert fall.fall == pytest.approx(-0.4)
    assert not fall.credible


def test_an_error_that_grows_is_a_fall():
    truth = np.zeros(200)
    then = Scored(truth, np.tile([1.0, -1.0], 100))
    now = Scored(truth, np.tile([2.0, -2.0], 100))
    fall = credibly_worse(now, then, RMSE, 0.999, 500, 0)
    assert fall.fall == pytest.approx(1.0)
    assert fall.credible


def test_a_higher_confidence_gives_a_lower_bound():
    low, high = falls(with_hits(150, 300), with_hits(170, 300), ACCURACY, (0.9, 0.99), 2000, 0)
    assert low.fall_lower > high.fall_lower
    assert (low.confidence, high.confidence) == (0.9, 0.99)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_the_order_of_rows_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    now, then = (Scored(rng.integers(0, 3, 80), rng.integers(0, 3, 80)) for _ in range(2))
    order = rng.permutation(80)
    shuffled = Scored(now.y_true[order], now.y_pred[order])
    first = credibly_worse(now, then, F1, 0.95, 200, 0)
    assert first == credibly_worse(shuffled, then, F1, 0.95, 200, 0)


def test_labels_may_be_of_mixed_types():
    labels = np.array(["a", 1, "b", 1], dtype=object)
    rows = Scored(labels, labels)
    assert credibly_worse(rows, rows, F1, 0.9, 200, 0).fall == 0.0


def test_an_unchanged_score_is_rarely_called_fallen():
    rng = np.random.default_rng(0)
    credible = 0
    for seed in range(300):
        now, then = (with_hits(int(rng.binomial(300, 0.9)), 300) for _ in range(2))
        credible += credibly_worse(now, then, ACCURACY, 0.98, 400, seed).credible
    assert credible <= 15  # 6 expected


def of_two_classes(errors: int, rows: int) -> Scored:
    """Rows of two classes in turn, of which the first so many are predicted wrongly."""
    truth = np.arange(rows) % 2
    return Scored(truth, np.where(np.arange(rows) < errors, 1 - truth, truth))


@pytest.mark.parametrize(("errors", "credible"), [(13, False), (60, True)])
def test_a_perfect_score_on_few_rows_is_not_taken_for_certain(errors, credible):
    # 0 of 120 against 13 of 300: Fisher's exact test gives p = 0.012; against 60, 1e-9.
    fall = credibly_worse(
        of_two_classes(errors, 300), of_two_classes(0, 120), ACCURACY, 0.999, 2000, 0
    )
    assert (fall.score_then, fall.credible) == (1.0, credible)


# ---------------------------------------------------------------- days as the unit


def days(count: int, between: float, rows: int = 100, mean: float = 0.8, seed: int = 0):
    """Days of an accuracy that varies between them beyond what so many rows explain."""
    rng = np.random.default_rng(seed)
    truth = np.clip(mean + between * rng.normal(size=count), 0, 1)
    return [Measured(rng.binomial(rows, p) / rows, rows) for p in truth]


ROWS_SAY = credibly_worse(with_hits(80, 100), with_hits(240, 300), ACCURACY, 0.999, 2000, 0)


def test_the_spread_between_days_is_what_rows_do_not_explain():
    alike = [score_spread(days(30, 0.0, seed=seed), ROWS_SAY).between for seed in range(20)]
    apart = [score_spread(days(30, 0.1, seed=seed), ROWS_SAY).between for seed in range(20)]
    assert np.mean(alike) < 0.0005
    assert np.mean(np.sqrt(apart)) == pytest.approx(0.1, abs=0.02)
    found = score_spread(days(30, 0.0), ROWS_SAY)
    assert found.per_row == pytest.approx(0.8 * 0.2, rel=0.2)
    assert found.freedom + 1 == 30


def test_days_matter_where_they_differ_by_more_than_rows_explain_and_not_by_chance():
    spread = Spread(per_row=0.16, between=0.0016, freedom=29, by_chance=0.001)
    assert [spread.matters(rows) for rows in (10, 49, 51, 900)] == [False, False, True, True]
    assert not replace(spread, by_chance=0.1).matters(900)
    assert Spread(0.0, 0.1, 8).matters(10)
    assert not Spread(0.0, 0.0, 8).matters(10)
    alike = [score_spread(days(8, 0.0, seed=seed), ROWS_SAY).matters(100) for seed in range(200)]
    assert sum(alike) <= 20
    apart = [score_spread(days(8, 0.15, seed=seed), ROWS_SAY).matters(100) for seed in range(50)]
    assert sum(apart) >= 45


def test_one_bad_day_is_no_fall_and_a_bad_week_is():
    then = days(30, 0.05)

    def fallen(*scores: float) -> bool:
        now = [Measured(score, 100) for score in scores]
        return fall_of_days(then, now, 0.16, ACCURACY, 0.001).credible

    assert not fallen(0.1)
    assert not fallen(0.1, 0.1)
    assert not fallen(0.1, 0.8, 0.8, 0.8)
    assert fallen(0.5, 0.5, 0.5)
    assert fallen(0.7, 0.66, 0.7, 0.69, 0.66, 0.7, 0.68)
    assert not fallen(0.79, 0.8, 0.78, 0.81, 0.8, 0.79, 0.8)
    # The same mean, of days that are not alike: nothing that stays.
    assert not fallen(0.8, 0.45, 0.8, 0.5, 0.66, 0.85, 0.68)


def with_frauds(frauds: int, alarms: int, rows: int) -> Scored:
    """Half of the frauds are found, and there are so many false alarms."""
    truth = np.where(np.arange(rows) < frauds, "fraud", "fine")
    found = np.arange(rows) < frauds // 2
    alarm = (np.arange(rows) >= frauds) & (np.arange(rows) < frauds + alarms)
    return Scored(truth, np.where(found | alarm, "fraud", "fine"))


def test_a_day_without_a_rare_class_does_not_swing_the_score():
    then = with_frauds(20, 10, 1000)
    usual = credibly_worse(with_frauds(0, 8, 800), then, F1, 0.999, 2000, 0)
    assert (usual.absent_classes, usual.rows_then, usual.credible) == (1, 980, False)
    assert usual.score_now == pytest.approx(0.99)
    assert usual.score_then == pytest.approx(0.99, abs=0.001)
    # Macro F1 of these rows is below 0.5, where that of the others is above 0.7.
    day = with_frauds(0, 8, 800)
    assert F1.score(day.y_true, day.y_pred) < 0.5 < F1.score(then.y_true, then.y_pred) - 0.2
    worse = credibly_worse(with_frauds(0, 120, 800), then, F1, 0.999, 2000, 0)
    assert worse.credible
    # A class that was not known then is what a score falls by.
    new = Scored(np.array(["other"] * 50 + ["fine"] * 100), np.array(["fine"] * 150))
    assert credibly_worse(new, then, F1, 0.999, 2000, 0).credible


def test_an_error_falls_when_it_grows():
    then = [Measured(1.0 + 0.01 * place, 100) for place in range(10)]
    now = [Measured(2.0, 100)] * 4
    assert fall_of_days(then, now, 0.01, RMSE, 0.001).credible
    assert not fall_of_days(now, then, 0.01, RMSE, 0.001).credible


def test_weeks_that_are_like_all_others_are_rarely_called_fallen():
    fallen = 0
    for seed in range(200):
        then, now = days(28, 0.05, seed=seed), days(7, 0.05, seed=1000 + seed)
        spread = score_spread(then, ROWS_SAY)
        fallen += fall_of_days(then, now, spread.per_row, ACCURACY, 0.001).credible
    assert fallen <= 1


def test_a_day_beside_a_regime_must_be_beyond_what_days_vary():
    spread = Spread(per_row=0.16, between=0.0025, freedom=29)
    rows = credibly_worse(with_hits(65, 100), with_hits(400, 500), ACCURACY, 0.99, 2000, 0)
    assert rows.credible
    beyond = fall_beyond_days(rows, 5, spread, 0.001)
    assert (beyond.credible, beyond.fall) == (False, rows.fall)
    far = credibly_worse(with_hits(30, 100), with_hits(400, 500), ACCURACY, 0.99, 2000, 0)
    assert fall_beyond_days(far, 5, spread, 0.001).credible
