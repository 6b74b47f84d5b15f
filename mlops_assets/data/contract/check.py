"""A table held against its contract."""

import datetime
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from mlops_assets.data.coerce import coerce, plain
from mlops_assets.data.columns import Columns
from mlops_assets.data.contract.rules import ColumnContract, Contract
from mlops_assets.data.contract.tell import (
    ContractViolation,
    Violation,
    examples,
    hint,
    rows_of,
    some,
)

if TYPE_CHECKING:
    import pandera.pandas as pa


@dataclass(frozen=True)
class Checked:
    """A table that keeps the contract, and the harmless differences that were put right."""

    frame: pd.DataFrame
    notes: tuple[str, ...]


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
        ContractViolation: with every violation, not only the first.
    """
    checked, violations = examine(frame, contract, columns, now)
    if violations:
        raise ContractViolation(
            violations,
            len(frame),
            "the batch",
            "Correct the data at its source and run the day again. If the data is meant to be "
            "like this, say so under `contract` in the model's defs.yaml and materialize "
            "baseline_data again.",
        )
    return checked


def examine(
    frame: pd.DataFrame,
    contract: Contract,
    columns: Columns,
    now: datetime.datetime | None,
) -> tuple[Checked, tuple[Violation, ...]]:
    """The table brought into shape, what was put right, and every violation."""
    frame = frame.rename(columns=str)
    violations = list(_shape_violations(frame, contract))
    notes = list(_shape_notes(frame, contract, columns))
    times = Counter(frame.columns)
    left_out = _left_out(frame, contract, columns)
    frame = frame.assign(**dict.fromkeys(left_out))
    present = [name for name in contract.columns if times[name] == 1 or name in left_out]
    typed: dict[str, pd.Series] = {}
    for name in present:
        rules = contract.columns[name]
        if name in columns.ignore:
            typed[name] = frame[name]
            continue
        column = coerce(frame[name], rules.type)
        typed[name] = column.values
        if column.note:
            notes.append(f"{name}: {column.note}.")
        if rows := int(column.wrong.sum()):
            wrong = plain(frame[name])[column.wrong]
            violations.append(
                Violation(
                    name,
                    "type",
                    rows,
                    examples(wrong, sensitive=name in columns.sensitive),
                    f"{rows} of {rows_of(len(frame))} {column.says}",
                )
            )
            # The rest of the rules judge the rows that fit.
            typed[name] = column.values[~column.wrong]
    notes += _category_notes(typed, contract, columns)
    for name, values in typed.items():
        if name in columns.ignore:
            continue
        sensitive = name in columns.sensitive
        rules = contract.columns[name]
        violations += _value_violations(name, values, rules, sensitive, len(frame), now)
    if contract.unique and set(contract.unique) <= set(typed):
        violations += _id_violations(typed, contract, columns, len(frame))
    order = [*contract.columns]
    violations.sort(key=lambda v: -1 if v.column is None else order.index(v.column))
    shaped = pd.DataFrame() if violations else pd.DataFrame(typed).reset_index(drop=True)
    return Checked(shaped, tuple(notes)), tuple(violations)


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


def _category_notes(
    typed: dict[str, pd.Series], contract: Contract, columns: Columns
) -> Iterator[str]:
    """New categories that are few enough to be let through."""
    for name, values in typed.items():
        rules = contract.columns[name]
        if rules.categories is None or name == columns.target:
            continue
        new = values[values.notna() & ~values.isin(rules.categories)]
        if len(new) and len(new) <= rules.new_category_share * len(values):
            shown = ", ".join(examples(new, sensitive=name in columns.sensitive))
            yield f"{name}: {len(new)} of {rows_of(len(values))} have a new category: {shown}."


def _value_violations(
    name: str,
    values: pd.Series,
    rules: ColumnContract,
    sensitive: bool,
    total: int,
    now: datetime.datetime | None,
) -> Iterator[Violation]:
    """The rules of one column, validated by pandera all at once."""
    asked = list(_asked(rules, sensitive, now))
    if all(_holds_everywhere(rule.holds(values)) for rule in asked):
        return  # pandera takes three times as long as all the rest of a check
    import pandera.pandas as pa

    checks = [
        # Three failing rows are enough for pandera's own record: ours counts them all.
        pa.Check(rule.holds, name=rule.name, error=rule.error, ignore_na=False, n_failure_cases=3)
        for rule in asked
    ]
    schema = pa.DataFrameSchema({name: pa.Column(checks=checks, nullable=True)})
    try:
        schema.validate(values.to_frame(name), lazy=True)
    except pa.errors.SchemaErrors as errors:
        for error in errors.schema_errors:
            failing = values[~cast("pd.Series", error.check_output)]
            rule = cast("pa.Check", error.check)
            yield Violation(
                name,
                str(rule.name),
                len(failing),
                () if rule.name == "null" else examples(failing, sensitive),
                f"{len(failing)} of {rows_of(total)} {rule.error}",
            )


@dataclass(frozen=True)
class _Rule:
    """One rule of a column: ``holds`` marks the values that keep it."""

    name: str
    error: str
    holds: Callable[[pd.Series], pd.Series]


def _holds_everywhere(kept: pd.Series) -> bool:
    return kept.dtype == bool and bool(kept.all())


def _asked(
    rules: ColumnContract, sensitive: bool, now: datetime.datetime | None
) -> Iterator[_Rule]:
    def few_enough(fails: pd.Series, share: float) -> pd.Series:
        tolerated = fails.sum() <= share * len(fails)
        return pd.Series(data=True, index=fails.index) if tolerated else ~fails

    if rules.null_share < 1:
        allowed = f"at most {rules.null_share:.0%}" if rules.null_share else "none"
        yield _Rule(
            "null",
            f"have no value; allowed: {allowed}",
            lambda values: few_enough(values.isna(), rules.null_share),
        )
    if rules.type in ("integer", "float"):
        yield _Rule("infinite", "are infinite", lambda values: ~np.isinf(values))
    if (low := rules.minimum) is not None:
        text = f"are below {low:g}, the lowest plausible value"
        yield _Rule("minimum", text, lambda values: ~(values < low) | np.isinf(values))
    if (high := rules.maximum) is not None:
        text = f"are above {high:g}, the highest plausible value"
        yield _Rule("maximum", text, lambda values: ~(values > high) | np.isinf(values))
    if (known := rules.categories) is not None:
        which = "" if sensitive else f" {some([str(value) for value in known])}"
        text = f"are none of the known categories{which}"
        yield _Rule(
            "category",
            text,
            lambda values: few_enough(
                values.notna() & ~values.isin(known), rules.new_category_share
            ),
        )
    if not rules.future:
        # A day of grace: the zones of the writer and of this machine may differ.
        limit = (now or now_in_utc()) + datetime.timedelta(days=1)
        yield _Rule("future", "are in the future", lambda values: ~(values > limit))


def now_in_utc() -> datetime.datetime:
    """The present in UTC, without a zone, as moments are kept."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


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
