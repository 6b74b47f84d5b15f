"""Parts of a table that are looked at by themselves: how a model does on each of them."""

import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.data.columns import Columns
from mlops_assets.errors import UserError
from mlops_assets.metrics import Metric
from mlops_assets.predicted import Predicted

MOST_GROUPS = 20  # of one column: the most frequent ones
_CONDITION = re.compile(r"^\s*`?(?P<column>.+?)`?\s*(?P<sign><=|>=|==|!=|<|>)\s*(?P<value>.+?)\s*$")
_SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Slice:
    """Rows that meet one condition; a missing value meets none.

    ``name`` says it to people: of a sensitive column, groups are told by their place alone.
    """

    name: str
    column: str
    sign: str
    value: Any

    def rows(self, frame: pd.DataFrame) -> np.ndarray:
        """The rows of ``frame`` in it, a mask; none where the column is not there."""
        if self.column not in frame.columns:
            return np.zeros(len(frame), dtype=bool)
        values = frame[self.column]
        known = values.notna().to_numpy()
        met = np.zeros(len(frame), dtype=bool)
        there = values[known]
        if isinstance(self.value, str):
            there = there.astype(str)
        met[known] = _SIGNS[self.sign](there, self.value).to_numpy(dtype=bool)
        return met


class SliceScore(BaseModel):
    """How a model does on a slice."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="The slice; groups of sensitive columns by their place alone.")
    rows: int = Field(description="Labelled rows in it.")
    score: float | None = Field(description="None where it is not defined on them.")


class SliceCompared(BaseModel):
    """Both models on the evaluation rows of one slice."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="The slice; groups of sensitive columns by their place alone.")
    rows: int = Field(description="Evaluation rows in it.")
    candidate_score: float | None = Field(description="None where it is not defined.")
    production_score: float | None = Field(description="On the same rows.")
    loss_lower: float | None = Field(
        description="One-sided lower bound of how much better production is, at a confidence that "
        "is corrected over the slices; None where there are too few rows to judge by."
    )


def find_slices(
    baseline: pd.DataFrame, asked: Sequence[str], columns: Columns, where: str = "slices"
) -> tuple[Slice, ...]:
    """The slices that a YAML asks for, as the baseline knows them.

    Args:
        baseline: The baseline's rows: which groups a column has is told by these.
        asked: Each the name of a column, whose values are a slice each, or a condition such as
            ``age < 30`` or ``carrier == AA``.
        columns: Which column plays which role.
        where: The field of the YAML, for messages.

    Raises:
        UserError: There is no such column, it is the target, or it has numbers of too many values.
    """
    found: list[Slice] = []
    for text in asked:
        if text in baseline.columns:
            found += _groups(baseline, text, columns, where)
            continue
        condition = _CONDITION.match(text)
        if condition is None or condition["column"] not in baseline.columns:
            raise UserError(
                f"`{where}` has {text!r}, which is no column of the baseline and no condition on "
                "one. Write a column's name, or a condition such as `age < 30`. The columns are "
                f"{', '.join(map(str, baseline.columns))}."
            )
        found.append(_condition(baseline, condition, columns, where))
    return tuple(dict.fromkeys(found))


def score_slices(
    slices: Sequence[Slice],
    frame: pd.DataFrame,
    y: np.ndarray,
    predicted: Predicted,
    metric: Metric,
) -> list[SliceScore]:
    """How a model does on each slice of some labelled rows; without those that have no row."""
    scores = []
    for each in slices:
        rows = each.rows(frame)
        if rows.any():
            score = metric.score(y[rows], predicted[rows])
            known = float(score) if np.isfinite(score) else None
            scores.append(SliceScore(name=each.name, rows=int(rows.sum()), score=known))
    return scores


def _groups(baseline: pd.DataFrame, name: str, columns: Columns, where: str) -> list[Slice]:
    _refuse_target(name, columns, where)
    counts = baseline[name].value_counts()
    numbers = pd.api.types.is_numeric_dtype(baseline[name]) and not pd.api.types.is_bool_dtype(
        baseline[name]
    )
    dates = pd.api.types.is_datetime64_any_dtype(baseline[name])
    if dates or (numbers and len(counts) > MOST_GROUPS):
        raise UserError(
            f"`{where}` has {name!r}, which has {len(counts)} different "
            f"{'moments' if dates else 'numbers'}: none of them has rows enough. Write conditions "
            f"in its place, such as `{name} < {baseline[name].median()}`."
        )
    frequent = sorted(counts.index[:MOST_GROUPS], key=str)
    hidden = name in columns.sensitive
    return [
        Slice(
            f"{name}, group {place}" if hidden else f"{name} = {value}",
            *(name, "==", value if numbers else str(value)),
        )
        for place, value in enumerate(frequent, start=1)
    ]


def _condition(
    baseline: pd.DataFrame, condition: "re.Match[str]", columns: Columns, where: str
) -> Slice:
    name, sign, text = condition["column"], condition["sign"], condition["value"].strip("'\"")
    _refuse_target(name, columns, where)
    values = baseline[name]
    value: Any = text
    try:
        if pd.api.types.is_datetime64_any_dtype(values):
            value = pd.Timestamp(text, tz=getattr(values.dtype, "tz", None))
        elif pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            value = float(text)
    except ValueError:
        raise UserError(
            f"`{where}` has {condition[0]!r}, and {text!r} is no value of {name!r}, which holds "
            f"{values.dtype}. Write one in its place."
        ) from None
    shown = "(hidden)" if name in columns.sensitive else text
    return Slice(f"{name} {sign} {shown}", name, sign, value)


def _refuse_target(name: str, columns: Columns, where: str) -> None:
    if name == columns.target:
        raise UserError(
            f"`{where}` has {name!r}, the target: slices are told by what is known before. The "
            "scores by class are in the confusion matrix of each training."
        )
