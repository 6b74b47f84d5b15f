"""What production predicts for rows that it has not learned from, ready to be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlops_assets.drift.side import Outputs, sampled
from mlops_assets.lifecycle.reference import MOST_QUIET
from mlops_assets.lifecycle.rows import evaluation_rows, not_learned
from mlops_assets.predicted import Predicted

if TYPE_CHECKING:
    from mlops_assets.lifecycle.day import Day


@dataclass(frozen=True)
class _Said:
    """What a version says of a day's rows: one value a row."""

    values: np.ndarray

    @property
    def cells(self) -> int:
        """How much it takes to keep it."""
        return len(self.values)


class ProductionOutputs:
    """What production predicts: on the baseline holdout, on the reference, and on some days.

    Of a binary target it is the probability of the positive class, of another one the class, of a
    regression the number; where the model knows no probabilities, the class.

    Args:
        day: The day whose production it is.
    """

    def __init__(self, day: "Day") -> None:
        self._day = day
        self._positive = day.life.positive
        self._kept: dict[tuple[str, int], np.ndarray] = {}

    def on_holdout(self) -> Outputs:
        """On the baseline holdout, each row with its period."""
        holdout = self._day.holdout
        return Outputs(pd.Series(self._values(holdout.y_pred)), self._day.holdout_periods)

    def on_reference(self) -> Outputs:
        """On the baseline holdout and the quiet days since, of which each has its share."""
        holdout, periods = self._day.holdout, self._day.holdout_periods
        a_day = max(1, self._day.spec.drift.max_rows // MOST_QUIET)
        quiet = [self._said(partition, a_day) for partition in self._day.reference.quiet]
        first = int(periods.max(initial=-1)) + 1
        numbers = [np.full(len(said), first + place) for place, said in enumerate(quiet)]
        parts = [self._values(holdout.y_pred), *quiet]
        return Outputs(_joined(parts), np.concatenate([periods, *numbers]))

    def on_days(self, partitions: Sequence[str]) -> Outputs:
        """On some days, each a period."""
        most = self._day.spec.drift.max_rows
        parts = [self._said(partition, most) for partition in partitions]
        lengths = [len(part) for part in parts]
        return Outputs(_joined(parts), np.repeat(np.arange(len(parts)), lengths))

    def _said(self, partition: str, most: int) -> np.ndarray:
        """On the rows of a day that production has not learned from, labelled or not."""
        # The day, its windows and its page ask for the same rows, and `sides` may keep nothing.
        if (partition, most) not in self._kept:
            day = self._day
            data_hash = day.reference.hash_of(partition)
            key = "outputs", day.production.number, partition, data_hash, most
            said = day.life.sides.side(key, lambda: _Said(self._predict(partition, most)))
            self._kept[partition, most] = said.values
        return self._kept[partition, most]

    def _predict(self, partition: str, most: int) -> np.ndarray:
        day = self._day
        if partition == day.partition and len(day.now.y_true) == len(day.batch):
            return self._values(day.now.y_pred)
        if day.production.tags.get("partition", "") < partition:
            rows = day.reference.batch(partition)
        else:
            rows = not_learned(day.life, evaluation_rows(day.life, [partition]), day.production)
        if partition == day.partition:
            rows = rows.iloc[np.sort(sampled(rows, day.features, most))]
        elif len(rows) > most:  # a hash of each row would cost more than all else
            rows = rows.iloc[np.linspace(0, len(rows) - 1, most).astype(int)]
        return self._values(day.model.predict(rows)) if len(rows) else np.array([])

    def _values(self, said: object) -> np.ndarray:
        predicted = Predicted.of(said)  # pyright: ignore[reportArgumentType]
        binary = predicted.classes is not None and len(predicted.classes) == 2
        probability = predicted.probability(self._positive) if binary else None
        if probability is not None:
            return probability
        classes = self._day.spec.task == "classification"  # which may be numbers
        return predicted.labels.astype(object) if classes else predicted.labels


def _joined(parts: Sequence[np.ndarray]) -> pd.Series:
    known = [pd.Series(part) for part in parts if len(part)]
    return pd.concat(known, ignore_index=True) if known else pd.Series([], dtype=float)
