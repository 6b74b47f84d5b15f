"""What classes weigh, and that probabilities are right all the same."""

import numpy as np
import pandas as pd
import pytest
import skops.io
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from mlops_assets.data.columns import Columns
from mlops_assets.errors import UserError
from mlops_assets.metrics import get_metric
from mlops_assets.spec import ModelSpec
from mlops_assets.training.automl import train
from mlops_assets.training.class_weights import class_weights, in_order, told, usual_threshold
from mlops_assets.training.features import Model, predicted_by
from mlops_assets.training.folds import assign_folds
from mlops_assets.training.pipelines import calibrated
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.refit import refit
from mlops_assets.training.weights import cross_validated, fit_weighted
from mlops_assets_tests.training.tables import churn

Y = Columns(target="y")
LABELS = pd.Series(["no"] * 90 + ["yes"] * 10)


def drawn(rows: int, seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """A tenth is yes, by a rule that is linear in the log odds."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(rows, 2)), columns=["a", "b"])
    yes = rng.random(rows) < 1 / (1 + np.exp(2.8 - 1.2 * table["a"]))
    return table, pd.Series(np.where(yes, "yes", "no"))


def fitted(estimator, weights=None, by_class=None):
    pipeline = Pipeline([("estimator", estimator)])
    fit_weighted(pipeline, *drawn(2000, 0), weights, by_class)
    return pipeline


def test_balanced_classes_weigh_as_much_as_each_other_and_one_on_average():
    found = class_weights("balanced", LABELS)
    assert found == {"no": pytest.approx(100 / 180), "yes": pytest.approx(5)}
    assert LABELS.map(found).mean() == pytest.approx(1)


def test_classes_that_are_not_named_weigh_one_and_are_found_as_they_are_written():
    assert class_weights({"yes": 5}, LABELS) == {"no": 1, "yes": 5}
    for labels in ([1, 2, 2], [True, False, False], [1.0, 2.0, 2.0]):
        asked = TrainingPolicy(class_weight={labels[0]: 3}).class_weight
        again = TrainingPolicy.model_validate_json(
            TrainingPolicy(class_weight=asked).model_dump_json()
        )
        assert class_weights(again.class_weight, pd.Series(labels))[labels[0]] == 3
    assert class_weights(None, LABELS) is None


def test_a_class_that_is_not_there_is_told_and_no_class_where_they_are_hidden():
    with pytest.raises(UserError, match=r"no class 'maybe', which `training.*'no', 'yes'"):
        class_weights({"maybe": 2}, LABELS)
    with pytest.raises(UserError, match="no class 'maybe'") as refused:
        class_weights({"maybe": 2}, LABELS, hidden=True)
    assert "yes" not in str(refused.value)
    assert "'yes' 5" in told({"no": 1, "yes": 5}, hidden=False)
    assert "yes" not in told({"no": 1, "yes": 5}, hidden=True)


@pytest.mark.parametrize("wrong", [{"yes": 0}, {"yes": -1}, "even", {"yes": "much"}, 3])
def test_what_is_no_weight_is_refused(wrong):
    with pytest.raises(ValidationError):
        TrainingPolicy(class_weight=wrong)
    with pytest.raises(ValidationError, match="named twice"):
        TrainingPolicy(class_weight={1: 2, "1": 3})


def test_numbers_have_no_classes():
    source = {"kind": "csv", "url": "a.csv"}
    written = {
        "name": "m",
        "columns": {"target": "y"},
        "baseline": source,
        "batches": source,
        "start_date": "2026-01-01",
        "training": {"class_weight": "balanced"},
    }
    assert ModelSpec.model_validate(written).training.class_weight == "balanced"
    with pytest.raises(ValidationError, match="`class_weight` is of classes"):
        ModelSpec.model_validate(written | {"task": "regression"})
    frame = pd.DataFrame({"a": np.arange(30.0), "y": np.arange(30.0)})
    with pytest.raises(UserError, match="target of a regression has none"):
        train(frame, Y, "regression", TrainingPolicy(class_weight="balanced"), lambda _: None)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        GaussianNB(),
        DecisionTreeClassifier(min_samples_leaf=100),
        KNeighborsClassifier(100),
        calibrated(LogisticRegression(), "sigmoid"),
        calibrated(DecisionTreeClassifier(min_samples_leaf=100), "isotonic"),
    ],
)
def test_labels_follow_the_weights_and_probabilities_say_how_frequent_a_class_is(estimator):
    by_class = class_weights("balanced", drawn(2000, 0)[1])
    table, truth = drawn(4000, 1)
    alike = predicted_by(fitted(estimator), table)
    weighed = predicted_by(fitted(estimator, by_class=by_class), table)
    assert (alike.labels == "yes").mean() < 0.05
    assert 0.2 < (weighed.labels == "yes").mean() < 0.6
    assert weighed.probability("yes").mean() == pytest.approx((truth == "yes").mean(), abs=0.03)
    loss = get_metric("log_loss", "classification", "yes")
    assert loss.score(truth, weighed) < loss.score(truth, alike) + 0.02
    assert weighed.probabilities.sum(axis=1) == pytest.approx(1)


def test_a_leaf_has_the_very_same_probability():
    stump = DecisionTreeClassifier(max_depth=1, random_state=0)
    pipeline = fitted(stump, by_class={"no": 1.0, "yes": 4.0})
    table, truth = drawn(2000, 0)
    said = predicted_by(pipeline, table).probability("yes")
    for leaf in np.unique(said):
        assert leaf == pytest.approx((truth[said == leaf] == "yes").mean())


def test_they_multiply_what_rows_weigh_and_only_that_of_the_classes_is_undone():
    table, _ = drawn(2000, 0)
    rows = np.where(table["a"] > 0, 2.0, 0.0)
    by_class = {"no": 1.0, "yes": 4.0}
    model = Model(fitted(LogisticRegression(), rows, by_class))
    assert model.class_weights == {"no": pytest.approx(1), "yes": pytest.approx(4)}
    alone = fitted(LogisticRegression(), rows)
    said = [predicted_by(one, table).probability("yes").mean() for one in (model.pipeline, alone)]
    assert said[0] == pytest.approx(said[1], abs=0.02)


def test_where_rows_are_repeated_it_is_by_whole_numbers():
    pipeline = fitted(KNeighborsClassifier(), by_class={"no": 1.0, "yes": 4.4})
    assert Model(pipeline).class_weights == {"no": 1, "yes": 4}


def test_they_are_stored_with_the_pipeline_and_taken_again_by_a_refit():
    by_class = {"no": 1.0, "yes": 4.0}
    pipeline = fitted(LogisticRegression(), by_class=by_class)
    table, truth = drawn(2000, 0)
    loaded = Model.from_stored(skops.io.loads(skops.io.dumps(Model(pipeline).to_store())))
    again = refit(loaded, table.assign(y=truth), Y, "classification", TrainingPolicy())
    for model in (loaded, again):
        assert model.class_weights == by_class
        expected = predicted_by(pipeline, table).probabilities
        assert np.allclose(predicted_by(model.pipeline, table).probabilities, expected)
    assert Model(fitted(LogisticRegression())).class_weights is None


def test_out_of_fold_they_are_the_same():
    table, truth = drawn(2000, 0)
    fold_of, _ = assign_folds(table.assign(y=truth), Y, "classification", 3, 0)
    pipeline = Pipeline([("estimator", LogisticRegression())])
    said = cross_validated(
        pipeline, table, truth, fold_of, None, class_weights={"no": 1.0, "yes": 9.0}
    )
    assert said.probability("yes").mean() == pytest.approx((truth == "yes").mean(), abs=0.02)
    assert (said.labels == "yes").mean() > 0.2


def test_two_classes_are_cut_where_their_weights_are_even():
    assert usual_threshold({"no": 1, "yes": 9}, "yes") == pytest.approx(0.1)
    assert in_order({"no": 1, "yes": 9}, np.array(["yes", "no"])).tolist() == [9, 1]
    table, _ = drawn(2000, 0)
    said = predicted_by(fitted(LogisticRegression(), by_class={"no": 1.0, "yes": 9.0}), table)
    assert ((said.probability("yes") >= 0.1) == (said.labels == "yes")).all()


def test_a_search_weighs_classes_and_says_so():
    policy = TrainingPolicy(
        algorithms=["lr", "knn"], folds=3, class_weight="balanced", metric="balanced_accuracy"
    )
    trained = train(churn(600, 0), Y, "classification", policy, lambda _: None)
    said = " ".join(trained.notes)
    assert "Rows weigh by their class, as `training.class_weight` says: 'no' 0.5" in said
    fresh = churn(3000, 1)
    found = trained.model.predict(fresh)
    assert (found.labels == "yes").mean() > 0.15
    assert found.probability("yes").mean() == pytest.approx((fresh["y"] == "yes").mean(), abs=0.04)
    assert trained.threshold is not None
    knn = policy.model_copy(update={"algorithms": ["knn"]})
    trained = train(churn(300, 0), Y, "classification", knn, lambda _: None)
    assert "knn takes no weights: rows of classes that weigh more are repeated." in trained.notes
