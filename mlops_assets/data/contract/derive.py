"""The contract that a baseline shows."""

import math
from typing import Any, cast

import pandas as pd

from mlops_assets.data.coerce import ColumnType, coerce, kind_of, plain
from mlops_assets.data.columns import Columns
from mlops_assets.data.contract.check import examine
from mlops_assets.data.contract.column import now_in_utc
from mlops_assets.data.contract.problems import (
    as_category,
    column_problems,
    few,
    override_problems,
    report,
    shape_problems,
    target_problems,
)
from mlops_assets.data.contract.rules import (
    ColumnContract,
    ColumnOverrides,
    Contract,
    ContractOverrides,
)
from mlops_assets.data.contract.tell import ContractViolation
from mlops_assets.data.tables import as_columns, without_row_number
from mlops_assets.data.written import is_iso_date


def derive_contract(
    frame: pd.DataFrame, columns: Columns, overrides: ContractOverrides, task: str
) -> Contract:
    """Derive the contract from the baseline, which has to keep it as well.

    Ranges are generous: they catch impossible values (a wrong unit, a negative length), not
    drift. Of a sensitive column only type and nullability are kept, never a value.

    Args:
        frame: the baseline as it was read.
        columns: the roles of the columns.
        overrides: what the YAML says instead.
        task: "classification" or "regression".

    Raises:
        UserError: the baseline cannot be learned from; the message lists everything wrong with it.
    """
    frame = without_row_number(as_columns(frame).rename(columns=str), columns)
    report(list(shape_problems(frame, columns, overrides)))
    declared = zip(frame.columns, frame.dtypes, strict=True)
    codes = {name for name, dtype in declared if isinstance(dtype, pd.CategoricalDtype)}
    frame = pd.DataFrame({name: _plain(frame[name], columns) for name in frame.columns})
    report(
        [
            *target_problems(frame, columns, task),
            *column_problems(frame, columns, overrides, codes),
        ]
    )
    types: dict[str, ColumnType] = {
        str(name): overrides.columns.get(name, ColumnOverrides()).type
        or _type_of(frame[name], name, columns, task, is_code=name in codes)
        for name in frame.columns
    }
    report(list(override_problems(types, columns, overrides, task)))
    contract = Contract(
        columns={
            name: _column_contract(frame[name], types[name], columns, overrides, task)
            for name in frame.columns
        },
        unique=_unique_ids(frame, columns, overrides),
        min_rows=overrides.min_rows,
        max_rows=overrides.max_rows or max(10_000, 50 * len(frame)),
    )
    any_size = contract.model_copy(update={"min_rows": 1, "max_rows": len(frame)})
    _, violations = examine(frame, any_size, columns, None)
    if violations:
        raise ContractViolation(
            violations,
            len(frame),
            "the baseline",
            "Correct the baseline, or what `contract` in the model's defs.yaml says.",
        )
    return contract


def _plain(values: pd.Series, columns: Columns) -> pd.Series:
    is_id = values.name in columns.id and values.name != columns.timestamp
    return coerce(values, "string", is_id=True).values if is_id else plain(values)


def _column_contract(
    values: pd.Series, to: ColumnType, columns: Columns, overrides: ContractOverrides, task: str
) -> ColumnContract:
    name = str(values.name)
    if name in columns.ignore:
        return ColumnContract(type=to, required=False, null_share=1.0)
    given = overrides.columns.get(name, ColumnOverrides())
    rules: dict[str, Any] = {"type": to, "new_null_share": overrides.max_new_null_share}
    typed = coerce(values, to, is_id=name in columns.id).values
    if name == columns.target:
        rules |= {"required": False, "null_share": 1.0}
    elif name not in columns.id and typed.isna().any():
        rules["null_share"] = min(1.0, max(0.5, round(2 * float(typed.isna().mean()), 3)))
    if name in columns.sensitive:
        pass  # not a value of it is kept
    elif name == columns.target and task == "classification":
        rules["categories"] = sorted(typed.dropna().unique().tolist(), key=str)
    else:
        rules |= _value_rules(typed, to, name, columns, overrides)
    if to in ("integer", "float"):
        rules["out_of_range_share"] = overrides.max_out_of_range_share
    if to == "datetime" and (name == columns.timestamp or not (typed > now_in_utc()).any()):
        rules["future"] = False
    if not given.required:
        rules["null_share"] = 1.0
    return ColumnContract(**rules | _said(given, to))


def _said(given: ColumnOverrides, to: ColumnType) -> dict[str, Any]:
    """The rules that a person gave, and their names: nothing is derived where they are."""
    firm = ("type", "null_share", "minimum", "maximum", "categories", "future")
    said = {name: getattr(given, name) for name in firm if name in given.model_fields_set}
    nothing = ("minimum", "maximum", "categories")  # of these, null says that there is no rule
    said = {name: value for name, value in said.items() if value is not None or name in nothing}
    names = [
        *said,
        *(["max_out_of_range_share"] if given.max_out_of_range_share is not None else []),
    ]
    rules = {**said, "given": names}
    if "required" in given.model_fields_set:
        rules["required"] = given.required
    if given.categories is not None:
        rules["categories"] = [as_category(one, to) for one in given.categories]
    shares = {
        "new_null_share": given.max_new_null_share,
        "out_of_range_share": given.max_out_of_range_share,
        "new_category_share": given.max_new_category_share,
    }
    return rules | {name: share for name, share in shares.items() if share is not None}


def _value_rules(
    values: pd.Series, to: ColumnType, name: str, columns: Columns, overrides: ContractOverrides
) -> dict[str, Any]:
    """Usual range or known categories of a column that is not sensitive."""
    given = overrides.columns.get(name, ColumnOverrides())
    if to == "category":
        return {
            "categories": sorted(values.dropna().unique().tolist()),
            "new_category_share": overrides.max_new_category_share,
        }
    if given.categories is not None:
        return {"new_category_share": overrides.max_new_category_share}
    if to not in ("integer", "float") or name in columns.id or values.isna().all():
        return {}
    low, high = float(values.min()), float(values.max())
    margin = overrides.range_margin * (high - low)
    if not math.isfinite(margin):
        return {}  # as wide as numbers go
    minimum = max(0.0, low - margin) if low >= 0 else low - margin
    maximum = high + margin
    # Rounded to be read, but never into the values.
    return {
        "minimum": min(minimum, float(f"{minimum:.6g}")),
        "maximum": max(maximum, float(f"{maximum:.6g}")),
    }


def _type_of(
    values: pd.Series, name: str, columns: Columns, task: str, *, is_code: bool
) -> ColumnType:
    kind = kind_of(values)
    if name == columns.timestamp:
        return "datetime"
    if name in columns.id:
        return "string"
    if is_code and name != columns.target and kind == "number":
        return "category"  # the file itself says so
    if name == columns.target and task == "regression":
        return "float"
    if kind == "number":
        if values.dtype.kind in "iu":
            return "integer"
        whole = name == columns.target and bool((values == values.round()).all())
        return "integer" if whole else "float"
    if kind in ("boolean", "datetime"):
        return cast("ColumnType", kind)
    if name == columns.target:
        return "category"
    if kind in ("mixed", "other"):
        return "string"  # which they are not: the check will say so
    text = values.dropna().astype(str)
    if len(text) and text.map(is_iso_date).all():
        return "datetime"
    return "category" if few(text) else "string"


def _unique_ids(frame: pd.DataFrame, columns: Columns, overrides: ContractOverrides) -> list[str]:
    if not columns.id or overrides.unique_ids is False:
        return []
    ids = pd.DataFrame({name: frame[name].map(str) for name in columns.id})
    if overrides.unique_ids is None and ids.duplicated().any():
        return []
    return columns.id
