"""What is said of a baseline: a target that is poor, a metric that cannot be told of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlops_assets.data.columns import Columns
from mlops_assets.errors import NotStoredError, UserError
from mlops_assets.lifecycle.baseline_data import check_metrics, take_baseline
from mlops_assets_tests.lifecycle.made import Rows, life, spec


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


def test_what_a_person_should_look_at_is_among_the_notes_and_marked():
    one = life()
    rows = one.incoming.baseline()
    rare = rows.assign(y=np.where(np.arange(len(rows)) < 8, "yes", "no"))
    record = take_baseline(replace(one, source=Rows({"baseline": rare}))).record
    assert len(record.doubts) == 2
    assert set(record.doubts) <= set(record.notes)
    assert "The target is imbalanced: 192 of 200 rows are of one class, 'no'." in record.doubts[0]
    assert record.doubts[1].startswith("'yes' has 8 of 200 rows, ")
    assert one.journal.baseline().doubts == record.doubts


def test_who_has_named_a_metric_is_told_and_not_warned_of_imbalance():
    one = life(metric="average_precision")
    rows = one.incoming.baseline()
    tenth = rows.assign(y=np.where(np.arange(len(rows)) % 5 == 0, "yes", "no"))
    fewer = tenth.iloc[[*range(200), *(place for place in range(200) if place % 5)] * 2]
    record = take_baseline(replace(one, source=Rows({"baseline": fewer}))).record
    assert record.doubts == []
    assert any("judged by average_precision, as the YAML says" in note for note in record.notes)
