"""How a model is stored: skops, with the project's own list of types that may be loaded."""

import hashlib
import logging
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, get_args

import numpy as np
import pandas as pd

from mlops_assets.errors import UserError
from mlops_assets.predicted import Threshold
from mlops_assets.training.features import (
    STORED_POSITIVE,
    STORED_TYPES,
    FeatureType,
    Model,
    SentType,
)
from mlops_assets.training.library_versions import refuse_other_versions
from mlops_assets.training.mlflow_server import Client
from mlops_assets.training.model_code import write_code
from mlops_assets.training.own_features import OwnFeatures, Prepared

# What the models of all engines' algorithms hold beyond what skops itself trusts, found by
# storing each of them. None of these runs code that a file brings along.
TRUSTED_TYPES = (
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
    "numpy.dtype",
    "numpy.interp",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.compose._column_transformer.make_column_selector",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
)
# The packages whose models these are.
_STORED = ("sklearn", "lightgbm")
# The same for every version, so that who can load one can load the next.
_REQUIRED = ("scikit-learn", "lightgbm", "skops", "numpy", "pandas", "scipy", "pydantic")


_LOG = logging.getLogger(__name__)
_FILE = "model.skops"
_WHAT_TO_DO = (
    "Nothing was loaded. Put the file back from a backup, roll back to another version, or train "
    "again; and find out who can write there."
)
_CUT = "threshold"  # in the metadata of its MLmodel
_SHA256, _BYTES = "model_sha256", "model_bytes"  # the tags of a version


class UnsafeModelError(UserError):
    """A stored model holds types that the project does not trust; nothing of it was loaded."""


class ChangedModelError(UserError):
    """A stored model is not what was registered; nothing of it was loaded."""


@dataclass(frozen=True)
class Digest:
    """What a stored model's file is known by.

    Attributes:
        sha256: The SHA-256 of its bytes, in hexadecimal.
        size: Its length in bytes.
    """

    sha256: str
    size: int

    @classmethod
    def of(cls, content: bytes) -> Self:
        """The digest of a file's bytes."""
        return cls(hashlib.sha256(content).hexdigest(), len(content))

    @classmethod
    def from_tags(cls, tags: Mapping[str, Any]) -> Self | None:
        """What :meth:`tags` has made; None where that is not there, as of earlier versions."""
        if _SHA256 not in tags or _BYTES not in tags:
            return None
        size = str(tags[_BYTES])
        return cls(str(tags[_SHA256]), int(size) if size.isdecimal() else -1)  # which no file has

    def tags(self) -> dict[str, str]:
        """As tags of a registered version, or as a record."""
        return {_SHA256: self.sha256, _BYTES: str(self.size)}

    def __str__(self) -> str:
        return f"SHA-256 {self.sha256[:12]}…, {self.size:,} bytes"


def can_store(package: str) -> bool:
    """Whether models of a package can be stored, such as ``lightgbm``."""
    return package in _STORED


def log_model(
    pipeline: Any,
    example: pd.DataFrame,
    types: Mapping[str, FeatureType],
    positive: Any = None,
    threshold: Threshold | None = None,
    own: OwnFeatures | None = None,
) -> tuple[Any, Digest]:
    """Store ``pipeline`` in the active MLflow run, with the code that reads raw rows for it.

    Args:
        pipeline: A fitted scikit-learn pipeline.
        example: A few raw rows, free of sensitive values; stored with the model.
        types: What its columns are in such rows; :func:`stored_types` reads it.
        positive: The positive class; None: there is none.
        threshold: From which probability on a row is of the positive class; kept in the file.
        own: The transformer of the user's in the pipeline; None: there is none.

    Returns:
        MLflow's ``ModelInfo``, and the digest of the file as it was written, before it was sent.

    Raises:
        UnsafeModelError: The pipeline holds a type that could not be loaded again.
    """
    import skops.io
    from mlflow import sklearn as flavor
    from mlflow.models import Model as Format
    from mlflow.models import ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, Schema

    pipeline = Model(pipeline, threshold, own).to_store()
    found = skops.io.get_untrusted_types(data=skops.io.dumps(pipeline))
    _refuse(found, "The trained model", own)
    # MLflow would refuse whole numbers where floats were; the code that is stored with it reads.
    takes = Schema([ColSpec(AnyType(), str(name)) for name in example.columns])
    written: list[Digest] = []

    def save_model(path: str, mlflow_model: Any, **kwargs: Any) -> None:
        del kwargs["validate_serving_input"]  # which `log` only looks at
        with tempfile.TemporaryDirectory() as folder:
            package, module = write_code(Path(folder))
            flavor.save_model(
                path=path, mlflow_model=mlflow_model, code_paths=[str(package)], **kwargs
            )
        mlflow_model.flavors["python_function"]["loader_module"] = module
        mlflow_model.save(str(Path(path) / "MLmodel"))
        written.append(Digest.of((Path(path) / _FILE).read_bytes()))

    with warnings.catch_warnings():
        # MLflow's hints on its own defaults, and what a plain array does to feature names.
        warnings.simplefilter("ignore")
        # As `mlflow.sklearn.log_model` does it, which does not let one see the file.
        info = Format.log(
            artifact_path=None,
            name="model",
            flavor=SimpleNamespace(__name__=flavor.__name__, save_model=save_model),
            sk_model=pipeline,
            serialization_format="skops",
            skops_trusted_types=_trusted(found, own),
            signature=ModelSignature(inputs=takes),
            input_example=example,
            validate_serving_input=False,  # it would load the stored code into this process
            metadata={
                STORED_TYPES: dict(types),
                **_place_of(positive, Model(pipeline).classes),
                **({_CUT: threshold.at} if threshold else {}),
                **(own.tags() if own else {}),
            },
            # Given, because inferring them starts another process and takes seconds.
            pip_requirements=[f"{name}=={version(name)}" for name in _REQUIRED],
        )
    return info, written[-1]


def stored_types(info: Any) -> dict[str, SentType]:
    """The columns that a stored model takes, and what is sent for each.

    Args:
        info: MLflow's ``ModelInfo`` of a model with a signature.

    Returns:
        Name to type.

    Raises:
        ChangedModelError: A type is none that this version of the project stores.
    """
    kept = (info.metadata or {}).get(STORED_TYPES, {})
    types: dict[str, Any] = {
        str(one.name): kept.get(str(one.name), _before(one.type)) for one in info.signature.inputs
    }
    strange = [one for one in types.values() if one not in get_args(SentType)]
    if strange:
        raise ChangedModelError(
            f"The stored model takes columns of unknown types: {', '.join(map(str, strange[:3]))}. "
            "Its MLmodel was changed since, or another version of mlops_assets has stored it. Put "
            "it back from a backup, or train again."
        )
    return types


def _before(declared: Any) -> str:
    """What is sent for a column of a model from before types were kept."""
    name = getattr(declared, "name", str(declared))
    return "text" if name == "string" else name


def _place_of(positive: Any, classes: np.ndarray | None) -> dict[str, int]:
    known = [] if positive is None or classes is None else classes.tolist()
    return {STORED_POSITIVE: known.index(positive)} if positive in known else {}


def load_model(
    uri: str, client: Client, what: str, expected: Digest | None, own: OwnFeatures | None = None
) -> Model:
    """Load the model at an MLflow URI, such as ``models:/iris/3``.

    MLflow takes the list of trusted types from the stored model itself, so whoever can write
    there could widen it (mlflow#25686). Here the file is compared with what was registered, and
    the types in it with ``TRUSTED_TYPES``, before anything is loaded.

    Args:
        uri: Where the model is.
        client: MLflow.
        what: Which one it is, for messages, such as "Version 3 of 'iris'".
        expected: The digest of its file; None where none is known.
        own: The transformer of the user's that was registered with it: types of its package are
            trusted as well. None: there is none.

    Raises:
        ChangedModelError: The file is not the one that is expected, is missing, or damaged.
        OtherVersionsError: It was made with other versions of libraries than are here.
        UnsafeModelError: The file is not skops, or holds a type that is not trusted.
        UserError: The module of its transformer is not there.
    """
    import skops.io

    # Read once: what is checked is what is loaded.
    content, requirements = _stored(uri, client, what)
    found = Digest.of(content)
    if expected is not None and found != expected:
        raise ChangedModelError(
            f"The file of {what} ({_FILE} at {uri}) is not the one that was registered: it has "
            f"{found}, and was registered with {expected}. {_WHAT_TO_DO}"
        )
    refuse_other_versions(requirements, what)
    try:
        strange = skops.io.get_untrusted_types(data=content)
    # Whatever is wrong inside of a file shows as an error of whatever reads that part of it.
    except Exception as error:
        raise _damaged(what, uri, found, error) from error
    _refuse(strange, what, own)
    changed = None
    if own is not None:
        own.require(what[:1].upper() + what[1:])
        changed = own.changed()
    try:
        model = Model.from_stored(skops.io.loads(content, trusted=_trusted(strange, own)))
    except Exception as error:
        if changed:
            raise UserError(f"{what} cannot be loaded ({error}). {changed}") from error
        raise _damaged(what, uri, found, error) from error
    if changed:
        _LOG.warning("%s: %s", what, changed)
    return model


def _stored(uri: str, client: Client, what: str) -> tuple[bytes, str]:
    """The bytes of the model's file, and the requirements that are stored beside it."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as folder:
        try:
            found = client.patiently(
                download_artifacts,
                artifact_uri=uri,
                dst_path=folder,
                tracking_uri=client.uri,
                registry_uri=client.uri,
            )
        except (MlflowException, OSError) as error:
            raise ChangedModelError(
                f"The files of {what} at {uri} cannot be read ({error}). {_WHAT_TO_DO}"
            ) from error
        file = Path(found) / _FILE
        requirements = file.with_name("requirements.txt")
        if file.is_file():
            kept = requirements.read_text("utf-8") if requirements.is_file() else ""
            return file.read_bytes(), kept
        if list(file.parent.glob("model.*")):
            raise UnsafeModelError(
                f"{what} ({uri}) is not stored in the skops format, and any other can run code "
                "when it is loaded. Nothing was loaded. Train the model again with mlops_assets."
            )
        raise ChangedModelError(f"The file of {what} ({_FILE} at {uri}) is gone. {_WHAT_TO_DO}")


def _damaged(what: str, uri: str, found: Digest, error: Exception) -> ChangedModelError:
    return ChangedModelError(
        f"The file of {what} ({_FILE} at {uri}) is damaged ({found.size:,} bytes, "
        f"{type(error).__name__}). {_WHAT_TO_DO}"
    )


def refuse_unstorable(own: Prepared, table: pd.DataFrame, target: pd.Series) -> None:
    """Make sure that models with a transformer of the user's can be stored, and loaded again.

    Raises:
        UserError: They cannot: it says why.
    """
    import skops.io
    from sklearn.pipeline import Pipeline

    path = own.own.path
    try:
        content = skops.io.dumps(Pipeline(own.steps()).fit(table, target))
        found = skops.io.get_untrusted_types(data=content)
        strange = sorted({*found} - {*_trusted(found, own.own)})
        if not strange:
            skops.io.loads(content, trusted=_trusted(found, own.own))
    except Exception as error:  # whatever skops, or its own code, makes of it
        raise UserError(
            f"The transformer {path} cannot be stored and loaded again without pickle "
            f"({type(error).__name__}). Use classes and functions that are defined at the top of "
            f"{own.own.module}, no lambda and none inside of another, and keep numbers, texts, "
            "arrays and estimators in them."
        ) from error
    if strange:
        package = own.own.module.partition(".")[0]
        raise UserError(
            f"The transformer {path} holds {len(strange)} types that are not trusted: "
            f"{', '.join(strange[:5])}. Those of {package}, scikit-learn and NumPy are. Derive a "
            f"class of your own from it in {own.own.module}, or name it in `training.features` "
            "itself."
        )


def _trusted(found: list[str], own: OwnFeatures | None) -> list[str]:
    """What may be loaded: the project's own list, and of what was found the transformer's own."""
    return [*TRUSTED_TYPES, *(kind for kind in sorted(found) if own and own.trusts(kind))]


def _refuse(found: list[str], what: str, own: OwnFeatures | None) -> None:
    strange = sorted({*found} - {*_trusted(found, own)})
    if strange:
        raise UnsafeModelError(
            f"{what} holds {len(strange)} types that are not trusted: {', '.join(strange)}. "
            "Nothing was loaded. If they are harmless, add them to TRUSTED_TYPES in "
            "mlops_assets/training/model_format.py; else find out who stored it."
        )
