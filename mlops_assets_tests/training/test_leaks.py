"""Scores that are too good, and the feature that gives the target away."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import cross_val_predict

from mlops_assets.data.columns import Columns
from mlops_assets.predicted import Predicted
from mlops_assets.training.leaks import too_good
from mlops_assets_tests.training.tables import iris

ROWS = 800


def customers(seed: int = 0) -> pd.DataFrame:
    """A tenth leaves, of which the columns say little."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(ROWS, 3)), columns=["age", "calls", "spent"])
    return frame.assign(
        y=np.where(rng.random(ROWS) < 0.1 + 0.05 * (frame["calls"] > 0), "yes", "no")
    )


def told(frame, right=1.0, task="classification", columns=None):
    """What is said of a model that is right in so many rows, wherever it has that from."""
    rng, truth = np.random.default_rng(1), frame["y"].to_numpy()
    if task == "classification":
        said = np.where(rng.random(len(frame)) < right, truth, rng.permutation(truth))
    else:
        said = truth + (1 - right) * truth.std() * rng.normal(size=len(frame))
    return too_good(frame, columns or Columns(target="y"), task, Predicted(said), 0)


def with_refund(frame: pd.DataFrame) -> pd.DataFrame:
    """What is paid back when a customer leaves: nobody knows it before."""
    paid = np.random.default_rng(2).gamma(2, 20, len(frame))
    return frame.assign(refund=np.where(frame["y"] == "yes", paid, 0.0))


def test_the_feature_that_gives_the_target_away_is_named():
    (doubt,) = told(with_refund(customers()))
    assert doubt.warns
    assert doubt.says.startswith(
        "The scores are nearly perfect, and refund by itself gives nearly all that is known of "
        f"the target: out of fold 0 of {ROWS} rows are wrong (a constant: "
    )
    assert "with refund alone " in doubt.says
    assert "list it under `columns.ignore`" in doubt.says
    assert not any(name in doubt.says for name in ("age", "spent"))


def test_a_value_that_is_only_there_where_the_target_is_one_is_such_a_feature():
    frame = with_refund(customers())
    frame["closed"] = frame.pop("refund").where(frame["y"] == "yes")
    assert "closed by itself gives" in told(frame)[0].says


def test_so_is_a_text():
    frame = customers()
    reason = np.random.default_rng(2).choice(["price", "moved"], ROWS)
    frame["reason"] = np.where(frame["y"] == "yes", reason, "none")
    assert "reason by itself gives" in told(frame)[0].says


def test_so_is_another_name_of_a_number():
    frame = customers()
    frame["y"] = np.exp(frame["age"]) * 100
    frame["gross"] = 1.19 * frame["y"] + np.random.default_rng(3).normal(size=ROWS)
    doubt, *none = told(frame, 0.99, "regression", Columns(target="y", ignore=["age"]))
    assert none == []
    assert doubt.warns
    assert "gross by itself gives nearly all" in doubt.says
    assert "R² is 0.999" in doubt.says


def test_beside_it_a_feature_that_is_merely_good_is_not_suspected():
    frame = with_refund(customers())
    wrong = np.arange(ROWS) % 100 == 0
    frame["rude"] = np.where((frame["y"] == "yes") ^ wrong, 1.0, 0.0)
    assert "refund by itself gives" in told(frame)[0].says
    assert "rude" not in told(frame)[0].says


def test_an_ignored_column_gives_nothing_away():
    columns = Columns(target="y", ignore=["refund"])
    assert "refund" not in " ".join(
        doubt.says for doubt in told(with_refund(customers()), columns=columns)
    )


@pytest.mark.parametrize("right", [0.5, 0.8])
def test_a_model_that_is_not_nearly_perfect_is_not_suspected(right):
    assert told(with_refund(customers()), right) == ()


def test_a_perfect_model_without_such_a_feature_is_a_note_and_with_many_rows_a_warning():
    (doubt,) = told(customers())
    assert not doubt.warns
    assert "No feature gives that by itself" in doubt.says
    many = customers().assign(y=np.where(np.arange(ROWS) % 2, "yes", "no"))
    assert told(many)[0].warns


def test_rows_that_are_there_twice_are_counted_where_a_score_is_perfect():
    twice = pd.concat([customers()] * 2, ignore_index=True)
    assert f"{2 * ROWS} rows are there more than once" in told(twice)[0].says
    assert "more than once" not in told(customers())[0].says


def test_irises_are_separable_by_nature_which_is_a_note_at_the_most():
    frame = iris().rename(columns={"species": "y"})
    said = cross_val_predict(
        LinearDiscriminantAnalysis(), frame.drop(columns="y"), frame["y"], cv=5
    )
    found = too_good(frame, Columns(target="y"), "classification", Predicted(said), 0)
    assert not any(doubt.warns for doubt in found)
    assert all("Look whether it is known at the time" in doubt.says for doubt in found)


def test_wines_are_told_by_all_their_features_together():
    frame = load_wine(as_frame=True).frame.rename(columns={"target": "y"})
    said = cross_val_predict(
        LinearDiscriminantAnalysis(), frame.drop(columns="y"), frame["y"], cv=5
    )
    found = too_good(frame, Columns(target="y"), "classification", Predicted(said), 0)
    assert not any(doubt.warns for doubt in found)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_target_that_does_not_vary_is_none_to_give_away(task):
    frame = customers().assign(y=1.0 if task == "regression" else "no")
    assert told(frame, 0.0 if task == "regression" else 1.0, task) == ()
