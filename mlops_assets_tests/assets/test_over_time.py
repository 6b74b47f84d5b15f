"""What takes several days: late labels, concept drift, going back to the previous version."""

from datetime import date
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from mlops_assets.assets.shared import ASKED_AGAIN
from mlops_assets.data.sources import read_source
from mlops_assets.evidence.explain import explain
from mlops_assets.jobs import DAILY
from mlops_assets_tests.assets.test_production_model import back_to_the_baseline
from mlops_assets_tests.examples import Loop, Run, definitions_of, iris_spec

DRIFTED = "2026-01-02"
USUAL = ("2026-01-08", "2026-01-10")
DRIFTED_LATER = ("2026-01-07", "2026-01-09")


def rows_of(day: str) -> pd.DataFrame:
    """The demo's rows of a day, with an id."""
    rows = read_source(iris_spec().batches, date.fromisoformat(day))
    return rows.assign(flower=[f"{day}-{i}" for i in range(len(rows))])


@pytest.fixture
def folder(tmp_path) -> Path:
    """Where a team's tables arrive."""
    for part in ("batches", "labels"):
        (tmp_path / "arrived" / part).mkdir(parents=True)
    flowers = read_source(iris_spec().baseline, None)
    flowers = flowers.assign(flower=[f"baseline-{i}" for i in range(len(flowers))])
    flowers.to_parquet(tmp_path / "arrived" / "baseline.parquet")
    return tmp_path / "arrived"


@pytest.fixture
def own_tables(fresh, folder) -> Loop:
    """A loop over the tables of the folder; its baseline model is made."""
    parquet = {"kind": "parquet"}
    loop = fresh(
        columns={"target": "species", "id": ["flower"]},
        baseline=parquet | {"url": str(folder / "baseline.parquet")},
        batches=parquet | {"url": str(folder / "batches" / "{date}.parquet")},
        training={"algorithms": ["qda", "lda"], "folds": 3},
        labels=parquet | {"url": str(folder / "labels" / "{date}.parquet")},
    )
    assert loop.baseline().success
    return loop


def tick(loop: Loop, sensor: str, cursor: str | None = None) -> dg.SensorResult:
    repository = definitions_of(loop.spec).get_repository_def()
    context = dg.build_sensor_context(
        loop.instance, cursor=cursor, repository_def=repository, sensor_name=sensor
    )
    result = repository.get_sensor_def(sensor)(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_a_batch_whose_labels_come_late_is_retrained_on_when_they_are_there(own_tables, folder):
    rows = rows_of(DRIFTED)
    rows.drop(columns="species").to_parquet(folder / "batches" / f"{DRIFTED}.parquet")
    report = own_tables.daily(DRIFTED).metadata("drift_report")
    assert (report["drift_detected"], report["retrain"]) == (True, False)
    assert report["labelled_rows"] == 0
    assert "production_score" not in report
    skipped = tick(own_tables, "iris_retrain_on_drift")
    assert skipped.skip_reason is not None
    assert "0 labelled rows" in skipped.skip_reason.skip_message
    assert "at least 125 are needed" in skipped.skip_reason.skip_message

    stored = own_tables.files()
    in_vain = own_tables.run(*DAILY, partition=DRIFTED, tags=ASKED_AGAIN)
    assert in_vain.success
    assert in_vain.materialized == []
    assert own_tables.files() == stored

    rows[["flower", "species"]].to_parquet(folder / "labels" / f"{DRIFTED}.parquet")
    found = own_tables.run(*DAILY, partition=DRIFTED, tags=ASKED_AGAIN)
    report = found.metadata("drift_report")
    assert (report["retrain"], report["labelled_rows"]) == (True, 300)
    asked = tick(own_tables, "iris_retrain_on_drift", skipped.cursor)
    assert [run.partition_key for run in asked.run_requests or ()] == [DRIFTED]
    decided = own_tables.retrain(DRIFTED).metadata("production_model")
    assert decided["evaluation_rows"] > 50
    assert decided["decision"] == "promoted", decided["reasons"]


def labels_arrive(loop: Loop, folder: Path, labels: pd.DataFrame) -> Run:
    """The labels of the drifted day, and the daily run that asks for them."""
    labels[["flower", "species"]].to_parquet(folder / "labels" / f"{DRIFTED}.parquet")
    run = loop.run(*DAILY, partition=DRIFTED, tags=ASKED_AGAIN)
    assert run.success, run.message
    return run


def test_labels_that_trickle_in_are_reported_and_not_retrained_on_each_time(own_tables, folder):
    rows = rows_of(DRIFTED)
    rows.drop(columns="species").to_parquet(folder / "batches" / f"{DRIFTED}.parquet")
    own_tables.daily(DRIFTED)
    unlabelled = tick(own_tables, "iris_retrain_on_drift")
    (folder / "batches" / f"{DRIFTED}.parquet").unlink()  # as a retention rule does
    labels_arrive(own_tables, folder, rows.head(150))
    asked = tick(own_tables, "iris_retrain_on_drift", unlabelled.cursor)
    assert len(asked.run_requests or ()) == 1
    decided = own_tables.retrain(DRIFTED).metadata("production_model")
    assert decided["decision"] == "promoted"
    served = own_tables.store.read("iris", "predictions", DRIFTED)

    report = labels_arrive(own_tables, folder, rows.head(200)).metadata("drift_report")
    assert (report["labelled_rows"], report["production_version"]) == (200, 1)
    skipped = tick(own_tables, "iris_retrain_on_drift", asked.cursor)
    assert not skipped.run_requests
    assert "decided on before, with 150 labelled rows" in str(skipped.skip_reason)
    assert "again from 450" in str(skipped.skip_reason)
    again = own_tables.retrain(DRIFTED).metadata("production_model")
    assert again["decision"] == "already_known"
    assert own_tables.store.read("iris", "predictions", DRIFTED).equals(served)


def test_too_few_rows_are_decided_on_again_when_there_are_more(own_tables, folder):
    rows = rows_of(DRIFTED)
    rows.drop(columns="species").to_parquet(folder / "batches" / f"{DRIFTED}.parquet")
    own_tables.daily(DRIFTED)
    labels_arrive(own_tables, folder, rows.head(125))
    decided = own_tables.retrain(DRIFTED).metadata("production_model")
    assert decided["decision"] == "inconclusive"
    assert decided["evaluation_rows"] < 50
    assert "decided_before" not in labels_arrive(own_tables, folder, rows).metadata("drift_report")
    assert own_tables.retrain(DRIFTED).metadata("production_model")["decision"] == "promoted"


def test_a_day_that_is_delivered_again_with_other_labels_is_decided_on_again(own_tables, folder):
    rows = rows_of(DRIFTED)
    scrambled = rows.assign(species=rows["species"].sample(frac=1, random_state=0).to_numpy())
    scrambled.to_parquet(folder / "batches" / f"{DRIFTED}.parquet")
    own_tables.daily(DRIFTED)
    assert own_tables.retrain(DRIFTED).metadata("production_model")["decision"] == "rejected"
    assert "decided_before" in own_tables.daily(DRIFTED).metadata("drift_report")
    rows.to_parquet(folder / "batches" / f"{DRIFTED}.parquet")
    assert "decided_before" not in own_tables.daily(DRIFTED).metadata("drift_report")
    assert own_tables.retrain(DRIFTED).metadata("production_model")["decision"] == "promoted"


def test_labels_that_were_known_stay_where_their_source_is_gone(own_tables, folder):
    rows = rows_of(DRIFTED)
    rows.drop(columns="species").to_parquet(folder / "batches" / f"{DRIFTED}.parquet")
    labels_arrive(own_tables, folder, rows)
    (folder / "labels" / f"{DRIFTED}.parquet").unlink()
    again = own_tables.daily(DRIFTED)
    assert again.metadata("drifted_batch")["labelled_rows"] == 300
    assert any("no labels yet" in note for note in noted(again))


def test_a_report_that_was_lost_after_its_labels_came_is_made_by_the_next_run(own_tables, folder):
    rows = rows_of(DRIFTED)
    rows.drop(columns="species").to_parquet(folder / "batches" / f"{DRIFTED}.parquet")
    own_tables.daily(DRIFTED)
    labels = rows[["flower", "species"]]
    labels.to_parquet(folder / "labels" / f"{DRIFTED}.parquet")
    killed = own_tables.run("drifted_batch", partition=DRIFTED, tags=ASKED_AGAIN)
    assert killed.metadata("drifted_batch")["labelled_rows"] == 300
    assert labels_arrive(own_tables, folder, labels).metadata("drift_report")["retrain"] is True
    assert labels_arrive(own_tables, folder, labels).materialized == []


def test_labels_that_belong_to_no_row_are_told_of(own_tables, folder):
    rows = rows_of(DRIFTED)
    rows.drop(columns="species").to_parquet(folder / "batches" / f"{DRIFTED}.parquet")
    own_tables.daily(DRIFTED)
    others = rows.assign(flower=[f"#{flower}" for flower in rows["flower"]])
    assert labels_arrive(own_tables, folder, others).materialized == []
    (note, _) = noted(own_tables.daily(DRIFTED))[::-1]
    assert note.startswith("none of the 300 labels belongs to a row of this batch")
    assert "compare how `labels` and `batches` write flower" in note


def test_one_table_of_all_labels_serves_every_day(fresh, folder):
    rows = rows_of(DRIFTED)
    rows.drop(columns="species").to_parquet(folder / "batches" / f"{DRIFTED}.parquet")
    every = pd.concat([rows.head(200), rows_of(USUAL[0])])[["flower", "species"]]
    every.to_parquet(folder / "labels.parquet")
    loop = fresh(
        columns={"target": "species", "id": ["flower"]},
        baseline={"kind": "parquet", "url": str(folder / "baseline.parquet")},
        batches={"kind": "parquet", "url": str(folder / "batches" / "{date}.parquet")},
        labels={"kind": "parquet", "url": str(folder / "labels.parquet")},
    )
    assert loop.run("baseline_data").success
    batch = loop.run("drifted_batch", partition=DRIFTED).metadata("drifted_batch")
    assert (batch["labelled_rows"], batch["dagster/row_count"]) == (200, 300)


def test_a_column_that_may_be_left_out_is_drift_that_is_learned_from(fresh, folder):
    loop = fresh(
        columns={"target": "species", "id": ["flower"]},
        baseline={"kind": "parquet", "url": str(folder / "baseline.parquet")},
        batches={"kind": "parquet", "url": str(folder / "batches" / "{date}.parquet")},
        training={"algorithms": ["lr", "dt"], "folds": 3},
        contract={"columns": {"petal_width": {"required": False}}},
        drift={"drift_share": 0.2},
    )
    assert loop.baseline().success
    for day in (DRIFTED, USUAL[0]):
        rows_of(day).drop(columns="petal_width").to_parquet(folder / "batches" / f"{day}.parquet")
        run = loop.daily(day)
        assert run.success, run.message
        assert any("petal_width: no such column" in note for note in noted(run))
    assert "no value in the batch" in " ".join(run.metadata("drift_report")["reasons"])
    retrained = loop.retrain(USUAL[0])
    assert retrained.success, retrained.message


def noted(run: Run) -> list[str]:
    return run.metadata("drifted_batch")["notes"]


def test_changed_labels_alone_are_drift_that_is_retrained_on(own_tables, folder):
    rows = rows_of("2026-01-01")
    turned = {"setosa": "versicolor", "versicolor": "virginica", "virginica": "setosa"}
    rows["species"] = rows["species"].map(turned)
    rows.to_parquet(folder / "batches" / "2026-01-01.parquet")
    report = own_tables.daily("2026-01-01").metadata("drift_report")
    assert report["drifted_columns"] == []
    assert (report["drift_detected"], report["retrain"]) == (True, True)
    assert "credibly below" in " ".join(report["reasons"])


def put_the_worse_version_into_production(loop: Loop) -> None:
    """As if version 1, which does not know the second grower, were the candidate of a later day."""
    with loop.environment():
        worse, good = loop.registry.get(1), loop.registry.in_use()
        loop.registry.set_tags(worse, {"partition": "2026-01-04", "decision": "promoted"})
        loop.registry.promote(worse, expected_production=good)
    kept = loop.store.record("iris", "production_model", "2026-01-04")
    kept["candidate_version"] = 1
    loop.store.write_record("iris", "production_model", "2026-01-04", kept)


def test_production_goes_back_when_previous_is_credibly_better_on_the_days_since(fork):
    loop = fork(rollback={"patience": 2, "periods": 4})
    put_the_worse_version_into_production(loop)
    first = loop.daily(DRIFTED_LATER[0])
    assert first.metadata("drift_report")["rollback"] is False
    assert first.check("production_is_best").passed
    second = loop.daily(DRIFTED_LATER[1])
    assert second.metadata("drift_report")["rollback"] is True
    check = second.check("production_is_best")
    assert not check.passed
    said = str(check.description)
    assert "version 2 is better than version 1 in production" in said
    assert "of 2 of 4 days, at least +0.3" in said

    asked = tick(loop, "iris_rollback_on_fall")
    tags = [run.tags["mlops_assets/expected_production"] for run in asked.run_requests or ()]
    assert tags == ["1"]
    assert loop.job("iris_rollback").success
    assert loop.aliases() == {"staging": 3, "production": 2, "previous": 1}
    assert loop.store.record("iris", "production_model", "2026-01-04")["decision"] == "rolled_back"
    assert loop.daily(DRIFTED_LATER[1]).metadata("drift_report")["rollback"] is False


def test_one_field_turns_going_back_off(fork):
    loop = fork(rollback={"enabled": False})
    put_the_worse_version_into_production(loop)
    for day in DRIFTED_LATER:
        assert loop.daily(day).metadata("drift_report")["rollback"] is False


def test_a_healthy_production_stays(fork):
    loop = fork()
    for day in USUAL:
        run = loop.daily(day)
        assert run.check("production_is_best").passed
    skipped = tick(loop, "iris_rollback_on_fall")
    assert skipped.skip_reason is not None
    assert f"No report of {', '.join(USUAL)} asks to go back" in skipped.skip_reason.skip_message


def test_a_challenger_is_promoted_on_the_evidence_of_later_days(fork):
    loop = fork(gate={"min_evaluation_rows": 121})  # its own day has 120
    back_to_the_baseline(loop)
    first = loop.run("production_model", partition=DRIFTED).metadata("production_model")
    assert (first["decision"], first["production_version"]) == ("inconclusive", 1)
    reports = [loop.daily(day).metadata("drift_report") for day in (*DRIFTED_LATER, "2026-01-11")]
    assert ["promotion_due" in found for found in reports] == [False, False, True]
    assert "of 3 of 14 days" in reports[-1]["challenger"]

    asked = tick(loop, "iris_promote_on_evidence")
    days = [request.partition_key for request in asked.run_requests or ()]
    assert days == [reports[-1]["promotion_due"]] == [DRIFTED]
    again = loop.job("iris_challenge", partition=DRIFTED)
    assert again.success, again.message
    told = again.metadata("production_model")
    assert (told["decision"], told["production_version"]) == ("promoted", 2)
    assert again.check("gate").passed
    assert loop.aliases() == {"staging": 2, "production": 2, "previous": 1}
    assert explain(loop.life, DRIFTED).sound
    assert tick(loop, "iris_promote_on_evidence", asked.cursor).run_requests in (None, [])
