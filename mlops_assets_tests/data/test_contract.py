"""The contract: derived generously, kept by harmless differences, readable as YAML."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_assets.data.columns import Columns
from mlops_assets.data.contract import (
    Contract,
    ContractOverrides,
    ContractViolation,
    check,
    derive_contract,
)
from mlops_assets.errors import UserError

COLUMNS = Columns(target="y", id=["id"], timestamp="seen", sensitive=["name"], ignore=["memo"])


def baseline(rows: int = 60) -> pd.DataFrame:
    number = np.arange(rows)
    return pd.DataFrame(
        {
            "id": number,
            "seen": pd.Timestamp("2026-01-01") + pd.to_timedelta(number, unit="h"),
            "born": ["1990-05-17", "2001-02-03"] * (rows // 2),
            "size": 10.0 + number % 11,
            "change": number / 10 - 3.0,
            "visits": number % 5,
            "colour": ["red", "green", "blue"] * (rows // 3),
            "member": number % 2 == 0,
            "name": [f"person {i}" for i in number],
            "memo": ["x", None] * (rows // 2),
            "gap": [None, 1.0, 2.0] * (rows // 3),
            "y": ["yes", "yes", "no", "no", "no"] * (rows // 5),
        }
    )


def derived(
    frame: pd.DataFrame | None = None, task: str = "classification", **overrides
) -> Contract:
    frame = baseline() if frame is None else frame
    return derive_contract(frame, COLUMNS, ContractOverrides.model_validate(overrides), task)


def kept(frame: pd.DataFrame, **overrides):
    return check(frame, derived(**overrides), COLUMNS)


def test_rules_are_those_of_the_baseline():
    contract = derived()

    assert contract.unique == ["id"]
    assert (contract.min_rows, contract.max_rows) == (20, 10_000)
    assert {name: rules.type for name, rules in contract.columns.items()} == {
        "id": "string",
        "seen": "datetime",
        "born": "datetime",
        "size": "float",
        "change": "float",
        "visits": "integer",
        "colour": "category",
        "member": "boolean",
        "name": "string",
        "memo": "category",
        "gap": "float",
        "y": "category",
    }
    # 10 to 20, widened by three widths; never negative where the baseline is not.
    assert (contract.columns["size"].minimum, contract.columns["size"].maximum) == (0.0, 50.0)
    # -3 to 2.9, widened by three widths of 5.9.
    assert contract.columns["change"].minimum == pytest.approx(-20.7)
    assert contract.columns["change"].maximum == pytest.approx(20.6)
    assert contract.columns["colour"].categories == ["blue", "green", "red"]
    assert contract.columns["y"].categories == ["no", "yes"]
    assert contract.columns["gap"].null_share == pytest.approx(0.667)
    assert contract.columns["size"].null_share == 0.0


def test_it_survives_yaml_and_reads_well():
    contract = derived()

    assert Contract.from_yaml(contract.to_yaml()) == contract
    assert "  colour:\n    type: category\n    categories:\n    - blue\n" in contract.to_yaml()


@pytest.mark.parametrize("text", ["columns: [", "columns: 7", "- a"])
def test_yaml_that_is_no_contract_is_an_error_that_says_what_to_do(text):
    with pytest.raises(UserError, match="Materialize baseline_data again"):
        Contract.from_yaml(text)


def test_no_value_of_a_sensitive_column_is_in_it():
    frame = baseline().assign(name=["secret one", "secret two"] * 30, colour=7.5)
    frame["colour"] = np.linspace(4321.5, 4329.5, 60)
    columns = COLUMNS.model_copy(update={"sensitive": ["name", "colour", "y"]})

    text = derive_contract(frame, columns, ContractOverrides(), "classification").to_yaml()

    assert not any(value in text for value in ("secret", "4321", "4329", "'yes'"))


def test_overrides_replace_single_rules():
    contract = derived(
        columns={
            "size": {"minimum": None, "maximum": 100},
            "visits": {"type": "float", "null_share": 0.1},
            "colour": {"categories": ["blue", "green", "red", "grey"]},
        },
        min_rows=5,
        unique_ids=False,
    )

    assert (contract.columns["size"].minimum, contract.columns["size"].maximum) == (None, 100)
    assert contract.columns["visits"].type == "float"
    assert contract.columns["visits"].null_share == 0.1
    assert "grey" in contract.columns["colour"].categories
    assert (contract.min_rows, contract.unique) == (5, [])


def test_a_feature_that_may_be_left_out_has_no_values_then():
    columns = {name: {"required": False} for name in ("size", "visits", "colour", "born")}
    frame = baseline()
    checked = kept(frame.drop(columns=list(columns)), columns=columns)
    assert list(checked.frame.columns) == list(frame.columns)
    assert checked.frame[list(columns)].isna().all(axis=None)
    assert "size: no such column, which is allowed; no row has a value." in checked.notes
    whole = kept(frame, columns=columns)
    assert whole.frame["size"].tolist() == frame["size"].tolist()
    bounded = {"size": {"required": False, "null_share": 0.1}}
    with pytest.raises(ContractViolation, match="size: 60 of 60 rows have no value"):
        kept(frame.drop(columns="size"), columns=bounded)


@pytest.mark.parametrize("column", ["id", "seen"])
def test_ids_and_times_cannot_be_left_out(column):
    with pytest.raises(UserError, match=f"{column}: only a feature may be left out"):
        derived(columns={column: {"required": False}})


@pytest.mark.parametrize("values", [["a", None], [[1], [2]], [float("inf"), 1.0]])
def test_a_column_to_ignore_stops_no_day_and_no_baseline_whatever_is_in_it(values):
    numbers = baseline().assign(memo=range(60))
    odd = numbers.assign(memo=values * 30)
    assert check(odd, derived(numbers), COLUMNS).frame["memo"].tolist() == values * 30
    assert derived(odd).columns["memo"].required is False


def test_an_unknown_override_is_refused():
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        ContractOverrides.model_validate({"columns": {"size": {"min": 0}}})


def test_numbers_as_classes_and_as_regression_target():
    by_number = baseline().assign(y=[0.0, 0.0, 1.0, 1.0, 1.0] * 12)

    assert derived(by_number).columns["y"].categories == [0, 1]
    assert derived(by_number, task="regression").columns["y"].type == "float"


def test_ids_that_repeat_in_the_baseline_may_repeat():
    frame = baseline().assign(id=[1, 2] * 30)

    assert derived(frame).unique == []
    assert check(frame, derived(frame), COLUMNS).notes == ()


def test_unlabelled_rows_of_the_baseline_are_let_through_while_most_are_labelled():
    frame = baseline().assign(y=[None, *baseline()["y"][1:]])

    assert derived(frame).columns["y"].categories == ["no", "yes"]


def test_harmless_differences_are_put_right_and_noted():
    frame = baseline(30)
    shuffled = frame[frame.columns[::-1]].assign(
        size=frame["size"].astype(int),
        visits=frame["visits"].astype(float),
        member=frame["member"].astype(int),
        seen=frame["seen"].astype(str),
        colour=["grey", *frame["colour"][1:]],
        extra=1,
        y=[None, *frame["y"][1:]],
    )

    checked = kept(shuffled)

    assert checked.notes == (
        "1 column(s) that the contract does not know left out: extra.",
        "columns put into the contract's order.",
        "y: 1 of 30 rows are not labelled yet.",
        "size: whole numbers taken as floats.",
        "member: 0 and 1 taken as false and true.",
        "colour: 1 of 30 rows have a new category: 'grey'.",
    )
    assert checked.frame.columns.tolist() == frame.columns.tolist()
    assert checked.frame["size"].dtype == "float64"
    assert checked.frame["visits"].dtype == "float64"  # as on a day with fractions
    assert checked.frame["member"].dtype == "bool"
    assert checked.frame["seen"].tolist() == frame["seen"].tolist()


def test_a_batch_without_labels_is_good():
    checked = kept(baseline(30).drop(columns="y"))

    assert checked.notes == ("y: no label column; the rows count as not labelled yet.",)
    assert "y" not in checked.frame


def test_an_ignored_column_may_be_missing_or_of_any_type():
    assert kept(baseline(30).drop(columns="memo")).notes == ()
    assert kept(baseline(30).assign(memo=7.5)).frame["memo"].tolist() == [7.5] * 30


def test_a_sensitive_new_category_is_noted_without_its_value():
    columns = COLUMNS.model_copy(update={"sensitive": ["colour"]})
    overrides = ContractOverrides.model_validate(
        {"columns": {"colour": {"categories": ["red"]}}, "max_new_category_share": 1.0}
    )
    frame = baseline().assign(colour="red")
    frame.loc[0, "colour"] = "green"

    with pytest.raises(ContractViolation) as caught:
        derive_contract(frame, columns, overrides, "classification")

    assert "colour: 1 of 60 rows are none of the known categories (values hidden)" in str(
        caught.value
    )


def test_drift_of_three_ranges_keeps_the_contract():
    moved = baseline(30)
    moved["size"] += 30.0
    moved["change"] *= 4.0

    assert kept(moved).notes == ()


@settings(max_examples=15)
@given(st.lists(st.integers(0, 29), min_size=1, max_size=10, unique=True))
def test_every_violating_row_is_counted(places):
    frame = baseline(30)
    frame.loc[places, "size"] = -1.0
    frame.loc[places, "colour"] = None

    with pytest.raises(ContractViolation) as caught:
        kept(frame, columns={"size": {"minimum": 0}, "colour": {"null_share": 0}})

    found = [(v.column, v.rule, v.rows) for v in caught.value.violations]
    assert found == [("size", "minimum", len(places)), ("colour", "null", len(places))]


def test_column_names_that_are_numbers_are_taken_as_text():
    frame = baseline().rename(columns={"size": 7})

    assert check(frame, derived(frame), COLUMNS).frame.columns.tolist()[3] == "7"


def test_the_batch_that_was_read_stays_as_it_was():
    frame = baseline(30).assign(visits=1.0)
    before = frame.copy(deep=True)

    kept(frame)

    pd.testing.assert_frame_equal(frame, before)
