"""How differently a model treats groups: what it says of them, and whom it finds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.predicted import Predicted
from mlops_assets.slices import Slice


class FairnessPolicy(BaseModel):
    """The groups that are compared, and how different they may be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: list[str] = Field(
        min_length=1,
        description="Columns whose values are the groups; those of sensitive columns are told by "
        "their place alone.",
    )
    max_difference: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="A candidate is refused where the share that is predicted positive, or the "
        "share of true positives that is found, differs by more than this between two groups of "
        "one column (with gate.min_evaluation_rows rows each). null: reported only.",
    )


class GroupRates(BaseModel):
    """What a model says of one group (Hardt, Price and Srebro 2016)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    name: str = Field(description="The group; of a sensitive column by its place alone.")
    rows: int = Field(description="Labelled rows of it.")
    selection_rate: float = Field(description="The share of them that is predicted positive.")
    positives: int = Field(description="Rows that are truly positive.")
    true_positive_rate: float | None = Field(
        description="The share of these that is predicted positive; None: there are none."
    )


class Difference(BaseModel):
    """How far apart the groups of one column are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    rate: str = Field(description="`selection rate` or `true positive rate`.")
    difference: float
    lowest: str = Field(description="The group with the lowest rate.")
    highest: str = Field(description="The group with the highest rate.")


class Fairness(BaseModel):
    """The groups of a model's predictions, and how different they may be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    groups: tuple[GroupRates, ...]
    max_difference: float | None
    min_rows: int = Field(description="Groups with fewer rows, or positives, are not compared.")

    def differences(self) -> tuple[Difference, ...]:
        """The largest difference of each rate, column by column; of two groups at least."""
        found = []
        for column in dict.fromkeys(group.column for group in self.groups):
            groups = [group for group in self.groups if group.column == column]
            chosen = [(g.selection_rate, g.name) for g in groups if g.rows >= self.min_rows]
            hit = [
                (g.true_positive_rate, g.name)
                for g in groups
                if g.true_positive_rate is not None and g.positives >= self.min_rows
            ]
            for rate, rates in (("selection rate", chosen), ("true positive rate", hit)):
                if len(rates) > 1:
                    (low, lowest), (high, highest) = min(rates), max(rates)
                    found.append(
                        Difference(
                            column=column,
                            rate=rate,
                            difference=high - low,
                            lowest=lowest,
                            highest=highest,
                        )
                    )
        return tuple(found)


def rates_by_group(
    groups: Sequence[Slice],
    frame: pd.DataFrame,
    y: np.ndarray,
    predicted: Predicted,
    positive: Any,
) -> tuple[GroupRates, ...]:
    """What is said of each group of some labelled rows; without groups that have no row.

    Args:
        groups: The groups.
        frame: The rows, with the columns that groups are told by.
        y: Their true classes, of shape (n_rows,).
        predicted: What a model says of them.
        positive: The positive class.
    """
    true, said = np.asarray(y == positive), np.asarray(predicted.labels == positive)
    found = []
    for group in groups:
        rows = group.rows(frame)
        if not rows.any():
            continue
        positives = int(true[rows].sum())
        hits = int((true & said)[rows].sum())
        found.append(
            GroupRates(
                column=group.column,
                name=group.name,
                rows=int(rows.sum()),
                selection_rate=float(said[rows].mean()),
                positives=positives,
                true_positive_rate=hits / positives if positives else None,
            )
        )
    return tuple(found)
