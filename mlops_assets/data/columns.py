"""Which column of a model's table plays which role."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field


class Columns(BaseModel):
    """The roles of a table's columns; every column not named here is a feature."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: str = Field(description="The column that the model predicts.")
    positive: str | int | float | bool | None = Field(
        default=None,
        description="The class of the target that probabilities, and metrics of one class such as "
        "average_precision, are of; null: the rarer one, where the baseline has two.",
    )
    id: list[str] = Field(
        default=[],
        description="Columns that identify a row; never features. All rows of one id stay on one "
        "side of every split. Ids are kept as text: 007 and 7 are two.",
    )
    timestamp: str | None = Field(
        default=None,
        description="The column that says when a row was observed; never a feature. It orders "
        "rows, and splits are by time.",
    )
    sensitive: list[str] = Field(
        default=[],
        description="Columns whose values never appear in reports, logs, metadata or errors. They "
        "may still be features: then the stored model knows the categories of those of text. No "
        "range or categories are derived for them: `contract.columns` can give some.",
    )
    ignore: list[str] = Field(default=[], description="Columns to keep but never to learn from.")

    def has(self, name: str) -> bool:
        """Whether the column plays a role other than that of a feature."""
        return name in {self.target, *self.id, *self.ignore, self.timestamp}

    def features(self, frame: pd.DataFrame) -> list[str]:
        """The feature columns of ``frame``, in its order."""
        others = {self.target, *self.id, *self.ignore, self.timestamp}
        return [str(column) for column in frame.columns if column not in others]

    def labelled(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of ``frame`` whose target is known (none where the column is missing).

        Where it is known of all, that is ``frame`` itself.
        """
        if self.target not in frame.columns:
            return frame.iloc[:0]
        known = pd.notna(frame[self.target].array)
        return frame if known.all() else frame[known]


def with_columns(frame: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """A new table with further, or other, columns.

    As ``DataFrame.assign``, which cannot be given a column that is called ``self``.
    """
    made = frame.copy(deep=False)
    for name, values in columns.items():
        made[name] = values
    return made
