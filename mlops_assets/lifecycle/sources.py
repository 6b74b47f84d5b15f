"""A model's rows from the sources that its YAML names."""

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from mlops_assets.data.source_error import SourceError
from mlops_assets.data.sources import read_labels, read_source
from mlops_assets.spec import ModelSpec


@dataclass(frozen=True)
class SpecSources:
    """Reads what a spec's ``baseline``, ``batches`` and ``labels`` name; any may be a UserError."""

    spec: ModelSpec

    def baseline(self) -> pd.DataFrame:
        """The labelled snapshot."""
        return read_source(self.spec.baseline, None, self.spec.columns)

    def batch(self, day: dt.date) -> pd.DataFrame:
        """A day's rows."""
        return read_source(self.spec.batches, day, self.spec.columns)

    def labels(self, day: dt.date) -> pd.DataFrame:
        """The labels of a day's rows."""
        if self.spec.labels is None:
            raise SourceError(f"{self.spec.name} has no `labels`: they come with the batches.")
        return read_labels(self.spec.labels, day, self.spec.columns)
