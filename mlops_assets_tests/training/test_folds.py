"""Folds: stratified, reduced with a note, ids kept together; or stretches of time."""

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.training.folds import assign_folds

Y = Columns(target="y")


def test_each_fold_holds_its_share_of_each_class():
    frame = pd.DataFrame({"y": ["a"] * 40 + ["b"] * 20})
    folds, note = assign_folds(frame, Y, "classification", 10, 0)
    assert note is None
    assert (pd.crosstab(folds, frame["y"]).to_numpy() == [4, 2]).all()


def test_fewer_rows_in_the_smallest_class_than_folds_reduce_them_with_a_note():
    frame = pd.DataFrame({"y": ["a"] * 40 + ["b"] * 4})
    folds, note = assign_folds(frame, Y, "classification", 10, 0)
    assert set(folds) == {0, 1, 2, 3}
    assert note == "4 folds in place of 10: there are 4 rows in the smallest class."


def test_all_rows_of_an_id_are_in_one_fold():
    frame = pd.DataFrame({"who": np.repeat(np.arange(30), 3), "y": ["a", "b", "a"] * 30})
    columns = Columns(target="y", id=["who"])
    for task, target in (("classification", frame["y"]), ("regression", np.arange(90.0))):
        folds, _ = assign_folds(frame.assign(y=target), columns, task, 5, 0)
        assert (frame.assign(fold=folds).groupby("who")["fold"].nunique() == 1).all()
        assert len(set(folds)) == 5


def test_a_class_of_one_row_leaves_two_folds():
    folds, note = assign_folds(pd.DataFrame({"y": ["a"] * 9 + ["b"]}), Y, "classification", 10, 0)
    assert set(folds) == {0, 1}
    assert "there are 1 rows in the smallest class" in note


def test_stretches_of_time_are_of_whole_days_in_their_order_and_hold_each_row_once():
    rng = np.random.default_rng(0)
    moments = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 40 * 24, 400), "h")
    frame = pd.DataFrame({"at": moments, "y": rng.choice(["a", "b"], 400)})
    frame.loc[:3, "at"] = pd.NaT
    columns = Columns(target="y", timestamp="at")
    folds, note = assign_folds(frame, columns, "classification", 5, 0, in_time=True)
    assert note == "Each of the 5 folds is a stretch of time, by the timestamp."
    assert set(folds[:4]) == {0}
    rows = frame[4:].assign(fold=folds[4:], day=frame["at"].dt.floor("D"))
    assert (rows.groupby("day")["fold"].nunique() == 1).all()
    assert rows.sort_values("at")["fold"].is_monotonic_increasing
    assert np.bincount(folds).min() > 60


def test_with_fewer_days_than_folds_moments_are_kept_together():
    moments = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(48) // 2, "h")
    frame = pd.DataFrame({"at": moments, "y": np.arange(48.0)})
    columns = Columns(target="y", timestamp="at")
    folds, _ = assign_folds(frame, columns, "regression", 6, 0, in_time=True)
    assert (np.bincount(folds) == 8).all()
    assert (folds[::2] == folds[1::2]).all()


def test_in_time_an_id_is_in_the_fold_of_its_latest_moment():
    at = pd.date_range("2026-01-01", periods=30)
    frame = pd.DataFrame({"at": at, "who": [*range(15), *range(15)], "y": np.arange(30.0)})
    columns = Columns(target="y", timestamp="at", id=["who"])
    folds, _ = assign_folds(frame, columns, "regression", 3, 0, in_time=True)
    assert (folds[:15] == folds[15:]).all()
    assert (np.diff(folds[:15]) >= 0).all()


def test_what_cannot_be_folded_in_time_is_folded_at_random():
    one_moment = pd.DataFrame({"at": pd.Timestamp("2026-01-01"), "y": ["a", "b"] * 20})
    days = pd.date_range("2026-01-01", periods=40)
    late_class = pd.DataFrame({"at": days, "y": ["a"] * 36 + ["b"] * 4})
    columns = Columns(target="y", timestamp="at")
    for frame in (one_moment, late_class):
        folds, note = assign_folds(frame, columns, "classification", 4, 0, in_time=True)
        assert note == "Folds are of rows at random: they cannot be stretches of time here."
        assert (pd.crosstab(folds, frame["y"]).nunique() == 1).all()
