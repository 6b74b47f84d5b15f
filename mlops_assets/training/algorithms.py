"""The algorithms that PyCaret offers, as pipelines of scikit-learn that know probabilities."""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.metrics import Task
from mlops_assets.training.dates import part_of_date
from mlops_assets.training.own_features import Prepared

# More distinct texts than this are pooled, the rarest first, into one.
MAX_CATEGORIES = 26
# Those that look at the order of numbers alone: scaled, they would find the same but for rounding,
# which moves LightGBM's bins.
_BY_ORDER = {"dt", "rf", "et", "ada", "gbc", "gbr", "lightgbm", "xgboost", "catboost", "dummy"}


def catalogue(task: Task, seed: int, n_jobs: int) -> pd.DataFrame:
    """PyCaret's algorithms, its default ones marked.

    Args:
        task: Classification or regression.
        seed: Their seed.
        n_jobs: How many processes each may use.

    Returns:
        By id: ``Name``, ``Reference`` (the class, as text), ``Turbo`` (whether it is a default
        one), ``Class``, ``Args`` (PyCaret's settings of it) and ``Tune Distributions`` (of other
        ones).
    """
    # What is offered, and how it is set, does not depend on the rows; PyCaret insists on some.
    numbers = np.arange(20)
    table = pd.DataFrame({"feature": numbers, "target": numbers % 2})
    with _quiet_pycaret(task) as (experiment_class, logger):
        experiment = experiment_class()
        experiment.setup(
            data=table.iloc[:-1],
            test_data=table.iloc[-1:],
            target="target",
            index=False,
            preprocess=False,
            session_id=seed,
            n_jobs=n_jobs,
            memory=False,
            html=False,
            verbose=False,
            log_experiment=False,
            system_log=logger,
        )
        offered = experiment.models(internal=True)
    return offered[~offered["Special"].astype(bool)]


@contextmanager
def _quiet_pycaret(task: Task) -> Iterator[tuple[Any, logging.Logger]]:
    """PyCaret without its side effects: its experiment class, and a logger that tells nobody.

    At import it opens ``logs.log`` in the current folder and takes over all of the process's
    warnings.
    """
    os.environ.setdefault("PYCARET_CUSTOM_LOGGING_PATH", os.devnull)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pycaret.internal.logging import captureWarnings

        if task == "classification":
            from pycaret.classification import ClassificationExperiment as Experiment
        else:
            from pycaret.regression import RegressionExperiment as Experiment
        captureWarnings(capture=False)
        warnings.simplefilter("ignore")
        logger = logging.Logger("pycaret")
        logger.addHandler(logging.NullHandler())
        yield Experiment, logger


def pipeline_of(
    algorithm: pd.Series,
    table: pd.DataFrame,
    task: Task,
    dates: Mapping[str, Sequence[str]] | None = None,
    own: Prepared | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Any:
    """An algorithm of the :func:`catalogue` behind the features' encoder, not fitted.

    A classifier that knows no probabilities, or whose probabilities say otherwise than its labels,
    is wrapped: see :func:`with_probabilities`.

    Args:
        algorithm: Its line.
        table: What it will be fitted on, as `model_input` gives it.
        task: Classification or regression.
        dates: Parts of dates to learn from, and the columns of each: `varying_parts`.
        own: A transformer of the user's, to stand in front.
        parameters: In place of PyCaret's settings; None: these.
    """
    from sklearn.base import clone
    from sklearn.pipeline import Pipeline

    estimator = clone(algorithm["Class"](**{**algorithm["Args"], **(parameters or {})}))
    if task == "classification":
        estimator = with_probabilities(estimator)
    scaled = str(algorithm.name) not in _BY_ORDER
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

    if isinstance(estimator, SVC):
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
