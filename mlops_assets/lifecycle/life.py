"""One model and the outside world that it lives in."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlops_assets.lifecycle.journal import Journal
from mlops_assets.lifecycle.outside import Registry, Store
from mlops_assets.promotion.registry import Version
from mlops_assets.spec import ModelSpec
from mlops_assets.training.features import Model


def utc_now() -> dt.datetime:
    """The time by the machine's clock."""
    return dt.datetime.now(tz=dt.UTC)


@dataclass(frozen=True)
class Life:
    """One model's life: every step of the loop takes it, and is handed nothing else but a day.

    Attributes:
        spec: The model, as its YAML describes it.
        store: Where its tables and records are kept.
        registry: Its versions, and which one is in use.
        pages: The folder of the drift reports' pages.
        clock: What time it is.
    """

    spec: ModelSpec
    store: Store
    registry: Registry
    pages: Path
    clock: Callable[[], dt.datetime] = utc_now

    @property
    def journal(self) -> Journal:
        """What has happened so far."""
        return Journal(self.store, self.spec.name)

    def load(self, version: Version) -> Model:
        """The model of a version, its file compared with what the journal keeps of its training.

        Raises:
            ChangedModelError: It is not what was registered, is missing, or damaged.
        """
        return self.registry.load(version, self.journal.digest(version))
