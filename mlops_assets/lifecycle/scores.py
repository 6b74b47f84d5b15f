"""Production's score on a day beside what it is known by, as days vary."""

import math
from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mlops_assets.drift.day_effects import FEWEST_PERIODS
from mlops_assets.drift.findings import DaysScore, ScoreCheck
from mlops_assets.drift.regimes import ReportRecord
from mlops_assets.drift.score import (
    Scored,
    ScoreFall,
    fall_beyond_days,
    fall_of_days,
    score_spread,
)
from mlops_assets.lifecycle.rows import evaluation_rows
from mlops_assets.random_effects import Measured, Spread

if TYPE_CHECKING:
    from mlops_assets.lifecycle.day import Day


class Scores:
    """How production's score on a day stands beside that on the holdout and on other days.

    Args:
        day: The day.
    """

    def __init__(self, day: "Day") -> None:
        self._day = day

    def against_known(self) -> ScoreCheck | DaysScore | None:
        """The score on the batch against the one on the baseline holdout.

        By rows; or, where scores vary between days by more than rows explain, by that as well. And
        where the days themselves differ, so that one may be a storm, that of the latest days
        against those that production is known by.
        """
        by_rows, spread = self._by_rows, self.spread
        if self.unjudged:
            return None
        if by_rows is None or spread is None:
            return by_rows
        if not self._day.days_differ:
            days = len(self._holdout_by_day) or len(self._every_day_known)
            falls = (by_rows.fall, by_rows.fall_of_days)
            return ScoreCheck(
                *(fall_beyond_days(fall, days, spread, 1 - fall.confidence) for fall in falls)
            )
        policy = self._day.spec.drift
        # What an unusual day does to the score says nothing of the days around it.
        usual = [report for report in self._scored_before if report.state != "unusual day"]
        latest = usual[::-1][: policy.window - 1]
        now = [Measured(self._day.score or 0.0, len(self._day.now.y_true)), *map(_score_of, latest)]
        then = self._days_known(without={report.partition for report in latest})
        if not then:  # so far all that it is known by is the latest days
            return by_rows
        level = 1 - policy.score_confidence
        fall = fall_of_days(then, now, spread.per_row, self._day.life.metric, level)
        return DaysScore(fall, len(now))

    @cached_property
    def unjudged(self) -> str | None:
        """Why the score says nothing: nobody knows yet how it varies from day to day."""
        known = len(self._every_day_known)
        if self._day.score is None or not self._day.days_differ or known >= FEWEST_PERIODS:
            return None
        score = self._day.score
        return (
            f"production's score {score:.3f} was not judged: it is known on {known} days, "
            f"and {FEWEST_PERIODS} are needed to know how it varies between days"
        )

    def fall_since(self, partitions: list[str]) -> ScoreFall | None:
        """How production's score on the batch is below that on some others."""
        then = self._day.scored(evaluation_rows(self._day.life, partitions))
        falls_found = self._falls(then, (self._day.spec.drift.score_confidence,))
        if falls_found is None or self.spread is None:
            return falls_found[0] if falls_found else None
        (fall,) = falls_found
        level = 1 - self._day.spec.drift.score_confidence
        return fall_beyond_days(fall, len(partitions), self.spread, level)

    @cached_property
    def spread(self) -> Spread | None:
        """How production's score varies between days; None where that is not known, or little."""
        if self._day.effects is None or self._by_rows is None:
            return None
        known = self._every_day_known
        if len(known) < FEWEST_PERIODS:
            return None
        spread = score_spread(known, self._by_rows.fall)
        # Where days differ, that their scores do not was seen by chance until there are many.
        return (
            spread if self._day.days_differ or spread.matters(len(self._day.now.y_true)) else None
        )

    @cached_property
    def _every_day_known(self) -> list[Measured]:
        return self._days_known()

    def _days_known(self, without: Collection[str] = ()) -> list[Measured]:
        """Production's scores on the days of the holdout, and on the quiet ones that it served."""
        quiet = set(self._day.reference.quiet) - set(without)
        served = [report for report in self._scored_before if report.partition in quiet]
        return [*self._holdout_by_day, *map(_score_of, served)]

    @cached_property
    def _scored_before(self) -> list[ReportRecord]:
        """The earlier days that this production was scored on."""
        version = str(self._day.production.number)
        return [
            report
            for report in self._day.reports
            if report.partition < self._day.partition
            and report.score is not None
            and report.score_rows
            and report.production == version
        ]

    @cached_property
    def _holdout_by_day(self) -> list[Measured]:
        metric, holdout, periods = (
            self._day.life.metric,
            self._day.holdout,
            self._day.holdout_periods,
        )
        found = []
        for period in np.unique(periods[periods >= 0]):
            rows = np.flatnonzero(periods == period)
            score = metric.score(holdout.y_true[rows], holdout.y_pred[rows])
            if math.isfinite(score):
                found.append(Measured(score, len(rows)))
        return found

    @cached_property
    def _by_rows(self) -> ScoreCheck | None:
        """The score on the batch against the one on the baseline holdout.

        The score at promotion was measured on the holdout and on a regime's rows; a batch of a
        regime is held against that regime's rows, in `fall_since`.
        """
        policy = self._day.spec.drift
        falls_found = self._falls(
            self._day.holdout, (policy.score_confidence, policy.score_days_confidence)
        )
        if falls_found is None:
            return None
        return ScoreCheck(*falls_found)

    def _falls(self, then: Scored, confidences: tuple[float, ...]) -> tuple[ScoreFall, ...] | None:
        if not len(then.y_true) or self._day.score is None:
            return None
        if not math.isfinite(self._day.life.metric.score(then.y_true, then.y_pred)):
            return None
        policy = self._day.spec.drift
        return self._day.life.comparing.falls(
            self._day.now, then, self._day.life.metric, confidences, policy.resamples, policy.seed
        )


def _score_of(report: ReportRecord) -> Measured:
    return Measured(report.score or 0.0, report.score_rows)
