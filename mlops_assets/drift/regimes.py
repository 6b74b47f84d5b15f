"""The distributions that have been met, folded from what was stored about earlier days.

Nothing here is kept anywhere: regimes are derived from the drift reports and the decisions of
earlier partitions each time, so that a report made again gives the same verdict.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

BASELINE = "baseline"
NEW = "new"


class ReportRecord(BaseModel):
    """What later days need to know of a drift report."""

    model_config = ConfigDict(frozen=True)

    partition: str = Field(description="The day, as its partition key; keys sort by time.")
    drift_detected: bool = Field(description="Whether the batch had drifted.")
    retrain: bool = Field(description="Whether the report asked for a retraining.")
    regime: str = Field(
        description="`baseline`, or the regime's first partition; a report that opened a regime "
        "has its own partition (or `new`) here."
    )
    rows: int = Field(description="Rows of the batch.")
    labelled_rows: int = Field(description="Rows of the batch with a label.")
    score_below: bool | None = Field(
        default=None,
        description="Whether production's score was below that on the baseline holdout with the "
        "lower confidence (score_days_confidence); None where it could not be compared.",
    )
    production: str | None = Field(
        default=None, description="The production version that the report was made with."
    )


class DecisionRecord(BaseModel):
    """What later days need to know of a decision on a candidate."""

    model_config = ConfigDict(frozen=True)

    partition: str = Field(description="The day that the candidate was made for.")
    decision: str = Field(description="promoted, rejected, inconclusive, awaiting_approval, …")
    regime: str = Field(description="The regime that it was decided on.")
    regime_rows: int = Field(description="Labelled rows that the regime had when decided.")
    enough_rows: bool = Field(
        default=True, description="Whether there were enough evaluation rows to tell."
    )


@dataclass(frozen=True)
class Regime:
    """A group of alike batches.

    ``last_decision``, ``decided_rows`` and ``decided_on`` (its partition) are those of the last
    decision made on it; None where none was.
    """

    name: str
    partitions: tuple[str, ...]
    rows: int
    labelled_rows: int
    promoted: bool = False
    last_decision: str | None = None
    decided_rows: int | None = None
    decided_on: str | None = None


def regime_of(report: ReportRecord) -> str:
    """The name of the regime that a report puts its batch in."""
    return report.partition if report.regime == NEW else report.regime


def fold_regimes(
    reports: Iterable[ReportRecord], decisions: Iterable[DecisionRecord], before: str
) -> tuple[Regime, ...]:
    """The regimes as they were before a partition.

    Args:
        reports: Reports of any partitions in any order, one a partition.
        decisions: Decisions of any partitions in any order. `already_known` is none: it says
            that no decision had to be made.
        before: Only what belongs to partitions before this one counts.

    Returns:
        The regimes without the baseline, in the order of their first partitions.
    """
    members: dict[str, list[ReportRecord]] = defaultdict(list)
    for report in sorted(reports, key=lambda report: report.partition):
        if report.partition < before and report.regime != BASELINE:
            members[regime_of(report)].append(report)
    made: dict[str, list[DecisionRecord]] = defaultdict(list)
    for decision in sorted(decisions, key=lambda decision: decision.partition):
        if decision.partition < before and decision.decision != "already_known":
            made[decision.regime].append(decision)
    regimes = []
    for name, batches in members.items():
        last = made[name][-1] if made[name] else None
        regimes.append(
            Regime(
                name=name,
                partitions=tuple(batch.partition for batch in batches),
                rows=sum(batch.rows for batch in batches),
                labelled_rows=sum(batch.labelled_rows for batch in batches),
                promoted=any(decision.decision == "promoted" for decision in made[name]),
                last_decision=last.decision if last else None,
                decided_rows=last.regime_rows if last else None,
                decided_on=last.partition if last else None,
            )
        )
    return tuple(sorted(regimes, key=lambda regime: regime.partitions[0]))
