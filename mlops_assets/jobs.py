"""The jobs of a model: the daily check, the retraining, and what a person does to production."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from mlops_assets.assets.shared import ACCEPTS_FAULTS, life_of, told_plainly
from mlops_assets.lifecycle.moves import approve, roll_back
from mlops_assets.resources.mlflow import MODEL_TAG, TRAINS_TAG, first_try
from mlops_assets.spec import ModelSpec

EXPECTED_TAG = "mlops_assets/expected_production"  # what a rollback was asked against
AssetJob = Any  # what dg.define_asset_job returns has no public name
BASELINE = ("baseline_data", "baseline_model")
DAILY = ("drifted_batch", "predictions", "drift_report")
RETRAIN = ("augmented_dataset", "candidate_model", "production_model")
REPORT = ("drift_report",)
CHALLENGE = ("production_model",)  # of the candidate's day, with what later days say of it


def asset_job(
    spec: ModelSpec,
    name: str,
    assets: tuple[str, ...],
    does: str,
    tags: Mapping[str, str] | None = None,
) -> AssetJob:
    """A job over some of a model's assets, in one process.

    ``does`` begins its description, before the model's name; ``tags`` tell the assets what else
    is asked of them.
    """
    trains = assets in (BASELINE, RETRAIN)
    return dg.define_asset_job(
        f"{spec.name}_{name}",
        selection=dg.AssetSelection.assets(*([spec.name, asset] for asset in assets)),
        executor_def=dg.in_process_executor,
        description=f"{does} {spec.name}: {', '.join(assets)}.",
        tags={MODEL_TAG: spec.name} | ({TRAINS_TAG: "yes"} if trains else {}) | dict(tags or {}),
    )


def accept_job(spec: ModelSpec) -> AssetJob:
    """A person says that a day which is held for a suspected fault is meant to be like this."""
    return asset_job(
        spec,
        "accept_day",
        REPORT,
        "Accepts a day that is held, and reports on it anew,",
        ACCEPTS_FAULTS,
    )


def rollback_job(spec: ModelSpec) -> dg.JobDefinition:
    """Production goes back to the version before it."""

    @dg.op(
        name=f"{spec.name}_previous_to_production",
        pool=f"{spec.name}_retrain",
        required_resource_keys={"store"},
    )
    def _previous_to_production(context: dg.OpExecutionContext) -> None:
        expected = context.run.tags.get(EXPECTED_TAG)
        with told_plainly():
            life = life_of(spec, context.resources.store)
            move = roll_back(life, first_try(context.run), int(expected) if expected else None)
        if move is None:
            context.log.info("Version %s is not in production any more: nothing to do.", expected)
            return
        left = f"from version {move.left} " if move.left else ""
        said = f"Production of {spec.name} went back {left}to {move.to}."
        context.log.info("%s", said)
        context.log_event(
            dg.AssetObservation(
                asset_key=[spec.name, "production_model"],
                partition=move.marks[0].partition if move.marks else None,
                description=said,
                metadata={"decision": "rolled_back", "production_version": move.to},
            )
        )
        report_gate(context, spec, passed=False, said=said)

    @dg.job(
        name=f"{spec.name}_rollback",
        tags={MODEL_TAG: spec.name},
        executor_def=dg.in_process_executor,
        description=f"Puts the previous version of {spec.name} back into production.",
    )
    def _rollback() -> None:
        _previous_to_production()

    return _rollback


def approve_job(spec: ModelSpec) -> dg.JobDefinition:
    """A person agrees to the candidate that waits for approval."""

    @dg.op(
        name=f"{spec.name}_candidate_to_production",
        pool=f"{spec.name}_retrain",
        required_resource_keys={"store"},
    )
    def _candidate_to_production(context: dg.OpExecutionContext) -> None:
        with told_plainly():
            life = life_of(spec, context.resources.store)
            move = approve(life, first_try(context.run))
        said = f"Version {move.to} of {spec.name} was approved and is production now."
        context.log.info("%s", said)
        context.log_event(
            dg.AssetMaterialization(
                asset_key=[spec.name, "production_model"],
                partition=move.marks[0].partition,
                description=said,
                metadata={
                    "decision": "promoted",
                    "reasons": dg.MetadataValue.json(["approved by a person"]),
                    "production_version": move.to,
                    "candidate_version": move.to,
                },
            )
        )
        report_gate(context, spec, passed=True, said=said)

    @dg.job(
        name=f"{spec.name}_approve",
        tags={MODEL_TAG: spec.name},
        executor_def=dg.in_process_executor,
        description=f"Promotes the candidate of {spec.name} that waits for approval, if production "
        "is still the version that it was compared with.",
    )
    def _approve() -> None:
        _candidate_to_production()

    return _approve


def report_gate(
    context: dg.OpExecutionContext, spec: ModelSpec, *, passed: bool, said: str
) -> None:
    """Show in the asset graph what happened to production outside of a retraining."""
    context.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey([spec.name, "production_model"]),
            check_name="gate",
            passed=passed,
            metadata={},
            severity=dg.AssetCheckSeverity.ERROR,
            description=said,
        )
    )
