"""What is said of a search's outcome: by which rows, by which metric, and of which kind."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlops_assets.lifecycle.baseline_data import take_baseline
from mlops_assets.lifecycle.doubts import doubts_of_training, notes_of_metric
from mlops_assets.predicted import Predicted
from mlops_assets.training.automl import Trained
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.weights import Roles
from mlops_assets_tests.lifecycle.made import life

RNG = np.random.default_rng(0)


def fails(truth, labels, probability):
    """A metric of one's own that has not thought of a model which says the same of all."""
    return 1 / (len(set(labels)) - 1)


def trained(predicted: Predicted, metric: str = "f1_macro") -> Trained:
    board = pd.DataFrame({"id": ["lr", "dt"]})
    return Trained(None, board, "lr", "pycaret", {}, ("x", "z"), metric, predicted, (), ())


@pytest.fixture
def one():
    made = life()
    take_baseline(made)
    return made


def test_a_model_that_guesses_is_doubted_once_and_one_that_knows_is_not(one):
    table = one.incoming.baseline()
    truth = table["y"].to_numpy()
    guessed = Predicted(RNG.permutation(truth))
    (doubt,) = doubts_of_training(one, trained(guessed, "accuracy"), table, None)
    assert doubt.says.startswith("The model is not credibly better than ")
    known = Predicted(np.where(RNG.random(len(truth)) < 0.7, truth, guessed.labels))
    assert doubts_of_training(one, trained(known), table, None) == ()


def test_a_candidate_is_looked_at_on_the_rows_of_its_regime(one):
    table = one.incoming.baseline()
    truth = table["y"].to_numpy()
    regime = np.arange(len(table)) >= 100
    roles = Roles(regime, ~regime, np.ones(len(table)), "f1_macro", None)
    # It knows the baseline well, and of its regime nothing.
    said = np.where(regime, RNG.permutation(truth), truth)
    (doubt,) = doubts_of_training(one, trained(Predicted(said)), table, roles)
    assert f"on {int(regime.sum())} rows" in doubt.says


def test_a_function_that_fails_on_a_constant_does_not_cost_the_model(one):
    own = life(metric={"function": f"{__name__}:fails"}, columns={"target": "y"})
    own = replace(own, store=one.store)
    table = own.incoming.baseline()
    truth = table["y"].to_numpy()
    classes = np.unique(truth)
    half = np.full((len(truth), 2), 0.5)
    said = Predicted(RNG.permutation(truth), half, classes)
    (doubt,) = doubts_of_training(own, trained(said, own.metric.name), table, None)
    assert "is not known" in doubt.says
    assert "ZeroDivisionError" in doubt.says


def test_the_usual_metric_is_told_with_its_reason_where_none_is_named():
    unnamed, named = TrainingPolicy(), TrainingPolicy(metric="f1_macro")
    (note,) = notes_of_metric(unnamed, "classification", "f1_macro")
    assert note.startswith("The algorithms are ranked by f1_macro, in which every class counts")
    assert "rmse" in notes_of_metric(unnamed, "regression", "rmse")[0]
    assert notes_of_metric(unnamed, "classification", "average_precision") == ()  # it is told
    assert notes_of_metric(named, "classification", "f1_macro") == ()
