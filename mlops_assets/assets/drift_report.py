"""``drift_report``: has the batch drifted, and is it worth retraining?"""

import math
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from mlops_assets import settings
from mlops_assets.assets.parts import (
    baseline_parts,
    batch_parts,
    decisions,
    evaluation_rows,
    reports,
)
from mlops_assets.assets.shared import ALL, asset, registry_of, told_plainly
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
from mlops_assets.resources.store import Store
from mlops_assets.spec import ModelSpec


def drift_report(spec: ModelSpec) -> dg.AssetsDefinition:
    """The asset for one model."""

    @asset(
        spec,
        "drift_report",
        deps=(
            "baseline_data",
            "baseline_model",
            "drifted_batch",
        ),
        kinds={"pandas", "report"},
        pool="daily",
        check="verdict: The batch is like the baseline. Where not: what differs.",
        description="The batch against the baseline and against every regime met since: features, "
        "target and production's own score; Evidently's page; the verdict.",
    )
    @told_plainly()
    def _drift_report(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
        partition = context.partition_key
        today = _Day(spec, store, partition)
        verdict = today.verdict()
        pages = today.write_pages(verdict)
        store.write_record(
            spec.name,
            "drift_report",
            partition,
            {"report": verdict.record().model_dump(mode="json"), "reasons": list(verdict.reasons)},
        )
        return _result(verdict, today, pages)

    return _drift_report


class _Day:
    """One day's batch beside all that it is compared with; each comparison is made once."""

    def __init__(self, spec: ModelSpec, store: Store, partition: str) -> None:
        self.spec, self.store, self.partition = spec, store, partition
        self.batch = store.read(spec.name, "drifted_batch", partition)
        self.baseline = store.read(spec.name, "baseline_data", ALL)
        self.features = spec.columns.features(self.baseline)
        self.against_baseline = self._compare(self.baseline)
        self.production = registry_of(spec).in_use()
        self.model = registry_of(spec).load(self.production)
        self.now = self._scored(self._unseen())
        self.matches: dict[Regime, RegimeMatch] = {}

    @property
    def score(self) -> float | None:
        """Production's score on the batch's labelled rows."""
        if not len(self.now.y_true):
            return None
        return self.spec.metric.score(self.now.y_true, self.now.y_pred)

    def verdict(self) -> Verdict:
        spec, store = self.spec, self.store
        earlier = reports(spec, store)
        labelled = len(spec.columns.labelled(self.batch))
        return judge(
            Batch(self.partition, len(self.batch), labelled),
            self.against_baseline,
            self._score_check(),
            fold_regimes(earlier, decisions(spec, store), before=self.partition),
            self._match,
            earlier,
            spec.drift,
            # So many that the evaluation part alone is enough for the gate.
            needed_labels=math.ceil(spec.gate.min_evaluation_rows / spec.split.evaluation_share),
        )

    def drifted_in_a_row(self, verdict: Verdict) -> int:
        """Drifted batches without a break up to this day, this one included."""
        if not verdict.drift_detected:
            return 0
        return 1 + drifted_in_a_row(reports(self.spec, self.store), self.partition)

    def write_pages(self, verdict: Verdict) -> dict[str, Path]:
        """Evidently's page against the baseline and, in a known regime, one against that."""
        folder = settings.reports_folder() / self.spec.name
        pages = {"report": folder / f"{self.partition}.html"}
        self._write_page(self.baseline, self.against_baseline, pages["report"], verdict)
        for regime, match in self.matches.items():
            if regime.name == verdict.regime:
                pages["regime_report"] = folder / f"{self.partition}-regime.html"
                self._write_page(
                    self._reference(regime), match.comparison, pages["regime_report"], verdict
                )
        return pages

    def _match(self, regime: Regime) -> RegimeMatch:
        if regime not in self.matches:
            rows = evaluation_rows(self.spec, self.store, regime.partitions)
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
        then = self._scored(baseline_parts(self.spec, self.store).judge)
        falls_found = self._falls(then, (policy.score_confidence, policy.score_days_confidence))
        if falls_found is None:
            return None
        return ScoreCheck(*falls_found, production=str(self.production.number))

    def _falls(self, then: Scored, confidences: tuple[float, ...]) -> tuple[ScoreFall, ...] | None:
        if not len(then.y_true) or not len(self.now.y_true):
            return None
        policy = self.spec.drift
        return falls(self.now, then, self.spec.metric, confidences, policy.resamples, policy.seed)

    def _scored(self, rows: pd.DataFrame) -> Scored:
        if rows.empty:
            return Scored(np.array([]), np.array([]))
        return Scored(
            rows[self.spec.columns.target].to_numpy(), self.model.predict(rows[self.features])
        )

    def _unseen(self) -> pd.DataFrame:
        """The labelled rows that production has not been trained on: mostly all of them."""
        if self.production.tags.get("partition", "") < self.partition:
            return self.spec.columns.labelled(self.batch)
        return batch_parts(self.spec, self.store, self.partition).judge

    def _reference(self, regime: Regime) -> pd.DataFrame:
        """The regime's rows, from its latest batch back, as many as a comparison looks at."""
        tables: list[pd.DataFrame] = []
        for partition in reversed(regime.partitions):
            tables.append(self.store.read(self.spec.name, "drifted_batch", partition))
            if sum(map(len, tables)) >= self.spec.drift.max_rows:
                break
        return pd.concat(tables, ignore_index=True)

    def _compare(self, reference: pd.DataFrame) -> Comparison:
        spec = self.spec
        return compare(
            reference, self.batch, self.features, spec.columns.target, spec.task, spec.drift
        )

    def _write_page(
        self, reference: pd.DataFrame, comparison: Comparison, path: Path, verdict: Verdict
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
            verdict.reasons,
        )


def _result(verdict: Verdict, today: _Day, pages: dict[str, Path]) -> dg.MaterializeResult:
    comparison = today.against_baseline
    metadata: dict[str, Any] = {
        "drift_detected": verdict.drift_detected,
        "retrain": verdict.retrain,
        "regime": verdict.regime,
        "drift_share": comparison.drift_share,
        "drifted_columns": dg.MetadataValue.json(list(comparison.drifted_columns)),
        "target_drift": comparison.target_drift,
        "reasons": dg.MetadataValue.json(list(verdict.reasons)),
        "rows": verdict.rows,
        "labelled_rows": verdict.labelled_rows,
        "columns": _columns_table(comparison),
        "production_version": today.production.number,
        "drifted_in_a_row": today.drifted_in_a_row(verdict),
    }
    metadata |= {name: dg.MetadataValue.path(str(page)) for name, page in pages.items()}
    metadata |= {f"drift/{column.name}": column.distance for column in comparison.columns}
    if today.score is not None:
        metadata["production_score"] = today.score
    check = dg.AssetCheckResult(
        passed=not verdict.drift_detected,
        check_name="verdict",
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(verdict.reasons),
    )
    return dg.MaterializeResult(metadata=metadata, check_results=[check])


def _columns_table(comparison: Comparison) -> dg.MarkdownMetadataValue:
    lines = ["| column | distance | threshold | p, corrected | differs |", "|---|---|---|---|---|"]
    lines += [
        f"| {column.name} | {column.distance:.3f} | {column.threshold:g} | {column.p_adjusted:.2g} "
        f"| {'**yes**' if column.differs else 'no'} {column.note} |"
        for column in comparison.columns
    ]
    return dg.MetadataValue.md("\n".join(lines))
