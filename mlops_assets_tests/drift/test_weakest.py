"""The part of the rows on which a model errs most."""

import numpy as np
import pandas as pd

from mlops_assets.drift.weakest import FEWEST_ROWS, weakest_slice
from mlops_assets.predicted import Predicted


def rows(count, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "x": rng.normal(size=count),
            "z": rng.normal(size=count),
            "kind": rng.choice(["red", "green", "blue"], count),
        }
    )
    return table, rng


def errs(table, rng, where, often=0.4, else_=0.05):
    wrong = rng.random(len(table)) < np.where(where, often, else_)
    return np.zeros(len(table)), Predicted(wrong.astype(float))


def test_a_part_told_by_a_number_and_a_text_is_found():
    table, rng = rows(2000)
    found = weakest_slice(
        table, *errs(table, rng, (table["x"] > 0.5) & (table["kind"] == "red")), "classification"
    )
    assert found
    assert "kind is red" in found.conditions
    assert "x > 0." in found.conditions
    assert "z" not in found.conditions
    assert found.loss > 0.3
    assert found.elsewhere < 0.1
    assert "% of" in found.text


def test_errors_that_are_anywhere_have_no_part():
    found = []
    for seed in range(40):
        table, rng = rows(1000, seed)
        found.append(weakest_slice(table, *errs(table, rng, False), "classification"))
    assert sum(each is not None for each in found) <= 2


def test_few_rows_tell_nothing():
    table, rng = rows(FEWEST_ROWS - 1)
    assert weakest_slice(table, *errs(table, rng, table["x"] > 0), "classification") is None


def test_of_numbers_the_squared_error_counts():
    table, rng = rows(1000)
    noise = rng.normal(size=1000) * np.where(table["z"] < -0.5, 5, 1)
    found = weakest_slice(table, np.zeros(1000), Predicted(noise), "regression")
    assert found
    assert found.conditions.startswith("z <= -0.")
    assert "mean squared error" in found.text


def test_missing_values_and_a_column_without_any_do_no_harm():
    table, rng = rows(1000)
    table.loc[::7, "x"] = np.nan
    table = table.assign(none=np.nan)
    assert weakest_slice(table, *errs(table, rng, table["z"] > 0.5), "classification")
