"""A replay decides what production decided: the demo's six days, lived by Dagster and again."""

import datetime as dt

import pytest

from mlops_assets.lifecycle.sources import SpecSources
from mlops_assets.replay.history import read_history
from mlops_assets.replay.living import HELD, Living
from mlops_assets.replay.policies import CONFIGURED, policies
from mlops_assets_tests.examples import DAYS, RETRAINED


@pytest.fixture(scope="module")
def living(demo_days, tmp_path_factory) -> Living:
    folder = tmp_path_factory.mktemp("replay")
    spec = demo_days.spec
    days = [dt.date.fromisoformat(day) for day in (DAYS[0], DAYS[-1])]
    after = days[1] + dt.timedelta(days=1)
    history = read_history(spec, SpecSources(spec), folder / "rows", *days, after, lambda _: None)
    living = Living(policies(spec, [])[0], folder, "full", folder / "kept")
    assert living.policy.name == CONFIGURED
    living.begin()
    assert len(list(living.through(history))) == len(DAYS)
    return living


def test_every_report_says_the_very_same(demo_days, living):
    told = demo_days.life.journal.every_reported()
    assert len(told) == 5
    assert living.life.journal.every_reported() == told


def test_every_decision_is_the_very_same_with_all_its_numbers(demo_days, living):
    made = demo_days.life.journal.every_decided()
    assert [one.record.partition for one in made] == list(RETRAINED)
    assert living.life.journal.every_decided() == made
    assert [(one.partition, one.decision) for one in living.log.decisions] == [
        *((one.record.partition, one.decision) for one in made),
        (DAYS[-1], HELD),
    ]


def test_production_is_the_same_version_afterwards(demo_days, living):
    with demo_days.environment():
        assert living.life.registry.in_use().number == demo_days.aliases()["production"]


def test_the_broken_days_are_in_quarantine_and_held_here_as_well(living):
    assert list(living.log.quarantined) == [DAYS[-2]]
    assert living.life.journal.reported(DAYS[-1]).report.held
