"""A model that lives in memory: the real steps, without MLflow, disk or a search."""

import datetime as dt
import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.errors import EmptyDayError, NotThereYetError
from mlops_assets.lifecycle.augmented_dataset import augment
from mlops_assets.lifecycle.baseline_data import take_baseline
from mlops_assets.lifecycle.baseline_model import train_baseline_model
from mlops_assets.lifecycle.candidate_model import train_candidate
from mlops_assets.lifecycle.drift_report import DriftOutcome, report_drift
from mlops_assets.lifecycle.drifted_batch import take_batch
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.memory import MemoryRegistry, MemoryStore
from mlops_assets.lifecycle.outside import Trainer, Training
from mlops_assets.lifecycle.production_model import DecisionOutcome, decide_on_candidate
from mlops_assets.lifecycle.recipe import RECIPE, ROWS, make_recipe
from mlops_assets.lifecycle.rows import ORIGIN, baseline_parts
from mlops_assets.predicted import Predicted
from mlops_assets.spec import ModelSpec
from mlops_assets.training.tracking import Recorded
from mlops_assets.training.weights import Roles

USUAL, DRIFTED, AGAIN = "2026-01-01", "2026-01-02", "2026-01-03"
SETTINGS = {
    "name": "small",
    "columns": {"target": "y"},
    "baseline": {"kind": "csv", "url": "handed-in"},
    "batches": {"kind": "csv", "url": "handed-in"},
    "start_date": USUAL,
    "drift": {"resamples": 200},
    "gate": {"resamples": 200},
}


def spec(**changes: Any) -> ModelSpec:
    return ModelSpec.model_validate(SETTINGS | changes)


def table(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Two classes that a number tells apart; with a shift, at another place than before."""
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, rows).round(3)
    return pd.DataFrame({"x": x, "z": rng.normal(shift, 1, rows).round(3), "y": _class(x, shift)})


def _class(x: np.ndarray, shift: float) -> np.ndarray:
    return np.where(x > shift, "high", "low")


@dataclass(frozen=True)
class Rows:
    """What the days bring, by partition; the baseline by that name."""

    tables: dict[str, pd.DataFrame]

    def baseline(self) -> pd.DataFrame:
        return self.tables["baseline"]

    def batch(self, day: dt.date) -> pd.DataFrame:
        if str(day) not in self.tables:
            raise NotThereYetError(f"nothing came on {day}")
        if self.tables[str(day)].empty:
            raise EmptyDayError(f"{day} has no rows")
        return self.tables[str(day)]

    def labels(self, day: dt.date) -> pd.DataFrame:
        raise NotImplementedError


@dataclass(frozen=True)
class Small:
    """A model that is fitted in a millisecond."""

    tree: DecisionTreeClassifier
    features: list[str] = field(default_factory=lambda: ["x", "z"])

    def predict(self, frame: pd.DataFrame) -> Predicted:
        return Predicted(np.asarray(self.tree.predict(frame[self.features])))

    @classmethod
    def fit(cls, rows: pd.DataFrame) -> "Small":
        return cls(
            DecisionTreeClassifier(max_depth=3, random_state=0).fit(rows[["x", "z"]], rows["y"])
        )


def life(**changes: Any) -> Life:
    """One in which nothing has run yet; its clock ticks with each look at it."""
    made = spec(**changes)
    seconds = itertools.count()
    begun = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    days = {
        "baseline": table(200, 0),
        USUAL: table(200, 1),
        DRIFTED: table(300, 2, shift=6),
        AGAIN: table(300, 3, shift=6),
    }
    return Life(
        made,
        MemoryStore(),
        MemoryRegistry(made.name),
        clock=lambda: begun + dt.timedelta(seconds=next(seconds)),
        source=Rows(days),
    )


def trainer(one: Life) -> Trainer:
    """Fits it, and registers it."""

    def train(
        rows: pd.DataFrame, partition: str | None, files: Any, roles: Roles | None = None
    ) -> Training:
        tags = {"training_data_hash": fingerprint(rows)}
        tags |= {"partition": partition} if partition else {}
        return Training(one.registry.register(Small.fit(rows), tags), len(rows))

    return train


def baseline(one: Life) -> None:
    take_baseline(one)
    train_baseline_model(one, trainer(one))


def report(one: Life, day: str) -> DriftOutcome:
    assert take_batch(one, day).record
    return report_drift(one, day)


def retrain(one: Life, day: str) -> DecisionOutcome:
    augment(one, day, judge_again=True)
    train_candidate(one, day, trainer(one))
    return decide_on_candidate(one, day)


def promoted(**changes: Any) -> Life:
    """Version 1 of the baseline, and version 2 of a drifted day, which is in production."""
    one = life(**changes)
    baseline(one)
    report(one, USUAL)
    assert report(one, DRIFTED).verdict.retrain
    assert retrain(one, DRIFTED).decision == "promoted"
    return one


def recorded(rows: pd.DataFrame) -> Recorded:
    """What a training on these rows leaves, without its recipe."""
    model = Small.fit(rows)
    board = pd.DataFrame(
        {"id": ["small"], "Algorithm": ["Small"], "F1 macro": [0.9], "Seconds": [1.0]}
    )
    return Recorded(
        {"algorithm": "small", "model.split": str(model.tree.tree_.threshold[0])}, board, {}
    )


def with_recipe(one: Life, partition: str | None, folder: Path) -> Recorded:
    """What the training of a version leaves, asked for before anything changes."""
    name = one.spec.name
    if partition:
        rows = one.store.read(name, "augmented_dataset", partition)
        rows = rows.drop(columns=ORIGIN)
    else:
        rows = baseline_parts(one).learn
    made = recorded(rows)
    files = make_recipe(one, rows, partition).write(folder)
    kept = {file.name: file.read_bytes() for file in files}
    assert kept.keys() == {RECIPE, ROWS}
    return Recorded(made.parameters, made.leaderboard, kept)
