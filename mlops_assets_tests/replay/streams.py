"""A small stream whose days can be counted by hand."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from mlops_assets.errors import NotThereYetError
from mlops_assets.replay.history import History, read_history
from mlops_assets.replay.living import Living
from mlops_assets.replay.policies import policies
from mlops_assets.spec import ModelSpec

FIRST = dt.date(2026, 1, 1)
ROWS = 200
CHANGE = 4  # the day from which the same features, moved, mean the same labels, moved
MISSING, BROKEN = 9, 10
DAYS = 15


def day(number: int) -> str:
    """The partition of a day, from 1 on."""
    return str(FIRST + dt.timedelta(days=number - 1))


def table(seed: int, moved: float = 0.0) -> pd.DataFrame:
    """Rows whose label says on which side of the middle ``x`` is."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, ROWS))
    label = np.where(x > 0, "up", "down")
    return pd.DataFrame({"x": x + moved, "z": z + moved, "label": label})


def batch(number: int) -> pd.DataFrame:
    """The rows of a day."""
    rows = table(number, moved=4.0 if number >= CHANGE else 0.0)
    return rows.drop(columns="x") if number == BROKEN else rows


def write_csv(folder: Path, days: int = DAYS) -> None:
    """The stream as files, without the day that is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    table(0).to_csv(folder / "baseline.csv", index=False)
    for number in range(1, days + 1):
        if number != MISSING:
            batch(number).to_csv(folder / f"{day(number)}.csv", index=False)


def attributes(folder: Path, **more: Any) -> dict[str, Any]:
    """A model of the stream, as its YAML would have it."""
    return {
        "name": "stream",
        "columns": {"target": "label"},
        "baseline": {"kind": "csv", "url": str(folder / "baseline.csv")},
        "batches": {"kind": "csv", "url": str(folder / "{date}.csv")},
        "start_date": str(FIRST),
        "training": {"algorithms": ["dt"], "folds": 2},
    } | more


def spec_of(folder: Path, **more: Any) -> ModelSpec:
    """The same, checked."""
    return ModelSpec.model_validate(attributes(folder, **more))


def defs(folder: Path, **more: Any) -> Path:
    """A ``defs`` folder with the model in it."""
    path = folder / "defs" / "stream" / "defs.yaml"
    path.parent.mkdir(parents=True)
    document = {"type": "mlops_assets.ModelLifecycle", "attributes": attributes(folder, **more)}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return folder / "defs"


class Stream:
    """The stream as a source in memory."""

    def __init__(self, days: int = DAYS) -> None:
        self.days = days

    def baseline(self) -> pd.DataFrame:
        return table(0)

    def batch(self, date: dt.date) -> pd.DataFrame:
        number = (date - FIRST).days + 1
        if number == MISSING or number > self.days:
            raise NotThereYetError(f"no batch of {date}")
        return batch(number)

    def labels(self, date: dt.date) -> pd.DataFrame:
        raise AssertionError("labels come with the batches")


def history_of(spec: ModelSpec, folder: Path, source: Any = None, days: int = DAYS) -> History:
    """The stream's history, read into a folder."""
    last = FIRST + dt.timedelta(days=days - 1)
    return read_history(
        spec,
        source or Stream(),
        folder / "rows",
        FIRST,
        last,
        last + dt.timedelta(days=1),
        lambda _: None,
    )


def lived(name: str, spec: ModelSpec, folder: Path, settings: tuple[str, ...] = ()) -> Living:
    """One policy, lived through the whole history in this process."""
    history = history_of(spec, folder)
    (policy,) = [one for one in policies(spec, list(settings)) if one.name == name]
    living = Living(policy, folder, "fast", folder / "kept")
    living.begin()
    assert list(living.through(history)) == list(history.days)
    return living
