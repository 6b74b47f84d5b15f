"""The component: one YAML file becomes one monitored model."""

import dagster as dg

from mlops_assets.assets.augmented_dataset import augmented_dataset
from mlops_assets.assets.baseline_data import baseline_data
from mlops_assets.assets.baseline_model import baseline_model
from mlops_assets.assets.candidate_model import candidate_model
from mlops_assets.assets.drift_report import drift_report
from mlops_assets.assets.drifted_batch import drifted_batch
from mlops_assets.assets.predictions import predictions
from mlops_assets.assets.production_model import production_model
from mlops_assets.automation import automation
from mlops_assets.resources.mlflow import mlflow_run
from mlops_assets.resources.store import STORE
from mlops_assets.scaffold import ModelScaffolder
from mlops_assets.spec import ModelSpec


@dg.scaffold_with(ModelScaffolder)
class ModelLifecycle(dg.Component, ModelSpec, dg.Resolvable):
    """Keeps one model in production right: checks each day's batch, retrains when that pays."""

    @classmethod
    def model(cls) -> type[ModelSpec]:
        """The YAML's schema: the spec itself.

        The schema that Dagster would derive refuses fields with bounds, and the spec has many.
        """
        return ModelSpec

    @classmethod
    def resolve_from_model(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        context: dg.ResolutionContext,  # noqa: ARG003
        model: ModelSpec,
    ) -> "ModelLifecycle":
        """The component of a YAML that Dagster has validated."""
        return cls(**dict(model))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:  # noqa: ARG002
        """The model's assets in the order of the data flow, with what runs them."""
        assets = [
            baseline_data(self),
            baseline_model(self),
            drifted_batch(self),
            predictions(self),
            drift_report(self),
            augmented_dataset(self),
            candidate_model(self),
            production_model(self),
        ]
        return dg.Definitions.merge(
            dg.Definitions(assets=assets, resources={"store": STORE, "mlflow": mlflow_run}),
            automation(self),
        )
