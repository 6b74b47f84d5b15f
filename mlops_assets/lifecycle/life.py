"""One model and the outside world that it lives in."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_assets.data.classes import positive_class
from mlops_assets.data.columns import Columns
from mlops_assets.lifecycle.comparing import Comparing, Computed
from mlops_assets.lifecycle.journal import ALL, Journal
from mlops_assets.lifecycle.outside import Registry, Source, Store
from mlops_assets.lifecycle.sides import Sides
from mlops_assets.lifecycle.sources import SpecSources
from mlops_assets.metrics import Metric
from mlops_assets.promotion.registry import Version
from mlops_assets.spec import ModelSpec
from mlops_assets.training.features import Predictor


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
        pages: The folder of the drift reports' pages; None: nobody looks, so that none are
            written and no column is ranked.
        clock: What time it is.
        source: Where its rows come from; None: from what the spec names.
        sides: The tables that are ready to be compared; it keeps none unless told to.
        comparing: How tables and models are compared.
    """

    spec: ModelSpec
    store: Store
    registry: Registry
    pages: Path | None = None
    clock: Callable[[], dt.datetime] = utc_now
    source: Source | None = None
    sides: Sides = field(default_factory=Sides, compare=False, repr=False)
    comparing: Comparing = field(default_factory=Computed, compare=False, repr=False)

    @property
    def positive(self) -> Any:
        """The positive class of the target; None where there is none.

        Raises:
            UserError: There is no baseline.
        """
        taken = self.journal.baseline()
        if "positive" in taken.model_fields_set:
            return taken.positive
        # It was taken before this was kept.
        return positive_of(self.spec, self.store.read(self.spec.name, "baseline_data", ALL))

    @property
    def columns(self) -> Columns:
        """Which column plays which role, with the positive class."""
        return self.spec.columns.model_copy(update={"positive": self.positive})

    @property
    def metric(self) -> Metric:
        """What the gate and the drift report judge by."""
        return self.spec.metric_of(self.positive)

    @property
    def incoming(self) -> Source:
        """Where the rows come from."""
        return self.source or SpecSources(self.spec)

    @property
    def journal(self) -> Journal:
        """What has happened so far."""
        return Journal(self.store, self.spec.name)

    def load(self, version: Version) -> Predictor:
        """The model of a version, its file compared with what the journal keeps of its training.

        Raises:
            ChangedModelError: It is not what was registered, is missing, or damaged.
        """
        return self.registry.load(version, self.journal.digest(version))


def positive_of(spec: ModelSpec, baseline: pd.DataFrame) -> Any:
    """The positive class of a model whose baseline that is; None where there is none.

    Raises:
        UserError: The YAML names one that the baseline does not have.
    """
    if spec.task != "classification":
        return None
    target = spec.columns.target
    hidden = target in spec.columns.sensitive
    return positive_class(baseline[target], spec.columns.positive, hidden=hidden)
