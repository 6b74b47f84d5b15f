"""What a report says of production's score while there are no labels, and once they have come."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from mlops_assets.drift.verdict import Verdict
from mlops_assets.lifecycle.day import Day
from mlops_assets.lifecycle.journal import Reported
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.performance import performance_of
from mlops_assets.lifecycle.rows import baseline_parts
from mlops_assets.predicted import Predicted
from mlops_assets_tests.lifecycle import made

DAYS = [f"2026-01-{day:02}" for day in range(1, 9)]


@dataclass(frozen=True)
class Probable:
    """A model that knows probabilities."""

    fitted: LogisticRegression
    features = ("x", "z")

    def predict(self, frame: pd.DataFrame) -> Predicted:
        rows = frame[["x", "z"]]
        classes = np.asarray(self.fitted.classes_)
        return Predicted(self.fitted.predict(rows), self.fitted.predict_proba(rows), classes)


def table(rows: int, seed: int, narrow: float = 1.0) -> pd.DataFrame:
    """Two classes that a number tells apart, the less surely the narrower it is."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 2 * narrow, rows).round(3)
    right = rng.random(rows) < 1 / (1 + np.exp(-2 * np.abs(x)))
    y = np.where((x > 0) == right, "high", "low")
    return pd.DataFrame({"x": x, "z": rng.normal(0, 1, rows).round(3), "y": y})


def unlabelled(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(y=pd.Series([None] * len(rows), dtype=object))


def life(**drift) -> Life:
    one = made.life(drift={"resamples": 200} | drift)
    one.source.tables["baseline"] = table(2000, 0)
    made.take_baseline(one)
    learned = baseline_parts(one).learn
    fitted = LogisticRegression().fit(learned[["x", "z"]], learned["y"])
    one.registry.promote(one.registry.register(Probable(fitted)), expected_production=None)
    return one


def report(one: Life, rows: pd.DataFrame, day: str = DAYS[0]) -> Verdict:
    one.source.tables[day] = rows
    return made.report(one, day).verdict


def estimates(verdict: Verdict) -> list[str]:
    return [reason for reason in verdict.reasons if "estimated" in reason]


def test_without_labels_the_report_says_what_score_is_to_be_expected():
    one = life()
    verdict = report(one, unlabelled(table(300, 1)))
    (said,) = estimates(verdict)
    assert "not credibly below" in said
    assert (verdict.state, verdict.retrain) == ("stable", False)
    kept = one.journal.reported(DAYS[0])
    assert kept.report.score is None
    assert kept.estimated.lower < kept.estimated.score < kept.estimated.upper


def test_with_labels_the_score_itself_is_said_and_both_are_kept():
    one = life()
    assert not estimates(report(one, table(300, 1)))
    kept = one.journal.reported(DAYS[0])
    assert kept.estimated.score == pytest.approx(kept.report.score, abs=0.06)
    assert one.journal.estimates().days == 1


def test_the_estimate_does_not_look_at_the_labels_of_its_day():
    one, rows = life(), table(300, 1)
    report(one, unlabelled(rows))
    without = one.journal.reported(DAYS[0]).estimated
    report(one, rows)
    assert one.journal.reported(DAYS[0]).estimated == without


def test_a_score_that_is_expected_far_below_warns_and_is_no_drift():
    one = life(numerical_threshold=5.0)
    verdict = report(one, unlabelled(table(300, 1, narrow=0.3)))
    (said,) = estimates(verdict)
    assert ", credibly below" in said
    assert "get labels" in said
    assert not verdict.drift_detected


def test_it_is_drift_where_the_yaml_says_so_and_waits_for_labels():
    one = life(numerical_threshold=5.0, estimated_score="retrain")
    verdict = report(one, unlabelled(table(300, 1, narrow=0.3)))
    assert verdict.drift_detected
    assert not verdict.retrain
    assert any("materialize" in reason for reason in verdict.reasons)
    assert report(one, table(300, 1, narrow=0.3)).retrain  # by the score itself


def test_nothing_is_estimated_where_it_is_off_or_there_are_no_probabilities():
    for one in (life(estimated_score="off"), made.life()):
        if one.registry.version("production") is None:
            made.baseline(one)
        assert not estimates(report(one, unlabelled(made.table(300, 1))))
        assert one.journal.reported(DAYS[0]).estimated is None
        assert one.journal.estimates() is None


def test_how_far_off_it_was_on_days_whose_labels_have_come_is_known():
    one = life()
    for seed, day in enumerate(DAYS[:3]):
        report(one, table(300, seed + 1), day)
    assert "how days differ is not known" not in estimates(
        report(one, unlabelled(table(300, 9)), DAYS[3])
    )
    assert one.journal.reported(DAYS[3]).estimated.days == 3


def test_a_report_of_before_there_were_estimates_loads():
    one = life()
    report(one, table(300, 1))
    kept = one.journal.reported(DAYS[0]).model_dump(mode="json")
    del kept["estimated"]
    assert Reported.model_validate(kept).estimated is None


def test_the_page_shows_each_day_with_its_estimate_and_the_score_that_came():
    one = life(estimated_score="warn")
    report(one, table(300, 1), DAYS[0])
    report(one, unlabelled(table(300, 2)), DAYS[1])
    report(one, table(300, 3), DAYS[2])
    shown = performance_of(Day(one, DAYS[1]))
    assert [day.partition for day in shown.days] == DAYS[:2]  # later ones play no part
    first, second = shown.days
    kept = one.journal.reported(DAYS[0])
    assert (first.score, first.production) == (kept.report.score, "1")
    assert first.estimate == (kept.estimated.score, kept.estimated.lower, kept.estimated.upper)
    assert second.score is None
    assert second.estimate is not None
    assert (shown.score, shown.rows, shown.named) == (None, 0, False)


def test_a_score_of_too_few_labels_is_not_shown_as_the_days():
    one, rows = life(), table(300, 1)
    report(one, rows.assign(y=rows["y"].where(rows.index < 5)))
    (only,) = performance_of(Day(one, DAYS[0])).days
    assert only.score is None


@dataclass(frozen=True)
class Numbers:
    """A model that predicts numbers."""

    fitted: LinearRegression
    features = ("x", "z")

    def predict(self, frame: pd.DataFrame) -> Predicted:
        return Predicted(self.fitted.predict(frame[["x", "z"]]))


def numbers(rows: int, seed: int, hard: float = 0.0) -> pd.DataFrame:
    """A number that another one tells, the less surely the larger a third one is."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(0, 2, rows).round(3), rng.normal(hard, 1, rows).round(3)
    return pd.DataFrame({"x": x, "z": z, "y": 3 * x + rng.normal(0, np.exp(z), rows)})


def life_of_numbers(**changes) -> Life:
    one = made.life(task="regression", **changes)
    one.source.tables["baseline"] = numbers(2000, 0)
    made.take_baseline(one)
    learned = baseline_parts(one).learn
    fitted = LinearRegression().fit(learned[["x", "z"]], learned["y"])
    one.registry.promote(one.registry.register(Numbers(fitted)), expected_production=None)
    return one


def test_the_error_of_numbers_is_estimated_and_is_kept_beside_the_one_that_came():
    one = life_of_numbers()
    (said,) = estimates(report(one, unlabelled(numbers(300, 1))))
    assert "by its errors so far" in said
    assert "not credibly below" in said
    without = one.journal.reported(DAYS[0]).estimated
    report(one, numbers(300, 1))
    kept = one.journal.reported(DAYS[0])
    assert kept.estimated == without  # it does not look at the labels of its day
    assert kept.estimated.lower <= kept.report.score <= kept.estimated.upper


def test_numbers_that_are_harder_to_tell_warn_without_labels():
    one = life_of_numbers(drift={"resamples": 200, "numerical_threshold": 9.0})
    verdict = report(one, unlabelled(numbers(300, 1, hard=1.5)))
    (said,) = estimates(verdict)
    assert ", credibly below" in said
    assert not verdict.drift_detected


def test_rows_beyond_all_that_have_had_labels_are_said():
    one = life_of_numbers(drift={"resamples": 200, "numerical_threshold": 9.0})
    (said,) = estimates(report(one, unlabelled(numbers(300, 1, hard=9.0))))
    assert "100 % of the rows have values beyond all with labels" in said
    (usual,) = estimates(report(one, unlabelled(numbers(300, 1))))
    assert "beyond" not in usual


def test_the_errors_of_days_whose_labels_have_come_are_learned_from():
    one = life_of_numbers()
    for seed, day in enumerate(DAYS[:3]):
        report(one, numbers(300, seed + 1), day)
    report(one, unlabelled(numbers(300, 9)), DAYS[3])
    assert one.journal.reported(DAYS[3]).estimated.days == 3


def test_a_metric_that_errors_do_not_tell_is_not_estimated():
    one = life_of_numbers(metric="r2")
    assert not estimates(report(one, unlabelled(numbers(300, 1))))
    assert one.journal.reported(DAYS[0]).estimated is None
