"""A refit is what a search would have given that found the same algorithm."""

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.training.automl import train
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.refit import refit

COLUMNS = Columns(target="y", id=["k"])
POLICY = TrainingPolicy(algorithms=["rf"], folds=2)


def table(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=120)
    colour = rng.choice(["red", "green"], size=120)
    y = np.where(x + (colour == "red") > 0.5, "yes", "no")
    return pd.DataFrame({"k": range(120), "x": x, "colour": colour, "y": y})


def test_it_predicts_what_a_search_on_these_rows_predicts():
    first, later = table(0), table(1)
    trained = train(first, COLUMNS, "classification", POLICY, lambda _: None)
    searched = train(later, COLUMNS, "classification", POLICY, lambda _: None).model
    again = refit(trained.model, later, COLUMNS, "classification", POLICY)
    rows = table(2)
    assert (again.predict(rows).labels == searched.predict(rows).labels).all()
    assert not (again.predict(rows).labels == trained.model.predict(rows).labels).all()


def test_it_says_nothing(capsys):
    policy = POLICY.model_copy(update={"algorithms": ["lightgbm"]})
    trained = train(table(0), COLUMNS, "classification", policy, lambda _: None)
    capsys.readouterr()
    refit(trained.model, table(1), COLUMNS, "classification", policy)
    assert capsys.readouterr() == ("", "")
