"""Algorithms as pipelines: scaled where they need it, and with probabilities."""

import warnings

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.preprocessing import StandardScaler

from mlops_assets.data.columns import Columns
from mlops_assets.training.automl import train
from mlops_assets.training.engines import catalogue
from mlops_assets.training.features import model_input, predicted_by
from mlops_assets.training.model_format import TRUSTED_TYPES
from mlops_assets.training.pipelines import calibrated, inner, pipeline_of
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.weights import fit_weighted, quietly, takes_weights
from mlops_assets_tests.training.engines import ENGINES
from mlops_assets_tests.training.tables import iris, loans

WRAPPED = {"svm", "ridge", "rbfsvm"}


@pytest.fixture(scope="module", params=ENGINES)
def offered(request):
    return catalogue(request.param, "classification", 0, 1)


def fitted(offered, name, table, target, weights=None):
    pipeline = pipeline_of(offered[name], table, "classification")
    with quietly():
        fit_weighted(pipeline, table, target, weights)
    return pipeline


def test_numbers_of_any_size_are_learned_from_as_if_scaled_by_hand():
    policy = TrainingPolicy(algorithms=["knn", "svm", "lr", "ridge", "lda", "dt"], folds=3)
    by_hand = loans().assign(
        **pd.DataFrame(
            StandardScaler().fit_transform(loans().drop(columns="y")), columns=loans().columns[:-1]
        )
    )
    as_is, scaled = (
        train(frame, Columns(target="y"), "classification", policy, lambda _: None)
        .leaderboard.set_index("id")["F1 macro"]
        .sort_index()
        for frame in (loans(), by_hand)
    )
    assert (as_is - scaled).abs().max() < 0.03
    assert as_is["knn"] > 0.8
    assert as_is["svm"] > 0.8


@pytest.mark.parametrize("classes", [2, 3])
def test_each_algorithm_has_probabilities_that_agree_with_its_labels_and_can_be_stored(
    offered, classes
):
    frame = iris()[50:] if classes == 2 else iris()
    table, target = model_input(frame, list(frame.columns[:4])), frame["species"]
    for name in offered:
        pipeline = fitted(offered, name, table, target)
        estimator = pipeline.named_steps["estimator"]
        assert (inner(estimator) is not estimator) == (name in WRAPPED), name
        stored = skops.io.dumps(pipeline)
        assert set(skops.io.get_untrusted_types(data=stored)) <= set(TRUSTED_TYPES), name
        loaded = skops.io.loads(stored, trusted=list(TRUSTED_TYPES))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, again = predicted_by(pipeline, table), predicted_by(loaded, table)
        assert found.probabilities.sum(axis=1) == pytest.approx(1), name
        assert (found.labels == found.classes[found.probabilities.argmax(axis=1)]).all(), name
        assert (found.probabilities == again.probabilities).all(), name


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_what_is_calibrated_can_be_stored(offered, method):
    table = model_input(iris(), list(iris().columns[:4]))
    for name in ("lightgbm", "rf", "gbc"):
        pipeline = pipeline_of(offered[name], table, "classification")
        pipeline.steps[-1] = ("estimator", calibrated(pipeline.steps[-1][1], method))
        with quietly():
            fit_weighted(pipeline, table, iris()["species"], None)
        stored = skops.io.dumps(pipeline)
        loaded = skops.io.loads(stored, trusted=list(TRUSTED_TYPES))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = [predicted_by(one, table).probabilities for one in (pipeline, loaded)]
        assert (found[0] == found[1]).all()


def test_weights_reach_an_algorithm_that_is_wrapped(offered):
    frame = iris()[50:]
    table, target = model_input(frame, list(frame.columns[:4])), frame["species"]
    weights = np.where(target == "virginica", 5.0, 0.2)
    for name in sorted(WRAPPED):
        alike, weighed = (fitted(offered, name, table, target, one) for one in (None, weights))
        assert takes_weights(weighed.named_steps["estimator"])
        said = [
            predicted_by(one, table).probability("virginica").mean() for one in (alike, weighed)
        ]
        assert said[1] > said[0] + 0.1, name
    assert not takes_weights(pipeline_of(offered["knn"], table, "classification")[-1])


def test_a_class_of_one_row_is_calibrated_all_the_same(offered):
    frame = iris().head(101)
    table = model_input(frame, list(frame.columns[:4]))
    found = predicted_by(fitted(offered, "ridge", table, frame["species"]), table)
    assert found.classes.tolist() == ["setosa", "versicolor", "virginica"]
