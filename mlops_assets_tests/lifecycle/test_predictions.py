"""What is stored of a day's predictions, and what is said of it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from mlops_assets.lifecycle.baseline_data import take_baseline
from mlops_assets.lifecycle.predictions import Predictions, predict
from mlops_assets.predicted import Interval
from mlops_assets.training.features import Model
from mlops_assets.training.intervals import keep_interval
from mlops_assets_tests.lifecycle import made


def predicted(
    estimator: Any,
    labels: Any = None,
    *,
    ids: tuple[str, ...] = (),
    interval: Interval | None = None,
    **changes: Any,
) -> tuple[Predictions, Model]:
    """A day, scored by a model that was fitted on the baseline."""
    one = made.life(
        columns={"target": "y", "id": list(ids), **changes.pop("columns", {})}, **changes
    )
    assert isinstance(one.source, made.Rows)
    tables = dict(one.source.tables)
    for name, table in tables.items():
        row = [f"{name} {place}" for place in range(len(table))]
        table = table.assign(**dict.fromkeys(ids, row))
        tables[name] = table if labels is None else table.assign(y=labels(table))
    one = replace(one, source=made.Rows(tables))
    take_baseline(one)
    rows = tables["baseline"]
    model = Model(Pipeline([("estimator", estimator)]).fit(rows[["x", "z"]], rows["y"]))
    keep_interval(model.pipeline, interval)
    one.registry.promote(one.registry.register(model), None)
    made.take_batch(one, made.USUAL)
    return predict(one, made.USUAL), model


def thirds(table: pd.DataFrame) -> np.ndarray:
    return np.select([table["x"] < -1, table["x"] < 1], ["a b", "-"], "Ü")


def test_of_two_classes_the_probability_of_the_rarer_one_is_stored():
    stored, model = predicted(LogisticRegression())
    assert list(stored.table) == ["prediction", "probability", "model_version"]
    high = model.predict(made.table(200, 1)).probability("high")
    low = model.predict(made.table(200, 1)).probability("low")
    assert stored.table["probability"].tolist() in (high.tolist(), low.tolist())
    named, _ = predicted(LogisticRegression(), columns={"positive": "low"})
    assert named.table["probability"].tolist() == low.tolist()
    assert named.means == {"probability": pytest.approx(low.mean())}
    assert named.counts == named.table["prediction"].value_counts().to_dict()
    assert named.note is None


def test_of_three_classes_that_of_each_is_stored():
    stored, model = predicted(LogisticRegression(), thirds)
    each = ["probability_-", "probability_a b", "probability_Ü"]
    assert list(stored.table) == ["prediction", *each, "model_version"]
    assert np.allclose(stored.table[each].sum(axis="columns"), 1)
    assert stored.table["probability_Ü"].tolist() == pytest.approx(
        model.predict(made.table(200, 1)).probability("Ü").tolist()
    )
    assert list(stored.means) == each


def test_classes_of_a_sensitive_target_are_numbered():
    stored, _ = predicted(LogisticRegression(), thirds, columns={"sensitive": ["y"]})
    numbered = ["probability_1", "probability_2", "probability_3"]
    assert list(stored.table) == ["prediction", *numbered, "model_version"]
    assert list(stored.means) == numbered
    assert set(stored.counts or {}) <= {"class 1", "class 2", "class 3"}
    assert sum((stored.counts or {}).values()) == 200


def test_a_model_without_probabilities_predicts_as_before_and_that_is_said():
    stored, _ = predicted(LinearSVC(dual="auto"))
    assert list(stored.table) == ["prediction", "model_version"]
    assert stored.means == {}
    assert sum((stored.counts or {}).values()) == 200
    assert stored.note is not None
    assert "Version 1 knows no probabilities" in stored.note


def test_of_numbers_their_mean_is_said():
    stored, _ = predicted(
        LinearRegression(), lambda table: table["x"] + table["z"], task="regression"
    )
    assert stored.means == {"prediction": pytest.approx(stored.table["prediction"].mean())}
    assert stored.counts is None
    assert stored.note is not None
    assert "Version 1 knows no interval" in stored.note


def test_of_numbers_an_interval_is_stored_where_the_model_has_one():
    stored, _ = predicted(
        LinearRegression(),
        lambda table: table["x"] + table["z"],
        interval=Interval(0.9, 2.0),
        task="regression",
    )
    assert list(stored.table) == ["prediction", "lower", "upper", "model_version"]
    width = stored.table["upper"] - stored.table["lower"]
    assert np.allclose(width, 4)
    assert list(stored.means) == ["prediction"]
    assert stored.note is None


def test_ids_are_kept_beside_whatever_they_are_called():
    ids = ("prediction", "prediction_", "probability", "model_version")
    stored, _ = predicted(LogisticRegression(), ids=ids)
    kept = ["prediction__", "prediction_", "probability_", "model_version_"]
    assert list(stored.table) == [*kept, "prediction", "probability", "model_version"]
    for name in kept:
        assert stored.table[name].iloc[7] == "2026-01-01 7"
