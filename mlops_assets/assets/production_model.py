"""``production_model``: the candidate against production, and the version in use afterwards."""

from typing import Any

import dagster as dg

from mlops_assets.assets.shared import asset, life_of, told_plainly
from mlops_assets.data.store import Store
from mlops_assets.lifecycle.journal import Decided
from mlops_assets.lifecycle.production_model import DecisionOutcome, decide_on_candidate
from mlops_assets.markdown import as_fairness, as_number, as_table, as_text
from mlops_assets.resources.mlflow import MlflowRun, end_mlflow_on_run_finished
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
        store: dg.ResourceParam[Store],
        mlflow: MlflowRun,  # noqa: ARG001 - opens the run's MLflow run
    ) -> dg.MaterializeResult:
        partition = context.partition_key
        return _result(partition, decide_on_candidate(life_of(spec, store), partition))

    return _production_model


def _result(partition: str, outcome: DecisionOutcome) -> dg.MaterializeResult:
    metadata: dict[str, Any] = {
        "decision": outcome.decision,
        "reasons": dg.MetadataValue.json(list(outcome.reasons)),
        "production_version": outcome.in_use.number,
    }
    if outcome.decided:
        metadata |= _numbers(outcome.decided)
    return dg.MaterializeResult(
        metadata=metadata, check_results=[_gate(partition, outcome.decision, outcome.reasons)]
    )


def _numbers(decided: Decided) -> dict[str, Any]:
    evidence = decided.evidence
    rows = [[c.name, "✓" if c.passed else "✗", as_text(c.detail)] for c in decided.checks]
    told = {
        "checks": as_table(["check", "holds", "with these numbers"], rows),
        "metric": evidence.metric,
        "candidate_version": decided.candidate_version,
        "compared_with_version": decided.production_version,
        "candidate_score": evidence.candidate_score,
        "production_score": evidence.production_score,
        "improvement": evidence.improvement,
        "improvement_lower": evidence.improvement_lower,
        "baseline_drop": evidence.baseline_drop,
        "evaluation_rows": evidence.evaluation_rows,
    }
    if evidence.slices:
        parts = [
            [as_text(s.name), f"{s.rows}", *map(as_number, (s.candidate_score, s.production_score))]
            for s in evidence.slices
        ]
        told["slices"] = as_table(["slice", "rows", "candidate", "production"], parts)
    if evidence.fairness:
        told["fairness"] = as_fairness(evidence.fairness)
    return {name: value for name, value in told.items() if value is not None}


def _gate(partition: str, decision: str, reasons: tuple[str, ...]) -> dg.AssetCheckResult:
    """Red where a candidate was refused, yellow where somebody or more data has to decide."""
    severity = dg.AssetCheckSeverity
    return dg.AssetCheckResult(
        passed=decision in ("promoted", "already_known"),
        check_name="gate",
        severity=severity.ERROR if decision == "rejected" else severity.WARN,
        description=f"{partition}, {decision}: {' '.join(reasons)}",
    )
