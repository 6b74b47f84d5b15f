"""What a person is told of a baseline: columns that name rows or days, or hold the answer."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.data.columns import Columns
from mlops_assets.data.hints import hints

ROWS = 200
RNG = np.random.default_rng(0)


def table(**more: object) -> pd.DataFrame:
    made = {
        "size": RNG.normal(10, 2, ROWS).round(2),
        "visits": RNG.poisson(3, ROWS),
        "price": RNG.integers(1, 10**9, ROWS),
        "plan": RNG.choice(["basic", "plus"], ROWS),
        "y": RNG.normal(0, 1, ROWS),
    }
    return pd.DataFrame(made | more)


def told(frame: pd.DataFrame, task: str = "regression", **roles: list[str]) -> list[str]:
    return [hint.partition(":")[0] for hint in hints(frame, Columns(target="y", **roles), task)]


@pytest.mark.parametrize(
    "numbers",
    [
        range(1, ROWS + 1),
        np.arange(1.0, ROWS + 1)[::-1],  # as a number with gaps would be read
        np.random.default_rng(1).permutation(ROWS),
        np.cumsum(np.random.default_rng(1).integers(1, 1000, ROWS)),
        [f"c{row}" for row in range(ROWS)],
        [f"person {row}" if row % 3 else None for row in range(ROWS)],
    ],
)
def test_what_is_different_in_every_row_is_told(numbers):
    assert told(table(number=numbers)) == ["number"]
    assert told(table(number=numbers), id=["number"]) == []
    assert told(table(number=numbers), ignore=["number"]) == []


def test_measures_and_prices_that_are_all_different_are_not():
    assert told(table(size=np.random.default_rng(2).normal(10, 2, ROWS))) == []


def test_parts_of_which_the_target_is_the_sum_are_told_and_no_others():
    frame = table()
    whole = frame["visits"] + frame["price"]
    (hint,) = hints(frame.assign(y=whole), Columns(target="y"), "regression")
    assert hint.startswith("y: it can be computed from visits and price, to the last digit.")
    assert "`columns.ignore`" in hint
    assert told(frame.assign(y=whole), ignore=["price"]) == []
    assert told(frame.assign(y=(whole > 10**8).astype(int)), "classification") == []


def test_another_unit_of_the_target_is_told():
    frame = table()
    assert told(frame.assign(fahrenheit=frame["y"] * 1.8 + 32)) == ["y"]


def test_a_close_relation_is_none():
    frame = table()
    noise = np.random.default_rng(3).normal(0, 0.001, ROWS)
    assert told(frame.assign(y=frame["size"] + frame["visits"] + noise)) == []


def test_a_day_of_several_rows_is_told_and_a_time_is_not():
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(ROWS) // 10, "D")
    (hint,) = hints(table(on=days), Columns(target="y"), "regression")
    assert hint.startswith("on: a day. If it says which day the row is of, name it as")
    assert hints(table(on=days), Columns(target="y", timestamp="on"), "regression") == ()
    assert told(table(at=days + pd.Timedelta(hours=9))) == []


def test_little_is_said_of_few_rows():
    assert told(table(number=range(ROWS)).head(40)) == []
