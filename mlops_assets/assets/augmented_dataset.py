"""``augmented_dataset``: the baseline and what has been learned of drift since."""

import dagster as dg
import pandas as pd

from mlops_assets.assets.parts import ORIGIN, Lineage, lineage, lineage_parts
from mlops_assets.assets.shared import (
    asked_by,
    asset,
    registry_of,
    table_metadata,
    told_plainly,
)
from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.resources.mlflow import MlflowRun, end_mlflow_on_run_finished
from mlops_assets.resources.store import Store
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
        "regime that led to a promotion, and of this batch's regime, up to this day.",
    )
    @told_plainly()
    def _augmented_dataset(
        context: dg.AssetExecutionContext,
        store: Store,
        mlflow: MlflowRun,  # noqa: ARG001 - opens the run's MLflow run
    ) -> dg.MaterializeResult:
        partition = context.partition_key
        known = lineage(spec, store, partition)
        # A person who materializes by hand has decided; what the sensor asked for is judged
        # again, because another run may have dealt with the regime since.
        by_sensor = asked_by(context.run) is not None
        already_known = (known.already_known or _too_late(spec, partition)) if by_sensor else None
        record = {
            "already_known": already_known,
            "regime": known.regime,
            "regime_partitions": list(known.regime_partitions),
            "regime_rows": known.regime_rows,
            "data_hashes": {},
        }
        if already_known:
            store.write_record(spec.name, "augmented_dataset", partition, record)
            return dg.MaterializeResult(metadata={"already_known": already_known})
        tables = _tables(spec, store, known, partition)
        table = pd.concat(tables.values(), ignore_index=True)
        record["data_hashes"] = {origin: fingerprint(rows) for origin, rows in tables.items()}
        path = store.write(spec.name, "augmented_dataset", partition, table)
        store.write_record(spec.name, "augmented_dataset", partition, record)
        counts = {origin: len(rows) for origin, rows in tables.items()}
        return dg.MaterializeResult(
            metadata=table_metadata(table, path)
            | {"regime": known.regime, "rows_from": dg.MetadataValue.json(counts)}
        )

    return _augmented_dataset


def _too_late(spec: ModelSpec, partition: str) -> str | None:
    """Why nothing that is trained on this day could be promoted; None where it could."""
    promoted_on = registry_of(spec).in_use().tags.get("partition", "")
    if promoted_on <= partition or spec.gate.allow_older_partition:
        return None
    return (
        f"production was promoted on {promoted_on}, later than {partition}, so that no candidate "
        "of this day could take its place (`gate.allow_older_partition`)"
    )


def _tables(
    spec: ModelSpec, store: Store, known: Lineage, partition: str
) -> dict[str, pd.DataFrame]:
    """The rows to learn from, by where they come from.

    What production was trained on is among them whatever the records say by now: a decision that
    was made again, or a regime that has another name, must not make a candidate forget it.
    """
    registry = registry_of(spec)
    learned = (registry.evidence(registry.in_use()) or {}).get("training_partitions", [])
    earlier = {day for day in learned if day <= partition}
    parts = lineage_parts(spec, store, {*known.training_partitions, *earlier})
    return {origin: part.learn.assign(**{ORIGIN: origin}) for origin, part in parts.items()}
