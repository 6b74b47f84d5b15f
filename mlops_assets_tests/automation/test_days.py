import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from mlops_assets.automation import automation
from mlops_assets.automation.days import late_batches, late_labels
from mlops_assets.definitions import defs
from mlops_assets.jobs import DAILY, asset_job
from mlops_assets_tests.examples import definitions_of, iris_spec


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


@pytest.fixture(params=["00:00", "05:59", "06:00", "23:59"])
def now(request) -> datetime:
    """Moments of a day at which the sensors look; labels are asked for from six on."""
    hour, minute = map(int, request.param.split(":"))
    return datetime.now(tz=UTC).replace(hour=hour, minute=minute)


def late(instance: dg.DagsterInstance, now: datetime) -> dg.SensorResult:
    spec = iris_spec()
    sensor = late_batches(spec, asset_job(spec, "daily", DAILY, "Checks"), lambda: now)
    result = sensor(dg.build_sensor_context(instance, sensor_name=sensor.name))
    assert isinstance(result, dg.SensorResult)
    return result


def ended(instance: dg.DagsterInstance, day: date, status: dg.DagsterRunStatus) -> str:
    """A daily run of a day has ended."""
    tags = {"dagster/partition": str(day)}
    instance.add_run(dg.DagsterRun("iris_daily", str(uuid.uuid4()), tags=tags, status=status))
    return str(day)


def test_a_day_whose_batch_was_not_there_is_asked_for_again_and_no_other_day(instance, now):
    def run(ago: int, status: dg.DagsterRunStatus) -> str:
        return ended(instance, now.date() - timedelta(days=ago), status)

    status = dg.DagsterRunStatus
    assert "No batch is awaited" in str(late(instance, now).skip_reason)
    run(4, status.FAILURE)
    run(8, status.SUCCESS)
    came = run(3, status.SUCCESS)
    instance.report_runless_asset_event(
        dg.AssetMaterialization(["iris", "drifted_batch"], partition=came)
    )
    assert "No batch is awaited" in str(late(instance, now).skip_reason)
    missing = run(2, status.SUCCESS)
    (request,) = late(instance, now).run_requests or ()
    assert request.partition_key == missing
    assert str(request.run_key).startswith(f"iris-{missing}-asked-")
    run(2, status.STARTED)
    assert "No batch is awaited" in str(late(instance, now).skip_reason)


def labels_asked(
    instance: dg.DagsterInstance, now: datetime, cursor: str | None = None, **changes: Any
) -> dg.SensorResult:
    spec = iris_spec(labels={"kind": "csv", "url": "labels.csv"}, **changes)
    sensor = late_labels(spec, asset_job(spec, "daily", DAILY, "Checks"), lambda: now)
    result = sensor(dg.build_sensor_context(instance, cursor=cursor, sensor_name=sensor.name))
    assert isinstance(result, dg.SensorResult)
    return result


def batch(instance: dg.DagsterInstance, day: str, labelled: int) -> str:
    """A day's batch of a hundred rows."""
    metadata = {"labelled_rows": labelled, "dagster/row_count": 100}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(["iris", "drifted_batch"], partition=day, metadata=metadata)
    )
    return day


def test_labels_are_asked_for_once_a_day_where_rows_lack_them(instance, now):
    today = (now - timedelta(hours=6)).date()

    def run(ago: int, status: dg.DagsterRunStatus) -> str:
        return ended(instance, today - timedelta(days=ago), status)

    status = dg.DagsterRunStatus
    none = labels_asked(instance, now)
    assert "No batch of the last 30 days waits" in str(none.skip_reason)
    some = batch(instance, run(6, status.SUCCESS), 40)
    by_hand = batch(instance, str(today - timedelta(days=9)), 0)
    batch(instance, run(5, status.SUCCESS), 100)
    failed = batch(instance, run(4, status.FAILURE), 40)
    batch(instance, run(8, status.STARTED), 40)
    batch(instance, run(40, status.SUCCESS), 40)
    run(3, status.SUCCESS)  # without a batch
    asked = labels_asked(instance, now)
    assert [run.partition_key for run in asked.run_requests or ()] == [by_hand, some, failed]
    (first, *_) = asked.run_requests or ()
    assert first.tags["mlops_assets/asked"] == "again"
    assert first.run_key == f"iris-{by_hand}-labels-{today}"
    assert asked.cursor == str(today)
    again = labels_asked(instance, now, asked.cursor)
    assert not again.run_requests
    assert "already" in str(again.skip_reason)
    for days, start, expected in ((0, 20, []), (4, 20, [failed]), (30, 7, [some, failed])):
        first_day = str(today - timedelta(days=start))
        few = labels_asked(instance, now, label_days=days, start_date=first_day)
        assert [run.partition_key for run in few.run_requests or ()] == expected


def test_before_the_first_day_has_ended_nothing_is_asked_for(stored_instance):
    start = datetime.now(tz=UTC)
    first_day = {"start_date": str(start.date())}
    assert scheduled(stored_instance, start.replace(hour=6), **first_day) == []


def test_a_model_whose_batches_bring_their_labels_has_no_sensor_that_asks_for_them():
    assert "iris_late_labels" not in {
        sensor.name for sensor in automation(iris_spec()).sensors or ()
    }
