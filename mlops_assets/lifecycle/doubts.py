"""What a person should know of a model before it is trusted: is it poor, or too good?"""

import numpy as np
import pandas as pd

from mlops_assets.errors import UserError
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.reference import periods_of_times
from mlops_assets.metrics import Task, get_metric, metrics_for
from mlops_assets.promotion.dummy import hardly_better
from mlops_assets.training.automl import Trained
from mlops_assets.training.doubts import Doubt
from mlops_assets.training.leaks import too_good
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.target import plain_target
from mlops_assets.training.weights import Roles

_COUNTS = {
    "f1_macro": "every class counts as much, however rare",
    "rmse": "large errors count most",
}


def doubts_of_training(
    life: Life, trained: Trained, table: pd.DataFrame, roles: Roles | None
) -> tuple[Doubt, ...]:
    """Whether the best of a search is hardly better than a dummy, or nearly perfect.

    Told by what it predicts for each row out of fold; of a candidate, for the rows of its regime.

    Args:
        life: The model.
        trained: The outcome of the search.
        table: What it was trained on.
        roles: What the rows are to it; None: all are alike.
    """
    spec, columns = life.spec, life.columns
    judged = roles.regime if roles is not None and not roles.few else np.ones(len(table), bool)
    rows, predicted = table[judged], trained.cross_validated[judged]
    truth = plain_target(rows[columns.target], spec.task).to_numpy()
    periods = _periods(life, rows) if roles is None else roles.periods[judged]
    found: list[Doubt] = []
    for name in dict.fromkeys((trained.metric, life.metric.name)):
        metric = get_metric(name, spec.task, columns.positive)
        count = len(trained.leaderboard)
        try:
            doubt = hardly_better(truth, predicted, metric, spec.gate, count, periods)
        except UserError as error:  # a function that fails on a constant must not cost the model
            doubt = Doubt(f"Whether it is better than a constant is not known: {error}")
        if doubt is not None:
            found.append(doubt)
            break  # the same by another metric would not say more
    return (*found, *too_good(rows, columns, spec.task, predicted, spec.training.seed))


def notes_of_metric(policy: TrainingPolicy, task: Task, metric: str) -> tuple[str, ...]:
    """What the algorithms are ranked by where the YAML names nothing, and why.

    The search has said itself why it took another metric than the usual one.
    """
    if policy.metric is not None or metric != metrics_for(task)[0].name:
        return ()
    return (
        f"The algorithms are ranked by {metric}, in which {_COUNTS[metric]}: the YAML names no "
        "`metric`.",
    )


def _periods(life: Life, rows: pd.DataFrame) -> np.ndarray | None:
    time = life.spec.columns.timestamp
    return None if time is None else periods_of_times(rows[time])
