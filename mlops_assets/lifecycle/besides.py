"""Production beside other versions, on each day that none of them has learned from."""

import math
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from mlops_assets.lifecycle.journal import Decided
from mlops_assets.lifecycle.life import Life
from mlops_assets.promotion.beside import FEWEST, Beside, Standing, standing
from mlops_assets.promotion.gate import later_confidence, may_be_better
from mlops_assets.promotion.registry import NoSuchVersionError, Version

if TYPE_CHECKING:
    from mlops_assets.lifecycle.day import Day


class Besides:
    """A day on which production is scored beside the version before it, and a challenger.

    Only days after the one that a version was trained for count: on that one, and on those that
    it was decided on, the better one was chosen.

    Args:
        life: The model.
        day: The batch, scored by the version that served it.
    """

    def __init__(self, life: Life, day: "Day") -> None:
        self._life, self._day = life, day
        # A day that another version served says nothing of today's.
        self._in_use = day.production == life.registry.in_use()

    @cached_property
    def previous(self) -> Version | None:
        """The version before production, while that is on probation; None where there is none."""
        if not self._life.spec.rollback.enabled or not self._in_use:
            return None
        previous = self._life.registry.previous()
        if previous is None or previous == self._day.production:
            return None
        # A person may bring one back that has turned out the worse one.
        return None if previous.tags.get("decision") == "rolled_back" else previous

    @cached_property
    def challenge(self) -> Decided | None:
        """The decision on the candidate that may be better than production, but was not credibly.

        The latest of them; another candidate of the same regime has taken its place.
        """
        if self._life.spec.gate.challenge_confidence is None or not self._in_use:
            return None
        production, day = self._day.production.number, self._day.partition
        earlier = [d for d in self._life.journal.every_decided() if d.record.partition < day]
        latest = {decided.regime: decided for decided in earlier}.values()
        waiting = [d for d in latest if may_be_better(d) and d.production_version == production]
        return max(waiting, key=lambda decision: decision.record.partition, default=None)

    @cached_property
    def challenger(self) -> Version | None:
        """The candidate of this decision; None where it has been deleted since."""
        if self.challenge is None:
            return None
        try:
            return self._life.registry.get(self.challenge.candidate_version)
        except NoSuchVersionError:
            return None

    @cached_property
    def records(self) -> list[Beside]:
        """What this day says of them."""
        return list(self._compared())

    @cached_property
    def on_probation(self) -> Standing | None:
        """How the version before production stands beside it, this day included."""
        policy, gate = self._life.spec.rollback, self._life.spec.gate
        return self._standing(
            self.previous,
            policy.confidence,
            policy.periods,
            policy.patience,
            gate.min_evaluation_rows,
        )

    @cached_property
    def challenging(self) -> Standing | None:
        """How the challenger stands beside production, this day included."""
        gate, challenge = self._life.spec.gate, self.challenge
        if challenge is None:
            return None
        confidence = later_confidence(challenge.evidence, gate)
        if confidence is None:
            return None
        missing = gate.min_evaluation_rows - challenge.evidence.evaluation_rows
        return self._standing(self.challenger, confidence, gate.challenge_periods, FEWEST, missing)

    @property
    def rollback_due(self) -> str | None:
        """Why production has to go back to the version before it; None where it has not."""
        stands, previous = self.on_probation, self.previous
        if stands is None or previous is None or not stands.credible:
            return None
        production = self._day.production.number
        return (
            f"version {previous.number} is better than version {production} in production, "
            f"{stands.text} ({stands.days[0]} to {stands.days[-1]})"
        )

    @property
    def promotion_due(self) -> str | None:
        """The day whose candidate is credibly better by now; None where none is."""
        if self.challenge is None or self.challenging is None or not self.challenging.credible:
            return None
        return self.challenge.record.partition

    def _standing(
        self, other: Version | None, confidence: float, most: int, fewest: int, rows: int
    ) -> Standing | None:
        if other is None:
            return None
        records = [*self._other_days, *self.records]
        production = self._day.production.number
        return standing(records, production, other.number, confidence, most, fewest, rows)

    @cached_property
    def _other_days(self) -> list[Beside]:
        # Of later days as well: labels that come late are no news where theirs say otherwise.
        others = (r for r in self._day.reported if r.report.partition != self._day.partition)
        return [record for reported in others for record in reported.beside]

    def _compared(self) -> Iterator[Beside]:
        spec, production = self._life.spec, self._day.production
        pairs = (
            (self.previous, production, spec.rollback.periods),
            (self.challenger, self.challenger, spec.gate.challenge_periods),
        )
        for other, newer, most in pairs:
            if other is None or newer is None:
                continue
            pair = [r for r in self._other_days if r.production == production.number]
            earlier = [
                r for r in pair if r.other == other.number and r.partition < self._day.partition
            ]
            if len(earlier) >= most or self._day.partition <= newer.tags.get("partition", ""):
                continue
            found = self._with(other)
            if found is not None:
                yield found

    def _with(self, other: Version) -> Beside | None:
        day = self._day
        unseen = day.unseen_by(day.production, other)
        if len(unseen) < 2:
            return None
        now = day.now if len(unseen) == len(day.unseen) else day.scored(unseen)
        record = self._life.comparing.beside(
            now.y_true,
            self._life.load(other).predict(unseen),
            now.y_pred,
            self._life.metric,
            day.partition,
            day.production.number,
            other.number,
            self._life.spec.gate.seed,
        )
        return record if math.isfinite(record.improvement) else None
