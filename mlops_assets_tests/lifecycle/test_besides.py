"""Production beside the version before it, and beside a candidate that may be better."""

import datetime as dt

import numpy as np
import pytest

from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.moves import roll_back
from mlops_assets.lifecycle.production_model import decide_on_candidate
from mlops_assets.predicted import Predicted
from mlops_assets_tests.lifecycle import made

FIRST = dt.date.fromisoformat(made.USUAL)
UNSURE = {"resamples": 200, "min_evaluation_rows": 200, "max_baseline_drop": None}


def name(day: int) -> str:
    return str(FIRST + dt.timedelta(days=day))


def life(days: int = 20, **changes) -> Life:
    """The second day and all later ones are at another place than the baseline."""
    one = made.life(**changes)
    for day in range(2, days):
        one.source.tables[name(day)] = made.table(300, 10 + day, shift=6)
    made.baseline(one)
    return one


def report(one: Life, day: int):
    return made.report(one, name(day))


def with_challenger(**changes) -> Life:
    """A candidate of the second day that is better, on fewer rows than are asked for."""
    one = life(gate=UNSURE | changes)
    report(one, 0)
    one.source.tables[name(1)] = made.table(140, 2, shift=6)
    report(one, 1)
    made.retrain(one, name(1))
    assert one.journal.decided(name(1)).decision == "inconclusive"
    return one


def test_a_challenger_is_scored_beside_production_until_it_is_credible():
    one = with_challenger()
    due = []
    for day in range(2, 8):
        found = report(one, day)
        due.append(found.promotion_due)
        if found.promotion_due:
            break
    assert due[:2] == [None, None]  # two days do not tell how much days vary
    assert due[-1] == name(1)
    decided = decide_on_candidate(one, name(1))
    assert decided.decision == "promoted"
    assert one.registry.in_use().number == 2
    assert len(decided.decided.evidence.challenge) == len(due)


def test_a_day_counts_once_however_often_its_report_is_made():
    one = with_challenger()
    report(one, 2)
    for _ in range(4):
        found = report(one, 3)
    assert found.challenging.days == (name(2), name(3))
    assert found.promotion_due is None


def test_no_challenge_where_none_is_wanted():
    one = with_challenger(challenge_periods=0)
    assert report(one, 2).challenging is None
    assert one.journal.reported(name(2)).beside == []


def test_a_challenger_that_was_deleted_is_none():
    one = with_challenger()
    one.registry.delete(one.registry.get(2))
    assert report(one, 2).challenging is None


def test_another_candidate_of_the_regime_takes_its_place():
    one = with_challenger()
    report(one, 2)
    made.retrain(one, name(2))
    assert report(one, 3).challenging.days == (name(3),)
    assert {record.other for record in one.journal.reported(name(3)).beside} == {3}


def promoted(**changes) -> Life:
    one = life(**changes)
    report(one, 0)
    report(one, 1)
    made.retrain(one, name(1))
    assert one.registry.in_use().number == 2
    return one


def test_a_good_promotion_passes_its_probation_and_is_not_looked_at_again():
    one = promoted(rollback={"periods": 4})
    for day in range(2, 8):
        found = report(one, day)
        assert found.rollback_due is None
    assert found.on_probation.days == tuple(map(name, range(2, 6)))
    assert found.on_probation.over
    assert one.journal.reported(name(7)).beside == []


def test_a_bad_promotion_is_taken_back_as_soon_as_the_days_agree():
    one = promoted()
    for day in range(2, 12):
        # Back where the baseline was, by other labels: the first model is the better one.
        one.source.tables[name(day)] = made.table(300, 30 + day)
    one.registry._models[2] = Contrary()
    due = [report(one, day).rollback_due for day in (2, 3, 4)]
    assert due[:2] == [None, None]
    assert due[2].startswith("version 1 is better than version 2 in production, +")
    assert due[2].endswith(f"({name(2)} to {name(4)})")
    assert roll_back(one, "test", 2).to == 1
    # What has turned out the worse one is not compared with again.
    assert report(one, 5).on_probation is None


def test_one_field_turns_going_back_off():
    one = promoted(rollback={"enabled": False})
    assert report(one, 2).on_probation is None


class Contrary:
    """Says the contrary of what is right."""

    features = ("x", "z")

    def predict(self, frame):
        return Predicted(np.where(frame["x"] > 0, "low", "high"))


@pytest.mark.parametrize("late", [3, 8])
def test_labels_that_come_late_count_among_the_first_days(late):
    one = promoted(rollback={"periods": 4})
    there = {day: one.source.tables[name(day)] for day in range(2, 9)}
    one.source.tables[name(late)] = there[late].assign(y=None)
    for day in range(2, 9):
        found = report(one, day)
    assert name(late) not in found.on_probation.days
    one.source.tables[name(late)] = there[late]
    found = report(one, late)
    assert (name(late) in found.on_probation.days) == (late == 3)
    assert len(found.on_probation.days) == 4
