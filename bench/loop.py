"""The loop over days with the project's own functions; only model and data are synthetic."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bench.learner import Learner, Model, Moments
from bench.tables import TARGET
from bench.world import COLUMNS, World
from mlops_assets.data.columns import Columns
from mlops_assets.data.splits import SplitPolicy, held_out
from mlops_assets.drift.policy import DriftPolicy
from mlops_assets.drift.regimes import DecisionRecord, Regime, ReportRecord, fold_regimes
from mlops_assets.drift.score import Scored, ScoreFall, falls
from mlops_assets.drift.two_sample import Comparison, compare
from mlops_assets.drift.verdict import (
    Batch,
    RegimeMatch,
    ScoreCheck,
    Verdict,
    judge,
    known_already,
)
from mlops_assets.metrics import get_metric
from mlops_assets.promotion.evaluation import measure
from mlops_assets.promotion.gate import decide
from mlops_assets.promotion.policy import GatePolicy

DAYS = 30
TASK = "classification"
METRIC = get_metric(None, TASK)
ROLES = Columns(target=TARGET)
FEATURES = [f"x{place}" for place in range(COLUMNS)]


def partition_of(day: int) -> str:
    """The partition key of a day, from 1 on."""
    return f"2026-01-{day:02}"


@dataclass
class Outcome:
    """What happened in thirty days."""

    retrained: list[int] = field(default_factory=list)
    promoted: list[int] = field(default_factory=list)
    drifted: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)  # production's macro F1, day by day
    baseline_drops: list[float] = field(default_factory=list)  # after each promotion


class Loop:
    """One model's life: the steps of the assets, in their order, on tables in memory."""

    def __init__(
        self,
        baseline: pd.DataFrame,
        drift: DriftPolicy | None = None,
        gate: GatePolicy | None = None,
        split: SplitPolicy | None = None,
    ) -> None:
        self.drift, self.gate = drift or DriftPolicy(), gate or GatePolicy()
        self.split = split or SplitPolicy()
        self.learner = Learner(COLUMNS)
        self.baseline = baseline
        self.train, self.holdout = self.parts(baseline, self.split.holdout_share)
        self.base_moments = self.learner.moments(self.train)
        self.first = self.production = self.learner.fit([self.base_moments])
        self.promoted_with = self._scored(self.holdout)
        self.first_score = METRIC.score(self.promoted_with.y_true, self.promoted_with.y_pred)
        self.version, self.production_partition = 1, None
        self.reports: list[ReportRecord] = []
        self.decisions: list[DecisionRecord] = []
        self.batches: dict[str, pd.DataFrame] = {}
        self.learn: dict[str, Moments] = {}
        self.evaluate: dict[str, pd.DataFrame] = {}
        self.outcome = Outcome()

    def parts(self, rows: pd.DataFrame, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The rows to learn from, and the rows kept for judging."""
        judged = held_out(rows, ROLES, share, self.split.seed, TASK)
        return rows[~judged], rows[judged]

    def day(self, day: int, batch: pd.DataFrame) -> Verdict:
        """Report on a day's batch, and retrain where the verdict says so."""
        partition = partition_of(day)
        learn, evaluate = self.parts(batch, self.split.evaluation_share)
        self.batches[partition], self.evaluate[partition] = batch, evaluate
        self.learn[partition] = self.learner.moments(learn)
        predicted = self.production.predict(batch)
        now = Scored(batch[TARGET].to_numpy(), predicted)
        self.outcome.scores.append(METRIC.score(now.y_true, now.y_pred))
        verdict = self._judge(partition, batch, now)
        self.reports.append(verdict.record())
        if verdict.drift_detected:
            self.outcome.drifted.append(day)
        if verdict.retrain:
            self._retrain(day, verdict)
        return verdict

    def _judge(self, partition: str, batch: pd.DataFrame, now: Scored) -> Verdict:
        def compare_with(regime: Regime) -> RegimeMatch:
            reference = pd.concat([self.batches[key] for key in regime.partitions])
            rows = pd.concat([self.evaluate[key] for key in regime.partitions])
            fall = self._falls(now, self._scored(rows), (self.drift.score_confidence,))[0]
            return RegimeMatch(self._compare(reference, batch), fall)

        confidences = (self.drift.score_confidence, self.drift.score_days_confidence)
        fall, fall_of_days = self._falls(now, self.promoted_with, confidences)
        return judge(
            Batch(partition, len(batch), len(batch), str(self.version)),
            self._compare(self.baseline, batch),
            ScoreCheck(fall, fall_of_days),
            fold_regimes(self.reports, self.decisions, partition),
            compare_with,
            self.reports,
            self.drift,
        )

    def _falls(
        self, now: Scored, then: Scored, confidences: tuple[float, ...]
    ) -> tuple[ScoreFall, ...]:
        return falls(now, then, METRIC, confidences, self.drift.resamples, self.drift.seed)

    def _scored(self, rows: pd.DataFrame) -> Scored:
        return Scored(rows[TARGET].to_numpy(), self.production.predict(rows))

    def _compare(self, reference: pd.DataFrame, batch: pd.DataFrame) -> Comparison:
        return compare(reference, batch, FEATURES, TARGET, TASK, self.drift)

    def _retrain(self, day: int, verdict: Verdict) -> None:
        partition = partition_of(day)
        earlier = fold_regimes(self.reports, self.decisions, partition)
        if known_already(verdict.record(), earlier, self.drift):
            return
        self.outcome.retrained.append(day)
        own = next((regime for regime in earlier if regime.name == verdict.regime_name), None)
        regime = (*(own.partitions if own else ()), partition)
        promoted = [key for known in earlier if known.promoted for key in known.partitions]
        training = [self.learn[key] for key in sorted({*promoted, *regime})]
        candidate = self.learner.fit([self.base_moments, *training])
        decision = self._decide(candidate, regime, partition)
        if decision == "promoted":
            self.production, self.production_partition = candidate, partition
            self.version += 1
            self.outcome.promoted.append(day)
            self.promoted_with = self._scored(self.holdout)
            score = METRIC.score(self.promoted_with.y_true, self.promoted_with.y_pred)
            self.outcome.baseline_drops.append(self.first_score - score)
        self.decisions.append(
            DecisionRecord(
                partition=partition,
                decision=decision,
                regime=verdict.regime_name,
                regime_rows=verdict.regime_labelled_rows,
            )
        )

    def _decide(self, candidate: Model, regime: tuple[str, ...], partition: str) -> str:
        rows = pd.concat([self.evaluate[key] for key in regime])
        evidence = measure(
            rows[TARGET],
            candidate.predict(rows),
            self.production.predict(rows),
            self.holdout[TARGET],
            candidate.predict(self.holdout),
            self.first.predict(self.holdout),
            METRIC,
            self.gate,
            partition,
            self.production_partition,
        )
        return decide(evidence, self.gate).decision


def live(world: World, days: int = DAYS) -> Outcome:
    """The loop over a world's days."""
    loop = Loop(world.baseline())
    for day in range(1, days + 1):
        loop.day(day, world.day(day))
    return loop.outcome


@dataclass(frozen=True)
class Simple:
    """Production's mean macro F1 over the days, by rules that look at nothing."""

    never: float  # the first model stays
    daily: float  # retrained every day on the rows that the loop may learn from; no gate
    daily_all_rows: float  # the same with the rows that the loop keeps for its evaluation


def simple_rules(world: World) -> Simple:
    """What never retraining, and retraining every day, come to in the same world."""
    loop = Loop(world.baseline())
    parts, whole = [loop.base_moments], [loop.base_moments]
    models = [loop.first] * 3
    scores = []
    for day in range(1, DAYS + 1):
        batch = world.day(day)
        truth = batch[TARGET].to_numpy()
        scores.append([METRIC.score(truth, model.predict(batch)) for model in models])
        learn, _ = loop.parts(batch, loop.split.evaluation_share)
        parts.append(loop.learner.moments(learn))
        whole.append(loop.learner.moments(batch))
        models = [loop.first, loop.learner.fit(parts), loop.learner.fit(whole)]
    return Simple(*(float(score) for score in np.mean(scores, axis=0)))
