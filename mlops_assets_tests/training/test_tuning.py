"""Tuning: what is tried, when it is taken, and that it is made again without a search."""

import numpy as np
import pytest
from scipy.stats import loguniform, randint, uniform

from mlops_assets.data.columns import Columns
from mlops_assets.metrics import get_metric
from mlops_assets.training import tuning as tuning_module
from mlops_assets.training.automl import train
from mlops_assets.training.engines.algorithm import Choice
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.tuning import (
    MOST_TRIALS,
    Trial,
    Tuning,
    draw,
    gains_of_choosing,
    told,
    tune,
)
from mlops_assets_tests.training.tables import churn

F1 = get_metric("f1_macro", "classification")
RMSE = get_metric("rmse", "regression")
COLUMNS = Columns(target="y")


SPACE = {
    "a": {"size": randint(1, 4), "rate": loguniform(1e-6, 0.5)},
    "b": {"share": uniform(0.4, 0.6), "weight": Choice(("balanced", {}))},
}


def drawn(seed=0):
    return list(draw(SPACE, seed))


def scored(by_number):
    """What is scored in trial 1, 2 ...; those that are not named are as the default."""
    return lambda algorithm, parameters, number: by_number.get(number, np.array([0.5, 0.5, 0.5]))


def tuned(by_number, metric=F1, minutes=10.0, trials=20):
    default = Trial("a", {}, np.array([0.5, 0.5, 0.5]))
    some = iter([("b", {"number": n}) for n in range(1, trials + 1)])
    return tune(default, some, scored(by_number), metric, minutes)


def test_what_is_tried_depends_on_the_seed_alone_and_algorithms_take_turns():
    assert drawn() == drawn()
    assert drawn() != drawn(seed=1)
    assert len(drawn()) == MOST_TRIALS
    assert [algorithm for algorithm, _ in drawn()[:4]] == ["a", "b", "a", "b"]


def test_parameters_are_drawn_within_their_bounds_and_as_json_keeps_them():
    of = {name: [given for one, given in drawn() if one == name] for name in SPACE}
    assert all(set(given) == {"size", "rate"} for given in of["a"])  # `layers` it does not have
    assert {given["size"] for given in of["a"]} == {1, 2, 3}
    assert all(1e-6 <= given["rate"] <= 0.5 for given in of["a"])
    assert np.mean([given["rate"] < 1e-3 for given in of["a"]]) > 0.3  # by orders of magnitude
    assert all(0.4 <= given["share"] <= 1.0 for given in of["b"])
    one = Tuning(trials=1, parameters=of["a"][0])
    assert Tuning.model_validate_json(one.model_dump_json()) == one


def test_of_few_choices_each_is_tried_once():
    few = list(draw({"a": {"on": Choice((True, False))}}, 0))
    assert sorted(given["on"] for _, given in few) == [False, True]
    assert list(draw({"a": {}}, 0)) == []


def test_what_is_better_in_every_fold_is_taken():
    came = tuned({7: np.array([0.6, 0.61, 0.62])})
    assert came == Tuning(trials=20, algorithm="b", parameters={"number": 7}, gain=came.gain)
    assert came.gain == pytest.approx(0.11)
    assert "b is taken with number 7: f1_macro gains 0.1100 on folds" in told(came, F1, 10.0)


def test_less_is_better_where_the_metric_says_so():
    assert tuned({7: np.array([0.4, 0.41, 0.42])}, RMSE).parameters == {"number": 7}
    assert tuned({7: np.array([0.6, 0.61, 0.62])}, RMSE).algorithm is None


def test_the_best_of_many_that_are_alike_is_not_taken():
    """Its own score is always above the default's; on folds that did not choose it gains none."""
    rng = np.random.default_rng(0)
    taken, gained, seemed = 0, [], []
    for _ in range(200):
        level = rng.normal(0.8, 0.02, 10)  # folds are harder or easier for all
        tried = [Trial("a", {}, level + rng.normal(0, 0.01, 10)) for _ in range(61)]
        gains, best = gains_of_choosing(tried, F1)
        gained.append(gains.mean())
        seemed.append((best.scores - tried[0].scores).mean())
        some = iter([("a", {"n": n}) for n in range(60)])
        scores = {n: trial.scores for n, trial in enumerate(tried[1:], start=1)}
        taken += tune(tried[0], some, scored(scores), F1, 10.0).algorithm is not None
    assert np.mean(seemed) > 0.005
    assert abs(np.mean(gained)) < 0.001
    assert taken < 0.35 * 200


def test_a_failing_trial_is_counted_and_the_others_go_on():
    came = tuned({1: None, 2: np.array([np.nan, 1, 1]), 3: np.array([0.6, 0.61, 0.6])})
    assert (came.trials, came.failed, came.parameters) == (20, 2, {"number": 3})
    assert "20 parameters of the best algorithms were tried, 2 of which failed." in told(
        came, F1, 10.0
    )


def test_no_trial_is_begun_after_its_time():
    came = tuned({}, minutes=-1.0)
    assert came == Tuning(trials=0, out_of_time=True)
    assert "0 parameters" in told(came, F1, 5.0)
    assert "in 5 minutes (how many depends on the machine)" in told(came, F1, 5.0)


def test_folds_without_a_score_play_no_part():
    gains, best = gains_of_choosing(
        [
            Trial("a", {}, np.array([0.5, np.nan, 0.5])),
            Trial("b", {}, np.array([0.6, np.nan, 0.6])),
        ],
        F1,
    )
    assert best.algorithm == "b"
    assert gains == pytest.approx([0.1, np.nan, 0.1], nan_ok=True)


def searched(tuned=None, **policy):
    policy = {"algorithms": ["dt"], "folds": 5, "metric": "roc_auc", "tune_minutes": 10, **policy}
    results = []
    given = TrainingPolicy.model_validate(policy)
    return train(
        churn(1000, 0), COLUMNS, "classification", given, results.append, None, tuned
    ), results


def test_a_tree_is_tuned_recorded_and_made_again_by_its_parameters(monkeypatch):
    monkeypatch.setattr(tuning_module, "MOST_TRIALS", 12)
    outcome, results = searched()
    tuning = outcome.tuning
    assert tuning.algorithm == "dt"  # by default it is grown to the end, and its scores are coarse
    assert [one.id for one in results[:2]] == ["dt", "dt, trial 1"]
    assert len(results) == tuning.trials + 1
    assert results[1].parameters.keys() <= outcome.parameters.keys()
    assert {name: outcome.parameters[name] for name in tuning.parameters} == tuning.parameters
    assert outcome.leaderboard["Algorithm"].tolist() == ["Decision Tree Classifier, tuned"]
    assert outcome.leaderboard["ROC AUC"][0] > results[0].metrics["roc_auc"] + 0.02
    assert any(note.startswith("Tuning: ") for note in outcome.notes)
    kept = Tuning.model_validate_json(tuning.model_dump_json())
    again, tried = searched(kept)
    assert len(tried) == 1
    rows = churn(400, 1)
    assert (
        again.model.predict(rows).probabilities == outcome.model.predict(rows).probabilities
    ).all()
    assert again.leaderboard.drop(columns="Seconds").equals(
        outcome.leaderboard.drop(columns="Seconds")
    )


def test_without_being_asked_for_nothing_is_tuned():
    outcome, results = searched(tune_minutes=None)
    assert outcome.tuning is None
    assert len(results) == 1
