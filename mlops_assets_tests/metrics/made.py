"""Tables of probabilities for the tests of metrics: small, with ties, also of one class."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mlops_assets.predicted import Predicted

CLASSES = np.array(["a", "b", "c"])


@st.composite
def tables(draw: Any, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """The number of each row's class, and tenths of probability by class; often alike."""
    rows = draw(st.integers(1, 30))
    true = draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows))
    parts = st.lists(st.integers(0, 4), min_size=classes, max_size=classes)
    said = draw(st.lists(parts, min_size=rows, max_size=rows))
    weights = np.array(said) + np.eye(classes)[0] * 0.5  # no row without any
    return np.array(true), weights / weights.sum(axis=1, keepdims=True)


def binary(true: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, Predicted]:
    """Truth and prediction of the classes ``no`` and ``yes``."""
    classes = np.array(["no", "yes"])
    return classes[true], Predicted(
        classes[probabilities.argmax(axis=1)], probabilities.copy(), classes
    )


def several(true: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, Predicted]:
    """Truth and prediction of three classes."""
    return CLASSES[true], Predicted(
        CLASSES[probabilities.argmax(axis=1)], probabilities.copy(), CLASSES
    )
