"""``candidate_model``: AutoML on the augmented dataset."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops_assets.drift.regimes import BASELINE, quiet_days
from mlops_assets.lifecycle.journal import Augmented, Registered
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.outside import Trainer, Training
from mlops_assets.lifecycle.rows import ORIGIN, keep_learned
from mlops_assets.spec import ModelSpec
from mlops_assets.training.weights import Roles


@dataclass(frozen=True)
class CandidateOutcome:
    """The candidate's training; or why none was needed."""

    training: Training | None
    already_known: str | None = None


def train_candidate(life: Life, partition: str, trainer: Trainer) -> CandidateOutcome:
    """Train on a day's augmented dataset; the version gets the alias `staging`.

    Raises:
        UserError: There is no such dataset, or nothing could be trained on it.
    """
    made = life.journal.augmented(partition)
    if made.already_known:
        return CandidateOutcome(None, made.already_known)
    dataset = life.store.read(life.spec.name, "augmented_dataset", partition)
    table = dataset.drop(columns=ORIGIN)
    page = life.pages / f"{partition}.html" if life.pages else None
    files = [page] if page and page.exists() else []
    roles = _roles(life, partition, dataset[ORIGIN], made)
    training = trainer(table, partition, files, roles)
    keep_learned(life, training.version, partition, dataset)
    life.registry.set_alias("staging", training.version)
    life.journal.keep_candidate(partition, Registered.of(training.version))
    return CandidateOutcome(training)


def _roles(life: Life, partition: str, origin: pd.Series, made: Augmented) -> Roles:
    """What the rows of a dataset are to its candidate."""
    number = {day: place for place, day in enumerate(sorted(made.regime_partitions))}
    period = origin.map(number).fillna(-1).to_numpy(dtype=int)
    quiet = origin.isin(quiet_days(life.journal.reports(), partition)).to_numpy() & (period < 0)
    return Roles(
        regime=period >= 0,
        baseline=(origin == BASELINE).to_numpy(),
        importance=_importance(life.spec, partition, origin),
        metric=life.metric.name,
        max_drop=life.spec.gate.max_baseline_drop,
        period=period,
        quiet=quiet,
    )


def _importance(spec: ModelSpec, partition: str, origin: pd.Series) -> np.ndarray:
    """What each row weighs by its age; the baseline is as old as the first day."""
    half = spec.training.half_life_days
    if half is None:
        return np.ones(len(origin))
    days = origin.where(origin != BASELINE, spec.start_date).to_numpy().astype("datetime64[D]")
    age = (np.datetime64(partition, "D") - days).astype(float)
    return np.exp2(-age / half)
