"""One day's batch beside all that it is compared with: baseline, regimes, both versions."""

import datetime as dt
import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from mlops_assets.data.faults.suspicion import Suspicion
from mlops_assets.drift.day_effects import DAYS_ALIKE
from mlops_assets.drift.estimate import Estimate
from mlops_assets.drift.findings import (
    Batch,
    EstimatedScore,
    RegimeMatch,
    Together,
)
from mlops_assets.drift.importance import RankedColumn, permutation_importance, rank_by_importance
from mlops_assets.drift.nearest import MOST_COMPARED, distance, nearest, summarize, units
from mlops_assets.drift.regimes import (
    Regime,
    ReportRecord,
    fold_regimes,
    not_held,
    quiet_days,
)
from mlops_assets.drift.retraining import drifted_in_a_row
from mlops_assets.drift.score import (
    Scored,
)
from mlops_assets.drift.side import DayEffects, Outputs, Side
from mlops_assets.drift.two_sample import Comparison
from mlops_assets.drift.verdict import Verdict, hold, judge
from mlops_assets.drift.weakest import WeakSlice, weakest_slice
from mlops_assets.errors import UserError
from mlops_assets.fairness import Fairness
from mlops_assets.lifecycle.besides import Besides
from mlops_assets.lifecycle.comparing import Table
from mlops_assets.lifecycle.estimated import estimate_of, told_of
from mlops_assets.lifecycle.faults import advice, suspected
from mlops_assets.lifecycle.journal import ALL, BatchTaken, Reported
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.lineage import decided_before
from mlops_assets.lifecycle.outputs import ProductionOutputs
from mlops_assets.lifecycle.predictions import served_by
from mlops_assets.lifecycle.reference import Reference, baseline_periods
from mlops_assets.lifecycle.rows import baseline_parts, evaluation_rows, not_learned
from mlops_assets.lifecycle.scores import Scores
from mlops_assets.lifecycle.slices import fairness_on, scores_by_slice
from mlops_assets.lifecycle.summaries import summaries
from mlops_assets.predicted import Predicted
from mlops_assets.promotion.registry import Version
from mlops_assets.slices import SliceScore
from mlops_assets.training.features import model_input

MOST_OF_REGIME = 28  # days of it that a batch is compared with: the latest, as of the quiet ones
SUMMARIZED = 3  # days that say whether a regime is near: of one alone, it may be the weather


class Day:
    """A stored batch, and what the drift report says of it; each comparison is made once."""

    def __init__(self, life: Life, partition: str) -> None:
        self.life, self.partition = life, partition
        spec = self.spec = life.spec
        self.batch = life.store.read(spec.name, "drifted_batch", partition)
        self.data_hash = self._taken(partition).data_hash
        self.baseline = life.store.read(spec.name, "baseline_data", ALL)
        self.features = spec.columns.features(self.baseline)
        self.reference = Reference(life, partition, self.baseline, self.reports)
        self.side = self.reference.several([partition])
        self.effects = self.reference.effects
        self.registry = life.registry
        self.production = served_by(life, partition)
        self.model = life.load(self.production)
        self.unseen = self.unseen_by(self.production)
        self.now = self.scored(self.unseen)
        self.outputs = ProductionOutputs(self) if spec.drift.prediction_significance else None
        self.against_reference = self._beside_reference([partition])
        self.matches: dict[Regime, RegimeMatch] = {}

    @cached_property
    def reported(self) -> list[Reported]:
        """The drift reports so far, by day: read once, of which there may be hundreds."""
        return self.life.journal.every_reported()

    @cached_property
    def reports(self) -> list[ReportRecord]:
        """What they have said, but for those of days that are held for a person."""
        return not_held(reported.report for reported in self.reported)

    @cached_property
    def labelled(self) -> pd.DataFrame:
        """The rows of the batch whose label is known."""
        return self.spec.columns.labelled(self.batch)

    @cached_property
    def score(self) -> float | None:
        """Production's score on the batch's labelled rows; None where it is not defined."""
        if not len(self.now.y_true):
            return None
        score = self.life.metric.score(self.now.y_true, self.now.y_pred)
        return score if math.isfinite(score) else None

    @cached_property
    def estimate(self) -> Estimate | None:
        """Production's score on the batch as it is expected without labels."""
        return estimate_of(self)

    @cached_property
    def estimated_score(self) -> EstimatedScore | None:
        """What the estimate says, where there are too few labels to know the score itself."""
        return told_of(self)

    @cached_property
    def scores(self) -> Scores:
        """How production's score stands beside what it is known by."""
        return Scores(self)

    @cached_property
    def faults(self) -> tuple[Suspicion, ...]:
        """What looks broken in the delivery, and was not accepted by a person."""
        return suspected(self.life, self, self.judged)

    def verdict(self) -> Verdict:
        """Has the batch drifted, which regime is it, is a retraining due; or is it broken?"""
        return hold(
            self.judged,
            [fault.evidence for fault in self.faults],
            advice(self.spec, self.partition),
        )

    @cached_property
    def judged(self) -> Verdict:
        """The verdict on the batch as if nothing of it were broken."""
        spec = self.spec
        labelled = len(self.labelled)
        return judge(
            Batch(self.partition, len(self.batch), labelled, str(self.production.number)),
            self.against_reference,
            self.scores.against_known(),
            fold_regimes(self.reports, self.life.journal.decisions(), before=self.partition),
            self._match,
            self.reports,
            spec.drift,
            needed_labels=self._needed_labels,
            together=self._together() if self.effects else None,
            reference=self.reference.name,
            due=self._due(labelled),
            score_unjudged=self.scores.unjudged,
            nearest=self._nearest,
            estimated=self.estimated_score,
        )

    def _due(self, labelled: int) -> str | None:
        """Why a retraining is due whatever has drifted; None where none is."""
        every = self.spec.retrain.every_days
        if every is None:
            return None
        decided = [r.partition for r in self.life.journal.decisions()]
        decided = [day for day in decided if day <= self.partition]
        reported = [r.partition for r in self.reports if r.partition <= self.partition]
        last = max(decided) if decided else min(reported, default=self.partition)
        passed = (dt.date.fromisoformat(self.partition) - dt.date.fromisoformat(last)).days
        quiet = [day for day in quiet_days(self.reports, self.partition) if day > last]
        labelled += sum(r.labelled_rows for r in self.reports if r.partition in quiet)
        if passed < every or labelled < self._needed_labels:
            return None
        what = "last decision" if decided else "first report"
        return f"the {what} was made {passed} days ago, and retrain.every asks for one in {every}"

    @property
    def _needed_labels(self) -> int:
        """So many that the evaluation part alone is enough for the gate."""
        spec = self.spec
        return math.ceil(spec.gate.min_evaluation_rows / spec.split.evaluation_share)

    def _together(self) -> Together:
        """Several days at once; and this one by its rows, where that is enough."""
        return Together(
            compare=lambda window: self._beside_reference([*window, self.partition]),
            at_once=None if self.days_differ else self._by_rows(),
        )

    def _beside_reference(self, partitions: Sequence[str]) -> Comparison:
        """Some days as one against the reference, as days vary."""
        return self._compare(
            self.reference.side,
            self.reference.several(partitions),
            self.effects,
            self.outputs and (self.reference_outputs, self.outputs.on_days(partitions)),
        )

    def _by_rows(self) -> Comparison:
        """The batch against the baseline, as if its rows were independent.

        Of columns that hardly vary between days one may, and what production predicts with it.
        """
        found = self.against_reference
        alike = found.prediction is not None and found.prediction_inflation < DAYS_ALIKE
        outputs = self.outputs if alike else None
        return self._compare(
            self.reference.baseline_side,
            self.side,
            None,
            outputs and (outputs.on_holdout(), outputs.on_days([self.partition])),
        )

    @cached_property
    def reference_outputs(self) -> Outputs:
        """What production predicts for rows of the reference that it has not learned from."""
        assert self.outputs is not None
        return self.outputs.on_reference()

    @property
    def days_differ(self) -> bool:
        """Whether days are known to differ by more than their rows explain.

        In their features, or in the frequencies of labels, which may move where no feature does.
        """
        found = self.against_reference
        return max(found.inflation, found.target_inflation) >= DAYS_ALIKE

    def decided_before(self, verdict: Verdict) -> str | None:
        """Why a retraining that the verdict asks for was dealt with, for a report made again."""
        if not verdict.retrain:
            return None
        return decided_before(self.life, self.partition, verdict.regime_labelled_rows)

    def drifted_in_a_row(self, verdict: Verdict) -> int:
        """Drifted batches without a break up to this day, this one included."""
        if not verdict.drift_detected:
            return 0
        return 1 + drifted_in_a_row(self.reports, self.partition)

    def ranked(self) -> tuple[RankedColumn, ...]:
        """The columns by how much their drift matters to the production model."""
        holdout = baseline_parts(self.life).judge
        if holdout.empty:
            return rank_by_importance(self.against_reference, {})
        target = holdout[self.spec.columns.target]
        importances = permutation_importance(
            self.model, holdout[self.model.features], target, self.life.metric, self.spec.drift.seed
        )
        return rank_by_importance(self.against_reference, importances)

    @cached_property
    def slices(self) -> list[SliceScore]:
        """Production's score on each slice that the YAML names."""
        return scores_by_slice(self.life, self.unseen, self.now.y_true, self.now.y_pred)

    @cached_property
    def fairness(self) -> Fairness | None:
        """How production treats the groups that the YAML names."""
        return fairness_on(self.life, self.unseen, self.now.y_true, self.now.y_pred)

    @cached_property
    def weakest(self) -> WeakSlice | None:
        """Where production errs most, told by columns whose values may be shown."""
        sensitive = {*self.spec.columns.sensitive}
        shown = [name for name in self.model.features if name not in sensitive]
        rows = model_input(self.unseen, shown)
        return weakest_slice(rows, self.now.y_true, self.now.y_pred, self.spec.task)

    @cached_property
    def beside(self) -> Besides:
        """Production beside the version before it, and beside a candidate that may be better."""
        return Besides(self.life, self)

    def _taken(self, partition: str) -> BatchTaken:
        taken = self.life.journal.batch(partition)
        if taken is None:
            name = self.spec.name
            raise UserError(
                f"There is no record of {name}/drifted_batch of {partition}. Materialize "
                f"{name}/drifted_batch of {partition} again."
            )
        return taken

    def _nearest(self, regimes: Sequence[Regime]) -> Sequence[Regime]:
        """The regimes to compare with: never more than a few, however many there are."""
        if len(regimes) <= MOST_COMPARED:
            return regimes
        columns, policy = self.spec.columns, self.spec.drift
        today = summarize(self.batch, self.features, columns.target, self.spec.task)
        unit = units(self.baseline, [*self.features, columns.target])
        hashes = {reported.report.partition: reported.data_hash for reported in self.reported}
        latest = {regime.name: regime.partitions[-SUMMARIZED:] for regime in regimes}
        days = {day: hashes[day] for each in latest.values() for day in each}
        apart = {
            day: distance(today, summary, unit, policy.drift_share)
            for day, summary in summaries(self.life, days, self.features).items()
        }
        distances = {
            name: sum(apart[day] for day in each) / len(each) for name, each in latest.items()
        }
        return nearest(regimes, distances)

    def _match(self, regime: Regime) -> RegimeMatch:
        if regime not in self.matches:
            latest = self._latest(regime)
            side = self.reference.several(latest)
            effects = self.effects if self.days_differ else None
            comparison = self._compare(side, self.side, effects)
            # Where the columns say that it is another one, the score need not be asked.
            fall = None if comparison.differs else self.scores.fall_since(latest)
            self.matches[regime] = RegimeMatch(comparison, fall)
        return self.matches[regime]

    @cached_property
    def holdout(self) -> Scored:
        """The baseline holdout, as production predicts it."""
        return self.scored(baseline_parts(self.life).judge)

    @cached_property
    def holdout_periods(self) -> np.ndarray:
        """The period of each row of the baseline holdout; -1 where nobody knows it."""
        parts = baseline_parts(self.life)
        return baseline_periods(self.life, parts.judge, parts.judge_places)

    def scored(self, rows: pd.DataFrame) -> Scored:
        """Labelled rows with what production predicts for them."""
        if rows.empty:
            return Scored(np.array([]), Predicted(np.array([])))
        return Scored(rows[self.spec.columns.target].to_numpy(), self.model.predict(rows))

    def unseen_by(self, *versions: Version) -> pd.DataFrame:
        """The labelled rows that no such version has been trained on: mostly all of them."""
        if all(version.tags.get("partition", "") < self.partition for version in versions):
            return self.labelled
        rows = evaluation_rows(self.life, [self.partition])
        return not_learned(self.life, rows, *versions).reset_index(drop=True)

    def table_of(self, verdict: Verdict) -> Table:
        """The rows that the batch is like, or should be: of its regime, or the reference's."""
        known = next((each for each in self.matches if each.name == verdict.regime), None)
        return self.reference.days(self._latest(known)) if known else self.reference.table()

    def rows_of(self, regime: Regime) -> pd.DataFrame:
        """The rows of the regime that a batch is compared with."""
        return self.reference.days(self._latest(regime)).rows

    def _latest(self, regime: Regime) -> list[str]:
        """The regime's batches from the latest back, as many as a comparison looks at."""
        latest: list[str] = []
        rows = 0
        for partition in regime.partitions[: -MOST_OF_REGIME - 1 : -1]:
            latest.append(partition)
            rows += self._taken(partition).rows
            if rows >= self.spec.drift.max_rows:
                break
        return latest

    def _compare(
        self,
        reference: Side,
        batch: Side,
        effects: DayEffects | None,
        outputs: tuple[Outputs, Outputs] | None = None,
    ) -> Comparison:
        spec = self.spec
        return self.life.comparing.compare(
            reference, batch, spec.task, spec.drift, effects, outputs
        )
