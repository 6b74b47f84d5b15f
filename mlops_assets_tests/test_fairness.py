"""Fairness: the rates of groups, and how far apart they are."""

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.fairness import Fairness, rates_by_group
from mlops_assets.predicted import Predicted
from mlops_assets.slices import find_slices

TABLE = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 4, "y": [1, 1, 0, 0, 1, 1, 0, 0]})
SAID = Predicted(np.array([1, 0, 0, 0, 1, 1, 1, 0]))


def groups(sensitive=()):
    slices = find_slices(TABLE, ["sex"], Columns(target="y", sensitive=list(sensitive)))
    return rates_by_group(slices, TABLE, TABLE["y"].to_numpy(), SAID, 1)


def test_the_rates_of_groups_worked_out_by_hand():
    female, male = groups()
    assert (female.name, female.rows, female.selection_rate) == ("sex = f", 4, 0.25)
    assert (female.positives, female.true_positive_rate) == (2, 0.5)
    assert (male.selection_rate, male.true_positive_rate) == (0.75, 1.0)


def test_differences_are_between_the_lowest_and_the_highest_group():
    found = Fairness(groups=groups(), max_difference=0.1, min_rows=2).differences()
    assert [(each.rate, each.difference, each.lowest, each.highest) for each in found] == [
        ("selection rate", 0.5, "sex = f", "sex = m"),
        ("true positive rate", 0.5, "sex = f", "sex = m"),
    ]


def test_groups_of_few_rows_are_not_compared():
    found = Fairness(groups=groups(), max_difference=0.1, min_rows=3).differences()
    assert [each.rate for each in found] == ["selection rate"]
    assert not Fairness(groups=groups(), max_difference=0.1, min_rows=5).differences()


def test_sensitive_groups_are_told_by_their_place():
    assert [group.name for group in groups(sensitive=["sex"])] == ["sex, group 1", "sex, group 2"]
