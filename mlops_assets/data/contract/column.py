"""One column of a table, held against its rules."""

import datetime
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from mlops_assets.data.coerce import coerce, plain
from mlops_assets.data.columns import Columns
from mlops_assets.data.contract.rules import ColumnContract
from mlops_assets.data.contract.tell import Violation, examples, number, rows_of, some
from mlops_assets.data.notes import Note

if TYPE_CHECKING:
    import pandera.pandas as pa

FAR = 1000
"""So many times the usual range is far out: no slip of a unit or a currency moves a column there.

Units that slip make columns 10, 100 or 1000 times what they were; such a day is left to the drift
report, which says so.
"""

_MOST = 0.5
_MOST_TO_PASTE = 200
_EXACT = 2**53  # floats hold all whole numbers up to here


def now_in_utc() -> datetime.datetime:
    """The present in UTC, without a zone, as moments are kept."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


@dataclass
class Column:
    """One column of a table, and what was found out about it."""

    name: str
    rules: ColumnContract
    columns: Columns
    rows: int
    now: datetime.datetime
    left_out: bool
    violations: list[Violation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unusual: list[str] = field(default_factory=list)

    def brought_into_shape(self, read: pd.Series) -> pd.Series:
        """The column in its type, without the rows that do not fit: other rules judge the rest."""
        whole = self._is_whole_by_accident()
        is_id = self.name in self.columns.id
        column = coerce(read, "float" if whole else self.rules.type, is_id=is_id)
        expected = whole and plain(read).dtype.kind in "iu"  # on most days: nothing to tell
        for change in () if expected else column.changes:
            told = Note(self.name, change.says, change.examples)
            self.notes.append(told.told(sensitive=self.name in self.columns.sensitive))
        values = column.values
        if rows := int(column.wrong.sum()):
            shown = self._examples(plain(read)[column.wrong])
            self._breaks("type", rows, shown, column.says)
            values = values[~column.wrong]
        if whole:
            self._note_what_a_float_changes(read, values)
        return self._without_blanks(values)

    def hold_against_rules(self, values: pd.Series) -> None:
        """Note which rules are broken, and what is unusual."""
        asked = list(_asked(self))
        found = [(rule, rule.fails(values)) for rule in asked]
        for rule, fails in found:
            if rule.unusual and fails.any() and rule.tolerates(fails):
                shown = ", ".join(self._examples(values[fails])) if rule.shows else ""
                told = f"{rule.unusual}: {shown}" if shown else rule.unusual
                self._is_unusual(int(fails.sum()), told)
        # pandera takes three times as long as all the rest of a check.
        if not all(rule.tolerates(fails) for rule, fails in found):
            self.violations += _broken(self, values, asked)

    def _is_whole_by_accident(self) -> bool:
        """Whether a fraction may come where all were whole: unless they are codes, or ids.

        Such a column is of floats on every day, whatever a day holds.
        """
        rules = self.rules
        codes = rules.categories is not None or "type" in rules.given
        return rules.type == "integer" and not codes and self.is_feature()

    def is_feature(self) -> bool:
        """Whether models learn from it."""
        return bool(self.columns.features(pd.DataFrame(columns=[self.name])))

    def _note_what_a_float_changes(self, read: pd.Series, values: pd.Series) -> None:
        fractions = (values % 1 != 0) & np.isfinite(values)
        if fractions.any():
            shown = ", ".join(self._examples(values[fractions]))
            told = f"are not whole numbers, as all of the baseline are: {shown}"
            self._is_unusual(int(fractions.sum()), told)
        large = values[values.abs().ge(_EXACT) & np.isfinite(values)]
        exact = plain(read)[large.index]
        rounded = [
            isinstance(one, int) and one != int(kept)
            for one, kept in zip(exact.tolist(), large, strict=True)
        ]
        if any(rounded):
            self.notes.append(
                f"{self.name}: {sum(rounded)} of {rows_of(self.rows)} are whole numbers of more "
                f"digits than a float holds, and kept rounded: "
                f"{', '.join(self._examples(exact[rounded]))}. If they are codes, set "
                f"`contract.columns.{self.name}.type` to category."
            )

    def _without_blanks(self, values: pd.Series) -> pd.Series:
        """Texts that differ in blanks alone from one known category, as that category."""
        known = self.rules.categories
        if known is None or self.rules.type not in ("category", "string"):
            return values
        unknown = values[values.notna() & ~values.isin(known)]
        if unknown.empty:
            return values
        times = Counter(_squeezed(text) for text in known)
        meant = {_squeezed(text): text for text in known if times[_squeezed(text)] == 1}
        read_as = unknown.map(lambda text: meant.get(_squeezed(text))).dropna()
        if read_as.empty:
            return values
        first = unknown[read_as.index[0]]
        hidden = self.name in self.columns.sensitive
        shown = "values hidden" if hidden else f"{first!r} as {read_as.iloc[0]!r}"
        self.notes.append(
            f"{self.name}: {len(read_as)} of {rows_of(self.rows)} differ in blanks alone from a "
            f"known category, and are read as it: {shown}."
        )
        put_right = values.copy()
        put_right[read_as.index] = read_as
        return put_right

    def _examples(self, values: pd.Series) -> tuple[str, ...]:
        return examples(values, sensitive=self.name in self.columns.sensitive)

    def _is_unusual(self, rows: int, told: str) -> None:
        self.unusual.append(f"{self.name}: {rows} of {rows_of(self.rows)} {told}.")

    def _breaks(self, rule: str, rows: int, shown: tuple[str, ...], told: str) -> None:
        text = f"{rows} of {rows_of(self.rows)} {told}"
        self.violations.append(Violation(self.name, rule, rows, shown, text))


def _squeezed(text: object) -> str:
    return " ".join(str(text).split())


def _broken(column: Column, values: pd.Series, asked: list["_Rule"]) -> Iterator[Violation]:
    """The rules that do not hold, validated by pandera all at once."""
    import pandera.pandas as pa

    checks = [
        # Three failing rows are enough for pandera's own record: ours counts them all.
        pa.Check(rule.holds, name=rule.name, error=rule.error, ignore_na=False, n_failure_cases=3)
        for rule in asked
    ]
    schema = pa.DataFrameSchema({column.name: pa.Column(checks=checks, nullable=True)})
    sensitive = column.name in column.columns.sensitive
    try:
        schema.validate(values.to_frame(column.name), lazy=True)
    except pa.errors.SchemaErrors as errors:
        for error in errors.schema_errors:
            failing = values[~cast("pd.Series", error.check_output)]
            rule = cast("pa.Check", error.check)
            new = rule.name == "category" and not sensitive
            yield Violation(
                column.name,
                str(rule.name),
                len(failing),
                () if rule.name == "null" else examples(failing, sensitive),
                f"{len(failing)} of {rows_of(column.rows)} {rule.error}",
                _with_new(column.rules, failing) if new else {},
            )


def _with_new(rules: ColumnContract, unknown: pd.Series) -> dict[str, Any]:
    """What the YAML has to say for the unknown categories to be known; nothing if they are many."""
    new = [int(one) if rules.type == "integer" else one for one in unknown.unique().tolist()]
    known = [*(rules.categories or []), *sorted(new)]
    return {"categories": known} if len(known) <= _MOST_TO_PASTE else {}


@dataclass(frozen=True)
class _Rule:
    """One rule of a column.

    Attributes:
        name: What the violation is called.
        error: What the rows do that break it, in words.
        fails: Marks these rows.
        share: Share of rows that may.
        unusual: What such rows do, where few enough do; empty: that is usual.
        shows: Whether their values say anything.
    """

    name: str
    error: str
    fails: Callable[[pd.Series], pd.Series]
    share: float = 0.0
    unusual: str = ""
    shows: bool = True

    def tolerates(self, fails: pd.Series) -> bool:
        """Whether few enough rows fail."""
        return bool(fails.sum() <= self.share * len(fails))

    def holds(self, values: pd.Series) -> pd.Series:
        """Marks the values that keep it; all of them where few enough fail."""
        fails = self.fails(values)
        return pd.Series(data=True, index=fails.index) if self.tolerates(fails) else ~fails


def _asked(column: Column) -> Iterator[_Rule]:
    """The rules of a column, in the order in which they are told."""
    rules = column.rules
    yield from _about_nulls(column)
    if rules.type in ("integer", "float"):
        yield _Rule("infinite", "are infinite", np.isinf)
        yield from _about_ranges(rules)
    if (known := rules.categories) is not None:
        hidden = column.name in column.columns.sensitive
        which = "" if hidden else f" {some([str(value) for value in known])}"
        yield _Rule(
            "category",
            f"are none of the known categories{which}",
            lambda values: values.notna() & ~values.isin(known),
            rules.new_category_share,
            "have a new category",
        )
    if not rules.future:
        # A day of grace: the zones of the writer and of this machine may differ.
        limit = column.now + datetime.timedelta(days=1)
        firm = column.name == column.columns.timestamp or "future" in rules.given
        yield _Rule(
            "future",
            "are in the future",
            lambda values: values > limit,
            0.0 if firm else 1.0,
            "are in the future, as no date of the baseline is",
        )


def _about_nulls(column: Column) -> Iterator[_Rule]:
    rules = column.rules
    firm = "null_share" in rules.given or not column.is_feature()
    share = rules.null_share if firm else max(rules.null_share, rules.new_null_share)
    if share < 1 or not rules.null_share:
        allowed = f"at most {share:.0%}" if share else "none"
        new = not rules.null_share and not column.left_out
        yield _Rule(
            "null",
            f"have no value; allowed: {allowed}",
            lambda values: values.isna(),
            share,
            "have no value, where every row of the baseline has one" if new else "",
            shows=False,
        )


def _about_ranges(rules: ColumnContract) -> Iterator[_Rule]:
    bounds = [bound for bound in (rules.minimum, rules.maximum) if bound is not None]
    if (low := rules.minimum) is not None:
        yield _Rule(
            "minimum",
            f"are below {number(low)}, the lowest plausible value",
            lambda values: (values < low) & np.isfinite(values),
            _share_beyond(rules, "minimum"),
            f"are below {number(low)}, the lowest usual value",
        )
    if (high := rules.maximum) is not None:
        yield _Rule(
            "maximum",
            f"are above {number(high)}, the highest plausible value",
            lambda values: (values > high) & np.isfinite(values),
            _share_beyond(rules, "maximum"),
            f"are above {number(high)}, the highest usual value",
        )
    if bounds and rules.out_of_range_share is None:
        far = FAR * max(abs(bound) for bound in bounds)
        yield _Rule(
            "far",
            f"are beyond {number(far)}, which no unit explains",
            lambda values: (values.abs() > far) & np.isfinite(values),
            _MOST,
        )


def _share_beyond(rules: ColumnContract, bound: str) -> float:
    """Share of rows that may be beyond a bound: none where a person gave the bound alone."""
    if bound in rules.given and "max_out_of_range_share" not in rules.given:
        return 0.0
    return 1.0 if rules.out_of_range_share is None else rules.out_of_range_share
