import dagster as dg
import pandas as pd
import pytest

from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.data.sources import read_source
from mlops_assets.jobs import DAILY
from mlops_assets_tests.examples import iris_spec

BAD, GOOD = "2026-01-05", "2026-01-08"


@pytest.fixture
def arriving(fork, tmp_path):
    """The loop with batches as files that the test puts there."""
    folder = tmp_path / "incoming"
    folder.mkdir()
    loop = fork(batches={"kind": "parquet", "url": str(folder / "{date}.parquet")})
    return loop, folder


def rows_of(day: str) -> pd.DataFrame:
    return read_source(iris_spec().batches, pd.Timestamp(day).date())


def test_a_batch_is_stored_whole_with_its_count_and_hash(demo_days):
    day = "2026-01-02"
    stored = demo_days.store.read("iris", "drifted_batch", day)
    pd.testing.assert_frame_equal(stored, rows_of(day), check_dtype=False)
    run = demo_days.runs["drifted_batch", day]
    told, raw = run.metadata("drifted_batch"), run.raw("drifted_batch")
    assert told["dagster/row_count"] == told["labelled_rows"] == 300
    assert told["data_hash"] == fingerprint(stored)
    assert len(raw["dagster/column_schema"].schema.columns) == 5
    assert isinstance(raw["stored_at"], dg.PathMetadataValue)
    assert run.check("contract").passed


def test_a_batch_that_breaks_the_contract_goes_to_quarantine_and_nowhere_else(demo_days):
    run = demo_days.runs["drifted_batch", BAD]
    assert not run.success
    assert run.materialized == []
    check = run.check("contract")
    assert not check.passed
    assert check.blocking
    assert check.severity is dg.AssetCheckSeverity.ERROR
    assert check.metadata["violations"].value == 1
    assert "petal_width: the column is missing" in run.message
    kept = pd.read_parquet(check.metadata["quarantined_at"].value)
    assert len(kept) == 300
    record = demo_days.store.record("iris", "quarantine", BAD)
    assert "petal_width" in record["violation"]
    stored = [name for name in demo_days.files() if BAD in name]
    assert all(name.startswith("iris/quarantine/") for name in stored)


def test_after_a_quarantine_what_was_stored_is_untouched_and_the_next_good_day_works(fork):
    loop = fork()
    before = loop.files()
    assert not loop.daily(BAD).success
    changed = {name for name, content in loop.files().items() if before.get(name) != content}
    assert all("quarantine" in name for name in changed)
    assert loop.aliases()["production"] == 2
    assert set(loop.daily(GOOD).materialized) == set(DAILY)


def test_a_bad_delivery_does_not_overwrite_the_good_one_of_the_same_day(arriving):
    loop, folder = arriving
    before = loop.files()
    rows_of("2026-01-01").drop(columns="sepal_width").to_parquet(folder / "2026-01-01.parquet")
    assert not loop.daily("2026-01-01").success
    after = loop.files()
    assert {name: after[name] for name in before} == before


def test_a_batch_that_was_put_right_at_its_source_is_taken(arriving):
    loop, folder = arriving
    rows = rows_of(GOOD)
    rows.drop(columns="petal_width").to_parquet(folder / f"{GOOD}.parquet")
    assert not loop.daily(GOOD).success
    rows.to_parquet(folder / f"{GOOD}.parquet")
    assert set(loop.daily(GOOD).materialized) == set(DAILY)


def test_every_violation_is_told_at_once(arriving):
    loop, folder = arriving
    rows = rows_of(GOOD).drop(columns="petal_width").assign(species="oak")
    rows.to_parquet(folder / f"{GOOD}.parquet")
    run = loop.daily(GOOD)
    assert "petal_width" in run.message
    assert "species" in run.message
    assert run.check("contract").metadata["violations"].value == 2


def test_what_is_unusual_is_a_yellow_check_and_the_day_goes_on(arriving):
    loop, folder = arriving
    rows = rows_of(GOOD)
    rows.loc[0, "petal_width"] = None
    rows.to_parquet(folder / f"{GOOD}.parquet")
    run = loop.daily(GOOD)
    assert set(run.materialized) == set(DAILY), run.message
    check = run.check("contract")
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.description == (
        "Possible, but unusual:\n"
        "- petal_width: 1 of 300 rows have no value, where every row of the baseline has one."
    )


def test_a_batch_that_is_not_there_yet_ends_the_run_well_and_nothing_follows(arriving):
    loop, _ = arriving
    before = loop.files()
    run = loop.daily(GOOD)
    assert run.success, run.message
    assert run.materialized == []
    assert loop.files() == before
    check = run.check("contract")
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert GOOD in check.description


def test_an_unreadable_file_is_named_and_nothing_is_stored(arriving):
    loop, folder = arriving
    path = folder / f"{GOOD}.parquet"
    path.write_bytes(b"PAR1 but not really")
    before = loop.files()
    run = loop.daily(GOOD)
    assert not run.success
    assert str(path) in run.message
    assert loop.files() == before


def test_without_a_baseline_it_says_what_to_materialize(fresh):
    run = fresh().run("drifted_batch", partition=GOOD)
    assert not run.success
    assert "Materialize iris/baseline_data first" in run.message


def test_labels_that_come_later_are_joined_when_the_day_is_run_again(fork, tmp_path):
    rows = rows_of(GOOD).reset_index(names="flower")
    rows["flower"] = "f" + rows["flower"].astype(str)
    baseline = read_source(iris_spec().baseline, None).reset_index(names="flower")
    baseline["flower"] = "b" + baseline["flower"].astype(str)
    baseline.to_parquet(tmp_path / "baseline.parquet")
    rows.drop(columns="species").to_parquet(tmp_path / f"batch-{GOOD}.parquet")
    loop = fork(
        columns={"target": "species", "id": ["flower"]},
        baseline={"kind": "parquet", "url": str(tmp_path / "baseline.parquet")},
        batches={"kind": "parquet", "url": str(tmp_path / "batch-{date}.parquet")},
        labels={"kind": "parquet", "url": str(tmp_path / "labels-{date}.parquet")},
    )
    assert loop.run("baseline_data").success
    first = loop.run("drifted_batch", partition=GOOD).metadata("drifted_batch")
    assert (first["dagster/row_count"], first["labelled_rows"]) == (300, 0)
    rows[["flower", "species"]].iloc[:200].to_parquet(tmp_path / f"labels-{GOOD}.parquet")
    again = loop.run("drifted_batch", partition=GOOD).metadata("drifted_batch")
    assert (again["dagster/row_count"], again["labelled_rows"]) == (300, 200)
