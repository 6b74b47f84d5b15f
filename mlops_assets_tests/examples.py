"""Models for tests: small, real, and quick to train."""

from pathlib import Path
from typing import Any

import yaml

import mlops_assets
from mlops_assets.spec import ModelSpec

QUICK = {"algorithms": ["lr", "lda", "dt"], "folds": 3}


def iris_yaml() -> dict[str, Any]:
    """The attributes of the demo's own YAML."""
    path = Path(mlops_assets.__file__).parent / "defs" / "iris" / "defs.yaml"
    return yaml.safe_load(path.read_text("utf-8"))["attributes"]


def iris_spec(**changes: Any) -> ModelSpec:
    """The demo's model with a quick AutoML search."""
    return ModelSpec.model_validate(iris_yaml() | {"training": QUICK} | changes)
