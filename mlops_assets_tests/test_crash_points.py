"""Whatever moment a process ends at, the next one finishes what it began, once.

Each test ends a real process before its first write, before its second, and so on, goes on as the
daemon would, and looks at what is there.
"""

import dagster as dg
import pytest

from mlops_assets_tests.crash import MOST_WRITES, go_on, killed_at, opened
from mlops_assets_tests.examples import Loop, iris_spec

DRIFTED = "2026-01-02"
GATE = dg.AssetCheckKey(dg.AssetKey(["iris", "production_model"]), "gate")
OTHERWISE = {"algorithms": ["lr"], "folds": 2}  # than the five days were trained


def roll_back(loop):
    return loop.job("iris_rollback")


def retrain(loop):
    return loop.job("iris_retrain", DRIFTED)


def report(loop):
    return loop.job("iris_daily", DRIFTED)


def before_the_second_day(loop: Loop) -> None:
    """As it was when the second day's batch came: version 1 is in production."""
    client = loop.mlflow
    client.set_registered_model_alias("iris", "production", "1")
    for alias in ("previous", "staging"):
        client.delete_registered_model_alias("iris", alias)
    client.delete_model_version("iris", "3")
    client.delete_model_version_tag("iris", "2", "decision")
    for path in (loop.home / "data" / "iris").glob("*/*"):
        if path.parent.name == "moves" or path.name > DRIFTED:
            path.unlink()


@pytest.fixture
def crash(five_days, fork, tmp_path):
    """Goes through the crash points of some work; gives the loop after each, with what ran then."""

    def points(work, prepare=None, **changes):
        for write in range(1, MOST_WRITES):
            folder = tmp_path / str(write)
            folder.mkdir()
            spec = iris_spec(**changes) if changes else five_days.spec
            with opened(folder / "home", spec, five_days) as loop:
                if prepare:
                    prepare(loop)
                killed = killed_at(write, work, loop.home, spec)
                ran = go_on(loop)
                yield write, loop, ran
            if not killed:
                assert write > 5, "the work was not interrupted at all"
                return
        raise AssertionError(f"more than {MOST_WRITES} writes")

    return points


def shown(loop: Loop) -> dg.AssetCheckEvaluation:
    """The latest state of the gate, as the asset graph shows it."""
    (record,) = loop.instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [GATE]
    ).values()
    return record.event.dagster_event.asset_check_evaluation_data


def test_a_rollback_ends_where_it_was_meant_to(crash):
    for write, loop, _ in crash(roll_back):
        assert loop.aliases() == {"staging": 3, "production": 1, "previous": 2}, write
        assert loop.registry.get(2).tags["decision"] == "rolled_back", write
        assert loop.life.journal.decided(DRIFTED).decision == "rolled_back", write
        states = [move.state for move in loop.life.journal.moves()]
        assert states == ["done", "done"], write
        assert "went back from version 2 to 1" in shown(loop).description, write
