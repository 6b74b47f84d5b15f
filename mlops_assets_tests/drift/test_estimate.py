"""What a score is likely to be without labels."""

from dataclasses import dataclass

import numpy as np
import pytest

from mlops_assets.drift.estimate import (
    Estimate,
    agreement,
    estimate_score,
    estimated_fall,
    expected_score,
    learn_reading,
)
from mlops_assets.drift.score import Scored
from mlops_assets.metrics import Metric, get_metric
from mlops_assets.predicted import Predicted
from mlops_assets.random_effects import Measured

ACCURACY = get_metric("accuracy", "classification")
F1 = get_metric("f1_macro", "classification")
NO_DAY = np.full(2000, -1)


@dataclass(frozen=True)
class Brier(Metric):
    """A metric that reads probabilities, of two classes."""

    def resampled(self, y_true, y_pred, indices):
        squares = (y_pred.probability("yes") - (np.asarray(y_true) == "yes")) ** 2
        return squares[indices].mean(axis=1)


BRIER = Brier("brier", "classification", False, "Brier", "rows", "probabilities", "yes")


def drawn(rows, seed, moved=0.0, confidence=1.0, classes=("no", "yes")):
    """Rows of true probabilities, of which the model says something more or less certain."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (rows, len(classes)))
    logits[:, 0] += moved

    def probabilities(sharpness):
        power = np.exp(sharpness * (logits - logits.max(axis=1, keepdims=True)))
        return power / power.sum(axis=1, keepdims=True)

    true, said = probabilities(1.0), probabilities(confidence)
    names = np.array(classes, dtype=object)
    truth = names[(rng.random((rows, 1)) > true.cumsum(axis=1)[:, :-1]).sum(axis=1)]
    return Scored(truth, Predicted(names[said.argmax(axis=1)], said, names))


@pytest.mark.parametrize("metric", [ACCURACY, F1, BRIER], ids=lambda metric: metric.name)
@pytest.mark.parametrize("confidence", [1.0, 3.0], ids=["calibrated", "too sure of itself"])
def test_the_band_holds_the_realised_score(metric, confidence):
    known = drawn(2000, 0, confidence=confidence)
    inside, missed = 0, []
    for seed in range(1, 21):
        day = drawn(300, seed, moved=0.5, confidence=confidence)
        found = estimate_score(day.y_pred, known, NO_DAY, [], metric, 0)
        score = metric.score(day.y_true, metric.looks_at(day.y_pred))
        inside += found.lower <= score <= found.upper
        missed.append(found.score - score)
    assert inside >= 17  # of 20 at 95 %: fewer in one of 600
    assert abs(np.mean(missed)) < 0.02


def test_more_than_two_classes_have_an_estimate():
    known = drawn(2000, 0, classes=("a", "b", "c"))
    day = drawn(1000, 1, classes=("a", "b", "c"))
    found = estimate_score(day.y_pred, known, NO_DAY, [], F1, 0)
    assert found.score == pytest.approx(F1.score(day.y_true, day.y_pred), abs=3 * found.error)
    assert found.error < 0.03


def right(truth, labels, probability):
    return np.mean(truth == labels)


def test_counts_and_rows_say_the_same():
    by_rows = get_metric(f"function({__name__}:right)", "classification", "yes")
    known, day = drawn(2000, 0), drawn(400, 1)
    one, other = (
        estimate_score(day.y_pred, known, NO_DAY, [], metric, 0) for metric in (ACCURACY, by_rows)
    )
    assert one.score == pytest.approx(other.score, abs=0.005)
    assert one.error == pytest.approx(other.error, rel=0.2)


def test_the_order_of_the_rows_plays_no_part():
    known, day = drawn(2000, 0), drawn(300, 1)
    mixed = np.random.default_rng(2).permutation(300)
    for metric in (F1, BRIER):
        one = estimate_score(day.y_pred, known, NO_DAY, [], metric, 0)
        assert one == estimate_score(day.y_pred[mixed], known, NO_DAY, [], metric, 0)


def test_a_few_rows_without_an_error_leave_a_model_that_may_err():
    known = drawn(2000, 0, confidence=1.0)
    right = np.flatnonzero(known.y_true == known.y_pred.labels)[:30]
    reading = learn_reading(Scored(known.y_true[right], known.y_pred[right]))
    found = expected_score(known.y_pred, reading, ACCURACY, 0)
    assert found.score < 0.99
    assert found.error > 0.005


def test_probabilities_of_nothing_but_0_and_1_are_read_by_how_often_they_are_right():
    known, day = drawn(2000, 0, confidence=100), drawn(2000, 1, confidence=100)
    found = estimate_score(day.y_pred, known, NO_DAY, [], ACCURACY, 0)
    assert found.score == pytest.approx(ACCURACY.score(day.y_true, day.y_pred), abs=0.03)


def test_how_days_differ_is_in_the_band():
    days = [drawn(200, seed, moved=0.0) for seed in range(10)]
    # On every other day nearly all labels are turned: the same rows, read otherwise.
    truths = [
        np.where(day.y_true == "yes", "no", "yes") if place % 2 else day.y_true
        for place, day in enumerate(days)
    ]
    known = Scored(np.concatenate(truths), Predicted.joined([day.y_pred for day in days]))
    periods = np.repeat(np.arange(10), 200)
    batch = drawn(200, 11).y_pred
    by_days = estimate_score(batch, known, periods, [], ACCURACY, 0)
    by_rows = estimate_score(batch, known, np.full(2000, -1), [], ACCURACY, 0)
    assert (by_days.days, by_rows.days) == (10, 0)
    assert by_days.upper - by_days.lower > 5 * (by_rows.upper - by_rows.lower)
    assert by_days.upper <= 1


def test_how_far_off_it_was_on_later_days_moves_the_estimate():
    known, batch = drawn(2000, 0), drawn(300, 1).y_pred
    later = [Measured(-0.2 + miss, 300) for miss in (-0.05, 0.05, -0.06, 0.06, 0.0)]
    found = estimate_score(batch, known, NO_DAY, later, ACCURACY, 0)
    assert found.score == pytest.approx(found.expected - 0.2, abs=0.03)
    alike = [Measured(miss, 300) for miss in (0.001, -0.001, 0.0)]
    same = estimate_score(batch, known, NO_DAY, alike, ACCURACY, 0)
    assert same.score == pytest.approx(same.expected, abs=0.002)


def test_there_is_none_without_probabilities_rows_or_labels_enough():
    known, day = drawn(2000, 0), drawn(300, 1)
    labels = Scored(known.y_true, Predicted(known.y_pred.labels))
    assert estimate_score(Predicted(day.y_pred.labels), labels, NO_DAY, [], F1, 0) is None
    assert estimate_score(day.y_pred[:0], known, NO_DAY, [], F1, 0) is None
    few = Scored(known.y_true[:5], known.y_pred[:5])
    assert estimate_score(day.y_pred, few, NO_DAY[:5], [], F1, 0) is None


def test_a_score_that_is_expected_far_below_is_a_credible_fall_and_a_near_one_is_not():
    found = Estimate(0.70, 0.66, 0.74, 0.02, 0.70, 300, 0)
    assert estimated_fall(found, 0.80, ACCURACY, 0.999) > 0
    assert estimated_fall(found, 0.74, ACCURACY, 0.999) < 0
    assert estimated_fall(found, 0.80, BRIER, 0.999) < 0  # an error that is smaller now


def test_estimates_are_held_against_the_scores_that_came():
    found = agreement([(0.8, 0.7, 0.9, 0.75), (0.8, 0.7, 0.9, 0.65)])
    assert (found.days, found.covered) == (2, 0.5)
    assert found.error == pytest.approx(0.1)
    assert agreement([]) is None
