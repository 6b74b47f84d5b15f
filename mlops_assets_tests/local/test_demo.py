"""The demo's report is good only if every day ended as told."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from mlops_assets.local.demo import STORY, Day, report


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=100)


def as_told():
    return [Day(partition, outcome, drift_share=0.5) for partition, (outcome, _) in STORY.items()]


def test_six_days_as_told_are_a_success(console, tmp_path):
    assert report(console, tmp_path, as_told(), 61.4)
    said = console.file.getvalue()
    assert "Six days of iris, in 61 s" in said
    assert "0.500" in said
    assert f"MLOPS_HOME={tmp_path} make up" in said.replace("\n", "")


@pytest.mark.parametrize("place", range(6))
def test_one_day_that_ended_otherwise_is_a_failure_and_is_shown(console, tmp_path, place):
    days = as_told()
    expected = days[place].outcome
    days[place] = replace(days[place], outcome="inconclusive")
    assert not report(console, tmp_path, days, 61.4)
    assert f"inconclusive, not {expected}" in console.file.getvalue()
