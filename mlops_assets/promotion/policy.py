"""The numbers of the promotion gate, as the YAML gives them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class GatePolicy(BaseModel):
    """When a candidate takes production's place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str | None = Field(
        default=None,
        description="The metric to decide by: f1_macro (the default for classification), accuracy, "
        "balanced_accuracy, precision_macro, recall_macro; rmse (the default for regression), mae, "
        "r2.",
    )
    min_improvement: float = Field(
        default=0.0,
        ge=0,
        description="The improvement on the drifted evaluation rows must be above this.",
    )
    confidence: float | None = Field(
        default=0.95,
        gt=0.5,
        lt=1,
        description="How sure the improvement must be: the one-sided paired bootstrap lower bound "
        "at this confidence must be above 0. null is the plain rule 'any improvement'.",
    )
    max_baseline_drop: float | None = Field(
        default=0.05,
        ge=0,
        description="How far the candidate's score on the baseline holdout may be below the first "
        "production's; for rmse and mae a share of the first production's error. null switches "
        "this off.",
    )
    min_evaluation_rows: int = Field(
        default=50, ge=2, description="Labelled evaluation rows needed for a decision."
    )
    min_score: float | None = Field(
        default=None,
        description="The worst score that may be promoted at all; for rmse and mae the largest "
        "error.",
    )
    approval: Literal["auto", "manual"] = Field(
        default="auto",
        description="manual leaves a candidate that passed the other checks to a person.",
    )
    allow_older_partition: bool = Field(
        default=False,
        description="Whether a candidate may be promoted on a day before the one that production "
        "was promoted on.",
    )
    resamples: int = Field(default=2000, ge=100, description="Resamples of the bootstrap.")
    seed: int = Field(default=0, ge=0, description="Seed of the bootstrap.")
