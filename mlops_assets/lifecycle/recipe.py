"""What a version was made from, kept with it so that it can be made again."""

import hashlib
import platform
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.data.columns import Columns
from mlops_assets.data.fingerprint import row_hashes
from mlops_assets.data.splits import SplitPolicy
from mlops_assets.drift.regimes import BASELINE
from mlops_assets.lifecycle.journal import ALL
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.rows import Parts, baseline_parts, lineage_parts
from mlops_assets.metrics import Task
from mlops_assets.spec import ModelSpec
from mlops_assets.training import (
    automl,
    calibration,
    class_weights,
    dates,
    features,
    folds,
    own_features,
    pipelines,
    search,
    settle,
    target,
    threshold,
    tuned_search,
    tuning,
    weights,
)
from mlops_assets.training.engines import chosen_engine, offers, packages
from mlops_assets.training.own_features import OwnFeatures
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.weights import Roles

RECIPE, ROWS = "recipe.json", "recipe_rows.parquet"  # artifacts of the version's MLflow run
TRAINED_ON = "trained_on"  # the name, among the tables, of what the trainer was given
_TRAINS = (
    automl,
    calibration,
    class_weights,
    dates,
    features,
    folds,
    own_features,
    pipelines,
    search,
    settle,
    target,
    threshold,
    tuned_search,
    tuning,
    weights,
)
_PACKAGES = ("numpy", "scipy", "pandas", "joblib")


class Settings(BaseModel):
    """What the YAML says of a training."""

    model_config = ConfigDict(frozen=True)

    task: Task
    columns: Columns
    split: SplitPolicy
    training: TrainingPolicy

    @classmethod
    def of(cls, spec: ModelSpec) -> Self:
        """Those of a model as it is now."""
        return cls(task=spec.task, columns=spec.columns, split=spec.split, training=spec.training)


class KeepsBaseline(BaseModel):
    """What a candidate's search is to keep of the baseline; :class:`Roles` says more."""

    model_config = ConfigDict(frozen=True)

    metric: str
    max_drop: float | None
    floor: float | None


class Recipe(BaseModel):
    """How a version was made, beside its rows."""

    model_config = ConfigDict(frozen=True)

    partition: str | None = Field(description="The day it was trained for; None: the first model.")
    judged_on: list[str] = Field(description="The origins whose evaluation rows it is judged on.")
    settings: Settings
    made_with: dict[str, str] = Field(description="What the outcome may depend on: versions.")
    types: dict[str, dict[str, str]] = Field(description="Of each table's columns.")
    keeps: KeepsBaseline | None = Field(
        default=None,
        description="What the search is to keep of the baseline; None: no rows were told apart.",
    )


@dataclass(frozen=True)
class Kept:
    """A recipe and the rows that belong to it.

    Attributes:
        recipe: All but the rows.
        rows: A line for each row of each table, in its order: ``table`` (``trained_on``,
            ``baseline``, or a day), ``use`` (``learn``, ``judge``, or empty), ``hash``; and what
            each row that was trained on is to a candidate: ``regime``, ``baseline``,
            ``importance``, ``period``, ``quiet``.
    """

    recipe: Recipe
    rows: pd.DataFrame

    @property
    def roles(self) -> Roles | None:
        """What the rows that were trained on are; None where they were not told apart."""
        if self.recipe.keeps is None:
            return None
        rows = self.rows[self.rows["table"] == TRAINED_ON]
        return Roles(
            regime=rows["regime"].to_numpy(dtype=bool),
            baseline=rows["baseline"].to_numpy(dtype=bool),
            importance=rows["importance"].to_numpy(dtype=float),
            period=rows["period"].to_numpy(dtype=int),
            quiet=rows["quiet"].to_numpy(dtype=bool),
            **dict(self.recipe.keeps),
        )

    def write(self, folder: Path) -> list[Path]:
        """Write it into a folder; returns the files."""
        recipe, rows = folder / RECIPE, folder / ROWS
        recipe.write_text(self.recipe.model_dump_json(indent=1), encoding="utf-8")
        self.rows.to_parquet(rows, index=False)
        return [recipe, rows]

    @classmethod
    def read(cls, recipe: bytes, rows: bytes) -> Self:
        """What :meth:`write` has written.

        Raises:
            pydantic.ValidationError: Another version of this project has written it.
        """
        return cls(Recipe.model_validate_json(recipe), pd.read_parquet(BytesIO(rows)))


def make_recipe(
    life: Life, table: pd.DataFrame, partition: str | None, roles: Roles | None = None
) -> Kept:
    """The recipe of a training that is about to be made.

    Args:
        life: The model.
        table: What the trainer is given.
        partition: The day that the candidate is for; None: the first model.
        roles: What the rows of the table are to it; None: all are alike.

    Raises:
        UserError: A table that the rows come from is missing.
    """
    if partition is None:
        parts, judged_on = {BASELINE: baseline_parts(life)}, [BASELINE]
    else:
        dataset = life.journal.augmented(partition)
        parts = lineage_parts(life, set(dataset.data_hashes) - {BASELINE})
        judged_on = dataset.regime_partitions
    return recipe_of(life, table, partition, parts, judged_on, roles)


def recipe_of(
    life: Life,
    table: pd.DataFrame,
    partition: str | None,
    parts: dict[str, Parts],
    judged_on: list[str],
    roles: Roles | None = None,
) -> Kept:
    """The recipe of a training on ``table``, whose rows come from ``parts``, by origin."""
    tables = {TRAINED_ON: table} | {origin: stored_at(life, origin) for origin in parts}
    hashes = {name: row_hashes(one) for name, one in tables.items()}
    learned = _learned(table, parts)
    used = {TRAINED_ON: np.full(len(table), "learn")} | {
        origin: _use(hashes[origin], learned[origin], part.judge) for origin, part in parts.items()
    }
    rows = [
        pd.DataFrame({"table": name, "use": used[name], "hash": hashes[name]}) for name in tables
    ]
    if roles is not None:
        nothing = {
            "regime": False,
            "baseline": False,
            "importance": 0.0,
            "period": -1,
            "quiet": False,
        }
        trained_on, *others = rows
        rows = [trained_on.assign(**roles.columns()), *(one.assign(**nothing) for one in others)]
    recipe = Recipe(
        partition=partition,
        judged_on=judged_on,
        settings=Settings.of(life.spec),
        made_with=made_with(life.spec.training),
        types={name: types_of(one) for name, one in tables.items()},
        keeps=roles
        and KeepsBaseline(metric=roles.metric, max_drop=roles.max_drop, floor=roles.floor),
    )
    whole = pd.concat(rows, ignore_index=True)
    return Kept(recipe, whole.astype({"table": "category", "use": "category"}))


def stored_at(life: Life, origin: str) -> pd.DataFrame:
    """The table that rows of an origin come from.

    Raises:
        UserError: It is missing.
    """
    if origin == BASELINE:
        return life.store.read(life.spec.name, "baseline_data", ALL)
    return life.store.read(life.spec.name, "drifted_batch", origin)


def _learned(table: pd.DataFrame, parts: dict[str, Parts]) -> dict[str, pd.DataFrame]:
    """The rows of each origin that are in a table: all that may be, or fewer."""
    # Put together as the table was, because types that differ between days are settled by it.
    every = pd.concat([part.learn for part in parts.values()], ignore_index=True)
    there = np.isin(row_hashes(every), row_hashes(table))
    ends = np.cumsum([len(part.learn) for part in parts.values()])
    masks = np.split(there, ends[:-1])
    return {o: part.learn[mask] for (o, part), mask in zip(parts.items(), masks, strict=True)}


def _use(hashes: np.ndarray, learned: pd.DataFrame, judged: pd.DataFrame) -> np.ndarray:
    """What each row is for: equal rows are always for the same."""
    sides = [np.isin(hashes, row_hashes(rows)) for rows in (learned, judged)]
    return np.select(sides, ["learn", "judge"], "")


def types_of(table: pd.DataFrame) -> dict[str, str]:
    """The type of each column, by its name."""
    return {str(name): str(kind) for name, kind in table.dtypes.items()}


def made_with(policy: TrainingPolicy) -> dict[str, str]:
    """What an outcome may depend on beside rows and settings.

    Args:
        policy: Whose engine it is, and whose transformer.

    Raises:
        UserError: The engine is not installed, or the transformer cannot be imported.
    """
    engine = chosen_engine(policy.engine)
    found = {"python": platform.python_version(), "machine": platform.machine(), "engine": engine}
    found |= packages(engine) | {name: version(name) for name in _PACKAGES}
    code = b"".join(Path(str(one.__file__)).read_bytes() for one in (*_TRAINS, offers(engine)))
    # The project's own version does not change with every change of what trains.
    found["mlops_assets.training"] = hashlib.sha256(code).hexdigest()[:12]
    if policy.features is not None:
        found[policy.features] = OwnFeatures.of(policy.features).sha256[:12]
    return found
