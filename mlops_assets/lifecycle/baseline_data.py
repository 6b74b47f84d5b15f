"""``baseline_data``: the labelled snapshot, checked, split, and the contract derived from it."""

from dataclasses import dataclass

import pandas as pd

from mlops_assets.data.contract import check, derive_contract
from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.data.splits import held_out
from mlops_assets.lifecycle.journal import ALL, BaselineTaken
from mlops_assets.lifecycle.life import Life


@dataclass(frozen=True)
class BaselineOutcome:
    """The baseline as it is stored, and where."""

    table: pd.DataFrame
    path: str
    record: BaselineTaken


def take_baseline(life: Life) -> BaselineOutcome:
    """Read the baseline, derive the data contract, and store its labelled rows.

    Raises:
        UserError: The source cannot be read, or is no table that a model can be trained on.
    """
    spec = life.spec
    read = life.incoming.baseline()
    contract = derive_contract(read, spec.columns, spec.contract, spec.task)
    table = spec.columns.labelled(check(read, contract, spec.columns).frame)
    holdout = held_out(table, spec.columns, spec.split.holdout_share, spec.split.seed, spec.task)
    path = life.store.write(spec.name, "baseline_data", ALL, table)
    record = BaselineTaken(
        rows=len(table),
        unlabelled_rows_left_out=len(read) - len(table),
        train_rows=int((~holdout).sum()),
        holdout_rows=int(holdout.sum()),
        data_hash=fingerprint(table),
        contract=contract.to_yaml(),
    )
    life.journal.keep_baseline(record)
    return BaselineOutcome(table, path, record)
