"""The rows of a history: read once, and seen as late as their labels are said to come."""

import datetime as dt

import pandas as pd
import pytest

from mlops_assets.data.sources import CsvSource
from mlops_assets.errors import NotThereYetError, UserError
from mlops_assets.lifecycle.sources import SpecSources
from mlops_assets.replay.history import LAST_LOOK_DAYS, KeptRows, read_history
from mlops_assets_tests.replay.streams import (
    DAYS,
    FIRST,
    MISSING,
    Stream,
    batch,
    day,
    history_of,
    spec_of,
    table,
)

LATER = FIRST + dt.timedelta(days=300)


@pytest.fixture
def spec(tmp_path):
    return spec_of(tmp_path)


def test_a_day_without_a_batch_is_missing_and_the_others_are_there(spec, tmp_path):
    history = history_of(spec, tmp_path)
    assert history.days == tuple(day(n) for n in range(1, DAYS + 1))
    assert history.missing == (day(MISSING),)
    assert set(history.present) == set(history.days) - {day(MISSING)}


def test_without_an_end_the_last_day_with_a_batch_is_it(spec, tmp_path):
    history = read_history(spec, Stream(), tmp_path / "rows", FIRST, None, LATER, lambda _: None)
    assert history.days[-1] == day(DAYS)
    assert f"{LAST_LOOK_DAYS} in a row had no batch" in history.notes[0]
    assert "Give --to" in history.notes[0]


def test_a_given_end_is_kept_although_its_last_days_have_no_batch(spec, tmp_path):
    history = history_of(spec, tmp_path, days=DAYS + 2)
    assert history.missing == (day(MISSING), day(DAYS + 1), day(DAYS + 2))


def test_a_day_that_cannot_be_read_is_told_and_skipped(spec, tmp_path):
    class Broken(Stream):
        def batch(self, date):
            if str(date) == day(2):
                raise UserError("the disk is full of bees")
            return super().batch(date)

    history = history_of(spec, tmp_path, Broken())
    assert history.failed == {day(2): "the disk is full of bees"}
    assert history.missing == (day(MISSING),)


def test_no_day_at_all_is_an_error_that_says_where_was_looked(spec, tmp_path):
    with pytest.raises(UserError, match=r"no batch of any day from 2026-01-01 to 2026-01-15"):
        history_of(spec, tmp_path, Stream(days=0))


def test_labels_in_the_batch_are_hidden_until_they_come(spec, tmp_path):
    history_of(spec, tmp_path)
    rows = KeptRows(spec, tmp_path / "rows", delay=2, today=FIRST)
    assert "label" not in rows.batch(FIRST)
    rows.today = FIRST + dt.timedelta(days=1)
    assert "label" not in rows.batch(FIRST)
    rows.today = FIRST + dt.timedelta(days=2)
    pd.testing.assert_frame_equal(rows.batch(FIRST), batch(1))


def test_without_delay_they_are_seen_at_once(spec, tmp_path):
    history_of(spec, tmp_path)
    rows = KeptRows(spec, tmp_path / "rows", delay=0, today=FIRST)
    pd.testing.assert_frame_equal(rows.batch(FIRST), batch(1))


def test_a_day_that_is_missing_is_not_there_yet(spec, tmp_path):
    history_of(spec, tmp_path)
    rows = KeptRows(spec, tmp_path / "rows", delay=0, today=LATER.replace(year=2027))
    with pytest.raises(NotThereYetError):
        rows.batch(dt.date.fromisoformat(day(MISSING)))


class TestOneTableOfAllLabels:
    @pytest.fixture
    def spec(self, tmp_path):
        labels = CsvSource(kind="csv", url=str(tmp_path / "labels.csv"))
        return spec_of(tmp_path, labels=labels, columns={"target": "label", "id": ["k"]})

    @pytest.fixture
    def source(self, spec):
        every = pd.concat([table(n).assign(k=range(200 * n, 200 * n + 200)) for n in range(1, 4)])

        class Labelled(SpecSources):
            read = 0

            def baseline(self):
                return table(0).assign(k=range(200))

            def batch(self, date):
                number = (date - FIRST).days + 1
                keys = range(200 * number, 200 * number + 200)
                return every[every["k"].isin(keys)].drop(columns="label")

            def labels(self, date):
                Labelled.read += 1
                return every[["k", "label"]]

        return Labelled(spec)

    def test_it_is_read_once_and_each_day_has_its_own(self, spec, source, tmp_path):
        history_of(spec, tmp_path, source, days=3)
        assert source.read == 1
        rows = KeptRows(spec, tmp_path / "rows", delay=1, today=FIRST + dt.timedelta(days=1))
        assert sorted(rows.labels(FIRST)["k"]) == list(range(200, 400))

    def test_it_is_not_there_before_its_time(self, spec, source, tmp_path):
        history_of(spec, tmp_path, source, days=3)
        rows = KeptRows(spec, tmp_path / "rows", delay=1, today=FIRST)
        assert "label" not in rows.batch(FIRST)
        with pytest.raises(NotThereYetError):
            rows.labels(FIRST)
