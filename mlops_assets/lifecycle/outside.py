"""What the loop asks of the outside world: handed in, real or in memory."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from mlops_assets.promotion.registry import Version
from mlops_assets.training.features import Predictor
from mlops_assets.training.model_format import Digest
from mlops_assets.training.weights import Roles


class Source(Protocol):
    """Where a model's rows come from; :class:`mlops_assets.lifecycle.sources.SpecSources`."""

    def baseline(self) -> pd.DataFrame:
        """The labelled snapshot."""
        ...

    def batch(self, day: dt.date) -> pd.DataFrame:
        """A day's rows; ``NotThereYetError`` where they have not arrived."""
        ...

    def labels(self, day: dt.date) -> pd.DataFrame:
        """The labels of a day's rows; ``NotThereYetError`` where there are none yet.

        Asked for where the spec names a source of them.
        """
        ...


class Store(Protocol):
    """Keeps tables and records; :class:`mlops_assets.data.store.Store` says what each does."""

    def write(self, model: str, asset: str, partition: str, table: pd.DataFrame) -> str:
        """Keep a table; returns where."""
        ...

    def read(self, model: str, asset: str, partition: str) -> pd.DataFrame:
        """The table that was kept."""
        ...

    def write_record(
        self, model: str, asset: str, partition: str, record: Mapping[str, Any]
    ) -> None:
        """Keep a record beside a table."""
        ...

    def record(self, model: str, asset: str, partition: str) -> dict[str, Any]:
        """One record; an error where there is none."""
        ...

    def find_record(self, model: str, asset: str, partition: str) -> dict[str, Any] | None:
        """One record; None where there is none."""
        ...

    def records(self, model: str, asset: str) -> list[dict[str, Any]]:
        """All records of an asset, by partition."""
        ...


class Registry(Protocol):
    """Versions of one model and their aliases; as :class:`mlops_assets.promotion.Registry`."""

    def version(self, alias: str) -> Version | None:
        """The version with an alias; None where there is none."""
        ...

    def in_use(self) -> Version:
        """The version in production; an error where there is none."""
        ...

    def previous(self) -> Version | None:
        """The version in production before; None where there was none."""
        ...

    def get(self, number: int) -> Version:
        """Version ``number``; an error where it does not exist."""
        ...

    def first(self) -> Version:
        """The version that was the first in production."""
        ...

    def replace_lost_first(self, version: Version) -> None:
        """Let ``version`` stand for the first in production if that is gone."""
        ...

    def load(self, version: Version, recorded: Digest | None = None) -> Predictor:
        """The model of a version, compared with what was registered."""
        ...

    def set_alias(self, alias: str, version: Version) -> None:
        """Point an alias at a version."""
        ...

    def delete_alias(self, alias: str) -> None:
        """Take an alias away."""
        ...

    def set_tags(self, version: Version, tags: dict[str, str]) -> None:
        """Add tags to a version."""
        ...

    def keep_evidence(self, version: Version, decision: dict[str, Any]) -> None:
        """Keep a decision with its candidate."""
        ...

    def evidence(self, version: Version) -> dict[str, Any] | None:
        """The decision that was kept with a version; None where none was."""
        ...

    def expect(self, production: Version | None) -> None:
        """Make sure that production is still what a decision was made against."""
        ...

    def promote(self, candidate: Version, expected_production: Version | None) -> None:
        """Make a version production, and what it replaces `previous`."""
        ...


@dataclass(frozen=True)
class Training:
    """A registered version, and how it came about.

    ``leaderboard``, ``algorithm`` and ``notes`` are of the search; where the very same training
    was done before there was none, and ``known`` says so. ``regime_weight`` is what a row of the
    candidate's regime weighs beside an older one; None where there are no roles. ``doubts`` say
    what a person should look at before the version is trusted; a sentence or a few each.
    """

    version: Version
    rows: int
    algorithm: str | None = None
    leaderboard: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()
    known: bool = False
    regime_weight: float | None = None
    doubts: tuple[str, ...] = ()


class Trainer(Protocol):
    """Trains on a table and registers the best model."""

    def __call__(
        self,
        table: pd.DataFrame,
        partition: str | None,
        files: Sequence[Path],
        roles: Roles | None = None,
    ) -> Training:
        """Train.

        Args:
            table: The rows to learn from, every column of which is the model's or has a role.
            partition: The day that the candidate is for; None: the first model.
            files: What else to keep with the training, such as the drift report.
            roles: What each row is to the candidate; None: all are alike.
        """
        ...
