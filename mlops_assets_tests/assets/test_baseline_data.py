import dagster as dg
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from mlops_assets.data.contract import Contract
from mlops_assets.data.fingerprint import fingerprint
from mlops_assets_tests.examples import iris_spec

FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


@pytest.fixture
def run(demo_days):
    return demo_days.runs["baseline_data", None]


def test_it_stores_the_whole_labelled_snapshot(demo_days):
    stored = demo_days.store.read("iris", "baseline_data", "all")
    source = load_iris(as_frame=True)
    assert list(stored.columns) == [*FEATURES, "species"]
    assert (stored[FEATURES].to_numpy() == source.data.to_numpy()).all()
    assert stored["species"].value_counts().to_dict() == {
        "setosa": 50,
        "versicolor": 50,
        "virginica": 50,
    }


def test_its_metadata_say_how_many_rows_of_what_and_how_they_are_split(demo_days, run):
    told, raw = run.metadata("baseline_data"), run.raw("baseline_data")
    stored = demo_days.store.read("iris", "baseline_data", "all")
    assert told["dagster/row_count"] == 150
    assert (told["train_rows"], told["holdout_rows"]) == (105, 45)
    assert told["unlabelled_rows_left_out"] == 0
    assert told["data_hash"] == fingerprint(stored)
    schema = raw["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchemaMetadataValue)
    assert [column.name for column in schema.schema.columns] == [*FEATURES, "species"]
    assert isinstance(raw["stored_at"], dg.PathMetadataValue)
    assert isinstance(raw["contract"], dg.MarkdownMetadataValue)


def test_the_contract_that_it_keeps_can_be_read_back(demo_days):
    record = demo_days.store.record("iris", "baseline_data", "all")
    contract = Contract.from_yaml(record["contract"])
    assert contract.to_yaml() == record["contract"]


def test_rows_without_a_label_are_left_out_and_counted(fresh, tmp_path):
    table = pd.DataFrame(load_iris(as_frame=True).data).rename(columns=_short)
    table["species"] = ["a", "b", None] * 50
    table.to_parquet(tmp_path / "table.parquet")
    loop = fresh(baseline={"kind": "parquet", "url": str(tmp_path / "table.parquet")})
    told = loop.run("baseline_data").metadata("baseline_data")
    assert (told["dagster/row_count"], told["unlabelled_rows_left_out"]) == (100, 50)


def test_the_balance_of_a_sensitive_target_is_not_shown(fresh):
    loop = fresh(columns={"target": "species", "sensitive": ["species"]})
    told = loop.run("baseline_data").metadata("baseline_data")
    assert told["target"] == "hidden"


def test_a_source_that_is_missing_is_told_plainly_and_leaves_nothing(fresh, tmp_path):
    url = str(tmp_path / "nowhere.parquet")
    loop = fresh(baseline={"kind": "parquet", "url": url})
    run = loop.run("baseline_data")
    assert not run.success
    assert url in run.message
    assert "Then materialize iris/baseline_data and iris/baseline_model by hand" in run.message
    assert loop.files() == {}


def test_a_file_that_is_no_parquet_is_named(fresh, tmp_path):
    path = tmp_path / "table.parquet"
    path.write_text("hello", "utf-8")
    loop = fresh(baseline={"kind": "parquet", "url": str(path)})
    run = loop.run("baseline_data")
    assert not run.success
    assert str(path) in run.message
    assert loop.files() == {}


def test_a_target_that_is_not_there_is_named(fresh):
    run = fresh(columns={"target": "colour"}).run("baseline_data")
    assert not run.success
    assert "colour" in run.message


def test_the_same_source_gives_the_same_record(fresh, demo_days):
    loop = fresh()
    assert loop.run("baseline_data").success
    assert loop.store.record("iris", "baseline_data", "all") == demo_days.store.record(
        "iris", "baseline_data", "all"
    )
    assert loop.spec == iris_spec()


def test_a_target_that_nothing_is_wrong_with_is_a_green_check(run):
    assert run.check("target").passed


def test_a_target_that_is_poor_is_a_yellow_check_that_says_what_to_do(fresh, tmp_path):
    table = pd.DataFrame(load_iris(as_frame=True).data).rename(columns=_short)
    table["species"] = ["rare"] * 10 + ["usual"] * 140
    table.to_parquet(tmp_path / "table.parquet")
    loop = fresh(baseline={"kind": "parquet", "url": str(tmp_path / "table.parquet")})
    run = loop.run("baseline_data")
    check = run.check("target")
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "140 of 150 rows are of one class, 'usual'" in check.description
    assert "'rare' has 10 of 150 rows, 3 of them in the holdout" in check.description
    assert check.description.count("\n- ") == 2
    assert all(note in check.description for note in run.metadata("baseline_data")["notes"])


def _short(name: str) -> str:
    return name.replace(" (cm)", "").replace(" ", "_")
