"""Compare a batch with a reference: is each column's difference significant, and does it matter?

A column differs when a two-sample test that knows both sizes finds it significant (p-values
corrected over the feature columns) *and* its distance reaches the practical threshold. The same
method serves every size, so that nothing flips where a reference crosses some number of rows.

Where the periods of both sides are known, p-values are those of periods, not of rows
(`mlops_assets.drift.day_effects`), and the distance must also be beyond what is usual between
the reference's own periods.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from mlops_assets.drift.day_effects import DayEffect, Kind
from mlops_assets.drift.policy import DriftPolicy
from mlops_assets.drift.side import DayEffects, Outputs, Periods, Side, Values, kind_of_sides
from mlops_assets.drift.statistics import (
    NOTHING,
    Counted,
    Pooled,
    Statistic,
    cramer_von_mises_of,
    homogeneity_of,
    jensen_shannon,
    norm,
    wasserstein,
)

WASSERSTEIN = "Wasserstein distance (normed)"
JENSEN_SHANNON = "Jensen-Shannon distance"
MISSING = "Jensen-Shannon distance of the missing share"
PREDICTION = "production's prediction"
Role = Literal["feature", "target", "prediction"]


@dataclass(frozen=True)
class ColumnDrift:
    """How one column of a batch compares with the reference.

    ``p_value`` is the column's own (Bonferroni over its test of values and of missing share),
    ``p_adjusted`` the one corrected over the feature columns; for the target, and for what
    production predicts, they are equal. ``level`` is what it may be at the most to be a difference.
    """

    name: str
    kind: Kind
    p_value: float
    p_adjusted: float
    distance: float
    distance_name: str
    threshold: float
    differs: bool
    note: str = ""
    role: Role = "feature"
    level: float = 1.0


@dataclass(frozen=True)
class Comparison:
    """A batch compared with a reference.

    First what production predicts, where that is compared, then the features, last the target,
    where that is known.

    ``joint_p`` is the probability that so many feature columns are as different by chance.
    ``inflation`` says how many times more a column varies between periods like these than rows
    that were drawn one by one would: the median of the features; 1.0 where no periods are known.
    ``target_inflation`` is that of the target, and ``prediction_inflation`` that of what production
    predicts; 1.0 where it may be chance.
    """

    columns: tuple[ColumnDrift, ...]
    needed_share: float
    reference_rows: int
    batch_rows: int
    joint_p: float = 0.0
    joint_significance: float = 1.0
    inflation: float = 1.0
    periods: int = 1
    target_inflation: float = 1.0
    prediction_inflation: float = 1.0

    @property
    def features(self) -> tuple[ColumnDrift, ...]:
        """The feature columns."""
        return tuple(column for column in self.columns if column.role == "feature")

    @property
    def target(self) -> ColumnDrift | None:
        """The target, if both sides have labels."""
        return self._of("target")

    @property
    def prediction(self) -> ColumnDrift | None:
        """What production predicts, if that was compared."""
        return self._of("prediction")

    @property
    def drifted_columns(self) -> tuple[str, ...]:
        """The feature columns that differ."""
        return tuple(column.name for column in self.features if column.differs)

    @property
    def drift_share(self) -> float:
        """The share of the feature columns that differ; 0.0 where there are no features."""
        return len(self.drifted_columns) / len(self.features) if self.features else 0.0

    @property
    def share_reached(self) -> bool:
        """Whether the share of differing feature columns reaches the policy's."""
        return bool(self.features) and self.drift_share >= self.needed_share - 1e-9

    @property
    def features_differ(self) -> bool:
        """Whether enough feature columns differ, and more than chance would explain."""
        return self.share_reached and self.joint_p <= self.joint_significance

    @property
    def distance(self) -> float:
        """The mean of the feature columns' distances."""
        return float(np.mean([column.distance for column in self.features] or [0.0]))

    @property
    def target_drift(self) -> bool:
        """Whether the target differs."""
        return self.target is not None and self.target.differs

    @property
    def prediction_drift(self) -> bool:
        """Whether what production predicts differs."""
        return self.prediction is not None and self.prediction.differs

    @property
    def differs(self) -> bool:
        """Whether the batch differs: enough of its features, its target, or its predictions."""
        return self.features_differ or self.target_drift or self.prediction_drift

    def _of(self, role: Role) -> ColumnDrift | None:
        return next((column for column in self.columns if column.role == role), None)


@dataclass(frozen=True)
class _Test:
    """One test of a column: of its values, or of its share of missing ones."""

    p_value: float
    distance: float
    distance_name: str
    threshold: float
    note: str = ""
    inflation: float = 1.0

    @property
    def large(self) -> bool:
        return self.distance >= self.threshold


def compare(
    reference: pd.DataFrame,
    batch: pd.DataFrame,
    features: list[str],
    target: str | None,
    task: str,
    policy: DriftPolicy,
) -> Comparison:
    """Compare ``batch`` with ``reference``, column by column.

    Args:
        reference: What the batch is compared with; has every column of ``features``.
        batch: The batch; has every column of ``features``. The order of its rows is irrelevant.
        features: The feature columns to compare.
        target: The target, compared on the labelled rows of both sides; None, or no labels on
            one side: not compared.
        task: ``classification`` (the target is categorical) or ``regression`` (numerical).
        policy: Significance, thresholds, sampling bound.

    Returns:
        The comparison. A column without a row on either side never differs.
    """
    then, now = (Side(frame, features, target, policy.max_rows) for frame in (reference, batch))
    return compare_sides(then, now, task, policy)


def compare_sides(
    reference: Side,
    batch: Side,
    task: str,
    policy: DriftPolicy,
    effects: "DayEffects | None" = None,
    outputs: tuple[Outputs, Outputs] | None = None,
) -> Comparison:
    """As `compare`, of sides that were made ready with the same features, target and policy.

    Args:
        reference: What the batch is compared with.
        batch: The batch; or several, as one.
        task: As for `compare`.
        policy: As for `compare`.
        effects: What is usual between periods; None: rows count as independent.
        outputs: What production predicts for rows of the reference that it has not learned from,
            and for those of the batch; None: not compared.
    """
    between = _Between(effects, reference.periods, batch.periods) if effects else None
    kinds: dict[str, Kind] = {
        name: kind_of_sides(values, batch.features[name])
        for name, values in reference.features.items()
    }
    tests = {
        name: _tests(name, reference.features[name], batch.features[name], kind, policy, between)
        for name, kind in kinds.items()
    }
    columns = _corrected(tests, kinds, policy)
    target_inflation = 1.0
    if reference.target is not None and reference.labels and batch.labels:
        kind: Kind = "categorical" if task == "classification" else "numerical"
        labels = _tests(reference.target, reference.labels, batch.labels, kind, policy, between)
        # One column by itself, of a few periods, would often look as if these differed.
        effect = effects.values.get(reference.target) if effects else None
        target_inflation = labels[0].inflation if effect and effect.certain else 1.0
        verdict = _verdict(
            reference.target, kind, labels, lambda p_value: p_value <= policy.target_significance
        )
        columns.append(replace(verdict, role="target", level=policy.target_significance))
    features = [column for column in columns if column.role == "feature"]
    level = policy.prediction_level(labelled=len(columns) > len(features))
    predicted = _prediction(*outputs, level, policy, effects) if outputs else None
    columns = [predicted[0], *columns] if predicted else columns
    first = [own[0].inflation for own in tests.values()]
    return Comparison(
        tuple(columns),
        policy.drift_share,
        reference.rows,
        batch.rows,
        _joint_p_of_any(features, policy) if between else _joint_p(features, policy),
        policy.shift_significance if between else policy.joint_significance,
        float(np.median(first)) if first else 1.0,
        max(1, batch.periods.known),
        target_inflation,
        predicted[1] if predicted else 1.0,
    )


def _prediction(
    then: Outputs, now: Outputs, level: float, policy: DriftPolicy, effects: DayEffects | None
) -> tuple[ColumnDrift, float] | None:
    """What production predicts, and how many times more it varies between days than rows would.

    None where nobody knows how it varies between days.
    """
    if not then.values.rows or not now.values.rows:
        return None
    kind = kind_of_sides(then.values, now.values)
    between, certain = None, False
    if effects:
        effect = then.effect(kind, policy.window, effects.correlation)
        if effect is None:
            return None
        known = replace(effects, values={PREDICTION: effect}, missing={})
        between, certain = _Between(known, then.periods, now.periods), effect.certain
    tests = _tests(PREDICTION, then.values, now.values, kind, policy, between)
    verdict = _verdict(PREDICTION, kind, tests, lambda p_value: p_value <= level)
    found = replace(verdict, role="prediction", level=level)
    return found, tests[0].inflation if certain else 1.0


@dataclass(frozen=True)
class _Between:
    """What turns a test of rows into one of periods."""

    effects: DayEffects
    then: Periods
    now: Periods

    def applied(
        self, test: _Test, effect: DayEffect | None, found: "Statistic", rows: tuple[int, int]
    ) -> _Test:
        if effect is None:
            return test
        then, now = self.then.spread(rows[0]), self.now.spread(rows[1])
        counts = max(1, round(self.then.count)), max(1, round(self.now.count))
        inflation = effect.inflation(then, now, *counts)
        p_value = test.p_value
        if inflation > 1:
            of_periods = effect.p_value(found.value, found.freedom, inflation)
            p_value = max(p_value, of_periods)
        usual = effect.usual_of(counts[1])
        return replace(
            test, p_value=p_value, inflation=inflation, threshold=max(test.threshold, usual)
        )


def _tests(
    name: str,
    then: Values,
    now: Values,
    kind: Kind,
    policy: DriftPolicy,
    between: _Between | None,
) -> list[_Test]:
    """The test of a column's values and, where values are missing, of their share."""
    ours, theirs = then.counted(kind), now.counted(kind)
    numerical = kind == "numerical"
    default = policy.numerical_threshold if numerical else policy.categorical_threshold
    threshold = policy.thresholds.get(name, default)
    if ours.rows and theirs.rows:
        test, found = (_numerical if numerical else _categorical)(ours, theirs, threshold)
        if between:
            effect = between.effects.values.get(name)
            test = between.applied(test, effect, found, (ours.rows, theirs.rows))
        tests = [test]
    else:
        side = "the reference" if theirs.rows else "the batch"
        note = f"no value in {side}" if ours.rows or theirs.rows else "no value at all"
        label = WASSERSTEIN if numerical else JENSEN_SHANNON
        tests = [_Test(1.0, 0.0, label, threshold, note)]
    if ours.rows + theirs.rows < then.rows + now.rows and then.rows and now.rows:
        missing = (then.rows - ours.rows, now.rows - theirs.rows)
        test, found = _missing(missing, (then.rows, now.rows), policy)
        if between:
            effect = between.effects.missing.get(name)
            test = between.applied(test, effect, found, (then.rows, now.rows))
        tests.append(test)
    return tests


def _numerical(then: Counted, now: Counted, threshold: float) -> tuple[_Test, Statistic]:
    pooled = Pooled.of(then, now)
    found = cramer_von_mises_of(pooled)
    distance = wasserstein(pooled) / norm(then)
    return _Test(found.p_value, distance, WASSERSTEIN, threshold), found


def _categorical(then: Counted, now: Counted, threshold: float) -> tuple[_Test, Statistic]:
    both = np.concatenate([then.values, now.values])
    codes, values = pd.factorize(both)  # pyright: ignore[reportCallIssue, reportArgumentType]
    table = np.zeros((2, len(values)), dtype=int)
    table[0, codes[: len(then.values)]] = then.counts
    table[1, codes[len(then.values) :]] = now.counts
    found = homogeneity_of(table)
    testable = found is not None
    note = "" if testable or len(values) == 1 else "no value is frequent enough to be tested"
    found = found or NOTHING
    return _Test(found.p_value, jensen_shannon(table), JENSEN_SHANNON, threshold, note), found


def _missing(
    missing: tuple[int, int], rows: tuple[int, int], policy: DriftPolicy
) -> tuple[_Test, Statistic]:
    table = np.array([missing, (rows[0] - missing[0], rows[1] - missing[1])], dtype=float).T
    then, now = (100 * count / total for count, total in zip(missing, rows, strict=True))
    found = homogeneity_of(table) or NOTHING
    note = f"{now:.1f} % missing, {then:.1f} % in the reference"
    distance, threshold = jensen_shannon(table), policy.categorical_threshold
    return _Test(found.p_value, distance, MISSING, threshold, note), found


def _corrected(
    tests: dict[str, list[_Test]], kinds: dict[str, Kind], policy: DriftPolicy
) -> list[ColumnDrift]:
    """The feature columns' verdicts, their p-values corrected over the columns."""
    if not tests:
        return []
    from statsmodels.stats.multitest import multipletests

    own = np.array([_column_p(column) for column in tests.values()])
    rejected, adjusted = multipletests(own, alpha=policy.significance, method=policy.correction)[:2]
    assert adjusted is not None  # only where p-values are not to be returned
    # One test of a column is significant after correction where its p-value by itself would
    # have been among the rejected ones.
    cut = own[rejected].max() if rejected.any() else -1.0
    columns = []
    for (name, column), p_value, p_adjusted in zip(tests.items(), own, adjusted, strict=True):
        verdict = _verdict(name, kinds[name], column, lambda p: p <= cut)
        p_values = {"p_value": float(p_value), "p_adjusted": float(p_adjusted)}
        columns.append(replace(verdict, level=policy.significance, **p_values))
    return columns


def _joint_p(features: list[ColumnDrift], policy: DriftPolicy) -> float:
    """How probable it is that as many columns as are needed are so different by chance.

    With k columns of d needed, and the k-th smallest p-value of the differing ones being p: the
    probability that of d independent p-values at least k are p or less. 1.0 for fewer columns.
    """
    from scipy.special import bdtrc

    needed = max(1, math.ceil(policy.drift_share * len(features) - 1e-9))
    p_values = sorted(column.p_value for column in features if column.differs)
    if len(p_values) < needed:
        return 1.0
    return float(bdtrc(needed - 1, len(features), p_values[needed - 1]))


def _joint_p_of_any(features: list[ColumnDrift], policy: DriftPolicy) -> float:
    """The same, whatever the dependence between columns: all of a day move together (Rüger 1978).

    With k columns of d needed, the k-th smallest p-value of the differing ones, times d / k.
    """
    needed = max(1, math.ceil(policy.drift_share * len(features) - 1e-9))
    p_values = sorted(column.p_value for column in features if column.differs)
    if len(p_values) < needed:
        return 1.0
    return min(1.0, p_values[needed - 1] * len(features) / needed)


def _column_p(tests: list[_Test]) -> float:
    return min(1.0, len(tests) * min(test.p_value for test in tests))


def _verdict(
    name: str, kind: Kind, tests: list[_Test], significant: Callable[[float], bool]
) -> ColumnDrift:
    """The column differs when one of its tests is both significant and large; that one is shown."""
    telling = [
        test for test in tests if test.large and significant(min(1.0, len(tests) * test.p_value))
    ]
    shown = telling[0] if telling else tests[0]
    p_value = _column_p(tests)
    return ColumnDrift(
        name=name,
        kind=kind,
        p_value=p_value,
        p_adjusted=p_value,
        distance=shown.distance,
        distance_name=shown.distance_name,
        threshold=shown.threshold,
        differs=bool(telling),
        note="; ".join(test.note for test in tests if test.note),
    )
