"""A model once found, fitted to other rows: a search costs many times as much."""

import io
import warnings
from contextlib import redirect_stdout
from typing import Any

import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.metrics import Task
from mlops_assets.training.automl import plain_target
from mlops_assets.training.features import Model, model_input


def refit(model: Model, frame: pd.DataFrame, columns: Columns, task: Task) -> Model:
    """The same algorithm with the same settings and seed, fitted anew on every row of ``frame``.

    Args:
        model: What a search has found.
        frame: The labelled training table; has every column that the model was trained on.
        columns: Which column plays which role.
        task: Classification or regression.
    """
    from sklearn.base import clone

    pipeline: Any = clone(model.pipeline)
    # Of convergence and the like, as in a search; LightGBM tells how it counts.
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        pipeline.fit(
            model_input(frame, model.features).reset_index(drop=True),
            plain_target(frame[columns.target], task),
        )
    return Model(pipeline)
