import uuid

import dagster as dg
import pytest
from dagster._core.events import (
    DagsterEvent,
    DagsterEventType,
    StepMaterializationData,
)

from mlops_assets.automation import automation
from mlops_assets.spec import ModelSpec
from mlops_assets_tests.examples import iris_spec

REPORT = dg.AssetKey(["iris", "drift_report"])


@pytest.fixture
def spec() -> ModelSpec:
    return iris_spec(retrain={"max": None})


def sensor_of(spec: ModelSpec) -> dg.SensorDefinition:
    sensors = {sensor.name: sensor for sensor in automation(spec).sensors or ()}
    return sensors[f"{spec.name}_retrain_on_drift"]


def report(
    instance: dg.DagsterInstance,
    day: int,
    *,
    retrain: bool,
    reason: str = "why",
    in_a_row: int = 1,
    rows: str | None = None,
) -> None:
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            REPORT,
            partition=f"2026-01-{day:02d}",
            metadata={
                "retrain": retrain,
                "reasons": dg.MetadataValue.json([reason]),
                "drifted_in_a_row": in_a_row,
            }
            | ({"data_hash": rows} if rows else {}),
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
            tags = {"dagster/partition": str(request.partition_key), **request.tags}
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


def daily_run(instance: dg.DagsterInstance, parent: dg.DagsterRun | None = None) -> dg.DagsterRun:
    """A daily run of the first day, or Dagster's retry of one."""
    root = (parent.root_run_id or parent.run_id) if parent else None
    return instance.add_run(
        dg.DagsterRun(
            "iris_daily",
            str(uuid.uuid4()),
            root_run_id=root,
            parent_run_id=parent.run_id if parent else None,
        )
    )


def reports_in(instance: dg.DagsterInstance, run: dg.DagsterRun, rows: str) -> None:
    """The run's report on the first day."""
    materialization = dg.AssetMaterialization(
        REPORT,
        partition="2026-01-01",
        metadata={
            "retrain": True,
            "reasons": dg.MetadataValue.json(["why"]),
            "data_hash": rows,
        },
    )
    event = DagsterEvent(
        event_type_value=DagsterEventType.ASSET_MATERIALIZATION.value,
        job_name=run.job_name,
        event_specific_data=StepMaterializationData(materialization, []),
    )
    instance.report_dagster_event(event, run.run_id)


def test_a_report_that_a_retry_makes_again_is_no_second_wish(spec, instance):
    """Its run was killed between the report's event and its own end."""
    killed = daily_run(instance)
    reports_in(instance, killed, "rows")
    results, cursor = ticks(spec, instance)
    assert requested(results) == ["2026-01-01"]
    (asked,) = instance.get_runs(dg.RunsFilter(job_name="iris_retrain"))
    instance.report_run_failed(asked)  # it was killed, too
    reports_in(instance, daily_run(instance, killed), "rows")
    results, cursor = ticks(spec, instance, cursor)
    assert requested(results) == []
    (skipped,) = [r.skip_reason.skip_message for r in results if r.skip_reason]
    assert skipped == (
        f"2026-01-01: asked for already, run {asked.run_id} (the report was made again)"
    )
    reports_in(instance, daily_run(instance), "rows")  # a person looks again: nothing was decided
    results, cursor = ticks(spec, instance, cursor)
    assert requested(results) == ["2026-01-01"]


def test_of_the_same_rows_one_retraining_is_asked_for_at_a_time(spec, instance):
    for _ in range(2):
        reports_in(instance, daily_run(instance), "rows")
    reports_in(instance, daily_run(instance), "other rows")
    results, _ = ticks(spec, instance)
    assert requested(results) == ["2026-01-01"] * 2
    assert "on the same rows has not ended yet" in str(results[1].skip_reason)


def test_asking_again_with_an_old_cursor_gives_the_same_run_keys(spec, instance):
    report(instance, 1, retrain=True)

    def tick() -> dg.SensorResult:
        context = dg.build_sensor_context(instance, cursor=None, sensor_name="s")
        return sensor_of(spec)(context)

    keys = [[run.run_key for run in tick().run_requests or ()] for _ in range(2)]
    assert len(keys[0]) == 1
    assert keys[0] == keys[1]  # a tick that was cut short, which Dagster evaluates once more
    ticks(spec, instance)
    assert "asked for already" in str(tick().skip_reason)


def test_models_do_not_hear_each_other(spec, instance):
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            ["churn", "drift_report"], partition="2026-01-01", metadata={"retrain": True}
        )
    )
    assert ticks(spec, instance) == ([], None)


def test_patience_and_cooldown_hold_a_retraining_back_and_say_so(instance):
    spec = iris_spec(drift={"patience": 2, "cooldown_days": 3})
    for day, in_a_row in ((1, 1), (2, 2), (3, 3), (5, 4)):
        report(instance, day, retrain=True, in_a_row=in_a_row)
    results, _ = ticks(spec, instance)
    assert requested(results) == ["2026-01-02", "2026-01-05"]
    skips = [r.skip_reason.skip_message for r in results if r.skip_reason]
    assert "patience asks for 2" in skips[0]
    assert "retrained for 2026-01-02" in skips[1]
