"""What is said of a baseline: classes of which there are too few rows to judge much."""

import numpy as np
import pandas as pd

from bench.streams import SPEC
from mlops_assets.data.columns import Columns
from mlops_assets.lifecycle.baseline_data import rare_classes

FRAUDS = pd.Series(["fraud"] * 3 + ["fine"] * 2997, name="label")
HOLDOUT = np.arange(3000) % 3 == 0


def test_three_frauds_of_three_thousand_are_said_plainly():
    [said] = rare_classes(FRAUDS, HOLDOUT, SPEC)
    assert said.startswith("'fraud' has 3 of 3000 rows, 1 of them in the holdout")
    assert "a mean over the 2 classes moves by 0.50" in said


def test_nothing_is_said_of_classes_with_rows_enough_nor_of_numbers():
    assert rare_classes(pd.Series(["a", "b"] * 1500), HOLDOUT, SPEC) == ()
    regression = SPEC.model_copy(update={"task": "regression"})
    assert rare_classes(pd.Series(np.arange(3000.0)), HOLDOUT, regression) == ()


def test_the_name_of_a_sensitive_class_is_not_told():
    columns = Columns(target="label", sensitive=["label"])
    [said] = rare_classes(FRAUDS, HOLDOUT, SPEC.model_copy(update={"columns": columns}))
    assert "fraud" not in said
