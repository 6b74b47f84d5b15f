"""What is said of a baseline: classes with too few rows, a metric that cannot be told of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.streams import SPEC
from mlops_assets.data.columns import Columns
from mlops_assets.errors import NotStoredError, UserError
from mlops_assets.lifecycle.baseline_data import check_metrics, rare_classes, take_baseline
from mlops_assets_tests.lifecycle.made import Rows, life, spec

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


@pytest.mark.parametrize("field", ["metric", "gate", "training"])
def test_a_metric_that_cannot_be_told_of_the_target_is_refused_before_any_training(field):
    written = "f1" if field == "metric" else {"metric": "f1"}
    one = life(**{field: written})
    rows = one.incoming.baseline()
    more = rows.assign(y=np.where(rows["z"] > 1, "middle", rows["y"]))
    three = replace(one, source=Rows({"baseline": more}))
    with pytest.raises(UserError, match=r"f1 is of one class.*`columns\.positive`"):
        take_baseline(three)
    with pytest.raises(NotStoredError):
        three.journal.baseline()
    named = three.spec.model_copy(update={"columns": Columns(target="y", positive="middle")})
    assert take_baseline(replace(three, spec=named)).record.positive == "middle"


def test_of_two_classes_the_rarer_one_is_what_a_metric_of_one_class_is_of():
    one = life(metric={"expected_cost": {"fp": 1, "fn": 20}})
    taken = take_baseline(one)
    assert one.metric.positive == taken.record.positive
    assert one.metric.name == "expected_cost(fp=1, fn=20)"


def test_numbers_are_judged_without_a_class():
    check_metrics(spec(task="regression", metric="pinball"), pd.Series([1.0, 0.0]), None)
    with pytest.raises(UserError, match="which is 0 in 1 of 2 rows"):
        check_metrics(spec(task="regression", metric="mape"), pd.Series([1.0, 0.0]), None)
