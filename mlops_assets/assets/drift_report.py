"""``drift_report``: has the batch drifted, and is it worth retraining?"""

from typing import Any

import dagster as dg

from mlops_assets.assets.shared import ACCEPTS_FAULTS, asset, life_of, told_plainly
from mlops_assets.data.store import Store
from mlops_assets.drift.estimate import FEWEST_ROWS
from mlops_assets.drift.predicted_errors import can_be_estimated
from mlops_assets.lifecycle.drift_report import DriftOutcome, report_drift
from mlops_assets.lifecycle.faults import accept_day
from mlops_assets.markdown import as_fairness, as_number, as_table, as_text
from mlops_assets.resources.mlflow import first_try
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
            "verdict": "The batch is as usual, or shifted as production has learned. Where not: "
            "what differs. Red: the delivery looks broken, and the day is held.",
            "production_is_best": "The version before production is not credibly better.",
            "estimated_score": "Without labels: production's score, as its own probabilities (of "
            "numbers: its errors so far) tell it, is not credibly below that on the baseline "
            "holdout.",
        },
        description="The batch and the latest days against the reference, which is the baseline "
        "and the quiet days since, and against every regime met: features, "
        "target and production's own score; Evidently's page; the verdict.",
    )
    @told_plainly()
    def _drift_report(
        context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        life, day = life_of(spec, store), context.partition_key
        if ACCEPTS_FAULTS.items() <= context.run.tags.items():
            accepted = accept_day(life, day, first_try(context.run))
            for fault in accepted.faults:
                context.log.info("Accepted by a person: %s.", fault.evidence)
        return _result(spec, report_drift(life, day))

    return _drift_report


def _result(spec: ModelSpec, found: DriftOutcome) -> dg.MaterializeResult:
    verdict, comparison = found.verdict, found.comparison
    metadata: dict[str, Any] = {
        "state": verdict.state,
        "drift_detected": verdict.drift_detected,
        "retrain": verdict.retrain,
        "regime": verdict.regime,
        "drift_share": comparison.drift_share,
        "drifted_columns": dg.MetadataValue.json(_drifted(found)),
        "target_drift": comparison.target_drift,
        "prediction_drift": comparison.prediction_drift,
        "reasons": dg.MetadataValue.json(list(verdict.reasons)),
        "rows": verdict.rows,
        "labelled_rows": verdict.labelled_rows,
        "data_hash": found.data_hash,
        "columns": _columns_table(found),
        "production_version": found.production.number,
        "drifted_in_a_row": found.drifted_in_a_row,
        "rollback": found.rollback_due is not None,
    }
    metadata |= {name: dg.MetadataValue.path(str(page)) for name, page in found.pages.items()}
    metadata |= {f"drift/{column.name}": column.distance for column in comparison.columns}
    if found.faults:
        metadata["faults"] = dg.MetadataValue.json(
            [{"kind": f.kind, "columns": list(f.columns), "factor": f.factor} for f in found.faults]
        )
    if found.promotion_due:
        metadata["promotion_due"] = found.promotion_due
    if found.challenging:
        metadata["challenger"] = found.challenging.text
    if found.decided_before:
        metadata["decided_before"] = found.decided_before
    if found.score is not None:
        metadata["production_score"] = found.score
    metadata |= _of_parts(found)
    if found.estimate is not None:
        metadata["estimated_score"] = found.estimate.score
        metadata["estimated_lower"] = found.estimate.lower
        metadata["estimated_upper"] = found.estimate.upper
    severity = dg.AssetCheckSeverity
    checks = [
        dg.AssetCheckResult(
            passed=verdict.state == "stable" or verdict.learned,
            check_name="verdict",
            severity=severity.ERROR if verdict.held else severity.WARN,
            description=f"{verdict.partition}, {verdict.state}: {'; '.join(verdict.reasons)}",
        ),
        dg.AssetCheckResult(
            passed=found.rollback_due is None,
            check_name="production_is_best",
            severity=severity.ERROR,
            description=f"{verdict.partition}: {_beside_previous(found)}",
        ),
        dg.AssetCheckResult(
            passed=found.estimated_score is None or not found.estimated_score.fallen,
            check_name="estimated_score",
            severity=severity.WARN,
            description=f"{verdict.partition}: {_estimated(spec, found)}",
        ),
    ]
    return dg.MaterializeResult(metadata=metadata, check_results=checks)


def _of_parts(found: DriftOutcome) -> dict[str, Any]:
    """How production does on parts of the rows: those that are named, and where it errs most."""
    told: dict[str, Any] = {}
    if found.slices:
        rows = [[as_text(s.name), f"{s.rows}", as_number(s.score)] for s in found.slices]
        told["slices"] = as_table(["slice", "rows", "production's score"], rows)
    if found.fairness:
        told["fairness"] = as_fairness(found.fairness)
    if found.weakest:
        told["weakest_slice"] = found.weakest.text
    return told


def _beside_previous(found: DriftOutcome) -> str:
    """How production stands beside the version before it, in words."""
    if found.rollback_due:
        return f"going back: {found.rollback_due}."
    if found.on_probation is None:
        return "not compared: there is no version to go back to, or no labels since the promotion."
    passed = "; the probation is over" if found.on_probation.over else ""
    return f"previous is not credibly better: {found.on_probation.text}{passed}."


def _estimated(spec: ModelSpec, found: DriftOutcome) -> str:
    """What is expected of production without labels, in words."""
    if found.estimated_score:
        return f"{found.estimated_score.text}."
    if spec.drift.estimated_score == "off":
        return "not estimated: drift.estimated_score is off."
    metric = spec.metric_of()
    if spec.task == "regression" and not can_be_estimated(metric):
        return f"not estimated: errors tell rmse, mae, mape and pinball, and not {metric.name}."
    if found.estimate is None and spec.task == "regression":
        return f"not estimated: fewer than {FEWEST_ROWS} rows with labels tell production's errors."
    if found.estimate is None:
        return (
            "not estimated: production's model knows no probabilities, or the baseline holdout has "
            "too few rows to read them by."
        )
    return (
        f"estimated at {found.estimate.score:.3f} without labels (95 % from "
        f"{found.estimate.lower:.3f} to {found.estimate.upper:.3f}); there are labels, and the "
        f"score is {found.score:.3f}."
    )


def _drifted(found: DriftOutcome) -> list[str]:
    """The columns that drifted, those first whose drift matters most to the model."""
    return [one.name for one in found.ranked or found.comparison.features if one.differs]


def _columns_table(found: DriftOutcome) -> dg.MarkdownMetadataValue:
    matters = {column.name: column for column in found.ranked}
    order = {column.name: place for place, column in enumerate(found.ranked)}
    columns = sorted(
        found.comparison.columns,
        key=lambda c: -1 if c.role == "prediction" else order.get(c.name, len(order)),
    )
    header = "column", "distance", "needed", "p, corrected", "needed", "differs"
    rows = []
    for column in columns:
        rank = matters.get(column.name)
        rows.append(
            [
                as_text(column.name),
                f"{column.distance:.3f}",
                f"{column.threshold:g}",
                f"{column.p_adjusted:.2g}",
                f"{column.level:g}",
                "**yes**" if column.differs else "no",
                f"{rank.importance:.3f}" if rank else "",
                f"{rank.impact:.3f}" if rank else "",
                as_text(column.note),
            ]
        )
    return as_table([*header, "importance", "impact", ""], rows)
