"""The record in a real MLflow, and loading what was stored."""

import json
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pytest

from mlops_assets.data.columns import Columns
from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.errors import UserError
from mlops_assets.promotion.registry import Registry
from mlops_assets.training import tracking
from mlops_assets.training.automl import train
from mlops_assets.training.mlflow_server import connect
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.search import AlgorithmResult
from mlops_assets.training.tuning import TUNING, Tuning
from mlops_assets.training.weights import Roles
from mlops_assets_tests.training.tables import churn, mixed

COLUMNS = Columns(target="y", sensitive=["shop", "size [cm]"])
TAGS = {"partition": "2026-01-02", "dagster_run_id": "r1", "idempotency_key": "r1/2026-01-02"}


@pytest.fixture(scope="module")
def trained():
    results = []
    policy = TrainingPolicy(algorithms=["lightgbm", "dt"], folds=3)
    return train(mixed(), COLUMNS, "classification", policy, results.append), results


@pytest.fixture
def experiment(mlflow_uri, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tracking.prepare_experiment(
        connect(mlflow_uri), "iris", (tmp_path / "artifacts").as_uri()
    )


def record(experiment, trained, files=(), tags=TAGS):
    outcome, results = trained
    client = connect(mlflow.get_tracking_uri())
    with mlflow.start_run(experiment_id=experiment) as run:
        for result in results:
            tracking.log_algorithm(client, result)
        number = tracking.log_training(
            client,
            outcome,
            mixed(),
            COLUMNS,
            "classification",
            model="iris",
            tags=tags,
            files=files,
        )
    return number, run.info.run_id


def test_a_training_is_recorded_whole(experiment, trained, mlflow_uri, tmp_path):
    page = tmp_path / "report.html"
    page.write_text("<html/>", "utf-8")
    number, run_id = record(experiment, trained, files=[page])
    client = mlflow.MlflowClient()
    version = client.get_model_version("iris", str(number))
    assert number == 1
    assert version.tags["partition"] == "2026-01-02"
    assert version.tags["training_data_hash"] == fingerprint(mixed())
    run = client.get_run(run_id)
    assert run.inputs.dataset_inputs[0].dataset.digest == fingerprint(mixed())
    assert run.data.params["algorithm"] == trained[0].algorithm
    assert 0 < run.data.metrics["f1_macro"] <= 1
    artifacts = {file.path for file in client.list_artifacts(run_id)}
    assert artifacts - {"notes.txt"} == {
        *("confusion_matrix.png", "reliability.png", "leaderboard.json", "report.html"),
    }
    assert 0 <= run.data.metrics["expected_calibration_error"] < 1
    nested = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'")
    assert {child.info.run_name for child in nested} == {
        "Light Gradient Boosting Machine",
        "Decision Tree Classifier",
    }
    assert all("seconds" in child.data.metrics for child in nested)
    assert not (tmp_path / "mlruns").exists()


def test_what_tuning_has_tried_and_found_is_recorded(experiment, trained, mlflow_uri):
    outcome, results = trained
    tuning = Tuning(trials=1, algorithm="dt", parameters={"max_depth": 4}, gain=0.125)
    tried = AlgorithmResult(
        "dt, trial 1", "Tree, trial 1", {"f1": 0.5}, 1.0, None, {"max_depth": 4}
    )
    _, run_id = record(experiment, (replace(outcome, tuning=tuning), [*results, tried]))
    client = connect(mlflow_uri)
    kept = tracking.read_training(client, run_id, (TUNING,))
    assert Tuning.model_validate_json(kept.files[TUNING]) == tuning
    assert (kept.parameters["tuned"], kept.parameters["tuning_trials"]) == ("dt", "1")
    assert client.get_run(run_id).data.metrics["tuning_gain"] == 0.125
    (nested,) = client.search_runs([experiment], "tags.algorithm = 'dt, trial 1'")
    assert nested.data.params == {"max_depth": "4"}


# The example's sensitive texts are empty, which the model has never seen.
@pytest.mark.filterwarnings("ignore:Found unknown categories:UserWarning")
def test_the_model_loads_checked_and_through_pyfunc_by_its_alias(experiment, trained, mlflow_uri):
    number, _ = record(experiment, trained)
    registry = Registry("iris", mlflow_uri)
    registry.promote(registry.get(number), None)
    expected = trained[0].model.predict(mixed()).labels
    assert (registry.load(registry.in_use()).predict(mixed()).labels == expected).all()
    served = mlflow.pyfunc.load_model("models:/iris@production")
    example = served.input_example
    assert len(served.predict(example)) == len(example) == 5
    assert served.metadata.signature is not None


def test_sensitive_values_are_not_stored(experiment, trained, tmp_path):
    record(experiment, trained)
    stored = [
        path
        for path in (tmp_path / "artifacts").rglob("*")
        if path.is_file() and path.suffix in {".json", ".html", ".yaml", ""}
    ]
    assert any("input_example" in path.name for path in stored)
    assert all("shop 1" not in path.read_text("utf-8") for path in stored)


def test_a_retry_finds_its_version_and_registers_no_second(experiment, trained, mlflow_uri):
    first, _ = record(experiment, trained)
    again, _ = record(experiment, trained)
    assert again == first == tracking.registered(connect(mlflow_uri), "iris", "r1/2026-01-02")
    other, _ = record(experiment, trained, tags={**TAGS, "idempotency_key": "r2/2026-01-02"})
    assert other == first + 1
    assert tracking.registered(connect(mlflow_uri), "iris", "r3/2026-01-02") is None


def test_a_failed_algorithm_is_a_nested_run_with_its_error(experiment, mlflow_uri):
    with mlflow.start_run(experiment_id=experiment) as run:
        failed = AlgorithmResult("dt", "Decision Tree", {}, 0.5, error="ValueError")
        tracking.log_algorithm(connect(mlflow_uri), failed)
    client = mlflow.MlflowClient()
    assert client.get_run(run.info.run_id).data.tags["failed.dt"] == "ValueError"
    nested = client.search_runs([experiment], "tags.error = 'ValueError'")
    assert [child.info.run_name for child in nested] == ["Decision Tree"]


def test_preparing_an_experiment_twice_gives_the_same_one(experiment, mlflow_uri, tmp_path):
    assert tracking.prepare_experiment(connect(mlflow_uri), "iris", tmp_path.as_uri()) == experiment


def test_a_deleted_experiment_is_a_clear_error(experiment, mlflow_uri, tmp_path):
    mlflow.MlflowClient().delete_experiment(experiment)
    with pytest.raises(UserError, match="experiment 'iris' was deleted"):
        tracking.prepare_experiment(connect(mlflow_uri), "iris", tmp_path.as_uri())


def test_the_leaderboard_is_a_table_in_the_ui(experiment, trained, tmp_path):
    _, run_id = record(experiment, trained)
    table = json.loads(
        Path(
            mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="leaderboard.json")
        ).read_text("utf-8")
    )
    assert table["columns"][:3] == ["id", "Algorithm", "F1 macro"]
    assert len(table["data"]) == 2


def key_with(roles):
    asked = ("iris", "2026-01-02", mixed(), COLUMNS, "classification", TrainingPolicy())
    return tracking.idempotency_key(*asked, roles)


def test_rows_that_are_other_ones_to_the_candidate_make_another_training():
    regime = np.arange(len(mixed())) >= 100
    made = Roles(regime, ~regime, np.ones(len(regime)), "f1_macro", 0.05)
    others = [
        replace(made, regime=~regime),
        replace(made, importance=np.linspace(0.5, 1, len(regime))),
        replace(made, max_drop=0.1),
    ]
    keys = [key_with(roles) for roles in (None, made, *others)]
    assert len(set(keys)) == 5
    assert key_with(replace(made)) == keys[1]


def test_the_weight_of_the_regime_is_among_the_parameters(experiment, trained, mlflow_uri):
    outcome, results = trained
    weighted = replace(outcome, regime_weight=5.916)
    _, run_id = record(experiment, (weighted, results))
    assert mlflow.MlflowClient().get_run(run_id).data.params["regime_weight"] == "5.916"


@pytest.mark.parametrize(
    ("name", "logged"),
    [
        ("f1_macro", "f1_macro"),
        ("F1 macro", "f1_macro"),
        ("precision_at(0.1)", "precision_at_0.1"),
        ("expected_cost(fp=1, fn=20)", "expected_cost_fp_1_fn_20"),
        ("function(my_package.my_module:profit)", "function_my_package.my_module:profit"),
        ("function(m:f, lower is better)", "function_m:f_lower_is_better"),
    ],
)
def test_a_metric_is_logged_under_a_name_that_mlflow_takes(experiment, mlflow_uri, name, logged):
    client = connect(mlflow_uri)
    with mlflow.start_run(experiment_id=experiment) as run:
        tracking.log_algorithm(
            client, AlgorithmResult("lr", "Logistic Regression", {name: 0.5}, 1.0)
        )
    [nested] = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
    assert nested.data.metrics == {logged: 0.5, "seconds": 1.0}


def test_a_threshold_is_stored_with_the_version_and_told(experiment, mlflow_uri):
    policy = TrainingPolicy(algorithms=["lr"], folds=3, threshold=0.07, metric="accuracy")
    outcome = train(churn(300, 0), COLUMNS, "classification", policy, lambda _: None)
    with mlflow.start_run(experiment_id=experiment) as run:
        number = tracking.log_training(
            connect(mlflow_uri),
            outcome,
            churn(300, 0),
            COLUMNS,
            "classification",
            model="iris",
            tags=TAGS,
        )
    registry = Registry("iris", mlflow_uri)
    loaded = registry.load(registry.get(number))
    assert loaded.threshold == outcome.threshold
    fresh = churn(100, 1)
    assert (loaded.predict(fresh).labels == outcome.model.predict(fresh).labels).all()
    assert (loaded.predict(fresh).labels == "yes").sum() > 20
    assert mlflow.MlflowClient().get_run(run.info.run_id).data.params["threshold"] == "0.07"
    version = mlflow.MlflowClient().get_model_version("iris", str(number))
    assert mlflow.models.get_model_info(version.source).metadata["threshold"] == 0.07
