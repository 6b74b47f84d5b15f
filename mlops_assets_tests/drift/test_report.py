"""Evidently's page shows the comparison's numbers."""

import re

import numpy as np
import pandas as pd
import pytest

from mlops_assets.data.columns import Columns
from mlops_assets.drift.policy import DriftPolicy
from mlops_assets.drift.report import sweep_pages, write_html
from mlops_assets.drift.two_sample import compare


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
    from evidently.legacy.calculations.stattests import registry

    before = (len(registry._registered_stat_tests), len(registry._impls))
    written(frame(1), frame(2), Columns(target="label"), tmp_path / "day.html")
    assert (len(registry._registered_stat_tests), len(registry._impls)) == before


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
