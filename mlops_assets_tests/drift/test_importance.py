"""Ranking drifted columns by what the model uses."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.drift.importance import permutation_importance, rank_by_importance
from mlops_assets.drift.two_sample import ColumnDrift, Comparison
from mlops_assets.metrics import get_metric
from mlops_assets.predicted import Predicted


def column(name: str, distance: float, differs: bool) -> ColumnDrift:
    return ColumnDrift(name, "numerical", 0.0, 0.0, distance, "D", 0.1, differs)


def test_columns_are_ranked_by_drift_times_importance():
    comparison = Comparison(
        (
            column("much", 0.8, True),
            column("used", 0.2, True),
            column("alike", 0.9, False),
            column("useless", 0.9, True),
        ),
        0.3,
        1000,
        300,
    )
    ranked = rank_by_importance(
        comparison, {"much": 0.1, "used": 0.5, "alike": 0.9, "useless": -0.2}
    )
    assert [place.name for place in ranked] == ["used", "much", "useless", "alike"]
    assert [place.impact for place in ranked] == pytest.approx([1.0, 0.8, 0.0, 8.1])


class Threshold:
    """Predicts 1 where the column is positive."""

    def predict(self, features: pd.DataFrame) -> Predicted:
        """The column's sign."""
        return Predicted((features["used"] > 0).astype(int).to_numpy())


@pytest.mark.parametrize("rows", [400, 5000])
def test_only_the_column_that_the_model_uses_is_important(rows):
    rng = np.random.default_rng(0)
    features = pd.DataFrame({"used": rng.normal(size=rows), "unused": rng.normal(size=rows)})
    truth = (features["used"] > 0).astype(int)
    metric = get_metric("accuracy", "classification")
    importances = permutation_importance(Threshold(), features, truth, metric)
    assert importances["used"] == pytest.approx(0.5, abs=0.06)  # shuffled, it is a coin toss
    assert importances["unused"] == 0.0


def test_importance_is_positive_for_an_error_too():
    features = pd.DataFrame({"used": np.arange(-50.0, 50.0)})
    truth = (features["used"] > 0).astype(float)
    metric = get_metric("rmse", "regression")
    assert permutation_importance(Threshold(), features, truth, metric)["used"] > 0.3
