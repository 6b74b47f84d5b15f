"""A table held against its contract."""

import datetime
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from mlops_assets.data.columns import Columns, with_columns
from mlops_assets.data.contract.column import Column, now_in_utc
from mlops_assets.data.contract.rules import Contract
from mlops_assets.data.contract.tell import (
    ContractViolation,
    Violation,
    examples,
    hint,
    lines_to_paste,
    rows_of,
    some,
)
from mlops_assets.data.notes import notes_of
from mlops_assets.data.tables import as_columns, without_row_number


@dataclass(frozen=True)
class Checked:
    """A table that keeps the contract, what was put right in it, and what is unusual about it.

    ``unusual`` are those of the ``notes`` that a person should look at: what the baseline does
    not show, and is not impossible.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]
    unusual: tuple[str, ...] = ()


def check(
    frame: pd.DataFrame,
    contract: Contract,
    columns: Columns,
    now: datetime.datetime | None = None,
) -> Checked:
    """Check a batch against the contract.

    The target may be missing or null: labels can come later.

    Args:
        frame: the batch as it was read.
        contract: the rules.
        columns: the roles of the columns.
        now: dates after this are in the future; None is the present.

    Returns:
        The batch in the contract's column order and data types, without further columns; and what
        was put right.

    Raises:
        ContractViolation: with every violation, not only the first, and how to accept what is new.
    """
    checked, violations = examine(frame, contract, columns, now)
    if violations:
        raise ContractViolation(
            violations,
            len(frame),
            "the batch",
            "Correct the data at its source and run the day again. If the data is meant to be "
            "like this, say so under `contract` in the model's defs.yaml and materialize "
            "baseline_data again." + lines_to_paste(violations),
        )
    return checked


def examine(
    frame: pd.DataFrame,
    contract: Contract,
    columns: Columns,
    now: datetime.datetime | None,
) -> tuple[Checked, tuple[Violation, ...]]:
    """The table brought into shape, what was put right, and every violation."""
    frame = as_columns(frame).rename(columns=str)
    if not any(name.startswith("Unnamed") for name in contract.columns):  # else of a version before
        frame = without_row_number(frame, columns)
    violations = list(_shape_violations(frame, contract))
    notes = [*notes_of(frame, columns), *_shape_notes(frame, contract, columns)]
    unusual: list[str] = []
    times = Counter(frame.columns)
    left_out = _left_out(frame, contract, columns)
    frame = with_columns(frame, dict.fromkeys(left_out))
    typed: dict[str, pd.Series] = {}
    for name, rules in contract.columns.items():
        if times[name] != 1 and name not in left_out:
            continue
        if name in columns.ignore:
            typed[name] = frame[name]
            continue
        one = Column(name, rules, columns, len(frame), now or now_in_utc(), name in left_out)
        typed[name] = one.brought_into_shape(frame[name])
        one.hold_against_rules(typed[name])
        violations += one.violations
        notes += one.notes
        unusual += one.unusual
    if contract.unique and set(contract.unique) <= set(typed):
        violations += _id_violations(typed, contract, columns, len(frame))
    order = [*contract.columns]
    violations.sort(key=lambda v: -1 if v.column is None else order.index(v.column))
    shaped = pd.DataFrame() if violations else pd.DataFrame(typed).reset_index(drop=True)
    return Checked(shaped, (*notes, *unusual), tuple(unusual)), tuple(violations)


def _left_out(frame: pd.DataFrame, contract: Contract, columns: Columns) -> list[str]:
    """The features that a batch may lack, and does."""
    absent = [
        name
        for name, rules in contract.columns.items()
        if not rules.required and name not in frame.columns
    ]
    return columns.features(pd.DataFrame(columns=absent)) if absent else []


def _shape_violations(frame: pd.DataFrame, contract: Contract) -> Iterator[Violation]:
    rows = len(frame)
    if rows < contract.min_rows:
        text = f"too few rows: {rows}; a batch needs {contract.min_rows}"
        yield Violation(None, "rows", rows, (), text)
    if rows > contract.max_rows:
        text = f"too many rows: {rows}; plausible are {contract.max_rows} at most"
        yield Violation(None, "rows", rows, (), text)
    times = Counter(frame.columns)
    unknown = [name for name in times if name not in contract.columns]
    for name, rules in contract.columns.items():
        if times[name] == 0 and rules.required:
            text = f"the column is missing{hint(name, unknown)}"
            yield Violation(name, "missing", rows, (), text)
        if times[name] > 1:
            yield Violation(name, "duplicate", rows, (), f"{times[name]} columns have this name")


def _shape_notes(frame: pd.DataFrame, contract: Contract, columns: Columns) -> Iterator[str]:
    names = list(frame.columns)
    if extra := [name for name in names if name not in contract.columns]:
        yield f"{len(extra)} column(s) that the contract does not know left out: {some(extra)}."
    known = dict.fromkeys(name for name in names if name in contract.columns)
    if list(known) != [name for name in contract.columns if name in known]:
        yield "columns put into the contract's order."
    for name in _left_out(frame, contract, columns):
        yield f"{name}: no such column, which is allowed; no row has a value."
    if columns.target not in names:
        yield f"{columns.target}: no label column; the rows count as not labelled yet."
    elif names.count(columns.target) == 1 and (late := int(frame[columns.target].isna().sum())):
        yield f"{columns.target}: {late} of {rows_of(len(frame))} are not labelled yet."


def _id_violations(
    typed: dict[str, pd.Series], contract: Contract, columns: Columns, total: int
) -> Iterator[Violation]:
    ids = pd.DataFrame({name: typed[name] for name in contract.unique})
    twice = ids.duplicated(keep=False)
    if rows := int(twice.sum()):
        hidden = bool(set(contract.unique) & set(columns.sensitive))
        found = ids[twice].astype(str).agg("/".join, axis=1)
        yield Violation(
            contract.unique[0],
            "unique",
            rows,
            examples(found, sensitive=hidden),
            f"{rows} of {rows_of(total)} share their id with another row",
        )
