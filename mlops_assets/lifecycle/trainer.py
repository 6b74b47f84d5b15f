"""The trainer of production: AutoML, recorded in MLflow together with what it was made from."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mlops_assets.lifecycle.doubts import doubts_of_training, notes_of_metric
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.outside import Training
from mlops_assets.lifecycle.recipe import make_recipe
from mlops_assets.predicted import Interval
from mlops_assets.promotion.registry import Version
from mlops_assets.training.automl import Trained, train
from mlops_assets.training.doubts import noted, warned
from mlops_assets.training.features import Model
from mlops_assets.training.intervals import conformal, keep_interval
from mlops_assets.training.mlflow_server import Client
from mlops_assets.training.refit import with_floor
from mlops_assets.training.search import AlgorithmResult
from mlops_assets.training.tracking import (
    IDEMPOTENCY_TAG,
    idempotency_key,
    log_algorithm,
    log_training,
    registered,
)
from mlops_assets.training.tuning import Tuning
from mlops_assets.training.weights import Roles

DOUBTS_TAG = "doubts"  # of a version: what a person should look at before it is trusted
_LONGEST_TAG = 5_000  # characters


@dataclass(frozen=True)
class TrackedTrainer:
    """Trains within the active MLflow run and registers the best model there.

    Attributes:
        life: The model.
        client: The MLflow that the run and the registry of ``life`` are in.
        tags: Tags of each version, beside its partition and its key.
        on_algorithm: Told of each algorithm once it is recorded.
        keeps_recipe: Whether what the training is made from is kept with it.
        tuned: What came of tuning before, which is taken as it is; None: see the policy.
    """

    life: Life
    client: Client
    tags: dict[str, str]
    on_algorithm: Callable[[AlgorithmResult], None]
    keeps_recipe: bool = True
    tuned: Tuning | None = None

    def __call__(
        self,
        table: pd.DataFrame,
        partition: str | None,
        files: Sequence[Path],
        roles: Roles | None = None,
    ) -> Training:
        """Train, unless the very same training was made before; :class:`outside.Trainer`."""
        spec, registry, client = self.life.spec, self.life.registry, self.client
        key = idempotency_key(
            spec.name, partition, table, spec.columns, spec.task, spec.training, roles
        )
        known = registered(client, spec.name, key)
        if known is not None:
            version = registry.get(known)
            return Training(version, len(table), known=True, doubts=_doubts_of(version))
        columns, roles = self.life.columns, self._with_floor(table, roles)
        with tempfile.TemporaryDirectory() as folder:
            # Before the search, which takes long, in case that a table is missing.
            recipe = self._recipe(table, partition, Path(folder), roles)
            how = columns, spec.task, spec.training
            trained = train(table, *how, self._record, roles, self.tuned)
            doubts = doubts_of_training(self.life, trained, table, roles)
            said = notes_of_metric(spec.training, spec.task, trained.metric)
            trained = replace(trained, notes=(*said, *trained.notes, *noted(doubts)))
            if spec.task == "regression" and spec.predictions.level is not None:
                keep_interval(trained.pipeline, self._interval(trained, table, roles))
            number = log_training(
                client,
                trained,
                table,
                columns,
                spec.task,
                model=spec.name,
                tags=self.tags
                | {IDEMPOTENCY_TAG: key}
                | ({"partition": partition} if partition else {})
                | _tagged(warned(doubts)),
                files=[*files, *recipe],
            )
        version = registry.get(number)
        return Training(
            version,
            len(table),
            trained.algorithm,
            trained.leaderboard,
            trained.notes,
            regime_weight=trained.regime_weight,
            doubts=_doubts_of(version),
        )

    def _record(self, result: AlgorithmResult) -> None:
        log_algorithm(self.client, result)
        self.on_algorithm(result)

    def _with_floor(self, table: pd.DataFrame, roles: Roles | None) -> Roles | None:
        """The roles with what the baseline is to keep; a training again is told that."""
        life, spec = self.life, self.life.spec
        if roles is None or roles.max_drop is None or roles.floor is not None:
            return roles
        first = life.load(life.registry.first())
        assert isinstance(first, Model)  # as the registry of MLflow has them
        return with_floor(roles, first, table, life.columns, spec.task, spec.training)

    def _interval(
        self, trained: Trained, table: pd.DataFrame, roles: Roles | None
    ) -> Interval | None:
        """By the rows that are like those to come: of a candidate, those of its regime."""
        spec = self.life.spec
        alike = np.ones(len(table), bool)
        rows = alike if roles is None or roles.few else roles.regime
        truth = table[spec.columns.target].to_numpy(float)
        assert spec.predictions.level is not None
        return conformal(truth[rows], trained.cross_validated.labels[rows], spec.predictions.level)

    def _recipe(
        self, table: pd.DataFrame, partition: str | None, folder: Path, roles: Roles | None
    ) -> list[Path]:
        if not self.keeps_recipe:
            return []
        return make_recipe(self.life, table, partition, roles).write(folder)


def _tagged(doubts: Sequence[str]) -> dict[str, str]:
    """A line each, kept with the version: it is known later, when it is not trained again."""
    return {DOUBTS_TAG: "\n".join(doubts)[:_LONGEST_TAG]} if doubts else {}


def _doubts_of(version: Version) -> tuple[str, ...]:
    return tuple(version.tags.get(DOUBTS_TAG, "").splitlines())
