"""What runs when: jobs, the 06:00 schedule, the drift sensor."""

import dagster as dg

from mlops_assets import settings
from mlops_assets.assets.shared import partitions, registry_of, told_plainly
from mlops_assets.resources.mlflow import MODEL_TAG
from mlops_assets.spec import ModelSpec

BURST = 50  # materializations that one tick of the drift sensor handles at the most


def automation(spec: ModelSpec) -> dg.Definitions:
    """The jobs, the schedule and the sensors of one model."""
    daily = _job(spec, "daily", ("drifted_batch", "predictions", "drift_report"))
    retrain = _job(spec, "retrain", ("augmented_dataset", "candidate_model", "production_model"))
    return dg.Definitions(
        jobs=[daily, retrain, rollback_job(spec)],
        schedules=[daily_schedule(daily)],
        sensors=[first_start(spec), retrain_on_drift(spec, retrain)],
    )


def daily_schedule(daily: dg.UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """At 06:00 UTC, the daily job for the day that has just ended."""
    running, stopped = dg.DefaultScheduleStatus.RUNNING, dg.DefaultScheduleStatus.STOPPED
    return dg.build_schedule_from_partitioned_job(
        daily, hour_of_day=6, default_status=running if settings.schedules_run() else stopped
    )


def first_start(spec: ModelSpec) -> dg.AutomationConditionSensorDefinition:
    """Makes the baseline and its model as soon as a daemon runs and they are missing."""
    return dg.AutomationConditionSensorDefinition(
        name=f"{spec.name}_baseline",
        target=_keys(spec, ("baseline_data", "baseline_model")),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=settings.sensor_seconds(),
        run_tags={MODEL_TAG: spec.name},
        description="Materializes the baseline and the first production model, once.",
    )


def retrain_on_drift(
    spec: ModelSpec, retrain: dg.UnresolvedAssetJobDefinition
) -> dg.SensorDefinition:
    """The retrain job for every drift report that asks for it.

    Dagster's own asset sensor looks at the latest materialization only, so that a report which is
    followed by another between two ticks is lost. This one reads on from its cursor: every
    report, in order, exactly once. A tick ends where the answer changes, because a tick either
    requests runs or is skipped with a reason, and every skip has to have its reason.
    """

    @dg.sensor(
        name=f"{spec.name}_retrain_on_drift",
        job=retrain,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=settings.sensor_seconds(),
        description="Retrains on a partition whose drift report says so; says why where not.",
    )
    def _retrain_on_drift(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        found = context.instance.fetch_materializations(
            dg.AssetRecordsFilter(
                asset_key=dg.AssetKey([spec.name, "drift_report"]),
                after_storage_id=int(context.cursor) if context.cursor else None,
            ),
            limit=BURST,
            ascending=True,
        ).records
        if not found:
            return dg.SensorResult(skip_reason="No new drift report.", cursor=context.cursor)
        retrains = _retrains(found[0])
        alike = []
        for record in found:
            if _retrains(record) != retrains:
                break
            alike.append(record)
        cursor = str(alike[-1].storage_id)
        if not retrains:
            return dg.SensorResult(skip_reason="\n".join(map(_in_words, alike)), cursor=cursor)
        requests = [
            dg.RunRequest(
                run_key=f"{spec.name}-drift-report-{record.storage_id}",
                partition_key=record.partition_key,
            )
            for record in alike
        ]
        return dg.SensorResult(run_requests=requests, cursor=cursor)

    return _retrain_on_drift


def rollback_job(spec: ModelSpec) -> dg.JobDefinition:
    """Production goes back to the version before it."""

    @dg.op(
        name=f"{spec.name}_previous_to_production",
        description="Moves the alias `production` to the version that has `previous`, and back.",
    )
    def _previous_to_production(context: dg.OpExecutionContext) -> None:
        with told_plainly():
            registry = registry_of(spec)
            left = registry.in_use()
            now = registry.rollback(left)
        said = f"Production of {spec.name} went back from version {left.number} to {now.number}."
        context.log.info(said)
        context.log_event(
            dg.AssetObservation(
                asset_key=[spec.name, "production_model"],
                description=said,
                metadata={"decision": "rolled_back", "production_version": now.number},
            )
        )

    @dg.job(
        name=f"{spec.name}_rollback",
        tags={MODEL_TAG: spec.name},
        executor_def=dg.in_process_executor,
        description=f"Puts the previous version of {spec.name} back into production.",
    )
    def _rollback() -> None:
        _previous_to_production()

    return _rollback


def _job(
    spec: ModelSpec, name: str, assets: tuple[str, ...]
) -> dg.UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        f"{spec.name}_{name}",
        selection=_keys(spec, assets),
        partitions_def=partitions(spec),
        executor_def=dg.in_process_executor,
        tags={MODEL_TAG: spec.name},
    )


def _keys(spec: ModelSpec, assets: tuple[str, ...]) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*([spec.name, asset] for asset in assets))


def _metadata(record: dg.EventLogRecord) -> dict[str, object]:
    materialization = record.asset_materialization
    return {} if materialization is None else {
        name: value.value for name, value in materialization.metadata.items()
    }


def _retrains(record: dg.EventLogRecord) -> bool:
    return _metadata(record).get("retrain") is True


def _in_words(record: dg.EventLogRecord) -> str:
    reasons = _metadata(record).get("reasons") or ["the report gives no reason"]
    return f"{record.partition_key}: {' '.join(map(str, reasons))}"
