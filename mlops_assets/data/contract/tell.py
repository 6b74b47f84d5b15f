"""What is told of a table: its violations, in words that show no sensitive value."""

import difflib
from dataclasses import dataclass

import pandas as pd

from mlops_assets.errors import UserError

LINES_SHOWN = 50
_NAMES_SHOWN = 10
_LOOKED_AT = 10_000
_HIDDEN = ("values hidden",)


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
    return f"{value:g}" if isinstance(value, float) else str(value)


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
