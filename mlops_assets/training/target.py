"""The target of a training table, in types that every algorithm takes."""

import numpy as np
import pandas as pd

from mlops_assets.metrics import Task


def plain_target(target: pd.Series, task: Task) -> pd.Series:
    """A target in types that every algorithm takes: numbers for regression, else plain values."""
    plain = target.reset_index(drop=True).rename("target")
    if task == "regression":
        return plain.astype(float)
    if isinstance(plain.dtype, np.dtype) and plain.dtype != object:
        return plain
    return pd.Series(plain.tolist(), name="target")
