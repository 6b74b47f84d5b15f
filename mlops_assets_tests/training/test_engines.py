"""Engines: the same ids, settings that can be made, models that can be stored."""

from importlib.util import find_spec

import pytest

from mlops_assets.data.columns import Columns
from mlops_assets.errors import UserError
from mlops_assets.training import engines
from mlops_assets.training.automl import train
from mlops_assets.training.engines import catalogue, chosen_engine, packages
from mlops_assets.training.engines.algorithm import Choice
from mlops_assets.training.policy import TrainingPolicy, known_algorithms
from mlops_assets.training.tuning import draw
from mlops_assets.training.weights import quietly
from mlops_assets_tests.training.engines import ENGINES, NEEDS_PYCARET
from mlops_assets_tests.training.tables import iris

TASKS = ["classification", "regression"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("task", TASKS)
def test_the_yaml_may_name_what_an_engine_offers_and_no_more(engine, task):
    offered = set(catalogue(engine, task, 0, 1))
    known = set(known_algorithms(task, engine))
    assert offered <= known
    # PyCaret has these two where their packages are.
    assert known - offered <= ({"xgboost", "catboost"} if engine == "pycaret" else set())


@NEEDS_PYCARET
@pytest.mark.parametrize("task", TASKS)
def test_both_engines_offer_the_same_and_compare_the_same_by_default(task):
    one, other = (catalogue(engine, task, 0, 1) for engine in ("pycaret", "sklearn"))
    there = [name for name in one if name not in ("xgboost", "catboost")]
    assert there == list(other)
    assert [one[name].default for name in there] == [line.default for line in other.values()]
    assert [one[name].kind for name in there] == [line.kind for line in other.values()]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("task", TASKS)
def test_what_tuning_draws_can_be_set_for_every_algorithm(engine, task):
    for name, algorithm in catalogue(engine, task, 0, 1).items():
        takes = algorithm.kind(**algorithm.settings).get_params()
        assert set(algorithm.ranges) <= set(takes), name
        for _, given in draw({name: algorithm.ranges}, 0):
            algorithm.kind(**{**algorithm.settings, **given})


@pytest.mark.parametrize("task", TASKS)
def test_what_is_drawn_for_scikit_learns_catalogue_can_be_fitted(task):
    """The libraries look at a setting when they are fitted, and not before."""
    rows = iris().sample(90, random_state=0)
    target = rows.pop("species") if task == "classification" else rows.pop(rows.columns[0])
    numbers = rows.select_dtypes("number")
    for name, algorithm in catalogue("sklearn", task, 0, 1).items():
        for _, given in list(draw({name: algorithm.ranges}, 1))[:4]:
            small = {n: min(v, 20) if n == "n_estimators" else v for n, v in given.items()}
            with quietly():
                algorithm.kind(**{**algorithm.settings, **small}).fit(numbers, target)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_is_asked_for_and_kept_with_the_outcome(engine):
    policy = TrainingPolicy(engine=engine, algorithms=["lda"], folds=3)
    found = train(iris(), Columns(target="species"), "classification", policy, lambda _: None)
    assert found.engine == engine
    assert found.model.predict(iris()).labels.tolist().count("setosa") == 50


def test_both_engines_find_the_same_where_their_settings_are_the_same():
    found = [
        train(
            iris(),
            Columns(target="species"),
            "classification",
            TrainingPolicy(engine=engine, algorithms=["lr", "dt", "rf", "lightgbm"], folds=3),
            lambda _: None,
        ).leaderboard.drop(columns="Seconds")
        for engine in ("pycaret", "sklearn")
        if engine == "sklearn" or find_spec("pycaret")
    ]
    assert all(one.equals(found[0]) for one in found)


def test_without_pycaret_the_other_engine_is_taken_and_asking_for_it_is_told(monkeypatch):
    known = engines._installed
    monkeypatch.setattr(engines, "_installed", lambda n: None if n == "pycaret" else known(n))
    assert chosen_engine(None) == "sklearn"
    assert set(packages("sklearn")) == {"scikit-learn", "lightgbm"}
    with pytest.raises(UserError, match=r"mlops_assets\[pycaret\].*engine: sklearn"):
        chosen_engine("pycaret")


@NEEDS_PYCARET
def test_with_pycaret_it_is_the_default():
    assert chosen_engine(None) == "pycaret"
    assert "pycaret" in packages("pycaret")


def test_an_algorithm_that_an_engine_lacks_is_told():
    policy = TrainingPolicy(engine="sklearn", algorithms=["xgboost"])
    with pytest.raises(UserError, match="engine sklearn does not offer 'xgboost' here"):
        train(iris(), Columns(target="species"), "classification", policy, lambda _: None)


def test_values_are_drawn_with_putting_back():
    drawn = [given["on"] for _, given in draw({"a": {"on": Choice((True, False))}}, 0)]
    assert sorted(drawn) == [False, True]  # each once: what was drawn before is not tried again
