"""What is sent becomes the table that the model was trained on, or a message about all of it."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.errors import UserError
from mlops_assets.serving.table import checked, parse

COLUMNS = {"count": "double", "colour": "string"}
ROWS = [{"count": 1, "colour": "red"}, {"count": None, "colour": None}]


def as_records(rows):
    return json.dumps({"dataframe_records": rows}).encode()


def test_the_three_forms_say_the_same():
    split = {
        "columns": ["colour", "count"],
        "data": [[row["colour"], row["count"]] for row in ROWS],
    }
    forms = [
        (as_records(ROWS), "application/json"),
        (json.dumps({"dataframe_split": split}).encode(), "application/json; charset=utf-8"),
        (b"count,colour,more\n1,red,x\n,,y\n", "text/csv"),
    ]
    for body, content_type in forms:
        table = checked(parse(body, content_type), COLUMNS)
        assert list(table.columns) == ["count", "colour"]
        assert table["count"].dtype == "float64"
        assert table["count"].iloc[0] == 1
        assert table["colour"].iloc[0] == "red"
        assert table.iloc[1].isna().all()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "Expecting value"),
        (b"\xff", "utf-8"),
        (b"[1]", "JSON list, not an object"),
        (b"{}", "neither dataframe_records nor dataframe_split"),
        (b'{"dataframe_records": 1}', "not a list of objects"),
        (b'{"dataframe_records": [1]}', "not a list of objects"),
        (b'{"dataframe_split": {"data": []}}', "not an object with columns and data"),
        (b'{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}', "cannot be read"),
        (b'{"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}', "twice: a"),
    ],
)
def test_a_body_that_is_no_table_is_told_with_what_to_send(body, why):
    with pytest.raises(UserError, match=why):
        parse(body, "application/json")


def test_an_empty_csv_is_told():
    with pytest.raises(UserError, match="cannot be read"):
        parse(b"", "text/csv")


def test_all_missing_columns_are_named_at_once():
    with pytest.raises(UserError, match="2 of 2 columns are missing: count, colour"):
        checked(parse(as_records([{"other": 1}]), "application/json"), COLUMNS)


def test_all_wrong_values_are_told_at_once_with_their_first_row():
    rows = [{"count": 1, "colour": "red"}, {"count": "many", "colour": ["red"]}]
    with pytest.raises(UserError, match=r"2 columns.*count takes.*row 1: 'many'.*colour takes"):
        checked(parse(as_records(rows), "application/json"), COLUMNS)


def test_no_rows_are_refused():
    with pytest.raises(UserError, match="0 rows were sent"):
        checked(pd.DataFrame(columns=["count", "colour"]), COLUMNS)


def test_infinity_is_refused_and_true_is_one():
    with pytest.raises(UserError, match="finite"):
        checked(pd.DataFrame({"count": [np.inf], "colour": ["a"]}), COLUMNS)
    with pytest.raises(UserError, match="finite"):
        checked(parse(as_records([{"count": 10**400, "colour": "a"}]), ""), COLUMNS)
    taken = checked(parse(as_records([{"count": True, "colour": "a"}]), ""), COLUMNS)
    assert taken["count"].tolist() == [1.0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
VALUE = st.none() | st.integers() | st.floats() | st.text(max_size=5) | JSON


@given(st.lists(st.fixed_dictionaries({"count": VALUE, "colour": VALUE}), max_size=4))
def test_any_json_is_a_table_or_a_message(rows):
    try:
        table = checked(parse(as_records(rows), "application/json"), COLUMNS)
    except UserError:
        return
    assert np.isfinite(table["count"].dropna()).all()
    assert len(table) == len(rows)
