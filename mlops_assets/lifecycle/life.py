"""One model and the outside world that it lives in."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlops_assets.data.store import Store
from mlops_assets.lifecycle.journal import Journal
from mlops_assets.promotion.registry import Registry
from mlops_assets.spec import ModelSpec


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
