"""``baseline_model``: the first production model."""

import dagster as dg

from mlops_assets.assets.baseline_data import by_hand, once_when_missing
from mlops_assets.assets.parts import baseline_parts
from mlops_assets.assets.shared import ALL, asset, registry_of, told_plainly, training_record
from mlops_assets.assets.training import train_and_register
from mlops_assets.resources.mlflow import MlflowRun, end_mlflow_on_run_finished
from mlops_assets.resources.store import Store
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
        description="AutoML on the baseline's train part. It becomes `production` only where the "
        "registry has no production version yet.",
    )
    @told_plainly(then=by_hand(spec))
    def _baseline_model(
        context: dg.AssetExecutionContext,
        store: Store,
        mlflow: MlflowRun,  # noqa: ARG001 - opens the run's MLflow run
    ) -> dg.MaterializeResult:
        parts = baseline_parts(spec, store)
        version, metadata = train_and_register(context, spec, parts.learn, None, files=[])
        registry = registry_of(spec)
        predicted = registry.load(version).predict(parts.judge)
        score = spec.metric.score(parts.judge[spec.columns.target].to_numpy(), predicted)
        if registry.version("production") is None:
            registry.promote(version, expected_production=None)
        registry.replace_lost_first(version)
        store.write_record(spec.name, "baseline_model", ALL, training_record(version))
        return dg.MaterializeResult(
            metadata=metadata
            | {
                f"holdout_{spec.metric.name}": score,
                "holdout_rows": len(parts.judge),
                "production_version": registry.in_use().number,
            }
        )

    return _baseline_model
