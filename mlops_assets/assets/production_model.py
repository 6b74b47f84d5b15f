"""``production_model``: the candidate against production, and the version in use afterwards."""

from typing import Any

import dagster as dg
import pandas as pd

from mlops_assets.assets.parts import ORIGIN, Parts, decision_records, lineage_parts
from mlops_assets.assets.shared import asset, load, registry_of, told_plainly
from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.drift.regimes import BASELINE, DecisionRecord
from mlops_assets.errors import UserError
from mlops_assets.promotion.evaluation import measure
from mlops_assets.promotion.gate import Decision, decide
from mlops_assets.promotion.registry import Version
from mlops_assets.resources.mlflow import MlflowRun, end_mlflow_on_run_finished
from mlops_assets.resources.store import Store
from mlops_assets.spec import ModelSpec


def production_model(spec: ModelSpec) -> dg.AssetsDefinition:
    """The asset for one model."""

    @asset(
        spec,
        "production_model",
        deps=(
            "candidate_model",
            "baseline_model",
        ),
        kinds={"mlflow", "scikitlearn"},
        pool="retrain",
        checks={"gate": "The candidate was promoted. Where not: what a person should look at."},
        hooks={end_mlflow_on_run_finished},
        description="Candidate and production scored on drifted rows that neither has seen, and on "
        "the baseline holdout; the gate decides; the alias `production` moves only on a promotion.",
    )
    @told_plainly()
    def _production_model(
        context: dg.AssetExecutionContext,
        store: Store,
        mlflow: MlflowRun,  # noqa: ARG001 - opens the run's MLflow run
    ) -> dg.MaterializeResult:
        partition = context.partition_key
        dataset = store.record(spec.name, "augmented_dataset", partition)
        if dataset["already_known"]:
            return _already_known(spec, partition, dataset["already_known"])
        settled = _settled(spec, store, partition)
        if settled:
            return _settled_result(spec, settled)
        decision, candidate, production, judged_on = _decide(spec, store, partition, dataset)
        registry = registry_of(spec)
        evidence = decision.model_dump(mode="json") | {
            "regime": dataset["regime"],
            "regime_partitions": dataset["regime_partitions"],
            "training_partitions": _training_partitions(dataset),
            "candidate_version": candidate.number,
            "production_version": production.number,
            "data_hashes": dataset["data_hashes"] | judged_on,
        }
        registry.keep_evidence(candidate, evidence)
        if decision.decision == "promoted":
            registry.promote(candidate, expected_production=production)
        # Last, because the move may be refused.
        registry.set_tags(candidate, {"decision": decision.decision})
        in_use = registry.in_use()
        record = DecisionRecord(
            partition=partition,
            decision=decision.decision,
            regime=dataset["regime"],
            regime_rows=dataset["regime_rows"],
            enough_rows=all(c.passed for c in decision.checks if c.name == "enough_rows"),
        )
        store.write_record(
            spec.name,
            "production_model",
            partition,
            evidence | {"record": record.model_dump(mode="json")},
        )
        return _result(decision, candidate, production, in_use)

    return _production_model


def _settled(spec: ModelSpec, store: Store, partition: str) -> dict[str, Any] | None:
    """What was decided on this very candidate, if it has been in production since."""
    version = store.record(spec.name, "candidate_model", partition)["version"]
    for kept in decision_records(spec, store):
        same = kept["record"]["partition"] == partition and kept["candidate_version"] == version
        if same and kept["record"]["decision"] in ("promoted", "rolled_back"):
            return kept
    return None


def _settled_result(spec: ModelSpec, kept: dict[str, Any]) -> dg.MaterializeResult:
    """Nothing is decided twice: a candidate that was promoted stays so, whatever came after it."""
    since = "It was rolled back since." if kept["decision"] == "rolled_back" else None
    told = {
        "decision": "promoted",
        "reasons": [*kept["reasons"], *([since] if since else [])],
    }
    decision = Decision.model_validate({n: kept[n] for n in Decision.model_fields} | told)
    registry = registry_of(spec)
    candidate, compared_with = (
        registry.get(kept[f"{role}_version"]) for role in ("candidate", "production")
    )
    return _result(decision, candidate, compared_with, registry.in_use())


def _decide(
    spec: ModelSpec, store: Store, partition: str, dataset: dict[str, Any]
) -> tuple[Decision, Version, Version, dict[str, str]]:
    """Score both models on the same rows, and decide; with the hashes of those rows."""
    registry = registry_of(spec)
    candidate = registry.get(store.record(spec.name, "candidate_model", partition)["version"])
    production = registry.in_use()
    if production.number == candidate.number:
        # A try that was killed after the promotion: decide again as it was decided then.
        production = registry.previous() or production
    parts = lineage_parts(spec, store, _training_partitions(dataset))
    _refuse_changed(spec, partition, parts, dataset["data_hashes"])
    regime = [parts[day].judge for day in dataset["regime_partitions"]]
    drifted = pd.concat(regime, ignore_index=True)
    holdout = parts[BASELINE].judge
    target = spec.columns.target
    challenger = load(spec, store, candidate)
    evidence = measure(
        drifted[target].to_numpy(),
        challenger.predict(drifted),
        load(spec, store, production).predict(drifted),
        holdout[target].to_numpy(),
        challenger.predict(holdout),
        load(spec, store, registry.first()).predict(holdout),
        metric=spec.metric,
        policy=spec.gate,
        partition=partition,
        production_partition=production.tags.get("partition"),
    )
    judged_on = {"evaluation": fingerprint(drifted), "holdout": fingerprint(holdout)}
    return decide(evidence, spec.gate), candidate, production, judged_on


def _training_partitions(dataset: dict[str, Any]) -> list[str]:
    return sorted(set(dataset["data_hashes"]) - {BASELINE})


def _refuse_changed(
    spec: ModelSpec, partition: str, parts: dict[str, Parts], hashes: dict[str, str]
) -> None:
    """Rows that changed since the training may be on the other side of the split by now."""
    changed = [
        origin
        for origin, part in parts.items()
        if fingerprint(part.learn.assign(**{ORIGIN: origin})) != hashes[origin]
    ]
    if changed:
        raise UserError(
            f"The rows of {len(changed)} of {len(parts)} tables ({', '.join(changed)}) are others "
            f"than those that the candidate of {partition} was trained on: the data or `split` in "
            "the model's defs.yaml has changed since, and the candidate would be judged on rows "
            f"that it knows. Nothing was decided. Materialize {spec.name}/augmented_dataset and "
            "what follows it again."
        )


def _result(
    decision: Decision, candidate: Version, compared_with: Version, in_use: Version
) -> dg.MaterializeResult:
    evidence = decision.evidence
    rows = ["| check | holds | with these numbers |", "|---|---|---|"]
    rows += [f"| {c.name} | {'✓' if c.passed else '✗'} | {c.detail} |" for c in decision.checks]
    numbers = {
        "candidate_score": evidence.candidate_score,
        "production_score": evidence.production_score,
        "improvement": evidence.improvement,
        "improvement_lower": evidence.improvement_lower,
        "baseline_drop": evidence.baseline_drop,
        "evaluation_rows": evidence.evaluation_rows,
    }
    return dg.MaterializeResult(
        metadata={
            "decision": decision.decision,
            "reasons": dg.MetadataValue.json(list(decision.reasons)),
            "checks": dg.MetadataValue.md("\n".join(rows)),
            "metric": evidence.metric,
            "candidate_version": candidate.number,
            "compared_with_version": compared_with.number,
            "production_version": in_use.number,
        }
        | {name: value for name, value in numbers.items() if value is not None},
        check_results=[_gate(evidence.partition, decision.decision, decision.reasons)],
    )


def _already_known(spec: ModelSpec, partition: str, reason: str) -> dg.MaterializeResult:
    """Nothing was trained: another run dealt with the regime after this one was requested."""
    return dg.MaterializeResult(
        metadata={
            "decision": "already_known",
            "reasons": dg.MetadataValue.json([reason]),
            "production_version": registry_of(spec).in_use().number,
        },
        check_results=[_gate(partition, "already_known", (reason,))],
    )


def _gate(partition: str, decision: str, reasons: tuple[str, ...]) -> dg.AssetCheckResult:
    """Red where a candidate was refused, yellow where somebody or more data has to decide."""
    severity = dg.AssetCheckSeverity
    return dg.AssetCheckResult(
        passed=decision in ("promoted", "already_known"),
        check_name="gate",
        severity=severity.ERROR if decision == "rejected" else severity.WARN,
        description=f"{partition}, {decision}: {' '.join(reasons)}",
    )
