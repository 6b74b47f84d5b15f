"""Models as the project stores them, in moments; and what may happen to their files."""

import json
import warnings
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import skops.io

from mlops_assets.promotion.registry import Registry
from mlops_assets.training.features import FeatureType, model_input
from mlops_assets.training.model_format import log_model
from mlops_assets_tests.training.tables import mixed

TYPES: dict[str, FeatureType] = {"count": "float", "colour": "string"}


def register(name: str, uri: str, artifacts: Path, labels: tuple[str, ...]) -> Registry:
    """Versions from 1 on of a model that answer with one of ``labels`` each, to everything."""
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = mlflow.MlflowClient()
    experiment = client.create_experiment(name, artifact_location=artifacts.as_uri())
    client.create_registered_model(name)
    for number, label in enumerate(labels, start=1):
        with mlflow.start_run(experiment_id=experiment), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, positive = _answering(label, labels), labels[-1]
            info, digest = log_model(model, _table().head(3), TYPES, positive)
        tags = {"partition": f"2026-01-0{number}", **digest.tags()}
        client.create_model_version(name, info.model_uri, info.run_id, tags=tags)
    return Registry(name, uri)


def file_of(registry: Registry, number: int) -> Path:
    """The file of a version, where it is stored."""
    client = mlflow.MlflowClient(registry.tracking_uri, registry.tracking_uri)
    source = client.get_model_version(registry.model, str(number)).source
    model = client.get_logged_model(source.rpartition("/")[2])
    return Path(model.artifact_location.removeprefix("file://")) / "model.skops"


def without_digest(registry: Registry, number: int) -> None:
    """As a version that was registered before there were digests."""
    client = mlflow.MlflowClient(registry.tracking_uri, registry.tracking_uri)
    for tag in ("model_sha256", "model_bytes"):
        client.delete_model_version_tag(registry.model, str(number), tag)


def _other_answer(file: Path) -> None:
    """Another model of the same types, stored by the same library."""
    skops.io.dump(_answering("evil", ("evil", "two")), file)


def _other_bytes(file: Path) -> None:
    """The same model in an archive that is as sound, and not the same."""
    made = BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "schema.json":
                content = json.dumps(json.loads(content), indent=3).encode()
            new.writestr(name, content)
    file.write_bytes(made.getvalue())


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1000])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


HARM: dict[str, Callable[[Path], Any]] = {
    "other answer": _other_answer,
    "other bytes": _other_bytes,
    "truncated": _truncate,
    "empty": _empty,
    "deleted": Path.unlink,
}


def _table() -> Any:
    return model_input(mixed(40), list(TYPES))


def _answering(label: str, labels: tuple[str, ...]) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.dummy import DummyClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["colour"]), remainder="passthrough"
    )
    model = DummyClassifier(strategy="constant", constant=label)
    pipeline = Pipeline([("encode", encode), ("estimator", model)])
    return pipeline.fit(_table(), np.resize(labels, len(_table())))
