"""Types: harmless differences are put right, others are marked row by row."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from mlops_assets.data.coerce import coerce

NAN = float("nan")


@pytest.mark.parametrize(
    ("values", "to", "expected"),
    [
        ([1, 2], "float", [1.0, 2.0]),
        ([Decimal("1.5"), None], "float", [1.5, NAN]),
        (pd.array([1, None], dtype="Int64"), "float", [1.0, NAN]),
        (pd.array([1.5, None], dtype="double[pyarrow]"), "float", [1.5, NAN]),
        ([None, None], "float", [NAN, NAN]),
        ([1.0, 2.0], "integer", [1, 2]),
        ([1.0, None], "integer", [1.0, NAN]),
        (pd.array([1, 2], dtype="int8"), "integer", [1, 2]),
        ([True, False], "boolean", [True, False]),
        ([0, 1], "boolean", [False, True]),
        (["True", "false"], "boolean", [True, False]),
        ([True, None], "boolean", [True, None]),
        (pd.Categorical(["a", "b"]), "category", ["a", "b"]),
        (pd.array(["a", None], dtype="string"), "category", ["a", None]),
        ([7, 8], "category", ["7", "8"]),
        ([7.0, None], "string", ["7", NAN]),
        (["a", 7, 8.0], "string", ["a", "7", "8"]),
        ([2**60 + 1, 7], "category", ["1152921504606846977", "7"]),
    ],
)
def test_harmless_differences_are_put_right(values, to, expected):
    coerced = coerce(pd.Series(values), to)

    assert not coerced.wrong.any()
    pd.testing.assert_series_equal(coerced.values, pd.Series(expected), check_names=False)


@pytest.mark.parametrize(
    "values",
    [
        ["2026-01-31T01:00:00+01:00"],
        [datetime.date(2026, 1, 31)],
        [datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)],
        pd.Series(["2026-01-31"]).astype("datetime64[s]"),
        pd.Series(["2026-01-31T01:00"]).astype("datetime64[ns]").dt.tz_localize("Europe/Zurich"),
        pd.Series(["2026-01-31"]).astype("date32[pyarrow]"),
    ],
)
def test_moments_of_every_kind_become_utc_without_a_zone(values):
    coerced = coerce(pd.Series(values), "datetime")

    assert not coerced.wrong.any()
    assert coerced.values.tolist() == [pd.Timestamp("2026-01-31")]
    assert coerced.values.dtype == "datetime64[ns]"


@pytest.mark.parametrize(
    ("values", "to", "wrong", "says"),
    [
        ([1.0, "x", None], "float", [False, True, False], "are not numbers"),
        ([True, False], "float", [True, True], "are not numbers"),
        ([1.5, 2.0, NAN], "integer", [True, False, False], "are not whole numbers"),
        ([2, 1], "boolean", [True, False], "are neither true nor false"),
        (["a", 1.5, None], "string", [False, True, False], "are not text"),
        (["a", True], "string", [False, True], "are not text"),
        (["a", "\ud800"], "string", [False, True], "are not text"),
        ([7, 7.5, None], "category", [True, True, False], "are not text"),
        ([1.5], "category", [True], "are not text"),
        ([2.0**60, None], "category", [True, False], "are not text"),
        (["2026-02-30", "2026-02-01"], "datetime", [True, False], "are not dates like 2026-01-31"),
        (["9999-99-99"], "datetime", [True], "are not dates like 2026-01-31"),
        (["now", "today"], "datetime", [True, True], "are not dates like 2026-01-31"),
        ([20260131], "datetime", [True], "are not dates"),
    ],
)
def test_rows_that_do_not_fit_are_marked_and_null(values, to, wrong, says):
    coerced = coerce(pd.Series(values), to)

    assert coerced.wrong.tolist() == wrong
    assert coerced.says == says
    assert coerced.values[coerced.wrong].isna().all()


def test_infinite_values_stay_for_the_contract_to_find():
    assert np.isinf(coerce(pd.Series([1.0, np.inf]), "integer").values).tolist() == [False, True]
