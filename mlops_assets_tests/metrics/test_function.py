"""A metric that is a function of the user's own."""

import math
import sys
import types

import numpy as np
import pytest

from mlops_assets.errors import UserError
from mlops_assets.metrics import get_metric
from mlops_assets.metrics.function import imported
from mlops_assets.predicted import Predicted

CODE = """
NUMBER = 1

def profit(truth, label, probability):
    return (10 * (truth & label) - probability).mean()

def fraction(truth, label):
    return (truth < label).mean()

def nothing(truth, label, probability):
    return None

def undefined(truth, label, probability):
    return float("inf")

def broken(truth, label, probability):
    raise KeyError("a value of Ann's")
"""


@pytest.fixture(autouse=True)
def money(monkeypatch):
    module = types.ModuleType("money_of_tests")
    exec(compile(CODE, "money_of_tests.py", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, "money_of_tests", module)


@pytest.fixture
def broken_module(tmp_path, monkeypatch):
    (tmp_path / "broken_of_tests.py").write_text("profit = 1 / 0\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))


def metric(name, task="classification", **bound):
    return get_metric(f"function(money_of_tests:{name})", task, **bound)


def predicted():
    said = np.array([0.9, 0.2, 0.6])
    return Predicted(said > 0.5, np.column_stack([1 - said, said]), np.array([False, True]))


TRUTH = np.array([True, True, False])


def test_it_is_called_with_truth_label_and_the_probability_of_the_positive_class():
    assert metric("profit", positive=True).score(TRUTH, predicted()) == pytest.approx(
        (10 * 1 - 0.9 - 0.2 - 0.6) / 3
    )
    assert metric("profit", positive=False).score(TRUTH, predicted()) == pytest.approx(
        (10 * 1 - 0.1 - 0.8 - 0.4) / 3
    )


def test_for_numbers_it_is_called_with_the_true_and_the_predicted_ones():
    assert metric("fraction", "regression").score([1.0, 2.0], [3.0, 1.0]) == 0.5


def test_each_resample_scores_as_its_own_rows_do():
    profit, indices = metric("profit", positive=True), np.array([[0, 0, 2], [1, 2, 2]])
    one_by_one = [profit.score(TRUTH[i], predicted()[i]) for i in indices]
    assert profit.resampled(TRUTH, predicted(), indices) == pytest.approx(one_by_one)
    assert profit.score_of_known(TRUTH, predicted()) == profit.score(TRUTH, predicted())
    assert not profit.by_counts


def test_what_is_no_finite_number_is_not_defined():
    assert math.isnan(metric("undefined", positive=True).score(TRUTH, predicted()))


def test_where_it_fails_is_told_without_what_may_be_a_value_of_the_table():
    expected = r"broken failed on 3 rows with KeyError, money_of_tests\.py:17\. It is called with 3"
    with pytest.raises(UserError, match=expected) as told:
        metric("broken", positive=True).score(TRUTH, predicted())
    assert "Ann" not in str(told.value)


def test_that_it_returns_no_number_is_told():
    with pytest.raises(UserError, match=r"nothing returned NoneType for 3 rows\. Return a numb"):
        metric("nothing", positive=True).score(TRUTH, predicted())


def test_that_it_takes_other_arguments_is_seen_before_anything_is_trained():
    with pytest.raises(UserError, match=r"failed on 2 rows with TypeError.*called with 3 arrays"):
        metric("fraction", positive=True).try_on(np.array([True, False, True]))
    with pytest.raises(UserError, match=r"failed on 2 rows with TypeError.*called with 2 arrays"):
        metric("profit", "regression").try_on(np.array([1.0, 2.0]))
    metric("profit", positive=True).try_on(np.array([True, False, True]))


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("not_there:profit", r"cannot be imported \(No module named 'not_there'\)"),
        ("money_of_tests:profits", "module money_of_tests .* has no 'profits'"),
        ("money_of_tests:NUMBER", "is no function: 'NUMBER' is of type int"),
    ],
)
def test_that_it_is_not_there_is_told(path, told):
    with pytest.raises(UserError, match=told):
        imported(path)


def test_that_its_module_is_broken_is_told(broken_module):
    with pytest.raises(UserError, match=r"broken_of_tests:profit cannot be imported \(division by"):
        imported("broken_of_tests:profit")
