"""The slices and groups that the YAML names: how a model does on each, and whom it finds."""

import numpy as np
import pandas as pd

from mlops_assets.errors import UserError
from mlops_assets.fairness import Fairness, rates_by_group
from mlops_assets.lifecycle.journal import ALL
from mlops_assets.lifecycle.life import Life
from mlops_assets.predicted import Predicted
from mlops_assets.promotion.slices import compare_slices
from mlops_assets.slices import Slice, SliceCompared, SliceScore, find_slices, score_slices
from mlops_assets.spec import ModelSpec


def refuse_impossible(spec: ModelSpec, baseline: pd.DataFrame, *, has_positive: bool) -> None:
    """Before anything is stored or trained.

    Raises:
        UserError: A slice or group is none of the baseline's, or there is no positive class whose
            share of predictions could be compared.
    """
    _slices(spec, baseline)
    if spec.fairness is None:
        return
    _groups(spec, baseline)
    if not has_positive:
        raise UserError(
            "`fairness` compares how often groups are predicted positive, and there is no positive "
            "class: the target does not have two classes. Name one as `columns.positive`, or "
            "leave `fairness` out."
        )


def scores_by_slice(
    life: Life, frame: pd.DataFrame, y: np.ndarray, predicted: Predicted
) -> list[SliceScore]:
    """How a model does on the slices of some labelled rows; none where none are named."""
    if not life.spec.slices or frame.empty:
        return []
    slices = _slices(life.spec, _baseline(life))
    return score_slices(slices, frame, y, predicted, life.metric)


def compared_by_slice(
    life: Life,
    frame: pd.DataFrame,
    y: np.ndarray,
    candidate: Predicted,
    production: Predicted,
    periods: np.ndarray,
) -> tuple[SliceCompared, ...]:
    """Both models on the slices of the evaluation rows; none where none are named."""
    if not life.spec.slices or frame.empty:
        return ()
    slices = _slices(life.spec, _baseline(life))
    return compare_slices(
        slices, frame, y, candidate, production, life.metric, life.spec.gate, periods
    )


def fairness_on(
    life: Life, frame: pd.DataFrame, y: np.ndarray, predicted: Predicted
) -> Fairness | None:
    """How a model treats the groups of some labelled rows; None where none are named."""
    policy = life.spec.fairness
    if policy is None or frame.empty:
        return None
    groups = _groups(life.spec, _baseline(life))
    return Fairness(
        groups=rates_by_group(groups, frame, y, predicted, life.positive),
        max_difference=policy.max_difference,
        min_rows=life.spec.gate.min_evaluation_rows,
    )


def _slices(spec: ModelSpec, baseline: pd.DataFrame) -> tuple[Slice, ...]:
    return find_slices(baseline, spec.slices, spec.columns)


def _groups(spec: ModelSpec, baseline: pd.DataFrame) -> tuple[Slice, ...]:
    asked = spec.fairness.columns if spec.fairness else []
    return find_slices(baseline, asked, spec.columns, "fairness.columns")


def _baseline(life: Life) -> pd.DataFrame:
    return life.store.read(life.spec.name, "baseline_data", ALL)
