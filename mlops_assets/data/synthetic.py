"""Made-up daily batches drawn from a real table, drifting as a story in the YAML tells."""

import datetime
import math

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.errors import UserError

_FEW = 10
"""A column of so few different values is a code, not a measure: noise would give it new ones."""


class SyntheticRegime(BaseModel):
    """How the rows of one regime differ from the table they are drawn from.

    For a numeric column ``x``: ``x * scale + shift + normal(0, noise)``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shift: dict[str, float] = Field(default={}, description="Added to the column, in its unit.")
    scale: dict[str, float] = Field(
        default={},
        description="Factor of the column; 10 is that of centimetres that come as millimetres.",
    )
    noise: dict[str, float] = Field(
        default={}, description="Standard deviation of extra noise, in the column's unit."
    )
    classes: dict[str, float] = Field(
        default={}, description="Share of each class, adding up to 1; empty: as in the base table."
    )
    scrambled: float = Field(
        default=0.0, ge=0, le=1, description="Share of rows whose label is drawn at random."
    )
    drop: list[str] = Field(default=[], description="Columns left out of the batch.")


def synthetic_batch(
    base: pd.DataFrame,
    target: str,
    regime: SyntheticRegime,
    *,
    rows: int,
    seed: int,
    date: datetime.date,
    smoothing: float,
) -> pd.DataFrame:
    """Draw ``rows`` rows of ``regime`` from ``base``; the same for the same seed and date.

    A smoothed bootstrap (Silverman and Young, 1987): rows are drawn with replacement, and every
    float column of more than ten values gets normal noise of ``smoothing`` standard deviations,
    so that no two rows are alike; it is rounded to three significant digits of the standard
    deviation. A column that is never negative in ``base`` stays so.

    Raises:
        UserError: the regime names a column or class that ``base`` does not have.
    """
    _check_names(base, target, regime)
    rng = np.random.default_rng([seed, date.toordinal()])
    batch = _drawn(base, target, regime.classes, rows, rng)
    for name in base.select_dtypes("number").columns.drop(target, errors="ignore"):
        measured = base[name].dtype.kind == "f" and base[name].nunique() > _FEW
        spread = float(base[name].std())
        values = batch[name].to_numpy(dtype=float)
        values += rng.normal(0, 1, rows) * (smoothing * spread if measured else 0.0)
        values = values * regime.scale.get(name, 1.0) + regime.shift.get(name, 0.0)
        values += rng.normal(0, 1, rows) * regime.noise.get(name, 0.0)
        if base[name].min() >= 0:
            values = np.abs(values)
        if measured:
            values = values.round(max(0, 2 - math.floor(math.log10(spread))))
        elif base[name].dtype.kind != "f":
            values = values.round()
        batch[name] = values.astype(base[name].dtype)
    scrambled = rng.random(rows) < regime.scrambled
    labels = rng.choice(base[target].unique(), rows)
    batch[target] = np.where(scrambled, labels, batch[target])
    return batch.drop(columns=regime.drop)


def _drawn(
    base: pd.DataFrame,
    target: str,
    classes: dict[str, float],
    rows: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """``rows`` rows of ``base`` with replacement, its classes in the shares asked for."""
    if classes:
        edges = np.cumsum([0.0, *classes.values()])
        counts = np.diff((edges * rows).round().astype(int))
        labels = base[target].astype(str)
        places = np.concatenate(
            [
                rng.choice(np.flatnonzero(labels == name), count)
                for name, count in zip(classes, counts, strict=True)
            ]
        )
        rng.shuffle(places)
    else:
        places = rng.integers(0, len(base), rows)
    return base.iloc[places].reset_index(drop=True)


def _check_names(base: pd.DataFrame, target: str, regime: SyntheticRegime) -> None:
    """Every column and class that the regime names is in the base table."""
    named = {target, *regime.shift, *regime.scale, *regime.noise, *regime.drop}
    if unknown := sorted(named - set(base.columns)):
        raise UserError(
            f"synthetic batches name {len(unknown)} column(s) that the base table lacks: "
            f"{', '.join(unknown)}. Use its columns: {', '.join(map(str, base.columns))}."
        )
    known = set(base[target].astype(str))
    if unknown := sorted(set(regime.classes) - known):
        raise UserError(
            f"synthetic batches name {len(unknown)} class(es) of {target} that the base table "
            f"lacks: {', '.join(unknown)}. Use its classes: {', '.join(sorted(known))}."
        )
    if regime.classes and abs(sum(regime.classes.values()) - 1) > 1e-6:
        raise UserError(
            f"synthetic batches give {target} class shares that add up to "
            f"{sum(regime.classes.values()):g}. Make them add up to 1."
        )
