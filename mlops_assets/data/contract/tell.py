"""What is told of a table: its violations, in words that show no sensitive value."""

import difflib
import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import yaml

from mlops_assets.errors import UserError

LINES_SHOWN = 50
_NAMES_SHOWN = 10
_LOOKED_AT = 10_000
_HIDDEN = ("values hidden",)


@dataclass(frozen=True)
class Violation:
    """One broken rule of one column (or of the table, where ``column`` is None).

    ``accept`` is what the YAML can say of the column for its values to be taken.
    """

    column: str | None
    rule: str
    rows: int
    examples: tuple[str, ...]
    message: str
    accept: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """``column: message: examples``, the examples hidden for sensitive columns."""
        where = "the table" if self.column is None else self.column
        return f"{where}: {self.message}{for_example(self.examples)}"


class ContractViolation(UserError):  # noqa: N818 - the name of the concept
    """A table breaks the contract: every violation, and what to do."""

    def __init__(
        self, violations: tuple[Violation, ...], rows: int, what: str, advice: str
    ) -> None:
        self.violations = violations
        lines = [f"- {violation}" for violation in violations[:LINES_SHOWN]]
        if len(violations) > LINES_SHOWN:
            lines.append(f"- and {len(violations) - LINES_SHOWN} more")
        count = "1 violation" if len(violations) == 1 else f"{len(violations)} violations"
        head = f"{what} of {rows_of(rows)} breaks the data contract, {count}:"
        super().__init__("\n".join([head, *lines, advice]))


def lines_to_paste(violations: tuple[Violation, ...]) -> str:
    """How the YAML can take what is new, in lines to paste; empty where it cannot."""
    accepted = {v.column: dict(v.accept) for v in violations if v.accept}
    if not accepted:
        return ""
    said = yaml.safe_dump(
        {"contract": {"columns": accepted}},
        default_flow_style=None,
        sort_keys=False,
        allow_unicode=True,
        width=10**9,
    )
    return (
        "\nTo have what is new known from now on, add these lines under `attributes` in the "
        "model's defs.yaml (to the `contract` that is there, if one is), materialize "
        "baseline_data again, and run the day again:\n" + textwrap.indent(said.rstrip(), "  ")
    )


def examples(values: pd.Series, sensitive: bool) -> tuple[str, ...]:
    """Three different values; none of a sensitive column."""
    if sensitive:
        return _HIDDEN
    # Compared as they are shown: not every value can be compared as it is.
    return tuple(dict.fromkeys(_shown(value) for value in values.head(_LOOKED_AT)))[:3]


def for_example(examples: tuple[str, ...]) -> str:
    """The examples in brackets, if there are any."""
    if examples == _HIDDEN:
        return " (values hidden)"
    return f" (for example {', '.join(examples)})" if examples else ""


def _shown(value: object) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:37] + "...")
    return number(value) if isinstance(value, float) else str(value)


def number(value: float) -> str:
    """A number short enough to read, and not so short that it is another one."""
    if not math.isfinite(value):
        return f"{value:g}"
    whole = value == round(value) and abs(value) < 1e15
    return f"{value:.0f}" if whole else f"{value:.6g}" if abs(value) < 1e5 else f"{value:.10g}"


def rows_of(count: int) -> str:
    """A number of rows."""
    return "1 row" if count == 1 else f"{count} rows"


def some(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def hint(name: str, others: list[str]) -> str:
    """The most alike of the other names, if one is alike at all."""
    folded = {other.casefold().replace(" ", "_"): other for other in others}
    if len(others) > 200:
        return ""  # comparing each with each would take longer than reading the message
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f" (is it {folded[close[0]]!r}?)" if close else ""
