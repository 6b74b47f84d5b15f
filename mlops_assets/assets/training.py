"""AutoML as the two model assets use it: told in the Dagster log, recorded in MLflow."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from mlops_assets import settings
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.outside import Trainer, Training
from mlops_assets.lifecycle.trainer import TrackedTrainer
from mlops_assets.markdown import as_leaderboard
from mlops_assets.training.mlflow_server import connect
from mlops_assets.training.search import AlgorithmResult
from mlops_assets.training.weights import Roles, named


def trainer(context: dg.AssetExecutionContext, life: Life) -> Trainer:
    """What trains a model's candidates within a Dagster run and its MLflow run."""
    client = connect(settings.mlflow_uri(), settings.mlflow_patience())
    tags = {"dagster_run_id": context.run.run_id}
    tracked = TrackedTrainer(life, client, tags, partial(_tell, context))

    def train_and_tell(
        table: pd.DataFrame,
        partition: str | None,
        files: Sequence[Path],
        roles: Roles | None = None,
    ) -> Training:
        training = tracked(table, partition, files, roles)
        if training.known:
            context.log.info("%s", _known(training))
        return training

    return train_and_tell


def _tell(context: dg.AssetExecutionContext, result: AlgorithmResult) -> None:
    """Say what came of one algorithm, and end here if that was asked for."""
    if result.error:
        context.log.warning("%s could not be trained: %s", result.name, result.error)
    else:
        scores = ", ".join(f"{name} {value:.4f}" for name, value in result.metrics.items())
        context.log.info("%s in %.1f s: %s", result.name, result.seconds, scores)
    _end_if_asked_to(context)


def _known(training: Training) -> str:
    return (
        f"Version {training.version.number} was trained on these very rows with these settings "
        "before, so nothing was trained again."
    )


def training_metadata(training: Training) -> dict[str, Any]:
    """What the UI shows of a training."""
    told: dict[str, Any] = {
        "version": training.version.number,
        "training_rows": training.rows,
        "mlflow_run_id": training.version.run_id,
    }
    if training.known:
        told["known"] = _known(training)
    if training.leaderboard is not None:
        told |= {
            "algorithm": training.algorithm,
            "leaderboard": as_leaderboard(training.leaderboard),
            "notes": dg.MetadataValue.json(list(training.notes)),
        }
    if training.regime_weight is not None:
        told["regime_weight"] = named(training.regime_weight)
    return told


def _end_if_asked_to(context: dg.AssetExecutionContext) -> None:
    """End a run that is being terminated.

    Dagster interrupts it once, and Python drops an interrupt that comes while it collects
    garbage, which PyCaret has it do around every algorithm. So what was asked is looked up.
    """
    run = context.instance.get_run_by_id(context.run.run_id)
    if run is not None and run.status is dg.DagsterRunStatus.CANCELING:
        raise dg.DagsterExecutionInterruptedError
