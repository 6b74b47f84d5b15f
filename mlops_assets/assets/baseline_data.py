"""``baseline_data``: the labelled snapshot that the first production model is trained on."""

import dagster as dg

from mlops_assets.assets.shared import asset, life_of, table_metadata, told_plainly, yellow_where
from mlops_assets.data.store import Store
from mlops_assets.drift.day_effects import FEWEST_PERIODS
from mlops_assets.lifecycle.baseline_data import BaselineOutcome, take_baseline
from mlops_assets.markdown import as_code, as_pairs
from mlops_assets.spec import ModelSpec

ALL_OF_IT = 0.95
TOLD = ": it hardly varies within one. If it counts days, list it under `columns.ignore`"


def baseline_data(spec: ModelSpec) -> dg.AssetsDefinition:
    """The asset for one model."""

    @asset(
        spec,
        "baseline_data",
        kinds={"pandas", "parquet"},
        daily=False,
        automation_condition=once_when_missing(),
        checks={"target": "The target is balanced, and each class has rows enough to be judged."},
        description="The labelled snapshot that the first production model is trained on, split "
        "once into train and holdout; the data contract for every batch is derived from it.",
    )
    @told_plainly(then=by_hand(spec))
    def _baseline_data(store: dg.ResourceParam[Store]) -> dg.MaterializeResult:
        taken = take_baseline(life_of(spec, store))
        target = spec.columns.target
        hidden = {"positive"} if target in spec.columns.sensitive else set()
        record = taken.record.model_dump(exclude={"contract", "doubts"} | hidden)
        balance = taken.table[target].value_counts().head(20).to_dict()
        shown = "hidden" if hidden else None
        return dg.MaterializeResult(
            metadata=table_metadata(taken.table, taken.path)
            | record
            | {"day_effects": _day_effects(taken)}
            | {
                "contract": as_code(taken.record.contract, "yaml"),
                "target": shown or as_pairs(balance, (target, "rows")),
            },
            check_results=[yellow_where(taken.record.doubts, "target", "Before it is trained on")],
        )

    return _baseline_data


def _day_effects(taken: BaselineOutcome) -> dg.MarkdownMetadataValue:
    """How different the baseline's periods are, column by column, and what to do about it."""
    effects = taken.effects
    if effects is None:
        return dg.MetadataValue.md(
            f"The baseline tells of {taken.record.periods} periods; {FEWEST_PERIODS} are needed "
            "to know how different days are: its rows count as independent, until so many quiet "
            "batches have come. Name `columns.timestamp`, or `baseline.period`."
        )
    shares = {name: effect.share for name, effect in effects.values.items()}
    told = {
        name: f"a day explains {share:.0%}{TOLD if share > ALL_OF_IT else ''}"
        for name, share in sorted(shares.items(), key=lambda each: -each[1])
    }
    return as_pairs(told, ("column", f"between {effects.periods} periods"))


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
