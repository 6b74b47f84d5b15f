"""A registered model of three versions, trained and stored as the project does it."""

import warnings

import numpy as np
import pytest

from mlops_assets.promotion.registry import Registry
from mlops_assets.training.features import model_input
from mlops_assets_tests.training.tables import mixed

FEATURES = ["count", "colour"]


@pytest.fixture
def registry(mlflow_uri, tmp_path):
    """Versions 1 and 2 of `shop` answer "one" and "two" to everything; 3 has lost its file."""
    import mlflow
    from sklearn.compose import make_column_transformer
    from sklearn.dummy import DummyClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    from mlops_assets.training.model_format import log_model

    mlflow.set_tracking_uri(mlflow_uri)
    mlflow.set_registry_uri(mlflow_uri)
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("shop", artifact_location=(tmp_path / "art").as_uri())
    client.create_registered_model("shop")
    table = model_input(mixed(40), FEATURES)
    for number, label in enumerate(("one", "two"), start=1):
        encode = make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["colour"]), remainder="passthrough"
        )
        model = DummyClassifier(strategy="constant", constant=label)
        pipeline = Pipeline([("encode", encode), ("estimator", model)])
        pipeline.fit(table, np.resize(["one", "two"], len(table)))
        with mlflow.start_run(experiment_id=experiment), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            info = log_model(pipeline, table.head(3))
        client.create_model_version(
            "shop", info.model_uri, info.run_id, tags={"partition": f"2026-01-0{number}"}
        )
    run = client.create_run(experiment)
    client.create_model_version("shop", f"{run.info.artifact_uri}/model", run.info.run_id)
    return Registry("shop", mlflow_uri)
