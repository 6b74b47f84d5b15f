import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from mlops_assets.data.sources import read_source
from mlops_assets.lifecycle.rows import evaluation_rows
from mlops_assets_tests.examples import DAYS, iris_spec

# The contract of the metadata: other tools read these.
METADATA = {
    "drift_detected": dg.BoolMetadataValue,
    "retrain": dg.BoolMetadataValue,
    "regime": dg.TextMetadataValue,
    "drift_share": dg.FloatMetadataValue,
    "drifted_columns": dg.JsonMetadataValue,
    "target_drift": dg.BoolMetadataValue,
    "reasons": dg.JsonMetadataValue,
    "rows": dg.IntMetadataValue,
    "report": dg.PathMetadataValue,
    "drift/sepal_length": dg.FloatMetadataValue,
    "drift/sepal_width": dg.FloatMetadataValue,
    "drift/petal_length": dg.FloatMetadataValue,
    "drift/petal_width": dg.FloatMetadataValue,
    "production_score": dg.FloatMetadataValue,
}
HELD = "2026-01-06"
# partition: drift_detected, retrain, regime
STORY = {
    "2026-01-01": (False, False, "baseline"),
    "2026-01-02": (True, True, "new"),
    "2026-01-03": (True, False, "2026-01-02"),
    "2026-01-04": (True, True, "new"),
    HELD: (True, False, "baseline"),
}
VERDICT = ("drift_detected", "retrain", "regime")


def verdict_of(run) -> tuple:
    told = run.metadata("drift_report")
    return tuple(told[name] for name in VERDICT)


@pytest.mark.parametrize("day", STORY)
def test_the_demo_days_have_the_verdicts_that_the_story_tells(demo_days, day):
    assert verdict_of(demo_days.runs["drifted_batch", day]) == STORY[day]


@pytest.mark.parametrize("day", STORY)
def test_metadata_have_the_names_and_types_that_others_rely_on(demo_days, day):
    raw = demo_days.runs["drifted_batch", day].raw("drift_report")
    assert {name: type(raw[name]) for name in METADATA} == METADATA
    told = {name: value.value for name, value in raw.items()}
    assert told["rows"] == 300
    assert 0 <= told["drift_share"] <= 1
    assert all(isinstance(reason, str) and reason for reason in told["reasons"])
    assert set(told["drifted_columns"]) <= {
        "sepal_length",
        "sepal_width",
        "petal_length",
        "petal_width",
    }


@pytest.mark.parametrize("day", STORY)
def test_the_verdict_check_is_yellow_or_red_where_the_batch_is_not_as_known(demo_days, day):
    run = demo_days.runs["drifted_batch", day]
    check, state = run.check("verdict"), run.metadata("drift_report")["state"]
    learned = state == "shift, known"  # of the day before, whose candidate was promoted
    assert (state == "stable") is not STORY[day][0]
    assert check.passed is (learned or not STORY[day][0])
    assert f"{day}, {state}: " in check.description
    severity = dg.AssetCheckSeverity
    assert check.severity is (severity.ERROR if day == HELD else severity.WARN)
    assert not check.blocking
    assert check.description


@pytest.mark.parametrize("day", STORY)
def test_the_page_is_kept_in_the_home_a_partition(demo_days, day):
    told = demo_days.runs["drifted_batch", day].metadata("drift_report")
    page = Path(told["report"])
    assert page == demo_days.home / "reports" / "iris" / f"{day}.html"
    assert page.read_text("utf-8").lstrip().lower().startswith("<")


def test_a_known_regime_has_a_second_page_against_itself(demo_days):
    told = demo_days.runs["drifted_batch", "2026-01-03"].metadata("drift_report")
    assert Path(told["regime_report"]).is_file()


def test_production_is_scored_on_the_labelled_rows_of_the_batch(demo_days):
    day = "2026-01-02"
    batch = demo_days.store.read("iris", "drifted_batch", day)
    model = demo_days.registry.load(demo_days.registry.get(1))
    features = demo_days.spec.columns.features(batch)
    score = demo_days.spec.metric_of().score(
        batch["species"].to_numpy(), model.predict(batch[features])
    )
    told = demo_days.runs["drifted_batch", day].metadata("drift_report")
    assert told["production_score"] == pytest.approx(score)


@pytest.mark.parametrize("day", ["2026-01-02", "2026-01-03"])
def test_made_again_after_later_days_and_decisions_it_says_the_same(fork, day):
    loop = fork()
    before = loop.store.record("iris", "drift_report", day)["report"]
    again = loop.run("drift_report", partition=day)
    assert verdict_of(again) == STORY[day]
    after = loop.store.record("iris", "drift_report", day)["report"]
    assert {name: after[name] for name in ("regime", "rows", "labelled_rows", *VERDICT)} == {
        name: before[name] for name in ("regime", "rows", "labelled_rows", *VERDICT)
    }


def test_drift_that_only_the_score_shows_is_still_drift_when_made_again(fresh, tmp_path):
    """After the promotion production copes with the day, and the day has drifted nevertheless."""
    rows = read_source(iris_spec().batches, dt.date(2026, 1, 1))
    swapped = {"versicolor": "virginica", "virginica": "versicolor", "setosa": "setosa"}
    rows["species"] = rows["species"].map(swapped)
    rows.to_parquet(tmp_path / "2026-01-01.parquet")
    loop = fresh(
        batches={"kind": "parquet", "url": str(tmp_path / "{date}.parquet")},
        gate={"max_baseline_drop": None},
    )
    assert loop.baseline().success
    assert verdict_of(loop.daily("2026-01-01")) == (True, True, "new")
    told = loop.retrain("2026-01-01").metadata("production_model")
    assert told["production_version"] == 2
    assert verdict_of(loop.run("drift_report", partition="2026-01-01")) == (True, True, "new")


def test_without_production_it_says_what_to_materialize(fresh):
    loop = fresh()
    loop.run("baseline_data")
    run = loop.run("drifted_batch", "drift_report", partition=DAYS[0])
    assert not run.success
    assert run.message == (
        "There is no production version of 'iris' yet. Materialize iris/baseline_model first."
    )
    assert not (loop.home / "data" / "iris" / "drift_report").exists()


def test_a_batch_without_labels_is_judged_by_its_features_and_never_retrains(fork, tmp_path):
    loop = fork()
    batch = loop.store.read("iris", "drifted_batch", "2026-01-04").drop(columns="species")
    batch.to_parquet(tmp_path / "2026-01-08.parquet")
    loop = fork(batches={"kind": "parquet", "url": str(tmp_path / "{date}.parquet")})
    run = loop.daily("2026-01-08")
    assert run.success, run.message
    told = run.metadata("drift_report")
    assert told["drift_detected"] is True
    assert told["retrain"] is False
    assert "production_score" not in told


def test_made_again_it_is_scored_by_the_version_that_scored_it_before(fork, demo_days):
    """Production by now has learned from the day's rows, and would look better than it was."""
    day = "2026-01-02"
    again = fork().run("drift_report", partition=day).metadata("drift_report")
    before = demo_days.runs["drifted_batch", day].metadata("drift_report")
    assert again["production_version"] == before["production_version"] == 1
    assert again["production_score"] == before["production_score"]
    assert again["reasons"] == before["reasons"]


def test_rows_that_production_has_learned_do_not_score_it(fork):
    """A day that production was trained on and that has no report yet."""
    loop = fork()
    day = "2026-01-02"
    (loop.home / "data" / "iris" / "drift_report" / f"{day}.json").unlink()
    told = loop.run("drift_report", partition=day).metadata("drift_report")
    assert told["production_version"] == 2
    rows = evaluation_rows(loop.life, [day])
    features = loop.spec.columns.features(rows)
    predicted = loop.registry.load(loop.registry.get(2)).predict(rows[features])
    score = loop.spec.metric_of().score(rows["species"].to_numpy(), predicted)
    assert told["production_score"] == pytest.approx(score)
