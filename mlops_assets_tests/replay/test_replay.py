"""The command, with its processes, on the small stream."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_assets.cli import main
from mlops_assets.errors import UserError
from mlops_assets.settings import CHECKOUT
from mlops_assets_tests.replay.streams import BROKEN, DAYS, MISSING, day, defs, write_csv

SECONDS = 200  # each process imports for some seconds, on a machine that is busy


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def models(tmp_path) -> Path:
    write_csv(tmp_path)
    return defs(tmp_path)


def replays(home: Path) -> list[Path]:
    return sorted((home / "replays" / "stream").iterdir())


@pytest.mark.timeout(SECONDS)
def test_what_was_interrupted_goes_on_with_the_same_command(home, models):
    """And ends with every policy, its page beside it, and no row left."""
    asked = ["replay", "stream", "--defs", str(models), "--to", day(DAYS)]
    command = [sys.executable, "-m", "mlops_assets.cli", *asked]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True
    ) as begun:
        for line in begun.stdout:
            if re.search(r"of 15 days, ", line):  # a quarter of a policy is done
                begun.send_signal(signal.SIGINT)
                break
        begun.stdout.read()
    assert begun.returncode == 128 + signal.SIGINT
    (folder,) = replays(home)
    assert list((folder / "scratch" / "policies").iterdir())
    assert not (folder / "replay.json").exists()

    ended = subprocess.run(
        command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert f"The replay that was begun in {folder} goes on." in ended.stdout
    assert replays(home) == [folder]
    assert sorted(path.name for path in folder.iterdir()) == [
        "index.html",
        "plan.json",
        "replay.json",
    ]
    assert [path.name for path in home.iterdir()] == ["replays"]  # no store, registry, Dagster
    check_result(json.loads((folder / "replay.json").read_text()))
    assert "1 have none and are skipped: 2026-01-09" in ended.stdout
    assert "In quarantine: 2026-01-10." in ended.stdout
    assert (folder / "index.html").as_uri() in ended.stdout


def check_result(found: dict) -> None:
    policies = {policy["name"]: policy for policy in found["policies"]}
    assert list(policies) == ["as configured", "every 7", "every 28", "never"]
    assert {name: policy["retrainings"] for name, policy in policies.items()} == {
        "as configured": 3,
        "every 7": 2,
        "every 28": 0,
        "never": 0,
    }
    scored = [day(n) for n in range(1, DAYS + 1) if n not in (MISSING, BROKEN)]
    assert all(list(policy["scores"]) == scored for policy in policies.values())
    assert found["days_missing"] == [day(MISSING)]
    assert list(found["days_quarantined"]) == [day(BROKEN)]
    # Equal until the first retraining of either.
    first = [policy["scores"][day(n)] for policy in policies.values() for n in (1, 2, 3, 4)]
    assert first == first[:4] * 4


def test_a_second_process_is_kept_off_the_same_replay(home, models, monkeypatch, capsys):
    asked = ["replay", "stream", "--defs", str(models), "--to", day(2)]

    def again(*_) -> None:
        assert main(asked) == 1
        raise UserError("that was all")

    monkeypatch.setattr("mlops_assets.replay.replay.live", again)
    assert main(asked) == 1
    said = capsys.readouterr().err
    assert "Another process lives this very replay" in said
    assert "that was all" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["steam"], "There is no model 'steam'. Did you mean stream? There are stream, and the"),
        (["stream", "--from", "2026-02-30"], "--from '2026-02-30' is not a day"),
        (["stream", "--from", "2026-01-05", "--to", "2026-01-04"], "is before --from 2026-01-05"),
        (["stream", "--to", "2025-12-31"], "is before the model's first day, 2026-01-01"),
        (["stream", "--to", "2999-01-01"], "--to 2999-01-01 has not ended yet"),
        (["stream", "--set", "drift.patiance=2"], "Did you mean drift.patience?"),
        (["stream", "--from", "2026-02-01", "--to", "2026-02-03"], "There is no day to replay"),
    ],
)
def test_a_mistake_is_one_message_that_says_what_to_do(home, models, capsys, arguments, message):
    assert main(["replay", *arguments, "--defs", str(models)]) == 1
    said = capsys.readouterr().err
    assert message in said.replace("\n", " ")
    assert "Traceback" not in said


def test_labels_later_than_production_asks_for_them_are_refused(home, tmp_path, capsys):
    write_csv(tmp_path)
    labels = {"kind": "csv", "url": str(tmp_path / "labels.csv")}
    late = {"label_days": 5, "replay": {"label_delay_days": 6}, "labels": labels}
    folder = defs(tmp_path, **late)
    assert main(["replay", "stream", "--defs", str(folder)]) == 1
    assert "Raise label_days" in capsys.readouterr().err


def test_an_installed_package_asks_for_the_projects_folder(monkeypatch, capsys):
    monkeypatch.setattr("mlops_assets.settings.in_checkout", lambda: False)
    assert main(["replay", "stream"]) == 1
    assert "--defs my_project/defs" in capsys.readouterr().err
