"""Metrics: scikit-learn's values, with and without resampling; those of labels and numbers."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mlops_assets.errors import UserError
from mlops_assets.metrics import get_metric, metrics_for
from mlops_assets.predicted import Predicted

SCIKIT_LEARN = {
    "f1_macro": lambda t, p: sk.f1_score(t, p, average="macro", zero_division=0),
    "accuracy": sk.accuracy_score,
    "precision_macro": lambda t, p: sk.precision_score(t, p, average="macro", zero_division=0),
    "recall_macro": lambda t, p: sk.recall_score(t, p, average="macro", zero_division=0),
    "balanced_accuracy": sk.balanced_accuracy_score,
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
    "r2": sk.r2_score,
}

labels = st.sampled_from(["a", "b", "c", "d"])
pairs = st.lists(st.tuples(labels, labels), min_size=1, max_size=40)
numbers = st.integers(-1000, 1000).map(lambda i: i / 8)
number_pairs = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=40)


def columns(rows):
    return np.array([r[0] for r in rows]), np.array([r[1] for r in rows])


def test_macro_f1_of_a_case_worked_out_by_hand():
    true = ["a", "a", "a", "b", "b", "c"]
    pred = ["a", "a", "b", "b", "b", "b"]
    # Twice the hits over true and predicted rows: a 4/5, b 4/6, c 0.
    assert get_metric("f1_macro", "classification").score(true, pred) == pytest.approx(
        (0.8 + 2 / 3 + 0) / 3
    )


# scikit-learn warns of degenerate samples, which are the ones worth trying here.
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true:UserWarning")
@pytest.mark.filterwarnings("ignore:A single label was found in:UserWarning")
@pytest.mark.parametrize("name", [m.name for m in metrics_for("classification")])
@given(rows=pairs)
@settings(max_examples=50)
def test_classification_scores_are_scikit_learns(name, rows):
    true, pred = columns(rows)
    assert get_metric(name, "classification").score(true, pred) == pytest.approx(
        SCIKIT_LEARN[name](true, pred)
    )


@pytest.mark.parametrize("name", [m.name for m in metrics_for("regression")])
@given(rows=number_pairs)
@settings(max_examples=50)
def test_regression_scores_are_scikit_learns(name, rows):
    true, pred = columns(rows)
    assert get_metric(name, "regression").score(true, pred) == pytest.approx(
        SCIKIT_LEARN[name](true, pred), abs=1e-9
    )


@given(rows=pairs, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_each_resample_scores_as_its_own_rows_do(rows, seed):
    true, pred = columns(rows)
    indices = np.random.default_rng(seed).integers(0, len(true), (7, len(true)))
    for metric in metrics_for("classification"):
        one_by_one = [metric.score(true[i], pred[i]) for i in indices]
        assert metric.resampled(true, pred, indices) == pytest.approx(one_by_one)


@given(rows=number_pairs, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_each_regression_resample_scores_as_its_own_rows_do(rows, seed):
    true, pred = columns(rows)
    indices = np.random.default_rng(seed).integers(0, len(true), (7, len(true)))
    for metric in metrics_for("regression"):
        one_by_one = [metric.score(true[i], pred[i]) for i in indices]
        assert metric.resampled(true, pred, indices) == pytest.approx(one_by_one)


@given(rows=pairs, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_the_order_of_the_rows_changes_nothing(rows, seed):
    true, pred = columns(rows)
    order = np.random.default_rng(seed).permutation(len(true))
    for metric in metrics_for("classification"):
        assert metric.score(true, pred) == pytest.approx(metric.score(true[order], pred[order]))


def test_labels_may_be_booleans_numbers_or_mixed():
    accuracy = get_metric("accuracy", "classification")
    assert accuracy.score([True, False], [True, True]) == 0.5
    assert accuracy.score([1, 2, 3, 4], [1.0, 2.0, 3.0, 5.0]) == 0.75
    assert accuracy.score(np.array(["a", 1], object), np.array(["a", "1"], object)) == 0.5


def test_no_rows_have_no_score():
    assert np.isnan(get_metric(None, "classification").score([], []))
    assert np.isnan(get_metric(None, "regression").score([], []))


def test_improvement_is_positive_where_the_candidate_is_better():
    assert get_metric("f1_macro", "classification").improvement(0.8, 0.7) == pytest.approx(0.1)
    assert get_metric("rmse", "regression").improvement(2.0, 3.0) == pytest.approx(1.0)
    assert get_metric("r2", "regression").improvement(0.5, 0.7) == pytest.approx(-0.2)


def test_predictions_of_another_length_are_refused():
    with pytest.raises(ValueError, match="one prediction per row"):
        get_metric("accuracy", "classification").score([1, 2], [1])


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_many_resamples_of_many_rows_stay_within_200_megabytes(task):
    rng = np.random.default_rng(0)
    true, pred = rng.integers(0, 3, 20_000), rng.integers(0, 3, 20_000)
    indices = rng.integers(0, 20_000, (500, 20_000))
    tracemalloc.start()
    get_metric(None, task).resampled(true, pred, indices)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200e6


@pytest.mark.parametrize("metric", metrics_for("classification"), ids=lambda metric: metric.name)
def test_scores_of_counts_are_those_of_the_repeated_rows(metric):
    y_true, y_pred = np.array(["a", "a", "b", "c"]), np.array(["a", "b", "b", "b"])
    counts = np.array([[1, 2, 3, 4], [5, 0, 0, 0], [0, 1, 0, 2]])
    for row, score in zip(counts, metric.of_counts(y_true, y_pred, counts), strict=True):
        assert score == pytest.approx(metric.score(np.repeat(y_true, row), np.repeat(y_pred, row)))


@pytest.mark.parametrize("metric", metrics_for("classification"), ids=lambda metric: metric.name)
def test_a_class_that_came_later_makes_no_class_of_its_own(metric):
    y = np.array(["a", "a", "a", "b", "b", "b"])
    wrong = np.array(["a", "a", "b", "b", "b", "b"])
    later = np.array(["a", "a", "new", "b", "b", "b"])
    assert metric.score_of_known(y, wrong) == metric.score(y, wrong)
    assert metric.score_of_known(y, later) >= metric.score(y, later)
    assert metric.score_of_known(y, later) == pytest.approx(
        {
            "f1_macro": (0.8 + 1.0) / 2,
            "accuracy": 5 / 6,
            "balanced_accuracy": 5 / 6,
            "precision_macro": 1.0,
            "recall_macro": 5 / 6,
        }[metric.name]
    )
    assert math.isnan(metric.score_of_known(y[:0], y[:0]))


def test_numbers_have_no_classes_to_know():
    rmse = get_metric("rmse", "regression")
    assert rmse.score_of_known([1.0, 2.0], [1.0, 4.0]) == rmse.score([1.0, 2.0], [1.0, 4.0])


LABEL_METRICS = ["f1", "expected_cost(fp=1, fn=20)"]
flags = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


@given(rows=flags)
@settings(max_examples=50)
def test_f1_is_scikit_learns_and_not_defined_without_a_positive_row(rows):
    true, pred = columns(rows)
    for positive in (True, False):
        expected = sk.f1_score(true, pred, pos_label=positive, zero_division=np.nan)
        found = get_metric("f1", "classification", positive).score(true, pred)
        assert found == pytest.approx(expected, nan_ok=True)


def test_f1_without_a_true_positive_row_is_0_where_one_is_predicted():
    f1 = get_metric("f1", "classification", "yes")
    assert f1.score(["no", "no"], ["no", "yes"]) == 0
    assert math.isnan(f1.score(["no", "no"], ["no", "no"]))


@given(rows=flags, false_positive=st.integers(0, 9), false_negative=st.integers(1, 30))
@settings(max_examples=50)
def test_an_expected_cost_is_the_mean_over_the_rows(rows, false_positive, false_negative):
    true, pred = columns(rows)
    name = f"expected_cost(fp={false_positive}, fn={false_negative})"
    [[_, wrong], [missed, _]] = sk.confusion_matrix(true, pred, labels=[False, True])
    cost = (wrong * false_positive + missed * false_negative) / len(true)
    metric = get_metric(name, "classification", True)
    assert metric.score(true, pred) == pytest.approx(cost)
    assert metric.improvement(cost, cost + 1) == pytest.approx(1)


@pytest.mark.parametrize("name", LABEL_METRICS)
@given(rows=flags, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_metrics_of_one_class_are_those_of_the_resampled_rows_and_of_counts(name, rows, seed):
    true, pred = columns(rows)
    metric = get_metric(name, "classification", True)
    indices = np.random.default_rng(seed).integers(0, len(true), (7, len(true)))
    expected = pytest.approx([metric.score(true[i], pred[i]) for i in indices], nan_ok=True)
    counts = np.array([np.bincount(i, minlength=len(true)) for i in indices])
    assert metric.by_counts
    assert metric.resampled(true, pred, indices) == expected
    assert metric.of_counts(true, pred, counts) == expected


@pytest.mark.parametrize("name", LABEL_METRICS)
def test_to_a_metric_of_one_class_a_class_that_came_later_is_not_that_one(name):
    metric = get_metric(name, "classification", "yes")
    truth = ["yes", "yes", "no"]
    as_no = metric.score(truth, ["yes", "no", "no"])
    assert metric.score_of_known(truth, ["yes", "later", "later"]) == as_no
    assert metric.score(truth, ["yes", "later", "later"]) == as_no


@pytest.mark.parametrize("name", [*LABEL_METRICS, "precision_at(0.1)", "function(json:loads)"])
def test_a_metric_of_one_class_names_the_setting_that_it_lacks(name):
    metric = get_metric(name, "classification")
    predicted = Predicted(np.array([1, 2]), np.eye(2), np.array([1, 2]))
    with pytest.raises(UserError, match=r"is of one class.*`columns\.positive`"):
        metric.score([1, 2], predicted)
    if metric.by_counts:
        with pytest.raises(UserError, match=r"columns\.positive"):
            metric.of_counts([1, 2], [1, 2], np.ones((1, 2), int))


ERRORS = {
    "mape": sk.mean_absolute_percentage_error,
    "pinball(0.5)": lambda t, p: sk.mean_pinball_loss(t, p, alpha=0.5),
    "pinball(0.9)": lambda t, p: sk.mean_pinball_loss(t, p, alpha=0.9),
}


@pytest.mark.parametrize("name", list(ERRORS))
@given(rows=number_pairs, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_relative_and_quantile_errors_are_scikit_learns(name, rows, seed):
    true, pred = columns(rows)
    metric = get_metric(name, "regression")
    assert metric.score(true, pred) == pytest.approx(ERRORS[name](true, pred))
    assert metric.score_of_known(true, pred) == metric.score(true, pred)
    indices = np.random.default_rng(seed).integers(0, len(true), (7, len(true)))
    one_by_one = [metric.score(true[i], pred[i]) for i in indices]
    assert metric.resampled(true, pred, indices) == pytest.approx(one_by_one)
    assert not metric.greater_is_better


def test_a_relative_error_of_zeros_is_refused_before_anything_is_trained():
    mape = get_metric("mape", "regression")
    with pytest.raises(UserError, match=r"which is 0 in 2 of 3 rows\. Take mae"):
        mape.try_on(np.array([0.0, 1.0, 0.0]))
    mape.try_on(np.array([1.0, 2.0]))


@pytest.mark.parametrize("metric", metrics_for("classification"), ids=lambda metric: metric.name)
def test_metrics_of_all_classes_can_be_used_with_any(metric):
    metric.try_on(np.array(["a", "b", "c", "a"]))


def test_that_a_metric_cannot_be_told_of_a_target_is_seen_without_a_model():
    three = np.array(["a", "b", "c", "a"])
    with pytest.raises(UserError, match=r"f1 is of one class.*columns\.positive"):
        get_metric("f1", "classification").try_on(three)
    get_metric("f1", "classification", "b").try_on(three)
    get_metric("roc_auc", "classification").try_on(three)
