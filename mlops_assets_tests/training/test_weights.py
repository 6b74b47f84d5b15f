"""How much the rows of a regime count: what is tried, what is chosen, and what is fitted."""

import dataclasses
import math
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlops_assets.data.columns import Columns
from mlops_assets.metrics import get_metric
from mlops_assets.predicted import Predicted, Threshold
from mlops_assets.training.features import Model
from mlops_assets.training.folds import assign_folds
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.refit import refit, refit_weighted, with_floor
from mlops_assets.training.threshold import scores_by_threshold
from mlops_assets.training.weights import (
    ALONE,
    Roles,
    best_of,
    cross_validated,
    fit_weighted,
    told,
    weigh,
    weights_to_try,
    with_quiet_or_without,
)

COLUMNS = Columns(target="y")
F1 = get_metric("f1_macro", "classification")
OLD, NEW = 2000, 200


def roles_of(old=OLD, new=NEW, **changes):
    regime = np.arange(old + new) >= old
    made = Roles(regime, ~regime, np.ones(old + new), "f1_macro", None)
    return dataclasses.replace(made, **changes)


def contradicting(seed=0):
    """In the old rows the label follows one column, in the new ones another."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(OLD + NEW, 2)), columns=["a", "b"])
    table["b"] += np.where(np.arange(OLD + NEW) >= OLD, 1.5, 0.0)
    rule = np.where(np.arange(OLD + NEW) < OLD, table["a"], table["b"] - 1.5)
    return table.assign(y=np.where(rule > 0, "up", "down"))


def pipeline(estimator):
    return Pipeline([("estimator", estimator)])


def to_try(old, rows, new=None, task="classification", takes_weights=True, **policy):
    target = pd.Series([*(["a", "b"] * old)[:old], *(new or ["a", "b"] * (rows // 2 + 1))[:rows]])
    return weights_to_try(
        roles_of(old, rows), target, task, TrainingPolicy(**policy), takes_weights=takes_weights
    )


def tried(roles, weights):
    frame = contradicting()
    fold_of, _ = assign_folds(frame, COLUMNS, "classification", 3, 0, roles)
    made = pipeline(DecisionTreeClassifier(max_depth=4, random_state=0))
    out_of_fold = partial(cross_validated, made, frame[["a", "b"]], frame["y"], fold_of)
    return weigh(out_of_fold, frame["y"], roles, weights, F1)


def test_what_is_tried_lies_between_all_alike_and_the_new_rows_alone():
    assert to_try(1600, 100) == [1, 4, 16, 48, ALONE]
    assert to_try(1600, 100, takes_weights=False) == [1, 4, 16, ALONE]


def test_where_the_new_rows_are_about_as_many_nothing_is_tried():
    assert to_try(150, 100) == [1]


def test_where_the_new_rows_are_few_nothing_is_tried():
    assert to_try(1600, 29) == [1]


def test_where_the_regime_lacks_a_class_older_rows_are_needed():
    assert to_try(1600, 100, new=["a"] * 100) == [1, 4, 16, 48]
    assert to_try(1600, 100, new=["a"] * 97 + ["b"] * 3) == [1, 4, 16, 48]
    assert ALONE in to_try(1600, 100, new=range(100), task="regression")


def test_a_weight_that_is_asked_for_is_the_only_one():
    assert to_try(1600, 100, regime_weight=3) == [3]
    assert to_try(1600, 100, takes_weights=False, regime_weight=3) == [3]


def test_weights_are_one_on_average_and_older_rows_can_count_for_nothing():
    roles = roles_of(90, 10)
    halves = roles.weights(9.0)
    assert halves.mean() == pytest.approx(1)
    assert halves[:90].sum() == pytest.approx(halves[90:].sum())
    assert list(np.unique(roles.weights(ALONE))) == [0, 1]


def test_the_ratio_counts_what_age_leaves_of_a_row():
    importance = np.r_[np.full(OLD, 0.5), np.ones(NEW)]
    assert roles_of(importance=importance).ratio == OLD / 2 / NEW


def test_rows_of_the_regime_are_scored_out_of_fold_and_gain_by_weight():
    alike, halves = tried(roles_of(), [1, OLD / NEW])
    assert halves.score > alike.score + 0.05
    truth = contradicting()["y"].to_numpy()
    assert halves.score == F1.score(truth[OLD:], halves.predicted[OLD:])
    assert halves.baseline == F1.score(truth[:OLD], halves.predicted[:OLD])


def test_a_weight_that_loses_the_baseline_is_not_chosen():
    weights = [1, OLD / NEW, ALONE]
    free = tried(roles_of(), weights)
    assert best_of(free, F1).weight == ALONE
    bound = roles_of(floor=0.8)
    held = tried(bound, weights)
    assert [one.keeps_baseline for one in held] == [True, held[1].baseline >= 0.8, False]
    chosen = best_of(held, F1)
    assert chosen.weight < ALONE
    said = told(held, chosen, bound, F1)
    assert "(200 of 2200)" in said
    assert "older ones nothing, " in said
    assert "(loses baseline)" in said
    assert "0.8000 asked for" in said


def test_where_none_keeps_it_none_is_chosen():
    assert best_of(tried(roles_of(floor=1.1), [1, 10]), F1) is None


def test_of_equal_ones_the_least_weight_is_chosen():
    one, other = tried(roles_of(), [1, 1])
    assert best_of([one, dataclasses.replace(other, weight=2)], F1) is one


def test_an_error_is_better_the_smaller_it_is():
    rmse = get_metric("rmse", "regression")
    first, second = tried(roles_of(), [1, 10])
    worse, better = (
        dataclasses.replace(one, score=score) for one, score in ((first, 2.0), (second, 1.0))
    )
    assert best_of([worse, better], rmse) is better


def test_a_fit_with_equal_weights_is_the_fit_without():
    frame = contradicting()
    fits = []
    for weights in (None, np.full(len(frame), 0.7)):
        made = pipeline(LogisticRegression())
        fit_weighted(made, frame[["a", "b"]], frame["y"], weights)
        fits.append(made.named_steps["estimator"].coef_)
    assert (fits[0] == fits[1]).all()


def test_where_an_estimator_takes_no_weights_rows_are_repeated_or_left_out():
    frame, roles = contradicting(), roles_of()
    made = pipeline(KNeighborsClassifier())
    fit_weighted(made, frame[["a", "b"]], frame["y"], roles.weights(5))
    assert made.named_steps["estimator"].n_samples_fit_ == OLD + 5 * NEW
    fit_weighted(made, frame[["a", "b"]], frame["y"], roles.weights(ALONE))
    assert made.named_steps["estimator"].n_samples_fit_ == NEW


def first_model():
    frame = contradicting()[:OLD]
    made = pipeline(DecisionTreeClassifier(max_depth=4, random_state=0))
    return Model(made.fit(frame[["a", "b"]], frame["y"]))


def test_the_floor_is_what_the_first_algorithm_would_have_on_unseen_rows_of_the_baseline():
    frame, policy = contradicting(), TrainingPolicy()
    asked = (first_model(), frame, COLUMNS, "classification", policy)
    found = with_floor(roles_of(max_drop=0.05), *asked)
    assert 0.9 < found.floor < 0.95
    again = roles_of(max_drop=0.05, floor=0.3)
    assert with_floor(again, *asked) is again
    assert with_floor(roles_of(), *asked).floor is None


def test_for_an_error_the_floor_is_a_share_above_it():
    y = np.random.default_rng(0).normal(size=OLD + NEW)
    frame, policy = contradicting().assign(y=y), TrainingPolicy()
    made = pipeline(DecisionTreeRegressor(max_depth=1))
    model = Model(made.fit(frame[["a", "b"]], frame["y"]))
    floors = []
    for drop in (0.0, 0.5):
        roles = roles_of(metric="rmse", max_drop=drop)
        floors.append(with_floor(roles, model, frame, COLUMNS, "regression", policy).floor)
    assert floors[1] == pytest.approx(1.5 * floors[0])


def test_a_refit_takes_the_weight_that_does_best_on_the_regime():
    frame, policy, model = contradicting(), TrainingPolicy(), first_model()
    asked = (model, frame, COLUMNS, "classification")
    weighted, weight = refit_weighted(*asked, policy, roles_of())
    assert weight > 1
    unseen = contradicting(1)
    scores = [
        F1.score(unseen["y"][OLD:], one.predict(unseen[OLD:]))
        for one in (refit(*asked, policy), weighted)
    ]
    assert scores[1] > scores[0] + 0.05
    _, alike = refit_weighted(*asked, policy, roles_of(floor=1.1))
    assert alike == 1


def test_each_fold_holds_its_share_of_the_regime():
    for task, y in (("classification", ["a", "b"] * 60), ("regression", range(120))):
        frame = pd.DataFrame({"y": y})
        fold_of, _ = assign_folds(frame, COLUMNS, task, 5, 0, roles_of(90, 30))
        assert list(np.bincount(fold_of[90:])) == [6] * 5


def test_roles_that_lead_to_another_search_have_another_digest():
    made = roles_of()
    others = [
        roles_of(max_drop=0.1),
        roles_of(metric="accuracy"),
        roles_of(OLD + 1, NEW - 1),
        roles_of(importance=np.full(OLD + NEW, 0.5)),
    ]
    assert len({one.digest() for one in (made, *others)}) == 5
    assert roles_of().digest() == made.digest()
    assert math.isinf(ALONE)


def test_a_period_of_the_regime_is_in_one_fold():
    frame = contradicting().assign(y="up")
    period = np.r_[np.full(OLD, -1), np.arange(NEW) % 7]
    fold_of, _ = assign_folds(frame, COLUMNS, "classification", 5, 0, roles_of(period=period))
    assert {len(np.unique(fold_of[period == each])) for each in range(7)} == {1}
    assert set(fold_of[OLD:]) == set(fold_of[:OLD]) == set(range(5))


def test_new_rows_count_less_where_each_of_their_days_says_something_else():
    """What one day has of its own is no help on the days to come."""
    rng = np.random.default_rng(0)
    day = np.arange(NEW) % 4
    table = pd.DataFrame(rng.normal(size=(OLD + NEW, 2)), columns=["a", "b"])
    table.loc[OLD:, "b"] = day + 0.01 * rng.normal(size=NEW)  # the days can be told apart
    right = table["a"].to_numpy() > 0
    contrary = np.r_[np.zeros(OLD, bool), day % 2 == 1]
    table["y"] = np.where(right != contrary, "up", "down")

    def chosen(period):
        roles = roles_of(period=period)
        fold_of, _ = assign_folds(table, COLUMNS, "classification", 4, 0, roles)
        tree = pipeline(DecisionTreeClassifier(max_depth=6, random_state=0))
        weights = [1.0, 3.0, 10.0, ALONE]
        out_of_fold = partial(cross_validated, tree, table[["a", "b"]], table["y"], fold_of)
        return best_of(weigh(out_of_fold, table["y"], roles, weights, F1), F1)

    by_rows, by_days = chosen(None), chosen(np.r_[np.full(OLD, -1), day])
    assert by_rows.score > 0.95
    assert by_days.score < 0.7


@pytest.mark.parametrize(("of_regime", "kept"), [(True, True), (False, False)])
def test_quiet_days_are_learned_from_where_they_help_on_the_regime(of_regime, kept):
    table = contradicting()
    quiet = np.zeros(OLD + NEW, bool)
    quiet[OLD // 2 : OLD] = True
    if of_regime:  # as if the regime had begun before anybody saw it
        new = contradicting(1).iloc[OLD:]
        table.loc[quiet] = new.sample(OLD // 2, replace=True, random_state=0).to_numpy()
        table[["a", "b"]] = table[["a", "b"]].astype(float)
    roles = roles_of(quiet=quiet)
    fold_of, _ = assign_folds(table, COLUMNS, "classification", 5, 0, roles)
    linear = pipeline(LogisticRegression())
    out_of_fold = partial(cross_validated, linear, table[["a", "b"]], table["y"], fold_of)
    found, said = with_quiet_or_without(out_of_fold, table["y"], roles, F1)
    assert (found is roles) == kept
    assert f"The 1000 rows of quiet days are {'learned from' if kept else 'left out'}" in said
    assert (found.weights(1.0)[quiet] > 0).all() == kept
    assert roles_of().without_quiet().weights(1.0).all()


def test_without_quiet_days_nothing_is_said_of_them():
    nothing_fitted = partial(pytest.fail, "fitted")
    found, said = with_quiet_or_without(nothing_fitted, pd.Series(), roles_of(), F1)
    assert said is None
    assert found.quiet is None


def test_a_refit_cuts_labels_anew():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=OLD + NEW), "b": 0.0})
    # Rare in the old rows, every other one of the new ones.
    at = np.where(np.arange(OLD + NEW) < OLD, 2.0, 0.0)
    yes = frame["a"] + rng.normal(size=OLD + NEW) > at
    frame = frame.assign(y=np.where(yes, "yes", "no"))
    made = pipeline(LogisticRegression()).fit(frame[["a", "b"]][:OLD], frame["y"][:OLD])
    first = Model(made, Threshold("yes", 0.05))
    asked = (first, frame, COLUMNS, "classification")
    again, _ = refit_weighted(*asked, TrainingPolicy(metric="f1_macro"), roles_of())
    assert again.threshold is None or again.threshold.at > 0.2
    kept, _ = refit_weighted(*asked, TrainingPolicy(threshold=0.05), roles_of())
    assert kept.threshold == first.threshold


def test_labels_are_cut_by_the_regime_as_much_as_it_weighs():
    roles = roles_of()
    (new, share), (old, rest) = roles.groups(roles.ratio)
    assert (new == roles.regime).all()
    assert (old == roles.baseline).all()
    assert (share, rest) == pytest.approx((0.5, 0.5))
    [(alone, all_of_it)] = roles.groups(ALONE)
    assert (alone == roles.regime).all()
    assert all_of_it == 1
    assert len(roles_of(2000, 20).groups(4)) == 1


def test_a_threshold_serves_each_group_as_much_as_it_counts():
    rng = np.random.default_rng(0)
    new = np.arange(2000) >= 1000
    probability = rng.random(2000)
    # The odds are halved in the new rows: there, labels are best cut higher.
    yes = rng.random(2000) < np.where(new, probability**3, probability)
    truth = np.where(yes, "yes", "no")
    predicted = Predicted(truth, np.c_[1 - probability, probability], np.array(["no", "yes"]))
    at = []
    for share in (0.1, 0.9):
        groups = [(new, share), (~new, 1 - share)]
        asked = (truth, predicted, np.arange(2000) % 5, F1, "yes")
        tried, scores = scores_by_threshold(*asked, groups=groups)
        at.append(tried[scores.mean(axis=0).argmax()])
    assert at[0] + 0.1 < at[1]
