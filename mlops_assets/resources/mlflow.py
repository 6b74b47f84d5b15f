"""MLflow: one tracking run per Dagster run, through dagster-mlflow."""

from collections.abc import Iterator
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
    from dagster_mlflow import mlflow_tracking

    from mlops_assets.training.tracking import prepare_experiment

    run = context.run
    instance = context.instance
    if run is None or instance is None:
        raise dg.DagsterInvariantViolationError("The MLflow run belongs to a Dagster run.")
    model = model_of(run)
    uri = settings.mlflow_uri()
    try:
        experiment_id = prepare_experiment(model, uri, settings.mlflow_artifacts())
    except UserError as error:
        if isinstance(error, AwayError):
            tag_away(instance, run.run_id, error)
        raise dg.Failure(str(error), allow_retries=False) from error
    _close_killed_runs(experiment_id, instance)
    config = {
        "experiment_name": model,
        "mlflow_tracking_uri": uri,
        "mlflow_run_id": _run_of_first_try(experiment_id, run),
        "env": {},
        "extra_tags": _tags(run),
    }
    configured = context.replace_config(config)
    yield from mlflow_tracking.resource_fn(configured)  # pyright: ignore[reportCallIssue]


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
    # Else every run would have the name of its job.
    tags["mlflow.runName"] = partition or "baseline"
    return tags | ({"partition": partition} if partition else {})


def _run_of_first_try(experiment_id: str, run: dg.DagsterRun) -> str | None:
    """The MLflow run that an earlier try of this work opened: this one goes on in it."""
    import mlflow

    first = first_try(run)
    if first == run.run_id:
        return None
    found = mlflow.MlflowClient().search_runs(
        [experiment_id], f"tags.dagster_root_run_id = '{first}'", max_results=1
    )
    return found[0].info.run_id if found else None


def _close_killed_runs(experiment_id: str, instance: dg.DagsterInstance) -> None:
    """Mark as KILLED what a killed process left RUNNING: nobody else would."""
    import mlflow

    client = mlflow.MlflowClient()
    for left in client.search_runs([experiment_id], "attributes.status = 'RUNNING'"):
        parent = left.data.tags.get("mlflow.parentRunId")
        tags = client.get_run(parent).data.tags if parent else left.data.tags
        run = instance.get_run_by_id(tags.get("dagster_run_id", ""))
        if run is not None and run.status in ENDED:
            client.set_terminated(left.info.run_id, "KILLED")
