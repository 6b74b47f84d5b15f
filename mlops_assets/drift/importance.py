"""Which drift matters: columns ranked by their drift times their importance to the model."""

from dataclasses import dataclass
from typing import Any

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
    from sklearn.inspection import permutation_importance as shuffle

    if len(features) > SAMPLE_ROWS:
        features = features.sample(SAMPLE_ROWS, random_state=seed)
        y_true = y_true.loc[features.index]

    def score(model: Any, rows: pd.DataFrame, truth: pd.Series) -> float:
        sign = 1.0 if metric.greater_is_better else -1.0
        return sign * metric.score(truth.to_numpy(), model.predict(rows))

    result = shuffle(
        model, features, y_true, scoring=score, n_repeats=REPEATS, random_state=seed, n_jobs=1
    )
    names = [str(name) for name in features.columns]
    return dict(zip(names, (float(loss) for loss in result["importances_mean"]), strict=True))
