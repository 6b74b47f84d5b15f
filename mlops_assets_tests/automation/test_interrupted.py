"""What was interrupted is asked for again, so often as is told, and then said where people look."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import JobFailureData, RunFailureReason

from mlops_assets.assets.shared import asked_by
from mlops_assets.automation import BASELINE, DAILY, RETRAIN, asset_job
from mlops_assets.automation.interrupted import MOST, interrupted
from mlops_assets.jobs import accept_job, approve_job, rollback_job
from mlops_assets.resources.mlflow import AWAY_TAG, MODEL_TAG, first_try
from mlops_assets.runs import STOPPED_TAG
from mlops_assets_tests.examples import definitions_of, iris_spec

DAY = "2026-01-02"
RETRAIN_TAGS = {"dagster/partition": DAY, "dagster/sensor_name": "iris_retrain_on_drift"}
STATUS = dg.DagsterRunStatus
KILLED = "Run execution process was terminated by signal 9 (SIGKILL)."


class Life:
    """A Dagster instance, and its sensor at one moment after the other."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.passed = timedelta()
        self.spec = iris_spec()
        self.repository = definitions_of(self.spec).get_repository_def()

    def run(self, job: str = "iris_retrain", *, tags: Any = None, **more: Any) -> dg.DagsterRun:
        days = {"dagster/partition": DAY} if job in ("iris_daily", "iris_retrain") else {}
        run = dg.DagsterRun(
            job,
            str(uuid.uuid4()),
            tags={MODEL_TAG: "iris", **days} if tags is None else tags,
            status=more.pop("status", STATUS.STARTED),
            **more,
        )
        return self.instance.add_run(run)

    def end(
        self,
        run: dg.DagsterRun,
        reason: RunFailureReason | None = None,
        said: str = KILLED,
    ) -> dg.DagsterRun:
        """It fails; without a reason, as where somebody notices that its process is gone."""
        data = JobFailureData(error=None, failure_reason=reason) if reason else None
        self.instance.report_run_failed(run, said, data)
        return self.instance.get_run_by_id(run.run_id)

    def tick(self, later: timedelta = timedelta()) -> tuple[list[dg.RunRequest], str]:
        """The sensor as a daemon evaluates it."""
        self.passed += later
        jobs = [
            asset_job(self.spec, "daily", DAILY, "Checks"),
            asset_job(self.spec, "retrain", RETRAIN, "Trains"),
            rollback_job(self.spec),
            approve_job(self.spec),
            accept_job(self.spec),
            asset_job(self.spec, "first_start", BASELINE, "Makes"),
        ]
        sensor = interrupted(self.spec, jobs, lambda: datetime.now(tz=UTC) + self.passed)
        context = dg.build_sensor_context(
            self.instance, repository_def=self.repository, sensor_name=sensor.name
        )
        said = sensor.evaluate_tick(context)
        return list(said.run_requests or ()), said.skip_message or ""

    def asked(self, request: dg.RunRequest) -> dg.DagsterRun:
        """The run of a request, as the daemon makes it."""
        by = {"dagster/sensor_name": "iris_interrupted", "dagster/run_key": request.run_key}
        tags = {MODEL_TAG: "iris", **request.tags, **by}
        return self.run(request.job_name or "", tags=tags)


@pytest.fixture
def life(instance) -> Life:
    return Life(instance)


@pytest.fixture
def retrying(tmp_path) -> Any:
    """A life in an instance where Dagster retries by itself, once."""
    retries = {"enabled": True, "max_retries": 1, "retry_on_asset_or_op_failure": False}
    with dg.DagsterInstance.local_temp(str(tmp_path), {"run_retries": retries}) as instance:
        yield Life(instance)


@pytest.mark.parametrize(
    "job", ["iris_daily", "iris_retrain", "iris_accept_day", "iris_rollback", "iris_approve"]
)
def test_a_run_that_was_lost_is_asked_for_again_as_what_it_was(life, job):
    of_day = job in ("iris_daily", "iris_retrain", "iris_accept_day")
    days = {"dagster/partition": DAY} if of_day else {}
    mine = {MODEL_TAG: "iris", "mlops_assets/expected_production": "2", **days}
    run = life.end(life.run(job, tags={**mine, ".dagster/grpc_info": "x", "dagster/run_key": "k"}))
    (request,), _ = life.tick()
    assert (request.job_name, request.partition_key) == (job, days.get("dagster/partition"))
    assert request.run_key == f"{run.run_id}-again"
    assert mine.items() <= request.tags.items()
    assert request.tags["mlops_assets/asked_again"] == f"asked for again, 1 of 3: {KILLED}"
    assert "dagster/run_key" not in request.tags
    again = life.asked(request)
    assert first_try(again) == run.run_id
    assert life.tick() == ([], "Nothing was interrupted.")


def test_who_asked_first_is_known_however_often_it_is_asked_for_again(life):
    for tags, by in ((RETRAIN_TAGS, "iris_retrain_on_drift"), ({"dagster/partition": DAY}, None)):
        run = life.end(life.run(tags={MODEL_TAG: "iris", **tags}))
        for _ in range(2):
            (request,), _ = life.tick(timedelta(hours=1))
            again = life.asked(request)
            assert asked_by(again) == by
            assert first_try(again) == run.run_id
            life.end(again)
        life.run(status=STATUS.SUCCESS)


@pytest.mark.parametrize(
    "reason", [RunFailureReason.STEP_FAILURE, RunFailureReason.JOB_INITIALIZATION_FAILURE]
)
def test_what_failed_for_a_reason_is_not_asked_for_again(life, reason):
    life.end(life.run(), reason)
    assert life.tick() == ([], "Nothing was interrupted.")


def test_what_a_person_has_cancelled_is_not_asked_for_again(life):
    life.instance.report_run_canceled(life.run())
    assert life.tick() == ([], "Nothing was interrupted.")


@pytest.mark.parametrize(
    "status", [STATUS.STARTED, STATUS.SUCCESS, STATUS.CANCELED, STATUS.NOT_STARTED]
)
def test_what_was_asked_for_since_is_not_asked_for_again(life, status):
    life.end(life.run())
    other = {MODEL_TAG: "iris", "dagster/partition": "2026-01-03"}
    life.run(tags=other, status=status)
    assert len(life.tick()[0]) == 1
    life.run(status=status)
    assert life.tick() == ([], "Nothing was interrupted.")


def test_what_ended_for_a_reason_since_is_not_asked_for_again(life):
    life.end(life.run())
    life.end(life.run(), RunFailureReason.STEP_FAILURE)
    assert life.tick() == ([], "Nothing was interrupted.")


def test_neither_long_past_days_nor_those_the_model_does_not_have_are_asked_for(life):
    life.end(life.run(tags={MODEL_TAG: "iris", "dagster/partition": "2025-12-31"}))
    assert life.tick() == ([], "Nothing was interrupted.")
    life.end(life.run())
    assert life.tick(timedelta(days=32)) == ([], "Nothing was interrupted.")


def test_models_do_not_ask_for_each_others_work(life):
    life.end(life.run("churn_retrain", tags={MODEL_TAG: "churn", "dagster/partition": DAY}))
    assert life.tick() == ([], "Nothing was interrupted.")


def test_dagsters_own_retry_goes_first(retrying):
    life = retrying
    first = life.end(life.run(), RunFailureReason.UNEXPECTED_TERMINATION)
    assert first.tags["dagster/will_retry"] == "true"
    assert life.tick() == ([], "Nothing was interrupted.")
    group = {"root_run_id": first.run_id, "parent_run_id": first.run_id}
    life.instance.add_run_tags(first.run_id, {"dagster/auto_retry_run_id": "it"})
    told = {f"dagster/{name}": run_id for name, run_id in group.items()}
    tags = {MODEL_TAG: "iris", "dagster/partition": DAY, **told}
    retry = life.run(tags=tags, **group)
    assert life.tick() == ([], "Nothing was interrupted.")
    life.end(retry, RunFailureReason.UNEXPECTED_TERMINATION)
    (request,), _ = life.tick()
    assert request.tags["mlops_assets/first_try"] == first.run_id
    again = life.end(life.asked(request))
    assert again.tags["dagster/will_retry"] == "false"  # the sensor counts, so that it is once


def ask(life: Life, end: Callable[[dg.DagsterRun], Any]) -> dg.RunRequest | str:
    """The work ends once more; the request that follows, or what is said in its place."""
    (running,) = life.instance.get_runs(dg.RunsFilter(statuses=[STATUS.STARTED]))
    end(running)
    requests, said = life.tick(timedelta(hours=1))
    if not requests:
        return said
    life.asked(requests[0])
    return requests[0]


def test_stops_of_the_servers_do_not_count(life):
    def stop(run):
        life.instance.add_run_tags(run.run_id, {STOPPED_TAG: run.run_id})
        life.end(run, RunFailureReason.UNEXPECTED_TERMINATION)

    life.run()
    said = "asked for again: The servers were stopped while it ran."
    for _ in range(10):
        request = ask(life, stop)
        assert request.tags["mlops_assets/asked_again"] == said
        assert STOPPED_TAG not in request.tags
    assert ask(life, life.end).tags["mlops_assets/asked_again"].startswith("asked for again, 1 of")


def test_the_tag_of_a_stop_that_a_retry_has_from_its_parent_tells_nothing_of_the_retry(life):
    life.end(life.run(tags={MODEL_TAG: "iris", STOPPED_TAG: "another", "dagster/partition": DAY}))
    (request,), _ = life.tick()
    assert "1 of 3" in request.tags["mlops_assets/asked_again"]


def checks(life: Life, asset: str, check: str) -> list[Any]:
    key = dg.AssetCheckKey(dg.AssetKey(["iris", asset]), check)
    history = life.instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    return [one.event.dagster_event.event_specific_data for one in history]


@pytest.mark.parametrize(
    ("job", "asset", "check"),
    [
        ("iris_retrain", "production_model", "gate"),
        ("iris_daily", "drift_report", "verdict"),
        ("iris_rollback", "production_model", "gate"),
    ],
)
def test_work_that_is_lost_again_and_again_is_given_up_and_seen_in_the_graph(
    life, job, asset, check
):
    life.run(job)
    for n in range(1, 4):
        request = ask(life, life.end)
        assert f"{n} of 3" in request.tags["mlops_assets/asked_again"]
    said = ask(life, life.end)
    (last, *_) = life.instance.get_runs(dg.RunsFilter(job_name=job))
    of_day = "" if job == "iris_rollback" else f" of {DAY}"
    assert f"{job}{of_day} was interrupted and asked for again 3 times" in said
    assert last.run_id in said
    assert "by hand" in said
    assert life.tick() == ([], said)
    (failed,) = checks(life, asset, check)
    assert not failed.passed
    assert failed.description == said
    life.run(job, status=STATUS.SUCCESS)
    assert life.tick() == ([], "Nothing was interrupted.")


def test_asks_are_further_and_further_apart(life):
    life.run()
    ask(life, life.end)
    for minutes in (1, 2):
        (running,) = life.instance.get_runs(dg.RunsFilter(statuses=[STATUS.STARTED]))
        life.end(running)
        life.passed = timedelta()
        requests, said = life.tick(timedelta(minutes=minutes, seconds=-5))
        assert not requests
        assert f"iris_retrain of {DAY} waits until" in said
        (request,), _ = life.tick(timedelta(seconds=5))
        life.asked(request)


def test_what_is_away_is_asked_for_more_often(life):
    away = "MLflow does not answer at http://mlflow:5000"

    def fail(run):
        life.instance.add_run_tags(run.run_id, {AWAY_TAG: away})
        life.end(run, RunFailureReason.STEP_FAILURE)

    life.run()
    for n in range(1, MOST["away"] + 1):
        request = ask(life, fail)
        assert AWAY_TAG not in request.tags
        assert request.tags["mlops_assets/asked_again"] == (
            f"asked for again, {n} of {MOST['away']}: {away}"
        )
    assert "is not asked for any more: MLflow does not answer" in ask(life, fail)


def baseline_run(life: Life, *assets: str, **more: Any) -> dg.DagsterRun:
    keys = frozenset(dg.AssetKey(["iris", asset]) for asset in assets)
    return life.run("__ASSET_JOB", tags={MODEL_TAG: "iris"}, asset_selection=keys, **more)


def test_the_first_model_is_asked_for_again_until_there_is_one(life):
    life.end(baseline_run(life, "baseline_model"))
    (request,), _ = life.tick()
    assert request.job_name == "iris_first_start"
    assert request.asset_selection == [dg.AssetKey(["iris", "baseline_model"])]
    again = life.asked(request)
    assert life.tick() == ([], "Nothing was interrupted.")
    life.end(again)
    (request,), _ = life.tick(timedelta(hours=1))
    assert "2 of 3" in request.tags["mlops_assets/asked_again"]
    life.instance.report_runless_asset_event(dg.AssetMaterialization(["iris", "baseline_model"]))
    assert life.tick() == ([], "Nothing was interrupted.")


def test_a_run_that_was_killed_after_its_last_step_ends_well_and_is_not_asked_for_again(life):
    @dg.op
    def work():
        pass

    @dg.job(name="iris_rollback", tags={MODEL_TAG: "iris"}, executor_def=dg.in_process_executor)
    def job():
        work()

    done = job.execute_in_process(instance=life.instance)
    run = life.instance.get_run_by_id(done.run_id)
    life.end(run)
    assert life.tick() == ([], "Nothing was interrupted.")
    assert life.instance.get_run_by_id(done.run_id).status is STATUS.SUCCESS
