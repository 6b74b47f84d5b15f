"""The model server reads a row as the daily job does, whichever way it is sent."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter

from mlops_assets.data.columns import Columns
from mlops_assets.data.contract import Contract, ContractOverrides, check, derive_contract
from mlops_assets.data.sources import Source, read_source
from mlops_assets.serving.table import checked, parse
from mlops_assets.training.features import column_types, model_input

ROWS = 120
COLUMNS = Columns(target="y")
ANYTHING = ContractOverrides(min_rows=1, max_new_null_share=1, max_new_category_share=1)

# The column of the baseline; what one day holds of it, as JSON; and as CSV, where that differs.
SENT: dict[str, tuple[list[Any], list[Any], list[str] | None]] = {
    "codes": (["7", "B8", "red"], [7, "red", "B8"], None),
    "codes alone": (["7", "B8", "red"], [7, 8, 7], None),
    "codes that were floats": (["7", "B8", "red"], [7.0, None, 8.0], ["7.0", "", "8.0"]),
    "codes with leading zeros": (["01", "02", "10"], ["01", "10", "02"], None),
    "padded texts": (["pro", "basic", "plus"], [" pro", "plus  ", "basic"], None),
    "texts that say no value": (["NA", "EU", "None"], ["NA", "EU", "None"], None),
    "empty texts": (["pro", "basic", "plus"], ["", "  ", "pro"], None),
    "numbers": ([0.5, 1.25, 3], [7, 2.5, -1e-7], None),
    "whole numbers": ([1, 2, 3], [3, 1, 2], None),
    "whole numbers with gaps": ([1, 2, None], [3, None, 2], None),
    "numbers as text": ([0.5, 1.25, 3], ["7.0", " 2.5", "3"], None),
    "numbers and words for none": ([0.5, 1.25, 3], ["NA", "2.5", "null"], None),
    "many digits": ([1 / 3, 2 / 3, 1.0], [1 / 7, 0.1 + 0.2, 1e-300], None),
    "true and false": ([True, False, True], [True, False, True], None),
    "true and false with gaps": ([True, False, None], [False, None, True], None),
    "true and false in words": ([True, False, True], ["TRUE", "false", "None"], None),
    "0 and 1 for them": ([True, False, True], [0, 1, 1], None),
    "dates": (["2026-01-01", "2026-01-02", "2026-01-03"], ["2026-01-31", None, "2026-02-01"], None),
    "dates and times": (
        ["2026-01-01 10:00", "2026-01-02 11:00", "2026-01-03 12:00"],
        ["2026-01-31T10:30:00", "2026-01-31", "2026-02-01 00:00:00+02:00"],
        None,
    ),
    "days beyond nanoseconds": (
        ["2026-01-01", "2026-01-02", "2026-01-03"],
        ["9999-12-31", "2026-01-31", "2026-01-01"],
        None,
    ),
}


def baseline_of(values: list[Any]) -> tuple[pd.DataFrame, Contract]:
    """A baseline with these values in its column ``x``, as it is stored, and its contract."""
    number = np.arange(ROWS)
    frame = pd.DataFrame(
        {
            "x": pd.Series([values[i % 3] for i in number], dtype=object).infer_objects(),
            "n": number % 7 + 0.5,
            "y": np.where(number % 2, "yes", "no"),
        }
    )
    contract = derive_contract(frame, COLUMNS, ANYTHING, "classification")
    return check(frame, contract, COLUMNS).frame, contract


def csv_of(values: list[Any]) -> str:
    fields = ["" if value is None else str(value) for value in values]
    return "x,n\n" + "".join(f'"{field}",1.5\n' for field in fields)


@pytest.mark.parametrize("name", SENT)
def test_a_row_is_the_same_to_the_server_and_to_the_daily_job(name, tmp_path):
    before, values, fields = SENT[name]
    stored, contract = baseline_of(before)
    types = column_types(stored, ["x", "n"])
    text = csv_of(fields or values)
    (tmp_path / "in.csv").write_text(text, encoding="utf-8")
    source = TypeAdapter(Source).validate_python({"kind": "csv", "url": f"{tmp_path}/in.csv"})

    batch = check(read_source(source, None, COLUMNS), contract, COLUMNS).frame

    expected = model_input(batch, ["x", "n"])
    records = json.dumps({"dataframe_records": [{"x": one, "n": 1.5} for one in values]})
    for body, kind in ((text, "text/csv"), (records, "application/json")):
        served = model_input(checked(parse(body.encode(), kind), types), ["x", "n"])
        pd.testing.assert_frame_equal(served, expected, check_exact=True)
