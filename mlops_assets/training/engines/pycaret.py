"""The algorithms that PyCaret offers, with its settings."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.metrics import Task
from mlops_assets.training.engines.algorithm import Algorithm, Catalogue, Choice


def offered(task: Task, seed: int, n_jobs: int) -> Catalogue:
    """PyCaret's algorithms, its default ones marked; see :func:`..catalogue`."""
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
        known = experiment.models(internal=True)
    lines = known[~known["Special"].astype(bool)].iterrows()
    return {str(name): _algorithm(str(name), line) for name, line in lines}


def _algorithm(name: str, line: pd.Series) -> Algorithm:
    kind, settings = line["Class"], dict(line["Args"])
    takes = kind(**settings).get_params()  # PyCaret's ranges of a network are of other parameters
    ranges = {
        parameter: _drawn(one)
        for parameter, one in line["Tune Distributions"].items()
        if parameter in takes
    }
    return Algorithm(name, str(line["Name"]), kind, settings, bool(line["Turbo"]), ranges)


def _drawn(one: Any) -> Any:
    """What scikit-learn draws from; PyCaret's own conversion takes the upper bound for a width."""
    from scipy import stats

    if hasattr(one, "values"):
        return Choice(tuple(one.values))
    if type(one).__name__.startswith("Int"):
        return stats.randint(one.lower, one.upper + 1)
    if one.log:
        return stats.loguniform(one.lower, one.upper)
    return stats.uniform(one.lower, one.upper - one.lower)


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
