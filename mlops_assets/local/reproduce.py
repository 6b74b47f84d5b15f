"""``mlops-assets reproduce``: trains a version again, in a folder that is gone afterwards."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from mlops_assets import settings
from mlops_assets.data.store import Store
from mlops_assets.errors import UserError
from mlops_assets.evidence.reproduce import Remade, Reproduction, reproduce
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.recipe import RECIPE, ROWS
from mlops_assets.lifecycle.trainer import TrackedTrainer
from mlops_assets.promotion.registry import Registry
from mlops_assets.spec import ModelSpec
from mlops_assets.training.mlflow_server import connect
from mlops_assets.training.search import AlgorithmResult
from mlops_assets.training.tracking import prepare_experiment, read_training
from mlops_assets.training.tuning import TUNING, Tuning
from mlops_assets.training.weights import Roles

_WIDTH = 12


def reproduce_version(console: Console, spec: ModelSpec, number: int) -> bool:
    """Train a version again and print how it compares with what is registered.

    The store and the registry are only read.

    Returns:
        Whether it is exactly the same.

    Raises:
        UserError: There is no such version; or MLflow cannot be reached.
    """
    _refuse_empty_home()
    life = Life(spec, Store(), registry_of(spec))
    version = life.registry.get(number)
    day = version.tags.get("partition")
    console.print(
        f"{spec.name} version {number}, trained for {day or 'the baseline'}: training it again.",
        highlight=False,
    )
    recorded = read_training(_client(), version.run_id, (RECIPE, ROWS, TUNING))
    with _scratch(life, console) as again:
        made = reproduce(life, version, recorded, again)
    _print(console, made)
    return made.exact


def registry_of(spec: ModelSpec) -> Registry:
    """The versions of a model, to read."""
    return Registry(spec.name, settings.mlflow_uri(), patience=settings.mlflow_patience())


def _refuse_empty_home() -> None:
    """MLflow would make its database where there is none."""
    path = settings.mlflow_uri().removeprefix("sqlite:///")
    if path != settings.mlflow_uri() and not Path(path).exists():
        raise UserError(
            f"Nothing was trained in {settings.home()}: it has no {Path(path).name}. Say by "
            "MLOPS_HOME, or MLFLOW_TRACKING_URI, where the model lives."
        )


@contextmanager
def _scratch(life: Life, console: Console) -> Iterator[Any]:
    """Trains as production does, with an MLflow of its own."""
    import mlflow

    log = logging.getLogger("mlflow")
    level = log.level
    with tempfile.TemporaryDirectory(prefix="mlops-reproduce-") as folder:
        log.setLevel(logging.ERROR)  # else it tells how it makes its database

        def again(
            spec: ModelSpec,
            rows: pd.DataFrame,
            partition: str | None,
            roles: Roles | None,
            tuned: Tuning | None,
        ) -> Remade:
            client = connect(f"sqlite:///{folder}/mlflow.db")
            experiment = prepare_experiment(client, spec.name, (Path(folder) / "made").as_uri())
            registry = Registry(spec.name, client.uri)
            trainer = TrackedTrainer(
                replace(life, spec=spec, registry=registry),
                client,
                {},
                lambda result: _tell(console, result),
                keeps_recipe=False,
                tuned=tuned,
            )
            mlflow.start_run(experiment_id=experiment)
            try:
                version = trainer(rows, partition, [], roles).version
            finally:
                mlflow.end_run()
            return Remade(read_training(client, version.run_id), registry.load(version))

        try:
            yield again
        finally:
            log.setLevel(level)


def _client() -> Any:
    return connect(settings.mlflow_uri(), settings.mlflow_patience())


def _tell(console: Console, result: AlgorithmResult) -> None:
    told = f"failed: {result.error}" if result.error else f"{result.seconds:.1f} s"
    console.print(f"  {result.name}, {told}", style="dim", markup=False, highlight=False)


def _print(console: Console, made: Reproduction) -> None:
    for finding in made.findings:
        first, *rest = finding.told
        lines = [f"{finding.aspect:{_WIDTH}} {finding.outcome:8} {first}"]
        lines += [f"{'':{_WIDTH + 10}}{line}" for line in rest]
        style = {"differs": "red", "unknown": "yellow", "changed": "yellow"}.get(finding.outcome)
        console.print("\n".join(lines), style=style, markup=False, highlight=False, soft_wrap=True)
    known = f"Version {made.version.number} is reproduced exactly."
    console.print(
        known if made.exact else f"Version {made.version.number} is not reproduced exactly.",
        style="green" if made.exact else "red",
        highlight=False,
    )
