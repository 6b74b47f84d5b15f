"""Whether a model is better than one that looks at nothing."""

import numpy as np
import pytest

from mlops_assets.metrics import get_metric
from mlops_assets.predicted import Predicted
from mlops_assets.promotion.dummy import best_constant, hardly_better
from mlops_assets.promotion.policy import GatePolicy

POLICY = GatePolicy(resamples=500)
CLASSES = np.array(["no", "yes"])
TWO_CLASSES = ["f1_macro", "accuracy", "roc_auc", "average_precision", "log_loss"]


def said(rows: int, strength: float, share: float = 0.3, seed: int = 0):
    """Truth, and what a model says of it that knows so much of what makes it."""
    rng = np.random.default_rng(seed)
    known = rng.normal(size=rows)
    odds = np.log(share / (1 - share)) + strength * known
    truth = np.where(rng.random(rows) < 1 / (1 + np.exp(-odds)), "yes", "no")
    # As a model that has fitted noise: its probabilities vary whether or not they mean anything.
    guessed = 1 / (1 + np.exp(-(np.log(share / (1 - share)) + max(strength, 0.3) * known)))
    labels = np.where(guessed >= share, "yes", "no")
    return truth, Predicted(labels, np.column_stack([1 - guessed, guessed]), CLASSES)


def doubt(truth, predicted, metric, task="classification", algorithms=14):
    return hardly_better(truth, predicted, get_metric(metric, task, "yes"), POLICY, algorithms)


@pytest.mark.parametrize("metric", TWO_CLASSES)
def test_a_model_of_noise_is_not_credibly_better(metric):
    found = doubt(*said(600, 0.0), metric)
    assert found is not None
    assert found.warns
    assert found.says.startswith("The model is not credibly better than ")
    assert f"{metric} is " in found.says
    assert "out of fold on 600 rows, for a constant" in found.says
    assert "corrected for the best of 14" in found.says
    assert "a join that is off looks like this" in found.says


@pytest.mark.parametrize("metric", ["f1_macro", "roc_auc", "average_precision", "log_loss"])
def test_a_model_that_knows_something_is_not_doubted(metric):
    assert doubt(*said(600, 2.0), metric) is None


def test_labels_that_are_spread_evenly_are_no_merit_in_macro_f1():
    """They beat the constant there, and so do the same labels dealt to other rows."""
    rng = np.random.default_rng(0)
    truth, labels = (np.where(rng.random(3000) < 0.1, "yes", "no") for _ in range(2))
    found = doubt(truth, Predicted(labels), "f1_macro")
    assert found is not None
    assert "not credibly better than chance" in found.says
    assert "dealt to the rows at random" in found.says


def test_a_merit_that_is_credible_and_tiny_is_said_to_be_tiny():
    found = doubt(*said(20_000, 0.06), "roc_auc")
    assert found is None  # 0.017 of 0.5
    rng = np.random.default_rng(0)
    known = rng.normal(size=20_000)
    truth = 0.08 * known + rng.normal(size=20_000)
    found = doubt(truth, Predicted(0.08 * known), "r2", "regression")
    assert found is not None
    assert found.says.startswith("The model is better than a constant, but hardly.")


def test_the_best_of_many_algorithms_has_more_to_prove():
    truth, predicted = said(150, 0.75, seed=2)
    assert doubt(truth, predicted, "roc_auc", algorithms=1) is None
    assert doubt(truth, predicted, "roc_auc", algorithms=100_000) is not None


@pytest.mark.parametrize("metric", ["rmse", "mae", "r2", "pinball(0.9)"])
def test_numbers_are_held_against_what_is_best_to_say_of_all(metric):
    rng = np.random.default_rng(0)
    truth = rng.lognormal(size=500)
    noise = Predicted(truth.mean() + 0.1 * rng.normal(size=500))
    assert doubt(truth, noise, metric, "regression") is not None
    assert doubt(truth, Predicted(truth + 0.3 * rng.normal(size=500)), metric, "regression") is None


def test_the_best_constant_is_that_of_the_metric():
    truth = np.array(["yes"] * 10 + ["no"] * 90)
    predicted = Predicted(truth)
    dear = get_metric("expected_cost(fp=1, fn=20)", "classification", "yes")
    cheap = get_metric("expected_cost(fp=20, fn=1)", "classification", "yes")
    assert set(best_constant(truth, predicted, dear)) == {"yes"}
    assert set(best_constant(truth, predicted, cheap)) == {"no"}
    numbers = np.array([0.0] * 60 + [10.0] * 40)
    mean = best_constant(numbers, Predicted(numbers), get_metric("rmse", "regression"))
    median = best_constant(numbers, Predicted(numbers), get_metric("mae", "regression"))
    assert np.asarray(mean) == pytest.approx(4.0)
    assert set(median) == {0.0}


def test_nothing_is_said_where_the_metric_is_not_defined():
    truth = np.array(["no"] * 50)
    predicted = Predicted(truth, np.tile([0.9, 0.1], (50, 1)), CLASSES)
    assert doubt(truth, predicted, "roc_auc") is None
