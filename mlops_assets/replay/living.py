"""One policy lived through a history, day by day, with the steps that run in production."""

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from mlops_assets.data.contract import Contract, ContractViolation, check
from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.data.labels import join_labels
from mlops_assets.drift.retraining import why_not_retrained
from mlops_assets.errors import NotThereYetError, UserError
from mlops_assets.lifecycle.augmented_dataset import augment
from mlops_assets.lifecycle.baseline_data import take_baseline
from mlops_assets.lifecycle.baseline_model import train_baseline_model
from mlops_assets.lifecycle.candidate_model import train_candidate
from mlops_assets.lifecycle.drift_report import DriftOutcome, report_drift
from mlops_assets.lifecycle.drifted_batch import take_batch
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.memory import MemoryRegistry
from mlops_assets.lifecycle.moves import roll_back
from mlops_assets.lifecycle.production_model import DecisionOutcome, decide_on_candidate
from mlops_assets.lifecycle.rows import lineage_parts
from mlops_assets.lifecycle.sides import Sides
from mlops_assets.replay.history import History, KeptRows
from mlops_assets.replay.models import Mode, ReplayTrainer
from mlops_assets.replay.policies import Policy
from mlops_assets.replay.scratch import keep, take
from mlops_assets.replay.store import ReplayStore

HELD = "held"
REFUSED = ("rejected", "inconclusive")
FAILED = "failed"
ROLLED_BACK = "rolled_back"
_MOST_CELLS = 30_000_000  # of tables made ready, in memory


@dataclass(frozen=True)
class Decided:
    """What was decided on a day's candidate, as production says it, or ``held``, or ``failed``.

    ``checks`` are those of the gate that did not hold. ``made_on`` is the day on which it was
    decided where that is another one: later days have told.
    """

    partition: str
    decision: str
    reasons: tuple[str, ...]
    checks: tuple[str, ...] = ()
    made_on: str | None = None

    @property
    def day(self) -> str:
        """The day on which it was decided."""
        return self.made_on or self.partition


@dataclass
class Log:
    """What became of a policy so far; all by day.

    Attributes:
        scores: Production's score on the day's labelled rows, predicted before anything was
            learned from them.
        versions: The version that predicted them.
        regimes: The regime that the day's report puts it in.
        drifted: Whether it found drift.
        quarantined: Why a day broke the data contract.
        columns: On how many days a feature column differed from the baseline.
        retrainings: Trainings after the first.
        decisions: In the order in which they were made.
        learned: The fingerprint of the rows of the latest retraining by the calendar.
    """

    scores: dict[str, float] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    regimes: dict[str, str] = field(default_factory=dict)
    drifted: dict[str, bool] = field(default_factory=dict)
    quarantined: dict[str, str] = field(default_factory=dict)
    columns: Counter[str] = field(default_factory=Counter)
    retrainings: int = 0
    decisions: list[Decided] = field(default_factory=list)
    learned: str = ""

    @property
    def refused(self) -> list[Decided]:
        """Candidates that the gate did not let through, nor later as challengers."""
        found = []
        for place, decided in enumerate(self.decisions):
            since = self.decisions[place + 1 :]
            later = {each.partition for each in since if each.decision == "promoted"}
            if decided.decision in REFUSED and decided.partition not in later:
                found.append(decided)
        return found


@dataclass
class Clock:
    """The replay's time: 06:00 UTC after the day that is lived, a second later at each look."""

    now: dt.datetime = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

    def after(self, day: dt.date) -> None:
        """It is the morning after a day."""
        self.now = dt.datetime.combine(day, dt.time(6), dt.UTC) + dt.timedelta(days=1)

    def __call__(self) -> dt.datetime:
        """The time."""
        self.now += dt.timedelta(seconds=1)
        return self.now


class Living:
    """A policy's life so far; where it was kept, it goes on.

    Args:
        policy: The policy.
        folder: The replay's scratch folder, shared by all policies.
        mode: How is trained again.
        kept: The file that it is kept in.
    """

    def __init__(self, policy: Policy, folder: Path, mode: Mode, kept: Path) -> None:
        self._kept = kept
        self.policy = policy
        spec = policy.spec
        self._delay = spec.replay.label_delay_days
        self._clock = Clock()
        self._source = KeptRows(spec, folder / "rows", self._delay)
        if kept.exists():
            self.lived, self.log, self._retrained, store, registry, self._trainer = take(kept)
        else:
            self.lived, self.log, self._retrained = 0, Log(), list[str]()
            store, registry = ReplayStore(folder=folder / "tables"), MemoryRegistry(spec.name)
            self._trainer = ReplayTrainer(spec, registry, folder / "models", mode)
        self.life = Life(
            spec,
            store,
            registry,
            clock=self._clock,
            source=self._source,
            sides=Sides(_MOST_CELLS, same_tables=True),
        )

    def begin(self) -> None:
        """Take the baseline and train the first model, unless that is done."""
        if self.life.registry.version("production") is None:
            take_baseline(self.life)
            self._trainer.columns = self.life.columns
            train_baseline_model(self.life, self._trainer)

    def through(self, history: History) -> Iterator[str]:
        """Live the days that are left; yields each when it is over."""
        for place in range(self.lived, len(history.days)):
            day = history.days[place]
            self._day(dt.date.fromisoformat(day), place)
            self.lived = place + 1
            yield day

    def keep(self) -> None:
        """Keep all that is needed to go on."""
        life = self.life
        state = (self.lived, self.log, self._retrained, life.store, life.registry, self._trainer)
        keep(self._kept, state)

    def _day(self, day: dt.date, place: int) -> None:
        self._source.today = day
        self._clock.after(day)
        if self._arrive(str(day)) and self.policy.loop:
            self._judge(str(day))
        if self._delay:
            self._late_labels(str(day - dt.timedelta(days=self._delay)))
        if self.policy.every and (place + 1) % self.policy.every == 0:
            self._retrain_on_all(str(day))

    def _arrive(self, partition: str) -> bool:
        """Take a day's batch, and score production on it; whether there is one."""
        taken = take_batch(self.life, partition)
        if taken.violation:
            self.log.quarantined[partition] = str(taken.violation)
        if taken.table is None:
            return False
        version = self.life.registry.in_use()
        self.log.versions[partition] = version.number
        spec = self.life.spec
        table = self._with_labels(partition) if self._delay else taken.table
        rows = spec.columns.labelled(table)
        if len(rows):
            predicted = self.life.load(version).predict(rows)
            score = self.life.metric.score(rows[spec.columns.target].to_numpy(), predicted)
            if math.isfinite(score):
                self.log.scores[partition] = score
        return True

    def _with_labels(self, partition: str) -> pd.DataFrame:
        """A batch as it will be once its labels have come, which no policy sees before."""
        spec, day = self.life.spec, dt.date.fromisoformat(partition)
        later = replace(self._source, today=dt.date.max)
        rows = later.batch(day)
        if spec.labels is not None:
            with suppress(NotThereYetError):
                rows = join_labels(rows, later.labels(day), spec.columns)
        contract = Contract.from_yaml(self.life.journal.baseline().contract)
        try:
            return check(rows, contract, spec.columns).frame
        except ContractViolation:  # the late labels break it, and will never be taken
            return rows.iloc[:0]

    def _late_labels(self, partition: str) -> None:
        """Take a day's batch again, now with its labels, as the daily job for late labels does."""
        if self.life.journal.batch(partition) is None:
            return
        taken = take_batch(self.life, partition, only_news=True)
        if taken.violation:
            self.log.quarantined[partition] = str(taken.violation)
        elif taken.table is not None and self.policy.loop:
            self._judge(partition)

    def _judge(self, partition: str) -> None:
        """The day's report, and what follows from it: a retraining first, then a rollback."""
        found = report_drift(self.life, partition)
        log, verdict = self.log, found.verdict
        if partition not in log.regimes:  # not again when its labels come
            log.columns.update(found.comparison.drifted_columns)
        log.regimes[partition] = verdict.regime_name
        log.drifted[partition] = verdict.drift_detected
        spec = self.life.spec
        why_not = why_not_retrained(
            partition,
            verdict.retrain,
            verdict.reasons,
            found.decided_before,
            found.drifted_in_a_row,
            self._retrained,
            spec.drift,
            spec.retrain,
        )
        if why_not is None:
            self._retrain(partition)
        elif verdict.held or (verdict.retrain and not found.decided_before):
            log.decisions.append(Decided(partition, HELD, (why_not,)))
        if found.promotion_due:
            self._decide_again(found.promotion_due, partition)
        if found.rollback_due:
            self._roll_back(partition, found)

    def _retrain(self, partition: str) -> None:
        log = self.log
        try:
            augment(self.life, partition, judge_again=True)
            trained = train_candidate(self.life, partition, self._trainer)
            log.retrainings += trained.training is not None
            made = decide_on_candidate(self.life, partition)
        except UserError as error:
            log.decisions.append(Decided(partition, FAILED, (str(error),)))
            return
        self._retrained.append(partition)
        self._note(partition, made)

    def _decide_again(self, partition: str, day: str) -> None:
        """A challenger is credibly better by now."""
        try:
            made = decide_on_candidate(self.life, partition)
        except UserError as error:
            failed = Decided(partition, FAILED, (str(error),), made_on=day)
            self.log.decisions.append(failed)
            return
        self._note(partition, made, day)

    def _note(self, partition: str, made: DecisionOutcome, day: str | None = None) -> None:
        checks = made.decided.checks if made.decided else ()
        failed = tuple(check.name for check in checks if not check.passed)
        self.log.decisions.append(Decided(partition, made.decision, made.reasons, failed, day))

    def _roll_back(self, partition: str, found: DriftOutcome) -> None:
        move = roll_back(self.life, partition, found.production.number)
        if move is not None:
            why = found.rollback_due or ""
            self.log.decisions.append(Decided(partition, ROLLED_BACK, (why,)))

    def _retrain_on_all(self, partition: str) -> None:
        """Retrain on all rows that may be learned from so far, and use what comes of it.

        Not where neither a batch nor a label has come since: there is nothing new to learn.
        """
        life = self.life
        seen = [day for day in self.log.versions if life.journal.batch(day) is not None]
        table = pd.concat(
            [part.learn for part in lineage_parts(life, seen).values()], ignore_index=True
        )
        learned = fingerprint(table)
        if learned == self.log.learned:
            return
        try:
            version = self._trainer(table, partition, []).version
        except UserError as error:
            self.log.decisions.append(Decided(partition, FAILED, (str(error),)))
            return
        self.log.retrainings += 1
        self.log.learned = learned
        life.registry.promote(version, life.registry.in_use())
        why = f"{self.policy.name} periods: trained on {len(table)} rows, and used without a gate."
        self.log.decisions.append(Decided(partition, "promoted", (why,)))
