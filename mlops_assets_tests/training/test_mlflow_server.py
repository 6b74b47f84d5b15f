"""Waiting for an MLflow that is away, and saying so."""

import sqlite3
import threading
from contextlib import closing

import pytest
from mlflow.exceptions import MlflowException

from mlops_assets.errors import AwayError, UserError
from mlops_assets.local.processes import free_port
from mlops_assets.training import mlflow_server
from mlops_assets.training.mlflow_server import connect, masked


@pytest.fixture
def pauses(monkeypatch):
    """A clock that only the pauses move on."""
    taken = []
    monkeypatch.setattr(mlflow_server.time, "sleep", taken.append)
    monkeypatch.setattr(mlflow_server.time, "monotonic", lambda: 1000.0 + sum(taken))
    return taken


def test_it_tries_again_until_its_patience_ends_and_says_so(pauses, caplog):
    uri = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(AwayError) as told:
        connect(uri, patience=60)
    assert pauses == [1, 2, 4, 8, 15, 15, 15]
    assert str(told.value) == (
        f"MLflow cannot be reached at {uri} (ConnectionRefusedError), tried for 60 s. Start it, or "
        "set MLFLOW_TRACKING_URI to where it is; what was begun is finished by the next run."
    )
    assert "Trying again, for 60 s more" in caplog.text


def test_without_patience_it_says_so_at_once(pauses):
    with pytest.raises(AwayError):
        connect(f"http://127.0.0.1:{free_port()}")
    assert pauses == []


def test_what_waiting_does_not_mend_is_told_at_once(pauses, mlflow_uri):
    client = connect(mlflow_uri, patience=60)
    with pytest.raises(MlflowException, match="not found"):
        client.get_registered_model("iris")
    assert pauses == []


@pytest.mark.parametrize("uri", ["strange://mlflow", "sqlite:////dev/null/mlflow.db"])
def test_what_can_be_no_mlflow_is_told_at_once(pauses, uri):
    with pytest.raises(UserError, match=f"MLflow cannot be reached at {uri}") as told:
        connect(uri, patience=60)
    assert not isinstance(told.value, AwayError)
    assert pauses == []


# MLflow tells the whole error in its own log.
def test_a_database_that_is_locked_is_waited_for(mlflow_uri, monkeypatch):
    client = connect(mlflow_uri, patience=60)
    waiting = threading.Event()
    with closing(
        sqlite3.connect(mlflow_uri.removeprefix("sqlite:///"), check_same_thread=False)
    ) as other:
        other.execute("BEGIN EXCLUSIVE")

        def release(_):
            other.rollback()
            waiting.set()

        monkeypatch.setattr(mlflow_server.time, "sleep", release)
        client.create_registered_model("iris")
    assert waiting.is_set()
    assert client.get_registered_model("iris").name == "iris"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://u:p@h/d", "postgresql://u:***@h/d"),
        ("http://h:5000/?token=x", "http://h:5000/"),
        ("sqlite:////home/x/mlflow.db", "sqlite:////home/x/mlflow.db"),
    ],
)
def test_passwords_and_queries_are_not_shown(uri, shown):
    assert masked(uri) == shown
