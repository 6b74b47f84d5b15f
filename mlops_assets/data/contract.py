"""What a table must look like: derived from the baseline, and checked on every batch."""

import datetime
import difflib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlops_assets.data.coerce import ColumnType, coerce, kind_of, plain
from mlops_assets.data.columns import Columns
from mlops_assets.data.notes import Note, notes_of
from mlops_assets.data.tables import as_columns, without_row_number
from mlops_assets.data.written import has_leading_zero, is_iso_date, to_set
from mlops_assets.errors import UserError

if TYPE_CHECKING:
    import pandera.pandas as pa

MIN_BASELINE_ROWS = 50
"""Fewer rows make neither a model nor a reference to compare with."""

_MAX_CATEGORIES = 50
_LINES_SHOWN = 50
_NAMES_SHOWN = 10
_LOOKED_AT = 10_000
_HIDDEN = ("values hidden",)


class ColumnOverrides(BaseModel):
    """What the YAML says about a column instead of what the baseline shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ColumnType | None = Field(default=None, description="The column's data type.")
    required: bool = Field(
        default=True,
        description="Whether every batch has the column; false: rows of a batch without it have "
        "no value, and `null_share` is 1 unless given.",
    )
    null_share: float | None = Field(
        default=None, ge=0, le=1, description="Share of rows that may be null; 0: none."
    )
    categories: list[str] | None = Field(default=None, description="The known categories.")
    minimum: float | None = Field(default=None, description="Lowest plausible value; null: none.")
    maximum: float | None = Field(default=None, description="Highest plausible value; null: none.")


class ContractOverrides(BaseModel):
    """The data contract's settings; all else is derived from the baseline."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, ColumnOverrides] = Field(
        default={}, description="Rules of single columns, in place of the derived ones."
    )
    min_rows: int = Field(default=20, ge=1, description="Fewest rows of a batch.")
    max_rows: int | None = Field(
        default=None,
        description="Most rows of a batch; null: 50 times the baseline's, at least 10000.",
    )
    max_columns: int = Field(default=1000, ge=2, description="Most columns of the baseline.")
    unique_ids: bool | None = Field(
        default=None,
        description="Whether an id may occur once only; null: whether it does in the baseline.",
    )
    range_margin: float = Field(
        default=3.0,
        ge=0,
        description="How far beyond the baseline's lowest and highest value a number is still "
        "plausible, in widths of the baseline's range. Drift is not a broken contract.",
    )
    max_new_category_share: float = Field(
        default=0.05, ge=0, le=1, description="Share of rows that may have an unknown category."
    )


class ColumnContract(BaseModel):
    """The rules of one column."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ColumnType
    required: bool = True
    null_share: float = 0.0
    categories: list[str | int | bool] | None = None
    new_category_share: float = 0.0
    minimum: float | None = None
    maximum: float | None = None
    future: bool = True


class Contract(BaseModel):
    """The rules of a table, in the order of the baseline's columns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, ColumnContract]
    unique: list[str] = []
    min_rows: int
    max_rows: int

    def to_yaml(self) -> str:
        """The contract as YAML, without what is as it is by default."""
        return yaml.safe_dump(self.model_dump(exclude_defaults=True), sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str) -> "Contract":
        """The contract that ``to_yaml`` wrote.

        Raises:
            UserError: the text is not a contract.
        """
        try:
            return _from_yaml(text)
        except (yaml.YAMLError, ValidationError) as error:
            raise UserError(
                f"the stored data contract cannot be read: {error}. "
                "Materialize baseline_data again."
            ) from error


@cache  # a model has one, and every batch of a process is checked against it
def _from_yaml(text: str) -> Contract:
    return Contract.model_validate(yaml.safe_load(text))


@dataclass(frozen=True)
class Violation:
    """One broken rule of one column (or of the table, where ``column`` is None)."""

    column: str | None
    rule: str
    rows: int
    examples: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        """``column: message: examples``, the examples hidden for sensitive columns."""
        where = "the table" if self.column is None else self.column
        return f"{where}: {self.message}{_for_example(self.examples)}"


class ContractViolation(UserError):  # noqa: N818 - the name of the concept
    """A table breaks the contract: every violation, and what to do."""

    def __init__(
        self, violations: tuple[Violation, ...], rows: int, what: str, advice: str
    ) -> None:
        self.violations = violations
        lines = [f"- {violation}" for violation in violations[:_LINES_SHOWN]]
        if len(violations) > _LINES_SHOWN:
            lines.append(f"- and {len(violations) - _LINES_SHOWN} more")
        count = "1 violation" if len(violations) == 1 else f"{len(violations)} violations"
        head = f"{what} of {_rows(rows)} breaks the data contract, {count}:"
        super().__init__("\n".join([head, *lines, advice]))


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
    checked, violations = _examine(frame, contract, columns, now)
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
    frame = _as_table(frame, columns)
    _report(list(_shape_problems(frame, columns, overrides)))
    declared = zip(map(str, frame.columns), frame.dtypes, strict=True)
    codes = {name for name, dtype in declared if isinstance(dtype, pd.CategoricalDtype)}
    frame = pd.DataFrame({name: _plain(frame[name], columns) for name in frame.columns})
    _report(
        [
            *_target_problems(frame, columns, task),
            *_column_problems(frame, columns, overrides, codes),
        ]
    )
    contract = Contract(
        columns={
            name: _column_contract(frame[name], name, columns, overrides, task, name in codes)
            for name in frame.columns
        },
        unique=_unique_ids(frame, columns, overrides),
        min_rows=overrides.min_rows,
        max_rows=overrides.max_rows or max(10_000, 50 * len(frame)),
    )
    any_size = contract.model_copy(update={"min_rows": 1, "max_rows": len(frame)})
    _, violations = _examine(frame, any_size, columns, None)
    if violations:
        raise ContractViolation(
            violations,
            len(frame),
            "the baseline",
            "Correct the baseline, or what `contract` in the model's defs.yaml says.",
        )
    return contract


# ------------------------------------------------------------------ deriving


def _as_table(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The table with one text for each name, its index among them, and without row numbers."""
    return without_row_number(as_columns(frame).rename(columns=str), columns)


def _plain(values: pd.Series, columns: Columns) -> pd.Series:
    is_id = values.name in columns.id and values.name != columns.timestamp
    return coerce(values, "string", is_id=True).values if is_id else plain(values)


def _report(problems: list[str]) -> None:
    """Raise one error that lists all problems, if there are any."""
    if problems:
        shown = [f"- {problem}" for problem in problems[:_LINES_SHOWN]]
        if len(problems) > _LINES_SHOWN:
            shown.append(f"- and {len(problems) - _LINES_SHOWN} more")
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise UserError("\n".join([f"the baseline cannot be used, {count}:", *shown]))


def _shape_problems(
    frame: pd.DataFrame, columns: Columns, overrides: ContractOverrides
) -> Iterator[str]:
    names = list(frame.columns)
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        yield f"{len(twice)} column name(s) occur more than once: {_some(twice)}. Rename them."
    if len(names) > overrides.max_columns:
        yield (
            f"{len(names)} columns are more than {overrides.max_columns}. Leave out what no model "
            "needs, or raise `contract.max_columns`."
        )
    roles = [columns.target, *columns.id, *columns.ignore]
    roles += [columns.timestamp] if columns.timestamp else []
    for name in dict.fromkeys([*roles, *columns.sensitive]):
        if name not in names:
            yield f"{name}: the column is missing{_hint(name, names)}. Correct `columns`."
    if columns.target in roles[1:]:
        yield (f"{columns.target}: the target cannot play another role as well. Correct `columns`.")
    for name, given in overrides.columns.items():
        if name not in names:
            yield f"{name}: the column is missing{_hint(name, names)}. Correct `contract.columns`."
        elif not given.required and name in (*columns.id, columns.timestamp):
            yield (
                f"{name}: only a feature may be left out. Take `contract.columns.{name}.required` "
                "away."
            )
    if len(frame) < MIN_BASELINE_ROWS:
        yield f"too few rows: {len(frame)}. Give {MIN_BASELINE_ROWS} or more."
    if not columns.features(frame):
        yield "no feature column is left. Correct `columns`."


def _target_problems(frame: pd.DataFrame, columns: Columns, task: str) -> Iterator[str]:
    name, values = columns.target, frame[columns.target].dropna()
    if len(values) < MIN_BASELINE_ROWS:
        yield (
            f"{name}: {len(values)} of {_rows(len(frame))} have a label, which is too few. Label "
            f"{MIN_BASELINE_ROWS} or more."
        )
        return
    kind = kind_of(values)
    if kind in ("mixed", "other"):
        yield f"{name}: {_of_types(values)}. Write all as text, numbers or booleans."
        return
    if task == "regression":
        if kind != "number":
            yield f"{name}: regression needs numbers. Correct the column, or set `task`."
        return
    fractions = int((values != values.round()).sum()) if kind == "number" else 0
    counts = values.value_counts()
    if len(counts) == 1:
        yield f"{name}: all rows are of one class. Give rows of two classes or more."
    if len(counts) > max(2, len(frame) / 10):
        yield (
            f"{name}: {len(counts)} classes in {_rows(len(frame))} are too many. "
            "Set `task: regression`, or correct `columns.target`."
        )
    elif fractions:
        yield (
            f"{name}: {fractions} of {_rows(len(frame))} have a number with a fraction, which is "
            "no class. Write classes as text or whole numbers, or set `task: regression`."
        )
    elif lonely := int((counts < 2).sum()):
        yield (
            f"{name}: {lonely} of {len(counts)} classes have one row only. Give two rows or more "
            "of each, or leave these classes out."
        )


def _column_problems(
    frame: pd.DataFrame, columns: Columns, overrides: ContractOverrides, codes: set[str]
) -> Iterator[str]:
    comparable = kind_of(frame[columns.target]) not in ("mixed", "other")
    for name in columns.features(frame):
        values = frame[name]
        given = overrides.columns.get(name)
        kind = kind_of(values)
        if kind == "empty":
            yield f"{name}: all values are null. List it under `columns.ignore`."
        elif kind in ("mixed", "other"):
            yield (
                f"{name}: {_of_types(values)}. Write all as numbers, text, dates or booleans, or "
                "list it under `columns.ignore`."
            )
            continue
        elif values.nunique() == 1:
            yield (
                f"{name}: all values are the same, so nothing can be learned from it. List it "
                "under `columns.ignore`."
            )
        elif name not in codes and (given is None or given.type is None):
            yield from _type_problems(name, values, kind, columns)
        if kind == "number" and values.dtype.kind == "f" and np.isinf(values).any():
            infinite = int(np.isinf(values).sum())
            yield f"{name}: {infinite} of {_rows(len(frame))} are infinite. Make them null."
        if kind != "empty" and comparable and _leaks(values, frame[columns.target]):
            yield (
                f"{name}: the column says the same as the target {columns.target}, so it leaks the "
                "answer. List it under `columns.ignore`."
            )
    for name in columns.id:
        if missing := int(frame[name].isna().sum()):
            yield f"{name}: {missing} of {_rows(len(frame))} have no id. Give every row one."


def _type_problems(name: str, values: pd.Series, kind: str, columns: Columns) -> Iterator[str]:
    """Text that holds numbers, all or most of it."""
    if kind != "text":
        return
    found = values.dropna()
    words = pd.to_numeric(found, errors="coerce").isna()
    if (fields := to_set(found)) is not None:
        yield (
            f"{name}: numbers or dates in a form of their own"
            f"{_for_example(_examples(found, sensitive=name in columns.sensitive))} would be free "
            f"text. For CSV write {fields} under `baseline` and `batches`; else write plain "
            f"numbers and dates like 2026-01-31 at the source. If it is text, set "
            f"`contract.columns.{name}.type: category` (or `string`)."
        )
    elif not words.any() and found.map(has_leading_zero).any() and _few(found):
        pass  # codes
    elif not words.any():
        yield (
            f"{name}: all {len(found)} values are numbers written as text. Write numbers, or set "
            f"`contract.columns.{name}.type` (to category where they are codes)."
        )
    elif words.mean() < 0.5:
        examples = _for_example(_examples(found[words], sensitive=name in columns.sensitive))
        yield (
            f"{name}: {int(words.sum())} of {_rows(len(values))} are words among "
            f"numbers{examples}. Make them null, or set "
            f"`contract.columns.{name}.type`."
        )


def _few(texts: pd.Series) -> bool:
    """Whether texts are categories."""
    return texts.nunique() <= min(_MAX_CATEGORIES, len(texts) / 2)


def _of_types(values: pd.Series) -> str:
    types = sorted({type(value).__name__ for value in values.dropna()})
    return f"values of {'several types' if len(types) > 1 else 'the type'} {_some(types)}"


def _leaks(values: pd.Series, target: pd.Series) -> bool:
    """Whether the feature and the target determine each other one to one."""
    if values.nunique() != target.nunique():
        return False
    pairs = pd.DataFrame({"feature": values, "target": target}).dropna().drop_duplicates()
    if len(pairs) != target.nunique():
        return False
    both_numbers = kind_of(values) == kind_of(target) == "number"
    if len(pairs) > _MAX_CATEGORIES and both_numbers:
        # Many values pair up one to one by chance; only a straight line is the same number.
        correlation = np.corrcoef(values.astype(float), target.astype(float))[0, 1]
        return bool(abs(correlation) > 1 - 1e-9)
    return len(pairs) <= _MAX_CATEGORIES or bool((values.astype(str) == target.astype(str)).all())


def _column_contract(
    values: pd.Series,
    name: str,
    columns: Columns,
    overrides: ContractOverrides,
    task: str,
    is_code: bool,
) -> ColumnContract:
    given = overrides.columns.get(name, ColumnOverrides())
    to = given.type or _type_of(values, name, columns, task, is_code)
    if name in columns.ignore:
        return ColumnContract(type=to, required=False, null_share=1.0)
    rules: dict[str, Any] = {"type": to}
    typed = coerce(values, to, is_id=name in columns.id).values
    is_class = name == columns.target and task == "classification"
    if name == columns.target:
        rules |= {"required": False, "null_share": 1.0}
    elif name not in columns.id and typed.isna().any():
        rules["null_share"] = min(1.0, max(0.5, round(2 * float(typed.isna().mean()), 3)))
    if name in columns.sensitive:
        pass  # not a value of it is kept
    elif is_class:
        rules["categories"] = sorted(typed.dropna().unique().tolist(), key=str)
    else:
        rules |= _value_rules(typed, to, name, columns, overrides)
    if to == "datetime" and (name == columns.timestamp or not (typed > _now()).any()):
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


def _type_of(
    values: pd.Series, name: str, columns: Columns, task: str, is_code: bool
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
    if text.nunique() > min(_MAX_CATEGORIES, len(values) / 2):
        return "string"
    return "category"


def _unique_ids(frame: pd.DataFrame, columns: Columns, overrides: ContractOverrides) -> list[str]:
    if not columns.id or overrides.unique_ids is False:
        return []
    ids = pd.DataFrame({name: frame[name].map(str) for name in columns.id})
    if overrides.unique_ids is None and ids.duplicated().any():
        return []
    return columns.id


# ------------------------------------------------------------------ checking


def _examine(
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
        column = coerce(frame[name], rules.type, is_id=name in columns.id)
        typed[name] = column.values
        for change in column.changes:
            told = Note(name, change.says, change.examples)
            notes.append(told.told(sensitive=name in columns.sensitive))
        if rows := int(column.wrong.sum()):
            wrong = plain(frame[name])[column.wrong]
            violations.append(
                Violation(
                    name,
                    "type",
                    rows,
                    _examples(wrong, sensitive=name in columns.sensitive),
                    f"{rows} of {_rows(len(frame))} {column.says}",
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
            text = f"the column is missing{_hint(name, unknown)}"
            yield Violation(name, "missing", rows, (), text)
        if times[name] > 1:
            yield Violation(name, "duplicate", rows, (), f"{times[name]} columns have this name")


def _shape_notes(frame: pd.DataFrame, contract: Contract, columns: Columns) -> Iterator[str]:
    names = list(frame.columns)
    if extra := [name for name in names if name not in contract.columns]:
        yield f"{len(extra)} column(s) that the contract does not know left out: {_some(extra)}."
    known = dict.fromkeys(name for name in names if name in contract.columns)
    if list(known) != [name for name in contract.columns if name in known]:
        yield "columns put into the contract's order."
    for name in _left_out(frame, contract, columns):
        yield f"{name}: no such column, which is allowed; no row has a value."
    if columns.target not in names:
        yield f"{columns.target}: no label column; the rows count as not labelled yet."
    elif names.count(columns.target) == 1 and (late := int(frame[columns.target].isna().sum())):
        yield f"{columns.target}: {late} of {_rows(len(frame))} are not labelled yet."


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
            shown = ", ".join(_examples(new, sensitive=name in columns.sensitive))
            yield f"{name}: {len(new)} of {_rows(len(values))} have a new category: {shown}."


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
                () if rule.name == "null" else _examples(failing, sensitive),
                f"{len(failing)} of {_rows(total)} {rule.error}",
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
        which = "" if sensitive else f" {_some([str(value) for value in known])}"
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
        limit = (now or _now()) + datetime.timedelta(days=1)
        yield _Rule("future", "are in the future", lambda values: ~(values > limit))


def _now() -> datetime.datetime:
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
            _examples(found, sensitive=hidden),
            f"{rows} of {_rows(total)} share their id with another row",
        )


# ------------------------------------------------------------------ words


def _examples(values: pd.Series, sensitive: bool) -> tuple[str, ...]:
    """Three different values; none of a sensitive column."""
    if sensitive:
        return _HIDDEN
    # Compared as they are shown: not every value can be compared as it is.
    return tuple(dict.fromkeys(_shown(value) for value in values.head(_LOOKED_AT)))[:3]


def _for_example(examples: tuple[str, ...]) -> str:
    if examples == _HIDDEN:
        return " (values hidden)"
    return f" (for example {', '.join(examples)})" if examples else ""


def _shown(value: object) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:37] + "...")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _some(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _hint(name: str, others: list[str]) -> str:
    """The most alike of the other names, if one is alike at all."""
    folded = {other.casefold().replace(" ", "_"): other for other in others}
    if len(others) > 200:
        return ""  # comparing each with each would take longer than reading the message
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f" (is it {folded[close[0]]!r}?)" if close else ""
