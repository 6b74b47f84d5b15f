"""The classes of a target, and which of two is the positive one."""

from typing import Any

import pandas as pd

from mlops_assets.errors import UserError

_SHOWN = 10


def positive_class(target: pd.Series, named: Any, *, hidden: bool = False) -> Any:
    """The class that probabilities, and metrics of one class, are of.

    Args:
        target: Labels of the baseline, all known.
        named: What the YAML names; None: nothing.
        hidden: Whether no value of the target may be shown.

    Returns:
        A plain value: the one that is named, or the rarer of two classes (of equal ones the last
        in their order as text). None where there are more classes and none is named.

    Raises:
        UserError: The baseline has no such class.
    """
    counts = {_plain(value): int(rows) for value, rows in target.value_counts().items()}
    if named is not None:
        alike = [value for value in counts if class_text(value) == class_text(named)]
        if not alike:
            has = "" if hidden else f" It has {', '.join(map(repr, list(counts)[:_SHOWN]))}."
            raise UserError(
                f"The target of the baseline has no class {named!r}, which `columns.positive` "
                f"names.{has} Name one of its {len(counts)} classes, in quotes where it is a text."
            )
        return alike[0]
    if len(counts) != 2:
        return None
    return min(sorted(counts, key=str, reverse=True), key=lambda value: counts[value])


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def class_text(value: Any) -> str:
    """A class as it is written: 1, 1.0 and True are told apart from "1" by no table."""
    number = float(value) if isinstance(value, bool | int | float) else None
    return str(value) if number is None else f"{number:g}"
