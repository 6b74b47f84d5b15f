"""The jobs of a model: the daily check, the retraining, and what a person does to production."""

from typing import Any

import dagster as dg

from mlops_assets.assets.parts import decision_records, settle
from mlops_assets.assets.shared import registry_of, told_plainly
from mlops_assets.errors import UserError
from mlops_assets.promotion.registry import Registry, Version
from mlops_assets.resources.mlflow import MODEL_TAG, TRAINS_TAG
from mlops_assets.resources.store import Store
from mlops_assets.spec import ModelSpec

EXPECTED_TAG = "mlops_assets/expected_production"  # what a rollback was asked against
AssetJob = Any  # what dg.define_asset_job returns has no public name
BASELINE = ("baseline_data", "baseline_model")
DAILY = ("drifted_batch", "predictions", "drift_report")
RETRAIN = ("augmented_dataset", "candidate_model", "production_model")


def asset_job(spec: ModelSpec, name: str, assets: tuple[str, ...], does: str) -> AssetJob:
    """A job over some of a model's assets, in one process.

    ``does`` begins its description, before the model's name.
    """
    return dg.define_asset_job(
        f"{spec.name}_{name}",
        selection=dg.AssetSelection.assets(*([spec.name, asset] for asset in assets)),
        executor_def=dg.in_process_executor,
        description=f"{does} {spec.name}: {', '.join(assets)}.",
        tags={MODEL_TAG: spec.name} | ({TRAINS_TAG: "yes"} if assets != DAILY else {}),
    )


def rollback_job(spec: ModelSpec) -> dg.JobDefinition:
    """Production goes back to the version before it."""

    @dg.op(
        name=f"{spec.name}_previous_to_production",
        pool=f"{spec.name}_retrain",
        required_resource_keys={"store"},
    )
    def _previous_to_production(context: dg.OpExecutionContext) -> None:
        with told_plainly():
            registry = registry_of(spec)
            left = registry.in_use()
            expected = context.run.tags.get(EXPECTED_TAG)
            if expected and expected != str(left.number):
                context.log.info(
                    "Version %s is not in production any more (it is %s): nothing to do.",
                    expected,
                    left.number,
                )
                return
            back_to = registry.previous()
            # The marks first, so that whatever is killed in between, the next try completes it.
            if back_to and back_to.tags.get("decision") == "rolled_back":
                # A person undoes a rollback: neither version has turned out to be bad.
                _mark(registry, spec, context.resources.store, back_to, "promoted")
            elif back_to not in (None, left):
                _mark(registry, spec, context.resources.store, left, "rolled_back")
            now = registry.rollback(left)
        said = f"Production of {spec.name} went back from version {left.number} to {now.number}."
        context.log.info("%s", said)
        context.log_event(
            dg.AssetObservation(
                asset_key=[spec.name, "production_model"],
                partition=left.tags.get("partition"),
                description=said,
                metadata={"decision": "rolled_back", "production_version": now.number},
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


def _mark(
    registry: Registry, spec: ModelSpec, store: Store, version: Version, decision: str
) -> None:
    """Say with the version, and in the record of its day, what became of it."""
    if "partition" in version.tags:  # the baseline's model was never decided on
        settle(spec, store, version.tags["partition"], version.number, decision)
        registry.set_tags(version, {"decision": decision})


def approve_job(spec: ModelSpec) -> dg.JobDefinition:
    """A person agrees to the candidate that waits for approval."""

    @dg.op(
        name=f"{spec.name}_candidate_to_production",
        pool=f"{spec.name}_retrain",
        required_resource_keys={"store"},
    )
    def _candidate_to_production(context: dg.OpExecutionContext) -> None:
        store: Store = context.resources.store
        with told_plainly():
            registry = registry_of(spec)
            waiting = [
                kept
                for kept in decision_records(spec, store)
                if kept["record"]["decision"] == "awaiting_approval"
            ]
            if not waiting:
                raise UserError(f"No candidate of {spec.name} waits for approval. Nothing changed.")
            latest = waiting[-1]
            partition = latest["record"]["partition"]
            candidate = registry.get(latest["candidate_version"])
            compared_with = registry.get(latest["production_version"])
            registry.promote(candidate, expected_production=compared_with)
            _mark(registry, spec, store, candidate, "promoted")
        said = f"Version {candidate.number} of {spec.name} was approved and is production now."
        context.log.info("%s", said)
        context.log_event(
            dg.AssetMaterialization(
                asset_key=[spec.name, "production_model"],
                partition=partition,
                description=said,
                metadata={
                    "decision": "promoted",
                    "reasons": dg.MetadataValue.json(["approved by a person"]),
                    "production_version": candidate.number,
                    "candidate_version": candidate.number,
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
