"""Which metrics there are, and how they are asked for."""

import pytest

from mlops_assets.errors import UserError
from mlops_assets.metrics import check_metric, get_metric, known_metrics, metrics_for

PROBABILITIES = ["roc_auc", "average_precision", "log_loss", "brier", "precision_at(0.1)"]


def test_the_default_is_macro_f1_and_rmse():
    assert get_metric(None, "classification").name == "f1_macro"
    assert get_metric(None, "regression").name == "rmse"


def test_a_search_measures_labels_only():
    assert {metric.reads for metric in metrics_for("classification")} == {"labels"}
    assert not any(metric.of_positive for metric in metrics_for("classification"))


def test_an_unknown_metric_names_those_there_are_and_one_that_is_alike():
    with pytest.raises(UserError, match=r"'roc_auk'.*f1_macro, accuracy.*Did you mean roc_auc\?"):
        get_metric("roc_auk", "classification")
    with pytest.raises(UserError, match=r"'recal_at'.*recall_at: 0\.1.*Did you mean recall_at\?"):
        get_metric("recal_at(0.1)", "classification")
    with pytest.raises(UserError, match=r"rmse, mae, r2, mape, pinball: 0\.9, function: "):
        get_metric("f1_macro", "regression")


def test_a_metric_without_parameters_takes_none():
    with pytest.raises(UserError, match=r"roc_auc takes nothing behind its name; not roc_auc"):
        get_metric("roc_auc(0.1)", "classification")


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_metric_is_known_by_its_own_name(task):
    for written in known_metrics(task):
        name, _, parameter = written.partition(": ")
        if name == "expected_cost":
            parameter = "fp=1, fn=20"
        asked = f"{name}({parameter})" if parameter else name
        metric = get_metric(asked, task, "yes")
        assert metric.name == asked
        assert get_metric(metric.name, task, "yes") == metric
        assert metric.formula == name
        assert metric.column


@pytest.mark.parametrize("name", PROBABILITIES)
def test_some_read_probabilities(name):
    metric = get_metric(name, "classification", 1)
    assert metric.reads == "probabilities"
    assert not metric.by_counts


def test_what_a_metric_is_made_of():
    kinds = {
        "roc_auc": "ranking",
        "average_precision": "ranking",
        "recall_at(0.2)": "ranking",
        "log_loss": "rows",
        "brier": "rows",
        "f1": "classes",
        "expected_cost(fp=1, fn=2)": "rows",
        "function(json:loads)": "table",
    }
    assert {name: get_metric(name, "classification", 1).kind for name in kinds} == kinds


def test_a_mean_over_classes_is_another_score_where_a_class_is_not_there():
    assert get_metric("roc_auc", "classification").kind == "classes"
    assert get_metric("log_loss", "classification").kind == "rows"


def test_a_function_is_better_where_it_is_higher_unless_said():
    assert get_metric("function(json:loads)", "regression").greater_is_better
    assert not get_metric("function(json:loads, lower is better)", "regression").greater_is_better


def test_that_a_function_is_there_is_looked_at_once_asked_to():
    gone = "function(not_here:profit)"
    assert get_metric(gone, "classification").name == gone
    with pytest.raises(UserError, match="not_here:profit cannot be imported"):
        check_metric(gone, "classification")
    check_metric("function(json:loads)", "classification")
