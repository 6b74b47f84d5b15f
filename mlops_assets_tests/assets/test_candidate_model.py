import dagster as dg
import pytest

from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.jobs import RETRAIN
from mlops_assets.lifecycle import trainer
from mlops_assets_tests.examples import RETRAINED

DAY = "2026-01-04"
OTHERWISE = {"algorithms": ["lr", "lda"], "folds": 3}  # than the demo's days were trained


@pytest.fixture
def run(demo_days):
    return demo_days.runs["augmented_dataset", DAY]


def test_the_best_model_of_the_search_is_registered_as_staging(demo_days, run):
    told = run.metadata("candidate_model")
    assert told["version"] == 3
    assert demo_days.aliases() == {"staging": 3, "production": 2, "previous": 1}
    assert told["algorithm"]
    assert told["training_rows"] == len(demo_days.store.read("iris", "augmented_dataset", DAY))


@pytest.mark.parametrize(("day", "number"), [*zip(RETRAINED, (2, 3), strict=True)])
def test_a_version_says_by_its_tags_what_made_it(demo_days, day, number):
    run = demo_days.runs["augmented_dataset", day]
    table = demo_days.store.read("iris", "augmented_dataset", day)
    tags = demo_days.registry.get(number).tags
    assert tags["partition"] == day
    assert tags["dagster_run_id"] == run.run_id
    assert tags["training_data_hash"] == fingerprint(table.drop(columns="mlops_assets_partition"))
    assert tags["decision"] == run.metadata("production_model")["decision"]


def test_every_row_of_the_augmented_dataset_and_no_helper_column_is_learned(demo_days, run):
    (tracked,) = demo_days.mlflow_runs(run.run_id)
    assert tracked.data.params["features"] == "sepal_length, sepal_width, petal_length, petal_width"


def test_the_drift_report_is_kept_with_the_candidate(demo_days, run):
    (tracked,) = demo_days.mlflow_runs(run.run_id)
    files = {file.path for file in demo_days.mlflow.list_artifacts(tracked.info.run_id)}
    assert {f"{DAY}.html", "leaderboard.json", "confusion_matrix.png", "decision.json"} <= files


def test_a_retry_of_a_killed_run_registers_its_version_once(fork):
    loop = fork(training=OTHERWISE)
    first = loop.run("augmented_dataset", "candidate_model", partition=DAY)
    made = first.metadata("candidate_model")["version"]
    retry = loop.run(*RETRAIN, partition=DAY, retry_of=first.run_id)
    assert retry.success, retry.message
    assert retry.metadata("candidate_model")["version"] == made == 4
    assert len(loop.mlflow.search_model_versions("name = 'iris'")) == 4
    kept = loop.store.record("iris", "candidate_model", DAY)
    assert kept["version"] == 4
    assert kept["model_digest"].items() <= loop.registry.get(4).tags.items()
    # And it goes on in the MLflow run of the first try.
    (tracked,) = loop.mlflow_runs(retry.run_id)
    assert tracked.info.run_id == loop.registry.get(made).run_id


def test_the_same_rows_with_the_same_settings_are_trained_once_whoever_asks(fork):
    loop = fork()
    again = loop.run(*RETRAIN, partition=DAY)  # by hand, which is a run of its own
    assert again.success, again.message
    told = again.metadata("candidate_model")
    assert told["version"] == 3
    assert "Version 3 was trained on these very rows with these settings before" in told["known"]
    assert len(loop.mlflow.search_model_versions("name = 'iris'")) == 3
    assert loop.aliases() == {"staging": 3, "production": 2, "previous": 1}


def test_without_the_augmented_dataset_it_says_what_to_materialize(fork):
    run = fork().run("candidate_model", partition="2026-01-03")
    assert not run.success
    assert "Materialize iris/augmented_dataset of 2026-01-03 first" in run.message


def test_when_its_table_is_lost_it_says_so_and_moves_no_alias(fork):
    loop = fork()
    path = loop.home / "data" / "iris" / "augmented_dataset" / f"{DAY}.parquet"
    path.unlink()
    run = loop.run("candidate_model", "production_model", partition=DAY)
    assert not run.success
    assert str(path) in run.message
    assert run.materialized == []
    assert loop.aliases() == {"staging": 3, "production": 2, "previous": 1}


def test_a_run_that_is_terminated_ends_after_the_algorithm_at_hand(fork, monkeypatch):
    """Also where the interrupt itself was lost."""
    loop = fork(training=OTHERWISE)
    trained = []

    def log_and_terminate(client, result):
        trained.append(result.id)
        [running] = loop.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        loop.instance.report_run_canceling(running)

    monkeypatch.setattr(trainer, "log_algorithm", log_and_terminate)
    assert not loop.run(*RETRAIN, partition=DAY).success
    [run] = loop.instance.get_runs()
    assert run.status is dg.DagsterRunStatus.CANCELED
    assert len(trained) == 1
    assert loop.aliases() == {"staging": 3, "production": 2, "previous": 1}
    (tracked,) = loop.mlflow_runs(run.run_id)
    assert tracked.info.status == "FAILED"
