"""Which drift matters: columns ranked by their drift times their importance to the model."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.drift.two_sample import Comparison
from mlops_assets.metrics import Metric

SAMPLE_ROWS = 2_000
REPEATS = 5


@dataclass(frozen=True)
class RankedColumn:
    """A feature column's drift, importance, and the product that ranks it.

    ``drift`` is the distance over its threshold (1.0: just large enough to matter) and
    ``importance`` the metric's loss when the column is shuffled, at least 0.0.
    """

    name: str
    drift: float
    importance: float
    differs: bool

    @property
    def impact(self) -> float:
        """Drift times importance."""
        return self.drift * self.importance


def rank_by_importance(
    comparison: Comparison, importances: dict[str, float]
) -> tuple[RankedColumn, ...]:
    """The feature columns, those that differ first, by drift times importance, largest first.

    Args:
        comparison: The batch compared with its reference.
        importances: The model's importance of each column, as `permutation_importance` gives
            it; a column without one counts as unimportant.
    """
    ranked = [
        RankedColumn(
            name=column.name,
            drift=column.distance / column.threshold if column.threshold else column.distance,
            importance=max(importances.get(column.name, 0.0), 0.0),
            differs=column.differs,
        )
        for column in comparison.features
    ]
    return tuple(
        sorted(ranked, key=lambda column: (not column.differs, -column.impact, column.name))
    )


def permutation_importance(
    model: Any, features: pd.DataFrame, y_true: pd.Series, metric: Metric, seed: int = 0
) -> dict[str, float]:
    """How much the metric loses when a column is shuffled (Breiman 2001), on a sample of rows.

    Args:
        model: Anything with ``predict(features)``.
        features: Labelled rows, in the columns that the model knows.
        y_true: Their labels.
        metric: The metric that the loss is measured in.
        seed: Seed of the sample and of the shuffles.

    Returns:
        The mean loss of each column; negative where shuffling happened to help.
    """
    rng = np.random.default_rng(seed)
    truth = y_true.to_numpy()
    if len(features) > SAMPLE_ROWS:
        rows = rng.choice(len(features), SAMPLE_ROWS, replace=False)
        features, truth = features.iloc[rows], truth[rows]
    full = metric.score(truth, model.predict(features))
    # Not scikit-learn's function of this name: it refuses a model that has only ``predict``.
    losses = {}
    for place, name in enumerate(features.columns):
        shuffled = features.copy()
        scores = []
        for _ in range(REPEATS):
            column = features.iloc[rng.permutation(len(features)), place]
            shuffled[name] = column.set_axis(features.index)
            scores.append(metric.score(truth, model.predict(shuffled)))
        losses[str(name)] = float(np.mean([metric.improvement(full, score) for score in scores]))
    return losses
