"""The numbers of the promotion gate and of going back, as the YAML gives them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.metrics import MetricName

_AT_ONCE = 0.6  # of what may go wrong with a candidate, the share that the first look may spend


class GatePolicy(BaseModel):
    """When a candidate takes production's place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: MetricName | None = Field(
        default=None,
        description="The metric to decide by. null: the model's `metric`.",
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
        description="How sure the improvement must be: a candidate that is none is promoted with "
        "at most the rest of probability, at once or as a challenger, however often one looks: its "
        "one-sided lower bound must be above 0. null is the plain rule 'any improvement'.",
    )
    max_baseline_drop: float | None = Field(
        default=0.05,
        ge=0,
        description="How far the candidate's score on the baseline holdout may be below the first "
        "production's; for errors and costs such as rmse a share of the first production's. null "
        "switches this off.",
    )
    min_evaluation_rows: int = Field(
        default=50, ge=2, description="Labelled evaluation rows needed for a decision."
    )
    challenge_periods: int = Field(
        default=14,
        ge=0,
        description="A candidate that is better, but not credibly so, is scored beside production "
        "on so many later labelled batches, and promoted once it is credible. 0: it is not.",
    )
    max_slice_drop: float | None = Field(
        default=0.0,
        ge=0,
        description="A candidate is refused where on one of `slices`, of min_evaluation_rows rows "
        "or more, it is credibly worse than production by more than this (confidence, corrected "
        "over the slices). null: slices are reported and refuse nobody.",
    )
    min_score: float | None = Field(
        default=None,
        description="The worst score that may be promoted at all; for errors and costs such as "
        "rmse the largest.",
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

    @property
    def first_confidence(self) -> float | None:
        """The confidence of the decision on the candidate's own day: some is left for later."""
        if self.confidence is None or not self.challenge_periods:
            return self.confidence
        return 1 - _AT_ONCE * (1 - self.confidence)

    @property
    def challenge_confidence(self) -> float | None:
        """The confidence of all later days together; None: there are none."""
        if self.confidence is None or not self.challenge_periods:
            return None
        return 1 - (1 - _AT_ONCE) * (1 - self.confidence)


class RollbackPolicy(BaseModel):
    """When production goes back to the version before it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(default=True, description="Whether production ever goes back by itself.")
    confidence: float = Field(
        default=0.99,
        gt=0.5,
        lt=1,
        description="How sure it must be that the version before is better: the one-sided lower "
        "bound, for all days of the probation together, must be above 0.",
    )
    patience: int = Field(
        default=3,
        ge=1,
        description="On how many labelled batches the two must have been compared at the least: "
        "fewer do not tell how much days vary.",
    )
    periods: int = Field(
        default=14,
        ge=1,
        description="The probation: on how many labelled batches after a promotion the version "
        "before is scored beside production.",
    )
