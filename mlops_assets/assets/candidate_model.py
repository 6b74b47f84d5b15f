"""``candidate_model``: AutoML on the augmented dataset."""

import dagster as dg

from mlops_assets import settings
from mlops_assets.assets.parts import ORIGIN
from mlops_assets.assets.shared import asset, registry_of, told_plainly, training_record
from mlops_assets.assets.training import train_and_register
from mlops_assets.resources.mlflow import MlflowRun, end_mlflow_on_run_finished
from mlops_assets.resources.store import Store
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
        store: Store,
        mlflow: MlflowRun,  # noqa: ARG001 - opens the run's MLflow run
    ) -> dg.MaterializeResult:
        partition = context.partition_key
        already_known = store.record(spec.name, "augmented_dataset", partition)["already_known"]
        if already_known:
            return dg.MaterializeResult(metadata={"already_known": already_known})
        table = store.read(spec.name, "augmented_dataset", partition).drop(columns=ORIGIN)
        page = settings.reports_folder() / spec.name / f"{partition}.html"
        version, metadata = train_and_register(
            context, spec, table, partition, files=[page] if page.exists() else []
        )
        registry_of(spec).set_alias("staging", version)
        store.write_record(spec.name, "candidate_model", partition, training_record(version))
        return dg.MaterializeResult(metadata=metadata)

    return _candidate_model
