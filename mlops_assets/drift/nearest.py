"""Which regimes are worth a full comparison with a batch: the nearest, by a summary of each day.

A full comparison sorts and tests up to 20,000 rows a side, and after a year there may be dozens of
regimes. So a handful is chosen by what costs next to nothing: some numbers about each batch, which
are kept. They only choose; where a batch belongs is decided by the full comparison.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.drift.regimes import Regime
from mlops_assets.drift.side import is_number, present

MOST_COMPARED = 5  # regimes
ALIKE = 0.1  # up to here regimes are as near as each other: as far as drift's thresholds are
_QUANTILES = np.arange(0.05, 1, 0.1)
_MOST_LEVELS = 20  # of a column that are told apart: the most frequent
_MOST_BY_LABEL = 3  # of these that are held against the labels
_MOST_LABELS = 5
_MOST_ROWS = 20_000


class ColumnSummary(BaseModel):
    """One column: ``quantiles`` of numbers, ``shares`` of all else."""

    model_config = ConfigDict(frozen=True)

    missing: float = Field(description="The share of missing values.")
    quantiles: tuple[float, ...] = Field(default=(), description="From 5 to 95 %.")
    shares: dict[str, float] = Field(
        default={}, description="Of the most frequent values, each by a hash of it."
    )


class BatchSummary(BaseModel):
    """What a batch is like, in some hundred numbers whatever its size."""

    model_config = ConfigDict(frozen=True)

    rows: int
    features: dict[str, ColumnSummary]
    target: str = Field(description="Its name.")
    labels: ColumnSummary | None = Field(default=None, description="None: no row has one.")
    by_label: dict[str, dict[str, float]] = Field(
        default={},
        description="For each label, how far the mean of a number, or the share of a value, is "
        "from that of all labels. Two regimes may be alike but for this.",
    )


@np.errstate(over="ignore", invalid="ignore")
def summarize(frame: pd.DataFrame, features: Sequence[str], target: str, task: str) -> BatchSummary:
    """The summary of a batch.

    Args:
        frame: Its rows; has every column of ``features``. The target may lack, or some labels.
        features: The feature columns.
        target: The target.
        task: ``classification`` or ``regression``.
    """
    rows, frame = len(frame), _some(frame)
    columns = {name: _summary(frame[name]) for name in features}
    labelled = frame[frame[target].notna()] if target in frame.columns else frame.iloc[:0]
    if labelled.empty:
        return BatchSummary(rows=rows, features=columns, target=target)
    classes = task == "classification"
    return BatchSummary(
        rows=rows,
        features=columns,
        target=target,
        labels=_summary(labelled[target], categorical=classes),
        by_label=_by_label(labelled, columns, _labels(labelled[target], categorical=classes)),
    )


@np.errstate(over="ignore", invalid="ignore")
def units(frame: pd.DataFrame, columns: Sequence[str]) -> dict[str, float]:
    """The standard deviation of each column of numbers: what its distances are told in."""
    frame = _some(frame)
    numbers = {
        name: present(frame[name], "numerical") for name in columns if is_number(frame[name])
    }
    return {name: max(float(np.std(each)), 0.001) for name, each in numbers.items() if len(each)}


@np.errstate(over="ignore", invalid="ignore")
def distance(
    one: BatchSummary, other: BatchSummary, unit: Mapping[str, float], drift_share: float
) -> float:
    """How far two batches are from each other; 0.0 where they are alike.

    That is in their features, in their target, or in what the labels say of the features,
    whichever is the most: each of these makes a difference by itself.

    Args:
        one: A batch.
        other: Another one.
        unit: As :func:`units` gives it of the baseline.
        drift_share: The share of the features that makes a difference: fewer of them may be as
            far as they like.
    """
    features = sorted(
        _apart(column, other.features[name], unit.get(name, 1.0))
        for name, column in one.features.items()
        if name in other.features
    )
    needed = max(1, math.ceil(drift_share * len(features) - 1e-9))
    apart = [float(np.mean(features[: len(features) - needed + 1]))] if features else [0.0]
    if one.labels and other.labels:
        apart.append(_apart(one.labels, other.labels, unit.get(one.target, 1.0)))
    apart.append(_apart_by_label(one.by_label, other.by_label, unit))
    by_chance = 2 / math.sqrt(max(1, min(one.rows, other.rows)))
    return max(0.0, max(apart) - max(ALIKE, by_chance))


def nearest(regimes: Sequence[Regime], distances: Mapping[str, float]) -> list[Regime]:
    """The regimes that are compared in full: the latest, and the nearest of the others.

    Args:
        regimes: All of them.
        distances: The batch's from each, by the regime's name. Of those that are as near, the
            latest are taken.
    """
    latest, *others = sorted(regimes, key=lambda regime: regime.partitions[-1], reverse=True)
    others.sort(key=lambda regime: distances[regime.name])
    return [latest, *others[: MOST_COMPARED - 1]]


def _some(frame: pd.DataFrame) -> pd.DataFrame:
    if len(frame) <= _MOST_ROWS:
        return frame
    return frame.iloc[np.linspace(0, len(frame) - 1, _MOST_ROWS).round().astype(int)]


def _summary(column: pd.Series, *, categorical: bool = False) -> ColumnSummary:
    missing = float(column.isna().mean()) if len(column) else 0.0
    if not categorical and is_number(column):
        values = present(column, "numerical").to_numpy()
        # Of values that are there: between the largest of floats there is no room.
        found = np.quantile(values, _QUANTILES, method="nearest") if len(values) else []
        return ColumnSummary(missing=missing, quantiles=tuple(map(float, found)))
    values = present(column, "categorical")
    counts = values.value_counts().head(_MOST_LEVELS)
    shares = {_known_as(level): int(count) / len(values) for level, count in counts.items()}
    return ColumnSummary(missing=missing, shares=shares)


def _known_as(level: object) -> str:
    """A value by its hash: short, and no text of anybody's. 1 is 1.0 where labels are missing."""
    if isinstance(level, int | np.integer) and not isinstance(level, bool):
        level = float(level)
    return hashlib.blake2b(str(level).encode(), digest_size=6).hexdigest()


def _labels(column: pd.Series, *, categorical: bool) -> pd.Series:
    """The label of each row; of numbers, which half it is in."""
    if not categorical and is_number(column):
        return (column > column.quantile(0.5)).map({True: "above", False: "below"})
    return _hashed(column)


def _hashed(column: pd.Series) -> pd.Series:
    values = present(column, "categorical")
    return values.map({level: _known_as(level) for level in values.unique()})


def _by_label(
    labelled: pd.DataFrame, columns: Mapping[str, ColumnSummary], labels: pd.Series
) -> dict[str, dict[str, float]]:
    values: dict[str, pd.Series] = {}
    for name, summary in columns.items():
        if summary.quantiles:
            values[name] = present(labelled[name], "numerical")
        elif summary.shares:
            hashed = _hashed(labelled[name])
            for level in list(summary.shares)[:_MOST_BY_LABEL]:
                values[f"{name}={level}"] = (hashed == level).astype(float)
    if not values:
        return {}
    table = pd.DataFrame(values, index=labelled.index)
    frequent = labels.value_counts().index[:_MOST_LABELS]
    means = table.groupby(labels).mean().loc[frequent] - table.mean()
    return {
        str(label): {name: float(each) for name, each in row.items() if np.isfinite(each)}
        for label, row in means.to_dict("index").items()
    }


def _apart(one: ColumnSummary, other: ColumnSummary, unit: float) -> float:
    """The distance of two columns: of numbers in units, of all else the mass that has moved."""
    values = 0.0
    if one.quantiles and other.quantiles:
        gaps = np.abs(np.subtract(one.quantiles, other.quantiles))
        values = _finite(np.mean(gaps / unit))
    elif one.shares and other.shares:
        levels = one.shares.keys() | other.shares.keys()
        moved = [one.shares.get(level, 0.0) - other.shares.get(level, 0.0) for level in levels]
        values = (float(np.sum(np.abs(moved))) + abs(sum(moved))) / 2
    return max(values, abs(one.missing - other.missing))


def _apart_by_label(
    one: Mapping[str, Mapping[str, float]],
    other: Mapping[str, Mapping[str, float]],
    unit: Mapping[str, float],
) -> float:
    gaps = [
        (each - other[label][name]) / unit.get(name, 1.0)
        for label, values in one.items()
        if label in other
        for name, each in values.items()
        if name in other[label]
    ]
    return _finite(np.sqrt(np.mean(np.square(gaps)))) if gaps else 0.0


def _finite(value: np.floating) -> float:
    """Values as large as a float can be have gaps and means that are larger."""
    return float(np.nan_to_num(value))
