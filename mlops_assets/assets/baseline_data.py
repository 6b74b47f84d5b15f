"""``baseline_data``: the labelled snapshot that the first production model is trained on."""

import dagster as dg

from mlops_assets.assets.shared import (
    asset,
    life_of,
    markdown_table,
    table_metadata,
    told_plainly,
)
from mlops_assets.data.store import Store
from mlops_assets.lifecycle.baseline_data import take_baseline
from mlops_assets.spec import ModelSpec


def baseline_data(spec: ModelSpec) -> dg.AssetsDefinition:
    """The asset for one model."""

    @asset(
        spec,
        "baseline_data",
        kinds={"pandas", "parquet"},
        daily=False,
        automation_condition=once_when_missing(),
        description="The labelled snapshot that the first production model is trained on, split "
        "once into train and holdout; the data contract for every batch is derived from it.",
    )
    @told_plainly(then=by_hand(spec))
    def _baseline_data(store: dg.ResourceParam[Store]) -> dg.MaterializeResult:
        taken = take_baseline(life_of(spec, store))
        record = taken.record.model_dump(exclude={"contract"})
        target = spec.columns.target
        balance = taken.table[target].value_counts().head(20).to_dict()
        shown = "hidden" if target in spec.columns.sensitive else None
        return dg.MaterializeResult(
            metadata=table_metadata(taken.table, taken.path)
            | record
            | {
                "contract": dg.MetadataValue.md(f"```yaml\n{taken.record.contract}```"),
                "target": shown or markdown_table(balance, (target, "rows")),
            }
        )

    return _baseline_data


def by_hand(spec: ModelSpec) -> str:
    """What to do after a failure: what has failed is not tried again by itself."""
    return (
        f"Then materialize {spec.name}/baseline_data and {spec.name}/baseline_model by hand; only "
        "the first try comes by itself."
    )


def once_when_missing() -> dg.AutomationCondition:
    """Materialize once, as soon as everything it needs is there; not again after a failure.

    ``on_missing()`` never fires for what was missing already when the daemon first started.
    """
    condition = dg.AutomationCondition
    return (
        condition.missing()
        & ~condition.any_deps_missing()
        & ~condition.in_progress()
        & ~condition.execution_failed()
    )
