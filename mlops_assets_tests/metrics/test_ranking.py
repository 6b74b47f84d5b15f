"""Scores of the order of rows: scikit-learn's values, ties among them."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mlops_assets.metrics import get_metric
from mlops_assets.metrics.ranking import rows_of_share
from mlops_assets.predicted import Predicted
from mlops_assets_tests.metrics.made import CLASSES, binary, several, tables

ALL = ["roc_auc", "average_precision", "precision_at(0.1)", "recall_at(0.3)"]


def of_binary(probability, classes=(False, True)):
    said = np.asarray(probability, dtype=float)
    classes = np.array(classes)
    both = np.column_stack([1 - said, said])
    return Predicted(classes[(said > 0.5).astype(int)], both, classes)


@given(table=tables(2))
@settings(max_examples=100)
def test_of_two_classes_they_are_scikit_learns(table):
    truth, predicted = binary(*table)
    positive, probability = truth == "yes", predicted.probabilities[:, 1]
    assume(0 < positive.sum() < len(positive))
    assert get_metric("roc_auc", "classification", "yes").score(truth, predicted) == pytest.approx(
        sk.roc_auc_score(positive, probability)
    )
    average_precision = get_metric("average_precision", "classification", "yes")
    assert average_precision.score(truth, predicted) == pytest.approx(
        sk.average_precision_score(positive, probability)
    )


@given(table=tables(3))
@settings(max_examples=60)
def test_of_several_classes_they_are_the_mean_of_each_against_the_rest(table):
    truth, predicted = several(*table)
    assume(len(set(truth)) == 3)
    assert get_metric("roc_auc", "classification").score(truth, predicted) == pytest.approx(
        sk.roc_auc_score(truth, predicted.probabilities, multi_class="ovr")
    )
    average_precision = get_metric("average_precision", "classification")
    assert average_precision.score(truth, predicted) == pytest.approx(
        sk.average_precision_score(truth, predicted.probabilities)
    )


@given(table=tables(3))
@settings(max_examples=30)
def test_a_named_class_among_several_is_ranked_against_all_others(table):
    truth, predicted = several(*table)
    assume(0 < (truth == "b").sum() < len(truth))
    assert get_metric("roc_auc", "classification", "b").score(truth, predicted) == pytest.approx(
        sk.roc_auc_score(truth == "b", predicted.probabilities[:, 1])
    )


def test_without_a_class_the_mean_is_over_the_others():
    rng = np.random.default_rng(0)
    truth = np.repeat(["a", "b"], 20)
    weights = rng.random((40, 3))
    predicted = Predicted(truth, weights / weights.sum(axis=1, keepdims=True), CLASSES)
    roc_auc = get_metric("roc_auc", "classification")
    expected = np.mean(
        [
            sk.roc_auc_score(truth == each, predicted.probabilities[:, column])
            for column, each in enumerate("ab")
        ]
    )
    assert roc_auc.score(truth, predicted) == pytest.approx(expected)
    assert roc_auc.score_of_known(truth, predicted) == pytest.approx(expected)


@pytest.mark.parametrize("positive", [None, "b"])
@pytest.mark.parametrize("name", ALL)
@given(table=tables(3), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_each_resample_scores_as_its_own_rows_do(name, positive, table, seed):
    metric = get_metric(name, "classification", positive)
    if metric.of_positive and positive is None:
        return
    truth, predicted = several(*table)
    indices = np.random.default_rng(seed).integers(0, len(truth), (7, len(truth)))
    one_by_one = [metric.score(truth[i], predicted[i]) for i in indices]
    assert metric.resampled(truth, predicted, indices) == pytest.approx(one_by_one, nan_ok=True)


@pytest.mark.parametrize("name", ALL)
@given(table=tables(2), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_the_order_of_the_rows_changes_nothing(name, table, seed):
    truth, predicted = binary(*table)
    order = np.random.default_rng(seed).permutation(len(truth))
    metric = get_metric(name, "classification", "yes")
    assert metric.score(truth[order], predicted[order]) == pytest.approx(
        metric.score(truth, predicted), nan_ok=True
    )


def test_what_is_not_defined_is_no_number_and_no_warning():
    predicted = of_binary([0.1, 0.7])
    scores = {
        name: [get_metric(name, "classification", True).score(truth, predicted) for truth in each]
        for name in ALL
        for each in [([False, False], [True, True])]
    }
    assert math.isnan(scores["roc_auc"][0])
    assert math.isnan(scores["roc_auc"][1])
    assert math.isnan(scores["average_precision"][0])
    assert scores["average_precision"][1] == 1
    assert math.isnan(scores["precision_at(0.1)"][0])
    assert scores["precision_at(0.1)"][1] == 1
    assert math.isnan(scores["recall_at(0.3)"][0])
    assert scores["recall_at(0.3)"][1] == 0.5
    assert math.isnan(get_metric("roc_auc", "classification").score([True, True], predicted))


def test_a_model_that_does_not_know_the_class_has_no_order():
    predicted = of_binary([0.1, 0.7, 0.8], classes=("a", "b"))
    truth = np.array(["later", "a", "b"])
    assert get_metric("roc_auc", "classification", "later").score(truth, predicted) == 0.5


def test_the_top_share_is_that_many_rows_by_probability():
    probability = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05]
    truth = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 1])
    predicted = of_binary(probability, classes=(0, 1))

    def score(name):
        return get_metric(name, "classification", 1).score(truth, predicted)

    assert score("precision_at(0.1)") == 1
    assert score("precision_at(0.2)") == 1 / 2
    assert score("precision_at(0.3)") == pytest.approx(2 / 3)
    assert score("recall_at(0.1)") == pytest.approx(1 / 3)
    assert score("recall_at(0.3)") == pytest.approx(2 / 3)


def test_of_rows_that_tie_at_the_border_as_many_count_as_are_to_be_expected():
    predicted = of_binary([0.9, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    truth = np.array([True, True, False, False, False, *[False] * 4, True])
    # Of the three on top one is sure, and two are of four of which one is positive.
    assert get_metric("precision_at(0.3)", "classification", True).score(
        truth, predicted
    ) == pytest.approx((1 + 2 / 4) / 3)
    assert get_metric("recall_at(0.3)", "classification", True).score(
        truth, predicted
    ) == pytest.approx((1 + 2 / 4) / 3)


@pytest.mark.parametrize(
    ("share", "rows", "top"),
    [(0.1, 30, 3), (0.1, 3, 1), (0.1, 14, 1), (0.1, 15, 2), (0.29, 100, 29), (0.999, 10, 10)],
)
def test_a_share_is_the_nearest_number_of_rows_and_at_least_one(share, rows, top):
    assert rows_of_share(share, rows) == top


@pytest.mark.parametrize("name", ALL)
def test_many_resamples_of_many_rows_stay_within_200_megabytes(name):
    rng = np.random.default_rng(0)
    truth, predicted = rng.random(20_000) < 0.1, of_binary(rng.random(20_000))
    indices = rng.integers(0, 20_000, (300, 20_000))
    tracemalloc.start()
    get_metric(name, "classification", True).resampled(truth, predicted, indices)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200e6
