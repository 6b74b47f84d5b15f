"""Each kind of fault beside the change of the world that it is not to be mixed up with."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.faults import CHANGES, ROLES, customers
from mlops_assets.data.columns import Columns
from mlops_assets.data.faults.find import find_faults
from mlops_assets.data.faults.stuck import is_default

THEN = customers(np.random.default_rng(0), 1000)
NOW = customers(np.random.default_rng(1), 300)
HOUR = pd.Timedelta(hours=1)


def found(now: pd.DataFrame, **more) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.kind, each.columns) for each in find_faults(THEN, now, ROLES, **more)]


def with_default(name: str, value: object, share: float = 0.4) -> pd.DataFrame:
    flooded = NOW[name].astype(object if isinstance(value, str) else float)
    flooded[np.random.default_rng(2).random(len(NOW)) < share] = value
    return NOW.assign(**{name: flooded})


def read_as(text: str, encoding: str) -> str:
    return text.encode().decode(encoding)


@pytest.mark.parametrize(
    ("name", "factor", "told"),
    [
        ("income", 100, 100),
        ("income", 0.01, 0.01),
        ("income", 157.3, 157.3),  # yen, perhaps
        ("income", 1000, 1000),
        ("height", 10, 10),
        ("height", 1 / 2.54, 1 / 2.54),
        ("height", 0.0328084, 1 / 30.48),
        ("weight", 2.20462, 2.204623),
        ("weight", 0.453592, 1 / 2.204623),
        ("weight", 1000, 1000),
        ("minutes", 60, 60),
        ("minutes", 1 / 60, 1 / 60),
        ("distance", 1.609344, 1.609344),
        ("distance", 1.609, 1.609),
        ("distance", 1 / 1.609344, 1 / 1.609344),
        ("balance", 100, 100),
        ("balance", 2.54, 2.54),
        ("visits", 12, 12),
    ],
)
def test_a_unit_is_told_with_its_factor(name, factor, told):
    (fault,) = find_faults(THEN, NOW.assign(**{name: NOW[name] * factor}), ROLES)
    assert (fault.kind, fault.columns) == ("unit", (name,))
    assert fault.factor == pytest.approx(told, rel=0.1 if factor == 157.3 else 1e-3)
    assert f"{name} is " in fault.evidence
    assert "times the baseline at every quantile" in fault.evidence


def test_the_evidence_says_the_factor():
    then = pd.DataFrame({"income": np.arange(1000.0, 3000.0)})
    (fault,) = find_faults(then, then * 100, Columns(target="y"))
    assert fault.evidence == (
        "income is 100 times the baseline at every quantile; divided by 100 (cents, or percent) "
        "it is as usual"
    )


@pytest.mark.parametrize(
    ("change", "factor"),
    [
        (lambda t: t * 1.8 + 32, 1.8),
        (lambda t: t + 273.15, 1.0),
    ],
)
def test_temperatures_on_another_scale(change, factor):
    (fault,) = find_faults(THEN, NOW.assign(temperature=change(NOW["temperature"])), ROLES)
    assert (fault.kind, fault.columns, fault.factor) == ("unit", ("temperature",), factor)


def test_fahrenheit_that_becomes_celsius():
    fahrenheit = THEN.assign(temperature=THEN["temperature"] * 1.8 + 32)
    (fault,) = find_faults(fahrenheit, NOW, ROLES)
    assert (fault.kind, fault.columns) == ("unit", ("temperature",))
    assert "from Fahrenheit to Celsius" in fault.evidence


def test_where_days_differ_much_the_unit_is_the_one_that_explains_it_best():
    """Then "as usual" is wide, and ten times a length may look like Fahrenheit as well."""
    rng = np.random.default_rng(0)
    lengths = pd.DataFrame({"petal": rng.normal(4, 1, 600)})
    grown = {str(day): lengths.tail(200) + 2 for day in range(3)}
    (fault,) = find_faults(lengths, lengths.head(200) * 10, Columns(target="y"), earlier=grown)
    assert fault.evidence.endswith(
        "divided by 10 (a decimal place, or millimetres and centimetres) it is as usual"
    )


@pytest.mark.parametrize("step", [1, 7])
def test_a_number_of_rows_that_counts_on_is_in_no_other_unit(step):
    numbers = np.arange(1, 1301) * step
    then = THEN.assign(number=numbers[:1000])
    assert find_faults(then, NOW.assign(number=numbers[1000:]), ROLES) == ()
    (fault,) = find_faults(then, NOW.assign(number=numbers[:300] * 1000), ROLES)
    assert fault.columns == ("number",)


def test_several_columns_may_be_in_another_currency():
    now = NOW.assign(income=NOW["income"] * 100, balance=NOW["balance"] * 100)
    assert found(now) == [("unit", ("income",)), ("unit", ("balance",))]


@pytest.mark.parametrize(
    ("one", "other"), [("height", "weight"), ("age", "minutes"), ("plan", "city")]
)
def test_two_columns_swapped(one, other):
    assert ("swapped", (one, other)) in found(NOW.assign(**{one: NOW[other], other: NOW[one]}))


@pytest.mark.parametrize(
    ("name", "value"),
    [("income", 0.0), ("height", 171.3), ("visits", 3), ("plan", "plus"), ("member", True)],
)
def test_a_column_stuck_at_a_value(name, value):
    assert found(NOW.assign(**{name: value})) == [("stuck", (name,))]


def test_a_column_without_any_value():
    assert found(NOW.assign(weight=np.nan)) == [("stuck", ("weight",))]


def test_labels_that_have_not_come_are_no_fault():
    assert found(NOW.assign(label=np.nan)) == []


def test_a_column_that_is_the_same_for_a_whole_day_is_not_stuck():
    """Such as its weekday, or its weather: where days are known."""
    then = THEN.assign(rain=np.repeat([0.0, 3.2, 1.1, 7.5], 250))
    now = NOW.assign(rain=4.4)
    assert ("stuck", ("rain",)) in [(f.kind, f.columns) for f in find_faults(then, now, ROLES)]
    assert find_faults(then, now, ROLES, periods=np.repeat(range(4), 250)) == ()
    assert find_faults(then, now, ROLES, earlier={"yesterday": NOW.assign(rain=0.2)}) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("income", 0),
        ("age", -1),
        ("age", 999),
        ("weight", 71.0),  # in no list, and nothing is so often by itself
        ("plan", ""),
        ("city", "unknown"),
        ("city", "N/A"),
    ],
)
def test_a_flood_of_one_value(name, value):
    assert found(with_default(name, value)) == [("default", (name,))]


def test_a_default_that_was_as_frequent_before_is_none():
    then = with_default("age", -1, 0.3)
    assert find_faults(then, with_default("age", -1, 0.4), ROLES) == ()


@pytest.mark.parametrize(
    "value", ["", " Unknown ", "N/A", 0, -1, 999.0, pd.Timestamp("1970-01-01")]
)
def test_what_programs_write_where_they_know_nothing(value):
    assert is_default(value)


@pytest.mark.parametrize("value", ["Oslo", 37, 0.5, pd.Timestamp("2026-01-05"), True])
def test_what_they_do_not(value):
    assert not is_default(value)


@pytest.mark.parametrize("hours", [-8, -5, -2, 2, 5, 9])
def test_times_in_another_zone(hours):
    (fault,) = find_faults(THEN, NOW.assign(at=NOW["at"] + hours * HOUR), ROLES)
    assert (fault.kind, fault.columns, fault.factor) == ("times", ("at",), float(hours))


def test_a_part_of_the_day_is_no_other_zone():
    morning = NOW[NOW["at"].dt.hour < 12].reset_index(drop=True)
    assert found(morning) == []


@pytest.mark.parametrize("changed", [1.0, 0.95])
def test_a_delivery_that_came_before(changed):
    again = NOW.sample(frac=1, random_state=0).assign(at=NOW["at"] + 24 * HOUR, label=0)
    new = customers(np.random.default_rng(3), round(300 * (1 - changed)))
    again = pd.concat([again.head(300 - len(new)), new], ignore_index=True)
    (fault,) = find_faults(None, again, ROLES, earlier={"2026-01-04": NOW})
    assert fault.kind == "repeated"
    assert "delivered on 2026-01-04 already" in fault.evidence


def test_rows_of_few_values_are_not_there_already():
    """Of three answers of yes or no there are eight rows, and each came before."""
    rng = np.random.default_rng(4)
    one, other = (pd.DataFrame(rng.random((300, 3)) < 0.5, columns=list("abc")) for _ in range(2))
    assert find_faults(None, one, Columns(target="y"), earlier={"yesterday": other}) == ()


@pytest.mark.parametrize(
    ("rows", "usual", "cut"),
    [
        (30, [300, 310, 290], False),
        (29, [300, 310, 290], False),
        (28, [300, 310, 290], True),
        (70, [300] * 7, True),
        (75, [300] * 7, False),
        (70, [*[300] * 6, 80], False),  # the Sunday before
        (1, [300, 300], False),
        (1, [], False),
    ],
)
def test_a_delivery_that_is_cut_off(rows, usual, cut):
    faults = find_faults(None, NOW.head(rows), ROLES, usual_rows=usual)
    assert [fault.kind for fault in faults] == ["cut off"] * cut


def test_a_renamed_category():
    now = NOW.assign(plan=NOW["plan"].replace("plus", "Plus 2.0"))
    (fault,) = find_faults(THEN, now, ROLES)
    assert (fault.kind, fault.columns) == ("renamed", ("plan",))
    assert "'plus' / 'Plus 2.0'" in fault.evidence


def test_a_renamed_class():
    names = {0: "a", 1: "b", 2: "c"}
    then, now = (
        THEN.assign(label=THEN["label"].map(names)),
        NOW.assign(label=NOW["label"].map(names)),
    )
    (fault,) = find_faults(then, now.replace({"label": {"b": "B-class"}}), ROLES)
    assert (fault.kind, fault.columns) == ("renamed", ("label",))


def test_a_category_that_only_comes_or_only_goes_is_not_renamed():
    assert found(NOW[NOW["plan"] != "plus"].reset_index(drop=True)) == []
    some = np.random.default_rng(5).random(len(NOW)) < 0.2
    assert found(NOW.assign(plan=NOW["plan"].mask(some, "family"))) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("plan", str.upper),
        ("plan", str.title),
        ("city", lambda text: f"{text} "),
        ("city", lambda text: read_as(text, "latin-1")),
        ("city", lambda text: read_as(text, "cp1252") if text != "Łódź" else text),
        ("city", lambda text: text.encode("ascii", "replace").decode()),
        ("city", lambda text: text.encode("latin-1", "ignore").decode("utf-8", "replace")),
    ],
)
def test_texts_in_another_case_or_encoding(name, change):
    (fault,) = find_faults(THEN, NOW.assign(**{name: NOW[name].map(change)}), ROLES)
    assert (fault.kind, fault.columns) == ("rewritten", (name,))


def test_texts_that_were_wrong_and_are_right_now():
    then = THEN.assign(city=[read_as(text, "latin-1") for text in THEN["city"]])
    (fault,) = find_faults(then, NOW, ROLES)
    assert (fault.kind, fault.columns) == ("rewritten", ("city",))


@pytest.mark.parametrize(
    "now",
    [
        NOW.assign(plan="plus"),
        NOW.assign(plan=NOW["plan"].str.upper()),
        NOW.assign(plan=NOW["plan"].replace("plus", "secret")),
        with_default("plan", "unknown"),
    ],
)
def test_nothing_is_told_of_the_values_of_a_sensitive_column(now):
    roles = ROLES.model_copy(update={"sensitive": ["plan"]})
    (fault,) = find_faults(THEN, now, roles)
    words = ("plus", "PLUS", "secret", "unknown", "basic", "BASIC")
    assert not any(word in fault.evidence for word in words)
    assert "hidden" in fault.evidence


def test_ids_and_columns_to_ignore_are_not_looked_at():
    roles = Columns(target="label", timestamp="at", ignore=["income"], id=["weight"])
    now = NOW.assign(income=NOW["income"] * 100, weight=1.0)
    assert find_faults(THEN, now, roles) == ()


def test_a_storm_is_no_other_unit_where_storms_are_known():
    """Rain of single days is a tenth of the usual, or ten times as much."""
    rng = np.random.default_rng(6)
    days = np.repeat(range(20), 50)
    then = pd.DataFrame(
        {"rain": rng.gamma(4, 1, 1000) * np.repeat(10 ** rng.uniform(-1, 1, 20), 50)}
    )
    now = pd.DataFrame({"rain": rng.gamma(4, 1, 300) * 60})
    assert find_faults(then, now, Columns(target="y"), periods=days) == ()


def test_days_that_differ_hide_no_unit():
    """Where each day is a standard deviation from the next, one may be, and in cents as well."""
    rng = np.random.default_rng(7)
    then = pd.DataFrame({"x": rng.normal(50, 5, 1000) + np.repeat(rng.normal(0, 5, 20), 50)})
    now = pd.DataFrame({"x": (rng.normal(50, 5, 300) + 4) * 100})
    (fault,) = find_faults(then, now, Columns(target="y"), periods=np.repeat(range(20), 50))
    assert (fault.kind, fault.factor) == ("unit", 100.0)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), change=st.sampled_from(sorted(CHANGES)))
def test_a_change_of_the_world_is_hardly_ever_taken_for_a_fault(seed, change):
    """At most one of a hundred is the bar of `make bench-decisions`; here, none of so many."""
    rng = np.random.default_rng([99, seed % 40])
    now = CHANGES[change](rng, customers(rng, 300))
    assert found(now) == []
