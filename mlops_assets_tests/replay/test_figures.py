"""What policies come to, and what is said of it: from logs made by hand."""

import datetime as dt
import re

import pytest

from mlops_assets.metrics import get_metric
from mlops_assets.replay.advice import advice
from mlops_assets.replay.figures import compared, difference, weekly
from mlops_assets.replay.history import History
from mlops_assets.replay.living import Decided, Log
from mlops_assets_tests.examples import iris_spec

METRIC = get_metric("f1_macro", "classification")
RMSE = get_metric("rmse", "regression")
DAYS = tuple(str(dt.date(2026, 1, 1) + dt.timedelta(days=n)) for n in range(56))
SPEC = iris_spec()
HISTORY = History(DAYS, DAYS)


def log(level: float, trained: int = 0, decision: str = "promoted", **more) -> Log:
    """A score of ``level`` a day, with a little that differs between weeks, and decisions."""
    scores = {day: level + 0.001 * (place // 7 % 2) for place, day in enumerate(DAYS)}
    checks = ("credibly_better",) if decision == "inconclusive" else ()
    decisions = [Decided(day, decision, ("because",), checks) for day in DAYS[:trained]]
    return Log(scores=scores, retrainings=trained, decisions=decisions, **more)


def said(**logs: Log) -> str:
    """The advice on policies, whose names are given with underscores."""
    named = {name.replace("_", " "): one for name, one in logs.items()}
    return "\n".join(advice(SPEC, HISTORY, compared(named, METRIC)))


def four(configured: Log, never: float = 0.6, weekly_: float = 0.7, monthly: float = 0.65):
    return {
        "as_configured": configured,
        "every_7": log(weekly_, 8),
        "every_28": log(monthly, 2),
        "never": log(never),
    }


def test_the_mean_of_a_week_begins_with_the_seventh_scored_day():
    found = weekly({day: float(place) for place, day in enumerate(DAYS[:8])})
    assert dict(found) == {DAYS[6]: 3.0, DAYS[7]: 4.0}


def test_the_worst_week_is_the_lowest_score_and_the_highest_error():
    scores = {day: 1.0 if place < 7 else 3.0 for place, day in enumerate(DAYS[:14])}
    (score,) = compared({"never": Log(scores=scores)}, METRIC)
    (error,) = compared({"never": Log(scores=scores)}, RMSE)
    assert (score.worst_week, error.worst_week) == (1.0, 3.0)
    assert score.mean == 2.0


def test_a_difference_is_positive_where_it_is_better_whatever_the_metric():
    assert difference(log(0.7), log(0.6), METRIC).mean == pytest.approx(0.1)
    assert difference(log(0.7), log(0.6), RMSE).mean == pytest.approx(-0.1)


def test_a_difference_is_clear_beside_its_variation_between_weeks():
    steady = difference(log(0.7), log(0.6), METRIC)
    assert (steady.clear, steady.weeks_better, steady.weeks) == (True, 8, 8)
    wavering = Log(scores={day: 0.9 if n // 7 % 2 else 0.32 for n, day in enumerate(DAYS)})
    assert not difference(wavering, log(0.6), METRIC).clear


def test_a_few_weeks_are_never_clear():
    short = Log(scores=dict.fromkeys(DAYS[:21], 0.9))
    assert difference(short, log(0.6), METRIC).error is None
    assert not difference(short, log(0.6), METRIC).clear


def test_shares_are_of_what_every_seven_has():
    lived = {
        one.name: one
        for one in compared(
            {name.replace("_", " "): one for name, one in four(log(0.68, 2)).items()}, METRIC
        )
    }
    assert lived["as configured"].gain_share == pytest.approx(0.8)
    assert lived["as configured"].training_share == pytest.approx(0.25)
    assert lived["every 7"].gain_share is None


def test_no_share_of_a_gain_that_is_none():
    lived = compared(
        {"as configured": log(0.68, 2), "every 7": log(0.6, 8), "never": log(0.6)}, METRIC
    )
    assert lived[0].gain_share is None


def test_a_policy_dominates_what_scores_no_better_with_no_fewer_trainings():
    names = {"a": log(0.7, 2), "b": log(0.7, 5), "c": log(0.8, 5), "d": log(0.7, 2)}
    lived = {one.name: one for one in compared(names, METRIC)}
    assert lived["a"].dominates == ("b",)
    assert lived["b"].dominated_by == ("a", "c", "d")
    assert lived["c"].dominated_by == ()
    assert lived["a"].dominated_by == ()  # d is its equal


def test_it_says_that_retraining_pays_and_by_how_much():
    text = said(**four(log(0.7, 3)))
    assert "Retraining pays here: `as configured` has a mean f1_macro of 0.700" in text
    assert "better in 8 of 8 weeks" in text
    assert "at least as good as `every 7` (8 times) with 3 times" in text


def test_it_says_where_retraining_does_not_pay():
    text = said(**four(log(0.6, 3), weekly_=0.6, monthly=0.6))
    assert "does not show that retraining pays" in text


def test_it_says_what_is_as_good_with_less():
    text = said(**four(log(0.65, 26), monthly=0.65))
    assert "retrained 26 times for a mean of 0.650" in text
    assert "`every 28` is no worse (0.650) and retrained twice" in text


def test_it_says_that_an_alarm_rings_always_and_what_makes_it():
    drifted = dict.fromkeys(DAYS, True)
    ringing = log(0.7, 3, drifted=drifted, regimes={day: day for day in DAYS})
    ringing.columns.update({"temp": 56, "dewp": 40})
    text = said(**four(ringing))
    assert "Drift was found on 56 of 56 days, in 56 regimes" in text
    assert "temp (56), dewp (40) days" in text
    assert "--set drift.drift_share=0.6" in text
    assert "Drift was found" not in said(**four(log(0.7, 3, drifted=dict.fromkeys(DAYS, False))))


def test_a_challenger_that_is_promoted_later_is_not_refused():
    waited = log(0.7, 4, "inconclusive")
    waited.decisions.append(Decided(DAYS[1], "promoted", ("since",)))
    (found,) = compared({"as configured": waited}, METRIC)
    assert (found.promotions, found.refusals) == (1, 3)
    assert "refused 3 of 4 candidates" in said(**four(waited))


def test_it_says_why_candidates_are_refused():
    text = said(**four(log(0.7, 4, "inconclusive")))
    assert "refused 4 of 4 candidates" in text
    assert "Most often (4 times): it was better, but not credibly" in text


def test_candidates_that_wait_for_a_person_are_told_of():
    text = said(**four(log(0.6, 4, "awaiting_approval")))
    assert "4 candidates of `as configured` passed the gate and wait for a person" in text
    assert "wait for a person" not in said(**four(log(0.6, 4)))


def test_a_variant_that_changes_nothing_is_told_so():
    text = said(
        **four(log(0.7, 3)), **{"drift.patience=2": log(0.7, 3), "drift.patience=3": log(0.6, 1)}
    )
    assert "`drift.patience=2` changes no decision" in text
    assert "`drift.patience=3`: clearly worse than `as configured`" in text


def test_days_that_were_left_out_are_counted():
    history = History(DAYS, DAYS[1:-1], {DAYS[-1]: "bees"})
    lived = compared(
        {"as configured": log(0.7, quarantined={DAYS[3]: "no x"}), "never": log(0.7)}, METRIC
    )
    text = "\n".join(advice(SPEC, history, lived))
    assert re.search("1 of 56 days had no batch", text)
    assert re.search("1 of 56 days could not be read", text)
    assert re.search("1 of 56 days broke the data contract", text)


def test_without_labels_it_says_that_nothing_could_be_scored():
    (only,) = advice(SPEC, HISTORY, compared({"as configured": Log(), "never": Log()}, METRIC))
    assert "No day has labels" in only
