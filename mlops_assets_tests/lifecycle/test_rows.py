"""Overlapping deliveries: every day brings the last three days' rows again."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.data.splits import held_out
from mlops_assets.data.store import Store
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.rows import ORIGIN, keep_learned, lineage_parts, not_learned
from mlops_assets.promotion.registry import Registry, Version
from mlops_assets_tests.examples import iris_spec

HOURS = 24
DAYS = ("2026-01-10", "2026-01-11", "2026-01-12")


@pytest.fixture
def spec():
    return iris_spec(columns={"target": "y", "timestamp": "at"})


@pytest.fixture
def life(tmp_path, spec):
    """Eleven days of hourly rows: a baseline of nine, and batches of three that overlap."""
    rng = np.random.default_rng(0)
    hours = pd.date_range("2026-01-01", periods=12 * HOURS, freq="h")
    rows = pd.DataFrame({"at": hours, "x": rng.normal(size=len(hours)), "y": rng.integers(0, 2)})
    kept = Store(url=str(tmp_path))
    kept.write(spec.name, "baseline_data", "all", rows[rows["at"] < "2026-01-10"])
    for day in DAYS:
        end = pd.Timestamp(day) + pd.Timedelta(days=1)
        window = rows[(rows["at"] >= end - pd.Timedelta(days=3)) & (rows["at"] < end)]
        kept.write(spec.name, "drifted_batch", day, window)
    return Life(spec, kept, Registry(spec.name, "sqlite://"), tmp_path / "reports")


def moments(table: pd.DataFrame) -> set:
    return set(table["at"])


def test_split_one_by_one_a_day_would_learn_what_another_is_judged_on(spec, life):
    def split(day):
        table = life.store.read(spec.name, "drifted_batch", day)
        return table, held_out(table, spec.columns, 0.4, 0, spec.task, stratified=False)

    (first, judged), (last, held) = split(DAYS[0]), split(DAYS[2])
    assert moments(first[judged]) & moments(last[~held])


def test_no_row_is_learned_from_and_judged_on(life):
    parts = lineage_parts(life, DAYS).values()
    learned = set().union(*(moments(part.learn) for part in parts))
    judged = set().union(*(moments(part.judge) for part in parts))
    assert not learned & judged
    assert len(learned | judged) == 12 * HOURS


def test_every_row_counts_once(life):
    parts = lineage_parts(life, DAYS)
    assert sum(len(part.learn) + len(part.judge) for part in parts.values()) == 12 * HOURS
    # What a day brought first is its own; the rest was the baseline's or an earlier day's.
    for day in DAYS:
        own = moments(parts[day].learn) | moments(parts[day].judge)
        assert {moment.strftime("%Y-%m-%d") for moment in own} == {day}
        assert len(parts[day].judge) == pytest.approx(0.4 * HOURS, abs=1)


def test_the_origins_come_in_the_order_of_their_days(life):
    assert list(lineage_parts(life, reversed(DAYS))) == ["baseline", *DAYS]


def test_no_version_is_judged_on_what_it_has_learned_from(life):
    """A day that is delivered again is split anew, and a version stays as it was."""
    two, three = Version(2, "run"), Version(3, "run")
    before = lineage_parts(life, DAYS[:1])[DAYS[0]]
    keep_learned(life, two, DAYS[0], before.learned)
    table = life.store.read(life.spec.name, "drifted_batch", DAYS[0])
    life.store.write(life.spec.name, "drifted_batch", DAYS[0], table[:-12])
    now = lineage_parts(life, DAYS[:1])[DAYS[0]].judge
    known = moments(now) & moments(before.learn)
    assert known
    assert moments(not_learned(life, now, two)) == moments(now) - known
    assert moments(not_learned(life, now, three)) == moments(now)  # of before this was kept
    assert moments(not_learned(life, now, two, three)) == moments(now) - known


def test_a_label_that_comes_or_changes_makes_no_other_row(life):
    two, rows = Version(2, "run"), lineage_parts(life, DAYS[:1])[DAYS[0]].learn
    keep_learned(life, two, DAYS[0], rows.assign(y=1 - rows["y"], **{ORIGIN: DAYS[0]}))
    assert not_learned(life, rows, two).empty
