"""What is said of a target before anything is trained."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.metrics import get_metric
from mlops_assets.training.doubts import doubts_of_target, noted, rare_classes, warned

FRAUDS = pd.Series(["fraud"] * 3 + ["fine"] * 2997, name="label")
HOLDOUT = np.arange(3000) % 3 == 0


def doubts(values, task="classification", metric=None, ranks=None, hidden=False, held=3):
    target = pd.Series(values)
    judges = get_metric(metric, task, target.iloc[0])
    ranks = get_metric(ranks or metric, task, target.iloc[0])
    holdout = np.arange(len(target)) % held == 0
    named = metric is not None
    return doubts_of_target(target, holdout, ranks, judges, named=named, hidden=hidden)


def churned(share: float, rows: int = 1000) -> list[str]:
    """Labels, of which every so many is a yes, spread over both parts."""
    yes = np.arange(rows) % round(1 / share) == 1
    return np.where(yes, "yes", "no").tolist()


def test_a_balanced_target_with_rows_enough_is_not_talked_about():
    assert doubts(churned(0.5)) == ()
    assert doubts(churned(0.25)) == ()
    assert doubts(["a", "b", "c"] * 50, held=4) == ()
    assert doubts(np.random.default_rng(0).normal(size=500), "regression") == ()


def test_an_imbalanced_target_is_a_warning_as_long_as_nobody_names_a_metric():
    (doubt,) = doubts(churned(0.1), ranks="average_precision")
    assert doubt.warns
    assert doubt.says.startswith(
        "The target is imbalanced: 900 of 1000 rows are of one class, 'no'. Who says that of "
        "every row is right in 90.0%, and finds none of the other 10.0%."
    )
    assert "ranked by average_precision, and the gate and the drift report judge by f1_macro" in (
        doubt.says
    )
    assert "`{expected_cost: {fp: 1, fn: 20}}`" in doubt.says


def test_it_is_a_note_once_a_metric_is_named():
    (doubt,) = doubts(churned(0.1), metric="roc_auc")
    assert not doubt.warns
    assert doubt.says.endswith("It is judged by roc_auc, as the YAML says.")


def test_accuracy_is_no_such_metric():
    (doubt,) = doubts(churned(0.1), metric="accuracy")
    assert doubt.warns
    assert "`accuracy` hardly sees these" in doubt.says


def test_several_classes_are_imbalanced_where_one_has_nearly_all_rows():
    (doubt,) = doubts(["a"] * 900 + ["b"] * 50 + ["c"] * 50)
    assert "900 of 1000 rows are of one class, 'a'" in doubt.says
    assert doubts(["a"] * 700 + ["b"] * 150 + ["c"] * 150) == ()


def test_no_class_of_a_sensitive_target_is_named():
    told = " ".join(noted(doubts(churned(0.02, rows=300), hidden=True)))
    assert "(hidden)" in told
    assert "yes" not in told.replace("for yes and", "")
    assert "'no'" not in told
    assert "7777" not in " ".join(
        noted(doubts([7777] * 900 + [1, 2] * 9, "regression", None, None, True))
    )


def test_three_frauds_of_three_thousand_are_said_plainly():
    [said] = rare_classes(FRAUDS, HOLDOUT, "classification")
    assert said.startswith("'fraud' has 3 of 3000 rows, 1 of them in the holdout")
    assert "a mean over the 2 classes moves by 0.50" in said


def test_nothing_is_said_of_classes_with_rows_enough_nor_of_numbers():
    assert rare_classes(pd.Series(["a", "b"] * 1500), HOLDOUT, "classification") == ()
    assert rare_classes(pd.Series(np.arange(3000.0)), HOLDOUT, "regression") == ()


def test_the_name_of_a_sensitive_class_is_not_told():
    [said] = rare_classes(FRAUDS, HOLDOUT, "classification", hidden=True)
    assert "fraud" not in said


def test_of_many_rare_classes_the_rarest_are_named_and_the_others_counted():
    many = pd.Series([f"shop {place // 10}" for place in range(3000)])
    told = rare_classes(many, HOLDOUT, "classification")
    assert len(told) == 4
    assert told[-1].startswith("297 more of the 300 classes have fewer than 10 rows")


def test_an_amount_that_is_learned_as_classes_is_told():
    amounts = np.random.default_rng(0).integers(100, 400, 1000)
    assert "If it is an amount or a count, set `task: regression`" in warned(doubts(amounts))[0]


def test_a_holdout_of_a_few_rows_is_told():
    (doubt,) = doubts(["a", "b"] * 40)
    assert doubt.warns
    assert doubt.says.startswith("The holdout has 27 of 80 rows")


def test_yes_and_no_that_are_learned_as_numbers_are_told():
    (doubt,) = doubts([0.0, 1.0, 1.0] * 100, "regression")
    assert "set `task: classification`" in doubt.says


def test_a_number_that_is_mostly_nothing_is_told():
    claims = np.where(np.arange(1000) % 20 == 1, np.arange(1000.0), 0.0)
    (doubt,) = doubts(claims, "regression")
    assert doubt.warns
    assert doubt.says.startswith("The target is 0 in 950 of 1000 rows")


@pytest.mark.parametrize(("metric", "told"), [(None, 1), ("mae", 0)])
def test_few_rows_that_make_the_score_are_noted_where_errors_are_squared(metric, told):
    prices = np.exp(1.5 * np.random.default_rng(0).normal(size=1000))
    found = doubts(prices, "regression", metric)
    assert len(found) == told
    assert warned(found) == []
    if told:
        assert found[0].says.startswith("10 of 1000 rows have ")
