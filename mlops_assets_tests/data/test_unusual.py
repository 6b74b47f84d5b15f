"""What is harmless goes on with a note, and what is impossible does not; both by shares."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_assets.data.columns import Columns
from mlops_assets.data.contract import (
    Checked,
    Contract,
    ContractOverrides,
    ContractViolation,
    check,
    derive_contract,
)

ROLES = Columns(target="y", id=["id"], timestamp="seen")
NOW = pd.Timestamp("2026-06-01")
NEW_NULL = "1 of 120 rows have no value, where every row of the baseline has one."


def table(rows: int = 120, **columns) -> pd.DataFrame:
    number = np.arange(rows)
    return pd.DataFrame(
        {
            "id": number,
            "seen": pd.Timestamp("2026-01-01") + pd.to_timedelta(number, unit="h"),
            "size": 10.0 + number % 11,
            "visits": number % 5,
            "due": pd.Timestamp("2026-02-01") + pd.to_timedelta(number % 50, unit="D"),
            "plan": [("basic", "plus", "pro")[i % 3] for i in number],
            "member": number % 2 == 0,
            "y": [("yes", "yes", "no", "no", "no")[i % 5] for i in number],
        }
    ).assign(**columns)


def with_first(name: str, *values) -> pd.DataFrame:
    """The table with these values in the first rows of a column."""
    frame = table()
    return frame.assign(**{name: [*values, *frame[name].tolist()[len(values) :]]})


def derived(baseline: pd.DataFrame | None = None, roles: Columns = ROLES, **said) -> Contract:
    frame = table() if baseline is None else baseline
    overrides = ContractOverrides.model_validate(said)
    contract = derive_contract(frame, roles, overrides, "classification")
    return Contract.from_yaml(contract.to_yaml())


def checked(batch: pd.DataFrame, contract: Contract | None = None, **said) -> Checked:
    return check(batch, contract or derived(**said), ROLES, NOW)


def broken(batch: pd.DataFrame, contract: Contract | None = None, **said):
    with pytest.raises(ContractViolation) as caught:
        checked(batch, contract, **said)
    return [(one.column, one.rule, one.rows) for one in caught.value.violations]


def of_size(**rules) -> dict:
    return {"size": rules}


def test_a_usual_day_has_nothing_unusual():
    assert checked(table()).unusual == ()


# ---------------------------------------------------------------- nulls


@pytest.mark.parametrize("name", ["size", "visits", "due", "plan", "member"])
def test_a_new_null_is_unusual_and_stays_null(name):
    found = checked(with_first(name, None))
    assert found.notes == found.unusual == (f"{name}: {NEW_NULL}",)
    assert found.frame[name].isna().sum() == 1


@pytest.mark.parametrize("name", ["id", "seen"])
def test_a_row_without_its_id_or_time_is_impossible(name):
    assert broken(with_first(name, None)) == [(name, "null", 1)]


def test_gaps_that_the_baseline_has_are_nothing_to_look_at():
    contract = derived(with_first("size", None))
    assert checked(with_first("size", *[None] * 60), contract).notes == ()
    assert broken(with_first("size", *[None] * 61), contract) == [("size", "null", 61)]


@pytest.mark.parametrize(
    ("said", "most"),
    [
        ({}, 12),
        ({"max_new_null_share": 0.5}, 60),
        ({"max_new_null_share": 0}, 0),
        ({"max_new_null_share": 0, "columns": of_size(max_new_null_share=0.25)}, 30),
        ({"max_new_null_share": 0.5, "columns": of_size(max_new_null_share=0)}, 0),
        ({"max_new_null_share": 0.5, "columns": of_size(null_share=0.1)}, 12),
        ({"max_new_null_share": 1}, 120),
    ],
)
def test_how_many_new_nulls_are_possible(said, most):
    assert len(checked(with_first("size", *[None] * most), **said).frame) == 120
    if most < 120:
        frame = with_first("size", *[None] * (most + 1))
        assert broken(frame, **said) == [("size", "null", most + 1)]


# ---------------------------------------------------------------- fractions


def test_a_fraction_where_all_were_whole_is_unusual():
    found = checked(with_first("visits", 1.5, 2.25))
    told = "visits: 2 of 120 rows are not whole numbers, as all of the baseline are: 1.5, 2.25."
    assert found.unusual == (told,)
    assert found.frame["visits"].tolist()[:3] == [1.5, 2.25, 2.0]


def test_a_column_has_one_type_on_all_days():
    days = [table(), with_first("visits", 1.5), with_first("visits", None), table(visits=1.0)]
    types = {str(checked(day).frame["visits"].dtype) for day in days}
    assert types == {"float64"}


def test_what_counts_rows_or_names_a_class_stays_whole():
    by_number = table(y=np.arange(120) // 7 % 4)
    contract = derived(by_number)
    assert checked(by_number, contract).frame["y"].dtype == "int64"
    assert broken(table(y=by_number["y"] + 0.5), contract)[0][:2] == ("y", "type")
    assert checked(with_first("id", 0.5)).frame["id"].iloc[0] == "0.5"  # ids are names


@pytest.mark.parametrize("said", [{"type": "integer"}, {"categories": [0, 1, 2, 3, 4]}])
def test_codes_have_no_fractions(said):
    columns = {"visits": said}
    assert checked(table(), columns=columns).frame["visits"].dtype == "int64"
    assert broken(with_first("visits", 1.5), columns=columns) == [("visits", "type", 1)]


def test_whole_numbers_that_a_float_cannot_hold_are_told():
    large = table(visits=2**53 + 1 + 2 * np.arange(120))
    found = checked(large, derived(large))
    (told,) = found.notes
    assert told.startswith("visits: 120 of 120 rows are whole numbers of more digits than a float")
    assert "9007199254740993" in told
    assert "`contract.columns.visits.type` to category" in told


def test_a_contract_that_was_stored_before_is_kept_by_what_is_harmless():
    stored = (
        "columns:\n  id:\n    type: integer\n  seen:\n    type: datetime\n    future: false\n"
        "  size:\n    type: float\n    minimum: 0.0\n    maximum: 50.0\n"
        "  visits:\n    type: integer\n    minimum: 0.0\n    maximum: 16.0\n"
        "  due:\n    type: datetime\n    future: false\n"
        "  plan:\n    type: category\n    categories: [basic, plus, pro]\n"
        "    new_category_share: 0.05\n  member:\n    type: boolean\n"
        "  y:\n    type: category\n    required: false\n    null_share: 1.0\n"
        "    categories: ['no', 'yes']\nunique: [id]\nmin_rows: 20\nmax_rows: 10000\n"
    )
    old = Contract.from_yaml(stored)
    assert checked(table(), old).frame["visits"].dtype == "float64"
    day = with_first("size", None, -1.0).assign(
        visits=with_first("visits", 0.5)["visits"], due=pd.Timestamp("2027-01-01")
    )
    assert len(checked(day, old).unusual) == 4
    assert broken(table(y="maybe"), old) == [("y", "category", 120)]
    assert broken(with_first("id", None), old) == [("id", "null", 1)]


# ---------------------------------------------------------------- ranges


def test_a_season_is_unusual():
    spring = table(month=np.arange(120) % 3 + 1, temperature=12.0 + np.arange(120) % 19)
    winter = table(month=10, temperature=np.arange(120) % 19 - 16.0)
    found = checked(winter, derived(spring))
    assert found.unusual == (
        "month: 120 of 120 rows are above 9, the highest usual value: 10.",
        "temperature: 102 of 120 rows are below 0, the lowest usual value: -16, -15, -14.",
    )


def test_most_rows_far_out_are_impossible_and_some_are_unusual():
    # 10 to 20, widened by three widths: 0 to 50.
    assert checked(table(size=1000 * table()["size"])).unusual  # a slip of a unit
    assert checked(with_first("size", *[1e12] * 60)).unusual
    assert broken(with_first("size", *[1e12] * 61)) == [("size", "far", 61)]
    assert broken(table(size=-1e12)) == [("size", "far", 120)]


def test_a_bound_that_a_person_gave_is_kept_by_each_row_and_the_other_one_is_derived():
    columns = of_size(minimum=0)
    assert broken(with_first("size", -0.5), columns=columns) == [("size", "minimum", 1)]
    assert checked(with_first("size", 51.0), columns=columns).unusual == (
        "size: 1 of 120 rows are above 50, the highest usual value: 51.",
    )
    columns = of_size(minimum=0, max_out_of_range_share=0.1)
    assert checked(with_first("size", *[-1.0] * 12), columns=columns).unusual
    assert broken(with_first("size", *[-1.0] * 13), columns=columns) == [("size", "minimum", 13)]
    columns = of_size(minimum=0)
    assert broken(with_first("size", -1.0), max_out_of_range_share=0.5, columns=columns)


@pytest.mark.parametrize(
    ("said", "most"),
    [
        ({"max_out_of_range_share": 0}, 0),
        ({"max_out_of_range_share": 0.1}, 12),
        ({"max_out_of_range_share": 0, "columns": of_size(max_out_of_range_share=0.5)}, 60),
        ({"columns": of_size(max_out_of_range_share=0)}, 0),
    ],
)
def test_how_many_rows_may_be_out_of_range(said, most):
    assert len(checked(with_first("size", *[51.0] * most), **said).frame) == 120
    frame = with_first("size", *[51.0] * (most + 1))
    assert broken(frame, **said) == [("size", "maximum", most + 1)]


@settings(max_examples=15, deadline=None)
@given(
    st.floats(-1e300, 1e300),
    st.floats(0, 1e300),
    st.sampled_from([0.0, 0.1, 3.0]),
    st.booleans(),
)
def test_bounds_are_never_rounded_into_the_data(low, width, margin, whole):
    values = low + width * (np.arange(120) % 40) / 39
    if whole and abs(low) + width < 2**60:
        values = np.round(values).astype("int64")
    if len(set(values)) == 1:
        return
    baseline = table(serial=values)
    rules = derived(baseline, range_margin=margin)
    bounds = rules.columns["serial"]
    assert bounds.minimum is None or bounds.minimum <= float(values.min())
    assert bounds.maximum is None or bounds.maximum >= float(values.max())
    assert checked(baseline, rules).unusual == ()


def test_bounds_of_large_numbers_are_told_with_all_their_digits():
    baseline = table(serial=100_000_123 + np.arange(120) % 40)
    found = checked(table(serial=100_000_281.5), derived(baseline))
    assert "serial: 120 of 120 rows are above 100000279, the highest usual value: 100000281.5." in (
        found.unusual
    )


# ---------------------------------------------------------------- dates


def test_a_due_date_in_the_future_is_unusual_where_the_baseline_has_none():
    found = checked(table(due=NOW + dt.timedelta(days=30)))
    assert found.unusual == (
        "due: 120 of 120 rows are in the future, as no date of the baseline is: "
        "2026-07-01 00:00:00.",
    )


def test_what_is_said_of_the_future_holds():
    later = table(due=NOW + dt.timedelta(days=30))
    assert checked(later, columns={"due": {"future": True}}).notes == ()
    assert broken(later, columns={"due": {"future": False}}) == [("due", "future", 120)]


def test_a_due_date_in_the_future_is_usual_where_the_baseline_has_such():
    contract = derived(with_first("due", pd.Timestamp("2100-01-01")))
    assert checked(table(due=pd.Timestamp("2110-01-01")), contract).notes == ()


def test_a_row_that_was_seen_in_the_future_is_impossible():
    assert broken(with_first("seen", pd.Timestamp("2027-01-01"))) == [("seen", "future", 1)]


# ---------------------------------------------------------------- categories


@pytest.mark.parametrize(
    ("said", "most"),
    [
        ({}, 6),
        ({"max_new_category_share": 0.5}, 60),
        ({"max_new_category_share": 0, "columns": {"plan": {"max_new_category_share": 0.1}}}, 12),
        ({"columns": {"plan": {"max_new_category_share": 0}}}, 0),
    ],
)
def test_how_many_new_categories_are_possible(said, most):
    found = checked(with_first("plan", *["team"] * most), **said)
    assert len(found.unusual) == bool(most)
    frame = with_first("plan", *["team"] * (most + 1))
    assert broken(frame, **said) == [("plan", "category", most + 1)]


@pytest.mark.parametrize(
    ("name", "known", "new"),
    [
        ("plan", ["basic", "plus", "pro"], ["team", "Yes", "007", "a: b", "'", "é", "1.5", "null"]),
        ("y", ["no", "yes"], ["maybe", "no: 1", "on"]),
        ("y", [0, 1], [2, 10]),
        ("y", [1, 2, 3], [-4]),
    ],
)
def test_the_lines_of_the_message_make_what_is_new_known(name, known, new):
    values = [known[i // 7 % len(known)] for i in range(120)]
    baseline = table(**{name: values})
    batch = table(**{name: [new[i % len(new)] for i in range(60)] + values[60:]})
    with pytest.raises(ContractViolation) as caught:
        checked(batch, derived(baseline))
    _, _, lines = str(caught.value).partition("run the day again:\n")
    said = yaml.safe_load(lines)["contract"]
    assert lines.startswith("  contract:\n    columns:\n")
    assert said["columns"][name]["categories"] == [*known, *sorted(new)]
    assert checked(batch, derived(baseline, **said)).frame[name].tolist() == batch[name].tolist()


def test_the_lines_name_all_columns_with_something_new_and_no_sensitive_value():
    roles = ROLES.model_copy(update={"sensitive": ["plan"]})
    said = {"columns": {"plan": {"categories": ["basic", "plus", "pro"]}}}
    batch = table(plan="team", y="maybe")
    with pytest.raises(ContractViolation) as caught:
        check(batch, derived(**said), ROLES, NOW)
    _, _, lines = str(caught.value).partition("run the day again:\n")
    assert list(yaml.safe_load(lines)["contract"]["columns"]) == ["plan", "y"]
    with pytest.raises(ContractViolation) as caught:
        check(batch, derived(roles=roles, **said), roles, NOW)
    assert "team" not in str(caught.value)


@pytest.mark.parametrize("given_as", [[0, 1, 2], ["0", "1", "2"], [0.0, 1.0, 2.0]])
def test_a_class_that_is_a_number_can_be_named(given_as):
    by_number = table(y=np.arange(120) // 7 % 2)
    contract = derived(by_number, columns={"y": {"categories": given_as}})
    assert contract.columns["y"].categories == [0, 1, 2]
    found = checked(by_number.assign(y=np.arange(120) % 3), contract)
    assert found.frame["y"].tolist() == (np.arange(120) % 3).tolist()


def test_a_category_of_text_can_be_written_as_a_number():
    codes = table(plan=[("7", "8")[i // 7 % 2] for i in range(120)])
    said = {"columns": {"plan": {"type": "category", "categories": [7, "8", 9]}}}
    assert derived(codes, **said).columns["plan"].categories == ["7", "8", "9"]


def test_a_bound_that_is_no_number_is_told_plainly():
    with pytest.raises(ValidationError, match="2027-01-01 is not a number, and bounds are for"):
        ContractOverrides.model_validate({"columns": {"due": {"maximum": dt.date(2027, 1, 1)}}})


@pytest.mark.parametrize("value", [dt.date(2026, 1, 1), None])
def test_a_category_that_yaml_reads_as_something_else_is_told_plainly(value):
    with pytest.raises(ValidationError, match=f"{value} is neither text nor a number; write it in"):
        ContractOverrides.model_validate({"columns": {"plan": {"categories": [value]}}})


# ---------------------------------------------------------------- blanks


@pytest.mark.parametrize("padded", ["pro     ", "  pro", "pro\u00a0", "\tpro\n"])
@pytest.mark.parametrize("name", ["plan", "y"])
def test_a_category_with_other_blanks_is_read_as_it(name, padded):
    value = padded.replace("pro", "basic" if name == "plan" else "yes")
    found = checked(with_first(name, value, value))
    assert (
        found.frame[name].tolist() == with_first(name, value.strip(), value.strip())[name].tolist()
    )
    (told,) = found.notes
    assert told.startswith(f"{name}: blanks around the text of 2 rows taken off")
    assert repr(value) in told
    assert found.unusual == ()


def test_blanks_within_a_category_are_blanks_too():
    baseline = table(plan=[("New York", "Bern")[i // 7 % 2] for i in range(120)])
    found = checked(table(plan="New  York "), derived(baseline))
    assert set(found.frame["plan"]) == {"New York"}


def test_blanks_around_a_text_tell_no_two_categories_apart():
    baseline = table(plan=[("pro", "pro ", "basic")[i % 3] for i in range(120)])
    assert derived(baseline).columns["plan"].categories == ["basic", "pro"]
    (told,) = checked(baseline, derived(baseline)).notes
    assert told.startswith("plan: blanks around the text of 40 rows taken off")
    assert set(checked(table(plan=" pro"), derived(baseline)).frame["plan"]) == {"pro"}
