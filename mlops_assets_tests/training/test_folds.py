"""Folds: stratified, reduced with a note, ids kept together."""

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
