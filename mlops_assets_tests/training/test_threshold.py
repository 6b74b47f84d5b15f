"""The threshold of a binary target: chosen where it helps on rows that had no part in it."""

import numpy as np
import pytest

from mlops_assets.metrics import get_metric
from mlops_assets.predicted import Predicted
from mlops_assets.training.threshold import (
    Threshold,
    choose_threshold,
    credibly_above_zero,
    scores_by_threshold,
)

F1 = get_metric("f1_macro", "classification")
CLASSES = np.array(["no", "yes"])


def said(probability):
    labels = np.where(probability >= 0.5, "yes", "no")
    return Predicted(labels, np.column_stack([1 - probability, probability]), CLASSES)


def world(base, rows=2000, seed=0):
    """Labels, probabilities that are right, folds."""
    rng = np.random.default_rng(seed)
    probability = 1 / (1 + np.exp(-(base + 1.3 * rng.normal(size=rows))))
    truth = np.where(rng.random(rows) < probability, "yes", "no")
    return truth, said(probability), np.arange(rows) % 10


def test_for_a_rare_class_it_is_lower_and_better_on_other_rows():
    threshold, told = choose_threshold(*world(-3.2), F1, "yes")
    assert threshold.positive == "yes"
    assert threshold.at < 0.4
    assert f"at a probability of {threshold.at:.3g}: f1_macro at 0.5 is" in told
    truth, predicted, _ = world(-3.2, 20_000, seed=1)
    gain = F1.score(truth, threshold.applied(predicted)) - F1.score(truth, predicted)
    assert gain > 0.05


def test_where_it_does_not_help_half_stays_and_that_is_said():
    threshold, told = choose_threshold(*world(0.0, 400), F1, "yes")
    assert threshold is None
    assert told.startswith("Labels are cut at a probability of 0.5: f1_macro at 0.5 is ")


def test_labels_follow_the_probability_of_the_positive_class_whichever_it_is():
    predicted = said(np.array([0.1, 0.3, 0.6, 0.9]))
    assert Threshold("yes", 0.3).applied(predicted).labels.tolist() == ["no", "yes", "yes", "yes"]
    assert Threshold("no", 0.3).applied(predicted).labels.tolist() == ["no", "no", "no", "yes"]
    labels = Predicted(np.array(["no", "yes"]))
    assert Threshold("yes", 0.3).applied(labels) is labels


def test_scores_are_those_of_the_labels_in_each_fold():
    truth, predicted, fold_of = world(-2.0, 300)
    tried, scores = scores_by_threshold(truth, predicted, fold_of, F1, "yes")
    place = int(np.flatnonzero(tried == 0.5)[0])
    assert scores.shape == (10, len(tried))
    held = fold_of == 3
    assert scores[3, place] == F1.score(truth[held], predicted[held])


@pytest.mark.parametrize(
    ("gains", "credible"),
    [([1, 1.1, 0.9, 1], True), ([1, -1, 1, -0.9], False), ([1, np.nan], False), ([2, 2], True)],
)
def test_a_gain_is_credible_where_it_is_there_in_every_fold(gains, credible):
    assert credibly_above_zero(np.array(gains)) == credible
