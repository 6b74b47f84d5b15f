"""An interval around predicted numbers: split conformal (Lei et al. 2018), from left-out rows."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mlops_assets.predicted import Interval


def conformal(truth: ArrayLike, predicted: ArrayLike, level: float) -> Interval | None:
    """The interval that a further row of the same kind lies in with a probability of ``level``.

    Half its width is the k-th smallest distance of n left-out values from what was predicted for
    them, k = ceil((n + 1) level). Here each value was left out by one fold of cross-validation,
    and the final model has learned from a little more, so that the interval is rather too wide.

    Args:
        truth: Values, of shape (n_rows,).
        predicted: What was predicted for each by a model that has not learned from it.
        level: Between 0 and 1.

    Returns:
        None where there are too few rows for that level: 9 are enough for 0.9.
    """
    distances = np.sort(np.abs(np.asarray(truth, float) - np.asarray(predicted, float)))
    place = math.ceil(round((len(distances) + 1) * level, 9))
    return Interval(level, float(distances[place - 1])) if place <= len(distances) else None


def keep_interval(pipeline: Any, interval: Interval | None) -> None:
    """Keep an interval with a fitted pipeline; in its file, so that the file's digest covers it."""
    if interval is not None:
        pipeline.interval_ = asdict(interval)
