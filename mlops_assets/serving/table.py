"""What a client sends, as the table that a model takes; or plainly why it is none."""

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.errors import UserError

MAX_ROWS = 100_000
_DIGITS = 300  # of an integer; a float goes up to 1.8e308
_FORMS = (
    'JSON like {"dataframe_records": [{"column": value, ...}, ...]} or {"dataframe_split": '
    '{"columns": [...], "data": [[...], ...]}}, or CSV with a header (Content-Type: text/csv)'
)


def parse(body: bytes, content_type: str) -> pd.DataFrame:
    """The table in the body of a request, in one of the forms that MLflow's own servers take.

    Raises:
        UserError: It is none of them.
    """
    try:
        text = body.decode()
        if content_type.partition(";")[0].strip().lower() == "text/csv":
            return pd.read_csv(io.StringIO(text))
        table = _from_json(json.loads(text, parse_int=_integer))
    except (ValueError, pd.errors.EmptyDataError) as error:
        raise UserError(f"The body cannot be read ({error}). Send {_FORMS}.") from None
    repeated = table.columns[table.columns.duplicated()]
    if len(repeated):
        raise UserError(f"These columns are there twice: {_names(repeated)}. Send each once.")
    return table


def checked(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The ``columns`` of ``table`` with the types that the model was trained on.

    Args:
        table: What was sent; other columns are ignored, missing values are left to the model.
        columns: Name to ``double`` or ``string``, as in the model's signature.

    Raises:
        UserError: All that is wrong: no rows, too many, missing columns, values of another kind.
    """
    if not 0 < len(table) <= MAX_ROWS:
        raise UserError(f"{len(table)} rows were sent. Send 1 to {MAX_ROWS:,} at a time.")
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise UserError(
            f"{len(missing)} of {len(columns)} columns are missing: {_names(missing)}. Send "
            f"{_names(columns)}."
        )
    wrong: list[str] = []
    taken: dict[str, Any] = {}
    for name, kind in columns.items():
        values = table[name]
        taken[name] = _numbers(values, wrong) if kind == "double" else _texts(values, wrong)
    if wrong:
        raise UserError(
            f"{len(wrong)} columns hold what the model does not take: {'; '.join(wrong)}."
        )
    return pd.DataFrame(taken)


def _from_json(sent: Any) -> pd.DataFrame:
    if not isinstance(sent, dict):
        raise ValueError(f"it is a JSON {type(sent).__name__}, not an object")
    if "dataframe_records" in sent:
        records = sent["dataframe_records"]
        if not isinstance(records, list) or not all(isinstance(row, dict) for row in records):
            raise ValueError("dataframe_records is not a list of objects")
        return pd.DataFrame(records, dtype=object)
    if "dataframe_split" in sent:
        split = sent["dataframe_split"]
        if not isinstance(split, dict) or not {"columns", "data"} <= set(split):
            raise ValueError("dataframe_split is not an object with columns and data")
        return pd.DataFrame(split["data"], columns=split["columns"], dtype=object)
    raise ValueError("it has neither dataframe_records nor dataframe_split")


def _integer(digits: str) -> int | float:
    """The number; infinite, and refused as such, where no float is as big."""
    return int(digits) if len(digits) < _DIGITS else float(digits)


def _numbers(values: pd.Series, wrong: list[str]) -> pd.Series:
    """As float64; dates have to come as the days since 1970 that the model was trained on."""
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    bad = (numbers.isna() & values.notna()) | np.isinf(numbers)
    _note(values, bad, "finite numbers (true is 1, a date is its days since 1970)", wrong)
    return numbers


def _texts(values: pd.Series, wrong: list[str]) -> pd.Series:
    bad = values.map(lambda value: isinstance(value, (list, dict)))
    _note(values, bad, "texts", wrong)
    return values.where(values.notna(), np.nan)


def _note(values: pd.Series, bad: pd.Series, takes: str, wrong: list[str]) -> None:
    if bad.any():
        first = int(np.flatnonzero(bad.to_numpy())[0])
        wrong.append(
            f"{values.name} takes {takes}, and {int(bad.sum())} values are not, the first "
            f"in row {first}: {str(values.iloc[first])[:60]!r}"
        )


def _names(columns: Any) -> str:
    return ", ".join(map(str, columns))
