"""A metric that is a function of the user's own."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mlops_assets import own_code
from mlops_assets.errors import UserError


def imported(path: str) -> Callable[..., Any]:
    """The function that ``my_package.my_module:name`` is.

    Raises:
        UserError: There is no such module, or no such function in it.
    """
    found = own_code.imported(path, "metric", "function")
    if not callable(found):
        name, kind = path.partition(":")[2], type(found).__name__
        raise UserError(
            f"The metric {path} is no function: {name!r} is of type {kind}. Correct `function`, or "
            "install its package where this code location runs."
        )
    return found


def resampled(path: str, arrays: tuple[np.ndarray, ...], indices: np.ndarray) -> np.ndarray:
    """What the function says of each resample, one call a resample.

    Args:
        path: ``my_package.my_module:name``.
        arrays: Truth, label and, for classification, the probability of the positive class.
        indices: Row positions of shape (n_resamples, n_rows_of_a_resample).

    Raises:
        UserError: It cannot be imported, fails, or returns something that is no number.
    """
    function = imported(path)
    return np.array([_value(path, function, [each[rows] for each in arrays]) for rows in indices])


def _value(path: str, function: Callable[..., Any], arrays: list[np.ndarray]) -> float:
    rows = len(arrays[0])
    try:
        value = function(*arrays)
    except Exception as error:
        # Not what the error says: it may hold values of the table.
        raise UserError(
            f"The metric {path} failed on {rows} rows with {type(error).__name__}, "
            f"{own_code.place(error)}. It is called with {len(arrays)} arrays of that length: "
            f"{_SAID[len(arrays)]}."
        ) from error
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"The metric {path} returned {type(value).__name__} for {rows} rows. Return a "
            "number; NaN where the score is not defined."
        ) from error
    return number if math.isfinite(number) else math.nan


_SAID = {
    2: "the true and the predicted values",
    3: "the true classes, the predicted ones, and the probabilities of the positive class",
}
