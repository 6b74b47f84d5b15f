"""``augmented_dataset``: the baseline and what has been learned of drift since."""

import dagster as dg

from mlops_assets.assets.shared import asked_by, asset, life_of, table_metadata, told_plainly
from mlops_assets.data.store import Store
from mlops_assets.lifecycle.augmented_dataset import augment
from mlops_assets.lifecycle.rows import ORIGIN
from mlops_assets.resources.mlflow import MlflowRun, end_mlflow_on_run_finished
from mlops_assets.spec import ModelSpec


def augmented_dataset(spec: ModelSpec) -> dg.AssetsDefinition:
    """The asset for one model."""

    @asset(
        spec,
        "augmented_dataset",
        deps=(
            "drift_report",
            "baseline_data",
        ),
        kinds={"pandas", "parquet"},
        pool="retrain",
        hooks={end_mlflow_on_run_finished},
        description="The baseline's train part and the adaptation parts of the batches of every "
        "regime that led to a promotion, of this batch's regime, and of quiet days.",
    )
    @told_plainly()
    def _augmented_dataset(
        context: dg.AssetExecutionContext,
        store: dg.ResourceParam[Store],
        mlflow: MlflowRun,  # noqa: ARG001 - opens the run's MLflow run
    ) -> dg.MaterializeResult:
        # A person who materializes by hand has decided; what the sensor asked for is judged
        # again, because another run may have dealt with the regime since.
        by_sensor = asked_by(context.run) is not None
        made = augment(life_of(spec, store), context.partition_key, judge_again=by_sensor)
        if made.table is None:
            return dg.MaterializeResult(metadata={"already_known": made.record.already_known})
        counts = made.table[ORIGIN].value_counts(sort=False).to_dict()
        return dg.MaterializeResult(
            metadata=table_metadata(made.table, made.path)
            | {
                "regime": made.record.regime,
                "rows_from": dg.MetadataValue.json(counts),
                "notes": dg.MetadataValue.json(made.record.notes),
            }
        )

    return _augmented_dataset
