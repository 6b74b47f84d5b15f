"""The score to expect of a day without labels, from what is known of production so far."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlops_assets.drift.estimate import (
    MAX_ROWS,
    MOST_DAYS,
    Estimate,
    estimate_score,
    estimated_fall,
)
from mlops_assets.drift.findings import EstimatedScore
from mlops_assets.drift.predicted_errors import Known, can_be_estimated, estimate_error
from mlops_assets.drift.score import Scored
from mlops_assets.lifecycle.journal import Reported
from mlops_assets.lifecycle.rows import baseline_parts, not_learned
from mlops_assets.predicted import Predicted
from mlops_assets.random_effects import Measured
from mlops_assets.training.features import model_input

if TYPE_CHECKING:
    from mlops_assets.lifecycle.day import Day

_ROWS_OF_A_DAY = MAX_ROWS // MOST_DAYS
_MUCH_UNLIKE = 0.1  # of a day's rows: some are in any table of many columns


def estimate_of(day: "Day") -> Estimate | None:
    """Production's score on a batch as it is expected without its labels.

    None where its model knows no probabilities, its metric cannot be told by errors, or too few
    rows with labels are known.
    """
    policy, metric = day.spec.drift, day.life.metric
    if policy.estimated_score == "off":
        return None
    if metric.task == "regression":
        return _by_errors(day) if can_be_estimated(metric) else None
    if Predicted.of(day.holdout.y_pred).probabilities is None:
        return None
    misses = [
        Measured(earlier.report.score - earlier.estimated.expected, earlier.report.score_rows)
        for earlier in _labelled_before(day)
        if earlier.estimated is not None and earlier.report.score is not None
    ]
    return estimate_score(
        _predicted(day), day.holdout, day.holdout_periods, misses, metric, policy.seed
    )


def told_of(day: "Day") -> EstimatedScore | None:
    """What the estimate says, where there are too few labels to know the score itday."""
    labelled, found = len(day.now.y_true), day.estimate
    if found is None or labelled >= day.spec.gate.min_evaluation_rows:
        return None
    metric, policy = day.life.metric, day.spec.drift
    then = metric.score(day.holdout.y_true, metric.looks_at(day.holdout.y_pred))
    fallen = estimated_fall(found, then, metric, policy.score_confidence) > 0
    relation = "credibly below" if fallen else "not credibly below"
    days = f"known from {found.days} days" if found.days else "how days differ is not known"
    unlike = ""
    if found.unlike >= _MUCH_UNLIKE:
        unlike = (
            f"; {100 * found.unlike:.0f} % of the rows have values beyond all with labels, "
            "where errors may be larger than any so far"
        )
    means = "its own probabilities" if metric.task == "classification" else "its errors so far"
    return EstimatedScore(
        f"production's score is estimated at {found.score:.3f} by {means} "
        f"(without labels, {found.rows} rows; 95 % from {found.lower:.3f} to "
        f"{found.upper:.3f}, {days}), {relation} its {then:.3f} on the baseline holdout"
        f"{unlike}{'; get labels to know' if fallen else ''}",
        fallen=fallen,
        counts=policy.estimated_score == "retrain",
    )


def _by_errors(day: "Day") -> Estimate | None:
    """By a model of production's errors, on the baseline holdout and on later days with labels."""
    features, target = day.model.features, day.spec.columns.target
    later = list(_rows_before(day))
    tables = [baseline_parts(day.life).judge, *later]
    first = int(day.holdout_periods.max(initial=-1)) + 1
    periods = [np.full(len(rows), first + place) for place, rows in enumerate(later)]
    said = [day.holdout.y_pred, *(day.model.predict(rows) for rows in later)]
    known = Known(
        pd.concat([model_input(rows, features) for rows in tables], ignore_index=True),
        Scored(
            np.concatenate([rows[target].to_numpy(dtype=float) for rows in tables]),
            Predicted(np.concatenate([Predicted.of(each).labels for each in said])),
        ),
        np.concatenate([day.holdout_periods, *periods]),
    )
    batch = model_input(day.batch, features)
    return estimate_error(batch, _predicted(day), known, day.life.metric, day.spec.drift.seed)


def _predicted(day: "Day") -> Predicted:
    """What production says of the batch, labelled or not."""
    known = Predicted.of(day.now.y_pred)
    return known if len(known) == len(day.batch) else day.model.predict(day.batch)


def _rows_before(day: "Day") -> Iterator[pd.DataFrame]:
    """The labelled rows of the latest earlier days that production has not learned from."""
    life, spec = day.life, day.spec
    for earlier in _labelled_before(day)[-MOST_DAYS:]:
        partition = earlier.report.partition
        if partition <= day.production.tags.get("partition", ""):
            continue
        rows = spec.columns.labelled(life.store.read(spec.name, "drifted_batch", partition))
        rows = not_learned(life, rows, day.production)
        if len(rows) > _ROWS_OF_A_DAY:
            rows = rows.sample(_ROWS_OF_A_DAY, random_state=spec.drift.seed)
        if len(rows):
            yield rows


def _labelled_before(day: "Day") -> list[Reported]:
    """The reports of earlier days that this production was scored on, by labels enough."""
    version = str(day.production.number)
    return [
        reported
        for reported in day.reported
        if reported.report.partition < day.partition
        and not reported.report.held
        and reported.report.production == version
        and reported.report.score is not None
        and reported.report.score_rows >= day.spec.gate.min_evaluation_rows
    ]
