"""AutoML as the two model assets use it: told in the Dagster log, recorded in MLflow."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from mlops_assets import settings
from mlops_assets.assets.shared import registry_of
from mlops_assets.promotion.registry import Version
from mlops_assets.spec import ModelSpec
from mlops_assets.training.automl import AlgorithmResult, train
from mlops_assets.training.mlflow_server import connect
from mlops_assets.training.tracking import IDEMPOTENCY_TAG, log_algorithm, log_training, registered


def train_and_register(
    context: dg.AssetExecutionContext,
    spec: ModelSpec,
    table: pd.DataFrame,
    partition: str | None,
    files: Sequence[Path],
) -> tuple[Version, dict[str, Any]]:
    """Train on a table, record it in the run's MLflow run, register the best model.

    A retried run that had registered its version before it was killed gets that version again.

    Returns:
        The version, and metadata about it for the UI.
    """
    first_try = context.run.root_run_id or context.run.run_id
    key = f"{spec.name}/{partition or 'baseline'}/{first_try}"
    registry = registry_of(spec)
    client = connect(settings.mlflow_uri(), settings.mlflow_patience())
    known = registered(client, spec.name, key)
    if known is not None:
        context.log.info("An earlier try of this run has registered version %s already.", known)
        return registry.get(known), {"version": known}

    def tell(result: AlgorithmResult) -> None:
        log_algorithm(client, result)
        if result.error:
            context.log.warning("%s could not be trained: %s", result.name, result.error)
        else:
            scores = ", ".join(f"{name} {value:.4f}" for name, value in result.metrics.items())
            context.log.info("%s in %.1f s: %s", result.name, result.seconds, scores)
        _end_if_asked_to(context)

    trained = train(table, spec.columns, spec.task, spec.training, tell)
    tags = {"dagster_run_id": context.run.run_id, IDEMPOTENCY_TAG: key}
    number = log_training(
        client,
        trained,
        table,
        spec.columns,
        spec.task,
        model=spec.name,
        tags=tags | ({"partition": partition} if partition else {}),
        files=files,
    )
    version = registry.get(number)
    return version, {
        "version": number,
        "algorithm": trained.algorithm,
        "leaderboard": dg.MetadataValue.md(_as_markdown(trained.leaderboard)),
        "notes": dg.MetadataValue.json(list(trained.notes)),
        "training_rows": len(table),
        "mlflow_run_id": version.run_id,
    }


def _end_if_asked_to(context: dg.AssetExecutionContext) -> None:
    """End a run that is being terminated.

    Dagster interrupts it once, and Python drops an interrupt that comes while it collects
    garbage, which PyCaret has it do around every algorithm. So what was asked is looked up.
    """
    run = context.instance.get_run_by_id(context.run_id)
    if run is not None and run.status is dg.DagsterRunStatus.CANCELING:
        raise dg.DagsterExecutionInterruptedError


def _as_markdown(leaderboard: pd.DataFrame) -> str:
    shown = leaderboard.drop(columns="id")
    lines = ["|".join(["", *shown.columns, ""]), "|".join(["", *["---"] * shown.shape[1], ""])]
    for row in shown.itertuples(index=False):
        cells = [f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row]
        lines.append("|".join(["", *cells, ""]))
    return "\n".join(lines)
