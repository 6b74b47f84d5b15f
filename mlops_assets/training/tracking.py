"""The record of one training in MLflow: run, nested runs, artifacts, registered version."""

import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.errors import UserError
from mlops_assets.metrics import Task
from mlops_assets.training import mlflow_server
from mlops_assets.training.automl import AlgorithmResult, Trained
from mlops_assets.training.features import model_input
from mlops_assets.training.model_format import log_model
from mlops_assets.training.policy import TrainingPolicy

IDEMPOTENCY_TAG = "idempotency_key"
_TRAINS_WITH = ("pycaret", "scikit-learn", "lightgbm")
_EXAMPLE_ROWS = 5
# Else MLflow opens the experiment on its page for traces of language models.
_EXPERIMENT = {"mlflow.experimentKind": "custom_model_development"}


def prepare_experiment(model: str, uri: str, artifacts: str) -> str:
    """The id of the experiment ``model``, made where it is missing.

    Args:
        model: The experiment's name.
        uri: MLflow's tracking URI; it becomes the process's tracking and registry URI.
        artifacts: URL of the folder for artifacts where MLflow is embedded; a tracking server
            decides for itself.

    Raises:
        UserError: MLflow cannot be reached, or the experiment was deleted.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    client = mlflow_server.connect(uri)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    found = client.get_experiment_by_name(model)
    if found is None:
        served = uri.startswith(("http://", "https://"))
        location = None if served else f"{artifacts.rstrip('/')}/{model}"
        try:
            return client.create_experiment(model, artifact_location=location, tags=_EXPERIMENT)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(model)
    if found is None or found.lifecycle_stage == "deleted":
        raise UserError(
            f"The MLflow experiment {model!r} was deleted. Restore it in MLflow, or delete it for "
            "good (mlflow gc), and run again."
        )
    return found.experiment_id


def idempotency_key(
    model: str,
    partition: str | None,
    frame: pd.DataFrame,
    columns: Columns,
    task: Task,
    policy: TrainingPolicy,
) -> str:
    """The same for a training that would make the same model again, whoever asks for it.

    A report that was made twice, or a run that was tried again, must not make a second version:
    so it is made of the rows, the settings and what trains, and not of a run.
    """
    made_of = {
        "rows": fingerprint(frame),
        "columns": columns.model_dump(mode="json"),
        "task": task,
        "policy": policy.model_dump(mode="json"),
        "packages": {name: version(name) for name in _TRAINS_WITH},
    }
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    return f"{model}/{partition or 'baseline'}/{digest[:32]}"


def registered(model: str, idempotency_key: str) -> int | None:
    """The version that an earlier try registered under this key; None where none did."""
    import mlflow

    versions = mlflow.MlflowClient().search_model_versions(
        f"name = '{model}' and tags.`{IDEMPOTENCY_TAG}` = '{idempotency_key}'"
    )
    return max((int(version.version) for version in versions), default=None)


def log_algorithm(result: AlgorithmResult) -> None:
    """Record one algorithm as a nested run of the active run, named after it."""
    import mlflow

    parent = mlflow.active_run()
    # Else a nested run goes to whatever experiment the process has set.
    experiment = parent.info.experiment_id if parent else None
    with mlflow.start_run(run_name=result.name, nested=True, experiment_id=experiment):
        mlflow.set_tag("algorithm", result.id)
        mlflow.log_metrics({**result.metrics, "seconds": result.seconds})
        if result.error is not None:
            mlflow.set_tag("error", result.error)
    if result.error is not None:
        mlflow.set_tag(f"failed.{result.id}", result.error)


def log_training(
    trained: Trained,
    frame: pd.DataFrame,
    columns: Columns,
    task: Task,
    *,
    model: str,
    tags: dict[str, str],
    files: Iterable[Path] = (),
) -> int:
    """Record a training in the active MLflow run, and register its model.

    Args:
        trained: The outcome of the search.
        frame: The table it was trained on.
        columns: Which column plays which role.
        task: Classification adds a confusion matrix.
        model: The registered model's name; made where it is missing.
        tags: Tags of the version: ``partition``, ``dagster_run_id``, ``idempotency_key``;
            ``training_data_hash`` is added. A key that has a version already is not registered
            again.
        files: More artifacts, such as the drift report.

    Returns:
        The version's number.
    """
    import mlflow

    key = tags.get(IDEMPOTENCY_TAG)
    before = registered(model, key) if key else None
    if before is not None:
        return before
    digest = fingerprint(frame)
    _log_dataset(frame, columns, digest)
    mlflow.log_params(_params(trained))
    best = trained.leaderboard.iloc[0]
    scores = best.drop(["id", "Algorithm", "Seconds"])
    mlflow.log_metrics({_legal(str(name)): float(value) for name, value in scores.items()})
    mlflow.log_table(trained.leaderboard, "leaderboard.json")
    if trained.notes:
        mlflow.log_text("\n".join(trained.notes), "notes.txt")
    if task == "classification":
        _log_confusion(
            frame[columns.target], trained, sensitive=columns.target in columns.sensitive
        )
    for file in files:
        mlflow.log_artifact(str(file))
    info = log_model(trained.pipeline, _example(trained, frame, columns))
    return _register(model, info, {**tags, "training_data_hash": digest})


def _log_dataset(frame: pd.DataFrame, columns: Columns, digest: str) -> None:
    """The dataset's schema, size and hash; MLflow's own digest covers 10,000 rows only."""
    import mlflow
    from mlflow.data.pandas_dataset import from_pandas

    # Its name and schema are stored, and no values but for a profile of sizes.
    dataset = from_pandas(
        model_input(frame, columns.features(frame)).assign(
            **{columns.target: frame[columns.target].astype(object)}
        ),
        targets=columns.target,
        name="training",
        digest=digest,
    )
    mlflow.log_input(dataset, context="training")


def _params(trained: Trained) -> dict[str, Any]:
    own = {"algorithm": trained.algorithm, "metric": trained.metric}
    of_model = {f"model.{name}": value for name, value in trained.parameters.items()}
    return {**own, "features": ", ".join(trained.features)[:6000], **of_model}


def _legal(column: str) -> str:
    return column.lower().replace(" ", "_")


def _log_confusion(target: pd.Series, trained: Trained, *, sensitive: bool) -> None:
    """Counts of true against predicted class, from the folds without each row."""
    import mlflow
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay

    if sensitive:
        return
    true = target.astype(str).to_numpy()
    matrix = pd.crosstab(true, trained.cross_validated.astype(str))
    labels = sorted(set(matrix.index) | set(matrix.columns))
    counts = matrix.reindex(index=labels, columns=labels, fill_value=0)
    # PyCaret's imports ask for fonts that servers do not have. And a Figure without pyplot has
    # no display and no global state.
    with rc_context({"font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(7, 6), layout="tight")
        axes = figure.add_subplot()
        ConfusionMatrixDisplay(counts.to_numpy(), display_labels=labels).plot(
            ax=axes, xticks_rotation="vertical", cmap="Blues", colorbar=False
        )
        axes.set_title(f"{trained.algorithm}, cross-validated on the training rows")
        mlflow.log_figure(figure, "confusion_matrix.png")


def _example(trained: Trained, frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """A few rows as the model takes them; sensitive values are 0 or empty."""
    example = model_input(frame.head(_EXAMPLE_ROWS), list(trained.features))
    for name in example.columns.intersection(columns.sensitive):
        example[name] = 0.0 if example[name].dtype.kind == "f" else ""
    return example


def _register(model: str, info: Any, tags: dict[str, str]) -> int:
    import mlflow
    from mlflow.exceptions import MlflowException

    client = mlflow.MlflowClient()
    try:
        client.create_registered_model(model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    # The tags come with the version, so that there is never one without its key.
    version = client.create_model_version(
        model, source=info.model_uri, run_id=info.run_id, tags=tags, model_id=info.model_id
    )
    return int(version.version)
