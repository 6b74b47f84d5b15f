"""A table as a team might have it: customers, and whether they have left."""

from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.spec import ModelSpec
from mlops_assets_tests.examples import Loop

COLUMNS = {"target": "churned", "id": ["customer"]}
START = "2026-01-01"
DAYS = (START, "2026-01-02")
ROWS = 300


def customers(seed: int, *, drifted: bool = False) -> pd.DataFrame:
    """Customers and whether they left; ``drifted`` after prices and usage have doubled.

    Who uses little, for what such a price buys, leaves: so the new prices mislead a model that
    has not seen them, and one that has can tell from the price which of the two times it is.
    """
    rng = np.random.default_rng(seed)
    usage = rng.normal(20, 5, ROWS)
    price = rng.normal(10, 1, ROWS)
    complaints = rng.poisson(1, ROWS)
    leaves = usage - 2 * complaints + rng.normal(0, 1, ROWS) < 18
    moved = 15 if drifted else 0
    return pd.DataFrame(
        {
            "customer": [f"c{seed:03d}{row:05d}" for row in range(ROWS)],
            "usage": (usage + moved).round(2),
            "price": (price + moved).round(2),
            "complaints": complaints,
            "plan": rng.choice(["basic", "plus"], ROWS),
            "churned": np.where(leaves, "yes", "no"),
        }
    )


BASELINE = customers(0)
BATCHES = {DAYS[0]: customers(1), DAYS[1]: customers(2, drifted=True)}


QUICK = {"algorithms": ["lr", "dt"], "folds": 2}


def customers_spec(**more: Any) -> ModelSpec:
    """The model churn over these customers, from the sources given."""
    attributes = {"name": "churn", "columns": COLUMNS, "start_date": START}
    return ModelSpec.model_validate(attributes | {"training": QUICK} | more)


def lives_through_two_days(loop: Loop) -> None:
    """The whole loop: a first model, a usual day, a drifted one, a promotion."""
    usual, drifted = DAYS
    made = loop.baseline()
    assert made.success, made.message
    assert loop.aliases() == {"production": 1}
    first = loop.daily(usual)
    assert first.success, first.message
    said = first.metadata("drift_report")
    assert (said["drift_detected"], said["retrain"]) == (False, False), said["reasons"]
    second = loop.daily(drifted)
    assert second.success, second.message
    said = second.metadata("drift_report")
    assert (said["drift_detected"], said["retrain"]) == (True, True), said["reasons"]
    assert said["regime"] == "new"
    retrained = loop.retrain(drifted)
    assert retrained.success, retrained.message
    decided = retrained.metadata("production_model")
    assert decided["decision"] == "promoted", decided["reasons"]
    assert loop.aliases() == {"previous": 1, "production": 2, "staging": 2}
