"""A registered model of three versions, trained and stored as the project does it."""

import pytest

from mlops_assets_tests.stored import register


@pytest.fixture
def registry(mlflow_uri, tmp_path):
    """Versions 1 and 2 of `shop` answer "one" and "two" to everything; 3 has lost its file."""
    from mlflow import MlflowClient

    made = register("shop", mlflow_uri, tmp_path / "art", ("one", "two"))
    client = MlflowClient()
    run = client.create_run(client.get_experiment_by_name("shop").experiment_id)
    client.create_model_version("shop", f"{run.info.artifact_uri}/model", run.info.run_id)
    return made
