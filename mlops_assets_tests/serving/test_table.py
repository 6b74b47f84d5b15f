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


def taken(body, content_type="application/json"):
    return checked(parse(body, content_type), COLUMNS)


@pytest.mark.parametrize("number", [7, 7.0])
def test_a_whole_number_is_the_text_of_its_digits_as_in_the_daily_job(number):
    assert taken(as_records([{"count": 1, "colour": number}]))["colour"].tolist() == ["7"]
    assert taken(b"count,colour\n1,7\n", "text/csv")["colour"].tolist() == ["7"]
    with pytest.raises(UserError, match="colour takes texts"):
        taken(as_records([{"count": 1, "colour": number + 0.5}]))
    with pytest.raises(UserError, match="row 0: 'True'"):
        taken(as_records([{"count": 1, "colour": True}]))


def test_csv_keeps_texts_as_they_are_and_only_an_empty_field_is_missing():
    body = "\ufeffcount,colour\r\n1,007\r\nnan,NA\r\n,\r\n 2 , None\r\n\r\n".encode()
    table = taken(body, "text/csv; charset=UTF-8")
    assert table["count"].fillna(-1).tolist() == [1, -1, -1, 2]
    assert table["colour"].fillna("-").tolist() == ["007", "NA", "-", " None"]


@pytest.mark.parametrize(
    ("body", "first"),
    [
        (b"count,colour\n1,red,\n2,blue,\n", "2 of 2 rows .* row 0 with 3"),
        (b"count,colour\n1,red\n2\n", "1 of 2 rows .* row 1 with 1"),
        (b"count,colour\n1,red\n\n2,blue\n", "1 of 3 rows .* row 1 with 0"),
    ],
)
def test_a_line_of_csv_is_neither_shifted_nor_filled_up(body, first):
    with pytest.raises(UserError, match=first):
        parse(body, "text/csv")


def test_a_row_of_json_is_neither_shifted_nor_filled_up():
    for data in ([[1, "red"], [2]], [[1, "red"], [2, "red", 3]]):
        split = {"columns": ["count", "colour"], "data": data}
        with pytest.raises(UserError, match=r"1 of 2 rows .* first is row 1"):
            parse(json.dumps({"dataframe_split": split}).encode(), "application/json")
    with pytest.raises(UserError, match="colour is missing from 1 rows, the first is row 1"):
        taken(as_records([{"count": 1, "colour": "red"}, {"count": 2, "more": 1}]))


@pytest.mark.parametrize(
    ("body", "content_type", "why"),
    [
        (b'{"dataframe_split": {"columns": 5, "data": [[1]]}}', "", "not a list of names"),
        (b'{"dataframe_split": {"columns": [["a"]], "data": [[1]]}}', "", "not a list of names"),
        (b'{"dataframe_split": {"columns": ["a"], "data": 5}}', "", "not a list of lists"),
        (b"[" * 10**5, "", "nested too deeply"),
        (b'{"dataframe_records": [{"a": 1, "a": 2}]}', "", "twice: a"),
        (b'{"dataframe_records": [], "dataframe_split": {}}', "", "both"),
        (b"a,b,a\n1,2,3\n", "text/csv", "twice: a"),
        (b'a\n"1\n', "text/csv", "unexpected end"),
        (b"{}", "text/plain", "Content-Type is 'text/plain'"),
        (b"{}", "application/json; charset=latin-1", "charset 'latin-1' is not taken"),
    ],
)
def test_every_kind_of_malformed_body_has_its_sentence(body, content_type, why):
    with pytest.raises(UserError, match=why):
        parse(body, content_type)


def test_a_column_may_be_called_by_a_number():
    split = {"columns": [7], "data": [[1]]}
    body = json.dumps({"dataframe_split": split}).encode()
    assert checked(parse(body, ""), {"7": "double"})["7"].tolist() == [1]


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
