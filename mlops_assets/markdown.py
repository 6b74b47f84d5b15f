"""Texts of data inside the Markdown that Dagster's UI shows: what they say, and never markup."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pandas as pd

from mlops_assets.fairness import Fairness

# A line between two words or digits is none of Markdown's.
_MARKUP = re.compile(r"[\\`*\[\]<>|~#&!$]|(?<![^\W_])_|_(?![^\W_])")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
# Where a bare address or a mail's would become a link.
_LINKS = re.compile(r"(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=\w@)(?=\w)", re.IGNORECASE)
_WORD_JOINER = "\N{WORD JOINER}"  # it has no width


def as_text(value: object) -> str:
    """A value, or a name, as Markdown that shows it letter by letter in one line."""
    one_line = _BREAKS.sub(" ", str(value))
    return _LINKS.sub(_WORD_JOINER, _MARKUP.sub(r"\\\g<0>", one_line))


def as_code(text: str, language: str) -> dg.MarkdownMetadataValue:
    """A block of code, whatever is in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return dg.MetadataValue.md(f"{fence}{language}\n{text}{fence}")


def as_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> dg.MarkdownMetadataValue:
    """A table of cells that are Markdown themselves: give what comes from data as text."""
    lines = [header, ["---"] * len(header), *rows]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(line)} |" for line in lines))


def as_pairs(rows: Mapping[Any, object], header: tuple[str, str]) -> dg.MarkdownMetadataValue:
    """A table of two columns: the names, which are of data, and what is said of each."""
    return as_table(
        [as_text(name) for name in header],
        [[as_text(name), str(said)] for name, said in rows.items()],
    )


def as_number(score: float | None) -> str:
    """A score, where it is defined."""
    return "" if score is None else f"{score:.4f}"


def as_fairness(fairness: Fairness) -> dg.MarkdownMetadataValue:
    """Each group's rates, one a line, by column."""
    header = ["group", "rows", "predicted positive", "positives", "of these found"]
    rows = [
        [
            *(as_text(group.name), f"{group.rows}", as_number(group.selection_rate)),
            *(f"{group.positives}", as_number(group.true_positive_rate)),
        ]
        for group in fairness.groups
    ]
    return as_table(header, rows)


def as_leaderboard(leaderboard: pd.DataFrame) -> dg.MarkdownMetadataValue:
    """The algorithms of a search with their scores, the best first."""
    shown = leaderboard.drop(columns="id")
    rows = [
        [f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row]
        for row in shown.itertuples(index=False)
    ]
    return as_table(list(shown.columns), rows)
