"""What all tests share: no telemetry, and a real MLflow on sqlite that is quick to get."""

import os

# Before anything imports MLflow or Evidently.
os.environ["DO_NOT_TRACK"] = "true"

import shutil
import warnings
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def migrated_mlflow(tmp_path_factory) -> Path:
    """An empty MLflow database; its migrations take three seconds, so they are made once."""
    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        MlflowClient(f"sqlite:///{path}", f"sqlite:///{path}").search_experiments(max_results=1)
    return path


@pytest.fixture
def mlflow_uri(migrated_mlflow, tmp_path):
    """The URI of an MLflow of this test's own."""
    import mlflow

    path = tmp_path / "mlflow.db"
    shutil.copyfile(migrated_mlflow, path)
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    yield f"sqlite:///{path}"
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])
