"""A real MLflow behind a proxy that loses answers, refuses, and goes away."""

import shutil
import uuid

import mlflow
import pytest

from mlops_assets.jobs import RETRAIN
from mlops_assets.resources.mlflow import AWAY_TAG
from mlops_assets.training import tracking
from mlops_assets.training.automl import train
from mlops_assets.training.mlflow_server import connect
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets_tests.examples import RETRAINED, forget_mlflow
from mlops_assets_tests.lossy_proxy import Fault
from mlops_assets_tests.servers import mlflow_server
from mlops_assets_tests.training.tables import mixed
from mlops_assets_tests.training.test_tracking import COLUMNS, TAGS

pytestmark = pytest.mark.e2e

MOVES = "registered-models/alias"
DAY = RETRAINED[0]


@pytest.fixture(scope="module")
def server(migrated_mlflow, tmp_path_factory):
    """One server for the module; each test brings a name of its own for experiment and model."""
    home = tmp_path_factory.mktemp("served")
    shutil.copyfile(migrated_mlflow, home / "mlflow.db")
    with mlflow_server(home) as proxy:
        yield proxy


@pytest.fixture
def proxy(server):
    yield server
    server.heal()
    forget_mlflow()


@pytest.fixture(scope="module")
def trained():
    results = []
    policy = TrainingPolicy(algorithms=["lr", "dt"], folds=3)
    return train(mixed(), COLUMNS, "classification", policy, results.append), results


def record(client, name, trained):
    """A training, recorded as the asset and its resource do it."""
    outcome, results = trained
    experiment = tracking.prepare_experiment(client, name, "")
    tags = {"mlflow.runName": "2026-01-02", "dagster_root_run_id": name}
    run = tracking.one_run(client, experiment, tags, "dagster_root_run_id")
    mlflow.set_experiment(experiment_id=experiment)
    with mlflow.start_run(run_id=run):
        for result in results:
            tracking.log_algorithm(client, result)
        number = tracking.log_training(
            client, outcome, mixed(), COLUMNS, "classification", model=name, tags=TAGS
        )
    tracking.end_nested(client, run)
    return experiment, run, number


# The project's own client tries again; MLflow's would do it as well, where it is told to.
@pytest.mark.parametrize(
    ("made", "nth", "retries"),
    [
        ("runs/create", 1, "0"),  # of the training
        ("runs/create", 2, "2"),  # of an algorithm
        ("logged-models$", 1, "0"),
        ("registered-models/create", 1, "0"),
        ("model-versions/create", 1, "0"),
        ("model-versions/create", 1, "2"),
    ],
)
def test_whatever_answer_is_lost_a_training_is_one_run_and_one_version(
    proxy, trained, made, nth, retries, monkeypatch
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", retries)
    name = f"lost-{uuid.uuid4()}"
    client = connect(proxy.url, patience=60)
    fault = proxy.add(Fault("lose", "POST", made, nth, times=2))
    experiment, run, number = record(client, name, trained)
    assert fault.met.is_set()
    (version,) = client.search_model_versions(f"name = '{name}'")
    assert int(version.version) == number == 1
    runs = client.search_runs([experiment])
    assert {each.info.status for each in runs} == {"FINISHED"}
    assert len(runs) == 1 + len(trained[1])
    assert [each.info.run_id for each in runs if "algorithm" not in each.data.tags] == [run]
    (model,) = client.search_logged_models([experiment])
    assert version.source == model.model_uri
    removed = version.tags.get(tracking.TWINS_TAG, "")
    assert ("2, 3: MLflow's answer was lost" in removed) == (made == "model-versions/create")


def register_again(client, name, number, run):
    source = client.get_model_version(name, str(number)).source
    client.create_model_version(name, source, run, TAGS, model_id=source.rpartition("/")[2])


def test_a_version_that_was_registered_twice_by_a_killed_try_is_found_as_one(proxy, trained):
    name = f"twice-{uuid.uuid4()}"
    client = connect(proxy.url)
    _, run, number = record(client, name, trained)
    register_again(client, name, number, run)
    assert tracking.registered(client, name, TAGS["idempotency_key"]) == number
    assert [int(v.version) for v in client.search_model_versions(f"name = '{name}'")] == [number]


def test_of_twins_the_one_that_is_in_use_is_kept(proxy, trained):
    name = f"used-{uuid.uuid4()}"
    client = connect(proxy.url)
    _, run, number = record(client, name, trained)
    register_again(client, name, number, run)
    client.set_registered_model_alias(name, "production", "2")
    assert tracking.registered(client, name, TAGS["idempotency_key"]) == 2
    assert [int(v.version) for v in client.search_model_versions(f"name = '{name}'")] == [2]


def test_of_an_interrupted_training_no_run_stays_running(proxy, trained):
    client = connect(proxy.url)
    experiment, run, _ = record(client, f"cut-{uuid.uuid4()}", trained)
    tags = {"mlflow.parentRunId": run, "algorithm": "svm"}
    cut = client.create_run(experiment, tags=tags).info.run_id
    tracking.end_nested(client, run)
    assert client.get_run(cut).info.status == "KILLED"


@pytest.fixture
def served(fork):
    """The demo's days with the second one to be decided on again, and a server over them."""
    loop = fork()
    loop.registry.set_alias("production", loop.registry.get(1))
    for kept in (loop.home / "data" / "iris" / "production_model").glob(f"{DAY}*"):
        kept.unlink()
    with mlflow_server(loop.home) as proxy:
        loop.unreachable_mlflow = proxy.url
        yield loop, proxy


def test_an_mlflow_that_is_away_for_seconds_in_a_promotion_ends_nothing(served, caplog):
    loop, proxy = served
    loop.patience = 60
    away = proxy.add(Fault("leave", "POST", MOVES, nth=2, seconds=8))
    run = loop.run("production_model", partition=DAY)
    assert away.met.is_set()
    assert run.success, run.message
    assert loop.aliases() == {"staging": 3, "previous": 1, "production": 2}
    assert "does not answer" in caplog.text
    assert "Trying again" in caplog.text
    (tracked,) = loop.mlflow_runs(run.run_id)
    assert tracked.info.status == "FINISHED"


def test_where_mlflow_stays_away_in_a_promotion_the_run_says_so_and_the_next_one_ends_it(served):
    loop, proxy = served
    loop.patience = 2
    away = proxy.add(Fault("leave", "POST", MOVES, nth=2))
    run = loop.run("production_model", partition=DAY)
    assert not run.success
    assert f"MLflow cannot be reached at {proxy.url}" in run.message
    assert "what was begun is finished by the next run" in run.message
    assert loop.instance.get_run_by_id(run.run_id).tags[AWAY_TAG].startswith("MLflow cannot be")
    away.release.set()
    assert away.over.wait(10)
    again = loop.run("production_model", partition=DAY)
    assert again.success, again.message
    assert loop.aliases() == {"staging": 3, "previous": 1, "production": 2}
    assert {each.info.status for each in loop.mlflow_runs(run.run_id)} == {"KILLED"}


def test_where_mlflow_is_away_at_the_start_the_run_is_marked_as_well(served):
    loop, proxy = served
    with proxy.away():
        run = loop.run("production_model", partition=DAY)
        daily = loop.run("predictions", partition=DAY)
    for failed in (run, daily):
        assert f"MLflow cannot be reached at {proxy.url}" in failed.message
        assert AWAY_TAG in loop.instance.get_run_by_id(failed.run_id).tags
    assert loop.run("predictions", partition=DAY).success


def test_a_retraining_among_faults_is_one_run_and_one_version(served):
    loop, proxy = served
    loop.patience = 120
    for method in ("GET", "POST", "PATCH"):
        for nth in range(7, 400, 41):
            proxy.add(Fault("lose", method, ".", nth))
            proxy.add(Fault("refuse", method, ".", nth + 20))
    before = {int(each.version) for each in loop.mlflow.search_model_versions("name = 'iris'")}
    run = loop.run(*RETRAIN, partition=RETRAINED[1], tags={"again": "yes"})
    assert run.success, run.message
    after = {int(each.version) for each in loop.mlflow.search_model_versions("name = 'iris'")}
    assert after - before == {run.metadata("candidate_model")["version"]}
    (tracked,) = loop.mlflow_runs(run.run_id)
    assert tracked.info.status == "FINISHED"
    nested = loop.nested_runs(tracked.info.run_id)
    assert sorted(each.data.tags["algorithm"] for each in nested) == ["dt", "lda", "lr"]
    assert {each.info.status for each in nested} == {"FINISHED"}
