"""``predictions``: the batch, scored with the production model."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.lifecycle.life import Life
from mlops_assets.predicted import Predicted
from mlops_assets.promotion.registry import NoSuchVersionError, Version
from mlops_assets.spec import ModelSpec
from mlops_assets.training.features import Model, Predictor

_SHOWN = 20


@dataclass(frozen=True)
class Predictions:
    """The predictions as they are stored, where, and the version that made them.

    Attributes:
        table: The ids and the moment of each row, ``prediction``, ``model_version``, and the
            probabilities or the interval, as
            :meth:`mlops_assets.predicted.Predicted.columns` names them.
        path: Where it is stored.
        version: Which version has made them.
        counts: How often each class was predicted, the most frequent first; None for regression.
        means: Of the columns of numbers that were predicted: of its values, of probabilities.
        note: What is missing and why, and whether the code of its transformer has changed, in
            words; None: nothing.
    """

    table: pd.DataFrame
    path: str
    version: Version
    counts: dict[str, int] | None
    means: dict[str, float]
    note: str | None = None


def predict(life: Life, partition: str) -> Predictions:
    """Score every row of a day's batch with production, and store what it says.

    Raises:
        UserError: There is no batch, or no production.
    """
    columns, classifies = life.spec.columns, life.spec.task == "classification"
    batch = life.store.read(life.spec.name, "drifted_batch", partition)
    version = served_by(life, partition)
    model = life.load(version)
    predicted = model.predict(batch)
    hidden = columns.target in columns.sensitive
    answers = predicted.columns(life.positive, hidden=hidden)
    said = answers | {"model_version": version.number}
    kept = [*columns.id, *([columns.timestamp] if columns.timestamp else [])]
    table = pd.DataFrame(_beside(said, batch[kept]) | said, index=batch.index)
    path = life.store.write(life.spec.name, "predictions", partition, table)
    numbers = [name for name in answers if name.startswith("probability")]
    if not classifies:
        numbers = ["prediction"]
    return Predictions(
        table,
        path,
        version,
        _counts(predicted, hidden=hidden) if classifies else None,
        {name: float(np.mean(answers[name])) for name in numbers[: _SHOWN + 1]},
        " ".join(_notes(life.spec, version, model, answers)) or None,
    )


def _beside(said: Collection[str], rows: pd.DataFrame) -> dict[str, Any]:
    """Columns of the batch, told from the prediction's own by lines at the ends of their names."""
    made: dict[str, Any] = {}
    own = [str(name) for name in rows.columns if name not in said]
    for name in rows.columns:
        free = str(name)
        while free in said or free in made or (free != name and free in own):
            free = f"{free}_"
        made[free] = rows[name].array  # whose index is that of all
    return made


def _counts(predicted: Predicted, *, hidden: bool) -> dict[str, int]:
    """How often each class was predicted; where no class may be named, by its place among them."""
    counts = pd.Series(predicted.labels, dtype=object).value_counts()
    known = predicted.classes if predicted.classes is not None else sorted(counts.index, key=str)
    places = {value: f"class {place}" for place, value in enumerate(known, start=1)}
    named = {value: places[value] if hidden else str(value) for value in counts.index}
    return {named[value]: int(rows) for value, rows in counts.head(_SHOWN).items()}


def _notes(
    spec: ModelSpec, version: Version, model: Predictor, answers: Collection[str]
) -> Iterator[str]:
    missing = _missing(spec, version, answers)
    changed = model.own.changed() if isinstance(model, Model) and model.own else None
    yield from (note for note in (missing, changed) if note)


def _missing(spec: ModelSpec, version: Version, answers: Collection[str]) -> str | None:
    """What a version does not know that one that is trained now does, in words."""
    if len(answers) > 1 or (spec.task == "regression" and spec.predictions.level is None):
        return None
    what = "interval" if spec.task == "regression" else "probabilities"
    return (
        f"Version {version.number} knows no {what}: it was stored by an earlier version of "
        "mlops_assets, or had too few rows or an algorithm without. A version that is trained now "
        "says more."
    )


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
