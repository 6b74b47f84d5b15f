"""One day's batch beside all that it is compared with: baseline, regimes, both versions."""

import math
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from mlops_assets.drift.importance import RankedColumn, permutation_importance, rank_by_importance
from mlops_assets.drift.regimes import Regime, fold_regimes
from mlops_assets.drift.report import write_html
from mlops_assets.drift.score import Scored, ScoreFall, falls
from mlops_assets.drift.two_sample import Comparison, compare
from mlops_assets.drift.verdict import (
    Batch,
    RegimeMatch,
    ScoreCheck,
    Verdict,
    drifted_in_a_row,
    judge,
)
from mlops_assets.errors import UserError
from mlops_assets.lifecycle.journal import ALL, BatchTaken
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.lineage import decided_before
from mlops_assets.lifecycle.predictions import served_by
from mlops_assets.lifecycle.rows import baseline_parts, evaluation_rows
from mlops_assets.promotion.rollback import RollbackRecord, previous_is_better, rollback_due


class Day:
    """A stored batch, and what the drift report says of it; each comparison is made once."""

    def __init__(self, life: Life, partition: str) -> None:
        self.life, self.partition = life, partition
        spec = self.spec = life.spec
        self.batch = life.store.read(spec.name, "drifted_batch", partition)
        self.data_hash = self._taken(partition).data_hash
        self.baseline = life.store.read(spec.name, "baseline_data", ALL)
        self.features = spec.columns.features(self.baseline)
        self.against_baseline = self._compare(self.baseline)
        self.registry = life.registry
        self.production = served_by(life, partition)
        self.model = life.load(self.production)
        self.unseen = self._unseen()
        self.now = self._scored(self.unseen)
        self.matches: dict[Regime, RegimeMatch] = {}

    @property
    def score(self) -> float | None:
        """Production's score on the batch's labelled rows."""
        if not len(self.now.y_true):
            return None
        return self.spec.metric.score(self.now.y_true, self.now.y_pred)

    def verdict(self) -> Verdict:
        """Has the batch drifted, which regime is it, is a retraining due?"""
        spec = self.spec
        earlier = self.life.journal.reports()
        labelled = len(spec.columns.labelled(self.batch))
        return judge(
            Batch(self.partition, len(self.batch), labelled, str(self.production.number)),
            self.against_baseline,
            self._score_check(),
            fold_regimes(earlier, self.life.journal.decisions(), before=self.partition),
            self._match,
            earlier,
            spec.drift,
            # So many that the evaluation part alone is enough for the gate.
            needed_labels=math.ceil(spec.gate.min_evaluation_rows / spec.split.evaluation_share),
        )

    def decided_before(self, verdict: Verdict) -> str | None:
        """Why a retraining that the verdict asks for was dealt with, for a report made again."""
        if not verdict.retrain:
            return None
        return decided_before(self.life, self.partition, verdict.regime_labelled_rows)

    def drifted_in_a_row(self, verdict: Verdict) -> int:
        """Drifted batches without a break up to this day, this one included."""
        if not verdict.drift_detected:
            return 0
        return 1 + drifted_in_a_row(self.life.journal.reports(), self.partition)

    def ranked(self) -> tuple[RankedColumn, ...]:
        """The columns by how much their drift matters to the production model."""
        holdout = baseline_parts(self.life).judge
        if holdout.empty:
            return rank_by_importance(self.against_baseline, {})
        target = holdout[self.spec.columns.target]
        importances = permutation_importance(
            self.model, holdout[self.model.features], target, self.spec.metric, self.spec.drift.seed
        )
        return rank_by_importance(self.against_baseline, importances)

    @cached_property
    def beside_previous(self) -> RollbackRecord | None:
        """Whether the version before production is credibly better on this batch."""
        previous = self.registry.previous()
        policy = self.spec.rollback
        if previous is None or previous == self.production or not policy.enabled:
            return None
        if previous.tags.get("decision") == "rolled_back":  # a person may bring it back
            return None
        if self.production != self.registry.in_use():  # a day long past says nothing of today
            return None
        if len(self.unseen) < self.spec.gate.min_evaluation_rows:
            return None
        decision = previous_is_better(
            self.now.y_true,
            self.now.y_pred,
            self.life.load(previous).predict(self.unseen),
            self.spec.metric,
            self.spec.gate,
            policy,
            self.partition,
        )
        return RollbackRecord(
            partition=self.partition,
            production=str(self.production.number),
            previous=str(previous.number),
            previous_better=decision.decision == "promoted",
        )

    def rollback_due(self) -> str | None:
        """Why production has to go back to previous, this day included; None where it has not."""
        today = self.beside_previous
        if today is None:
            return None
        # Of later days as well: labels that come late are no news where theirs say otherwise.
        others = self.life.journal.comparisons(without=self.partition)
        return rollback_due([*others, today], today.production, today.previous, self.spec.rollback)

    def write_pages(self, verdict: Verdict) -> dict[str, Path]:
        """Evidently's page against the baseline and, in a known regime, one against that."""
        folder = self.life.pages
        pages = {"report": folder / f"{self.partition}.html"}
        found = "drift" if verdict.drift_detected else "no drift"
        self._write_page(
            self.baseline,
            self.against_baseline,
            pages["report"],
            verdict,
            f"{found}, beside the baseline",
        )
        for regime, match in self.matches.items():
            if regime.name == verdict.regime:
                pages["regime_report"] = folder / f"{self.partition}-regime.html"
                alike = f"like the regime of {regime.name}"
                self._write_page(
                    self._reference(regime),
                    match.comparison,
                    pages["regime_report"],
                    verdict,
                    alike,
                )
        return pages

    def _taken(self, partition: str) -> BatchTaken:
        taken = self.life.journal.batch(partition)
        if taken is None:
            name = self.spec.name
            raise UserError(
                f"There is no record of {name}/drifted_batch of {partition}. Materialize "
                f"{name}/drifted_batch of {partition} again."
            )
        return taken

    def _match(self, regime: Regime) -> RegimeMatch:
        if regime not in self.matches:
            rows = evaluation_rows(self.life, self._latest(regime))
            fall = self._falls(self._scored(rows), (self.spec.drift.score_confidence,))
            self.matches[regime] = RegimeMatch(
                self._compare(self._reference(regime)), fall[0] if fall else None
            )
        return self.matches[regime]

    def _score_check(self) -> ScoreCheck | None:
        """The score on the batch against the one on the baseline holdout.

        The score at promotion was measured on the holdout and on a regime's rows; a batch of a
        regime is held against that regime's rows, in ``_match``.
        """
        policy = self.spec.drift
        then = self._scored(baseline_parts(self.life).judge)
        falls_found = self._falls(then, (policy.score_confidence, policy.score_days_confidence))
        if falls_found is None:
            return None
        return ScoreCheck(*falls_found)

    def _falls(self, then: Scored, confidences: tuple[float, ...]) -> tuple[ScoreFall, ...] | None:
        if not len(then.y_true) or not len(self.now.y_true):
            return None
        policy = self.spec.drift
        return falls(self.now, then, self.spec.metric, confidences, policy.resamples, policy.seed)

    def _scored(self, rows: pd.DataFrame) -> Scored:
        if rows.empty:
            return Scored(np.array([]), np.array([]))
        return Scored(rows[self.spec.columns.target].to_numpy(), self.model.predict(rows))

    def _unseen(self) -> pd.DataFrame:
        """The labelled rows that production has not been trained on: mostly all of them."""
        if self.production.tags.get("partition", "") < self.partition:
            return self.spec.columns.labelled(self.batch)
        return evaluation_rows(self.life, [self.partition])

    def _reference(self, regime: Regime) -> pd.DataFrame:
        """The rows of the regime that a batch is compared with."""
        name, latest = self.spec.name, self._latest(regime)
        tables = [self.life.store.read(name, "drifted_batch", partition) for partition in latest]
        return pd.concat(tables, ignore_index=True)

    def _latest(self, regime: Regime) -> list[str]:
        """The regime's batches from the latest back, as many as a comparison looks at."""
        latest: list[str] = []
        rows = 0
        for partition in reversed(regime.partitions):
            latest.append(partition)
            rows += self._taken(partition).rows
            if rows >= self.spec.drift.max_rows:
                break
        return latest

    def _compare(self, reference: pd.DataFrame) -> Comparison:
        spec = self.spec
        return compare(
            reference, self.batch, self.features, spec.columns.target, spec.task, spec.drift
        )

    def _write_page(
        self,
        reference: pd.DataFrame,
        comparison: Comparison,
        path: Path,
        verdict: Verdict,
        found: str,
    ) -> None:
        spec = self.spec
        write_html(
            reference,
            self.batch,
            self.features,
            spec.columns.target if comparison.target else None,
            spec.task,
            comparison,
            spec.columns,
            path,
            f"{spec.name}, {self.partition}: {found}",
            verdict.reasons,
        )
