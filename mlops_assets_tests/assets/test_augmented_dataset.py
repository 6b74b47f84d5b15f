import json

import dagster as dg
import pandas as pd
import pytest

from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.data.splits import held_out
from mlops_assets.jobs import RETRAIN
from mlops_assets.lifecycle.rows import baseline_parts, evaluation_rows, lineage_parts
from mlops_assets_tests.examples import BY_SENSOR, RETRAINED

ORIGIN = "mlops_assets_partition"
FROM = {
    # The first day was a quiet one.
    "2026-01-02": ["baseline", "2026-01-01", "2026-01-02"],
    # The promoted regime's days up to this one, and this batch's own regime.
    "2026-01-04": ["baseline", "2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"],
}


def learnable(loop, origin: str) -> pd.DataFrame:
    if origin == "baseline":
        return baseline_parts(loop.life).learn
    return lineage_parts(loop.life, [origin])[origin].learn


def as_rows(table: pd.DataFrame) -> set[tuple]:
    return set(table.drop(columns=ORIGIN, errors="ignore").itertuples(index=False, name=None))


@pytest.mark.parametrize("day", RETRAINED)
def test_it_is_the_baselines_train_part_and_the_adaptation_parts_of_the_regimes(demo_days, day):
    stored = demo_days.store.read("iris", "augmented_dataset", day)
    assert list(stored[ORIGIN].unique()) == FROM[day]
    for origin in FROM[day]:
        rows = stored[stored[ORIGIN] == origin].drop(columns=ORIGIN).reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, learnable(demo_days, origin), check_dtype=False)


@pytest.mark.parametrize("day", RETRAINED)
def test_metadata_say_how_many_rows_come_from_where(demo_days, day):
    run = demo_days.runs["augmented_dataset", day]
    told, raw = run.metadata("augmented_dataset"), run.raw("augmented_dataset")
    counts = {origin: len(learnable(demo_days, origin)) for origin in FROM[day]}
    assert told["rows_from"] == counts
    assert told["dagster/row_count"] == sum(counts.values())
    assert told["regime"] == day
    assert told["notes"] == ["Quiet days are learned from as well: 2026-01-01 (180 rows)."]
    columns = [column.name for column in raw["dagster/column_schema"].schema.columns]
    assert columns[-2:] == ["species", ORIGIN]
    assert isinstance(raw["stored_at"], dg.PathMetadataValue)


@pytest.mark.parametrize("day", RETRAINED)
def test_no_training_set_has_an_evaluation_row_of_any_batch_or_of_the_holdout(demo_days, day):
    trained_on = as_rows(demo_days.store.read("iris", "augmented_dataset", day))
    held_out = [baseline_parts(demo_days.life).judge]
    held_out += [
        evaluation_rows(demo_days.life, [batch])
        for batch in ("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04")
    ]
    for rows in held_out:
        assert len(rows) >= 45
        assert not as_rows(rows) & trained_on


def test_rows_that_are_delivered_again_stay_on_the_side_that_they_were_on_first(fork):
    loop, day = fork(), "2026-01-04"
    tables = [loop.store.read("iris", "drifted_batch", key) for key in ("2026-01-02", day)]
    baseline = loop.store.read("iris", "baseline_data", "all")
    again = pd.concat([*tables, baseline], ignore_index=True)
    loop.store.write("iris", "drifted_batch", day, again)
    alone = held_out(again, loop.spec.columns, 0.4, 0, "classification", stratified=False)
    judged_before = as_rows(evaluation_rows(loop.life, ["2026-01-02"]))
    judged_before |= as_rows(baseline_parts(loop.life).judge)
    assert judged_before & as_rows(again[~alone])  # split alone, it would break the promise

    run = loop.run(*RETRAIN, partition=day)

    assert run.success, run.message
    trained_on = as_rows(loop.store.read("iris", "augmented_dataset", day))
    parts = lineage_parts(loop.life, FROM[day][1:])
    assert not trained_on & judged_before
    assert not trained_on & as_rows(parts[day].judge)
    assert run.metadata("production_model")["evaluation_rows"] == len(parts[day].judge)


def test_the_record_has_the_hash_of_every_table_that_went_in(demo_days):
    record = demo_days.store.record("iris", "augmented_dataset", "2026-01-04")
    assert record["data_hashes"] == {
        origin: fingerprint(learnable(demo_days, origin).assign(**{ORIGIN: origin}))
        for origin in FROM["2026-01-04"]
    }
    assert record["regime_partitions"] == ["2026-01-04"]
    assert record["regime_rows"] == 300


def test_a_rejected_regime_teaches_later_models_nothing(fork):
    """The scrambled day stays out of the training sets of other regimes."""
    loop = fork()
    loop.run("drifted_batch", "drift_report", partition="2026-01-07")
    told = loop.run("augmented_dataset", partition="2026-01-07").metadata("augmented_dataset")
    assert set(told["rows_from"]) == {*FROM["2026-01-04"][:-1], "2026-01-07"}


def dealt_with_meanwhile(loop) -> None:
    """Another run has decided on the regime of 2026-01-02 at its first day, with enough rows."""
    kept = loop.store.record("iris", "drift_report", "2026-01-03")
    kept["report"] |= {"retrain": True}
    loop.store.write_record("iris", "drift_report", "2026-01-03", kept)


def test_what_the_sensor_asked_for_is_judged_again_and_nothing_is_trained(fork):
    loop = fork()
    dealt_with_meanwhile(loop)
    before = loop.files()
    run = loop.retrain("2026-01-03")
    assert run.success, run.message
    reason = run.metadata("augmented_dataset")["already_known"]
    assert "2026-01-02" in reason
    told = run.metadata("production_model")
    assert told["decision"] == "already_known"
    assert told["reasons"] == [reason]
    assert told["production_version"] == 2
    assert run.check("gate").passed
    assert len(loop.mlflow.search_model_versions("name = 'iris'")) == 3
    changed = {name for name, content in loop.files().items() if before.get(name) != content}
    assert changed == {"iris/augmented_dataset/2026-01-03.json"}


def test_a_person_who_asks_by_hand_is_not_judged_again(fork):
    loop = fork()
    dealt_with_meanwhile(loop)
    told = loop.run("augmented_dataset", partition="2026-01-03").metadata("augmented_dataset")
    assert "already_known" not in told
    assert told["rows_from"].keys() == {*FROM["2026-01-04"][:-1]}


def test_what_production_has_learned_is_learned_again_whatever_its_record_says(fork):
    """As when the record could not be written, or a decision on the same day was made again."""
    loop = fork()
    (loop.home / "data/iris/production_model/2026-01-02.json").unlink()
    told = loop.run("augmented_dataset", partition="2026-01-04").metadata("augmented_dataset")
    assert set(told["rows_from"]) == {*FROM["2026-01-02"], "2026-01-04"}


def test_what_could_not_be_promoted_is_not_trained_when_the_sensor_asks(fork):
    loop = fork()
    (loop.home / "data/iris/production_model/2026-01-04.json").unlink()
    loop.registry.set_tags(loop.registry.get(2), {"partition": "2026-01-09"})
    told = loop.retrain("2026-01-04").metadata("augmented_dataset")
    assert "promoted on 2026-01-09, later than 2026-01-04" in told["already_known"]
    by_hand = loop.run("augmented_dataset", partition="2026-01-04")
    assert "already_known" not in by_hand.metadata("augmented_dataset")


def test_without_a_drift_report_it_says_what_to_materialize(fork):
    loop = fork()
    run = loop.run("augmented_dataset", partition="2026-01-20", tags=BY_SENSOR)
    assert not run.success
    assert "Materialize iris/drift_report of 2026-01-20 first" in run.message


def test_the_same_partition_again_gives_the_same_table(fork):
    loop = fork()
    path = loop.home / "data" / "iris" / "augmented_dataset" / "2026-01-04.json"
    before = json.loads(path.read_text("utf-8"))
    assert loop.run("augmented_dataset", partition="2026-01-04").success
    after = json.loads(path.read_text("utf-8"))
    assert after["data_hashes"] == before["data_hashes"]
