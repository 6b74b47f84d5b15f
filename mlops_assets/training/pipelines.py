"""Algorithms as pipelines of scikit-learn that know probabilities."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.metrics import Task
from mlops_assets.training.dates import part_of_date
from mlops_assets.training.engines import Algorithm
from mlops_assets.training.own_features import Prepared

# More distinct texts than this are pooled, the rarest first, into one.
MAX_CATEGORIES = 26
# Those that look at the order of numbers alone: scaled, they would find the same but for rounding,
# which moves LightGBM's bins.
_BY_ORDER = {"dt", "rf", "et", "ada", "gbc", "gbr", "lightgbm", "xgboost", "catboost", "dummy"}


def pipeline_of(
    algorithm: Algorithm,
    table: pd.DataFrame,
    task: Task,
    dates: Mapping[str, Sequence[str]] | None = None,
    own: Prepared | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Any:
    """An algorithm behind the features' encoder, not fitted.

    A classifier that knows no probabilities, or whose probabilities say otherwise than its labels,
    is wrapped: see :func:`with_probabilities`.

    Args:
        algorithm: As an engine offers it.
        table: What it will be fitted on, as `model_input` gives it.
        task: Classification or regression.
        dates: Parts of dates to learn from, and the columns of each: `varying_parts`.
        own: A transformer of the user's, to stand in front.
        parameters: In place of the engine's settings; None: these.
    """
    from sklearn.base import clone
    from sklearn.pipeline import Pipeline

    estimator = clone(algorithm.kind(**{**algorithm.settings, **(parameters or {})}))
    if task == "classification":
        estimator = with_probabilities(estimator)
    scaled = algorithm.id not in _BY_ORDER
    front = [] if own is None else own.steps()
    names = _names(table) if own is None else _selectors(own.made)
    encoder = _encoder(*names, {} if own else dates or {}, scaled=scaled)
    return Pipeline([*front, ("features", encoder), ("estimator", estimator)])


def _names(table: pd.DataFrame) -> tuple[Any, Any]:
    """The columns of numbers, and those of texts."""
    names = list(table.select_dtypes("number").columns)
    return names, [column for column in table.columns if column not in names]


def _selectors(made: pd.DataFrame | np.ndarray) -> tuple[Any, Any]:
    """The same of what a transformer makes, which may be other columns in each fold."""
    from sklearn.compose import make_column_selector

    if isinstance(made, np.ndarray):
        return slice(0, None), []
    return make_column_selector(dtype_include="number"), make_column_selector(
        dtype_exclude="number"
    )


def _encoder(names: Any, texts: Any, dates: Mapping[str, Sequence[str]], *, scaled: bool) -> Any:
    """Numbers with the mean for what is missing, one-hot texts, and parts of dates.

    These are one-hot where numbers are scaled: December is no twelve times January.

    Of scikit-learn alone: PyCaret's own encoders keep pandas objects, which skops cannot store.
    A text that was never seen counts as rare, or else as the first one.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    one_hot = OneHotEncoder(
        drop="first",
        handle_unknown="infrequent_if_exist",
        max_categories=MAX_CATEGORIES,
        sparse_output=False,
    )
    filled = SimpleImputer(keep_empty_features=True)
    parts = [
        (part, make_pipeline(part_of_date(part), one_hot if scaled else filled), list(of))
        for part, of in dates.items()
    ]
    numbers: Any = make_pipeline(filled, StandardScaler()) if scaled else filled
    return ColumnTransformer([("numbers", numbers, names), ("texts", one_hot, texts), *parts])


def with_probabilities(estimator: Any) -> Any:
    """A classifier whose labels are those that its probabilities say.

    What has only scores (ridge, a linear SVM) gets a sigmoid on its cross-validated scores (Platt
    1999). An SVM with probabilities of its own has labels that come from elsewhere, so that the
    two may disagree (scikit-learn's user guide, 1.4.1.2): it gets the same.
    """
    from sklearn.svm import SVC

    if isinstance(estimator, SVC) and estimator.probability is True:
        estimator.set_params(probability=False)
    if hasattr(estimator, "predict_proba"):
        return estimator
    return calibrated(estimator, "sigmoid")


def calibrated(estimator: Any, method: str) -> Any:
    """A classifier whose probabilities are calibrated on its cross-validated predictions.

    Args:
        estimator: The classifier.
        method: ``sigmoid`` or ``isotonic``.
    """
    from sklearn.calibration import CalibratedClassifierCV

    # One fit on all rows, and not one a fold, so that it is the model that was compared.
    return CalibratedClassifierCV(estimator, method=method, ensemble=False)


def inner(estimator: Any) -> Any:
    """The algorithm itself, where it is wrapped for its probabilities."""
    from sklearn.calibration import CalibratedClassifierCV

    return estimator.estimator if isinstance(estimator, CalibratedClassifierCV) else estimator
