"""The summary of a batch, and which regimes it says are worth a full comparison."""

import json

import numpy as np
import pandas as pd
import pytest

from mlops_assets.drift.nearest import (
    MOST_COMPARED,
    BatchSummary,
    distance,
    nearest,
    summarize,
    units,
)
from mlops_assets.drift.regimes import Regime

FEATURES = ["x", "z", "city", "gap"]
SHARE = 0.3


def table(seed: int, rows: int = 300, *, shift: float = 0.0, turned: float = 0.0) -> pd.DataFrame:
    """Four features and labels by a rule that may be turned, which no column shows by itself."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, rows))
    high = np.cos(turned) * x + np.sin(turned) * z > 0
    gap = rng.normal(shift, 1, rows)
    gap[rng.random(rows) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "x": x + shift,
            "z": z + shift,
            "city": rng.choice(["Aachen", "Bonn", "Celle"], rows),
            "gap": gap,
            "y": np.where(high, "high", "low"),
        }
    )


UNITS = units(table(0), [*FEATURES, "y"])


def summary(frame: pd.DataFrame, task: str = "classification") -> BatchSummary:
    return summarize(frame, FEATURES, "y", task)


def apart(one: pd.DataFrame, other: pd.DataFrame, task: str = "classification") -> float:
    return distance(summary(one, task), summary(other, task), UNITS, SHARE)


def regime(day: int) -> Regime:
    name = f"2026-01-{day:02}"
    return Regime(name, (name,), 300, 300)


def test_what_is_drawn_alike_is_hardly_apart_and_what_moved_is_by_as_much():
    assert apart(table(1), table(1)) == 0
    assert apart(table(1), table(2)) < 0.05
    moved = [apart(table(1), table(2, shift=shift)) for shift in (1, 2, 4)]
    assert moved == sorted(moved)
    assert moved[-1] > 1


def test_labels_by_another_rule_are_apart_though_every_column_is_alike():
    one, same, other = table(1), table(2), table(3, turned=np.pi / 2)
    assert apart(one, other) > 0.2 > apart(one, same)
    unlabelled = other.assign(y=None)
    assert apart(one, unlabelled) < 0.05
    assert summary(unlabelled).labels is None
    assert summary(other.drop(columns="y")) == summary(unlabelled)


def test_of_a_number_as_target_the_upper_half_is_held_against_the_lower():
    tables = [table(1), table(2), table(3)]
    up, same, down = (
        each.assign(y=sign * each["x"]) for each, sign in zip(tables, (1, 1, -1), strict=True)
    )
    assert apart(up, down, "regression") > 0.2 > apart(up, same, "regression")


def test_a_single_column_of_four_may_be_as_far_as_it_likes():
    """Drift takes more of them."""
    one, other = table(1), table(2)
    assert apart(one, other.assign(x=other["x"] + 1000)) < 0.1
    assert apart(one, other.assign(x=other["x"] + 1000, z=other["z"] + 1000)) > 100


@pytest.mark.parametrize(
    "moved",
    [
        {"city": "Aachen", "gap": np.nan},
        {"city": None, "x": 0.0},
        {"y": "high"},
        {"x": np.nan, "z": np.nan},
    ],
)
def test_values_gaps_and_labels_count_as_numbers_do(moved):
    assert apart(table(1), table(2).assign(**moved)) > 0.1


def test_integers_with_and_without_gaps_are_the_same_values():
    labels = pd.Series(np.tile([0, 1, 2], 100))
    whole = summary(table(1).assign(y=labels))
    gaps = summary(table(1).assign(y=labels.where(labels.index > 2).astype(float)))
    assert whole.labels.shares.keys() == gaps.labels.shares.keys()


def test_a_summary_is_small_whatever_the_batch_and_holds_no_text():
    frame = table(1, rows=50_000)
    frame["city"] = [f"somebody lives in {number}" for number in range(len(frame))]
    text = summary(frame).model_dump_json()
    assert len(text) < 5_000
    assert "somebody" not in text
    assert BatchSummary.model_validate(json.loads(text)) == summary(frame)


def test_the_largest_of_floats_and_times_are_numbers():
    frame = table(1)
    frame["x"] = np.finfo(float).max * np.sign(frame["x"])
    frame["z"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(len(frame)), unit="h")
    found = summary(frame)
    assert np.isfinite(found.features["x"].quantiles).all()
    assert len(found.features["z"].quantiles) == 10


def test_the_latest_is_always_among_the_few_and_the_others_are_the_nearest():
    regimes = [regime(day) for day in range(1, 31)]
    distances = {each.name: float(abs(place - 12)) for place, each in enumerate(regimes)}
    found = nearest(regimes, distances)
    assert len(found) == MOST_COMPARED
    assert found[0] == regimes[-1]
    assert set(found[1:]) == {regimes[12], regimes[11], regimes[13], regimes[14]}


def test_of_those_that_are_as_near_the_latest_are_taken():
    regimes = [regime(day) for day in range(1, 10)]
    assert nearest(regimes, dict.fromkeys([each.name for each in regimes], 0.0)) == regimes[:3:-1]


def test_of_many_that_are_alike_in_their_columns_that_of_the_same_labels_is_among_the_few():
    regimes = [regime(day) for day in range(1, 10)]
    turned = {each.name: place * np.pi / 5 for place, each in enumerate(regimes)}
    batch = summary(table(100, turned=turned[regimes[1].name]))
    distances = {
        name: distance(batch, summary(table(place, turned=angle)), UNITS, SHARE)
        for place, (name, angle) in enumerate(turned.items())
    }
    assert min(distances, key=distances.__getitem__) == regimes[1].name
    assert regimes[1] in nearest(regimes, distances)
