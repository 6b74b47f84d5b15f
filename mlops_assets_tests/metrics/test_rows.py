"""Errors of probabilities, row by row: scikit-learn's values."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mlops_assets.errors import UserError
from mlops_assets.metrics import get_metric
from mlops_assets.predicted import Predicted
from mlops_assets_tests.metrics.made import CLASSES, binary, several, tables


@given(table=tables(2))
@settings(max_examples=60)
def test_of_two_classes_they_are_scikit_learns(table):
    true, probabilities = table
    truth, predicted = binary(true, probabilities)
    log_loss = get_metric("log_loss", "classification", "yes")
    assert log_loss.score(truth, predicted) == pytest.approx(
        sk.log_loss(truth, predicted.probabilities, labels=["no", "yes"])
    )
    brier = get_metric("brier", "classification", "yes")
    assert brier.score(truth, predicted) == pytest.approx(
        sk.brier_score_loss(truth == "yes", predicted.probabilities[:, 1], pos_label=True)
    )


@given(table=tables(3))
@settings(max_examples=60)
def test_of_several_classes_they_are_over_all(table):
    truth, predicted = several(*table)
    assert get_metric("log_loss", "classification").score(truth, predicted) == pytest.approx(
        sk.log_loss(truth, predicted.probabilities, labels=CLASSES)
    )
    true = truth[:, np.newaxis] == CLASSES
    assert get_metric("brier", "classification").score(truth, predicted) == pytest.approx(
        np.square(predicted.probabilities - true).sum(axis=1).mean()
    )


@pytest.mark.parametrize("name", ["log_loss", "brier"])
@given(table=tables(3), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_each_resample_scores_as_its_own_rows_do(name, table, seed):
    truth, predicted = several(*table)
    indices = np.random.default_rng(seed).integers(0, len(truth), (7, len(truth)))
    for positive in (None, "b"):
        metric = get_metric(name, "classification", positive)
        one_by_one = [metric.score(truth[i], predicted[i]) for i in indices]
        assert metric.resampled(truth, predicted, indices) == pytest.approx(one_by_one)


def test_a_sure_mistake_costs_as_much_as_scikit_learn_says_also_of_single_precision():
    for kind in (np.float64, np.float32):
        probabilities = np.array([[1, 0], [0.5, 0.5]], dtype=kind)
        predicted = Predicted(np.array([0, 0]), probabilities, np.array([0, 1]))
        score = get_metric("log_loss", "classification", 1).score([1, 0], predicted)
        assert score == pytest.approx(sk.log_loss([1, 0], probabilities), rel=1e-6)


def test_a_class_that_the_model_does_not_know_has_no_probability():
    predicted = Predicted(np.array(["a"]), np.array([[1.0, 0.0]]), np.array(["a", "b"]))
    log_loss, brier = (get_metric(name, "classification") for name in ("log_loss", "brier"))
    assert log_loss.score(["later"], predicted) == pytest.approx(-math.log(2**-52))
    assert brier.score(["later"], predicted) == pytest.approx(1 + 1)
    assert log_loss.score_of_known(["later"], predicted) == log_loss.score(["later"], predicted)


@pytest.mark.parametrize("name", ["log_loss", "brier", "roc_auc", "recall_at(0.1)"])
def test_a_version_that_was_stored_without_probabilities_is_to_be_trained_again(name):
    metric = get_metric(name, "classification", 1)
    with pytest.raises(UserError, match=r"reads probabilities.*stored without them\. Train again"):
        metric.score([0, 1], np.array([0, 1]))
    assert math.isnan(metric.score([], np.array([])))
