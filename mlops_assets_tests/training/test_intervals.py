"""An interval covers as often as it says, and is stored with the model."""

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from mlops_assets.predicted import Interval, Predicted
from mlops_assets.training.features import Model
from mlops_assets.training.intervals import conformal, keep_interval


def fitted(rows: int = 50) -> Pipeline:
    x = np.arange(rows, dtype=float)
    return Pipeline([("estimator", LinearRegression())]).fit(pd.DataFrame({"x": x}), 2 * x)


def test_it_is_the_distance_of_the_row_at_that_place():
    truth = np.arange(1, 10) * np.array([1, -1, 1, -1, 1, -1, 1, -1, 1])
    assert conformal(truth, np.zeros(9), 0.9) == Interval(0.9, 9.0)
    assert conformal(truth, np.zeros(9), 0.8) == Interval(0.8, 8.0)
    assert conformal(truth, np.zeros(9), 0.5) == Interval(0.5, 5.0)


def test_of_too_few_rows_there_is_none():
    assert conformal(np.zeros(8), np.zeros(8), 0.9) is None
    assert conformal([], [], 0.9) is None
    pipeline = fitted()
    keep_interval(pipeline, None)
    assert Model(pipeline).interval is None


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_a_further_row_is_within_as_often_as_it_says(level):
    rng = np.random.default_rng(0)
    within = []
    for _ in range(4000):
        distances = rng.standard_t(3, 31)
        made = conformal(distances[1:], np.zeros(30), level)
        assert made is not None
        within.append(abs(distances[0]) <= made.half_width)
    # Exactly ceil(31 level) / 31 in expectation.
    expected = np.ceil(31 * level) / 31
    assert np.mean(within) == pytest.approx(expected, abs=4 * np.sqrt(0.25 / 4000))


def test_it_is_in_the_file_of_the_model_and_in_what_it_says():
    pipeline = fitted()
    keep_interval(pipeline, Interval(0.9, 1.5))
    stored = skops.io.loads(skops.io.dumps(pipeline))
    said = Model(stored).predict(pd.DataFrame({"x": [1.0, 2.0]}))
    assert said.interval == Interval(0.9, 1.5)
    columns = {name: values.round(9).tolist() for name, values in said.columns().items()}
    assert columns == {"prediction": [2, 4], "lower": [0.5, 2.5], "upper": [3.5, 5.5]}
    assert said[1:].interval == Predicted.joined([said, said]).interval == Interval(0.9, 1.5)
