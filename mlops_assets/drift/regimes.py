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
SUSPECTED_FAULT = "suspected fault"
"""The state of a day that is held for a person: it plays no part in what is said of later days."""


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
    score_fallen: bool | None = Field(
        default=None,
        description="Whether production's score counted as fallen; None where rows count as "
        "independent, and in old reports.",
    )
    production: str | None = Field(
        default=None, description="The production version that the report was made with."
    )
    state: str | None = Field(
        default=None, description="What the report says in one word; see `verdict.State`."
    )
    unusual: bool | None = Field(
        default=None,
        description="Whether the batch by itself was beyond what periods do; None where the "
        "reference's periods were not known.",
    )
    distance: float | None = Field(
        default=None,
        description="How far the batch by itself is from the reference, where periods are known: "
        "the mean of its columns' distances.",
    )
    window: tuple[str, ...] = Field(
        default=(), description="Earlier days together with which the batch has shifted."
    )
    scheduled: bool = Field(
        default=False, description="Whether it asks for a retraining because one is due."
    )
    score: float | None = Field(
        default=None, description="Production's score on labelled rows that it has not seen."
    )
    score_rows: int = Field(default=0, description="How many these were.")

    @property
    def held(self) -> bool:
        """Whether the day is held for a person, as its delivery looks broken."""
        return self.state == SUSPECTED_FAULT


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


def not_held(reports: Iterable[ReportRecord]) -> list[ReportRecord]:
    """The reports that count for later days: not those of days that are held for a person."""
    return [report for report in reports if not report.held]


def regimes_by_day(reports: Iterable[ReportRecord]) -> dict[str, str]:
    """The regime of each day: what its own report says, or a later one that it shifted with.

    A day that is held has none.
    """
    reports = sorted(not_held(reports), key=lambda report: report.partition)
    named = {report.partition: regime_of(report) for report in reports}
    for report in reports:
        for day in report.window:
            if named.get(day) == BASELINE:
                named[day] = named[report.partition]
    return named


def quiet_days(reports: Iterable[ReportRecord], before: str) -> tuple[str, ...]:
    """The days before a partition that were as usual, in their order."""
    earlier = [report for report in not_held(reports) if report.partition < before]
    named = regimes_by_day(earlier)
    return tuple(
        sorted(
            report.partition
            for report in earlier
            if named[report.partition] == BASELINE and not report.unusual
        )
    )


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
    earlier = [report for report in not_held(reports) if report.partition < before]
    earlier.sort(key=lambda report: report.partition)
    named = regimes_by_day(earlier)
    members: dict[str, list[ReportRecord]] = defaultdict(list)
    for report in earlier:
        if named[report.partition] != BASELINE:
            members[named[report.partition]].append(report)
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
