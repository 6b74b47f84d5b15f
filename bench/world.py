"""Streams of labelled days whose features and labels change as told."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.tables import TARGET

COLUMNS = 6
MOVED = 3  # half of them
SHIFT = 1.0  # standard deviations
TURN = 0.5  # how much of the rule that makes the labels is exchanged
NOISE = 0.5


@dataclass(frozen=True)
class World:
    """A baseline and thirty days.

    ``change`` gives, for each day, how far the stream is on its way from the baseline (0.0) to
    the other regime (1.0): the mean of half of the columns moves by ``SHIFT``, and the rule that
    makes the labels turns into another one. ``remapped`` days have the baseline's features, with
    the labels exchanged.
    """

    seed: int
    baseline_rows: int
    rows: int
    change: Callable[[int], float] | None = None
    remapped: Callable[[int], bool] | None = None

    def baseline(self) -> pd.DataFrame:
        """The labelled rows that the first production model is trained on."""
        return self._table(np.random.default_rng([self.seed, 0]), self.baseline_rows, 0.0)

    def day(self, day: int) -> pd.DataFrame:
        """The labelled rows of a day, from 1 on."""
        rng = np.random.default_rng([self.seed, day])
        table = self._table(rng, self.rows, self.change(day) if self.change else 0.0)
        if self.remapped and self.remapped(day):
            table[TARGET] = (table[TARGET] + 1) % 3
        return table

    def _table(self, rng: np.random.Generator, rows: int, change: float) -> pd.DataFrame:
        rules = np.random.default_rng([self.seed, 10_000])
        old, new = rules.normal(size=(2, COLUMNS, 3)) / np.sqrt(COLUMNS)
        features = rng.normal(size=(rows, COLUMNS))
        features[:, :MOVED] += SHIFT * change
        # Centred, so that the classes stay about as frequent as they were.
        scores = (features - np.r_[[SHIFT * change] * MOVED, [0.0] * MOVED]) @ (
            (1 - TURN * change) * old + TURN * change * new
        )
        scores += NOISE * rng.gumbel(size=scores.shape)
        table = pd.DataFrame(features, columns=[f"x{place}" for place in range(COLUMNS)])
        return table.assign(**{TARGET: np.argmax(scores, axis=1)})
