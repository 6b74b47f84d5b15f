"""Periods as the unit of evidence: what is learned of them, and what becomes of a p-value."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mlops_assets.drift.day_effects import (
    DayEffect,
    Spread,
    binned,
    counted_by_period,
    hold_against_the_others,
    learned,
    of_neighbours,
)
from mlops_assets.drift.policy import DriftPolicy
from mlops_assets.drift.side import DayEffects, Periods, Side
from mlops_assets.drift.two_sample import compare_sides

POLICY = DriftPolicy()
FEATURES = ("x", "z", "kind")
TASK = "classification"


def days(count: int, rows: int, share: float, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Rows of so many days, of whose variation ``share`` lies between days; all columns alike."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(count), rows)
    common = np.sqrt(share) * rng.normal(size=count)[day]
    own = np.sqrt(1 - share) * rng.normal(size=(3, count * rows))
    x, z, kind = common + own + shift
    label = np.where(rng.random(count * rows) < 0.5, "yes", "no")
    return pd.DataFrame(
        {"day": day, "x": x, "z": z, "kind": np.where(kind > 0.3, "a", "b")}
    ).assign(y=label)


def side(rows: pd.DataFrame) -> Side:
    return Side(rows, FEATURES, "y", POLICY.max_rows, rows["day"].to_numpy())


def effect_of(rows: pd.DataFrame, column: str) -> DayEffect:
    return side(rows).effects(TASK, 7).values[column]


@pytest.mark.parametrize("column", ["x", "kind"])
def test_rows_that_are_independent_have_no_day_effect(column):
    assert effect_of(days(28, 200, 0.0, seed=1), column).share < 0.01


@pytest.mark.parametrize(("share", "least", "most"), [(0.05, 0.012, 0.05), (0.3, 0.08, 0.35)])
def test_the_share_between_days_is_found(share, least, most):
    found = [effect_of(days(28, 200, share, seed=seed), "x").share for seed in range(8)]
    assert least < np.mean(found) < most


def test_a_day_effect_is_that_of_the_text_book_for_periods_of_one_size():
    effect = DayEffect(0.1, (), 28)
    now, then = Spread(300, 1 / 1), Spread(5600, 1 / 28)
    expected = 1 + 0.1 * (1 + 1 / 28 - 1 / 300 - 1 / 5600) / (1 / 300 + 1 / 5600)
    assert effect.inflation(then, now, 28, 1) == pytest.approx(expected)
    alone = Spread(300, 1 / 300)  # each row a period of its own
    assert effect.inflation(Spread(5600, 1 / 5600), alone, 5600, 300) == 1.0


def test_the_spread_of_periods_is_the_sum_of_their_squared_shares():
    assert Spread.of(np.array([100, 300])) == Spread(400, 0.25**2 + 0.75**2)
    assert Spread.of(np.array([0])) == Spread(0, 0.0)
    known = Periods.of(np.array([0] * 10 + [1] * 30))
    assert (known.known, known.count, known.squares) == (2, 2.0, 0.25**2 + 0.75**2)
    # Rows of unknown periods count as periods of the usual size.
    partly = Periods.of(np.array([0] * 20 + [1] * 20 + [-1] * 60))
    assert (partly.known, partly.count) == (2, 5.0)
    assert partly.squares == pytest.approx(5 * 0.2**2)


def test_neighbours_that_are_alike_make_a_window_vary_more():
    now, then = Spread(2100, 1 / 7), Spread(5600, 1 / 28)
    apart, alike = DayEffect(0.1, (), 28), DayEffect(0.1, (), 28, correlation=0.7)
    assert alike.inflation(then, now, 28, 7) > 2 * apart.inflation(then, now, 28, 7)
    assert alike.p_value(30, 2, 10) > apart.p_value(30, 2, 10)


def test_what_few_periods_say_of_neighbours_is_drawn_towards_nothing():
    assert of_neighbours(0.0, 0.0, 28) == 0.0
    assert of_neighbours(1.0, 0.8, 28) == 0.0  # weekdays against each other
    assert of_neighbours(1.0, 1.1, 28) < 0.03
    assert of_neighbours(1.0, 1.7, 28) == pytest.approx(0.653, abs=1e-3)
    assert of_neighbours(1.0, 1.7, 7) < of_neighbours(1.0, 1.7, 100)


def test_each_statistic_averages_one_for_independent_rows():
    rng = np.random.default_rng(0)
    numbers, classes = [], []
    for _ in range(60):
        levels, codes = binned(rng.normal(size=1400).round(1))
        period = np.repeat(np.arange(14), 100)
        counts = counted_by_period(period, codes, len(levels))
        numbers.append(hold_against_the_others(counts, "numerical", levels, 1.0, 1).statistic)
        counts = counted_by_period(period, rng.integers(0, 5, 1400), 5)
        classes.append(
            hold_against_the_others(counts, "categorical", np.arange(5), 1.0, 1).statistic
        )
    assert np.mean(numbers) == pytest.approx(1, abs=0.06)
    assert np.mean(classes) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize(("column", "share"), [("x", 0.05), ("kind", 0.05)])
def test_few_periods_are_rarely_taken_to_differ_by_chance_and_more_are_known_to(column, share):
    alike = [effect_of(days(10, 100, 0.0, seed=seed), column).certain for seed in range(100)]
    assert sum(alike) <= 5
    apart = [effect_of(days(28, 200, share, seed=seed), column).certain for seed in range(20)]
    assert all(apart)


def test_a_target_that_moves_by_day_counts_where_that_is_certain():
    def inflation(certain: bool) -> float:
        now, then = days(1, 300, 0.0, seed=1), days(10, 100, 0.0, seed=2)
        effect = DayEffect(0.02, (0.1,), 10, by_chance=0.001 if certain else 0.1)
        effects = DayEffects(10, {"y": effect}, {}, 0.0)
        return compare_sides(side(then), side(now), TASK, POLICY, effects).target_inflation

    assert inflation(certain=True) > 1.5
    assert inflation(certain=False) == 1.0


def test_the_statistic_and_the_distance_are_those_of_the_two_sample_test():
    rows = days(8, 100, 0.1, seed=3)
    one, others = rows[rows["day"] == 0], rows[rows["day"] != 0]
    for column, kind in (("x", "numerical"), ("kind", "categorical")):
        if kind == "numerical":
            levels, codes = binned(rows[column].to_numpy())
        else:
            codes, levels = pd.factorize(rows[column])
        counts = counted_by_period(rows["day"].to_numpy(), codes, len(levels))
        norm = others[column].std(ddof=0) if kind == "numerical" else 1.0
        held = hold_against_the_others(counts, kind, np.asarray(levels), norm, 1)
        compared = compare_sides(
            *(Side(part, [column], None, 10_000) for part in (others, one)), TASK, POLICY
        ).columns[0]
        assert held.distance[0] == pytest.approx(compared.distance, rel=0.02)
        if kind == "categorical":
            p_value = stats.chi2.sf(held.statistic[0] * 800 / 799, 1)
            assert p_value == pytest.approx(compared.p_value, rel=1e-6)


def test_many_levels_are_binned_without_losing_the_ends():
    values = np.random.default_rng(0).normal(size=5000)
    levels, codes = binned(values)
    assert len(levels) <= 500
    assert (levels[0], levels[-1]) == (values.min(), values.max())
    assert np.all(levels[codes] >= values)


def test_rows_of_unknown_periods_are_not_learned_from():
    counts = counted_by_period(np.array([0, -1, 1, 1]), np.array([0, 0, 1, 1]), 2)
    assert counts.tolist() == [[1, 0], [0, 2]]


def test_where_days_do_not_differ_p_values_are_those_of_rows():
    then, now = days(28, 100, 0.0, seed=4), days(1, 300, 0.0, seed=5, shift=0.1)
    effects = side(then).effects(TASK, 7)
    none = {name: DayEffect(0.0, (), 28) for name in effects.values}
    of_days = compare_sides(side(then), side(now), TASK, POLICY, type(effects)(28, none, {}, 0.0))
    of_rows = compare_sides(side(then), side(now), TASK, POLICY)
    assert [c.p_value for c in of_days.columns] == [c.p_value for c in of_rows.columns]
    assert of_days.inflation == 1.0


def test_too_few_periods_teach_nothing():
    assert side(days(6, 100, 0.1, seed=1)).effects(TASK, 7) is None
    assert side(days(7, 100, 0.1, seed=1)).effects(TASK, 7) is not None


def test_days_that_move_as_a_whole_are_no_drift_and_a_shift_is():
    """By rows half of such days differ; by days next to none, and a week of a shift does."""
    by_rows = by_days = found = 0
    for seed in range(20):
        then = days(28, 200, 0.1, seed)
        effects = side(then).effects(TASK, 7)
        usual = days(1, 300, 0.1, 1000 + seed)
        by_rows += compare_sides(side(then), side(usual), TASK, POLICY).differs
        by_days += compare_sides(side(then), side(usual), TASK, POLICY, effects).differs
        week = days(7, 300, 0.1, 2000 + seed, shift=1.0)
        found += compare_sides(side(then), side(week), TASK, POLICY, effects).differs
    assert by_rows >= 10
    assert by_days <= 1
    assert found >= 18


def test_a_distance_that_is_usual_between_days_is_not_large():
    then = days(28, 200, 0.3, seed=1)
    effects = side(then).effects(TASK, 7)
    column = compare_sides(side(then), side(days(1, 200, 0.3, 2)), TASK, POLICY, effects).columns[0]
    assert column.threshold == pytest.approx(effects.values["x"].usual[0])
    assert effects.values["x"].usual[0] > POLICY.numerical_threshold > 0
    assert effects.values["x"].usual_of(7) < effects.values["x"].usual_of(1)


def test_an_outage_takes_a_whole_day_as_the_weather_does():
    then = days(28, 200, 0.5, seed=1)
    then.loc[::97, "x"] = np.nan
    effects = side(then).effects(TASK, 7)
    assert effects.missing["x"].share >= effects.values["x"].share
    assert "z" not in effects.missing


def test_usual_distances_are_learned_of_windows_that_the_reference_has():
    counts = counted_by_period(np.repeat(np.arange(8), 10), np.tile([0, 1], 40), 2)
    effect, _ = learned(counts, "categorical", np.arange(2), 1.0, 7)
    assert len(effect.usual) == 4
    assert effect.usual_of(7) == effect.usual[-1]
