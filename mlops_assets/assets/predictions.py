"""``predictions``: the batch, scored with the production model."""

import dagster as dg

from mlops_assets.assets.parts import served_by
from mlops_assets.assets.shared import asset, load, table_metadata, told_plainly
from mlops_assets.resources.store import Store
from mlops_assets.spec import ModelSpec


def predictions(spec: ModelSpec) -> dg.AssetsDefinition:
    """The asset for one model."""

    @asset(
        spec,
        "predictions",
        deps=(
            "drifted_batch",
            "baseline_model",
        ),
        kinds={"mlflow", "parquet"},
        pool="daily",
        description="What the production model says of every row of the batch; of a day that is "
        "made again, the version that was in production then.",
    )
    @told_plainly()
    def _predictions(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
        partition = context.partition_key
        batch = store.read(spec.name, "drifted_batch", partition)
        production = served_by(spec, store, partition)
        predicted = load(spec, store, production).predict(batch)
        kept = [*spec.columns.id, *([spec.columns.timestamp] if spec.columns.timestamp else [])]
        table = batch[kept].assign(prediction=predicted, model_version=production.number)
        path = store.write(spec.name, "predictions", partition, table)
        return dg.MaterializeResult(
            metadata=table_metadata(table, path) | {"production_version": production.number}
        )

    return _predictions
