"""One life: its days as the daemon would live them, and what else happens to it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import Random
from typing import Any, TypeVar

from pydantic import BaseModel

from bench.lives.interruption import Killed, Plan, Watch, WatchedRegistry, WatchedStore
from bench.lives.promises import BrokenPromiseError, Promises, promised
from bench.lives.world import Drawn, SkillTrainer, WorldSource, day_of, drawn_spec, partition_of
from mlops_assets.drift.retraining import why_not_retrained
from mlops_assets.errors import AwayError, UserError
from mlops_assets.lifecycle.augmented_dataset import augment
from mlops_assets.lifecycle.baseline_data import take_baseline
from mlops_assets.lifecycle.baseline_model import train_baseline_model
from mlops_assets.lifecycle.candidate_model import train_candidate
from mlops_assets.lifecycle.drift_report import DriftOutcome, report_drift
from mlops_assets.lifecycle.drifted_batch import take_batch
from mlops_assets.lifecycle.journal import Journal, Move
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.moves import approve, finish_begun, roll_back
from mlops_assets.lifecycle.predictions import predict
from mlops_assets.lifecycle.production_model import decide_on_candidate
from mlops_assets.lifecycle.sides import Sides
from mlops_assets.promotion.registry import NoSuchVersionError, ProductionChangedError

DAYS = 200
ASKED_AGAIN = 10  # days for which labels that come late are asked for
FORGETS = 40  # days back that a delivery or a person may come back to
_MOST_WRITES = {"daily": 3, "rare": 9}  # about as many as a step has
_MOST_CALLS = 30
_RARELY_CALLED = "reading batch_summary records"  # where there are many regimes

_Record = TypeVar("_Record", bound=BaseModel)
Do = Callable[[Life, SkillTrainer], Any]


@dataclass(frozen=True)
class Refused:
    """A step ended with what a user can mend."""

    error: UserError


@dataclass(frozen=True)
class Lost:
    """A step was cut short, and nobody tried it again."""


@dataclass(frozen=True)
class Asked:
    """What a drift report is known by: its day, its rows, and the run that made it."""

    partition: str
    rows: str
    work: str


@dataclass(frozen=True)
class RememberingJournal(Journal):
    """A journal that makes a record of the same text once: all are read again every day."""

    made: dict[tuple[type, str], Any] = field(default_factory=dict)

    def begun(self) -> list[Move]:
        """The moves that were begun and cut short, in their order."""
        begun = [move for move in self._all(Move, "moves") if move.state == "begun"]
        return sorted(begun, key=lambda move: move.begun)

    def _all(self, kind: type[_Record], asset: str) -> list[_Record]:
        assert isinstance(self.store, WatchedStore)
        return [self._record(kind, text) for text in self.store.texts(self.model, asset)]

    def _found(self, kind: type[_Record], asset: str, partition: str) -> _Record | None:
        assert isinstance(self.store, WatchedStore)
        text = self.store.text(self.model, asset, partition)
        return None if text is None else self._record(kind, text)

    def _needed(self, kind: type[_Record], asset: str, partition: str) -> _Record:
        return self._found(kind, asset, partition) or super()._needed(kind, asset, partition)

    def _record(self, kind: type[_Record], text: str) -> _Record:
        record = self.made.get((kind, text))
        if record is None:
            record = self.made[kind, text] = kind.model_validate_json(text)
        return record


@dataclass(frozen=True)
class RememberingLife(Life):
    """A life with such a journal."""

    made: dict[tuple[type, str], Any] = field(default_factory=dict)

    @cached_property
    def journal(self) -> Journal:
        """What has happened so far."""
        return RememberingJournal(self.store, self.spec.name, self.made)


@dataclass
class Ledger:
    """The wishes of the drift reports, and what became of them."""

    reports: list[tuple[Asked, DriftOutcome]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    acted: Counter[Asked] = field(default_factory=Counter)
    retrained: set[str] = field(default_factory=set)


class SimulatedLife:
    """A model's life of so many days, all of it drawn from one seed.

    Args:
        seed: Gives the same life again.
        interrupted: The share of the steps of a retraining, and of moves, that something happens
            to.
    """

    def __init__(self, seed: int, interrupted: float = 0.35) -> None:
        self.rng, self.interrupted = Random(seed), interrupted
        spec = drawn_spec(self.rng)
        self.happened: Counter[str] = Counter()
        self.watch = Watch(self.happened)
        self.promises = Promises()
        self.comparing = Drawn()
        self.now = datetime(2025, 1, 1, tzinfo=UTC)
        self.source = WorldSource(spec, Random(self.rng.getrandbits(64)))
        store = WatchedStore(watch=self.watch, wrote=self.promises.wrote)
        registry = WatchedRegistry(
            spec.name, watch=self.watch, moves=self._moves, proves=self.promises.proved
        )
        self.life = RememberingLife(
            spec,
            store,
            registry,
            clock=lambda: self.now,
            source=self.source,
            sides=Sides(1_000_000, same_tables=True),
            comparing=self.comparing,  # pyright: ignore[reportArgumentType]
        )
        self.store, self.registry = store, registry
        self.trainer = SkillTrainer(registry, self.promises.learned)
        self.ledger = Ledger()
        self.busy = self.rng.choice([1.0, 0.5, 0.2])  # the share of days on which anything comes
        self.work = 0
        self.by_hand = False  # while a person does it without this software
        self.late: dict[int, list[int]] = {}  # what arrives or is asked for again on a day

    # ---------------------------------------------------------------- steps

    def step(self, kind: str, name: str, do: Do) -> Any:
        """Do a step as production does: what was begun is finished first; lost, it is retried."""
        self.now += timedelta(seconds=1)
        plan = self._drawn_plan(kind)
        twin = self._twin(do) if plan and plan.kind != "meanwhile" else None
        while True:
            self.watch.arm(plan)
            try:
                finish_begun(self.life)
                done = do(self.life, self.trainer)
            except (Killed, AwayError):
                self.watch.arm(None)
                self.promises.production_loads(self.life)
                plan = self._drawn_plan(kind) if self.rng.random() < 0.2 else None
                if self.rng.random() < 0.4:
                    twin = None
                    between = self._between(name)
                    if between == "nobody":
                        return Lost()
                    if between == "a deletion":  # what was begun may have to be given up now
                        plan = self._early_kill()
                if plan and plan.kind == "meanwhile":
                    twin = None
                continue
            except UserError as error:
                done = Refused(error)
            self.watch.arm(None)
            break
        if twin:
            self._as_if_nothing_had_happened(name, done, *twin)
        if isinstance(done, Refused):
            self._explained(name, done.error)
        self.promises.after_step(self.life)
        return done

    def _drawn_plan(self, kind: str) -> Plan | None:
        rare = kind == "rare"
        if self.rng.random() > (self.interrupted if rare else 0.02):
            return None
        what = self.rng.choice(["before", "after", "away", "meanwhile" if rare else "before"])
        if what == "away":
            named = None if rare or self.rng.random() < 0.5 else _RARELY_CALLED
            return Plan("away", self.rng.randint(1, _MOST_CALLS), name=named)
        at = self.rng.randint(1, _MOST_WRITES[kind])
        if what == "meanwhile":
            return Plan("meanwhile", at, self._production_by_hand)
        return Plan(what, at)

    def _early_kill(self) -> Plan | None:
        if self.rng.random() < 0.4:
            return None
        return Plan("before" if self.rng.random() < 0.5 else "after", self.rng.randint(1, 3))

    def _twin(self, do: Do) -> tuple[Life, Any]:
        """The same step on a copy of all there is, without anything happening to it."""
        watch = Watch()
        store, registry = self.store.copied(watch), self.registry.copied(watch)
        life = replace(self.life, store=store, registry=registry)
        try:
            finish_begun(life)
            return life, do(life, SkillTrainer(registry, {}))
        except UserError as error:
            return life, Refused(error)

    def _as_if_nothing_had_happened(self, name: str, done: Any, life: Life, expected: Any) -> None:
        assert isinstance(life.store, WatchedStore)
        assert isinstance(life.registry, WatchedRegistry)
        differs = [*self.store.differs(life.store), *self.registry.differs(life.registry)]
        if isinstance(done, Refused) or isinstance(expected, Refused):
            told = [
                str(each.error) if isinstance(each, Refused) else "" for each in (done, expected)
            ]
            if told[0] != told[1]:
                differs.append(f"{told[0]!r} instead of {told[1]!r}")
        promised(not differs, f"{name}, cut short and retried, differs: {'; '.join(differs[:3])}")

    def _between(self, name: str) -> str:
        """What happens before a step that was cut short is tried again; `nobody`: it never is."""
        self._count("something else happens before a step is tried again")
        what = self.rng.choice(["a step", "a delivery", "a person", "a deletion", "nobody"])
        if what == "a step":
            days = [day for day in self.source.batches if self._has_batch(day)]
            if days:
                self._step_of_another_day(self.rng.choice(days))
        elif what == "a delivery":
            self.deliver_again(self.source.now)
        elif what == "a person":
            self.by_a_person()
        elif what == "a deletion":
            self.delete_a_version()
        elif name != "baseline":
            self._count("a step that was cut short is never tried again")
            return "nobody"
        return what if what != "nobody" else ""

    def _step_of_another_day(self, day: int) -> None:
        self.step("daily", "predictions", lambda life, _: predict(life, partition_of(day)))

    # ---------------------------------------------------------------- days

    def live(self, days: int = DAYS) -> Counter[str]:
        """All days, in order; what has happened, and how often.

        Raises:
            BrokenPromiseError: Something that is promised did not hold.
        """
        self.train_baseline()
        for day in range(days):
            self.source.now = day
            self._turn()
            self.deliver(day)
            for asked in self.late.pop(day, []):
                self.ask_for_labels(asked)
            if self.rng.random() < 0.03:
                self.deliver_again(day)
            self.sensors()
            if self.rng.random() < 0.02:
                self.by_a_person()
            if self.rng.random() < 0.08 and self._waiting():
                self.approve()
            if self.rng.random() < 0.006:
                self.delete_a_version()
            self.mend(day)
        self.sensors()
        self._at_the_end()
        return self.happened

    def _turn(self) -> None:
        """The world changes now and then, and changes back."""
        draw = self.rng.random()
        if draw < 0.025:
            self.source.regime = self.rng.randint(0, 4)
        elif draw < 0.035:
            self.source.concept = self.rng.randint(0, 2)
        elif draw < 0.1:
            self.source.regime = self.source.concept = 0

    def train_baseline(self) -> None:
        """Baseline and first model."""
        self.step("rare", "baseline", lambda life, _: take_baseline(life))
        self.step("rare", "baseline", train_baseline_model)
        promised(self.registry.version("production") is not None, "the first model is production")

    def deliver(self, day: int) -> None:
        """A day's rows come; or late, broken, or never."""
        if self.rng.random() > self.busy:
            return
        draw = self.rng.random()
        if draw < 0.02:
            self._count("a day that never comes")
            self.daily(day)
            return
        self.source.arrive(day)
        if draw < 0.04:
            self._count("a day that comes late")
            self.source.batches[day].arrived = False
            self.late.setdefault(day + self.rng.randint(1, 3), []).append(day)
        elif draw < 0.06:
            self.source.batches[day].broken = True
            if self.rng.random() < 0.5:
                self.late.setdefault(day + self.rng.randint(1, 3), []).append(day)
        self.daily(day)
        if max(self.source.batches[day].labels_from) > day:
            self._count("labels that come late")
            for later in sorted({*self.source.batches[day].labels_from} - {day}):
                self.late.setdefault(later, []).append(day)
        elif self.rng.random() < 0.05:
            self.late.setdefault(day + 1, []).append(day)

    def ask_for_labels(self, day: int) -> None:
        """A day is looked at again: for its labels, or because it was not there."""
        batch = self.source.batches[day]
        if batch.broken:
            self._count("a quarantined day is put right")
        batch.arrived, batch.broken = True, False
        self.daily(day, only_news=True)

    def deliver_again(self, today: int) -> None:
        """A day comes once more, as it was or with other rows."""
        there = [day for day in self.source.batches if today - FORGETS < day < today]
        if not there:
            return
        day = self.rng.choice(there)
        if self.rng.random() < 0.5:
            self._count("delivered again, the same")
        else:
            self._count("delivered again, changed")
            self.source.change(day)
        self.daily(day)

    def daily(self, day: int, *, only_news: bool = False) -> None:
        """The daily job of a day."""
        partition, work = partition_of(day), self._new_work()
        taken = self.step(
            "daily",
            "drifted_batch",
            lambda life, _: take_batch(life, partition, only_news=only_news),
        )
        if isinstance(taken, Refused | Lost) or taken.record is None:
            if not isinstance(taken, Refused | Lost):
                self._count(
                    "a day that is not there yet"
                    if taken.awaited
                    else "a quarantined day"
                    if taken.violation
                    else "asked for labels, and none is new"
                )
            return
        if isinstance(self._predict(partition), Refused | Lost):
            return
        found = self.step("daily", "drift_report", lambda life, _: report_drift(life, partition))
        if isinstance(found, Refused | Lost):
            return
        self._look_at(found)
        asked = Asked(partition, found.data_hash, work)
        self.ledger.reports.append((asked, found))
        if self.rng.random() < 0.02:
            self._count("a report that is told of twice")
            self.ledger.reports.append((asked, found))

    def _predict(self, partition: str) -> Any:
        return self.step("daily", "predictions", lambda life, _: predict(life, partition))

    def _look_at(self, found: DriftOutcome) -> None:
        self._count(f"a report: {'drift' if found.verdict.drift_detected else 'no drift'}")
        if found.decided_before:
            self._count("a report whose retraining was decided before")
        kept = self.life.journal.reported(found.verdict.partition)
        for record in kept.beside if kept else ():
            pair = record.production, record.other
            previous = self.registry.previous()
            before = previous is not None and previous.number == record.other
            what = "the version before it" if before else "a challenger"
            self._count(f"production is compared with {what}")
            self.comparing.judged = self.comparing.beside_each_other[pair]
            self.comparing.holdout = frozenset()
            self.promises.judged(self.life, self.comparing, *pair)

    def _has_batch(self, day: int) -> bool:
        return self.life.journal.batch(partition_of(day)) is not None

    # ---------------------------------------------------------------- what follows

    def sensors(self) -> None:
        """Every report since the last time, in order."""
        reports, self.ledger.reports = self.ledger.reports, []
        for asked, found in reports:
            self._retrain_on_drift(asked, found)
            if found.promotion_due:
                self._count("a challenger is decided on again")
                self._decide(found.promotion_due)
            if found.rollback_due:
                self._count("production goes back by itself")
                name, expected = f"rollback-{asked.work}", found.production.number
                self.roll_back(name, expected)

    def _retrain_on_drift(self, asked: Asked, found: DriftOutcome) -> None:
        ledger, spec = self.ledger, self.life.spec
        verdict = found.verdict
        why_not = why_not_retrained(
            asked.partition,
            verdict.retrain,
            verdict.reasons,
            found.decided_before,
            found.drifted_in_a_row,
            ledger.retrained,
            spec.drift,
            spec.retrain,
        )
        if why_not:
            if "held back" in why_not:
                self._count("a retraining is held back")
            return
        if asked in ledger.asked:
            self._count("a report is not acted on twice")
            return
        ledger.asked.append(asked)
        ledger.retrained.add(asked.partition)
        self.retrain(asked.partition, asked, by_sensor=True)

    def retrain(self, partition: str, asked: Asked, *, by_sensor: bool) -> None:
        """The retrain job of a day."""
        done = self.step(
            "rare",
            "augmented_dataset",
            lambda life, _: augment(life, partition, judge_again=by_sensor),
        )
        if not isinstance(done, Refused | Lost):
            done = self.step(
                "rare",
                "candidate_model",
                lambda life, trainer: train_candidate(life, partition, trainer),
            )
            self.promises.registered_once(self.registry)
        if not isinstance(done, Refused | Lost):
            done = self._decide(partition)
        self.ledger.acted[asked] += 1
        if isinstance(done, Refused | Lost):
            self._count("a retraining that failed or was lost")

    def _decide(self, partition: str) -> Any:
        self.comparing.judged = frozenset()
        done = self.step(
            "rare", "production_model", lambda life, _: decide_on_candidate(life, partition)
        )
        if isinstance(done, Refused | Lost):
            return done
        self._count(f"decided: {done.decision}")
        if done.decided and self.comparing.judged:
            compared = done.decided.candidate_version, done.decided.production_version
            there = [number for number in compared if number not in self.promises.deleted]
            self.promises.judged(self.life, self.comparing, *there)
        return done

    # ---------------------------------------------------------------- people

    def by_a_person(self) -> None:
        """Something that a person does, with this software or past it."""
        what = self.rng.choice(["back", "back", "approve", "alias", "retrain", "again"])
        if what == "back":
            self._count("a rollback by hand")
            self.roll_back(f"person-{self._new_work()}", None)
        elif what == "approve":
            self.approve()
        elif what == "alias":
            self._production_by_hand()
        elif what == "retrain":
            reported = [r.report.partition for r in self.life.journal.every_reported()]
            if reported:
                self._count("a retraining by hand")
                partition = self.rng.choice(reported[-FORGETS:])
                asked = Asked(partition, "by hand", self._new_work())
                self.retrain(partition, asked, by_sensor=False)
        else:
            self._count("the first model is trained again")
            self.train_baseline()

    def roll_back(self, name: str, expected: int | None) -> None:
        """The rollback job."""
        done = self.step("rare", "rollback", lambda life, _: roll_back(life, name, expected))
        if not isinstance(done, Refused | Lost):
            self._count("rolled back" if done else "production is another one by now: no rollback")

    def approve(self) -> None:
        """The approve job."""
        name = f"person-{self._new_work()}"

        def do(life: Life, _: SkillTrainer) -> Any:
            # What waits when it is carried out, which may be a later one than when it was begun.
            self.promises.approved.update(self._waiting())
            return approve(life, name)

        done = self.step("rare", "approval", do)
        if not isinstance(done, Refused | Lost):
            self._count("approved by hand")

    def _waiting(self) -> list[int]:
        if self.life.spec.gate.approval == "auto":
            return []
        decided = self.life.journal.every_decided()
        return [d.candidate_version for d in decided if d.decision == "awaiting_approval"]

    def _production_by_hand(self) -> None:
        """A person points the alias at a version in MLflow's own pages."""
        if not self.registry.every():
            return
        version = self.rng.choice(self.registry.every())
        self._count("production is set by hand")
        self.promises.by_hand.add(version.number)
        self.promises.aliases_by_hand = True
        plan, self.watch.plan, self.by_hand = self.watch.plan, None, True
        self.registry.set_alias("production", version)
        self.watch.plan, self.by_hand = plan, False

    def delete_a_version(self) -> None:
        """A person deletes a version in MLflow's own pages."""
        named = [self.registry.version(alias) for alias in ("production", "previous", "staging")]
        known = [version for version in named if version] + self.registry.every()
        if len(self.registry.every()) < 2:
            return
        version = self.rng.choice(known)
        which = [
            alias
            for alias, one in zip(("production", "previous", "staging"), named, strict=True)
            if one == version
        ]
        self._count(f"a version is deleted: {' and '.join(which) or 'another one'}")
        self.promises.deleted.add(version.number)
        self.registry.delete(version)

    def mend(self, day: int) -> None:
        """A person does what the messages say where production, or the first version, is gone."""
        for again in range(10):  # another version may be deleted, or nobody finish it, meanwhile
            if self.registry.version("production") is not None:
                break
            if self.registry.previous() is not None:
                self._count("production was deleted: back to previous")
                self.roll_back(f"mend-{day}-{again}", None)
            else:
                self._count("production was deleted: the first model is trained again")
                self.train_baseline()
        promised(self.registry.version("production") is not None, "mended, and no production")
        try:
            self.registry.first()
        except UserError:
            self._count("the first version was deleted: it is trained again")
            self.train_baseline()
            self.registry.first()

    # ---------------------------------------------------------------- what is promised

    def _moves(self, to: Any) -> None:
        if not self.by_hand:
            self.promises.aliases_by_hand = False
            self.promises.moved(self.life.journal, self.registry, to)

    def _explained(self, name: str, error: UserError) -> None:
        """A step may refuse only for what was done to it."""
        told = str(error)
        reasons = {
            "nothing to go back to": name == "rollback" and "nothing to roll back to" in told,
            "nothing waits for approval": name == "approval" and "waits for approval" in told,
            "production is another one by now": isinstance(error, ProductionChangedError),
            "a version was deleted": bool(self.promises.deleted)
            and (isinstance(error, NoSuchVersionError) or "deleted" in told),
            "rows have changed since": (name == "production_model" and "have changed since" in told)
            or "has changed since" in told,
            "there is no such day": name == "predictions" and "There is no life/drifted" in told,
            "the step before was lost": "There is no" in told,
        }
        why = [reason for reason, holds in reasons.items() if holds]
        promised(bool(why), f"{name} is stuck: {type(error).__name__}: {told}")
        self._count(f"refused: {why[0]}")

    def _at_the_end(self) -> None:
        for asked in self.ledger.asked:
            promised(
                self.ledger.acted[asked] == 1,
                f"the report of {asked.partition} was acted on {self.ledger.acted[asked]} times",
            )

    def _new_work(self) -> str:
        self.work += 1
        return f"run-{self.work}"

    def _count(self, what: str) -> None:
        self.happened[what] += 1


__all__ = ["BrokenPromiseError", "SimulatedLife", "day_of"]
