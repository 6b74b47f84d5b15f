"""The simulations' own arithmetic, and one short life of the loop."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import estimates, large_stream, metrics_cost
from bench.alarms import target_trials
from bench.large_stream import LargeStream
from bench.learner import Folded, Learner
from bench.moving_days import FIRST_DAY, Prevalence, Weekends
from bench.promotions import two_models
from bench.streams import live
from bench.tables import FEATURES, SHIFTED, TARGET, UNEVEN, mixed
from bench.trials import clopper_pearson, rate
from bench.world import World
from mlops_assets.metrics import known_metrics
from mlops_assets.replay.living import Log
from mlops_assets.replay.policies import NEVER


def test_the_interval_is_clopper_and_pearsons():
    # No hit of 10: the upper bound is 1 - 0.025 ** (1 / 10).
    assert clopper_pearson(0, 10) == pytest.approx((0.0, 1 - 0.025**0.1))


@pytest.mark.parametrize(("sense", "met"), [("<=", False), (">=", True)])
def test_a_bar_has_a_side(sense, met):
    cell = rate("q", "c", [True, True, True, False], sense, 50)
    assert (cell.value, cell.trials, cell.met) == (75, 4, met)


def test_columns_are_moved_by_their_own_standard_deviations():
    rng = np.random.default_rng(0)
    still, moved = mixed(rng, 40_000), mixed(rng, 40_000, 0.5)
    for name in FEATURES:
        if name in SHIFTED:
            shift = (moved[name].mean() - still[name].mean()) / still[name].std()
            assert shift == pytest.approx(0.5, abs=0.04)


def test_two_models_have_the_accuracies_and_the_correlation_told():
    y, first, second = two_models(np.random.default_rng(0), 100_000, 0.7, 0.8)
    right = np.array([first == y, second == y])
    assert right.mean(axis=1) == pytest.approx([0.7, 0.8], abs=0.01)
    assert np.corrcoef(right)[0, 1] == pytest.approx(0.3, abs=0.02)


def test_targets_judged_by_counts_are_judged_as_frames_are():
    # `target_trials` asserts it of its first twenty trials.
    assert target_trials(range(200), 1001, 100, UNEVEN).mean() > 0.9


def test_a_life_of_the_loop_finds_a_change_on_its_day():
    outcome = live(World(1, 1000, 300, change=lambda day: float(day >= 3)), days=5)
    assert outcome.retrained == [3, 5]
    assert len(outcome.scores) == 5


def test_the_learner_is_cross_validated_with_weights_as_by_fits_of_its_own():
    learner = Learner(6)
    rows = World(1, 300, 300).baseline()
    fold_of, group_of = np.arange(300) % 3, np.arange(300) % 5 // 3
    weights = np.where(group_of == 1, 2.0, 1.0)  # as if each of its rows were there twice
    predicted = Folded(learner, rows, fold_of, group_of)(weights)
    for fold in range(3):
        held = fold_of == fold
        twice = learner.moments(rows[~held & (group_of == 1)])
        fitted = learner.fit([learner.moments(rows[~held]), twice])
        assert (predicted[held].labels == fitted.predict(rows[held]).labels).all()


def test_weekends_are_another_population():
    world = Weekends(1, 0.0)
    friday, saturday = (world.batch(FIRST_DAY + dt.timedelta(days=day)) for day in (1, 2))
    moved = saturday.mean(numeric_only=True) - friday.mean(numeric_only=True)
    assert (moved[["x0", "x1", "x2", "x3", "x4"]].abs() > 0.8).all()
    assert (moved[["x5", "x6", "x7", "x8", "x9"]].abs() < 0.3).all()
    assert (friday["kind"] == "c").mean() < 0.2 < 0.6 < (saturday["kind"] == "c").mean()


def test_prevalence_moves_by_half_a_unit_of_the_logit():
    world = Prevalence(1, 0.0)
    days = [world.batch(FIRST_DAY + dt.timedelta(days=day)) for day in range(60)]
    shares = np.array([(day[TARGET] == 0).mean() for day in days])
    assert {len(day) for day in days} == {300}
    assert np.std(np.log(shares / (1 - shares))) == pytest.approx(0.52, abs=0.15)


def test_of_a_large_stream_half_of_the_columns_and_of_the_rule_change_for_good():
    stream = LargeStream(seed=0, shift=1.0)
    before, after = (stream.batch(large_stream.FIRST_DAY + dt.timedelta(d)) for d in (14, 15))
    moved = (after.mean(numeric_only=True) - before.mean(numeric_only=True))[:-1]
    assert list(moved.round()) == [1.0] * 5 + [0.0] * 5
    frequent = [day["label"].value_counts(normalize=True).max() for day in (before, after)]
    assert max(frequent) < 0.5


def test_the_bar_of_a_large_stream_is_the_gain_after_the_change():
    days = [str(large_stream.FIRST_DAY + dt.timedelta(d)) for d in range(30)]
    lives = {}
    for name, score in ((NEVER, 0.5), (large_stream.ALIKE, 0.6), (large_stream.CHOSEN, 0.7)):
        scores = {day: 0.0 if place < 16 else score for place, day in enumerate(days)}
        lives[name] = Log(scores=scores, retrainings=3)
    assert [*large_stream.told(lives)][-1].startswith("gain 0.1000 -> 0.2000, 2.00 times")
    assert [*large_stream.told(lives)][-1].endswith("met")
    lives[large_stream.CHOSEN].retrainings = 4
    assert [*large_stream.told(lives)][-1].endswith("missed")


def test_every_metric_but_a_function_has_a_cost():
    found = metrics_cost.costs(rows=200, resamples=20)
    measured = {name.partition("(")[0] for _, name in found}
    known = {
        name.partition(":")[0]
        for task in ("classification", "regression")
        for name in known_metrics(task)
    }
    assert measured == known - {"function"}
    assert all(each.seconds >= 0 and each.megabytes > 0 for each in found.values())


def test_an_example_is_estimated_on_days_that_are_usual_and_on_others():
    package = Path(estimates.__file__).parent.parent / "mlops_assets"
    stream = estimates.example_stream(package / "examples" / "wine", "lr")
    assert len(stream.days) == estimates.SYNTHETIC_DAYS
    assert 0 < sum(day.usual for day in stream.days) < len(stream.days)
    short = replace(stream, days=stream.days[:3])
    for estimate, lower, upper, score, _ in estimates.measured(short, "accuracy", None):
        assert lower <= estimate <= upper
        assert 0 <= score <= 1
