"""Whatever a table holds: it is taken, or refused in plain words; nothing else happens."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_assets.data.columns import Columns
from mlops_assets.data.contract import ContractOverrides, ContractViolation, check, derive_contract
from mlops_assets.data.splits import held_out
from mlops_assets.errors import UserError

COLUMNS = Columns(target="y", id=["id"], timestamp="when", sensitive=["secret"])
SECRET = "do-not-tell"
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=5),
    st.decimals(allow_nan=False),
    st.dates(),
    st.datetimes(timezones=st.sampled_from([None, datetime.UTC])),
    st.timedeltas(),
    st.binary(max_size=3),
    st.just([1, 2]),
    st.just((1,)),
    st.just({"a": 1}),
    st.sampled_from([pd.NA, pd.NaT, Decimal("NaN"), "1.5", "2026-01-31", "true", "", 1j]),
)


def table(rows: int = 60) -> pd.DataFrame:
    number = np.arange(rows)
    return pd.DataFrame(
        {
            "id": number,
            "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(number, unit="h"),
            "amount": number / 7,
            "count": number % 9,
            "kind": ["a", "b", "c"] * (rows // 3),
            "flag": number % 2 == 0,
            "born": ["1990-01-01", "1991-01-01"] * (rows // 2),
            "secret": [f"{SECRET} {i}" for i in number],
            "y": ["yes", "yes", "no", "no", "no"] * (rows // 5),
        }
    )


@pytest.fixture(scope="module")
def contract():
    return derive_contract(table(), COLUMNS, ContractOverrides(), "classification")


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_batch_of_anything_is_taken_or_refused(contract, data):
    frame = table().astype(object)
    for name in data.draw(st.lists(st.sampled_from(list(frame.columns)), min_size=1, max_size=4)):
        values = data.draw(st.lists(ANYTHING, min_size=1, max_size=4))
        frame[name] = pd.Series([values[i % len(values)] for i in range(60)], dtype=object)

    try:
        checked = check(frame, contract, COLUMNS)
    except ContractViolation as violation:
        refused = violation
    else:
        checked.frame.to_parquet()
        labelled = COLUMNS.labelled(checked.frame)
        assert len(held_out(labelled, COLUMNS, 0.4, 0, "classification")) == len(labelled)
        return
    assert SECRET not in str(refused)
    assert all(0 < violation.rows <= 60 for violation in refused.violations)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(list(table().columns)),
    st.lists(ANYTHING, min_size=1, max_size=60),
    st.sampled_from(["classification", "regression"]),
)
def test_a_baseline_of_anything_is_taken_or_refused(name, values, task):
    frame = table().assign(
        **{name: pd.Series([values[i % len(values)] for i in range(60)], dtype=object)}
    )

    try:
        contract = derive_contract(frame, COLUMNS, ContractOverrides(), task)
    except UserError as error:
        refused = error
    else:
        assert check(frame, contract, COLUMNS).frame.shape == frame.shape
        return
    assert SECRET not in str(refused)
