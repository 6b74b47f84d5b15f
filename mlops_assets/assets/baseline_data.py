"""``baseline_data``: the labelled snapshot that the first production model is trained on."""

import dagster as dg

from mlops_assets.assets.shared import ALL, asset, markdown_table, table_metadata, told_plainly
from mlops_assets.data.contract import check, derive_contract
from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.data.sources import read_source
from mlops_assets.data.splits import held_out
from mlops_assets.data.store import Store
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
        read = read_source(spec.baseline, None)
        contract = derive_contract(read, spec.columns, spec.contract, spec.task)
        table = spec.columns.labelled(check(read, contract, spec.columns).frame)
        holdout = held_out(
            table, spec.columns, spec.split.holdout_share, spec.split.seed, spec.task
        )
        path = store.write(spec.name, "baseline_data", ALL, table)
        facts = {
            "rows": len(table),
            "unlabelled_rows_left_out": len(read) - len(table),
            "train_rows": int((~holdout).sum()),
            "holdout_rows": int(holdout.sum()),
            "data_hash": fingerprint(table),
        }
        record = facts | {"contract": contract.to_yaml()}
        store.write_record(spec.name, "baseline_data", ALL, record)
        target = "hidden" if spec.columns.target in spec.columns.sensitive else None
        balance = table[spec.columns.target].value_counts().head(20).to_dict()
        return dg.MaterializeResult(
            metadata=table_metadata(table, path)
            | facts
            | {
                "contract": dg.MetadataValue.md(f"```yaml\n{contract.to_yaml()}```"),
                "target": target or markdown_table(balance, (spec.columns.target, "rows")),
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
