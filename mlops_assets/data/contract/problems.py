"""What makes a baseline unusable: each problem with what to do about it."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from mlops_assets.data.coerce import ColumnType, kind_of
from mlops_assets.data.columns import Columns
from mlops_assets.data.contract.rules import Category, ColumnOverrides, ContractOverrides
from mlops_assets.data.contract.tell import LINES_SHOWN, examples, for_example, hint, rows_of, some
from mlops_assets.data.written import has_leading_zero, to_set
from mlops_assets.errors import UserError

MIN_BASELINE_ROWS = 50
"""Fewer rows make neither a model nor a reference to compare with."""

MAX_CATEGORIES = 50

_NUMBERS: tuple[ColumnType, ...] = ("integer", "float")
_KNOWN: tuple[ColumnType, ...] = ("category", "string", "boolean", "integer", "float")
_RULES_OF: dict[str, tuple[tuple[ColumnType, ...], str]] = {
    "minimum": (_NUMBERS, "numbers"),
    "maximum": (_NUMBERS, "numbers"),
    "max_out_of_range_share": (_NUMBERS, "numbers"),
    "future": (("datetime",), "dates"),
    "categories": (_KNOWN, "text, numbers, or true and false"),
    "max_new_category_share": (_KNOWN, "text, numbers, or true and false"),
}


def report(problems: list[str]) -> None:
    """Raise one error that lists all problems, if there are any."""
    if problems:
        shown = [f"- {problem}" for problem in problems[:LINES_SHOWN]]
        if len(problems) > LINES_SHOWN:
            shown.append(f"- and {len(problems) - LINES_SHOWN} more")
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise UserError("\n".join([f"the baseline cannot be used, {count}:", *shown]))


def shape_problems(
    frame: pd.DataFrame, columns: Columns, overrides: ContractOverrides
) -> Iterator[str]:
    """What is wrong with the table's size, its names and what the YAML says of them."""
    names = list(frame.columns)
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        yield f"{len(twice)} column name(s) occur more than once: {some(twice)}. Rename them."
    if len(names) > overrides.max_columns:
        yield (
            f"{len(names)} columns are more than {overrides.max_columns}. Leave out what no model "
            "needs, or raise `contract.max_columns`."
        )
    roles = [columns.target, *columns.id, *columns.ignore]
    roles += [columns.timestamp] if columns.timestamp else []
    for name in dict.fromkeys([*roles, *columns.sensitive]):
        if name not in names:
            like = hint(name, names) or f" (there are {some(names)})"
            yield f"{name}: the column is missing{like}. Correct `columns`."
    if columns.target in roles[1:]:
        yield (f"{columns.target}: the target cannot play another role as well. Correct `columns`.")
    for name, given in overrides.columns.items():
        if name not in names:
            yield f"{name}: the column is missing{hint(name, names)}. Correct `contract.columns`."
        elif not given.required and name in (*columns.id, columns.timestamp):
            yield (
                f"{name}: only a feature may be left out. Take `contract.columns.{name}.required` "
                "away."
            )
    if len(frame) < MIN_BASELINE_ROWS:
        yield f"too few rows: {len(frame)}. Give {MIN_BASELINE_ROWS} or more."
    if not columns.features(frame):
        yield "no feature column is left. Correct `columns`."


def target_problems(frame: pd.DataFrame, columns: Columns, task: str) -> Iterator[str]:
    """Why the target cannot be learned."""
    name, values = columns.target, frame[columns.target].dropna()
    if len(values) < MIN_BASELINE_ROWS:
        yield (
            f"{name}: {len(values)} of {rows_of(len(frame))} have a label, which is too few. Label "
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
            f"{name}: {len(counts)} classes in {rows_of(len(frame))} are too many. "
            "Set `task: regression`, or correct `columns.target`."
        )
    elif fractions:
        yield (
            f"{name}: {fractions} of {rows_of(len(frame))} have a number with a fraction, which is "
            "no class. Write classes as text or whole numbers, or set `task: regression`."
        )
    elif lonely := int((counts < 2).sum()):
        yield (
            f"{name}: {lonely} of {len(counts)} classes have one row only. Give two rows or more "
            "of each, or leave these classes out."
        )


def column_problems(
    frame: pd.DataFrame, columns: Columns, overrides: ContractOverrides, codes: set[str]
) -> Iterator[str]:
    """Why a feature cannot be learned from, and which rows have no id.

    ``codes`` are the columns that the file itself declares to be categories.
    """
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
            yield f"{name}: {infinite} of {rows_of(len(frame))} are infinite. Make them null."
        if kind != "empty" and comparable and _leaks(values, frame[columns.target]):
            yield (
                f"{name}: the column says the same as the target {columns.target}, so it leaks the "
                "answer. List it under `columns.ignore`."
            )
    for name in columns.id:
        if missing := int(frame[name].isna().sum()):
            yield f"{name}: {missing} of {rows_of(len(frame))} have no id. Give every row one."


def override_problems(
    types: Mapping[str, ColumnType], columns: Columns, overrides: ContractOverrides, task: str
) -> Iterator[str]:
    """What the YAML says of a column that makes no sense for it."""
    for name, given in overrides.columns.items():
        if name in columns.ignore:
            continue  # nothing is asked of it
        where, to = f"contract.columns.{name}", types[name]
        for rule, (fits, holding) in _RULES_OF.items():
            if getattr(given, rule) is not None and to not in fits:
                yield (
                    f"{name}: `{where}.{rule}` is for {holding}, and the column is of type {to}. "
                    "Take it away, or set the column's `type`."
                )
        bounds = [bound for bound in (given.minimum, given.maximum) if bound is not None]
        if bounds != sorted(bounds):
            yield f"{name}: `{where}.minimum` is above its `maximum`. Correct one of them."
        if name == columns.timestamp and to != "datetime":
            yield f"{name}: `columns.timestamp` holds dates. Take `{where}.type` away."
        if name in columns.id and (given.null_share or given.max_new_null_share):
            yield f"{name}: every row needs an id. Let no value be null in `{where}`."
        yield from _category_problems(name, given, to)
        if name == columns.target:
            yield from _class_problems(name, given, to, task)


def _category_problems(name: str, given: ColumnOverrides, to: ColumnType) -> Iterator[str]:
    if to not in _RULES_OF["categories"][0]:
        return
    wrong = [one for one in given.categories or [] if as_category(one, to) is None]
    if wrong and to in ("category", "string"):
        yield (
            f"{name}: `contract.columns.{name}.categories` has {some([str(one) for one in wrong])} "
            "for text. YAML reads words like yes, no, on and off as true and false: write them in "
            "quotes."
        )
    elif wrong:
        yield (
            f"{name}: `contract.columns.{name}.categories` has {some([repr(one) for one in wrong])}"
            f", and the column is of type {to}. Correct them, or set the column's `type`."
        )


def _class_problems(name: str, given: ColumnOverrides, to: ColumnType, task: str) -> Iterator[str]:
    where = f"contract.columns.{name}"
    if task == "regression":
        if to not in ("float", "integer"):
            yield f"{name}: regression needs numbers. Take `{where}.type` away, or set `task`."
        if given.categories is not None:
            yield f"{name}: regression has no classes. Take `{where}.categories` away."
        return
    if to in ("float", "datetime"):
        yield (
            f"{name}: a class is text, a whole number, or true and false. Correct `{where}.type`."
        )
    for rule in ("minimum", "maximum", "max_out_of_range_share"):
        if getattr(given, rule) is not None:
            yield f"{name}: classes have no range. Take `{where}.{rule}` away."


def as_category(given: Category, to: ColumnType) -> Category | None:
    """A category or class as a column of this type holds it; None where it holds no such one."""
    if to == "boolean":
        return {"true": True, "false": False, "1": True, "0": False}.get(str(given).lower())
    if isinstance(given, bool):
        return None
    if to in ("category", "string"):
        whole = isinstance(given, float) and given.is_integer()
        return str(int(given)) if whole else str(given)
    try:
        number = float(given)
    except ValueError:
        return None
    if to == "float":
        return number if math.isfinite(number) else None
    return int(given) if number.is_integer() else None


def _type_problems(name: str, values: pd.Series, kind: str, columns: Columns) -> Iterator[str]:
    """Text that holds numbers, all or most of it."""
    if kind != "text":
        return
    found = values.dropna()
    words = pd.to_numeric(found, errors="coerce").isna()
    shown = for_example(examples(found, sensitive=name in columns.sensitive))
    if (fields := to_set(found)) is not None:
        yield (
            f"{name}: numbers or dates in a form of their own{shown} would be free text. For CSV "
            f"write {fields} under `baseline` and `batches`; else write plain numbers and dates "
            f"like 2026-01-31 at the source. If it is text, set `contract.columns.{name}.type: "
            "category` (or `string`)."
        )
    elif not words.any() and found.map(has_leading_zero).any() and few(found):
        pass  # codes
    elif not words.any():
        yield (
            f"{name}: all {len(found)} values are numbers written as text. Write numbers, or set "
            f"`contract.columns.{name}.type` (to category where they are codes)."
        )
    elif words.mean() < 0.5:
        shown = for_example(examples(found[words], sensitive=name in columns.sensitive))
        yield (
            f"{name}: {int(words.sum())} of {rows_of(len(values))} are words among "
            f"numbers{shown}. Make them null, list it under `columns.ignore`, or set "
            f"`contract.columns.{name}.type` (to category or string where all are texts)."
        )


def few(texts: pd.Series) -> bool:
    """Whether texts, none missing, are categories."""
    return texts.nunique() <= min(MAX_CATEGORIES, len(texts) / 2)


def _of_types(values: pd.Series) -> str:
    types = sorted({type(value).__name__ for value in values.dropna()})
    return f"values of {'several types' if len(types) > 1 else 'the type'} {some(types)}"


def _leaks(values: pd.Series, target: pd.Series) -> bool:
    """Whether the feature and the target determine each other one to one."""
    if values.nunique() != target.nunique():
        return False
    pairs = pd.DataFrame({"feature": values, "target": target}).dropna().drop_duplicates()
    if len(pairs) != target.nunique():
        return False
    both_numbers = kind_of(values) == kind_of(target) == "number"
    if len(pairs) > MAX_CATEGORIES and both_numbers:
        # Many values pair up one to one by chance; only a straight line is the same number.
        correlation = np.corrcoef(values.astype(float), target.astype(float))[0, 1]
        return bool(abs(correlation) > 1 - 1e-9)
    return len(pairs) <= MAX_CATEGORIES or bool((values.astype(str) == target.astype(str)).all())
