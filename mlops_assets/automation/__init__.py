"""What runs when: jobs, the 06:00 schedule, the sensors."""

import dagster as dg

from mlops_assets import settings
from mlops_assets.automation.days import daily_schedule, late_batches, late_labels
from mlops_assets.automation.interrupted import interrupted
from mlops_assets.automation.reports import promote_on_evidence, retrain_on_drift, rollback_on_fall
from mlops_assets.jobs import (
    BASELINE,
    CHALLENGE,
    DAILY,
    RETRAIN,
    accept_job,
    approve_job,
    asset_job,
    rollback_job,
)
from mlops_assets.resources.mlflow import MODEL_TAG, TRAINS_TAG
from mlops_assets.spec import ModelSpec


def automation(spec: ModelSpec) -> dg.Definitions:
    """The jobs, the schedule and the sensors of one model."""
    daily = asset_job(spec, "daily", DAILY, "Checks one day of")
    retrain = asset_job(spec, "retrain", RETRAIN, "Trains and judges a candidate of")
    challenge = asset_job(spec, "challenge", CHALLENGE, "Decides again on a candidate of")
    rollback = rollback_job(spec)
    baseline = asset_job(spec, "first_start", BASELINE, "Makes the first model of")
    accept = accept_job(spec)
    jobs = [daily, retrain, challenge, rollback, approve_job(spec), accept, baseline]
    return dg.Definitions(
        jobs=jobs,
        schedules=[daily_schedule(spec, daily)],
        sensors=[
            first_start(spec),
            retrain_on_drift(spec, retrain),
            promote_on_evidence(spec, challenge),
            rollback_on_fall(spec, rollback),
            interrupted(spec, jobs),
            late_batches(spec, daily),
            *([late_labels(spec, daily)] if spec.labels else []),
        ],
    )


def first_start(spec: ModelSpec) -> dg.AutomationConditionSensorDefinition:
    """Makes the baseline and its model as soon as a daemon runs and they are missing."""
    return dg.AutomationConditionSensorDefinition(
        name=f"{spec.name}_baseline",
        target=dg.AssetSelection.assets(
            [spec.name, "baseline_data"], [spec.name, "baseline_model"]
        ),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=settings.sensor_seconds(),
        run_tags={MODEL_TAG: spec.name, TRAINS_TAG: "yes"},
        description="Materializes the baseline and the first production model, once.",
    )
