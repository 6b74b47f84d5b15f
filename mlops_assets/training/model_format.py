"""How a model is stored: skops, with the project's own list of types that may be loaded."""

import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_assets.errors import UserError
from mlops_assets.training.features import Model
from mlops_assets.training.mlflow_server import Client

# What the models of all of PyCaret's algorithms hold beyond what skops itself trusts, found by
# storing each of them. None of these runs code that a file brings along.
TRUSTED_TYPES = (
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
    "numpy.dtype",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
)
_REQUIRED = ("scikit-learn", "skops", "numpy", "pandas", "scipy")


class UnsafeModelError(UserError):
    """A stored model holds types that the project does not trust; nothing of it was loaded."""


def log_model(pipeline: Any, example: pd.DataFrame) -> Any:
    """Store ``pipeline`` in the active MLflow run.

    Args:
        pipeline: A fitted scikit-learn pipeline.
        example: A few rows of its input, free of sensitive values; stored with the model.

    Returns:
        MLflow's ``ModelInfo``.

    Raises:
        UnsafeModelError: The pipeline holds a type that could not be loaded again.
    """
    import skops.io
    from mlflow.models import infer_signature
    from mlflow.sklearn import log_model as log_sklearn_model

    _refuse(skops.io.get_untrusted_types(data=skops.io.dumps(pipeline)), "The trained model")
    lightgbm = type(pipeline.named_steps["estimator"]).__module__.startswith("lightgbm")
    required = [*_REQUIRED, *(["lightgbm"] if lightgbm else [])]
    with warnings.catch_warnings():
        # MLflow's hints on its own defaults, and what a plain array does to feature names.
        warnings.simplefilter("ignore")
        return log_sklearn_model(
            pipeline,
            name="model",
            serialization_format="skops",
            skops_trusted_types=list(TRUSTED_TYPES),
            signature=infer_signature(example, pipeline.predict(example)),
            input_example=example,
            # Given, because inferring them starts another process and takes seconds.
            pip_requirements=[f"{name}=={version(name)}" for name in required],
        )


def load_model(uri: str, client: Client) -> Model:
    """Load the model at an MLflow URI, such as ``models:/iris/3``.

    MLflow takes the list of trusted types from the stored model itself, so whoever can write
    there could widen it (mlflow#25686). Here the types in the file are compared with
    ``TRUSTED_TYPES`` before anything is loaded.

    Raises:
        UnsafeModelError: The file is not skops, or holds a type that is not trusted.
    """
    import skops.io
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory() as folder:
        found = client.patiently(
            download_artifacts,
            artifact_uri=uri,
            dst_path=folder,
            tracking_uri=client.uri,
            registry_uri=client.uri,
        )
        file = Path(found) / "model.skops"
        if not file.is_file():
            raise UnsafeModelError(
                f"{uri} is not stored in the skops format, and any other can run code when it is "
                "loaded. Nothing was loaded. Train the model again with mlops_assets."
            )
        # Read once: what is checked is what is loaded.
        content = file.read_bytes()
    _refuse(skops.io.get_untrusted_types(data=content), uri)
    return Model(skops.io.loads(content, trusted=list(TRUSTED_TYPES)))


def _refuse(found: list[str], what: str) -> None:
    strange = sorted(set(found) - set(TRUSTED_TYPES))
    if strange:
        raise UnsafeModelError(
            f"{what} holds {len(strange)} types that are not trusted: {', '.join(strange)}. "
            "Nothing was loaded. If they are harmless, add them to TRUSTED_TYPES in "
            "mlops_assets/training/model_format.py; else find out who stored it."
        )
