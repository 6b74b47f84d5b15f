"""Evidently's page shows the comparison's numbers."""

import json
import re
import warnings
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops_assets.data.columns import Columns
from mlops_assets.drift.performance import Performance, ScoredDay
from mlops_assets.drift.policy import DriftPolicy
from mlops_assets.drift.report import (
    _WORD_JOINER,
    _without_markup_in_data,
    sweep_pages,
    write_html,
)
from mlops_assets.drift.side import Outputs, Side
from mlops_assets.drift.two_sample import compare, compare_sides
from mlops_assets.metrics import get_metric
from mlops_assets.slices import SliceScore


def frame(seed: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "length": rng.normal(size=300) + shift,
            "rounded": rng.normal(size=300).round(1),
            "colour": rng.choice(["red", "green"], size=300),
            "name": [f"secret {number}" for number in rng.integers(0, 9, 300)],
            "constant": 1.0,
            "flag": rng.random(300) < 0.5,
            "label": rng.integers(0, 2, 300),
        }
    )


def written(then, now, columns, path, reasons=()):
    features = columns.features(then)
    comparison = compare(then, now, features, "label", "classification", DriftPolicy())
    write_html(
        then,
        now,
        features,
        "label",
        "classification",
        comparison,
        columns,
        path,
        "iris, 2026-01-04: drift <score>",
        reasons,
    )
    return comparison, path.read_text(encoding="utf-8")


def test_the_page_has_the_comparisons_numbers_and_verdicts(tmp_path):
    path = tmp_path / "reports" / "day.html"
    comparison, page = written(frame(1), frame(2, 0.6), Columns(target="label"), path)
    for column in comparison.features:
        cell = rf'"column_name": "{column.name}".*?"stattest_name": "(.*?)".*?'
        cell += r'"data_drift": "(.*?)", "drift_score": (.*?)[,}]'
        test, verdict, distance = re.search(cell, page).groups()
        assert test == f"{column.distance_name}, p {column.p_adjusted:.2g}"
        assert verdict == ("Detected" if column.differs else "Not Detected")
        assert float(distance) == pytest.approx(column.distance, abs=1e-6)
    assert f"Drift score: {comparison.target.distance:.3f}" in page
    assert "Dataset Drift is NOT detected" in page  # one of six columns
    assert "1 of 6 feature columns differ" in page
    assert "The target label (classification) is alike." in page
    assert [child.name for child in path.parent.iterdir()] == ["day.html"]


def test_sensitive_columns_are_named_but_no_value_of_them_is_shown(tmp_path):
    columns = Columns(target="label", sensitive=["name"])
    _, page = written(frame(1), frame(2), columns, tmp_path / "day.html")
    assert "secret" not in page
    assert "Compared but not drawn (sensitive, or empty): name." in page


def test_reasons_are_shown_and_escaped(tmp_path):
    columns = Columns(target="label")
    _, page = written(frame(1), frame(2), columns, tmp_path / "day.html", ["petal < 3 & wide"])
    assert "petal &lt; 3 &amp; wide" in page


def test_columns_without_values_do_not_break_the_page(tmp_path):
    now = frame(2).assign(length=None, constant=np.nan, flag=None)
    comparison, page = written(frame(1), now, Columns(target="label"), tmp_path / "day.html")
    assert comparison.differs
    assert "Compared but not drawn (sensitive, or empty): length, constant, flag." in page


def test_a_page_without_any_column_to_draw_is_still_written(tmp_path):
    columns = Columns(target="label", sensitive=list(frame(1)))
    _, page = written(frame(1), frame(2), columns, tmp_path / "day.html")
    assert "<h2>iris, 2026-01-04: drift &lt;score&gt;</h2>" in page


def test_evidentlys_registry_is_left_as_it_was(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports what others have deprecated
        from evidently.legacy.calculations.stattests import registry

    before = (len(registry._registered_stat_tests), len(registry._impls))
    written(frame(1), frame(2), Columns(target="label"), tmp_path / "day.html")
    assert (len(registry._registered_stat_tests), len(registry._impls)) == before


MARKUP = (
    "</script><script>owned = 1</script>",
    "</SCRIPT ><img src=x onerror=owned=1>",
    "<!--<script>",
    "<b>bold</b><br><a href='http://evil.example'>here</a>",
    "<body><head>",
    "{{7*7}} %{x} ${1}",
    "[here](javascript:owned=1)",
    "\"'`;--\u2028\u2029&lt;i&gt;\\",
)


def with_markup(seed: int) -> tuple[pd.DataFrame, Columns]:
    """A table with markup in the names and values of its features and in those of its target."""
    rng = np.random.default_rng(seed)
    table = {
        f"{markup} {number}": rng.choice(MARKUP, 300) if number % 2 else rng.normal(size=300)
        for number, markup in enumerate(MARKUP)
    }
    target = f"{MARKUP[0]} target"
    return pd.DataFrame({**table, target: rng.choice(MARKUP[:3], 300)}), Columns(target=target)


PERFORMANCE = Performance(
    get_metric("accuracy", "classification"),
    [ScoredDay(f"2026-01-{day:02}", "1", 0.8, (0.8, 0.7, 0.9)) for day in range(1, 31)],
    score=0.8,
    rows=300,
    slices=[SliceScore(name=markup, rows=30, score=0.7) for markup in MARKUP],
)


def page_with_markup(
    path: Path, hidden: Sequence[int] = (), performance: Performance | None = None
) -> str:
    """The page of such a table, with markup in its title and reasons as well."""
    then, columns = with_markup(1)
    now, _ = with_markup(2)
    features, target = columns.features(then), str(columns.target)
    columns = columns.model_copy(update={"sensitive": [features[number] for number in hidden]})
    comparison = compare(then, now, features, target, "classification", DriftPolicy())
    given = (then, now, features, target, "classification", comparison, columns)
    write_html(*given, path, MARKUP[0], MARKUP, performance)
    return path.read_text(encoding="utf-8")


class Elements(HTMLParser):
    """What a browser makes of a page: its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)


def test_markup_in_data_is_no_markup_of_the_page(tmp_path):
    _, plain = written(frame(1), frame(2), Columns(target="label"), tmp_path / "plain.html")
    page = page_with_markup(tmp_path / "day.html")
    assert set(Elements(page).names) == set(Elements(plain).names)
    assert Elements(page).names.count("script") == Elements(plain).names.count("script") == 4


def test_what_is_hidden_is_named_without_its_markup(tmp_path):
    page = page_with_markup(tmp_path / "day.html", hidden=range(len(MARKUP)))
    assert Elements(page).names.count("script") == 4
    assert "Compared but not drawn" in page
    assert not set(Elements(page).names) & {"img", "a", "b"}


def test_how_production_does_is_on_the_page_without_any_markup_of_its_names(tmp_path):
    page = page_with_markup(tmp_path / "day.html", performance=PERFORMANCE)
    assert "Production's score over time" in page
    assert page.index('id="verdict"') < page.index('id="performance"')
    assert Elements(page).names.count("script") == 4
    assert not set(Elements(page).names) & {"img", "a", "b"}


def test_the_data_is_still_what_it_was(tmp_path):
    page = page_with_markup(tmp_path / "day.html")
    lines = [line for line in page.splitlines() if re.match("    var metric_", line)]
    data = json.loads(lines[0].partition(" = ")[2].removesuffix(";"))
    (table,) = [
        found["params"]["data"]
        for group in data["widgets"]
        for found in group["widgets"]
        if found["type"] == "big_table"
    ]
    shown = {row["column_name"].replace(_WORD_JOINER, "") for row in table}
    assert shown == {f"{markup} {number}" for number, markup in enumerate(MARKUP)}


def test_a_page_of_evidently_that_is_written_in_another_way_is_not_shown():
    with pytest.raises(ValueError, match="0 lines of data where 2 were expected"):
        _without_markup_in_data("<html><script>var data = {}</script></html>")


def test_the_page_may_run_its_own_scripts_only_and_load_nothing(tmp_path):
    page = page_with_markup(tmp_path / "day.html")
    policy = re.search('http-equiv="Content-Security-Policy" content="(.*?)"', page).group(1)
    assert "default-src 'none'" in policy
    assert policy.count("'sha256-") == 4
    assert "unsafe" not in policy.partition("script-src")[2].partition(";")[0]
    assert page.index("Content-Security-Policy") < page.index("<script>")


@pytest.mark.parametrize("rows", [30_000])
def test_large_batches_are_drawn_on_a_sample(tmp_path, rows):
    rng = np.random.default_rng(0)
    large = pd.DataFrame(
        {"x": rng.normal(size=rows), "id": [f"v{n}" for n in range(rows)], "label": 1}
    )
    _, page = written(large, large, Columns(target="label"), tmp_path / "day.html")
    assert len(page) < 8_000_000


def test_a_page_that_was_left_half_written_is_swept_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "iris" / "day.html"
    written(frame(1), frame(2), Columns(target="label"), path)
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            written(frame(1), frame(2), Columns(target="label"), path)
    assert len(list(path.parent.iterdir())) == 2
    assert sweep_pages(tmp_path) == 1
    assert [child.name for child in path.parent.iterdir()] == ["day.html"]
    assert sweep_pages(tmp_path / "nothing") == 0


def interrupt(*given):
    raise KeyboardInterrupt


@pytest.mark.parametrize("hidden", [False, True])
def test_what_production_predicts_comes_first(tmp_path, hidden):
    columns = Columns(target="label", sensitive=["label"] if hidden else [])
    then, now = frame(1), frame(2)
    said = [
        pd.Series(np.random.default_rng(seed).random(rows)) for seed, rows in ((0, 80), (1, 300))
    ]
    outputs = tuple(Outputs(each, np.full(len(each), -1)) for each in said)
    features, path = columns.features(then), tmp_path / "day.html"
    sides = [Side(each, features, "label", 20_000) for each in (then, now)]
    comparison = compare_sides(*sides, "classification", DriftPolicy(), None, outputs)
    assert comparison.columns[0].role == "prediction"
    write_html(
        *(then, now, features, None if hidden else "label", "classification", comparison, columns),
        path=path,
        title="iris, 2026-01-04",
        predicted=(said[0], said[1]),
    )
    page = path.read_text(encoding="utf-8")
    assert "What production predicts is alike." in page
    assert (f"Drift score: {comparison.prediction.distance:.3f}" in page) is not hidden
