"""Days that move as a whole: what a batch is held against, and what the loop makes of them."""

import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest

from mlops_assets.drift.regimes import quiet_days
from mlops_assets.errors import UserError
from mlops_assets.lifecycle.augmented_dataset import augment
from mlops_assets.lifecycle.baseline_data import take_baseline
from mlops_assets.lifecycle.journal import ALL
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.production_model import decide_on_candidate
from mlops_assets.lifecycle.reference import MOST_QUIET, Reference
from mlops_assets_tests.lifecycle import made

FIRST = dt.date(2026, 1, 29)
BASELINE_DAYS, ROWS = 28, 80
EFFECT = 0.4  # standard deviations that a whole day moves by


def name(day: int) -> str:
    return str(FIRST + dt.timedelta(days=day))


def rows(day: int, *, shift: float = 0.0, count: int = ROWS) -> pd.DataFrame:
    """A day's rows; both columns move with the day, and the label's border with a shift."""
    rng = np.random.default_rng(day + 1000)
    moved = shift + EFFECT * rng.normal()
    x, z = rng.normal(moved, 1, (2, count))
    at = pd.Timestamp(FIRST) + pd.Timedelta(days=day) + pd.to_timedelta(np.arange(count), unit="m")
    return pd.DataFrame({"at": at, "x": x, "z": z, "y": np.where(x > shift, "high", "low")})


def life(shifts: dict[int, float], days: int = 40, *, timed: bool = True, **changes) -> Life:
    """One whose days shift as told, and return after it; with a timestamp or without."""
    columns = {"target": "y"} | ({"timestamp": "at"} if timed else {"ignore": ["at"]})
    one = made.life(columns=columns, start_date=str(FIRST), **changes)
    baseline = pd.concat([rows(day - BASELINE_DAYS) for day in range(BASELINE_DAYS)])
    one.source.tables.clear()
    one.source.tables["baseline"] = baseline.reset_index(drop=True)
    for day in range(days):
        one.source.tables[name(day)] = rows(day, shift=shifts.get(day, 0.0))
    made.baseline(one)
    return one


def states(one: Life, days: range) -> list[str]:
    return [made.report(one, name(day)).verdict.state for day in days]


def reference(one: Life, day: int) -> Reference:
    baseline = one.store.read("small", "baseline_data", ALL)
    return Reference(one, name(day), baseline, one.journal.reports())


def test_days_that_are_like_those_of_the_baseline_lead_to_nothing():
    one = life({})
    found = [made.report(one, name(day)).verdict for day in range(20)]
    assert not any(verdict.drift_detected or verdict.retrain for verdict in found)
    assert sum(verdict.state == "unusual day" for verdict in found) <= 1


def test_by_rows_some_of_these_days_would_be_new_regimes():
    one = life({}, timed=False)
    found = [made.report(one, name(day)).verdict for day in range(6)]
    assert sum(verdict.retrain for verdict in found) >= 2


def test_a_storm_of_one_day_is_said_and_not_retrained_on():
    one = life({5: 4.0})
    assert states(one, range(7))[5:] == ["unusual day", "stable"]
    assert name(5) not in quiet_days(one.journal.reports(), name(7))


def test_a_shift_is_found_on_its_second_day_learned_and_green_from_then_on():
    one = life(dict.fromkeys(range(5, 20), 4.0))
    assert states(one, range(6))[5] == "unusual day"
    found = made.report(one, name(6)).verdict
    assert (found.state, found.retrain, found.window) == ("shift, new", True, (name(5),))
    dataset = augment(one, name(6), judge_again=True).record
    assert dataset.regime_partitions == [name(5), name(6)]
    assert dataset.regime_rows == 2 * ROWS
    # The rule is as it was, and so is production's score: later days have to agree.
    first = made.retrain(one, name(6))
    assert first.decision == "inconclusive"
    assert first.decided.evidence.score_fallen is False
    due = [made.report(one, name(day)).promotion_due for day in (7, 8, 9)]
    assert due == [None, None, name(6)]
    assert decide_on_candidate(one, name(6)).decision == "promoted"
    later = [made.report(one, name(day)).verdict for day in (10, 11)]
    assert [(v.state, v.learned) for v in later] == [("shift, known", True)] * 2


def test_the_reference_grows_with_the_quiet_days_up_to_a_bound():
    """And not by the latest six, which a batch may be taken together with."""
    last = MOST_QUIET + 16
    one = life({}, days=last)
    assert reference(one, 0).name == "the baseline"
    states(one, range(last))
    assert reference(one, 6).quiet == ()
    assert reference(one, 7).quiet == (name(0),)
    assert reference(one, 7).name == "the baseline and the latest 1 quiet day"
    known = reference(one, last)
    assert len(known.quiet) == MOST_QUIET
    assert known.effects.periods == BASELINE_DAYS + MOST_QUIET
    assert known.quiet[-1] <= name(last - 7)


def test_where_the_baseline_has_no_days_they_are_learned_from_the_seventh_quiet_batch_on():
    by_rows = {"numerical_threshold": 5, "categorical_threshold": 5, "resamples": 200}
    one = life({}, timed=False, drift=by_rows)
    states(one, range(8))
    assert reference(one, 6).effects is None
    assert reference(one, 6).name == "the baseline"
    known = reference(one, 7)
    assert known.effects.periods == 7
    # Nobody knows the days of the baseline's rows: they count as days of the usual size.
    assert known.side.periods.count == pytest.approx(7 + BASELINE_DAYS)


def test_where_no_two_days_are_alike_that_is_what_days_are_like():
    few = {"resamples": 200, "min_evaluation_rows": 20}
    one = life({day: 2.0 * (day + 1) for day in range(9)}, timed=False, gate=few)
    found = [made.report(one, name(day)).verdict for day in range(9)]
    assert all(verdict.retrain for verdict in found[:7])
    assert reference(one, 7).effects.periods == 7
    assert not any(verdict.retrain for verdict in found[7:])
    assert any("was not judged: it is known on" in reason for reason in found[8].reasons)


def with_a_column_of_days(**changes) -> Life:
    one = life({}, timed=False)
    baseline = one.source.tables["baseline"]
    one.source.tables["baseline"] = baseline.assign(day=baseline["at"].dt.date.astype(str))
    source = {"kind": "csv", "url": "handed-in"} | changes
    spec = type(one.spec).model_validate(one.spec.model_dump() | {"baseline": source})
    return Life(spec, one.store, one.registry, clock=one.clock, source=one.source)


def test_a_column_of_the_baseline_may_tell_its_days():
    one = with_a_column_of_days(period="day")
    taken = take_baseline(one)
    assert "day" not in taken.table
    assert (taken.record.periods, taken.effects.periods) == (BASELINE_DAYS, BASELINE_DAYS)
    assert 0.02 < taken.effects.values["x"].share < 0.3
    assert reference(one, 0).effects.periods == BASELINE_DAYS
    assert made.report(one, name(0)).verdict.state in ("stable", "unusual day")


def days_by_place(read: pd.DataFrame) -> np.ndarray:
    """What a user may write: the rows come in order, so many a day."""
    assert "day" in read
    return np.arange(len(read)) // (len(read) // BASELINE_DAYS)


def too_few_days(read: pd.DataFrame) -> list[int]:
    return [0] * (len(read) - 1)


def of_a_column_that_is_not_there(read: pd.DataFrame) -> pd.Series:
    return read["personal"]


def test_a_function_may_tell_the_days_of_the_baseline():
    one = with_a_column_of_days(period=f"{__name__}:days_by_place")
    taken = take_baseline(one)
    assert taken.record.periods == BASELINE_DAYS
    by_column = take_baseline(with_a_column_of_days(period="day"))
    assert taken.effects.values["x"].share == by_column.effects.values["x"].share


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("too_few_days", "returned 2239 periods for the 2240 rows of the baseline. It gets the"),
        ("of_a_column_that_is_not_there", "failed on the 2240 rows of the baseline with KeyError"),
        ("nothing", "has no 'nothing'. Correct `baseline.period`"),
    ],
)
def test_a_function_that_tells_no_days_is_told_where_and_what_it_should_return(function, message):
    one = with_a_column_of_days(period=f"{__name__}:{function}")
    with pytest.raises(UserError, match=re.escape(message)):
        take_baseline(one)


def test_a_column_of_days_that_is_not_there_is_asked_for():
    one = with_a_column_of_days(period="daay")
    with pytest.raises(UserError, match="the baseline has no column 'daay', which "):
        take_baseline(one)


def with_days_nobody_named() -> Life:
    """One whose rows say their day and no time, and nobody has named the column."""
    tables = life({}).source.tables
    one = made.life(start_date=str(FIRST))
    one.source.tables.clear()
    for key, table in tables.items():
        one.source.tables[key] = table.assign(at=table["at"].dt.strftime("%Y-%m-%d"))
    made.baseline(one)
    return one


def test_a_column_of_days_tells_how_days_differ_though_nobody_named_it():
    one = with_days_nobody_named()
    assert one.journal.baseline().periods == BASELINE_DAYS
    assert "at" not in one.store.read("small", "baseline_data", ALL)
    found = [made.report(one, name(day)).verdict for day in range(8)]
    assert not any(verdict.retrain for verdict in found)


def test_the_score_is_judged_by_the_days_of_the_holdout_that_such_a_column_tells():
    one = with_days_nobody_named()
    for day in range(3):
        table = one.source.tables[name(day)]
        one.source.tables[name(day)] = table.assign(
            y=table["y"].map({"high": "low", "low": "high"})
        )
    verdicts = [made.report(one, name(day)).verdict for day in range(3)]
    assert not any("was not judged" in reason for v in verdicts for reason in v.reasons)
    assert verdicts[-1].drift_detected


def test_a_retraining_by_the_calendar_learns_the_quiet_days_since_the_last_one():
    one = life({}, retrain={"every": "4 days"}, gate={"resamples": 200, "min_evaluation_rows": 20})
    asked = {}
    for day in range(11):
        found = made.report(one, name(day)).verdict
        asked[day] = found.retrain
        if found.retrain:
            assert found.reasons[-1].endswith("retrain.every asks for one in 4: retrain")
            assert made.retrain(one, name(day)).decided
    assert [day for day, retrain in asked.items() if retrain] == [4, 8]
    quiet = [day for day in quiet_days(one.journal.reports(), name(8)) if day > name(4)]
    assert one.journal.augmented(name(8)).regime_partitions == [*quiet, name(8)]
    assert one.journal.decided(name(8)).record.regime == "baseline"
