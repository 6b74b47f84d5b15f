"""A life's data, model and comparisons: made up so that they cost next to nothing.

A row's column ``x`` says which regime it is of, ``c`` by which rule it was labelled, and its label
is a number of its own: so what was learned from and judged on can be told from the labels. A
model's "prediction" of a row is how well it does on such rows. Comparisons look at the means of
these, where the project's own would test and resample.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bench.lives.interruption import WatchedRegistry
from mlops_assets.data.columns import Columns
from mlops_assets.data.contract import (
    Checked,
    ColumnOverrides,
    Contract,
    ContractOverrides,
    ContractViolation,
    Violation,
)
from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.data.sources import PythonSource
from mlops_assets.drift.policy import DriftPolicy
from mlops_assets.drift.score import Scored, ScoreFall
from mlops_assets.drift.two_sample import ColumnDrift, Comparison
from mlops_assets.errors import NotThereYetError
from mlops_assets.lifecycle.comparing import Table
from mlops_assets.lifecycle.outside import Training
from mlops_assets.metrics import Metric
from mlops_assets.predicted import Predicted
from mlops_assets.promotion.beside import Beside
from mlops_assets.promotion.evaluation import Evidence
from mlops_assets.promotion.policy import GatePolicy, RollbackPolicy
from mlops_assets.spec import ModelSpec
from mlops_assets.training.weights import Roles

FIRST_DAY = dt.date(2025, 1, 1)
BASELINE_ROWS = 60
DAY_ROWS = 1000  # numbers between the labels of two days
APART = 0.5  # of two regimes' means
SURE = 0.05  # what of an improvement is left by its lower bound
FALLEN = 0.25
UNSEEN = 0.35  # about how well a model does on rows of a kind that it has not learned from
KEY = "training"  # a version's tag: what it was trained on
_HANDED_IN = PythonSource(kind="python", function="bench.lives.world:nowhere")


def partition_of(day: int) -> str:
    """The partition key of a day, from 0 on."""
    return (FIRST_DAY + dt.timedelta(days=day)).isoformat()


def day_of(partition: str) -> int:
    """The number of a partition's day."""
    return (dt.date.fromisoformat(partition) - FIRST_DAY).days


def drawn_spec(rng: Random) -> ModelSpec:
    """A model with settings of its own."""
    known = rng.choice([["id"], ["id"], ["id", "at"], ["at"], []])
    any_number = ColumnOverrides(minimum=None, maximum=None)
    return ModelSpec(
        name="life",
        task="regression",
        columns=Columns(
            target="y",
            id=["id"] if "id" in known else [],
            timestamp="at" if "at" in known else None,
            ignore=[name for name in ("id", "at") if name not in known],
        ),
        baseline=_HANDED_IN,
        batches=_HANDED_IN,
        labels=_HANDED_IN if "id" in known and rng.random() < 0.8 else None,
        start_date=FIRST_DAY.isoformat(),
        contract=ContractOverrides(
            min_rows=1, columns={"x": any_number, "y": any_number, "c": any_number}
        ),
        drift=DriftPolicy(
            max_rows=100,  # as few as can be: the latest batches of a regime
            regime_growth=rng.choice([2.0, 3.0]),
            min_reference_rows=rng.choice([1, 12]),
            patience=rng.choice([1, 1, 2]),
            cooldown_days=rng.choice([0, 0, 3]),
            prediction_significance=0,  # a model here tells how well it does, and no outcome
        ),
        gate=GatePolicy(
            metric="r2",
            min_evaluation_rows=2,
            max_baseline_drop=0.1,
            approval="manual" if rng.random() < 0.25 else "auto",
            allow_older_partition=rng.random() < 0.15,
        ),
        rollback=RollbackPolicy(patience=rng.choice([1, 2])),
    )


@dataclass
class Batch:
    """What a day's sources have by now."""

    table: pd.DataFrame
    arrived: bool = True
    broken: bool = False
    labels_from: list[int] = field(default_factory=list)  # the day on which each row's label comes


@dataclass
class WorldSource:
    """A life's sources, as they are on the day ``now``."""

    spec: ModelSpec
    rng: Random
    now: int = 0
    regime: int = 0
    concept: int = 0
    batches: dict[int, Batch] = field(default_factory=dict)

    def baseline(self) -> pd.DataFrame:
        """Labelled rows of regime 0."""
        return _table(np.random.default_rng(0), -1, range(BASELINE_ROWS), 0, 0)

    def batch(self, day: dt.date) -> pd.DataFrame:
        """A day's rows, with the labels that come with them."""
        found = self.batches.get((day - FIRST_DAY).days)
        if found is None or not found.arrived:
            raise NotThereYetError(f"nothing has come for {day}")
        if found.broken:
            return found.table.drop(columns="x")
        if self.spec.labels is not None:
            return found.table.drop(columns="y")
        return found.table.assign(y=self._labels(found))

    def labels(self, day: dt.date) -> pd.DataFrame:
        """The labels that have come by now."""
        found = self.batches[(day - FIRST_DAY).days]
        known = self._labels(found)
        there = ~np.isnan(known)
        if not there.any():
            raise NotThereYetError(f"no label of {day} yet")
        return pd.DataFrame({"id": found.table["id"].to_numpy()[there], "y": known[there]})

    def arrive(self, day: int) -> None:
        """A day's rows come."""
        count = self.rng.randint(14, 18)
        late = self.rng.random() < 0.1
        self.batches[day] = Batch(
            self._rows(day, range(count)),
            labels_from=[day + (self.rng.choice([0, 2, 5]) if late else 0) for _ in range(count)],
        )

    def change(self, day: int) -> None:
        """A day's rows come again, some of them others, and some with another label."""
        batch, more = self.batches[day], self.rng.randint(0, 3)
        kept = [place for place in range(len(batch.table)) if self.rng.random() < 0.8] or [0]
        first = int(batch.table["id"].max()) % DAY_ROWS + 1
        table = pd.concat(
            [batch.table.iloc[kept], self._rows(day, range(first, first + more))], ignore_index=True
        )
        if self.rng.random() < 0.5:
            table.loc[0, "y"] += 0.25
        batch.table = table
        batch.labels_from = [batch.labels_from[place] for place in kept] + [day] * more

    def _rows(self, day: int, numbers: range) -> pd.DataFrame:
        rng = np.random.default_rng([self.rng.getrandbits(32), day])
        return _table(rng, day, numbers, self.regime, self.concept)

    def _labels(self, batch: Batch) -> np.ndarray:
        come = np.array(batch.labels_from) <= self.now
        return np.where(come, batch.table["y"].to_numpy(), np.nan)


def _table(
    rng: np.random.Generator, day: int, numbers: range, regime: int, concept: int
) -> pd.DataFrame:
    count = len(numbers)
    number = (day + 1) * DAY_ROWS + np.array(numbers, dtype=np.int64)
    midnight = pd.Timestamp(FIRST_DAY) + pd.Timedelta(days=day)
    rule = rng.integers(0, 2, count) * 0.1 + concept if day < 0 else np.full(count, float(concept))
    return pd.DataFrame(
        {
            "id": number,
            "at": midnight.to_datetime64() + np.array(numbers) * np.timedelta64(1, "m"),
            "x": regime + rng.uniform(-0.2, 0.2, count),
            "c": rule,
            "y": number.astype(float),
        }
    )


def numbers_of(labels: ArrayLike) -> frozenset[int]:
    """The rows that labels are of, whatever was corrected since."""
    return frozenset(np.floor(np.asarray(labels, dtype=float)).astype(int).tolist())


@dataclass(frozen=True)
class Skilled:
    """A model that does so well on rows of each kind."""

    skill: dict[tuple[int, int], float]
    seed: int
    features: list[str]

    def predict(self, frame: pd.DataFrame) -> Predicted:
        """How well it does on each row."""
        regimes = np.rint(frame["x"].to_numpy()).astype(int).tolist()
        rules = np.rint(frame["c"].to_numpy()).astype(int).tolist()
        return Predicted(np.array([self._on(kind) for kind in zip(regimes, rules, strict=True)]))

    def _on(self, kind: tuple[int, int]) -> float:
        if kind not in self.skill:
            self.skill[kind] = Random(f"{self.seed} {kind}").uniform(UNSEEN - 0.15, UNSEEN + 0.15)
        return self.skill[kind]


@dataclass
class SkillTrainer:
    """Draws a model for a table, the same for the same one, and registers it once.

    ``learned`` keeps, by a training's key, the rows that it was on.
    """

    registry: WatchedRegistry
    learned: dict[str, frozenset[int]]

    def __call__(
        self,
        table: pd.DataFrame,
        partition: str | None,
        files: Sequence[Path],  # noqa: ARG002
        roles: Roles | None = None,  # noqa: ARG002
    ) -> Training:
        """Train, or take what was trained on these rows for this day before."""
        key = f"{partition}-{fingerprint(table)}"
        for version in self.registry.every():
            if version.tags[KEY] == key:
                return Training(version, len(table), known=True)
        self.learned[key] = numbers_of(table["y"])
        tags = {KEY: key} | ({"partition": partition} if partition else {})
        return Training(self.registry.register(_drawn_model(table, key), tags), len(table))


def _drawn_model(table: pd.DataFrame, key: str) -> Skilled:
    rng = Random(key)
    kinds = set(
        zip(
            np.rint(table["x"].to_numpy()).astype(int).tolist(),
            np.rint(table["c"].to_numpy()).astype(int).tolist(),
            strict=True,
        )
    )
    bad = rng.random() < 0.15
    skill = {kind: (0.3 if bad else 0.75) + rng.uniform(-0.06, 0.06) for kind in sorted(kinds)}
    if rng.random() < 0.1:
        skill[0, 0] = 0.5  # it has forgotten the baseline
    return Skilled(skill, rng.getrandbits(32), ["x", "c"])


@dataclass(frozen=True)
class Mean:
    """One side of a comparison."""

    mean: float
    rows: int
    cells: int = 1

    def effects(self, task: str, longest: int) -> None:
        """Rows count as independent."""


class Drawn:
    """Compares by means. ``judged`` keeps the rows that two models were last compared on.

    ``beside_each_other`` keeps those of a day, by production and the other one.
    """

    def __init__(self) -> None:
        self.judged: frozenset[int] = frozenset()
        self.holdout: frozenset[int] = frozenset()
        self.beside_each_other: dict[tuple[int, int], frozenset[int]] = {}

    def check(self, frame: pd.DataFrame, contract: Contract, columns: Columns) -> Checked:
        """A batch breaks its contract where it lacks ``x``; all else is in shape already."""
        if "x" not in frame:
            why = Violation("x", "missing", len(frame), (), "the column is missing")
            raise ContractViolation((why,), len(frame), "the batch", "Deliver it again.")
        names = [name for name in contract.columns if name in frame]
        late = columns.target not in frame or bool(np.isnan(frame[columns.target].to_numpy()).any())
        shaped = frame if names == list(frame.columns) else frame[names]
        return Checked(shaped, ("labels are missing",) if late else ())

    def side(
        self,
        table: Table,
        features: Sequence[str],  # noqa: ARG002
        target: str | None,  # noqa: ARG002
        max_rows: int,  # noqa: ARG002
    ) -> Mean:
        """The mean of ``x``."""
        x = np.concatenate([part["x"].to_numpy() for part in table.parts])
        return Mean(float(x.mean()), len(x))

    def compare(
        self,
        reference: Mean,
        batch: Mean,
        task: str,  # noqa: ARG002
        policy: DriftPolicy,
        effects: None = None,  # noqa: ARG002
        outputs: None = None,  # noqa: ARG002
    ) -> Comparison:
        """Regimes differ where their means do."""
        distance = abs(reference.mean - batch.mean)
        differs = distance > APART
        p = 0.0 if differs else 1.0
        column = ColumnDrift("x", "numerical", p, p, distance, "of the means", APART, differs)
        return Comparison((column,), policy.drift_share, reference.rows, batch.rows)

    def faults(self, *_: object, **__: object) -> tuple[()]:
        """No delivery looks broken: rows are drawn from a handful."""
        return ()

    def falls(
        self,
        now: Scored,
        then: Scored,
        metric: Metric,  # noqa: ARG002
        confidences: tuple[float, ...],
        resamples: int,  # noqa: ARG002
        seed: int,  # noqa: ARG002
    ) -> tuple[ScoreFall, ...]:
        """A score has fallen where the mean has, by much."""
        score_now, score_then = float(np.mean(now.y_pred)), float(np.mean(then.y_pred))
        fall = score_then - score_now
        return tuple(
            ScoreFall(
                score_now=score_now,
                score_then=score_then,
                fall=fall,
                fall_lower=fall - FALLEN,
                confidence=confidence,
                rows_now=len(now.y_true),
                rows_then=len(then.y_true),
                credible=fall > FALLEN,
            )
            for confidence in confidences
        )

    def measure(
        self,
        y: ArrayLike,
        candidate_pred: ArrayLike,
        production_pred: ArrayLike,
        baseline_y: ArrayLike,
        candidate_baseline_pred: ArrayLike,
        first_baseline_pred: ArrayLike,
        metric: Metric,
        policy: GatePolicy,
        partition: str,
        production_partition: str | None,
        periods: np.ndarray | None = None,  # noqa: ARG002
        baseline_periods: np.ndarray | None = None,  # noqa: ARG002
        challenge: Sequence[Beside] = (),
    ) -> Evidence:
        """The means of both, and a bound that is somewhat below their difference."""
        self.judged, self.holdout = numbers_of(y), numbers_of(baseline_y)
        candidate, production = _mean(candidate_pred), _mean(production_pred)
        on_baseline, first = _mean(candidate_baseline_pred), _mean(first_baseline_pred)
        improvement = None if candidate is None or production is None else candidate - production
        return Evidence(
            metric=metric.name,
            candidate_score=candidate,
            production_score=production,
            improvement=improvement,
            improvement_lower=None if improvement is None else improvement - SURE,
            confidence=policy.confidence or 0.95,
            evaluation_rows=len(self.judged),
            candidate_baseline_score=on_baseline,
            first_baseline_score=first,
            baseline_drop=None if on_baseline is None or first is None else first - on_baseline,
            baseline_rows=len(self.holdout),
            partition=partition,
            production_partition=production_partition,
            challenge=tuple(challenge),
        )

    def beside(
        self,
        y: ArrayLike,
        other_pred: ArrayLike,
        production_pred: ArrayLike,
        metric: Metric,  # noqa: ARG002
        partition: str,
        production: int,
        other: int,
        seed: int,  # noqa: ARG002
    ) -> Beside:
        """The difference of both means, which some days leave hardly a doubt of."""
        judged = self.beside_each_other[production, other] = numbers_of(y)
        improvement = float(np.mean(other_pred) - np.mean(production_pred))
        return Beside(
            partition=partition,
            production=production,
            other=other,
            improvement=improvement,
            error=SURE / 4,
            rows=len(judged),
        )


def _mean(values: ArrayLike) -> float | None:
    values = np.asarray(values)
    return float(values.mean()) if len(values) else None
