"""Engines: where the algorithms that a search compares come from."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Literal

from mlops_assets.errors import UserError
from mlops_assets.metrics import Task
from mlops_assets.training.engines.algorithm import Algorithm, Catalogue

__all__ = ["Algorithm", "Catalogue", "Engine", "catalogue", "chosen_engine", "offers", "packages"]

Engine = Literal["pycaret", "sklearn"]

_PACKAGES: dict[Engine, tuple[str, ...]] = {
    "pycaret": ("pycaret", "scikit-learn", "lightgbm", "xgboost", "catboost"),
    "sklearn": ("scikit-learn", "lightgbm"),
}


def chosen_engine(asked: Engine | None) -> Engine:
    """The engine that is asked for; where none is, PyCaret where it is installed.

    Raises:
        UserError: PyCaret is asked for and is not there.
    """
    there = _installed("pycaret")
    if asked == "pycaret" and there is None:
        raise UserError(
            "`training.engine` is pycaret, and PyCaret is not installed here. Install "
            "mlops_assets[pycaret], which Python 3.11 can have and later ones cannot; or set "
            "`engine: sklearn`, which has the same algorithms."
        )
    return asked or ("sklearn" if there is None else "pycaret")


def packages(engine: Engine) -> dict[str, str]:
    """The installed versions of the packages that an engine's models come from, by name."""
    found = {name: _installed(name) for name in _PACKAGES[engine]}
    return {name: known for name, known in found.items() if known is not None}


def catalogue(engine: Engine, task: Task, seed: int, n_jobs: int) -> Catalogue:
    """The algorithms of an engine by their ids, in the order in which they are compared.

    Args:
        engine: Whose.
        task: Classification or regression.
        seed: Their seed.
        n_jobs: How many processes each may use.
    """
    return offers(engine).offered(task, seed, n_jobs)


def offers(engine: Engine) -> ModuleType:
    """The module that knows what an engine offers."""
    return import_module(f"{__name__}.{engine}")


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
