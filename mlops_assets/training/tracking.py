"""The record of one training in MLflow: run, nested runs, artifacts, registered version."""

import hashlib
import json
import logging
import re
import tempfile
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_assets.data.columns import Columns, with_columns
from mlops_assets.data.fingerprint import fingerprint, row_hashes
from mlops_assets.errors import UserError
from mlops_assets.metrics import Task
from mlops_assets.training.automl import Trained
from mlops_assets.training.calibration import reliability
from mlops_assets.training.engines import chosen_engine, packages
from mlops_assets.training.features import FeatureType, column_types, model_input
from mlops_assets.training.mlflow_server import Client
from mlops_assets.training.model_format import log_model
from mlops_assets.training.own_features import OwnFeatures, source_of
from mlops_assets.training.pipelines import inner
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.search import AlgorithmResult
from mlops_assets.training.target import plain_target
from mlops_assets.training.tuning import TUNING
from mlops_assets.training.weights import Roles

IDEMPOTENCY_TAG = "idempotency_key"
TWINS_TAG = "twins_removed"  # of a version: which were registered beside it, and why
_LOG = logging.getLogger(__name__)
_EXAMPLE_ROWS = 5
_LEADERBOARD = "leaderboard.json"
# Else MLflow opens the experiment on its page for traces of language models.
_EXPERIMENT = {"mlflow.experimentKind": "custom_model_development"}


def prepare_experiment(client: Client, model: str, artifacts: str) -> str:
    """The id of the experiment ``model``, made where it is missing.

    Args:
        client: MLflow; its URI becomes the process's tracking and registry URI.
        model: The experiment's name.
        artifacts: URL of the folder for artifacts where MLflow is embedded; a tracking server
            decides for itself.

    Raises:
        UserError: The experiment was deleted.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    mlflow.set_tracking_uri(client.uri)
    mlflow.set_registry_uri(client.uri)
    found = client.get_experiment_by_name(model)
    if found is None:
        served = client.uri.startswith(("http://", "https://"))
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
    roles: Roles | None = None,
) -> str:
    """The same for a training that would make the same model again, whoever asks for it.

    A report that was made twice, or a run that was tried again, must not make a second version:
    so it is made of the rows, what they are to the candidate, the settings and what trains, and
    not of a run.
    """
    made_of = {
        "rows": fingerprint(frame),
        "columns": columns.model_dump(mode="json"),
        "task": task,
        "policy": policy.model_dump(mode="json"),
        "packages": packages(chosen_engine(policy.engine)),
    }
    if policy.features is not None:
        made_of["transformer"] = OwnFeatures.of(policy.features).sha256
    if roles is not None:
        # By the rows that they are roles of, whose order plays no part.
        kinds = pd.DataFrame({"row": row_hashes(frame), **roles.columns()})
        made_of["roles"] = [roles.metric, roles.max_drop, fingerprint(kinds)]
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    return f"{model}/{partition or 'baseline'}/{digest[:32]}"


def one_run(client: Client, experiment: str, tags: dict[str, str], key: str) -> str:
    """The id of the one run with the value of tag ``key``; made, with ``tags``, where missing.

    Where a lost answer made it twice, the earliest is kept and the others are discarded.
    """
    same = f"tags.{key} = '{tags[key]}'"
    order = ["attributes.start_time ASC", "attributes.run_id ASC"]
    if not client.search_runs([experiment], same, max_results=1):
        _create_run(client, experiment, tags)
    first, *twins = client.search_runs([experiment], same, order_by=order)
    for twin in twins:
        _discard(client, twin.info.run_id, first.info.run_id)
    return first.info.run_id


def end_nested(client: Client, run: str) -> None:
    """Let no nested run of ``run`` stay RUNNING, once nothing works in it any more.

    What a lost answer has made twice is discarded; what an interruption has left is KILLED.
    """
    experiment = client.get_run(run).info.experiment_id
    nested = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run}'")
    ended = {
        each.data.tags.get("algorithm"): each.info.run_id
        for each in nested
        if each.info.status != "RUNNING"
    }
    for each in nested:
        if each.info.status != "RUNNING":
            continue
        if twin_of := ended.get(each.data.tags.get("algorithm")):
            _discard(client, each.info.run_id, twin_of)
        else:
            client.set_terminated(each.info.run_id, "KILLED")


def _create_run(client: Client, experiment: str, tags: dict[str, str]) -> str:
    from mlflow.tracking.context.registry import resolve_tags  # who runs it, and what

    return client.create_run(experiment, tags=resolve_tags(tags)).info.run_id


def _discard(client: Client, run: str, twin_of: str) -> None:
    said = f"A twin of run {twin_of}: MLflow's answer was lost, and it was made a second time."
    _LOG.warning("MLflow run %s is deleted. %s", run, said)
    client.set_tag(run, "mlflow.note.content", said)
    client.set_terminated(run, "KILLED")
    client.delete_run(run)


def registered(client: Client, model: str, idempotency_key: str) -> int | None:
    """The version that an earlier try registered under this key; None where none did.

    Where a lost answer registered it twice, the version that is in use already, else the first,
    is kept, and the others are removed.
    """
    versions = client.search_model_versions(
        f"name = '{model}' and tags.`{IDEMPOTENCY_TAG}` = '{idempotency_key}'"
    )
    numbers = sorted(int(each.version) for each in versions)
    if len(numbers) > 1:
        return _keep_one(client, model, numbers)
    return numbers[0] if numbers else None


def _keep_one(client: Client, model: str, numbers: list[int]) -> int:
    # A search does not tell aliases.
    used = {int(number) for number in client.get_registered_model(model).aliases.values()}
    kept = next((number for number in numbers if number in used), numbers[0])
    twins = [number for number in numbers if number != kept and number not in used]
    said = f"{', '.join(map(str, twins))}: MLflow's answer was lost, and it was registered again."
    client.set_model_version_tag(model, str(kept), TWINS_TAG, said)
    _LOG.warning("Twins of version %s of %s are removed: %s", kept, model, said)
    for twin in twins:
        _delete_version(client, model, str(twin))
    return kept


def _delete_version(client: Client, model: str, number: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.delete_model_version(model, number)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":  # deleted, and the answer lost
            raise


def log_algorithm(client: Client, result: AlgorithmResult) -> None:
    """Record one algorithm as a nested run of the active run, named after it."""
    import mlflow
    from mlflow.entities import Metric, Param

    parent = mlflow.active_run()
    if parent is None:
        raise RuntimeError("An algorithm is recorded in the run that tries it, and none is active.")
    tags = {
        "mlflow.runName": result.name,
        "mlflow.parentRunId": parent.info.run_id,
        "algorithm": result.id,
    }
    if result.error is not None:
        tags["error"] = result.error
        client.set_tag(parent.info.run_id, f"failed.{result.id}", result.error)
    nested = _create_run(client, parent.info.experiment_id, tags)
    now = int(time.time() * 1000)
    measured = {**result.metrics, "seconds": result.seconds}
    logged = [Metric(_legal(name), value, now, 0) for name, value in measured.items()]
    params = [Param(name, str(value)) for name, value in result.parameters.items()]
    client.log_batch(nested, logged, params)
    client.set_terminated(nested)


def log_training(
    client: Client,
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
        client: MLflow.
        trained: The outcome of the search.
        frame: The table it was trained on.
        columns: Which column plays which role.
        task: Classification adds a confusion matrix, and how reliable the probabilities are.
        model: The registered model's name; made where it is missing.
        tags: Tags of the version: ``partition``, ``dagster_run_id``, ``idempotency_key``;
            ``training_data_hash``, ``engine`` and the digest of the model's file are added. A key
            that has a version already is not registered again.
        files: More artifacts, such as the drift report.

    Returns:
        The version's number.
    """
    import mlflow

    key = tags.get(IDEMPOTENCY_TAG)
    before = registered(client, model, key) if key else None
    if before is not None:
        return before
    log = client.patiently
    digest = fingerprint(frame)
    log(_log_dataset, frame, columns, digest)
    log(mlflow.log_params, _params(trained))
    board = trained.leaderboard
    best = board[board["id"] == trained.algorithm].iloc[0]
    scores = best.drop(["id", "Algorithm", "Seconds"])
    log(mlflow.log_metrics, {_legal(str(name)): float(value) for name, value in scores.items()})
    # Not `log_table`, which adds to the rows that an earlier try has written.
    table = trained.leaderboard.to_json(orient="split", index=False)
    log(mlflow.log_text, table, _LEADERBOARD)
    log(
        mlflow.set_tag,
        "mlflow.loggedArtifacts",
        json.dumps([{"path": _LEADERBOARD, "type": "table"}]),
    )
    if trained.notes:
        log(mlflow.log_text, "\n".join(trained.notes), "notes.txt")
    if task == "classification" and columns.target not in columns.sensitive:
        _log_confusion(client, frame[columns.target], trained)
        if trained.cross_validated.probabilities is not None:
            _log_reliability(client, frame[columns.target], trained, columns.positive)
    if trained.tuning is not None:
        log(mlflow.log_text, trained.tuning.model_dump_json(indent=1), TUNING)
        if trained.tuning.gain is not None:
            log(mlflow.log_metric, "tuning_gain", trained.tuning.gain)
    own = trained.own
    if own is not None:
        log(mlflow.log_text, source_of(own.path), f"transformer/{own.module}.py")
    for file in files:
        log(mlflow.log_artifact, str(file))
    types = column_types(frame, list(trained.features))
    example = _example(trained, frame, columns)
    beside = {"positive": columns.positive, "threshold": trained.threshold, "own": own}
    info, stored = log(log_model, trained.pipeline, example, types, **beside)
    known_by = {"training_data_hash": digest, "engine": trained.engine, **stored.tags()}
    known_by |= own.tags() if own else {}
    return _register(client, model, info, {**tags, **known_by})


@dataclass(frozen=True)
class Recorded:
    """What a training has left in its MLflow run.

    Attributes:
        parameters: The logged parameters; none where the run is gone.
        leaderboard: The algorithms with their scores; None where it is not there.
        files: Of the artifacts that were asked for, those that are there.
    """

    parameters: dict[str, str]
    leaderboard: pd.DataFrame | None
    files: dict[str, bytes]


def read_training(client: Client, run_id: str, files: Iterable[str] = ()) -> Recorded:
    """Read what :func:`log_training` has recorded in a run, and artifacts by their names."""
    from mlflow.exceptions import MlflowException

    try:
        parameters = dict(client.get_run(run_id).data.params)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        return Recorded({}, None, {})
    there = {artifact.path for artifact in client.list_artifacts(run_id)}
    with tempfile.TemporaryDirectory() as folder:
        found = {
            name: Path(client.download_artifacts(run_id, name, folder)).read_bytes()
            for name in {_LEADERBOARD, *files} & there
        }
    table = found.pop(_LEADERBOARD, None)
    leaderboard = None if table is None else pd.read_json(StringIO(table.decode()), orient="split")
    return Recorded(parameters, leaderboard, found)


def _log_dataset(frame: pd.DataFrame, columns: Columns, digest: str) -> None:
    """The dataset's schema, size and hash; MLflow's own digest covers 10,000 rows only."""
    import mlflow
    from mlflow.data.pandas_dataset import from_pandas

    # Its name and schema are stored, and no values but for a profile of sizes.
    dataset = from_pandas(
        with_columns(
            model_input(frame, columns.features(frame)),
            {columns.target: frame[columns.target].astype(object)},
        ),
        targets=columns.target,
        name="training",
        digest=digest,
    )
    mlflow.log_input(dataset, context="training")


def _params(trained: Trained) -> dict[str, Any]:
    own = {"algorithm": trained.algorithm, "metric": trained.metric}
    if trained.regime_weight is not None:
        own["regime_weight"] = f"{trained.regime_weight:.6g}"
    if trained.threshold is not None:
        own["threshold"] = f"{trained.threshold.at:.6g}"
    if trained.own is not None:
        own["transformer"] = trained.own.path
    if trained.tuning is not None:
        own["tuning_trials"] = str(trained.tuning.trials)
        own["tuned"] = trained.tuning.algorithm or "none"
    estimator = trained.pipeline.named_steps["estimator"]
    if inner(estimator) is not estimator:
        own["calibration"] = estimator.method
    of_model = {f"model.{name}": value for name, value in trained.parameters.items()}
    return {**own, "features": ", ".join(trained.features)[:6000], **of_model}


def _legal(name: str) -> str:
    """A metric's name as MLflow takes it: ``precision_at(0.1)`` is ``precision_at_0.1``."""
    return re.sub(r"[^\w.:-]+", "_", name.lower(), flags=re.ASCII).strip("_")


def _log_confusion(client: Client, target: pd.Series, trained: Trained) -> None:
    """Counts of true against predicted class, from the folds without each row."""
    import mlflow
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay

    true = target.astype(str).to_numpy()
    matrix = pd.crosstab(true, trained.cross_validated.labels.astype(str))
    labels = sorted(set(matrix.index) | set(matrix.columns))
    counts = matrix.reindex(index=labels, columns=labels, fill_value=0)
    shown = [label.replace("$", r"\$") for label in labels]  # between two, it would be a formula
    # PyCaret's imports ask for fonts that servers do not have. And a Figure without pyplot has
    # no display and no global state.
    with rc_context({"font.family": "DejaVu Sans"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure = Figure(figsize=(7, 6), layout="tight")
        axes = figure.add_subplot()
        ConfusionMatrixDisplay(counts.to_numpy(), display_labels=shown).plot(
            ax=axes, xticks_rotation="vertical", cmap="Blues", colorbar=False
        )
        axes.set_title(f"{trained.algorithm}, cross-validated on the training rows")
        client.patiently(mlflow.log_figure, figure, "confusion_matrix.png")


def _log_reliability(client: Client, target: pd.Series, trained: Trained, positive: Any) -> None:
    """How often what was said came true, from the folds without each row; and how far off it is."""
    import mlflow
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    truth = plain_target(target, "classification").to_numpy()
    found = reliability(truth, trained.cross_validated, positive)
    client.patiently(mlflow.log_metric, "expected_calibration_error", found.error)
    with rc_context({"font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(6, 6), layout="tight")
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color="grey", linestyle="dotted")
        axes.scatter(found.said, found.came, s=10 + 190 * found.rows / found.rows.max())
        axes.plot(found.said, found.came)
        axes.set(
            xlim=(0, 1),
            ylim=(0, 1),
            xlabel="probability that was said",
            ylabel="share of rows for which it came true",
            title=f"{trained.algorithm}, cross-validated: calibration error {found.error:.3f}",
        )
        client.patiently(mlflow.log_figure, figure, "reliability.png")


def _example(trained: Trained, frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """A few raw rows; sensitive values are 0, false, the first day of 1970 or empty."""
    types = column_types(frame, list(trained.features))
    rows = frame.head(_EXAMPLE_ROWS)
    example = {name: _written(rows[name], kind) for name, kind in types.items()}
    nothing = {"float": 0.0, "boolean": False, "datetime": "1970-01-01", "string": ""}
    hidden = {n: nothing[kind] for n, kind in types.items() if n in columns.sensitive}
    return pd.DataFrame(example | hidden, index=rows.index)


def _written(values: pd.Series, kind: FeatureType) -> pd.Series:
    """Values as JSON has them."""
    if kind == "datetime":
        return values.map(lambda moment: moment.isoformat(), na_action="ignore").astype(object)
    if kind == "string":
        texts = values.astype(object).where(values.isna(), values.astype(str))
        return texts.where(values.notna(), None)
    return values


def _register(client: Client, model: str, info: Any, tags: dict[str, str]) -> int:
    from mlflow.exceptions import MlflowException

    _delete_other_models(client, info)
    try:
        client.create_registered_model(model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    # The tags come with the version, so that there is never one without its key.
    version = client.create_model_version(
        model, source=info.model_uri, run_id=info.run_id, tags=tags, model_id=info.model_id
    )
    key = tags.get(IDEMPOTENCY_TAG)
    kept = registered(client, model, key) if key else None
    return int(version.version) if kept is None else kept


def _delete_other_models(client: Client, info: Any) -> None:
    """Delete what a lost answer, or a try that was killed, has stored in the same run before."""
    experiment = client.get_run(info.run_id).info.experiment_id
    stored = client.search_logged_models([experiment], f"source_run_id = '{info.run_id}'")
    for other in stored:
        if other.model_id != info.model_id:
            _LOG.warning("Logged model %s is deleted: %s is kept.", other.model_id, info.model_id)
            client.delete_logged_model(other.model_id)
