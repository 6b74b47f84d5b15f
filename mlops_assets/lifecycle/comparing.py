"""How a batch is held against its contract, tables and models against each other.

These functions cost a day its time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mlops_assets.data.columns import Columns
from mlops_assets.data.contract import Checked, Contract, check
from mlops_assets.data.faults.find import find_faults
from mlops_assets.data.faults.suspicion import Suspicion
from mlops_assets.drift.policy import DriftPolicy
from mlops_assets.drift.score import Scored, ScoreFall, falls
from mlops_assets.drift.side import DayEffects, Outputs, Side
from mlops_assets.drift.two_sample import Comparison, compare_sides
from mlops_assets.metrics import Metric
from mlops_assets.promotion.beside import Beside
from mlops_assets.promotion.evaluation import Evidence, beside, measure
from mlops_assets.promotion.policy import GatePolicy


@dataclass(frozen=True)
class Table:
    """Rows in parts, and the number of each one's period; -1 where nobody knows it.

    The parts are only put together where that is asked for: it costs more than many a comparison.
    """

    parts: tuple[pd.DataFrame, ...]
    periods: np.ndarray

    @cached_property
    def rows(self) -> pd.DataFrame:
        """All of them, one part below the other."""
        return pd.concat(self.parts, ignore_index=True)


class Comparing(Protocol):
    """What :class:`Computed` does, or a simulation draws, or somebody has computed before."""

    def check(self, frame: pd.DataFrame, contract: Contract, columns: Columns) -> Checked:
        """As :func:`mlops_assets.data.contract.check`."""
        ...

    def side(
        self, table: Table, features: tuple[str, ...], target: str | None, max_rows: int
    ) -> Side:
        """A table, ready to be compared; as :class:`mlops_assets.drift.side.Side`."""
        ...

    def compare(
        self,
        reference: Side,
        batch: Side,
        task: str,
        policy: DriftPolicy,
        effects: DayEffects | None = None,
        outputs: tuple[Outputs, Outputs] | None = None,
    ) -> Comparison:
        """As :func:`mlops_assets.drift.two_sample.compare_sides`."""
        ...

    def faults(
        self,
        reference: pd.DataFrame | None,
        batch: pd.DataFrame,
        columns: Columns,
        *,
        periods: np.ndarray | None = None,
        earlier: Mapping[str, pd.DataFrame] | None = None,
        held: Mapping[str, pd.DataFrame] | None = None,
        usual_rows: Sequence[int] = (),
    ) -> tuple[Suspicion, ...]:
        """As :func:`mlops_assets.data.faults.find.find_faults`."""
        ...

    def falls(
        self,
        now: Scored,
        then: Scored,
        metric: Metric,
        confidences: tuple[float, ...],
        resamples: int,
        seed: int,
    ) -> tuple[ScoreFall, ...]:
        """As :func:`mlops_assets.drift.score.falls`."""
        ...

    def measure(
        self,
        y: ArrayLike,
        candidate_pred: ArrayLike,
        production_pred: ArrayLike,
        baseline_y: ArrayLike,
        candidate_baseline_pred: ArrayLike,
        first_baseline_pred: ArrayLike,
        metric: Metric,
        policy: GatePolicy,
        partition: str,
        production_partition: str | None,
        periods: np.ndarray | None = None,
        baseline_periods: np.ndarray | None = None,
        challenge: Sequence[Beside] = (),
    ) -> Evidence:
        """As :func:`mlops_assets.promotion.evaluation.measure`."""
        ...

    def beside(
        self,
        y: ArrayLike,
        other_pred: ArrayLike,
        production_pred: ArrayLike,
        metric: Metric,
        partition: str,
        production: int,
        other: int,
        seed: int,
    ) -> Beside:
        """As :func:`mlops_assets.promotion.evaluation.beside`."""
        ...


def _side(table: Table, features: tuple[str, ...], target: str | None, max_rows: int) -> Side:
    return Side(table.rows, features, target, max_rows, table.periods)


class Computed:
    """The project's own tests and bootstraps."""

    check = staticmethod(check)
    side = staticmethod(_side)
    compare = staticmethod(compare_sides)
    faults = staticmethod(find_faults)
    falls = staticmethod(falls)
    measure = staticmethod(measure)
    beside = staticmethod(beside)
