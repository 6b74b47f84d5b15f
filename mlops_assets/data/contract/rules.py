"""What the YAML says about a table, and the rules that a table of a model has to keep."""

from functools import cache

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlops_assets.data.coerce import ColumnType
from mlops_assets.errors import UserError


class ColumnOverrides(BaseModel):
    """What the YAML says about a column instead of what the baseline shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ColumnType | None = Field(default=None, description="The column's data type.")
    required: bool = Field(
        default=True,
        description="Whether every batch has the column; false: rows of a batch without it have "
        "no value, and `null_share` is 1 unless given.",
    )
    null_share: float | None = Field(
        default=None, ge=0, le=1, description="Share of rows that may be null; 0: none."
    )
    categories: list[str] | None = Field(default=None, description="The known categories.")
    minimum: float | None = Field(default=None, description="Lowest plausible value; null: none.")
    maximum: float | None = Field(default=None, description="Highest plausible value; null: none.")


class ContractOverrides(BaseModel):
    """The data contract's settings; all else is derived from the baseline."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, ColumnOverrides] = Field(
        default={}, description="Rules of single columns, in place of the derived ones."
    )
    min_rows: int = Field(default=20, ge=1, description="Fewest rows of a batch.")
    max_rows: int | None = Field(
        default=None,
        description="Most rows of a batch; null: 50 times the baseline's, at least 10000.",
    )
    max_columns: int = Field(default=1000, ge=2, description="Most columns of the baseline.")
    unique_ids: bool | None = Field(
        default=None,
        description="Whether an id may occur once only; null: whether it does in the baseline.",
    )
    range_margin: float = Field(
        default=3.0,
        ge=0,
        description="How far beyond the baseline's lowest and highest value a number is still "
        "plausible, in widths of the baseline's range. Drift is not a broken contract.",
    )
    max_new_category_share: float = Field(
        default=0.05, ge=0, le=1, description="Share of rows that may have an unknown category."
    )


class ColumnContract(BaseModel):
    """The rules of one column."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ColumnType
    required: bool = True
    null_share: float = 0.0
    categories: list[str | int | bool] | None = None
    new_category_share: float = 0.0
    minimum: float | None = None
    maximum: float | None = None
    future: bool = True


class Contract(BaseModel):
    """The rules of a table, in the order of the baseline's columns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, ColumnContract]
    unique: list[str] = []
    min_rows: int
    max_rows: int

    def to_yaml(self) -> str:
        """The contract as YAML, without what is as it is by default."""
        return yaml.safe_dump(self.model_dump(exclude_defaults=True), sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str) -> "Contract":
        """The contract that ``to_yaml`` wrote.

        Raises:
            UserError: the text is not a contract.
        """
        try:
            return _from_yaml(text)
        except (yaml.YAMLError, ValidationError) as error:
            raise UserError(
                f"the stored data contract cannot be read: {error}. "
                "Materialize baseline_data again."
            ) from error


@cache  # a model has one, and every batch of a process is checked against it
def _from_yaml(text: str) -> Contract:
    return Contract.model_validate(yaml.safe_load(text))
