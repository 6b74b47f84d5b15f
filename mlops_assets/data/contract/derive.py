"""The contract that a baseline shows."""

from typing import Any, cast

import pandas as pd

from mlops_assets.data.coerce import ColumnType, coerce, kind_of, plain
from mlops_assets.data.columns import Columns
from mlops_assets.data.contract.check import examine, now_in_utc
from mlops_assets.data.contract.problems import (
    MAX_CATEGORIES,
    column_problems,
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
    frame = frame.rename(columns=str)
    report(list(shape_problems(frame, columns, overrides)))
    frame = pd.DataFrame({name: plain(frame[name]) for name in frame.columns})
    report(
        [
            *target_problems(frame, columns, task),
            *column_problems(frame, columns, overrides),
        ]
    )
    contract = Contract(
        columns={
            name: _column_contract(frame[name], name, columns, overrides, task)
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


def _column_contract(
    values: pd.Series, name: str, columns: Columns, overrides: ContractOverrides, task: str
) -> ColumnContract:
    given = overrides.columns.get(name, ColumnOverrides())
    to = given.type or _type_of(values, name, columns, task)
    if name in columns.ignore:
        return ColumnContract(type=to, required=False, null_share=1.0)
    rules: dict[str, Any] = {"type": to}
    typed = coerce(values, to).values
    is_class = name == columns.target and task == "classification"
    if name == columns.target:
        rules |= {"required": False, "null_share": 1.0}
    elif name not in columns.id and values.isna().any():
        rules["null_share"] = min(1.0, max(0.5, round(2 * float(values.isna().mean()), 3)))
    if name in columns.sensitive:
        pass  # not a value of it is kept
    elif is_class:
        rules["categories"] = sorted(typed.dropna().unique().tolist(), key=str)
    else:
        rules |= _value_rules(typed, to, name, columns, overrides)
    if to == "datetime" and (name == columns.timestamp or not (typed > now_in_utc()).any()):
        rules["future"] = False
    if not given.required:
        rules["null_share"] = 1.0
    rules |= {key: getattr(given, key) for key in given.model_fields_set}
    return ColumnContract(**rules)


def _value_rules(
    values: pd.Series, to: ColumnType, name: str, columns: Columns, overrides: ContractOverrides
) -> dict[str, Any]:
    """Plausible range or known categories of a column that is not sensitive."""
    if to == "category":
        return {
            "categories": sorted(values.dropna().unique().tolist()),
            "new_category_share": overrides.max_new_category_share,
        }
    if to not in ("integer", "float") or name in columns.id or values.isna().all():
        return {}
    low, high = float(values.min()), float(values.max())
    margin = overrides.range_margin * (high - low)
    minimum = max(0.0, low - margin) if low >= 0 else low - margin
    return {"minimum": float(f"{minimum:.6g}"), "maximum": float(f"{high + margin:.6g}")}


def _type_of(values: pd.Series, name: str, columns: Columns, task: str) -> ColumnType:
    kind = kind_of(values)
    if name == columns.timestamp:
        return "datetime"
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
    if len(text) and text.str.match(r"\d{4}-\d{2}-\d{2}").all():
        return "datetime"
    if name in columns.id or text.nunique() > min(MAX_CATEGORIES, len(values) / 2):
        return "string"
    return "category"


def _unique_ids(frame: pd.DataFrame, columns: Columns, overrides: ContractOverrides) -> list[str]:
    if not columns.id or overrides.unique_ids is False:
        return []
    ids = pd.DataFrame({name: frame[name].map(str) for name in columns.id})
    if overrides.unique_ids is None and ids.duplicated().any():
        return []
    return columns.id
