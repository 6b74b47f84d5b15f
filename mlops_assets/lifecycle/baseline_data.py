"""``baseline_data``: the labelled snapshot, checked, split, and the contract derived from it."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.data.contract import check, derive_contract
from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.data.hints import hints
from mlops_assets.data.sources import day_columns
from mlops_assets.data.splits import held_out
from mlops_assets.data.tables import is_day, may_be_day, without_days
from mlops_assets.drift.side import DayEffects
from mlops_assets.errors import UserError
from mlops_assets.lifecycle.comparing import Table
from mlops_assets.lifecycle.journal import ALL, BaselineTaken
from mlops_assets.lifecycle.life import Life, positive_of
from mlops_assets.lifecycle.reference import periods_of_times
from mlops_assets.lifecycle.slices import refuse_impossible
from mlops_assets.metrics import get_metric
from mlops_assets.own_code import PATH, imported, place
from mlops_assets.spec import ModelSpec
from mlops_assets.training.class_weights import class_weights
from mlops_assets.training.doubts import Doubt, doubts_of_target, noted, warned


@dataclass(frozen=True)
class BaselineOutcome:
    """The baseline as it is stored, and where.

    ``effects`` says how different its periods are from each other; None where too few are known.
    """

    table: pd.DataFrame
    path: str
    record: BaselineTaken
    effects: DayEffects | None = None


def take_baseline(life: Life) -> BaselineOutcome:
    """Read the baseline, derive the data contract, and store its labelled rows.

    Raises:
        UserError: The source cannot be read, or is no table that a model can be trained on.
    """
    spec = life.spec
    read = life.incoming.baseline()
    read, periods = _without_periods(life, read)
    days = _day_columns(life, read)
    if periods is None:
        periods = _periods_of(read, days)
    read = without_days(read, days, spec.columns)
    contract = derive_contract(read, spec.columns, spec.contract, spec.task)
    checked = check(read, contract, spec.columns)
    whole = checked.frame
    table = spec.columns.labelled(whole)
    positive = positive_of(spec, table)
    refuse_impossible(spec, table, has_positive=positive is not None)
    if periods is not None:
        periods = periods[whole.index.get_indexer(table.index)]
    check_metrics(spec, table[spec.columns.target], positive)
    holdout = held_out(table, spec.columns, spec.split.holdout_share, spec.split.seed, spec.task)
    if periods is not None:
        life.store.write(spec.name, "baseline_periods", ALL, pd.DataFrame({"period": periods}))
    if spec.columns.timestamp is not None:
        periods = periods_of_times(table[spec.columns.timestamp])
    path = life.store.write(spec.name, "baseline_data", ALL, table)
    doubts = _doubts(spec, table[spec.columns.target], holdout, positive)
    record = BaselineTaken(
        rows=len(table),
        unlabelled_rows_left_out=len(read) - len(table),
        train_rows=int((~holdout).sum()),
        holdout_rows=int(holdout.sum()),
        data_hash=fingerprint(table),
        periods=0 if periods is None else len(np.unique(periods[periods >= 0])),
        contract=contract.to_yaml(),
        positive=positive,
        notes=[*checked.notes, *hints(table, spec.columns, spec.task), *noted(doubts)],
        doubts=warned(doubts),
    )
    life.journal.keep_baseline(record)
    return BaselineOutcome(table, path, record, _effects(life, table, periods))


def check_metrics(spec: ModelSpec, target: pd.Series, positive: Any) -> None:
    """Whether a model of this target can be judged at all, before hours of training.

    Args:
        spec: Task and metrics.
        target: The labels of the baseline.
        positive: Its positive class, where there is one.

    Raises:
        UserError: The metric of the search, or of the gate, cannot be told of it; or a class that
            `training.class_weight` names is not there.
    """
    if not len(target):
        return
    hidden = spec.columns.target in spec.columns.sensitive
    class_weights(spec.training.class_weight, target, hidden=hidden)
    for name in dict.fromkeys((spec.training.metric, spec.gate.metric)):
        get_metric(name, spec.task, positive).try_on(target.to_numpy())


def _doubts(
    spec: ModelSpec, target: pd.Series, holdout: np.ndarray, positive: Any
) -> tuple[Doubt, ...]:
    """What can be said of the target before anything is trained."""
    if not len(target):
        return ()
    return doubts_of_target(
        target,
        holdout,
        spec.training.ranks_by(target, spec.task, positive),
        spec.metric_of(positive),
        named=spec.gate.metric is not None,
        hidden=spec.columns.target in spec.columns.sensitive,
    )


def _day_columns(life: Life, read: pd.DataFrame) -> list[str]:
    """The columns that say which day a row is of, in every batch the batch's own.

    The sources' settings name them; else the first batch shows it, where it is there already.
    """
    spec = life.spec
    named = [*day_columns(spec.batches), *day_columns(spec.baseline)]
    asked = [
        name
        for name in map(str, read.columns)
        if name not in named and not spec.columns.has(name) and _may_be_day(read, name)
    ]
    if not asked:
        return named
    day = dt.date.fromisoformat(spec.start_date)
    try:
        batch = life.incoming.batch(day)
    except UserError:
        return named
    return [*named, *(n for n in asked if n in batch.columns and is_day(batch[n], day))]


def _periods_of(read: pd.DataFrame, days: list[str]) -> np.ndarray | None:
    """The periods that the first of the day columns tells; None where none holds days."""
    names = [name for name in days if _may_be_day(read, name)]
    return _codes(read[names[0]]) if names else None


def _told_by(path: str, read: pd.DataFrame) -> pd.Series:
    """The periods that a function of the user's tells of the rows."""
    function = imported(path, "function", "baseline.period")
    what = "It gets the baseline as a DataFrame, and returns the period of each row"
    try:
        periods = pd.Series(function(read.copy()))
    except Exception as error:
        # Not what the error says: it may hold values of the table.
        raise UserError(
            f"{path}, which `baseline.period` names, failed on the {len(read)} rows of the "
            f"baseline with {type(error).__name__}, {place(error)}. {what}."
        ) from error
    if len(periods) != len(read):
        raise UserError(
            f"{path}, which `baseline.period` names, returned {len(periods)} periods for the "
            f"{len(read)} rows of the baseline. {what}."
        )
    return periods


def _codes(values: pd.Series) -> np.ndarray:
    return np.asarray(pd.factorize(values, sort=True)[0])


def _may_be_day(read: pd.DataFrame, name: str) -> bool:
    return list(read.columns).count(name) == 1 and may_be_day(read[name])


def _effects(life: Life, table: pd.DataFrame, periods: np.ndarray | None) -> DayEffects | None:
    if periods is None:
        return None
    spec = life.spec
    features = tuple(spec.columns.features(table))
    columns = (features, spec.columns.target, spec.drift.max_rows)
    side = life.comparing.side(Table((table,), periods), *columns)
    return side.effects(spec.task, spec.drift.window)


def _without_periods(life: Life, read: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray | None]:
    """The table without the column that only says which period a row comes from; and these."""
    column = life.spec.baseline.period
    if column is None:
        return read, None
    if column not in read.columns and re.match(PATH, column):
        return read, _codes(_told_by(column, read))
    if column not in read.columns:
        raise UserError(
            f"the baseline has no column {column!r}, which `baseline.period` names. Its columns "
            f"are {', '.join(map(str, read.columns))}. Correct `baseline.period`."
        )
    codes = _codes(read[column])
    columns = life.spec.columns
    roles = {columns.target, columns.timestamp, *columns.id, *columns.ignore}
    return (read if column in roles else read.drop(columns=column)), codes
