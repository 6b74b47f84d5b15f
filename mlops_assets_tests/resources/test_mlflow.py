"""One MLflow run a Dagster run, with the right end, in the model's own experiment."""

import socket
import time
import uuid

import dagster as dg
import pytest

from mlops_assets.resources.mlflow import (
    FIRST_TRY_TAG,
    MODEL_TAG,
    first_try,
    mlflow_run,
    model_of,
)
from mlops_assets_tests.examples import BASELINE, RETRAINED, Loop, Run, definitions_of, iris_spec

DAY = RETRAINED[1]


@pytest.mark.parametrize("day", RETRAINED)
def test_a_retrain_run_is_one_mlflow_run_with_a_nested_one_per_algorithm(demo_days, day):
    (tracked,) = demo_days.mlflow_runs(demo_days.runs["augmented_dataset", day].run_id)
    assert tracked.info.status == "FINISHED"
    assert tracked.info.run_name == tracked.data.tags["partition"] == day
    nested = demo_days.nested_runs(tracked.info.run_id)
    assert sorted(run.data.tags["algorithm"] for run in nested) == ["dt", "lda", "lr"]
    assert {run.info.status for run in nested} == {"FINISHED"}
    for run in nested:
        assert run.data.metrics.keys() >= {"accuracy", "f1_macro", "seconds"}


def test_every_model_has_its_own_experiment(demo_days):
    experiments = {each.name for each in demo_days.mlflow.search_experiments()}
    assert experiments == {"Default", "iris"}
    tags = demo_days.mlflow.get_experiment_by_name("iris").tags
    assert tags["mlflow.experimentKind"] == "custom_model_development"
    runs = demo_days.mlflow.search_runs(
        [demo_days.mlflow.get_experiment_by_name("iris").experiment_id]
    )
    # The baseline and two retrainings, each with three algorithms; nothing for the daily runs.
    assert len(runs) == 3 * (1 + 3)
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_nothing_is_written_outside_of_the_home(demo_days):
    assert list((demo_days.home.parent / "home-cwd").iterdir()) == []
    written = {path.name for path in demo_days.home.iterdir()}
    assert written <= {"data", "reports", "mlflow.db", "mlartifacts", "locks"}


def test_a_run_that_fails_is_failed_in_mlflow_too(fork):
    loop = fork()
    (loop.home / "data" / "iris" / "augmented_dataset" / f"{DAY}.parquet").unlink()
    run = loop.run("candidate_model", "production_model", partition=DAY)
    assert not run.success
    (tracked,) = loop.mlflow_runs(run.run_id)
    assert tracked.info.status == "FAILED"


@pytest.mark.parametrize(
    ("came_to", "marked"),
    [(dg.DagsterRunStatus.CANCELED, "KILLED"), (dg.DagsterRunStatus.SUCCESS, "FINISHED")],
)
def test_what_a_killed_run_left_running_is_ended_by_the_next_run(fork, came_to, marked):
    loop = fork()
    run_id = str(uuid.uuid4())
    loop.instance.add_run(dg.DagsterRun("iris_retrain", run_id, status=came_to))
    experiment = loop.mlflow.get_experiment_by_name("iris").experiment_id
    left = loop.mlflow.create_run(experiment, tags={"dagster_run_id": run_id})
    nested = loop.mlflow.create_run(
        experiment, tags={"mlflow.parentRunId": left.info.run_id, "algorithm": "lr"}
    )
    assert loop.run("augmented_dataset", partition=DAY).success
    ended = {loop.mlflow.get_run(run.info.run_id).info.status for run in (left, nested)}
    assert ended == {marked}


def test_what_is_really_running_is_left_alone(fork):
    loop = fork()
    run_id = str(uuid.uuid4())
    loop.instance.add_run(dg.DagsterRun("iris_retrain", run_id, status=dg.DagsterRunStatus.STARTED))
    experiment = loop.mlflow.get_experiment_by_name("iris").experiment_id
    running = loop.mlflow.create_run(experiment, tags={"dagster_run_id": run_id})
    by_hand = loop.mlflow.create_run(experiment)
    assert loop.run("augmented_dataset", partition=DAY).success
    for run in (running, by_hand):
        assert loop.mlflow.get_run(run.info.run_id).info.status == "RUNNING"


def test_a_run_that_is_asked_for_again_goes_on_in_the_mlflow_run_of_its_first_try(fork):
    loop = fork()
    first = loop.run("augmented_dataset", partition=DAY)
    (tracked,) = loop.mlflow_runs(first.run_id)
    again = loop.run("augmented_dataset", partition=DAY, tags={FIRST_TRY_TAG: first.run_id})
    assert again.success
    (gone_on,) = loop.mlflow_runs(again.run_id)
    assert gone_on.info.run_id == tracked.info.run_id
    assert gone_on.data.tags["dagster_root_run_id"] == first.run_id


def test_the_first_try_is_the_same_for_retries_and_for_what_is_asked_for_again():
    first = dg.DagsterRun("job", str(uuid.uuid4()))
    again = dg.DagsterRun("job", str(uuid.uuid4()), tags={FIRST_TRY_TAG: first.run_id})
    retries = [
        dg.DagsterRun(
            "job",
            str(uuid.uuid4()),
            root_run_id=run.run_id,
            parent_run_id=run.run_id,
            tags=run.tags,
        )
        for run in (first, again)
    ]
    assert {first_try(run) for run in (first, again, *retries)} == {first.run_id}


@pytest.fixture
def nobody() -> str:
    """A URI where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize(
    "assets",
    [("drift_report",), ("augmented_dataset", "candidate_model")],
    ids=lambda assets: assets[0],
)
def test_where_mlflow_is_down_the_message_names_it_and_nothing_is_written(fork, nobody, assets):
    loop = fork()
    loop.unreachable_mlflow = nobody
    before = loop.files()
    started = time.monotonic()
    run = loop.run(*assets, partition=DAY)
    assert time.monotonic() - started < 15
    assert not run.success
    assert f"MLflow cannot be reached at {nobody}" in run.message
    assert "set MLFLOW_TRACKING_URI" in run.message
    assert loop.files() == before


def test_where_mlflow_is_down_a_rollback_is_refused_and_names_it(fork, nobody):
    loop = fork()
    loop.unreachable_mlflow = nobody
    run = loop.job("iris_rollback")
    assert not run.success
    assert f"MLflow cannot be reached at {nobody}" in run.message
    assert loop.aliases()["production"] == 2


def test_a_run_over_the_assets_of_two_models_is_refused_plainly(instance, tmp_path):
    loop = Loop(tmp_path / "home", instance)
    loop.home.mkdir()
    both = dg.Definitions.merge(
        definitions_of(iris_spec()),
        dg.Definitions(assets=definitions_of(iris_spec(name="fraud")).assets),
    )
    job = both.resolve_implicit_global_asset_job_def()
    with loop.environment():
        run = Run(
            job.execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey([m, a]) for m in ("iris", "fraud") for a in BASELINE],
                raise_on_error=False,
            )
        )
    assert not run.success
    assert "assets of 2 models (fraud, iris)" in run.message
    assert "Materialize one model at a time" in run.message
    assert loop.files() == {}


def test_a_run_is_of_the_model_that_its_tag_names():
    run = dg.DagsterRun("any", str(uuid.uuid4()), tags={MODEL_TAG: "churn"})
    assert model_of(run) == "churn"


def test_a_run_made_by_hand_is_of_the_model_of_its_assets():
    run = dg.DagsterRun(
        "__ASSET_JOB",
        str(uuid.uuid4()),
        asset_selection=frozenset({dg.AssetKey(["churn", "candidate_model"])}),
    )
    assert model_of(run) == "churn"


def test_the_resource_is_one_object_for_all_models():
    resources = [definitions_of(iris_spec(name=name)).resources for name in ("iris", "fraud")]
    assert all(found is not None and found["mlflow"] is mlflow_run for found in resources)
