"""What trains a model: handed in, so that the loop can be lived without a search of minutes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from mlops_assets.promotion.registry import Version


@dataclass(frozen=True)
class Training:
    """A registered version, and how it came about.

    ``leaderboard``, ``algorithm`` and ``notes`` are of the search; where the very same training
    was done before there was none, and ``known`` says so.
    """

    version: Version
    rows: int
    algorithm: str | None = None
    leaderboard: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()
    known: bool = False


class Trainer(Protocol):
    """Trains on a table and registers the best model."""

    def __call__(
        self, table: pd.DataFrame, partition: str | None, files: Sequence[Path]
    ) -> Training:
        """Train.

        Args:
            table: The rows to learn from, every column of which is the model's or has a role.
            partition: The day that the candidate is for; None: the first model.
            files: What else to keep with the training, such as the drift report.
        """
        ...
