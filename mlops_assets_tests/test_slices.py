"""Slices: which rows they are of, and how a model does on them."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.data.columns import Columns
from mlops_assets.errors import UserError
from mlops_assets.metrics import get_metric
from mlops_assets.predicted import Predicted
from mlops_assets.slices import MOST_GROUPS, find_slices, score_slices

COLUMNS = Columns(target="y", sensitive=["sex"])
TABLE = pd.DataFrame(
    {
        "carrier": ["AA", "UA", None, "AA"],
        "age": [20.0, 30.0, 40.0, np.nan],
        "sex": ["m", "f", "f", "m"],
        "seen": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03", None], utc=True),
        "member": [True, False, True, True],
        "y": ["a", "b", "a", "b"],
    }
)


def rows(asked, frame=TABLE):
    return {s.name: s.rows(frame).tolist() for s in find_slices(TABLE, asked, COLUMNS)}


def test_each_value_of_a_column_is_a_slice_and_what_is_missing_is_in_none():
    assert rows(["carrier"]) == {
        "carrier = AA": [True, False, False, True],
        "carrier = UA": [False, True, False, False],
    }
    assert rows(["member"])["member = True"] == [True, False, True, True]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("age < 30", [True, False, False, False]),
        ("age<=30", [True, True, False, False]),
        ("age > 20", [False, True, True, False]),
        ("age != 30", [True, False, True, False]),
        ("carrier == AA", [True, False, False, True]),
        ("carrier != 'AA'", [False, True, False, False]),
        ("seen >= 2026-01-02", [False, True, True, False]),
        ("member == True", [True, False, True, True]),
    ],
)
def test_a_condition_is_met_by_rows_that_have_a_value(asked, found):
    assert list(rows([asked]).values()) == [found]


def test_groups_of_a_sensitive_column_are_told_by_their_place_alone():
    assert rows(["sex"]) == {
        "sex, group 1": [False, True, True, False],
        "sex, group 2": [True, False, False, True],
    }
    assert list(rows(["sex == f"])) == ["sex == (hidden)"]


def test_they_are_of_the_baseline_so_that_a_day_without_a_group_has_no_row_of_it():
    day = TABLE[TABLE["sex"] == "m"]
    found = {s.name: s.rows(day).sum() for s in find_slices(TABLE, ["sex"], COLUMNS)}
    assert found == {"sex, group 1": 0, "sex, group 2": 2}


def test_the_most_frequent_groups_are_looked_at():
    many = pd.DataFrame({"city": [f"c{place:02}" for place in range(50)] * 2, "y": 0})
    many.loc[0, "city"] = "c49"
    found = find_slices(many, ["city"], COLUMNS)
    assert len(found) == MOST_GROUPS
    assert "city = c49" in {each.name for each in found}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("colour", "no column of the baseline"),
        ("colour == red", "no column of the baseline"),
        ("y", "the target"),
        ("y == a", "the target"),
        ("age < old", "'old' is no value of 'age'"),
        ("seen < soon", "'soon' is no value of 'seen'"),
        ("seen", "different moments"),
    ],
)
def test_what_is_no_slice_is_told(asked, says):
    with pytest.raises(UserError, match=says):
        find_slices(TABLE, [asked], COLUMNS)


def test_a_column_of_many_numbers_is_no_group():
    many = pd.DataFrame({"age": np.arange(100.0), "y": 0})
    with pytest.raises(UserError, match=r"100 different numbers.*age < 49.5"):
        find_slices(many, ["age"], COLUMNS)


def test_a_score_is_of_the_rows_of_the_slice():
    said = Predicted(np.array(["a", "a", "a", "b"]))
    found = score_slices(
        find_slices(TABLE, ["sex", "age > 90"], COLUMNS),
        *(TABLE, TABLE["y"].to_numpy(), said, get_metric("accuracy", "classification")),
    )
    assert [(each.name, each.rows, each.score) for each in found] == [
        ("sex, group 1", 2, 0.5),
        ("sex, group 2", 2, 1.0),
    ]
