import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from mlops_assets.automation import automation
from mlops_assets.definitions import defs
from mlops_assets.spec import ModelSpec
from mlops_assets_tests.examples import definitions_of, iris_spec

REPORT = dg.AssetKey(["iris", "drift_report"])


@pytest.fixture
def spec() -> ModelSpec:
    return iris_spec()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def sensor_of(spec: ModelSpec) -> dg.SensorDefinition:
    sensors = {sensor.name: sensor for sensor in automation(spec).sensors or ()}
    return sensors[f"{spec.name}_retrain_on_drift"]


def report(
    instance: dg.DagsterInstance, day: int, *, retrain: bool, reason: str = "why", in_a_row: int = 1
) -> None:
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            REPORT,
            partition=f"2026-01-{day:02d}",
            metadata={
                "retrain": retrain,
                "reasons": dg.MetadataValue.json([reason]),
                "drifted_in_a_row": in_a_row,
            },
        )
    )


def ticks(
    spec: ModelSpec, instance: dg.DagsterInstance, cursor: str | None = None
) -> tuple[list[dg.SensorResult], str | None]:
    """Tick until nothing is new, as a daemon would; what the ticks gave and the last cursor."""
    results = []
    while True:
        context = dg.build_sensor_context(instance, cursor=cursor, sensor_name="s")
        result = sensor_of(spec)(context)
        assert isinstance(result, dg.SensorResult)
        if result.skip_reason and "No new drift report" in str(result.skip_reason.skip_message):
            return results, cursor
        for request in result.run_requests or ():
            tags = {"dagster/partition": str(request.partition_key)}
            run_id = str(uuid.uuid4())
            instance.add_run(dg.DagsterRun(f"{spec.name}_retrain", run_id, tags=tags))
        results.append(result)
        cursor = result.cursor


def requested(results: list[dg.SensorResult]) -> list[str | None]:
    return [run.partition_key for result in results for run in result.run_requests or ()]


def test_a_burst_between_two_ticks_loses_nothing_and_keeps_the_order(spec, instance):
    asks = {day: day % 3 != 0 for day in range(1, 31)}
    for day, retrain in asks.items():
        report(instance, day, retrain=retrain)
    results, cursor = ticks(spec, instance)
    assert requested(results) == [f"2026-01-{day:02d}" for day, retrain in asks.items() if retrain]
    skipped = "\n".join(r.skip_reason.skip_message for r in results if r.skip_reason)
    for day, retrain in asks.items():
        assert (f"2026-01-{day:02d}: why" in skipped) != retrain
    assert ticks(spec, instance, cursor) == ([], cursor)


def test_more_than_one_tick_can_handle_is_handled_by_the_next_ticks(spec, instance):
    for _ in range(2):
        for day in range(1, 32):
            report(instance, day, retrain=True)
    results, _ = ticks(spec, instance)
    days = [f"2026-01-{day:02d}" for day in range(1, 32)]
    assert requested(results) == days * 2
    keys = [run.run_key for result in results for run in result.run_requests or ()]
    assert len(set(keys)) == 62


def test_a_drifted_report_followed_by_a_clean_one_still_retrains(spec, instance):
    report(instance, 1, retrain=True)
    report(instance, 2, retrain=False, reason="none of 4 feature columns differs")
    results, _ = ticks(spec, instance)
    assert requested(results) == ["2026-01-01"]
    assert results[1].skip_reason is not None
    assert results[1].skip_reason.skip_message == "2026-01-02: none of 4 feature columns differs"


def test_asking_again_with_an_old_cursor_gives_the_same_run_keys(spec, instance):
    report(instance, 1, retrain=True)
    first, _ = ticks(spec, instance)
    again, _ = ticks(spec, instance)
    keys = [[run.run_key for run in r.run_requests or ()] for r in (*first, *again)]
    assert keys[0] == keys[1]


def test_models_do_not_hear_each_other(spec, instance):
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            ["churn", "drift_report"], partition="2026-01-01", metadata={"retrain": True}
        )
    )
    assert ticks(spec, instance) == ([], None)


@pytest.fixture
def stored_instance(tmp_path) -> Iterator[dg.DagsterInstance]:
    """A tick of a schedule opens its instance by itself, which one in memory does not allow."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as found:
        yield found


def scheduled(instance: dg.DagsterInstance, at: datetime, **changes: Any) -> list[str | None]:
    """The days that a tick of the schedule asks for."""
    repository = definitions_of(iris_spec(**changes)).get_repository_def()
    context = dg.build_schedule_context(
        instance, scheduled_execution_time=at, repository_def=repository
    )
    schedule = repository.get_schedule_def("iris_daily_schedule")
    return [run.partition_key for run in schedule.evaluate_tick(context).run_requests or ()]


def test_the_schedule_asks_at_six_for_the_day_that_has_just_ended(stored_instance):
    schedule = defs().get_repository_def().get_schedule_def("iris_daily_schedule")
    assert schedule.cron_schedule == "0 6 * * *"
    assert schedule.execution_timezone == "UTC"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert scheduled(stored_instance, datetime(2026, 1, 2, 6, tzinfo=UTC)) == ["2026-01-01"]


def test_the_schedule_makes_up_for_the_days_that_no_daemon_saw(stored_instance):
    instance = stored_instance
    today = datetime.now(tz=UTC).replace(hour=6)
    instance.report_runless_asset_event(dg.AssetMaterialization(["iris", "baseline_model"]))
    assert scheduled(instance, today) == day_range(today, -1)  # others ended before it lived here
    after_outage = today + timedelta(days=8)
    first, second, third, *missed = day_range(after_outage, -8, -2)
    tags = {"dagster/partition": second}
    failed = dg.DagsterRunStatus.FAILURE
    instance.add_run(dg.DagsterRun("iris_daily", str(uuid.uuid4()), tags=tags, status=failed))
    batch(instance, third, 100)
    yesterday = day_range(after_outage, -1)
    assert scheduled(instance, after_outage) == [first, *missed, *yesterday]
    long_after = today + timedelta(days=400)
    assert scheduled(instance, long_after) == day_range(long_after, -32, -1)


def day_range(today: datetime, first: int, last: int | None = None) -> list[str]:
    return [str(today.date() + timedelta(days=n)) for n in range(first, (last or first) + 1)]


def test_everything_runs_by_itself_from_the_start():
    sensors = defs().get_repository_def().sensor_defs
    assert {sensor.name for sensor in sensors} == {
        "iris_baseline",
        "iris_late_batches",
        "iris_retrain_on_drift",
        "iris_rollback_on_fall",
    }
    assert all(s.default_status is dg.DefaultSensorStatus.RUNNING for s in sensors)


def test_patience_and_cooldown_hold_a_retraining_back_and_say_so(instance):
    spec = iris_spec(drift={"patience": 2, "cooldown_days": 3})
    for day, in_a_row in ((1, 1), (2, 2), (3, 3), (5, 4)):
        report(instance, day, retrain=True, in_a_row=in_a_row)
    results, _ = ticks(spec, instance)
    assert requested(results) == ["2026-01-02", "2026-01-05"]
    skips = [r.skip_reason.skip_message for r in results if r.skip_reason]
    assert "patience asks for 2" in skips[0]
    assert "retrained for 2026-01-02" in skips[1]


def late(spec: ModelSpec, instance: dg.DagsterInstance) -> dg.SensorResult:
    sensors = {sensor.name: sensor for sensor in automation(spec).sensors or ()}
    context = dg.build_sensor_context(instance, sensor_name="iris_late_batches")
    result = sensors["iris_late_batches"](context)
    assert isinstance(result, dg.SensorResult)
    return result


def ended(instance: dg.DagsterInstance, ago: int, status: dg.DagsterRunStatus) -> str:
    """A daily run of the day so many days ago has ended."""
    day = str(datetime.now(tz=UTC).date() - timedelta(days=ago))
    tags = {"dagster/partition": day}
    instance.add_run(dg.DagsterRun("iris_daily", str(uuid.uuid4()), tags=tags, status=status))
    return day


def test_a_day_whose_batch_was_not_there_is_asked_for_again_and_no_other_day(spec, instance):
    status = dg.DagsterRunStatus
    assert "No batch is awaited" in str(late(spec, instance).skip_reason)
    ended(instance, 2, status.FAILURE)
    ended(instance, 8, status.SUCCESS)
    came = ended(instance, 3, status.SUCCESS)
    instance.report_runless_asset_event(
        dg.AssetMaterialization(["iris", "drifted_batch"], partition=came)
    )
    assert "No batch is awaited" in str(late(spec, instance).skip_reason)
    missing = ended(instance, 1, status.SUCCESS)
    (request,) = late(spec, instance).run_requests or ()
    assert request.partition_key == missing
    assert str(request.run_key).startswith(f"iris-{missing}-asked-20")  # the key ends in the hour
    ended(instance, 1, status.STARTED)
    assert "No batch is awaited" in str(late(spec, instance).skip_reason)


def labels_asked(
    instance: dg.DagsterInstance, cursor: str | None = None, **changes: Any
) -> dg.SensorResult:
    spec = iris_spec(labels={"kind": "csv", "url": "labels.csv"}, **changes)
    sensors = {sensor.name: sensor for sensor in automation(spec).sensors or ()}
    context = dg.build_sensor_context(instance, cursor=cursor, sensor_name="iris_late_labels")
    result = sensors["iris_late_labels"](context)
    assert isinstance(result, dg.SensorResult)
    return result


def batch(instance: dg.DagsterInstance, day: str, labelled: int) -> str:
    """A day's batch of a hundred rows."""
    metadata = {"labelled_rows": labelled, "dagster/row_count": 100}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(["iris", "drifted_batch"], partition=day, metadata=metadata)
    )
    return day


def test_labels_are_asked_for_once_a_day_where_rows_lack_them(instance):
    status = dg.DagsterRunStatus
    none = labels_asked(instance)
    assert "has all its labels" in str(none.skip_reason)
    some = batch(instance, ended(instance, 6, status.SUCCESS), 40)
    by_hand = batch(instance, str(datetime.now(tz=UTC).date() - timedelta(days=9)), 0)
    batch(instance, ended(instance, 5, status.SUCCESS), 100)
    batch(instance, ended(instance, 4, status.FAILURE), 40)
    batch(instance, ended(instance, 8, status.STARTED), 40)
    batch(instance, ended(instance, 40, status.SUCCESS), 40)
    ended(instance, 3, status.SUCCESS)  # without a batch
    asked = labels_asked(instance)
    assert [run.partition_key for run in asked.run_requests or ()] == [by_hand, some]
    (first, _) = asked.run_requests or ()
    assert first.tags["mlops_assets/asked_for"] == "labels"
    assert first.run_key == f"iris-{by_hand}-labels-{asked.cursor}"
    again = labels_asked(instance, asked.cursor)
    assert not again.run_requests
    assert "already" in str(again.skip_reason)
    assert not labels_asked(instance, label_days=0).run_requests


def test_a_model_whose_batches_bring_their_labels_has_no_sensor_that_asks_for_them(spec):
    assert "iris_late_labels" not in {sensor.name for sensor in automation(spec).sensors or ()}


def test_runs_that_train_carry_the_tag_that_a_queue_can_limit():
    repository = defs().get_repository_def()
    assert repository.get_job("iris_retrain").tags["mlops_assets/trains"] == "yes"
    assert "mlops_assets/trains" not in repository.get_job("iris_daily").tags
    assert repository.get_sensor_def("iris_baseline").run_tags["mlops_assets/trains"] == "yes"
