"""What is sent becomes the table that the model was trained on, or a message about all of it."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.data.columns import Columns
from mlops_assets.data.notes import notes_of
from mlops_assets.errors import UserError
from mlops_assets.serving.table import Sent, checked, parse
from mlops_assets.training.model_format import SentType

COLUMNS: dict[str, SentType] = {"count": "float", "colour": "string"}
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
    with pytest.raises(UserError, match=r"1 columns .* colour is a list or an object in 1 rows.*1"):
        taken(as_records(rows))
    rows[1]["colour"] = True
    told = (
        r"2 columns hold what the model does not take: count takes numbers: 1 of 2 rows are not "
        r"numbers, the first is row 1: 'many'; colour takes texts.*row 1: 'True'\."
    )
    with pytest.raises(UserError, match=told):
        taken(as_records(rows))


def test_no_rows_are_refused():
    with pytest.raises(UserError, match="0 rows were sent"):
        checked(Sent(pd.DataFrame(columns=["count", "colour"])), COLUMNS)


def taken(body, content_type="application/json", columns=COLUMNS):
    return checked(parse(body, content_type), columns)


@pytest.mark.parametrize("number", [np.inf, 10**400, 1e39])
def test_numbers_that_no_model_can_take_are_refused(number):
    with pytest.raises(UserError, match=r"are not finite numbers up to 3\.4e\+38, the first is"):
        taken(as_records([{"count": number, "colour": "a"}]))


def test_true_is_one_and_no_number():
    member: dict[str, SentType] = {"member": "boolean"}
    for sent, meant in ((True, 1), ("false", 0), (1, 1), (None, -1)):
        assert taken(as_records([{"member": sent}]), "", member)["member"].fillna(-1)[0] == meant
    with pytest.raises(UserError, match="member takes true and false: 1 of 1 rows are neither"):
        taken(as_records([{"member": 2}]), "", member)
    with pytest.raises(UserError, match="are not numbers"):
        taken(as_records([{"count": True, "colour": "a"}]))


def test_a_date_is_its_text_and_no_number():
    since: dict[str, SentType] = {"since": "datetime"}
    table = taken(as_records([{"since": "2026-01-31T01:00+01:00"}, {"since": None}]), "", since)
    assert table["since"].tolist() == [pd.Timestamp("2026-01-31"), pd.NaT]
    table = taken(b"since\n2026-01-31\n", "text/csv", since)
    assert table["since"].tolist() == [pd.Timestamp("2026-01-31")]
    for wrong in (20484, "31.01.2026", "today"):
        with pytest.raises(UserError, match="since takes dates like 2026-01-31"):
            taken(as_records([{"since": wrong}]), "", since)


def test_of_a_version_from_before_types_were_kept_true_is_one_and_a_date_its_days():
    before: dict[str, SentType] = {"count": "double", "colour": "text"}
    for sent, meant in ((True, 1), (20484, 20484), ("2.5", 2.5)):
        row = [{"count": sent, "colour": "a"}]
        assert taken(as_records(row), "", before)["count"].tolist() == [meant]
    with pytest.raises(UserError, match=r"count takes numbers \(true is 1, a date is its days"):
        taken(as_records([{"count": "2026-01-31", "colour": "a"}]), "", before)


@pytest.mark.parametrize("number", [7, 7.0])
def test_a_whole_number_is_the_text_of_its_digits_as_in_the_daily_job(number):
    assert taken(as_records([{"count": 1, "colour": number}]))["colour"].tolist() == ["7"]
    assert taken(b"count,colour\n1,7\n", "text/csv")["colour"].tolist() == ["7"]
    mixed = as_records([{"count": 1, "colour": number}, {"count": 1, "colour": "red"}])
    assert taken(mixed)["colour"].tolist() == ["7", "red"]
    for wrong in (number + 0.5, True):
        with pytest.raises(UserError, match=f"colour takes texts.*row 0: '{wrong}'"):
            taken(as_records([{"count": 1, "colour": wrong}]))


def test_what_is_changed_is_told():
    table = taken(b"count,colour\nNA,red  \n2,blue\n", "text/csv")
    assert notes_of(table, Columns(target="")) == (
        "count: the word NA of 1 row taken as no value.",
        "colour: blanks around the text of 1 row taken off (for example 'red  ').",
    )
    assert notes_of(taken(as_records(ROWS)), Columns(target="")) == ()


def test_texts_of_csv_that_say_something_else_stay_as_they_are_written():
    for texts in (["True", "FALSE"], ["1.5", "1.10"], ["007", "7"], ["7", "NA", "red"]):
        body = "count,colour\n" + "".join(f"1,{text}\n" for text in texts)
        table = taken(body.encode(), "text/csv")
        assert table["colour"].tolist() == texts
        assert notes_of(table, Columns(target="")) == ()


def test_of_a_version_from_before_types_were_kept_texts_keep_their_blanks():
    before: dict[str, SentType] = {"colour": "text"}
    texts = ["red   ", " 7", "7.0", "", "True"]
    sent = as_records([{"colour": text} for text in [*texts, 7, None]])
    assert taken(sent, "", before)["colour"].fillna("-").tolist() == [*texts, "7", "-"]
    sent = "colour,x\n" + "".join(f"{text},1\n" for text in texts)
    found = taken(sent.encode(), "text/csv", before)["colour"].fillna("").tolist()
    assert found == texts
    with pytest.raises(UserError, match="colour takes texts"):
        taken(as_records([{"colour": "\ud800"}]), "", before)


def test_a_byte_order_mark_and_a_charset_are_no_part_of_csv():
    body = "\ufeffcount,colour\r\n1,red\r\nnan,NA\r\n,\r\n 2 , None\r\n\r\n".encode()
    table = taken(body, "text/csv; charset=UTF-8")
    assert table["count"].fillna(-1).tolist() == [1, -1, -1, 2]
    assert table["colour"].fillna("-").tolist() == ["red", "NA", "-", "None"]


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
    assert checked(parse(body, ""), {"7": "float"})["7"].tolist() == [1]


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
