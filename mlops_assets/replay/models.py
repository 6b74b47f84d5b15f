"""The models of a replay: each is fitted once for equal rows, whichever policy asks."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.lifecycle.memory import MemoryRegistry
from mlops_assets.lifecycle.outside import Training
from mlops_assets.predicted import Predicted
from mlops_assets.replay.scratch import keep, take
from mlops_assets.spec import ModelSpec
from mlops_assets.training.automl import train
from mlops_assets.training.features import Model
from mlops_assets.training.own_features import OwnFeatures
from mlops_assets.training.refit import refit, refit_weighted, with_floor
from mlops_assets.training.weights import Roles

Mode = Literal["fast", "full"]
_LOADED = 8  # models at once: production, the one before it, the first, a candidate
_PREDICTED = 64  # tables of which predictions are kept: the holdout's are asked for every day


@dataclass(frozen=True)
class KeptModel:
    """A model in a file, loaded when it is asked; it is known by what it was fitted on."""

    path: Path
    _loaded: ClassVar[OrderedDict[Path, Model]] = OrderedDict()
    _predicted: ClassVar[OrderedDict[tuple[Path, int], tuple[pd.DataFrame, Predicted]]] = (
        OrderedDict()
    )

    @property
    def features(self) -> list[str]:
        """The columns it was trained on, in their order."""
        return self.load().features

    def predict(self, frame: pd.DataFrame) -> Predicted:
        """What it says of each row of ``frame``."""
        key = self.path, id(frame)  # no other frame has this id while the frame is kept
        if key not in self._predicted:
            self._predicted[key] = frame, self.load().predict(frame)
        self._predicted.move_to_end(key)
        while len(self._predicted) > _PREDICTED:
            self._predicted.popitem(last=False)
        return self._predicted[key][1]

    def load(self) -> Model:
        """The model itself."""
        if self.path not in self._loaded:
            self._loaded[self.path] = take(self.path)
        self._loaded.move_to_end(self.path)
        while len(self._loaded) > _LOADED:
            self._loaded.popitem(last=False)
        return self._loaded[self.path]


@dataclass
class ReplayTrainer:
    """Trains for a replay: the first model by a search, later ones by ``mode``.

    Attributes:
        spec: The model.
        registry: Where the versions are registered.
        folder: Where fitted models are kept, shared by all policies.
        mode: ``fast`` fits the first search's winner to later rows; ``full`` searches each time.
        fitted: How many models were not there yet.
    """

    spec: ModelSpec
    registry: MemoryRegistry
    folder: Path
    mode: Mode
    fitted: int = 0
    columns: Columns = field(init=False)
    _first: KeptModel | None = field(default=None)

    def __post_init__(self) -> None:
        """Until the baseline tells the positive class, the roles are those of the YAML."""
        self.columns = self.spec.columns

    def __call__(
        self,
        table: pd.DataFrame,
        partition: str | None,
        files: Sequence[Path],  # noqa: ARG002 - nothing is kept beside a replay's models
        roles: Roles | None = None,
    ) -> Training:
        """Train on a table, and register what comes of it."""
        first = self._first
        of = f" {roles.digest()}" if roles else ""
        if partition is None or self.mode == "full" or first is None:
            kept = self._kept(f"search{of}", table, lambda: self._searched(table, roles))
        else:
            how = f"refit {first.path.name}{of}"
            kept = self._kept(how, table, lambda: self._refitted(first.load(), table, roles))
        if partition is None:
            self._first = kept
        version = self.registry.register(kept, {"partition": partition} if partition else {})
        return Training(version, len(table))

    def _searched(self, table: pd.DataFrame, roles: Roles | None) -> Model:
        spec, known = self.spec, self._with_floor(table, roles)
        return train(table, self.columns, spec.task, spec.training, lambda _: None, known).model

    def _refitted(self, first: Model, table: pd.DataFrame, roles: Roles | None) -> Model:
        columns, task, policy = self.columns, self.spec.task, self.spec.training
        known = self._with_floor(table, roles)
        if known is None:
            return refit(first, table, columns, task, policy)
        return refit_weighted(first, table, columns, task, policy, known)[0]

    def _with_floor(self, table: pd.DataFrame, roles: Roles | None) -> Roles | None:
        if roles is None or self._first is None:
            return roles
        spec, first = self.spec, self._first.load()
        return with_floor(roles, first, table, self.columns, spec.task, spec.training)

    def _kept(self, how: str, table: pd.DataFrame, fit: Callable[[], Model]) -> KeptModel:
        path = self.folder / _key(how, table, self.spec, self.columns)
        if not path.exists():
            keep(path, fit())
            self.fitted += 1
        return KeptModel(path)


def _key(how: str, table: pd.DataFrame, spec: ModelSpec, columns: Columns) -> str:
    """What a training depends on: its rows in their order, the settings, and how it is done."""
    settings: list[Any] = [how, spec.task, list(map(str, table.columns))]
    settings += [columns.model_dump(mode="json"), spec.training.model_dump(mode="json")]
    if spec.training.features is not None:
        settings.append(OwnFeatures.of(spec.training.features).sha256)
    digest = hashlib.sha256(json.dumps(settings).encode())
    digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    return digest.hexdigest()[:32]
