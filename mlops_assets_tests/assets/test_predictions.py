import shutil

import dagster as dg
import pytest

from mlops_assets_tests.examples import BASELINE
from mlops_assets_tests.stored import HARM, file_of


def test_every_row_is_scored_with_the_version_in_production(demo_days):
    day = "2026-01-03"
    batch = demo_days.store.read("iris", "drifted_batch", day)
    stored = demo_days.store.read("iris", "predictions", day)
    model = demo_days.registry.load(demo_days.registry.get(2))
    features = demo_days.spec.columns.features(batch)
    predicted = model.predict(batch[features])
    assert list(stored["prediction"]) == list(predicted)
    assert list(stored["probability_setosa"]) == list(predicted.probability("setosa"))
    assert set(stored["model_version"]) == {2}
    assert set(stored["prediction"]) <= set(batch["species"])


def test_metadata_say_how_many_rows_and_which_version(demo_days):
    run = demo_days.runs["drifted_batch", "2026-01-01"]
    told, raw = run.metadata("predictions"), run.raw("predictions")
    assert told["dagster/row_count"] == 300
    assert told["production_version"] == 1
    columns = raw["dagster/column_schema"].schema.columns
    probabilities = [f"probability_{one}" for one in ("setosa", "versicolor", "virginica")]
    named = ["prediction", *probabilities, "model_version"]
    assert [column.name for column in columns] == named
    stored = demo_days.store.read("iris", "predictions", "2026-01-01")
    assert told["predicted"] == stored["prediction"].value_counts().to_dict()
    for name in probabilities:
        assert told[f"mean/{name}"] == pytest.approx(stored[name].mean())
    assert "note" not in told
    assert isinstance(raw["stored_at"], dg.PathMetadataValue)


def test_without_a_production_model_it_says_what_to_materialize(fresh):
    loop = fresh()
    assert loop.run(BASELINE[0]).success
    run = loop.run("drifted_batch", "predictions", partition="2026-01-01")
    assert not run.success
    assert run.materialized == ["drifted_batch"]
    assert run.message == (
        "There is no production version of 'iris' yet. Materialize iris/baseline_model first."
    )


def test_a_column_that_is_ignored_from_now_on_is_still_there_for_production(fork):
    loop = fork(columns={"target": "species", "ignore": ["petal_width"]})
    run = loop.daily("2026-01-07")
    assert run.success, run.message
    assert run.metadata("predictions")["production_version"] == 2
    assert "drift/petal_width" not in run.metadata("drift_report")


def test_without_the_batch_it_says_what_to_materialize(fork):
    run = fork().run("predictions", partition="2026-01-20")
    assert not run.success
    assert "Materialize iris/drifted_batch of 2026-01-20" in run.message


def test_a_batch_that_became_unreadable_in_the_store_is_named(fork):
    loop = fork()
    path = loop.home / "data" / "iris" / "drifted_batch" / "2026-01-01.parquet"
    path.write_bytes(path.read_bytes()[:100])
    run = loop.run("predictions", partition="2026-01-01")
    assert not run.success
    assert f"{path} cannot be read as Parquet" in run.message
    assert "Materialize iris/drifted_batch of 2026-01-01 again" in run.message


@pytest.mark.parametrize("harm", ["other answer", "truncated", "deleted"])
def test_a_production_whose_file_was_changed_scores_nothing(fork, harm):
    loop = fork()
    assert loop.run("drifted_batch", partition="2026-01-07").success
    HARM[harm](file_of(loop.registry, 2))
    before = loop.files()
    run = loop.run("predictions", partition="2026-01-07")
    assert not run.success
    assert "version 2 of 'iris'" in run.message
    assert "Nothing was loaded" in run.message
    assert loop.files() == before
    assert loop.job("iris_rollback").success  # as the message advises
    assert loop.run("predictions", partition="2026-01-07").success


def test_a_changed_file_with_its_tags_changed_is_told_by_the_record_of_its_training(fork):
    loop = fork()
    shutil.copyfile(file_of(loop.registry, 3), file_of(loop.registry, 2))
    other = loop.registry.get(3).tags
    digest = {name: other[name] for name in ("model_sha256", "model_bytes")}
    loop.registry.set_tags(loop.registry.get(2), digest)
    run = loop.run("predictions", partition="2026-01-03")
    assert not run.success
    assert "tags of version 2 of 'iris'" in run.message
