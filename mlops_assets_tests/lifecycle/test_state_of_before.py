"""A state folder that was written before the lifecycle was a package of its own opens and goes on.

The archive was made at commit 1ebf941 from the demo's model with a quick search: the baseline, a
day without drift, one that was promoted on, and one of a regime that is known. Pages and pictures
are left out, and the database is its dump. ``@HOME@`` stands where the folder was.
"""

import sqlite3
import tarfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest
from rich.console import Console

from mlops_assets.evidence.explain import explain
from mlops_assets.local.reproduce import reproduce_version
from mlops_assets_tests.examples import Loop, iris_spec

ARCHIVE = Path(__file__).with_name("state_of_1ebf941.tar.gz")
# Stored models do not travel between scikit-learn's minor versions.
OF_THEN = pytest.mark.skipif(
    not version("scikit-learn").startswith("1.4."), reason="its models are of scikit-learn 1.4"
)
TRAINING = {"algorithms": ["lr", "lda"], "folds": 3}
PROMOTED, NEXT = "2026-01-02", "2026-01-04"
# No digest of a model's file was kept then, and whoever loads it is told.
pytestmark = pytest.mark.filterwarnings("ignore:No digest")


def opened(home, instance) -> Loop:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(home, filter="data")
    for path in home.rglob("MLmodel"):
        path.write_text(path.read_text("utf-8").replace("@HOME@", str(home)), "utf-8")
    dump = home / "mlflow.sql"
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        database.executescript(dump.read_text("utf-8").replace("@HOME@", str(home)))
    dump.unlink()
    return Loop(home, instance, iris_spec(training=TRAINING))


@pytest.fixture
def loop(tmp_path, instance):
    return opened(tmp_path / "home", instance)


def test_what_was_written_is_read(loop):
    journal = loop.life.journal
    assert [one.partition for one in journal.reports()] == ["2026-01-01", PROMOTED, "2026-01-03"]
    decided = journal.decided(PROMOTED)
    assert (decided.decision, decided.candidate_version) == ("promoted", 2)
    assert journal.candidate(PROMOTED).model_digest == {}
    assert list(journal.moves()) == []
    assert loop.aliases() == {"production": 2, "previous": 1, "staging": 2}
    told = explain(loop.life, PROMOTED)
    assert told.sound
    assert told.headline.startswith("promoted: version 2, compared with version 1")


@OF_THEN
def test_the_loop_goes_on_with_the_next_day_and_a_rollback(loop):
    daily = loop.daily(NEXT)
    assert daily.success, daily.message
    found = daily.metadata("drift_report")
    assert (found["drift_detected"], found["retrain"], found["regime"]) == (True, True, "new")
    assert loop.store.record("iris", "drift_report", NEXT)["beside"][0]["production"] == 2

    retrained = loop.retrain(NEXT)
    assert retrained.success, retrained.message
    assert retrained.metadata("production_model")["decision"] == "rejected"
    # It has learned from the regime that was promoted back then, the day after it, and a quiet day.
    learned = loop.life.journal.decided(NEXT).training_partitions
    assert learned == ["2026-01-01", PROMOTED, "2026-01-03", NEXT]
    assert loop.aliases() == {"production": 2, "previous": 1, "staging": 3}

    back = loop.job("iris_rollback")
    assert back.success, back.message
    assert loop.aliases() == {"production": 1, "previous": 2, "staging": 3}
    assert loop.life.journal.decided(PROMOTED).decision == "rolled_back"
    assert explain(loop.life, PROMOTED).sound


@OF_THEN
def test_a_known_regime_stays_known_and_an_earlier_report_can_be_made_again(loop):
    before = loop.store.record("iris", "drift_report", "2026-01-03")["report"]
    again = loop.daily("2026-01-03")
    assert again.success, again.message
    now = loop.store.record("iris", "drift_report", "2026-01-03")["report"]
    assert {name: now[name] for name in before} == before
    assert (now["state"], now["unusual"]) == ("shift, known", None)


@OF_THEN
def test_its_versions_can_be_trained_again_and_say_what_they_lack(loop, capsys):
    with loop.environment():
        # Their keys were those of Dagster runs, which tell nothing of settings and packages.
        assert not reproduce_version(Console(width=400), loop.spec, 2)
    said = capsys.readouterr().out
    assert "rows         same     285 that it learned from, 120 that it is judged on" in said
    assert "It was trained before versions kept what they are made from" in said
    assert "settings     unknown" in said
    assert "parameters   same" in said
    # What trains has changed since: numbers are scaled for linear models.
    for aspect in ("scores", "predictions"):
        assert f"{aspect:12} differs" in said
