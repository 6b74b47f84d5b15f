"""``candidate_model``: AutoML on the augmented dataset."""

import dagster as dg

from mlops_assets.assets.shared import asset, life_of, told_plainly
from mlops_assets.assets.training import trainer, training_metadata
from mlops_assets.data.store import Store
from mlops_assets.lifecycle.candidate_model import train_candidate
from mlops_assets.resources.mlflow import MlflowRun, end_mlflow_on_run_finished
from mlops_assets.spec import ModelSpec


def candidate_model(spec: ModelSpec) -> dg.AssetsDefinition:
    """The asset for one model."""

    @asset(
        spec,
        "candidate_model",
        deps=("augmented_dataset",),
        kinds={"mlflow", "scikitlearn"},
        pool="retrain",
        hooks={end_mlflow_on_run_finished},
        description="AutoML on the augmented dataset: every algorithm tracked in MLflow, the best "
        "one finalized on all of it and registered with the alias `staging`.",
    )
    @told_plainly()
    def _candidate_model(
        context: dg.AssetExecutionContext,
        store: dg.ResourceParam[Store],
        mlflow: MlflowRun,  # noqa: ARG001 - opens the run's MLflow run
    ) -> dg.MaterializeResult:
        life = life_of(spec, store)
        made = train_candidate(life, context.partition_key, trainer(context, life))
        if made.training is None:
            return dg.MaterializeResult(metadata={"already_known": made.already_known})
        return dg.MaterializeResult(metadata=training_metadata(made.training))

    return _candidate_model
