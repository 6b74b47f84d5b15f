"""What data holds is shown letter by letter, whatever Markdown could make of it."""

from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mlops_assets.assets import drift_report, production_model
from mlops_assets.markdown import as_code, as_leaderboard, as_pairs, as_text
from mlops_assets_tests.models.names import AWKWARD

EVIL = [
    "<img src=x onerror=alert(1)>",
    "</td></tr></table><script>alert(1)</script>",
    "a | b | c",
    "a\\|b",
    "`code`",
    "*stars* and __lines__",
    "[here](javascript:alert(1))",
    "![img](http://evil.example/x.png)",
    "&lt;b&gt;",
    "~~gone~~",
    "$x$",
    "# head",
    "- item",
    "line\nbreak\n\n| new | table |",
    "\u2028",
]
MARKUP = {"table", "thead", "tbody", "tr", "th", "td"}


class Shown(HTMLParser):
    """The tags of a page, and the text of each cell."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag in ("th", "td"):
            self.cells.append("")

    def handle_data(self, data):
        if data.strip() and self.cells:
            self.cells[-1] += data


def shown(markdown: str) -> Shown:
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return Shown(renderer.render(markdown))


@pytest.mark.parametrize("text", [*EVIL, *AWKWARD])
def test_it_is_shown_letter_by_letter_in_a_table(text):
    found = shown(as_pairs({text: 3, "more": 4}, (text, "rows")).value)
    assert found.tags == MARKUP
    one_line = " ".join(text.split())
    told = [" ".join(cell.replace("\N{WORD JOINER}", "").split()) for cell in found.cells]
    assert told == [one_line, "rows", one_line, "3", "more", "4"]


def test_all_tables_of_the_assets_show_names_and_details_as_text():
    evil = EVIL[1]
    column = SimpleNamespace(
        name=evil,
        distance=1.0,
        threshold=0.1,
        p_adjusted=0.01,
        differs=True,
        role="feature",
        level=0.05,
        note=evil,
    )
    found: Any = SimpleNamespace(
        ranked=(), comparison=SimpleNamespace(columns=(column,), target=None)
    )
    of_report = shown(drift_report._columns_table(found).value)
    assert of_report.tags == MARKUP | {"strong"}
    assert (of_report.cells[9], of_report.cells[-1]) == (evil, evil)
    check = SimpleNamespace(name="slices", passed=False, detail=evil)
    decided: Any = SimpleNamespace(
        checks=[check],
        evidence=Mock(slices=(), fairness=None),
        candidate_version=2,
        production_version=1,
    )
    of_gate = shown(production_model._numbers(decided)["checks"].value)
    assert (of_gate.tags, of_gate.cells[-1]) == (MARKUP, evil)
    board = pd.DataFrame({"id": ["dt"], "Algorithm": ["Tree"], "F1 macro": [0.5]})
    assert shown(as_leaderboard(board).value).cells == [
        "Algorithm",
        "F1 macro",
        "Tree",
        "0.5000",
    ]


@given(st.text(max_size=30))
def test_no_text_makes_another_cell_or_tag(text):
    found = shown(as_pairs({text: 3}, ("class", "rows")).value)
    assert (found.tags, len(found.cells)) == (MARKUP, 4)


@pytest.mark.parametrize("name", ["petal_width", "income (gross)", "größe 2", "0.5", "x-y"])
def test_a_usual_name_is_left_as_it_is(name):
    assert as_text(name) == name


def test_an_address_becomes_no_link():
    for text in ("https://evil.example", "www.evil.example", "a@evil.example"):
        told = as_text(text)
        assert told != text
        assert told.replace("\N{WORD JOINER}", "") == text


def test_a_block_of_code_ends_where_it_ends():
    text = "a: |\n```\n<img src=x>\n"
    html = MarkdownIt("commonmark", {"html": True}).render(as_code(text, "yaml").value)
    assert Shown(html).tags == {"pre", "code"}
    assert html.count("</pre>") == 1
