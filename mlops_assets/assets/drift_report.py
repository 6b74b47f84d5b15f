"""``drift_report``: has the batch drifted, and is it worth retraining?"""

from pathlib import Path
from typing import Any

import dagster as dg

from mlops_assets.assets.day import Day
from mlops_assets.assets.shared import asset, told_plainly
from mlops_assets.data.store import Store
from mlops_assets.drift.importance import RankedColumn
from mlops_assets.drift.verdict import Verdict
from mlops_assets.spec import ModelSpec


def drift_report(spec: ModelSpec) -> dg.AssetsDefinition:
    """The asset for one model."""

    @asset(
        spec,
        "drift_report",
        deps=(
            "baseline_data",
            "baseline_model",
            "drifted_batch",
        ),
        kinds={"pandas", "report"},
        pool="daily",
        checks={
            "verdict": "The batch is like the baseline. Where not: what differs.",
            "production_is_best": "The version before production is not credibly better.",
        },
        description="The batch against the baseline and against every regime met since: features, "
        "target and production's own score; Evidently's page; the verdict.",
    )
    @told_plainly()
    def _drift_report(
        context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        partition = context.partition_key
        today = Day(spec, store, partition)
        verdict = today.verdict()
        ranked = today.ranked() if verdict.drift_detected else ()
        pages = today.write_pages(verdict)
        beside = today.beside_previous
        record = {
            "report": verdict.record().model_dump(mode="json"),
            "reasons": list(verdict.reasons),
            "data_hash": today.data_hash,
            "rollback": beside.model_dump(mode="json") if beside else None,
        }
        store.write_record(spec.name, "drift_report", partition, record)
        return _result(verdict, today, ranked, pages)

    return _drift_report


def _result(
    verdict: Verdict, today: Day, ranked: tuple[RankedColumn, ...], pages: dict[str, Path]
) -> dg.MaterializeResult:
    comparison = today.against_baseline
    due = today.rollback_due()
    metadata: dict[str, Any] = {
        "drift_detected": verdict.drift_detected,
        "retrain": verdict.retrain,
        "regime": verdict.regime,
        "drift_share": comparison.drift_share,
        "drifted_columns": dg.MetadataValue.json(_drifted(today, ranked)),
        "target_drift": comparison.target_drift,
        "reasons": dg.MetadataValue.json(list(verdict.reasons)),
        "rows": verdict.rows,
        "labelled_rows": verdict.labelled_rows,
        "columns": _columns_table(today, ranked),
        "production_version": today.production.number,
        "drifted_in_a_row": today.drifted_in_a_row(verdict),
        "rollback": due is not None,
    }
    metadata |= {name: dg.MetadataValue.path(str(page)) for name, page in pages.items()}
    metadata |= {f"drift/{column.name}": column.distance for column in comparison.columns}
    if decided := today.decided_before(verdict):
        metadata["decided_before"] = decided
    if today.score is not None:
        metadata["production_score"] = today.score
    severity = dg.AssetCheckSeverity
    checks = [
        dg.AssetCheckResult(
            passed=not verdict.drift_detected,
            check_name="verdict",
            severity=severity.WARN,
            description=f"{verdict.partition}: {'; '.join(verdict.reasons)}",
        ),
        dg.AssetCheckResult(
            passed=due is None,
            check_name="production_is_best",
            severity=severity.ERROR,
            description=f"{verdict.partition}: {_beside_previous(today, due)}",
        ),
    ]
    return dg.MaterializeResult(metadata=metadata, check_results=checks)


def _beside_previous(today: Day, due: str | None) -> str:
    """How production stands beside the version before it, in words."""
    if due:
        return f"going back: {due}."
    if today.beside_previous is None:
        return "not compared: there is no version to go back to, or too few labels."
    better = today.beside_previous.previous_better
    return f"previous is {'' if better else 'not '}credibly better."


def _drifted(today: Day, ranked: tuple[RankedColumn, ...]) -> list[str]:
    """The columns that drifted, those first whose drift matters most to the model."""
    if ranked:
        return [column.name for column in ranked if column.differs]
    return list(today.against_baseline.drifted_columns)


def _columns_table(today: Day, ranked: tuple[RankedColumn, ...]) -> dg.MarkdownMetadataValue:
    matters, drift = {column.name: column for column in ranked}, today.spec.drift
    order = {column.name: place for place, column in enumerate(ranked)}
    columns = sorted(today.against_baseline.columns, key=lambda c: order.get(c.name, len(order)))
    lines = [
        "| column | distance | needed | p, corrected | needed | differs | importance | impact | |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for column in columns:
        rank = matters.get(column.name)
        level = drift.target_significance if column.is_target else drift.significance
        lines.append(
            f"| {column.name} | {column.distance:.3f} | {column.threshold:g} "
            f"| {column.p_adjusted:.2g} | {level:g} | {'**yes**' if column.differs else 'no'} "
            f"| {f'{rank.importance:.3f}' if rank else ''} "
            f"| {f'{rank.impact:.3f}' if rank else ''} | {column.note} |"
        )
    return dg.MetadataValue.md("\n".join(lines))
