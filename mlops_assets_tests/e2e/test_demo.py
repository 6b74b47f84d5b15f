"""What ``make demo`` promises, seen in everything that it leaves behind."""

import json
import subprocess
import sys

import dagster as dg
import pandas as pd
import pytest

from mlops_assets.data.columns import Columns
from mlops_assets.data.splits import SplitPolicy, held_out
from mlops_assets.local.demo import SENSOR, STORY
from mlops_assets.local.home import dagster_home
from mlops_assets.settings import CHECKOUT
from mlops_assets_tests.e2e.conftest import environment_for, processes_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

OUTCOMES = ["skipped", "promoted", "skipped", "rejected", "quarantined", "held"]
IRIS = Columns(target="species")

# In a process of its own, as a user of the registry would: nothing but mlflow and the alias.
LOAD_AND_PREDICT = """
import sys, json, mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
table = pd.read_parquet(sys.argv[2])
model = mlflow.pyfunc.load_model("models:/iris@" + sys.argv[3])
predicted = model.predict(table.drop(columns="species"))["prediction"]
print(json.dumps([list(map(str, predicted)), list(map(str, table["species"]))]))
"""


@pytest.fixture(scope="module")
def days(demo):
    return json.loads((demo.home / "demo.json").read_text())["days"]


@pytest.fixture(scope="module")
def mlflow_client(demo):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{demo.home}/mlflow.db")


@pytest.fixture
def instance(demo):
    with dg.DagsterInstance.from_config(str(dagster_home(demo.home))) as found:
        yield found


def stored(demo, asset, partition):
    return pd.read_parquet(demo.home / "data" / "iris" / asset / f"{partition}.parquet")


def test_the_demo_ends_well_and_prints_a_table_of_the_outcomes(demo):
    assert demo.exit_code == 0, demo.output
    for partition, outcome in zip(STORY, OUTCOMES, strict=True):
        assert any(partition in line and outcome in line for line in demo.output.splitlines())
    assert "make up" in demo.output


def test_demo_json_tells_the_six_outcomes_in_the_agreed_form(demo, days):
    assert [day["partition"] for day in days] == [f"2026-01-0{n}" for n in range(1, 7)]
    assert [day["outcome"] for day in days] == OUTCOMES
    assert [day["drift_detected"] for day in days] == [False, True, True, True, None, True]
    assert [day["retrain"] for day in days] == [False, True, False, True, None, False]
    assert [day["decision"] for day in days] == [None, "promoted", None, "rejected", None, None]
    assert [day["production_version"] for day in days] == [1, 2, 2, 2, 2, 2]
    assert days[1]["candidate_score"] > days[1]["production_score"]
    whole = json.loads((demo.home / "demo.json").read_text())
    assert set(whole) == {"days", "seconds"}
    assert 0 < whole["seconds"] < demo.seconds


def test_the_held_day_is_told_in_words_with_what_a_person_does_next(demo):
    told = [line for line in demo.output.splitlines() if "  2026-01-06  " in line]
    [fault] = [line for line in told if "held: suspected fault: " in line]
    assert "petal_length is " in fault
    assert "times the baseline at every quantile" in fault
    assert "divided by 10 (a decimal place, or millimetres and centimetres)" in fault
    advice = told[told.index(fault) + 1]
    assert "correct 2026-01-06 at its source and run the job iris_daily for it again" in advice
    assert "run the job iris_accept_day for it" in advice


def test_the_demo_stops_everything_that_it_started(demo):
    assert processes_of(demo.home) == []


def test_a_second_demo_on_a_used_home_says_what_it_found(demo):
    again = subprocess.run(
        ["make", "demo"],
        cwd=CHECKOUT,
        env=environment_for(demo.home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode != 0
    assert "used before" in again.stderr
    assert "demo.json" in again.stderr
    assert "Traceback" not in again.stderr


@pytest.mark.parametrize("alias", ["production", "previous"])
def test_the_alias_loads_through_pyfunc_in_a_new_process_and_predicts(demo, alias):
    baseline = demo.home / "data" / "iris" / "baseline_data" / "all.parquet"
    uri = f"sqlite:///{demo.home}/mlflow.db"
    command = [sys.executable, "-c", LOAD_AND_PREDICT, uri, str(baseline), alias]
    environment = environment_for(demo.home)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    predicted, true = json.loads(done.stdout.splitlines()[-1])
    right = sum(p == t for p, t in zip(predicted, true, strict=True))
    assert right / len(true) > 0.8


def test_the_aliases_point_at_the_versions_of_the_story(mlflow_client):
    versions = {
        alias: int(mlflow_client.get_model_version_by_alias("iris", alias).version)
        for alias in ("previous", "production", "staging")
    }
    assert versions == {"previous": 1, "production": 2, "staging": 3}


def test_every_retrain_run_is_one_mlflow_run_with_a_nested_run_for_each_algorithm(
    demo, mlflow_client, instance
):
    [experiment] = [e for e in mlflow_client.search_experiments() if e.name == "iris"]
    runs = mlflow_client.search_runs([experiment.experiment_id], max_results=1000)
    children = pd.Series([run.data.tags.get("mlflow.parentRunId") for run in runs]).value_counts()
    retrains = instance.get_runs(filters=dg.RunsFilter(job_name="iris_retrain"))
    assert len(retrains) == 2
    for retrain in retrains:
        tagged = [
            run
            for run in runs
            if run.data.tags.get("dagster_run_id") == retrain.run_id
            and "mlflow.parentRunId" not in run.data.tags
        ]
        [parent] = tagged
        assert parent.info.status == "FINISHED"
        assert children[parent.info.run_id] >= 12
    assert all(run.info.status == "FINISHED" for run in runs)


@pytest.mark.parametrize("retrained", ["2026-01-02", "2026-01-04"])
def test_no_evaluation_row_is_in_a_training_set(demo, retrained):
    policy = SplitPolicy()
    training = stored(demo, "augmented_dataset", retrained)
    sources = {"baseline_data/all": policy.holdout_share}
    for partition in list(STORY)[:4]:
        sources[f"drifted_batch/{partition}"] = policy.evaluation_share
    for source, share in sources.items():
        table = stored(demo, *source.split("/"))
        stratified = source == "baseline_data/all"
        mask = held_out(table, IRIS, share, policy.seed, "classification", stratified=stratified)
        judged, columns = table[mask], list(table.columns)
        assert len(judged) >= 0.8 * share * len(table)
        known = set(training[columns].itertuples(index=False, name=None))
        assert known.isdisjoint(judged.itertuples(index=False, name=None)), source
        if source == f"drifted_batch/{retrained}":  # so that the comparison can find anything
            assert known.issuperset(table[~mask].itertuples(index=False, name=None))


def test_the_broken_day_is_in_quarantine_and_nowhere_else(demo, instance):
    kept = demo.home / "data" / "iris"
    assert list((kept / "quarantine").glob("2026-01-05*"))
    found = [path for path in kept.rglob("2026-01-05*") if path.parent.name != "quarantine"]
    assert found == []


def test_the_runs_are_those_of_the_story_and_no_others(instance):
    runs = instance.get_runs()
    daily = [r for r in runs if r.job_name == "iris_daily"]
    assert sorted(r.tags["dagster/partition"] for r in daily) == list(STORY)
    retrain = [r for r in runs if r.job_name == "iris_retrain"]
    assert {r.tags["dagster/partition"] for r in retrain} == {"2026-01-02", "2026-01-04"}
    assert all(r.tags["dagster/sensor_name"] == "iris_retrain_on_drift" for r in retrain)
    assert len(runs) - len(daily) - len(retrain) in (1, 2)  # the baseline, at first start
    assert all(r.is_finished for r in runs)


def test_every_tick_of_the_sensor_that_requested_nothing_has_its_reason(instance):
    [sensor] = [
        state for state in instance.all_instigator_state() if state.instigator_name == SENSOR
    ]
    ticks = instance.get_ticks(sensor.instigator_origin_id, sensor.selector_id)
    skipped = [tick for tick in ticks if not tick.run_ids]
    assert all(tick.skip_reason for tick in skipped)
    for partition in ("2026-01-01", "2026-01-03", "2026-01-06"):
        [reason] = [tick.skip_reason for tick in skipped if partition + ":" in tick.skip_reason]
        assert "feature columns" in reason  # what was measured, in words
    assert sum(len(tick.run_ids) for tick in ticks) == 2


def test_every_drift_report_has_its_page_in_the_home(demo):
    for partition in [day for day in STORY if day != "2026-01-05"]:
        assert list((demo.home / "reports").rglob(f"*{partition}*.html"))
