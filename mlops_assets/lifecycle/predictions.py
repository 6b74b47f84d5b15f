"""``predictions``: the batch, scored with the production model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlops_assets.lifecycle.life import Life
from mlops_assets.promotion.registry import NoSuchVersionError, Version


@dataclass(frozen=True)
class Predicted:
    """The predictions as they are stored, where, and the version that made them."""

    table: pd.DataFrame
    path: str
    version: Version


def predict(life: Life, partition: str) -> Predicted:
    """Score every row of a day's batch with production, and store what it says.

    Raises:
        UserError: There is no batch, or no production.
    """
    columns = life.spec.columns
    batch = life.store.read(life.spec.name, "drifted_batch", partition)
    version = served_by(life, partition)
    predicted = life.load(version).predict(batch)
    said = {"prediction": predicted.labels, "model_version": version.number}
    kept = [*columns.id, *([columns.timestamp] if columns.timestamp else [])]
    table = pd.DataFrame({_beside(said, n): batch[n] for n in kept} | said, index=batch.index)
    path = life.store.write(life.spec.name, "predictions", partition, table)
    return Predicted(table, path, version)


def _beside(said: Mapping[str, Any], name: str) -> str:
    """The name of a column of the batch, told from the prediction's own by a line at its end."""
    while name in said:
        name = f"{name}_"
    return name


def served_by(life: Life, partition: str) -> Version:
    """Production; for a day that is made again, the version that scored it before.

    Else drift that only the score shows would be none any more as soon as a model that has
    learned from it is in production, and its regime would be forgotten.
    """
    made = life.journal.reported(partition)
    if made is None or made.report.production is None:
        return life.registry.in_use()
    try:
        return life.registry.get(int(made.report.production))
    except NoSuchVersionError:  # it was deleted from the registry since
        return life.registry.in_use()
