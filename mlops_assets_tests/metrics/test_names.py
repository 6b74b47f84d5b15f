"""How a metric is written in the YAML, and the one text that it becomes."""

import jsonschema
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from mlops_assets.errors import UserError
from mlops_assets.metrics import MetricName
from mlops_assets.metrics.names import asked


class Policy(BaseModel):
    metric: MetricName | None = None


WRITTEN = [
    ("roc_auc", "roc_auc"),
    (" roc_auc ", "roc_auc"),
    ({"roc_auc": None}, "roc_auc"),
    ({"precision_at": 0.1}, "precision_at(0.1)"),
    ("recall_at( .05 )", "recall_at(0.05)"),
    ({"expected_cost": {"fn": 20, "fp": 1}}, "expected_cost(fp=1, fn=20)"),
    ("expected_cost(fn=20,fp=0.5)", "expected_cost(fp=0.5, fn=20)"),
    ({"expected_cost": {"fn": 1e20, "fp": 0}}, "expected_cost(fp=0, fn=1e+20)"),
    ("pinball", "pinball(0.5)"),
    ({"pinball": 0.9}, "pinball(0.9)"),
    ({"function": "my_package.my_module:profit"}, "function(my_package.my_module:profit)"),
    ({"function": "m:f", "greater_is_better": True}, "function(m:f)"),
    ({"function": "m:f", "greater_is_better": False}, "function(m:f, lower is better)"),
    ("function(m:f, higher is better)", "function(m:f)"),
]


@pytest.mark.parametrize(("written", "name"), WRITTEN)
def test_all_ways_to_write_a_metric_become_one_text_which_stays_as_it_is(written, name):
    assert Policy.model_validate({"metric": written}).metric == name
    assert Policy(metric=name).metric == name
    assert str(asked(name)) == name


@pytest.mark.parametrize(("written", "name"), WRITTEN)
def test_the_schema_takes_what_the_model_takes(written, name):
    schema = TypeAdapter(MetricName).json_schema()
    jsonschema.validate(name, schema)
    if written != {"roc_auc": None}:
        jsonschema.validate(written, schema)


WRONG = [
    ({"precision_at": 10}, "above 0 and below 1, as in `precision_at: 0.1`; not 10"),
    ({"recall_at": True}, "recall_at needs the top share of the rows.*not True"),
    ("recall_at", "recall_at needs the top share.*there is nothing behind it"),
    ("pinball(1)", "pinball needs the quantile that is predicted.*not 1.0"),
    ("pinball(nan)", "pinball needs the quantile that is predicted.*not nan"),
    ({"expected_cost": 5}, r"as in `expected_cost: \{fp: 1, fn: 20\}`; not 5"),
    ({"expected_cost": {"fp": -1, "fn": 2}}, "both 0 or more.*'fp': -1"),
    ({"expected_cost": {"fp": 0, "fn": 0}}, "not both 0"),
    ({"expected_cost": {"fp": 1, "fn": 2, "tp": 3}}, "a false positive .fp. and a false negative"),
    ("expected_cost(fp=1)", "what a false positive .fp. and a false negative"),
    ("expected_cost(1, 20)", "what a false positive .fp. and a false negative"),
    ({"function": "profit"}, "named by its module and its name.*not 'profit'"),
    ("function", "named by its module and its name.*there is nothing behind it"),
    ({"function": "m:f", "greater_is_better": "no"}, "true or false.*not 'no'"),
    ("function(m:f, smaller is better)", "true or false.*not 'smaller is better'"),
    ({"roc_auc": None, "greater_is_better": True}, "for a `function` only"),
    ({"roc_auc": None, "brier": None}, "A metric is its name, such as `roc_auc`, or a name with"),
    ({}, "A metric is its name"),
    (5, "A metric is its name.*not 5"),
    ("roc auc", "A metric is its name.*not 'roc auc'"),
    ({"function": "m:f", "better": "higher"}, "A metric is its name"),
]


@pytest.mark.parametrize(("written", "told"), WRONG)
def test_what_is_wrong_is_told_with_what_there_is(written, told):
    with pytest.raises(ValidationError, match=told):
        Policy.model_validate({"metric": written})
    with pytest.raises(UserError, match=told):
        asked(written)


@pytest.mark.parametrize(
    "written",
    [
        {"precision_at": 10},
        {"precision_at": 0},
        {"expected_cost": {"fp": -1, "fn": 2}},
        {"expected_cost": {"fp": 1}},
        {"function": "profit"},
        {"function": "m:f", "greater_is_better": "no"},
        {"precison_at": 0.1},
        5,
    ],
)
def test_the_schema_refuses_what_is_wrong(written):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, TypeAdapter(MetricName).json_schema())


def test_no_metric_is_none():
    assert Policy().metric is None
    assert Policy(metric=None).metric is None
