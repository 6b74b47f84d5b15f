"""How production does, as the page of a day's report shows it."""

from typing import TYPE_CHECKING

from mlops_assets.drift.performance import Performance, ScoredDay
from mlops_assets.lifecycle.journal import Reported

if TYPE_CHECKING:
    from mlops_assets.lifecycle.day import Day


def performance_of(day: "Day") -> Performance:
    """Production's score on a day and on those before it, each with its estimate, and on its parts.

    Days that are held for a person are left out, and so are scores of too few labels to judge by.
    """
    fewest, found = day.spec.gate.min_evaluation_rows, day.estimate
    today = ScoredDay(
        day.partition,
        str(day.production.number),
        day.score if len(day.now.y_true) >= fewest else None,
        (found.score, found.lower, found.upper) if found else None,
    )
    earlier = (
        _scored(reported, fewest)
        for reported in day.reported
        if reported.report.partition < day.partition and not reported.report.held
    )
    return Performance(
        metric=day.life.metric,
        days=(*earlier, today),
        score=day.score,
        rows=len(day.now.y_true),
        slices=day.slices,
        fairness=day.fairness,
        weakest=day.weakest,
        named=bool(day.spec.slices or day.spec.fairness),
    )


def _scored(reported: Reported, fewest: int) -> ScoredDay:
    report, found = reported.report, reported.estimated
    return ScoredDay(
        report.partition,
        report.production,
        report.score if report.score_rows >= fewest else None,
        (found.score, found.lower, found.upper) if found else None,
    )
