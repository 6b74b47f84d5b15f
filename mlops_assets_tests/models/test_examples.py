"""The ready examples, each through its whole loop."""

from pathlib import Path

import dagster as dg
import pytest
import yaml
from rich.console import Console

from mlops_assets.local.reproduce import reproduce_version
from mlops_assets.scaffold import EXAMPLES
from mlops_assets.spec import ModelSpec
from mlops_assets_tests.examples import Loop
from mlops_assets_tests.models.customers import DAYS, lives_through_two_days

# A few quick algorithms in place of all of PyCaret's.
SEARCH = {
    "wine": ["lda", "rf"],
    "breast_cancer": ["lda", "rf"],
    "diabetes": ["lr", "ridge"],
}


@pytest.fixture
def loop_of(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:

        def make(example: str) -> Loop:
            text = (EXAMPLES / example / "defs.yaml").read_text("utf-8")
            attributes = yaml.safe_load(text)["attributes"]
            attributes["training"] = {"algorithms": SEARCH[example], "folds": 2}
            return Loop(tmp_path / "home", instance, ModelSpec.model_validate(attributes))

        yield make


def lives_through_its_story(loop: Loop) -> None:
    """As the comments in the YAML tell it: no drift; retrained, promoted; drift, but known."""
    lives_through_two_days(loop)
    third = loop.daily("2026-01-03").metadata("drift_report")
    assert (third["drift_detected"], third["retrain"]) == (True, False), third["reasons"]
    assert third["regime"] == DAYS[1]


@pytest.mark.parametrize("example", ["wine", "breast_cancer"])
def test_a_classification_lives_through_its_story(loop_of, example):
    loop = loop_of(example)
    lives_through_its_story(loop)
    decided = loop.runs["augmented_dataset", DAYS[1]].metadata("production_model")
    assert decided["metric"] == "f1_macro"
    assert decided["candidate_score"] > decided["production_score"] + 0.1
    trained = loop.mlflow.get_model_version(example, "2")
    files = {file.path for file in loop.mlflow.list_artifacts(trained.run_id)}
    assert any("confusion" in file for file in files)
    if example == "wine":
        with loop.environment():
            assert reproduce_version(Console(), loop.spec, 2)


def test_a_regression_lives_through_its_story(loop_of):
    loop = loop_of("diabetes")
    lives_through_its_story(loop)
    report = loop.runs["drifted_batch", DAYS[1]].metadata("drift_report")
    assert report["target_drift"] is False
    assert 0 < report["drift/progression"] < 0.5  # in standard deviations: it is a number
    assert Path(report["report"]).read_text("utf-8").count("progression") > 0
    decided = loop.runs["augmented_dataset", DAYS[1]].metadata("production_model")
    assert decided["metric"] == "rmse"
    # An error: the candidate's is the smaller one, and the improvement is positive.
    assert decided["candidate_score"] < decided["production_score"] / 2
    assert decided["improvement"] == pytest.approx(
        decided["production_score"] - decided["candidate_score"]
    )
    assert decided["baseline_drop"] < 0.05  # a share of the first model's error
    assert "of the first one's error" in decided["checks"]
    for day in (DAYS[0], "2026-01-03"):  # by the first version, and by the second
        said, batch = (
            loop.store.read("diabetes", asset, day) for asset in ("predictions", "drifted_batch")
        )
        within = batch["progression"].between(said["lower"], said["upper"]).mean()
        assert 0.8 < within < 0.99, (day, within)
    trained = loop.mlflow.get_model_version("diabetes", "2")
    files = {file.path for file in loop.mlflow.list_artifacts(trained.run_id)}
    assert not any("confusion" in file for file in files)
    logged = loop.mlflow.get_run(trained.run_id).data.metrics
    assert any("rmse" in name.lower() for name in logged), logged
