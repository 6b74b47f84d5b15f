"""MLflow: one tracking run per Dagster run, through dagster-mlflow."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import dagster as dg

from mlops_assets import settings
from mlops_assets.errors import AwayError, UserError

MODEL_TAG = "mlops_assets/model"
TRAINS_TAG = "mlops_assets/trains"  # of runs that train, so that a queue can limit them
FIRST_TRY_TAG = "mlops_assets/first_try"  # of runs that were asked for again: the first one's id
# Of a run that failed because something outside was away, with what: it is worth asking for again.
AWAY_TAG = "mlops_assets/away"
_TAG_LENGTH = 200
# The parameter of an asset that works inside the run's MLflow run, which the resource opens.
MlflowRun = dg.ResourceParam[Any]
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dg.resource(description="The MLflow run of this Dagster run, by dagster_mlflow.mlflow_tracking")
def mlflow_run(context: dg.InitResourceContext) -> Iterator[Any]:
    """Open, or find again, the MLflow run of this Dagster run in the model's experiment.

    dagster-mlflow and MLflow take seconds to import, so they are imported in here and not where
    the definitions are loaded.
    """
    from mlops_assets.training import tracking
    from mlops_assets.training.mlflow_server import connect

    run, instance, log = context.run, context.instance, context.log
    if run is None or instance is None or log is None:
        raise dg.DagsterInvariantViolationError("The MLflow run belongs to a Dagster run.")
    model = model_of(run)
    try:
        client = connect(settings.mlflow_uri(), settings.mlflow_patience())
        experiment = tracking.prepare_experiment(client, model, settings.mlflow_artifacts())
        _close_killed_runs(client, experiment, instance)
        tags = _tags(run)
        # A retry goes on in the MLflow run that the first try has opened.
        run_id = tracking.one_run(client, experiment, tags, "dagster_root_run_id")
        opened, entered = client.patiently(_enter, context, client.uri, model, run_id, tags)
    except UserError as error:
        if isinstance(error, AwayError):
            tag_away(instance, run.run_id, error)
        raise dg.Failure(str(error), allow_retries=False) from error
    entered.end_run = partial(_end_run, log, client, run_id)
    yield entered
    with _left_to_the_next_run(log):
        client.patiently(next, opened, None)
        tracking.end_nested(client, run_id)


def _end_run(log: dg.DagsterLogManager, client: Any, run_id: str, status: str = "FINISHED") -> None:
    """End the active MLflow run, however often it takes."""
    import mlflow
    from mlflow.exceptions import MlflowException

    if status != "FINISHED":
        client.patience = 0  # what failed has waited already, if that would have helped
    with _left_to_the_next_run(log):
        try:
            mlflow.end_run(status)
        except MlflowException:
            # It forgets the run that it ends before that is ended.
            client.set_terminated(run_id, status)


@contextmanager
def _left_to_the_next_run(log: dg.DagsterLogManager) -> Iterator[None]:
    """The work is done, or has failed with its own reason: that MLflow is away changes neither."""
    try:
        yield
    except AwayError as error:
        log.warning("%s What is still RUNNING in MLflow is closed by the next run.", error)


def _enter(
    context: dg.InitResourceContext, uri: str, model: str, run_id: str, tags: dict[str, str]
) -> tuple[Iterator[Any], Any]:
    """Make the run the active one of this process, with dagster-mlflow's resource for it."""
    from dagster_mlflow import mlflow_tracking

    config = {
        "experiment_name": model,
        "mlflow_tracking_uri": uri,
        "mlflow_run_id": run_id,
        "env": {},
        "extra_tags": tags,
    }
    opened = mlflow_tracking.resource_fn(context.replace_config(config))  # pyright: ignore[reportCallIssue]
    return opened, next(opened)


def _end_mlflow(context: dg.HookContext, events: list[dg.DagsterEvent]) -> Any:
    """dagster-mlflow's hook, imported late."""
    from dagster_mlflow import end_mlflow_on_run_finished as hook

    return hook.hook_fn(context, events)


# The MLflow run of a failed Dagster run ends FAILED; without it, MLflow would say FINISHED.
end_mlflow_on_run_finished = dg.HookDefinition(
    name="end_mlflow_on_run_finished", hook_fn=_end_mlflow, required_resource_keys={"mlflow"}
)


def first_try(run: dg.DagsterRun) -> str:
    """The id of the first run of a piece of work, whoever asked for this run of it.

    What a try leaves behind is found by it: Dagster's own retry names the root of its runs, a run
    that is asked for again carries the tag.
    """
    return run.tags.get(FIRST_TRY_TAG) or run.root_run_id or run.run_id


def model_of(run: dg.DagsterRun) -> str:
    """The model that a run works for: from its tag, else from its assets.

    Raises:
        dg.Failure: The run's assets belong to several models.
    """
    if MODEL_TAG in run.tags:
        return run.tags[MODEL_TAG]
    models = {key.path[0] for key in run.asset_selection or ()}
    if len(models) != 1:
        raise dg.Failure(
            f"This run asks for assets of {len(models)} models ({', '.join(sorted(models))}), and "
            "each model has its own MLflow experiment. Materialize one model at a time.",
            allow_retries=False,
        )
    return models.pop()


def tag_away(instance: dg.DagsterInstance, run_id: str, error: AwayError) -> None:
    """Mark a run as one that failed because something outside was away."""
    instance.add_run_tags(run_id, {AWAY_TAG: str(error)[:_TAG_LENGTH]})


def _tags(run: dg.DagsterRun) -> dict[str, str]:
    partition = run.tags.get("dagster/partition")
    tags = {"dagster_root_run_id": first_try(run), "dagster_job": run.job_name}
    tags["dagster_run_id"] = run.run_id
    # Else every run would have the name of its job.
    tags["mlflow.runName"] = partition or "baseline"
    return tags | ({"partition": partition} if partition else {})


def _close_killed_runs(client: Any, experiment_id: str, instance: dg.DagsterInstance) -> None:
    """End what a killed process left RUNNING: nobody else would.

    It is FINISHED where all the work was done before the kill, and KILLED elsewhere.
    """
    for left in client.search_runs([experiment_id], "attributes.status = 'RUNNING'"):
        parent = left.data.tags.get("mlflow.parentRunId")
        tags = client.get_run(parent).data.tags if parent else left.data.tags
        run = instance.get_run_by_id(tags.get("dagster_run_id", ""))
        if run is not None and run.status in ENDED:
            finished = run.status is dg.DagsterRunStatus.SUCCESS
            client.set_terminated(left.info.run_id, "FINISHED" if finished else "KILLED")
