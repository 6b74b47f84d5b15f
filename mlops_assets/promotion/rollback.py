"""Going back to the previous version by itself: when production turns out the worse one."""

from collections.abc import Callable, Iterable

from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.metrics import Metric
from mlops_assets.promotion.evaluation import Evidence, measure
from mlops_assets.promotion.gate import Decision, decide
from mlops_assets.promotion.policy import GatePolicy


class RollbackPolicy(BaseModel):
    """When production goes back to the version before it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(default=True, description="Whether production ever goes back by itself.")
    confidence: float = Field(
        default=0.99,
        gt=0.5,
        lt=1,
        description="How sure it must be on one batch that the previous version is better: the "
        "one-sided paired bootstrap lower bound at this confidence must be above 0.",
    )
    patience: int = Field(
        default=2,
        ge=1,
        description="On how many labelled batches in a row the previous version must be better.",
    )


class RollbackRecord(BaseModel):
    """What later days need to know of one day's comparison of production with previous."""

    model_config = ConfigDict(frozen=True)

    partition: str = Field(description="The day, as its partition key; keys sort by time.")
    production: str = Field(description="The production version that was scored.")
    previous: str = Field(description="The version before it.")
    previous_better: bool = Field(description="Whether previous was credibly better.")


def previous_is_better(
    y: ArrayLike,
    production_pred: ArrayLike,
    previous_pred: ArrayLike,
    metric: Metric,
    gate: GatePolicy,
    policy: RollbackPolicy,
    partition: str,
    measured: Callable[..., Evidence] = measure,
) -> Decision:
    """The gate with the roles swapped: would previous be promoted over production?

    Args:
        y: True target of the batch's labelled rows that neither version was trained on.
        production_pred: Production's predictions for these rows.
        previous_pred: The previous version's.
        metric: What to score by.
        gate: The model's gate. Its checks of the baseline, of the partition and by a person are
            left out: previous has passed them when it was promoted.
        policy: The confidence.
        partition: The batch's day.
        measured: What measures both versions.

    Returns:
        The gate's decision; `promoted` means that previous is credibly better.
    """
    swapped = gate.model_copy(
        update={
            "confidence": policy.confidence,
            "max_baseline_drop": None,
            "min_score": None,
            "approval": "auto",
        }
    )
    evidence = measured(
        y, previous_pred, production_pred, [], [], [], metric, swapped, partition, None
    )
    return decide(evidence, swapped)


def rollback_due(
    records: Iterable[RollbackRecord], production: str, previous: str, policy: RollbackPolicy
) -> str | None:
    """Why production has to go back to previous; None where it has not.

    Args:
        records: The comparisons so far, of any days in any order; days without labels have none.
        production: The version in use. A comparison of another pair of versions ends a row.
        previous: The version to go back to.
        policy: Whether at all, and after how many batches in a row.
    """
    if not policy.enabled:
        return None
    last = sorted(records, key=lambda record: record.partition)[-policy.patience :]
    if len(last) < policy.patience or not all(
        record.previous_better and (record.production, record.previous) == (production, previous)
        for record in last
    ):
        return None
    days = ", ".join(record.partition for record in last)
    return (
        f"version {previous} is better than version {production} in production with "
        f"{policy.confidence:g} confidence on {policy.patience} labelled batches in a row ({days})"
    )
