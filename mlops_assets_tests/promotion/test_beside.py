"""Two versions side by side: what is credible, however often one looks."""

import numpy as np
import pytest

from mlops_assets.promotion.beside import Beside, standing

ROWS = 300
DEVIATION = 0.5  # of the difference on one row: two models that disagree on a quarter of them


def record(day: int, improvement: float, production: int = 3, other: int = 2, rows: int = ROWS):
    return Beside(
        partition=f"2026-01-{day:02}",
        production=production,
        other=other,
        improvement=improvement,
        error=DEVIATION / rows**0.5,
        rows=rows,
    )


def days(truth: float, between: float, seed: int, count: int = 14) -> list[Beside]:
    rng = np.random.default_rng(seed)
    error = DEVIATION / ROWS**0.5
    moved = truth + between * rng.normal(size=count) + error * rng.normal(size=count)
    return [record(day, float(each)) for day, each in enumerate(moved, start=1)]


def found_on(records: list[Beside], confidence: float = 0.98) -> int | None:
    """The first day on which it is credible."""
    for count in range(1, len(records) + 1):
        found = standing(records[:count], 3, 2, confidence, 14)
        if found is not None and found.credible:
            return count
    return None


@pytest.mark.parametrize("between", [0.0, 0.02, 0.05])
def test_an_equal_version_is_hardly_ever_credible_however_often_one_looks(between):
    found = [found_on(days(0.0, between, seed)) is not None for seed in range(2000)]
    assert np.mean(found) <= 0.03  # 0.02, and three standard errors of so many trials


@pytest.mark.parametrize(("between", "least"), [(0.0, 0.85), (0.02, 0.7)])
def test_a_version_that_is_better_by_three_hundredths_is_found(between, least):
    found = [found_on(days(0.03, between, seed)) is not None for seed in range(200)]
    assert np.mean(found) >= least


def test_a_much_better_one_is_found_within_days():
    assert all((found_on(days(0.15, 0.0, seed)) or 99) <= 5 for seed in range(50))


def test_fewer_days_than_are_asked_for_prove_nothing():
    assert not standing([record(1, 0.5), record(2, 0.5)], 3, 2, 0.98, 14).credible
    assert standing([record(1, 0.5), record(2, 0.5)], 3, 2, 0.98, 14, fewest=2).credible


def test_days_that_contradict_each_other_prove_nothing():
    alike = [record(day, 0.1) for day in range(1, 6)]
    apart = [record(day, 0.1 + 0.4 * (-1) ** day) for day in range(1, 5)] + [record(5, 0.1)]
    assert standing(alike, 3, 2, 0.98, 14).credible
    assert not standing(apart, 3, 2, 0.98, 14).credible


def test_only_the_first_days_of_the_very_pair_count():
    others = [record(1, 9.0, production=1), record(2, 9.0, other=1)]
    later = [record(day, 9.0) for day in (20, 21)]
    found = standing([*later, *others, record(4, 0.01), record(3, 0.01)], 3, 2, 0.98, most=2)
    assert found.days == ("2026-01-03", "2026-01-04")
    assert found.over
    assert not found.credible
    assert standing(others, 3, 2, 0.98, 14) is None


def test_days_count_by_their_rows_and_few_rows_are_not_enough():
    found = standing([record(1, 0.3, rows=100), record(2, 0.0, rows=200)], 3, 2, 0.98, 14)
    assert found.improvement == pytest.approx(0.1)
    assert found.rows == 300
    few = [record(day, 0.9, rows=5) for day in range(1, 9)]
    assert not standing(few, 3, 2, 0.98, 14, fewest_rows=50).credible
    assert "too few to tell" in standing(few, 3, 2, 0.98, 14, fewest_rows=50).text


def test_it_is_said_in_numbers():
    assert standing([record(1, 0.1), record(2, 0.1)], 3, 2, 0.98, 14).text == (
        "+0.1000 on 600 rows of 2 of 14 days, at least -0.0172 with 0.98 confidence over all of "
        "them, which is too few to tell"
    )
