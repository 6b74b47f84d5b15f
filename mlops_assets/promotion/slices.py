"""Candidate and production on parts of the evaluation rows: a mean may hide who pays for it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mlops_assets.metrics import Metric
from mlops_assets.predicted import Predicted
from mlops_assets.promotion.evaluation import lower_as_periods_vary
from mlops_assets.promotion.policy import GatePolicy
from mlops_assets.slices import Slice, SliceCompared


def compare_slices(
    slices: Sequence[Slice],
    frame: pd.DataFrame,
    y: np.ndarray,
    candidate: Predicted,
    production: Predicted,
    metric: Metric,
    policy: GatePolicy,
    periods: np.ndarray | None = None,
) -> tuple[SliceCompared, ...]:
    """Both models slice by slice; the bounds hold for all slices together (Bonferroni).

    Args:
        slices: The slices.
        frame: The evaluation rows, with the columns that slices are told by.
        y: Their true target, of shape (n_rows,).
        candidate: What the candidate says of them.
        production: What production does.
        metric: What to score by.
        policy: Confidence, and the rows from which on a slice is judged.
        periods: The number of the period of each row; None where that is not known.
    """
    parts = [(each.name, rows) for each in slices if (rows := each.rows(frame)).any()]
    judged = sum(int(rows.sum()) >= policy.min_evaluation_rows for _, rows in parts)
    confidence = 1 - (1 - (policy.confidence or 0.95)) / max(1, judged)
    compared = []
    for name, rows in parts:
        ours, theirs = candidate[rows], production[rows]
        enough = int(rows.sum()) >= policy.min_evaluation_rows
        inside = None if periods is None else periods[rows]
        lower = (
            lower_as_periods_vary(y[rows], theirs, ours, metric, confidence, policy, inside)
            if enough
            else None
        )
        compared.append(
            SliceCompared(
                name=name,
                rows=int(rows.sum()),
                candidate_score=_defined(metric.score(y[rows], ours)),
                production_score=_defined(metric.score(y[rows], theirs)),
                loss_lower=lower,
            )
        )
    return tuple(compared)


def _defined(score: float) -> float | None:
    return float(score) if np.isfinite(score) else None
