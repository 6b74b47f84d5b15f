"""What the YAML says about a table, and the rules that a table of a model has to keep."""

from functools import cache
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mlops_assets.data.coerce import ColumnType
from mlops_assets.errors import UserError

Category = str | bool | int | float
"""A category or a class: text, true or false, or a number without a fraction."""

NEW_NULL_SHARE = 0.1
NEW_CATEGORY_SHARE = 0.05


class ColumnOverrides(BaseModel):
    """What the YAML says about a column instead of what the baseline shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ColumnType | None = Field(
        default=None,
        description="The column's data type. Numbers that are whole in the baseline may have a "
        "fraction later, unless they are said to be `integer` here.",
    )
    required: bool = Field(
        default=True,
        description="Whether every batch has the column; false: rows of a batch without it have "
        "no value, and `null_share` is 1 unless given.",
    )
    null_share: float | None = Field(
        default=None, ge=0, le=1, description="Share of rows that may be null; 0: none."
    )
    categories: list[Category] | None = Field(
        default=None,
        description="The known categories, or classes: text, whole numbers, or true and false.",
    )
    minimum: float | None = Field(
        default=None,
        allow_inf_nan=False,
        description="Lowest possible value; null: none. A value below breaks the contract, "
        "unless the column's own `max_out_of_range_share` lets it through.",
    )
    maximum: float | None = Field(
        default=None,
        allow_inf_nan=False,
        description="Highest possible value; null: none. As `minimum`.",
    )
    future: bool | None = Field(
        default=None,
        description="Whether a date may be in the future; false: one that is breaks the contract. "
        "Not given, such a date is unusual where the baseline has none.",
    )
    max_new_null_share: float | None = Field(
        default=None, ge=0, le=1, description="As the contract's, for this column."
    )
    max_out_of_range_share: float | None = Field(
        default=None, ge=0, le=1, description="As the contract's, for this column."
    )
    max_new_category_share: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="As the contract's, for this column; the target's is 0 unless given here.",
    )

    @field_validator("categories", mode="before")
    @classmethod
    def _are_words_or_numbers(cls, given: Any) -> Any:
        for one in given if isinstance(given, list) else []:
            if not isinstance(one, str | bool | int | float):
                raise ValueError(f"{one} is neither text nor a number; write it in quotes")
        return given

    @field_validator("minimum", "maximum", mode="before")
    @classmethod
    def _is_a_number(cls, value: Any) -> Any:
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        raise ValueError(
            f"{value} is not a number, and bounds are for numbers. Of a column of dates, `future` "
            "can be said"
        )


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
        "usual, in widths of the baseline's range. What lies further out is unusual: it is told, "
        "and left to the drift report.",
    )
    # A tenth: gaps that few hardly change what a model learns, and the drift report counts them;
    # more of them are an outage, and a candidate would learn from values that were filled in.
    max_new_null_share: float = Field(
        default=NEW_NULL_SHARE,
        ge=0,
        le=1,
        description="Share of rows that may have no value in a column that has one in every row "
        "of the baseline. Fewer are unusual, more break the contract.",
    )
    # None, because a season moves every row of a column. See `FAR`.
    max_out_of_range_share: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of rows that may lie beyond `range_margin`. Null: any share, which is "
        "unusual, unless most rows lie so far out that no unit explains it (a thousand times the "
        "usual range): that breaks the contract.",
    )
    max_new_category_share: float = Field(
        default=NEW_CATEGORY_SHARE,
        ge=0,
        le=1,
        description="Share of rows that may have an unknown category. Fewer are unusual, more "
        "break the contract; the message gives the lines that make it known.",
    )


class ColumnContract(BaseModel):
    """The rules of one column.

    What breaks one of them is impossible (the day goes into quarantine) where more rows do than
    its share lets through, and unusual (it is told) otherwise. Contracts that were stored by
    earlier versions have fewer fields: the defaults are for these.

    Attributes:
        null_share: Share of rows without a value that is usual.
        new_null_share: Share of rows that may have no value all the same.
        new_category_share: Share of rows that may have none of the ``categories``.
        out_of_range_share: Share of rows that may lie outside ``minimum`` and ``maximum``; None:
            any share, unless most are far out.
        future: Whether dates in the future are usual.
        given: The rules that a person gave. A single row breaks such a rule, unless a share was
            given with it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ColumnType
    required: bool = True
    null_share: float = 0.0
    new_null_share: float = NEW_NULL_SHARE
    categories: list[Category] | None = None
    new_category_share: float = 0.0
    minimum: float | None = None
    maximum: float | None = None
    out_of_range_share: float | None = None
    future: bool = True
    given: list[str] = []


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
