"""When it is time to retrain, and what holds it back."""

import pytest
from pydantic import ValidationError

from mlops_assets.drift.policy import DriftPolicy, RetrainPolicy
from mlops_assets.drift.regimes import DecisionRecord
from mlops_assets.drift.retraining import (
    decided_already,
    drifted_in_a_row,
    hold_back,
    known_already,
    why_not_retrained,
)
from mlops_assets_tests.drift.made import regime, report

POLICY = DriftPolicy()
DAY = "2026-01-10"


def test_a_decision_on_a_batch_stands_until_its_labels_have_grown_threefold():
    decided = DecisionRecord(partition=DAY, decision="rejected", regime=DAY, regime_rows=130)
    assert decided_already(None, 300, POLICY) is None
    said = decided_already(decided, 389, POLICY)
    assert said is not None
    assert (
        "with 130 labelled rows (rejected), and there are 389 now; retraining again from 390"
        in said
    )
    assert decided_already(decided, 390, POLICY) is None


def test_a_decision_for_want_of_rows_stands_until_there_are_more():
    decided = DecisionRecord(
        partition=DAY, decision="inconclusive", regime=DAY, regime_rows=130, enough_rows=False
    )
    assert "retraining again from 131" in str(decided_already(decided, 130, POLICY))
    assert decided_already(decided, 131, POLICY) is None


def test_a_held_day_is_not_counted_among_drifted_batches():
    reports = [report(day, drifted=True) for day in (2, 3, 4)]
    reports[1] = reports[1].model_copy(update={"state": "suspected fault"})
    assert drifted_in_a_row(reports, "2026-01-05") == 2


def test_what_was_asked_for_is_known_already_when_another_run_has_decided():
    asked = report(10, drifted=True).model_copy(update={"regime": DAY, "retrain": True})
    assert known_already(asked, [], POLICY) is None
    assert known_already(asked, [regime(2, decided=300)], POLICY) is None
    second = asked.model_copy(update={"regime": "2026-01-02"})
    assert known_already(second, [regime(2)], POLICY) is None
    reason = known_already(second, [regime(2, decided=300)], POLICY)
    assert reason is not None
    assert "600 labelled rows, decided at 300 (promoted); retraining again from 900" in reason
    assert known_already(second, [regime(2, rows=600, decided=300)], POLICY) is None


def test_drifted_batches_in_a_row_are_counted_backwards():
    reports = [report(day, drifted=day != 3) for day in (5, 2, 4, 3, 6)]
    assert drifted_in_a_row(reports, "2026-01-06") == 2
    assert drifted_in_a_row(reports, "2026-01-04") == 0
    assert drifted_in_a_row([], "2026-01-04") == 0


def test_patience_and_cooldown_hold_back_and_say_so():
    assert hold_back(DAY, 1, "2026-01-09", POLICY) is None
    patient = DriftPolicy(patience=3)
    assert hold_back(DAY, 2, None, patient) == (
        "held back: 2 drifted batches in a row, and patience asks for 3"
    )
    assert hold_back(DAY, 3, None, patient) is None
    cool = DriftPolicy(cooldown_days=4)
    assert hold_back(DAY, 1, "2026-01-07", cool) == (
        "held back: retrained for 2026-01-07, 3 days before, and cooldown_days asks for 4"
    )
    assert hold_back(DAY, 1, "2026-01-06", cool) is None
    assert hold_back(DAY, 1, "2026-01-12", cool) is None  # a later day's retraining
    assert hold_back(DAY, 1, None, cool) is None


def test_a_storm_of_retrainings_is_held_back_and_said():
    def why(*retrained: str, guard: str | None = "2 per 7 days") -> str | None:
        return why_not_retrained(
            DAY, True, ["drift"], None, 1, retrained, POLICY, RetrainPolicy(max=guard)
        )

    assert why("2026-01-04", "2026-01-09") == (
        "2026-01-10: held back: retrained for 2026-01-04, 2026-01-09, and retrain.max allows 2 per "
        "7 days; it is asked for again by the next report that has a reason to"
    )
    assert why("2026-01-03", "2026-01-09") is None
    assert why("2026-01-09", "2026-01-09") is None  # one day, asked for twice
    assert why("2026-01-11", "2026-01-12") is None  # later days
    assert why("2026-01-08", "2026-01-09", guard=None) is None


@pytest.mark.parametrize(("every", "days"), [("28 days", 28), (28, 28), ("1 day", 1), (None, None)])
def test_every_so_many_days(every, days):
    assert RetrainPolicy(every=every).every_days == days


@pytest.mark.parametrize("wrong", [{"every": "monthly"}, {"every": 0}, {"max": "2"}])
def test_a_schedule_that_cannot_be_read_is_refused(wrong):
    with pytest.raises(ValidationError):
        RetrainPolicy(**wrong)
