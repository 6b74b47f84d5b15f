"""Whatever moment a process ends at, the next one finishes what was begun, once.

Each test takes what a process leaves that ends before its first write, then before its second, and
so on to its last; goes on as the daemon would; and looks at what is there.
"""

import functools
import itertools
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mlops_assets.lifecycle.rows import ORIGIN
from mlops_assets.training.automl import train
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets_tests.crash import asked_for, go_on, killed_at, left_before_each_write, opened
from mlops_assets_tests.examples import BY_SENSOR, Loop, Run, name_artifacts_anew

DRIFTED = "2026-01-02"
NO_PAGE = "<html><head></head><body></body></html>"

pytestmark = pytest.mark.timeout(900)
AFTER_ROLLBACK = {"staging": 3, "production": 1, "previous": 2}
AFTER_PROMOTION = {"staging": 2, "production": 2, "previous": 1}

Work = Callable[[Loop], Run]
Prepare = Callable[[Loop], None]


def roll_back(loop: Loop) -> Run:
    return loop.job("iris_rollback")


def report(loop: Loop) -> Run:
    return loop.job("iris_daily", DRIFTED)


def register(loop: Loop) -> Run:
    return loop.run("candidate_model", partition=DRIFTED)


def decide(loop: Loop) -> Run:
    return loop.run("production_model", partition=DRIFTED)


def retrain(tags: dict[str, str], loop: Loop) -> Run:
    return loop.job("iris_retrain", DRIFTED, tags)


def quickly(found: Path, work: Work, loop: Loop) -> Run:
    """Do the work without what is no write: the search is made before, and nothing is drawn."""
    with pytest.MonkeyPatch.context() as patch:
        leave_out(patch, found)
        return work(loop)


def leave_out(patch: pytest.MonkeyPatch, found: Path) -> None:
    trained = pickle.loads(found.read_bytes())
    patch.setattr("mlops_assets.lifecycle.trainer.train", lambda *_: trained)
    patch.setattr("mlops_assets.training.tracking._log_confusion", lambda *_: None)
    patch.setattr("mlops_assets.drift.report._evidently_page", lambda *_: NO_PAGE)


def before_the_second_day(loop: Loop) -> None:
    """As when the second day's batch came: version 1 is in production, and 2 has no alias yet."""
    forget(loop, lambda day: day >= DRIFTED)


def before_its_candidate(loop: Loop) -> None:
    """As when the augmented dataset of the second day was made, and version 2 was not."""
    forget(loop, lambda day: day > DRIFTED, "candidate_model", "production_model")
    loop.mlflow.delete_model_version("iris", "2")


def before_its_decision(loop: Loop) -> None:
    """As when the second day's candidate was registered."""
    forget(loop, lambda day: day > DRIFTED, "production_model")
    loop.mlflow.set_registered_model_alias("iris", "staging", "2")


def forget(loop: Loop, gone: Callable[[str], bool], *assets: str) -> None:
    """Take back what the demo's days did on days that are gone, and by some assets at all."""
    client = loop.mlflow
    client.set_registered_model_alias("iris", "production", "1")
    for alias in ("previous", "staging"):
        client.delete_registered_model_alias("iris", alias)
    client.delete_model_version("iris", "3")
    client.delete_model_version_tag("iris", "2", "decision")
    for path in (loop.home / "data" / "iris").glob("*/*"):
        day, asset = path.name.partition(".")[0], path.parent.name
        if asset in (*assets, "moves") or (day != "all" and gone(day)):
            path.unlink()


@pytest.fixture(scope="module")
def found(demo_days, tmp_path_factory) -> Path:
    """What a search for the second day's candidate has found."""
    spec = demo_days.spec
    table = demo_days.store.read("iris", "augmented_dataset", DRIFTED).drop(columns=ORIGIN)
    policy = TrainingPolicy(algorithms=["lda"], folds=2)
    path = tmp_path_factory.mktemp("search") / "found"
    path.write_bytes(pickle.dumps(train(table, spec.columns, spec.task, policy, lambda _: None)))
    return path


@pytest.fixture(autouse=True)
def _quick(found, monkeypatch):
    leave_out(monkeypatch, found)


@pytest.fixture(scope="module")
def begun(demo_days, tmp_path_factory) -> Callable[[Prepare | None], Path]:
    """A home in which some work can begin."""

    def made(prepare: Prepare | None) -> Path:
        home = tmp_path_factory.mktemp("begun") / "home"
        with dg.DagsterInstance.ephemeral() as instance:
            loop = demo_days.fork(home, instance)
            shutil.rmtree(home / "reports")  # megabytes that nothing here looks at
            if prepare:
                prepare(loop)
        return home

    return made


@pytest.fixture(scope="module")
def left(begun, found, demo_days, tmp_path_factory) -> Callable[..., tuple[Path, list[Path]]]:
    """Does some work: where it is done, and what it would have left before each of its writes."""

    @functools.cache
    def made(work: Work, prepare: Prepare | None) -> tuple[Path, list[Path]]:
        home = begun(prepare)
        work = functools.partial(quickly, found, work)
        copies = left_before_each_write(work, home, demo_days.spec, home.parent / "left")
        assert len(copies) > 5, "there is hardly anything to interrupt"
        return home, copies

    return made


@pytest.fixture
def points(left, demo_days, tmp_path):
    """Goes through the crash points of some work: the name of each, and the loop after it.

    The first is none: there, nothing has interrupted the work.
    """

    def go_through(
        work: Work, prepare: Prepare | None = None, last: int = 0
    ) -> Iterator[tuple[str, Loop]]:
        done, copies = left(work, prepare)
        for copy in (done, *copies[-last:]):
            home = tmp_path / copy.name
            shutil.copytree(copy, home)
            name_artifacts_anew(home, done)
            with opened(home, demo_days.spec) as loop:
                yield copy.name, loop

    return go_through


def shown(loop: Loop) -> Any:
    """The state of the gate, as the asset graph shows it."""
    key = dg.AssetCheckKey(dg.AssetKey(["iris", "production_model"]), "gate")
    storage = loop.instance.event_log_storage
    found = storage.get_latest_asset_check_execution_by_key([key])[key]
    return found.event.dagster_event.asset_check_evaluation_data


def history(loop: Loop) -> list[tuple]:
    return [(move.kind, move.left, move.to, move.state) for move in loop.life.journal.moves()]


def versions(loop: Loop) -> list[int]:
    return sorted(int(each.version) for each in loop.mlflow.search_model_versions("name = 'iris'"))


def running_in_mlflow(loop: Loop) -> list[str]:
    experiment = loop.mlflow.get_experiment_by_name("iris").experiment_id
    found = loop.mlflow.search_runs([experiment], "attributes.status = 'RUNNING'")
    return [run.info.run_id for run in found]


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def is_rolled_back(loop: Loop) -> None:
    assert loop.aliases() == AFTER_ROLLBACK
    assert loop.registry.get(2).tags["decision"] == "rolled_back"
    assert loop.life.journal.decided(DRIFTED).decision == "rolled_back"
    assert history(loop) == [("promotion", 1, 2, "done"), ("rollback", 2, 1, "done")]
    assert "went back from version 2 to 1" in shown(loop).description
    (noted, *_) = loop.instance.fetch_observations(
        dg.AssetKey(["iris", "production_model"]), limit=1
    ).records
    assert "went back from version 2 to 1" in noted.asset_observation.description


def test_a_copy_is_what_a_killed_process_leaves(begun, found, demo_days, tmp_path):
    """Byte for byte; so it can stand for one wherever a process may be killed."""
    home = begun(None)
    work = functools.partial(quickly, found, roll_back)
    assert killed_at(6, work, home, demo_days.spec, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"1", "2", "3", "4", "5", "6"}
    assert contents(tmp_path / "6") == contents(home)
    assert contents(tmp_path / "5") != contents(home)


def test_a_rollback_ends_where_it_was_meant_to(points):
    for _, loop in points(roll_back):
        go_on(loop)
        is_rolled_back(loop)


def test_what_a_rollback_has_begun_is_finished_by_the_next_step_of_any_kind(points):
    """And what it has to tell is told when it is tried again, however late that is."""
    seen = set()
    for _, loop in points(roll_back):
        assert loop.run("predictions", partition=DRIFTED).success
        seen.add(loop.aliases()["production"])
        begun = len(history(loop)) == 2
        assert loop.aliases() == AFTER_ROLLBACK if begun else loop.aliases()["production"] == 2
        assert {state for *_, state in history(loop)} == {"done"}
        assert (loop.life.journal.decided(DRIFTED).decision == "rolled_back") == begun
        go_on(loop)
        is_rolled_back(loop)
    assert seen == {1, 2}


def test_a_promotion_is_made_once_and_recorded_as_it_was(points, demo_days):
    for _, loop in points(decide, before_its_decision):
        go_on(loop)
        assert loop.aliases() == AFTER_PROMOTION
        assert loop.life.journal.decided(DRIFTED) == demo_days.life.journal.decided(DRIFTED)
        assert loop.registry.get(2).tags["decision"] == "promoted"
        assert history(loop) == [("promotion", 1, 2, "done")]
        assert shown(loop).passed


def test_what_a_promotion_has_begun_is_finished_by_the_next_step_of_any_kind(points, demo_days):
    seen = set()
    for _, loop in points(decide, before_its_decision):
        assert loop.run("predictions", partition=DRIFTED).success
        seen.add(loop.aliases()["production"])
        begun = bool(history(loop))
        assert loop.aliases()["production"] == (2 if begun else 1)
        kept = loop.life.journal.decided(DRIFTED)
        assert kept == (demo_days.life.journal.decided(DRIFTED) if begun else None)
    assert seen == {1, 2}


def test_a_training_registers_one_version(points):
    for _, loop in points(register, before_its_candidate):
        go_on(loop)
        first, made = versions(loop)
        assert first == 1
        assert loop.life.journal.candidate(DRIFTED).version == made
        assert loop.aliases() == {"production": 1, "staging": made}
        if running_in_mlflow(loop):  # all was done before the kill, so the next run has to end it
            assert register(loop).success
        assert running_in_mlflow(loop) == []
        assert versions(loop) == [1, made]


def acted_on_once(loop: Loop) -> None:
    runs = loop.instance.get_runs(dg.RunsFilter(job_name="iris_retrain"))
    assert len({run.root_run_id or run.run_id for run in runs}) == 1
    assert versions(loop) == [1, 2]
    assert loop.aliases() == AFTER_PROMOTION
    assert loop.life.journal.decided(DRIFTED).decision == "promoted"
    assert history(loop) == [("promotion", 1, 2, "done")]


def test_a_report_is_acted_on_once(points):
    for _, loop in points(report, before_the_second_day):
        go_on(loop)
        acted_on_once(loop)


def test_a_report_is_acted_on_once_where_its_retraining_is_killed_as_well(points, found):
    """And where the sensor asks before the daemon has noticed that the report's run has ended."""
    moments, seen = itertools.cycle((3, 8, 13)), 0
    for _, loop in points(report, before_the_second_day, last=6):
        for request in asked_for(loop):
            seen += 1
            work = functools.partial(retrain, {**request.tags, **BY_SENSOR})
            work = functools.partial(quickly, found, work)
            assert killed_at(next(moments), work, loop.home, loop.spec)
        go_on(loop)
        acted_on_once(loop)
    assert seen >= 3
