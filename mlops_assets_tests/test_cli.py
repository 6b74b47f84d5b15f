"""What a user can do wrong on the command line is one clear message and exit code 1."""

import socket

import pytest

from mlops_assets import settings
from mlops_assets.cli import main
from mlops_assets.local.home import claimed


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("command", ["demo", "up"])
def test_a_home_in_use_is_refused(home, capsys, command):
    with claimed(home, "make up"):
        assert main([command]) == 1
    said = capsys.readouterr().err
    assert "in use by `make up`" in said
    assert "Traceback" not in said


def test_a_demo_on_a_used_home_says_what_it_found_and_how_to_start_afresh(home, capsys):
    (home / "data").mkdir(parents=True)
    (home / "demo.json").write_text("{}")
    assert main(["demo"]) == 1
    said = capsys.readouterr().err
    assert "the result of a demo (demo.json), stored tables (data)" in said
    assert "MLOPS_HOME=$(mktemp -d) make demo" in said
    assert "make up" in said


@pytest.mark.parametrize("variable", ["DAGSTER_PORT", "MLFLOW_PORT"])
def test_a_taken_port_is_refused_before_anything_is_started(home, capsys, monkeypatch, variable):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        monkeypatch.setenv(variable, str(server.getsockname()[1]))
        other = {"DAGSTER_PORT": "MLFLOW_PORT", "MLFLOW_PORT": "DAGSTER_PORT"}[variable]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            monkeypatch.setenv(other, str(free.getsockname()[1]))
        assert main(["up"]) == 1
    assert f"{variable}=" in capsys.readouterr().err
    assert not (home / "logs").exists()


def test_one_port_for_both_servers_is_refused(home, capsys, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DAGSTER_PORT", "5000")
    monkeypatch.delenv("MLFLOW_PORT", raising=False)
    assert main(["up"]) == 1
    assert "DAGSTER_PORT and MLFLOW_PORT are both 5000" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["abc", "0", "65536"])
def test_a_port_that_is_none_is_refused(home, capsys, monkeypatch, port):
    monkeypatch.setenv("DAGSTER_PORT", port)
    assert main(["up"]) == 1
    assert f"DAGSTER_PORT={port} is not a port" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["demo", "up"])
def test_an_installed_package_says_that_it_has_no_models_to_serve(capsys, monkeypatch, command):
    monkeypatch.setattr(settings, "in_checkout", lambda: False)
    assert main([command]) == 1
    assert "Start your own project: dagster dev." in capsys.readouterr().err


@pytest.mark.parametrize("command", [["reproduce", "irs", "1"], ["explain", "irs", "2026-01-02"]])
def test_an_unknown_model_is_told_with_those_that_there_are(home, capsys, command):
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "There is no model 'irs'" in said
    assert "There are: iris." in said
    assert not home.exists()


@pytest.mark.parametrize("command", [["reproduce", "iris", "1"], ["explain", "iris", "2026-01-02"]])
def test_an_installed_package_asks_where_the_models_are(capsys, monkeypatch, command):
    monkeypatch.setattr(settings, "in_checkout", lambda: False)
    assert main(command) == 1
    assert f"mlops-assets {command[0]} NAME" in capsys.readouterr().err
