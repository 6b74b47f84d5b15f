"""``baseline_model``: the first production model."""

import dagster as dg

from mlops_assets.assets.baseline_data import by_hand, once_when_missing
from mlops_assets.assets.shared import asset, life_of, told_plainly, yellow_where
from mlops_assets.assets.training import trainer, training_metadata
from mlops_assets.data.store import Store
from mlops_assets.lifecycle.baseline_model import train_baseline_model
from mlops_assets.resources.mlflow import MlflowRun, end_mlflow_on_run_finished
from mlops_assets.spec import ModelSpec


def baseline_model(spec: ModelSpec) -> dg.AssetsDefinition:
    """The asset for one model."""

    @asset(
        spec,
        "baseline_model",
        deps=("baseline_data",),
        kinds={"mlflow", "scikitlearn"},
        daily=False,
        pool="retrain",
        automation_condition=once_when_missing(),
        hooks={end_mlflow_on_run_finished},
        checks={
            "credible": "The first model, which passes no gate, is better than a constant, and "
            "not nearly perfect by a feature that gives the target away."
        },
        description="AutoML on the baseline's train part. It becomes `production` only where the "
        "registry has no production version yet.",
    )
    @told_plainly(then=by_hand(spec))
    def _baseline_model(
        context: dg.AssetExecutionContext,
        store: dg.ResourceParam[Store],
        mlflow: MlflowRun,  # noqa: ARG001 - opens the run's MLflow run
    ) -> dg.MaterializeResult:
        life = life_of(spec, store)
        made = train_baseline_model(life, trainer(context, life))
        return dg.MaterializeResult(
            metadata=training_metadata(made.training)
            | {
                f"holdout_{spec.metric_of().name}": made.score,
                "holdout_rows": made.holdout_rows,
                "production_version": made.in_use.number,
            },
            check_results=[
                yellow_where(made.training.doubts, "credible", "Before the model is trusted")
            ],
        )

    return _baseline_model
