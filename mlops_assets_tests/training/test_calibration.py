"""Calibration: measured on rows left out, and how reliable probabilities are."""

import numpy as np
import pytest

from mlops_assets.predicted import Predicted
from mlops_assets.training.calibration import calibrate, log_loss_of_rows, reliability

CLASSES = np.array(["no", "yes"])


def world(sharper, rows=1500, seed=0):
    """Labels, and log-odds that are as many times too large."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(size=rows)
    truth = np.where(rng.random(rows) < 1 / (1 + np.exp(-odds)), "yes", "no")
    yes = 1 / (1 + np.exp(-sharper * odds))
    predicted = Predicted(
        np.where(yes > 0.5, "yes", "no"), np.column_stack([1 - yes, yes]), CLASSES
    )
    return truth, predicted


def ways(truth, predicted, by_scores, weights=None):
    everywhere = np.ones(len(truth), bool)
    folds = np.arange(len(truth)) % 10
    found = calibrate(truth, predicted, folds, everywhere, weights, by_scores=by_scores)
    return {way.method: way for way in found}


@pytest.mark.parametrize("by_scores", [True, False])
def test_what_is_too_sure_is_calibrated(by_scores):
    truth, predicted = world(4.0)
    found = ways(truth, predicted, by_scores)
    assert found["sigmoid"].helps
    assert found["isotonic"].helps
    after = found["sigmoid"].predicted
    assert reliability(truth, after, "yes").error < reliability(truth, predicted, "yes").error / 2
    fell = log_loss_of_rows(truth, predicted) - log_loss_of_rows(truth, after)
    assert found["sigmoid"].gains.mean() == pytest.approx(fell.mean())


def test_what_is_right_is_left():
    found = ways(*world(1.0), by_scores=True)
    assert not any(way.helps for way in found.values())


def test_rows_of_no_weight_have_no_part():
    truth, predicted = world(1.0)
    turned = np.where(np.arange(len(truth)) % 3 == 0, "no", truth)
    weights = np.where(np.arange(len(truth)) % 3 == 0, 0.0, 1.0)
    after = ways(turned, predicted, True, weights)["sigmoid"].predicted
    assert after.probability("yes").mean() == pytest.approx(0.5, abs=0.04)


def test_the_calibration_error_is_the_mean_distance_of_what_was_said_and_what_came():
    yes = np.array([0.12, 0.14, 0.81, 0.89, 1.0])
    predicted = Predicted(
        CLASSES[(yes > 0.5).astype(int)], np.column_stack([1 - yes, yes]), CLASSES
    )
    truth = np.array(["no", "yes", "yes", "no", "yes"])
    found = reliability(truth, predicted, "yes")
    assert found.rows.tolist() == [2, 2, 1]
    assert found.said == pytest.approx([0.13, 0.85, 1.0])
    assert found.came == pytest.approx([0.5, 0.5, 1.0])
    assert found.error == pytest.approx((2 * 0.37 + 2 * 0.35 + 0) / 5)


def test_without_a_positive_class_it_is_of_the_most_probable_one():
    predicted = Predicted(
        np.array(["a", "c"]),
        np.array([[0.6, 0.3, 0.1], [0.0, 0.2, 0.8]]),
        np.array(["a", "b", "c"]),
    )
    found = reliability(np.array(["a", "b"]), predicted)
    assert found.said == pytest.approx([0.6, 0.8])
    assert found.came.tolist() == [1, 0]
