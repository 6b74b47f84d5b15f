"""What periods of different sizes say together."""

import numpy as np
import pytest

from mlops_assets.random_effects import Mean, Measured, spread_of


def periods(between: float, mean: float, seed: int, count: int = 20) -> list[Measured]:
    rng = np.random.default_rng(seed)
    rows = rng.integers(50, 400, count)
    values = mean + between * rng.normal(size=count) + rng.normal(size=count) / np.sqrt(rows)
    return [Measured(float(value), int(n)) for value, n in zip(values, rows, strict=True)]


def test_the_mean_is_that_of_all_rows():
    mean = Mean.of([Measured(1.0, 100), Measured(0.0, 300)])
    assert (mean.value, mean.rows, mean.squares) == (0.25, 400, 0.625)


def test_what_lies_between_is_what_rows_do_not_explain():
    found = [spread_of([periods(0.2, 0.0, seed)], 1.0).between for seed in range(100)]
    assert np.mean(found) == pytest.approx(0.04, rel=0.15)
    none = [spread_of([periods(0.0, 0.0, seed)], 1.0) for seed in range(100)]
    assert np.mean([each.between for each in none]) < 0.002
    assert sum(each.matters(200) for each in none) <= 4


def test_groups_of_different_means_tell_of_one_spread():
    groups = [periods(0.2, mean, 10 * place) for place, mean in enumerate((0.0, 5.0, -3.0))]
    found = spread_of([*groups, []], 1.0)
    assert found.freedom == 57
    assert found.between == pytest.approx(0.04, rel=0.5)
    assert found.matters(200)


def test_one_period_tells_nothing_of_what_lies_between():
    found = spread_of([[Measured(0.7, 100)]], 1.0)
    assert (found.between, found.freedom) == (0.0, 0)
    assert not found.matters(100)


def test_where_rows_explain_nothing_all_lies_between():
    found = spread_of([[Measured(0.0, 10), Measured(2.0, 10)]], 0.0)
    assert found.between == 1.0
    assert found.matters(10)
