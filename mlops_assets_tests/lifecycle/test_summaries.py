"""Of many regimes, only a few are compared with in full: those that kept summaries say are near."""

import copy
import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from mlops_assets.drift.nearest import MOST_COMPARED
from mlops_assets.drift.regimes import ReportRecord
from mlops_assets.lifecycle.comparing import Computed
from mlops_assets.lifecycle.day import MOST_OF_REGIME
from mlops_assets.lifecycle.journal import Reported
from mlops_assets.lifecycle.life import Life
from mlops_assets_tests.lifecycle import made

USUAL = 4  # days as the baseline: where no two days are alike, no regime is told from another
PLACES = 9
APART = 4.0  # standard deviations from one regime to the next
ANYWHERE = {"columns": {column: {"minimum": None, "maximum": None} for column in "xz"}}


class Counting(Computed):
    """Remembers the rows that a batch was compared with."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def compare(self, reference, *arguments):
        self.rows.append(reference.rows)
        return Computed.compare(reference, *arguments)


def name(day: int) -> str:
    return str(dt.date(2026, 1, 1) + dt.timedelta(days=day))


def usual(day: int) -> str:
    """A day before these."""
    return name(day - USUAL)


def at(place: int, seed: int):
    return made.table(300, seed, shift=APART * place)


def relabelled(seed: int, where: float):
    """The features of the baseline, with the labels of the rows below a border exchanged."""
    table = at(0, seed)
    other = np.where(table["y"] == "high", "low", "high")
    return table.assign(y=table["y"].where(table["z"] > where, other))


@pytest.fixture(scope="module")
def lived():
    """A life with a regime of a day at each of many places."""
    one = made.life(contract=ANYWHERE)
    made.baseline(one)
    for day in range(USUAL):
        one.source.tables[usual(day)] = at(0, day + 100)
        assert made.report(one, usual(day)).verdict.regime == "baseline"
    for day in range(PLACES):
        one.source.tables[name(day)] = at(day + 1, day)
        assert made.report(one, name(day)).verdict.regime == "new"
    return one


@pytest.fixture
def many(lived):
    return copy.deepcopy(lived)


def reported(one: Life, day: int, table) -> tuple[str, int]:
    """The regime that a report finds, and how many full comparisons that took."""
    one.source.tables[name(day)] = table
    counting = Counting()
    found = made.report(replace(one, comparing=counting), name(day)).verdict
    return found.regime, len(counting.rows) - 1  # one is with the reference


def test_however_many_regimes_there_are_five_are_compared_in_full(many):
    assert reported(many, PLACES, at(30, 99)) == ("new", MOST_COMPARED)
    assert reported(many, PLACES + 1, at(40, 98)) == ("new", MOST_COMPARED)


@pytest.mark.parametrize("place", [1, 4, PLACES])
def test_the_one_that_it_is_of_is_found(many, place):
    regime, comparisons = reported(many, PLACES, at(place, 99))
    assert regime == name(place - 1)
    assert comparisons <= MOST_COMPARED


def test_regimes_that_differ_by_the_score_alone_are_still_told_apart(many):
    half, all_of_them = 0.0, np.inf
    assert reported(many, PLACES, relabelled(50, half))[0] == "new"
    assert reported(many, PLACES + 1, relabelled(51, all_of_them))[0] == "new"
    for day in range(PLACES + 2, PLACES + 6):
        assert reported(many, day, at(day + 5, day))[0] == "new"
    regime, comparisons = reported(many, PLACES + 6, relabelled(52, all_of_them))
    assert (regime, comparisons) == (name(PLACES + 1), 2)  # the latest day's is asked first


def test_a_summary_is_made_once_and_again_where_its_batch_has_changed(many):
    reported(many, PLACES, at(30, 99))
    before = {each.partition: each for each in many.journal.summarized()}
    assert before.keys() == {name(day) for day in range(PLACES)}
    many.source.tables[name(3)] = at(4, 1234)
    made.report(many, name(3))
    reported(many, PLACES + 1, at(31, 98))
    after = {each.partition: each for each in many.journal.summarized()}
    assert {day for day, each in before.items() if after[day] != each} == {name(3)}
    assert after.keys() == {name(day) for day in range(PLACES + 1)}


def test_reports_of_before_batches_had_hashes_are_read_once(many, monkeypatch):
    for kept in many.journal.every_reported():
        many.journal.keep_report(kept.model_copy(update={"data_hash": None}))
    assert reported(many, PLACES, at(4, 99))[0] == name(3)
    made_once = many.journal.summarized()
    monkeypatch.setattr("mlops_assets.lifecycle.summaries.summarize", None)
    assert reported(many, PLACES, at(4, 98))[0] == name(3)
    assert many.journal.summarized() == made_once


def test_of_a_long_regime_the_latest_days_are_compared_with():
    one, rows = made.life(), 20
    made.baseline(one)
    for day in range(MOST_OF_REGIME + 3):
        one.source.tables[name(day)] = made.table(rows, day, shift=6)
        report = ReportRecord(
            partition=name(day),
            drift_detected=True,
            retrain=False,
            regime=name(0),
            rows=rows,
            labelled_rows=rows,
        )
        made.report(one, name(day))
        one.journal.keep_report(Reported(report=report, reasons=[]))
    counting = Counting()
    last = name(MOST_OF_REGIME + 3)
    one.source.tables[last] = made.table(300, 77, shift=6)
    found = made.report(replace(one, comparing=counting), last).verdict
    assert found.regime == name(0)
    assert counting.rows[1:] == [MOST_OF_REGIME * rows]
