"""``predictions``: the batch, scored with the production model."""

import dagster as dg

from mlops_assets.assets.shared import asset, life_of, table_metadata, told_plainly
from mlops_assets.data.store import Store
from mlops_assets.lifecycle.predictions import predict
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
        description="What the production model says of every row of the batch, with probabilities; "
        "of a day that is made again, the version that was in production then.",
    )
    @told_plainly()
    def _predictions(
        context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]
    ) -> dg.MaterializeResult:
        made = predict(life_of(spec, store), context.partition_key)
        return dg.MaterializeResult(
            metadata=table_metadata(made.table, made.path)
            | {"production_version": made.version.number}
            | {f"mean/{name}": value for name, value in made.means.items()}
            | ({} if made.counts is None else {"predicted": made.counts})
            | ({} if made.note is None else {"note": made.note})
        )

    return _predictions
