"""A world's days, lived by the code that runs in production; only model and data are made up."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bench.learner import Folded, Learner, Model
from bench.tables import TARGET
from bench.world import COLUMNS, World
from mlops_assets.data.columns import Columns
from mlops_assets.data.sources import PythonSource
from mlops_assets.data.splits import held_out
from mlops_assets.drift.retraining import why_not_retrained
from mlops_assets.lifecycle.augmented_dataset import augment
from mlops_assets.lifecycle.baseline_data import take_baseline
from mlops_assets.lifecycle.baseline_model import train_baseline_model
from mlops_assets.lifecycle.candidate_model import train_candidate
from mlops_assets.lifecycle.drift_report import DriftOutcome, report_drift
from mlops_assets.lifecycle.drifted_batch import take_batch
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.memory import MemoryRegistry, MemoryStore
from mlops_assets.lifecycle.moves import roll_back
from mlops_assets.lifecycle.outside import Training
from mlops_assets.lifecycle.predictions import predict
from mlops_assets.lifecycle.production_model import DecisionOutcome, decide_on_candidate
from mlops_assets.lifecycle.rows import baseline_parts
from mlops_assets.lifecycle.sides import Sides
from mlops_assets.spec import ModelSpec
from mlops_assets.training.folds import assign_folds
from mlops_assets.training.weights import FOLDS, Roles, choose

DAYS = 30
FIRST_DAY = dt.date(2026, 1, 1)
HANDED_IN = PythonSource(kind="python", function="bench.streams:read_nowhere")
SPEC = ModelSpec(
    name="stream",
    columns=Columns(target=TARGET),
    baseline=HANDED_IN,
    batches=HANDED_IN,
    start_date=FIRST_DAY.isoformat(),
)
METRIC = SPEC.metric_of()
KEPT_CELLS = 3_000_000


@dataclass
class Outcome:
    """What happened in thirty days."""

    retrained: list[int] = field(default_factory=list)
    promoted: list[int] = field(default_factory=list)
    drifted: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)  # production's macro F1, day by day
    baseline_drops: list[float] = field(default_factory=list)  # after each promotion

    def note(self, day: int, decision: DecisionOutcome) -> None:
        """What was decided on a day."""
        if decision.decision == "promoted":
            self.promoted.append(day)
            assert decision.decided
            self.baseline_drops.append(decision.decided.evidence.baseline_drop or 0.0)


@dataclass(frozen=True)
class WorldSource:
    """A world as a model's source."""

    world: World

    def baseline(self) -> pd.DataFrame:
        """The world's baseline."""
        return self.world.baseline()

    def batch(self, day: dt.date) -> pd.DataFrame:
        """The world's rows of a day."""
        return self.world.day((day - FIRST_DAY).days + 1)

    def labels(self, day: dt.date) -> pd.DataFrame:
        """They come with the rows."""
        raise AssertionError(day)


@dataclass
class LearnerTrainer:
    """Trains the stand-in learner, and registers what it has learned.

    Of a candidate, the rows weigh what does best, by the rules that candidates are trained by.
    """

    registry: MemoryRegistry
    learner: Learner
    _floor: float | None = None  # of the score on the baseline: always of the same rows

    def __call__(
        self,
        table: pd.DataFrame,
        partition: str | None,
        files: Sequence[Path],  # noqa: ARG002
        roles: Roles | None = None,
    ) -> Training:
        """Train."""
        if roles is None:
            model = self.learner.fit([self.learner.moments(table)])
        else:
            model = self._weighted(table, roles)
        tags = {"partition": partition} if partition else {}
        return Training(self.registry.register(model, tags), len(table))

    def _weighted(self, table: pd.DataFrame, roles: Roles) -> Model:
        if self._floor is None and roles.max_drop is not None:
            baseline = table[roles.baseline].reset_index(drop=True)
            predicted = self._folded(baseline, np.zeros(len(baseline), dtype=int))(None)
            self._floor = METRIC.score(baseline[TARGET].to_numpy(), predicted) - roles.max_drop
        group_of = roles.regime + 2 * roles.columns()["quiet"]
        folded = self._folded(table, group_of, roles)
        known = replace(roles, floor=self._floor)
        chosen, tried = choose(
            folded, table[TARGET], known, SPEC.training, METRIC, takes_weights=True
        )
        return folded.fit(chosen.weights(tried.weight))

    def _folded(
        self, table: pd.DataFrame, group_of: np.ndarray, roles: Roles | None = None
    ) -> Folded:
        fold_of, _ = assign_folds(table, SPEC.columns, "classification", FOLDS, 0, roles)
        return Folded(self.learner, table, fold_of, group_of)


def partition_of(day: int) -> str:
    """The partition key of a day, from 1 on."""
    return (FIRST_DAY + dt.timedelta(days=day - 1)).isoformat()


def live(world: World, days: int = DAYS) -> Outcome:
    """The loop over a world's days."""
    registry = MemoryRegistry(SPEC.name)
    life = Life(SPEC, MemoryStore(), registry, source=WorldSource(world), sides=Sides(KEPT_CELLS))
    trainer = LearnerTrainer(registry, Learner(COLUMNS))
    take_baseline(life)
    train_baseline_model(life, trainer)
    outcome = Outcome()
    for day in range(1, days + 1):
        _live_day(life, trainer, day, outcome)
    return outcome


def _live_day(life: Life, trainer: LearnerTrainer, day: int, outcome: Outcome) -> None:
    partition = partition_of(day)
    assert take_batch(life, partition).record
    predict(life, partition)
    found = report_drift(life, partition)
    outcome.scores.append(found.score or 0.0)
    if found.verdict.drift_detected:
        outcome.drifted.append(day)
    if found.rollback_due:
        roll_back(life, partition, found.production.number)
    if found.promotion_due:
        outcome.note(day, decide_on_candidate(life, found.promotion_due))
    retrained = [partition_of(earlier) for earlier in outcome.retrained]
    if asks_for_none(found, retrained, SPEC):
        return
    decision = retrain(life, partition, trainer)
    if decision.decision == "already_known":
        return
    outcome.retrained.append(day)
    outcome.note(day, decision)


def asks_for_none(found: DriftOutcome, retrained: list[str], spec: ModelSpec) -> str | None:
    """Why a report leads to no retraining, as the sensor sees it."""
    verdict = found.verdict
    return why_not_retrained(
        verdict.partition,
        verdict.retrain,
        verdict.reasons,
        found.decided_before,
        found.drifted_in_a_row,
        retrained,
        spec.drift,
        spec.retrain,
    )


def retrain(life: Life, partition: str, trainer: LearnerTrainer) -> DecisionOutcome:
    """The retrain job of a day."""
    augment(life, partition, judge_again=True)
    train_candidate(life, partition, trainer)
    return decide_on_candidate(life, partition)


@dataclass(frozen=True)
class Simple:
    """Production's mean macro F1 over the days, by rules that look at nothing."""

    never: float  # the first model stays
    daily: float  # retrained every day on the rows that the loop may learn from; no gate
    daily_all_rows: float  # the same with the rows that the loop keeps for its evaluation


def simple_rules(world: World) -> Simple:
    """What never retraining, and retraining every day, come to in the same world."""
    learner = Learner(COLUMNS)
    life = Life(SPEC, MemoryStore(), MemoryRegistry(SPEC.name), source=WorldSource(world))
    take_baseline(life)
    base = learner.moments(baseline_parts(life).learn)
    parts, whole = [base], [base]
    first = learner.fit([base])
    models: list[Model] = [first] * 3
    scores = []
    for day in range(1, DAYS + 1):
        batch = world.day(day)
        truth = batch[TARGET].to_numpy()
        scores.append([METRIC.score(truth, model.predict(batch)) for model in models])
        parts.append(learner.moments(batch[~_judged(batch)]))
        whole.append(learner.moments(batch))
        models = [first, learner.fit(parts), learner.fit(whole)]
    return Simple(*(float(score) for score in np.mean(scores, axis=0)))


def _judged(batch: pd.DataFrame) -> np.ndarray:
    """The rows that the loop keeps for its evaluation."""
    policy = SPEC.split
    return held_out(
        batch, SPEC.columns, policy.evaluation_share, policy.seed, SPEC.task, stratified=False
    )
