"""The version in memory is the one that the alias names, or the last one that could be loaded."""

import time

import pandas as pd
import pytest

from mlops_assets.promotion.registry import Registry
from mlops_assets.serving.follower import Follower
from mlops_assets_tests.stored import HARM, file_of

ROW = pd.DataFrame({"count": [1.0], "colour": ["red"]})


def test_it_serves_nothing_until_there_is_a_production_version_and_says_why(registry):
    follower = Follower(registry, 60)
    follower.refresh()
    assert follower.served is None
    assert "no production version of 'shop'" in follower.problem


def test_it_follows_the_alias_forward_and_back(registry):
    follower = Follower(registry, 60)
    for number, answer in ((1, "one"), (2, "two"), (1, "one")):
        registry.set_alias("production", registry.get(number))
        follower.refresh()
        assert follower.served.version.number == number
        assert follower.served.model.predict(ROW).labels.tolist() == [answer]
        assert follower.problem is None


def test_what_is_served_is_loaded_once(registry):
    follower = Follower(registry, 60)
    registry.set_alias("production", registry.get(1))
    follower.refresh()
    loaded = follower.served
    follower.refresh()
    assert follower.served is loaded


def test_a_version_that_does_not_load_leaves_the_old_one_in_use(registry):
    follower = Follower(registry, 60)
    registry.set_alias("production", registry.get(1))
    follower.refresh()
    registry.set_alias("production", registry.get(3))
    follower.refresh()
    assert follower.served.version.number == 1
    assert follower.problem
    registry.set_alias("production", registry.get(2))
    follower.refresh()
    assert follower.served.version.number == 2
    assert follower.problem is None


def test_an_mlflow_that_is_away_is_a_problem_and_no_end():
    follower = Follower(Registry("shop", "http://127.0.0.1:9"), 60)
    follower.refresh()
    assert "cannot be reached at http://127.0.0.1:9" in follower.problem


def test_the_columns_are_those_of_the_signature(registry):
    registry.set_alias("production", registry.get(1))
    follower = Follower(registry, 60)
    follower.refresh()
    assert follower.served.columns == {"count": "float", "colour": "string"}


def _change(registry, number, *changes):
    settings = file_of(registry, number).parent / "MLmodel"
    text = settings.read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    settings.write_text(text, "utf-8")
    registry.set_alias("production", registry.get(number))
    follower = Follower(registry, 60)
    follower.refresh()
    return follower


def test_of_a_version_from_before_types_were_kept_the_signature_tells_them(registry):
    signed = ('"any"', '"double"'), ('"any"', '"string"')
    follower = _change(registry, 1, ("column_types:", "other:"), *signed)
    assert follower.served.columns == {"count": "double", "colour": "text"}


def test_types_that_are_not_known_are_not_served(registry):
    follower = _change(registry, 2, ("count: float", "count: decimal"))
    assert follower.served is None
    assert "takes columns of unknown types: decimal" in follower.problem


def test_it_follows_in_the_background_until_it_is_stopped(registry):
    registry.set_alias("production", registry.get(2))
    follower = Follower(registry, 0.05)
    follower.start()
    until = time.monotonic() + 60
    while follower.served is None and time.monotonic() < until:
        time.sleep(0.05)
    follower.stop()
    assert follower.served.version.number == 2


@pytest.mark.parametrize("harm", HARM)
def test_a_changed_file_is_not_served_and_the_old_version_goes_on(registry, harm):
    follower = Follower(registry, 60)
    registry.set_alias("production", registry.get(1))
    follower.refresh()
    HARM[harm](file_of(registry, 2))
    registry.set_alias("production", registry.get(2))
    follower.refresh()
    assert follower.served.version.number == 1
    assert follower.served.model.predict(ROW).labels.tolist() == ["one"]
    assert "version 2 of 'shop'" in follower.problem
    assert "Nothing was loaded" in follower.problem


def test_a_changed_signature_is_not_served(registry):
    follower = _change(registry, 2, ('"count"', '"counts"'))
    assert follower.served is None
    assert "other columns than the model takes: count, counts" in follower.problem
