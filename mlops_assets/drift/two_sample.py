"""Compare a batch with a reference: is each column's difference significant, and does it matter?

A column differs when a two-sample test that knows both sizes finds it significant (p-values
corrected over the feature columns) *and* its distance reaches the practical threshold. The same
method serves every size, so that nothing flips where a reference crosses some number of rows.

Where the periods of both sides are known, p-values are those of periods, not of rows
(`mlops_assets.drift.day_effects`), and the distance must also be beyond what is usual between
the reference's own periods.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from pandas.util import hash_pandas_object

from mlops_assets.drift.day_effects import (
    FEWEST_PERIODS,
    DayEffect,
    Kind,
    Spread,
    binned,
    counted_by_period,
    learned,
    of_neighbours,
)
from mlops_assets.drift.policy import DriftPolicy

WASSERSTEIN = "Wasserstein distance (normed)"
JENSEN_SHANNON = "Jensen-Shannon distance"
MISSING = "Jensen-Shannon distance of the missing share"
SMALLEST_EXPECTED = 5  # Cochran's rule: below it the chi-square approximation is not to be trusted


@dataclass(frozen=True)
class ColumnDrift:
    """How one column of a batch compares with the reference.

    ``p_value`` is the column's own (Bonferroni over its test of values and of missing share),
    ``p_adjusted`` the one corrected over the feature columns; for the target they are equal.
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
    is_target: bool = False


@dataclass(frozen=True)
class Comparison:
    """A batch compared with a reference: the features first, the target last where it is known.

    ``joint_p`` is the probability that so many feature columns are as different by chance.
    ``inflation`` says how many times more a column varies between periods like these than rows
    that were drawn one by one would: the median of the features; 1.0 where no periods are known.
    ``target_inflation`` is that of the target; 1.0 where it may be chance.
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

    @property
    def features(self) -> tuple[ColumnDrift, ...]:
        """The feature columns."""
        return tuple(column for column in self.columns if not column.is_target)

    @property
    def target(self) -> ColumnDrift | None:
        """The target, if both sides have labels."""
        return next((column for column in self.columns if column.is_target), None)

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
    def differs(self) -> bool:
        """Whether the batch differs: enough of its features, or its target."""
        return self.features_differ or self.target_drift


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


class Side:
    """One side of a comparison, made ready once for however many others it is compared with.

    Args:
        frame: The rows; has every column of ``features``.
        features: The feature columns to compare.
        target: The target; None: not compared.
        max_rows: Of more rows, so many are sampled.
        periods: The number of each row's period, from 0 on in the order of time, of shape
            (n_rows,); -1 where nobody knows it. None: of no row.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        features: Sequence[str],
        target: str | None,
        max_rows: int,
        periods: np.ndarray | None = None,
    ) -> None:
        self.rows = len(frame)
        periods = np.full(len(frame), -1) if periods is None else periods
        self.periods = Periods.of(periods)
        places = _sample(frame, list(features), max_rows)
        self.features = {name: _Values(frame[name], places, periods) for name in features}
        self.cells = len(places) * (len(features) + 1)
        self.target = target
        self.labels: _Values | None = None
        if target is not None and target in frame.columns:
            known = np.flatnonzero(frame[target].notna())
            labels = frame[[target]].iloc[known]
            places = known[_sample(labels, [target], max_rows)]
            self.labels = _Values(frame[target], places, periods) if len(places) else None
        self._effects: dict[tuple[str, int], DayEffects | None] = {}

    def effects(self, task: str, longest: int) -> "DayEffects | None":
        """What is usual between its own periods, learned once; None where too few are known.

        Args:
            task: As for `compare`.
            longest: How many periods in a row are compared with it at the most.
        """
        key = task, longest
        if key not in self._effects:
            known = self.periods.known >= FEWEST_PERIODS
            self._effects[key] = _learned_effects(self, task, longest) if known else None
        return self._effects[key]


def compare_sides(
    reference: Side,
    batch: Side,
    task: str,
    policy: DriftPolicy,
    effects: "DayEffects | None" = None,
) -> Comparison:
    """As `compare`, of sides that were made ready with the same features, target and policy.

    Args:
        reference: What the batch is compared with.
        batch: The batch; or several, as one.
        task: As for `compare`.
        policy: As for `compare`.
        effects: What is usual between periods; None: rows count as independent.
    """
    between = _Between(effects, reference.periods, batch.periods) if effects else None
    kinds: dict[str, Kind] = {
        name: _kind_of(values, batch.features[name]) for name, values in reference.features.items()
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
        columns.append(replace(verdict, is_target=True))
    features = [column for column in columns if not column.is_target]
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
    )


@dataclass(frozen=True)
class Periods:
    """The periods that the rows of a side come from.

    Attributes:
        known: How many there are, of those that are known.
        count: How many there are, where rows of unknown ones make as many as their number does.
        squares: The sum of the squared shares that they have of the rows.
    """

    known: int
    count: float
    squares: float

    @classmethod
    def of(cls, periods: np.ndarray) -> "Periods":
        """From the number of each row's period; -1 where nobody knows it."""
        sizes = np.unique(periods[periods >= 0], return_counts=True)[1].astype(float)
        unknown, usual = float(np.sum(periods < 0)), float(sizes.mean()) if len(sizes) else 1.0
        squares = (np.sum(sizes**2) + unknown * usual) / max(len(periods), 1) ** 2
        return cls(len(sizes), len(sizes) + unknown / usual, float(squares))

    def spread(self, rows: int) -> Spread:
        """Of so many of the rows."""
        return Spread(rows, max(self.squares, 1 / rows))


@dataclass(frozen=True)
class DayEffects:
    """What is usual between the periods of a reference.

    Attributes:
        periods: How many it was learned from.
        values: Of the values of each column.
        missing: Of the share of missing values of each column that has any.
        correlation: Of one period with the next, all columns together.
    """

    periods: int
    values: dict[str, DayEffect]
    missing: dict[str, DayEffect]
    correlation: float


@dataclass(frozen=True)
class _Between:
    """What turns a test of rows into one of periods."""

    effects: DayEffects
    then: Periods
    now: Periods

    def applied(
        self, test: _Test, effect: DayEffect | None, found: "_Statistic", rows: tuple[int, int]
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


@dataclass(frozen=True)
class _Statistic:
    """A statistic that averages 1 where rows are independent, its degrees of freedom, its p."""

    value: float
    freedom: float
    p_value: float


_NOTHING = _Statistic(1.0, 1.0, 1.0)


def _learned_effects(side: Side, task: str, longest: int) -> DayEffects:
    columns = dict(side.features)
    if side.target is not None and side.labels is not None:
        columns[side.target] = side.labels
    values: dict[str, DayEffect] = {}
    missing: dict[str, DayEffect] = {}
    alone = together = 0.0
    for name, column in columns.items():
        is_class = name == side.target and task == "classification"
        kind: Kind = "categorical" if is_class or not column.is_number else "numerical"
        found, pairs = column.effect(kind, longest)
        alone, together = alone + found.share, together + pairs
        values[name] = found
        if column.counted(kind).rows < column.rows:
            gaps = column.effect_of_missing(kind, longest)
            # Too rare to learn it from: an outage takes a whole day as the weather does.
            missing[name] = replace(gaps, share=max(gaps.share, found.share))
    correlation = of_neighbours(alone, together, side.periods.known)
    values, missing = (
        {name: replace(effect, correlation=correlation) for name, effect in effects.items()}
        for effects in (values, missing)
    )
    return DayEffects(side.periods.known, values, missing, correlation)


@dataclass(frozen=True)
class _Counted:
    """The distinct values of a column and how often each occurs; missing ones left out.

    Numbers are in ascending order, all else in that of appearance; ``spread`` is the standard
    deviation of numbers.
    """

    values: np.ndarray
    counts: np.ndarray
    rows: int
    spread: float = 0.0

    @classmethod
    def numbers(cls, values: np.ndarray) -> "_Counted":
        levels, counts = np.unique(values, return_counts=True)
        return cls(levels, counts, len(values), float(np.std(values)) if len(values) else 0.0)

    @classmethod
    def categories(cls, values: np.ndarray) -> "_Counted":
        codes, levels = pd.factorize(values)  # pyright: ignore[reportCallIssue, reportArgumentType]
        return cls(np.asarray(levels), np.bincount(codes, minlength=len(levels)), len(values))


class _Values:
    """A column of one side; what its values are counted as depends on the other side's kind."""

    def __init__(self, whole: pd.Series, places: np.ndarray, periods: np.ndarray) -> None:
        assert isinstance(whole, pd.Series), "two columns have one name"
        column = whole.iloc[places].reset_index(drop=True)
        self._column, self._periods = column, periods[places]
        self.rows = len(column)
        self.known = bool(column.notna().any())
        self.is_number = is_number(column)
        self._counted: dict[Kind, _Counted] = {}

    def counted(self, kind: Kind) -> _Counted:
        if kind not in self._counted:
            values = present(self._column, kind).to_numpy()
            count = _Counted.numbers if kind == "numerical" else _Counted.categories
            self._counted[kind] = count(values)
        return self._counted[kind]

    def effect(self, kind: Kind, longest: int) -> tuple[DayEffect, float]:
        """What is usual between periods; and what share of the variation two in a row have."""
        there = present(self._column, kind)
        periods = self._periods[there.index]
        if kind == "numerical":
            levels, codes = binned(there.to_numpy())
        else:
            codes, levels = pd.factorize(there)
            levels = np.asarray(levels)
        counts = counted_by_period(periods, codes, len(levels))
        return learned(counts, kind, levels, _norm(self.counted(kind)), longest)

    def effect_of_missing(self, kind: Kind, longest: int) -> DayEffect:
        """The same of the share of missing values."""
        there = np.zeros(self.rows, dtype=int)
        there[present(self._column, kind).index] = 1
        counts = counted_by_period(self._periods, there, 2)
        return learned(counts, "categorical", np.arange(2), 1.0, longest)[0]


def _sample(frame: pd.DataFrame, columns: list[str], max_rows: int) -> np.ndarray:
    """The places of at most ``max_rows`` rows, the same ones in whatever order the rows come.

    Every k-th row in the order of a hash of the contents: equal rows lie side by side there, so
    that each is represented by its share (taking the smallest hashes would take all of them or
    none).
    """
    if len(frame) <= max_rows:
        return np.arange(len(frame))
    hashes = np.asarray(hash_pandas_object(frame[columns], index=False))  # pyright: ignore[reportCallIssue]
    places = np.linspace(0, len(frame) - 1, max_rows).round().astype(int)
    return np.argsort(hashes, kind="stable")[places]


def _tests(
    name: str,
    then: _Values,
    now: _Values,
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


def kind_of(then: pd.Series, now: pd.Series) -> Kind:
    """Numbers and times are numerical; booleans, text, categories and mixtures categorical.

    A side without any value has no say: its dtype is an accident.
    """
    return _kind_of(
        *(_Values(side, np.arange(len(side)), np.full(len(side), -1)) for side in (then, now))
    )


def _kind_of(then: _Values, now: _Values) -> Kind:
    sides = [side for side in (then, now) if side.known] or [then]
    return "numerical" if all(side.is_number for side in sides) else "categorical"


def is_number(column: pd.Series) -> bool:
    """Whether a column holds numbers, or times; booleans are none."""
    if pd.api.types.is_bool_dtype(column):
        return False
    return pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column)


def present(column: pd.Series, kind: Kind) -> pd.Series:
    """The column's values without missing ones; numbers as finite floats, times as seconds."""
    column = column.dropna()
    if kind == "categorical":
        return column.astype(object)
    if pd.api.types.is_datetime64_any_dtype(column):
        utc = pd.to_datetime(column, utc=True)
        return (utc - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    numbers = column.astype(float)
    return numbers.loc[np.isfinite(numbers)]


def _numerical(then: _Counted, now: _Counted, threshold: float) -> tuple[_Test, _Statistic]:
    pooled = _Pooled.of(then, now)
    found = _cramer_von_mises(pooled)
    distance = _wasserstein(pooled) / _norm(then)
    return _Test(found.p_value, distance, WASSERSTEIN, threshold), found


def _categorical(then: _Counted, now: _Counted, threshold: float) -> tuple[_Test, _Statistic]:
    both = np.concatenate([then.values, now.values])
    codes, values = pd.factorize(both)  # pyright: ignore[reportCallIssue, reportArgumentType]
    table = np.zeros((2, len(values)), dtype=int)
    table[0, codes[: len(then.values)]] = then.counts
    table[1, codes[len(then.values) :]] = now.counts
    found = _homogeneity(table)
    testable = found is not None
    note = "" if testable or len(values) == 1 else "no value is frequent enough to be tested"
    found = found or _NOTHING
    return _Test(found.p_value, jensen_shannon(table), JENSEN_SHANNON, threshold, note), found


def _missing(
    missing: tuple[int, int], rows: tuple[int, int], policy: DriftPolicy
) -> tuple[_Test, _Statistic]:
    table = np.array([missing, (rows[0] - missing[0], rows[1] - missing[1])], dtype=float).T
    then, now = (100 * count / total for count, total in zip(missing, rows, strict=True))
    found = _homogeneity(table) or _NOTHING
    note = f"{now:.1f} % missing, {then:.1f} % in the reference"
    distance, threshold = jensen_shannon(table), policy.categorical_threshold
    return _Test(found.p_value, distance, MISSING, threshold, note), found


@dataclass(frozen=True)
class _Pooled:
    """Two samples sorted together, once for the test and the distance.

    ``weight`` is the pooled share of each distinct value of ``levels``, ``gap`` the difference of
    the two distribution functions there.
    """

    sizes: tuple[int, int]
    levels: np.ndarray
    weight: np.ndarray
    gap: np.ndarray

    @classmethod
    def of(cls, then: _Counted, now: _Counted) -> "_Pooled":
        # Both are sorted by themselves: a stable sort merges them, in a tenth of the time of any.
        both = np.sort(np.concatenate([then.values, now.values]), kind="stable")
        levels = both[np.r_[True, both[1:] != both[:-1]]]
        ours, theirs = np.zeros((2, len(levels)), dtype=int)
        ours[np.searchsorted(levels, then.values)] = then.counts
        theirs[np.searchsorted(levels, now.values)] = now.counts
        return cls(
            sizes=(then.rows, now.rows),
            levels=levels,
            weight=(ours + theirs) / (then.rows + now.rows),
            gap=np.cumsum(ours) / then.rows - np.cumsum(theirs) / now.rows,
        )


def cramer_von_mises(then: np.ndarray, now: np.ndarray) -> float:
    """The p-value of the two-sample Cramér-von Mises test, exact about ties.

    SciPy's formula takes values to be distinct: with values rounded to 22 levels it calls 100 %
    of undrifted columns different (reference 1001, batch 300). Here the statistic sums
    ``(F - G)²`` over the pooled sample, whose null distribution is that of ``Σ λ χ²₁`` (Anderson
    1962) with eigenvalues of the pooled, possibly discrete, distribution. It is approximated by
    a shifted chi-square with the first three cumulants (Imhof 1961), the first of them exact and
    the second corrected for the sizes. With two levels this is Pearson's chi-square test.
    """
    return _cramer_von_mises(_Pooled.of(_Counted.numbers(then), _Counted.numbers(now))).p_value


def _cramer_von_mises(pooled: _Pooled) -> _Statistic:
    from scipy.special import chdtrc

    n, m = pooled.sizes
    total = n + m
    if len(pooled.levels) == 1:
        return _NOTHING
    statistic = n * m / total * np.sum(pooled.weight * pooled.gap**2)
    first, second, third = _cumulants(pooled.weight, np.cumsum(pooled.weight))
    first *= total / (total - 1)
    exact = (total + 1) * (4 * n * m * total - 3 * (n * n + m * m) - 2 * n * m)
    second *= exact / (4 * n * m * total**2) if total > 3 else 1.0
    freedom = second**3 / third**2
    shifted = (statistic - first) * np.sqrt(freedom / second) + freedom
    p_value = float(chdtrc(freedom, max(shifted, 0.0)))
    return _Statistic(float(statistic / first), float(first**2 / second), p_value)


def _cumulants(weight: np.ndarray, below: np.ndarray) -> tuple[float, float, float]:
    """The traces of K, K², K³ for K(i, j) = min(Hᵢ, Hⱼ) - Hᵢ Hⱼ with weights, in linear time.

    For i ≤ j ≤ k the product K(i, j) K(j, k) K(i, k) is Hᵢ² · Hⱼ (1 - Hⱼ) · (1 - Hₖ)².
    """
    above = np.clip(1 - below, 0.0, None)
    low, middle, high = weight * below**2, weight * below * above, weight * above**2
    lows = np.cumsum(low) - low  # strictly before
    highs = np.cumsum(high[::-1])[::-1] - high  # strictly after
    first = middle.sum()
    second = np.sum(low * high) + 2 * np.sum(high * lows)
    third = (
        np.sum(middle**3)
        + 3 * np.sum(middle * (low * highs + high * lows))
        + 6 * np.sum(middle * lows * highs)
    )
    return float(first), float(second), float(third)


def homogeneity(table: np.ndarray) -> tuple[float, bool]:
    """The p-value of "both rows are drawn alike" for a table of counts, 2 x categories.

    Chi-square without correction. Rare categories are lumped together by their *pooled* counts,
    which keeps the test valid, until each is expected ``SMALLEST_EXPECTED`` times on the smaller
    side; of two categories of which one is rarer than that, Fisher's exact test.

    Returns:
        The p-value, and whether there was anything to test (False: the p-value is 1.0).
    """
    found = _homogeneity(table)
    return (1.0, False) if found is None else (found.p_value, True)


def _homogeneity(table: np.ndarray) -> _Statistic | None:
    from scipy.special import chdtrc
    from scipy.stats import fisher_exact

    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] == 2:
        expected = table.sum(axis=0).min() * table.sum(axis=1).min() / table.sum()
        if expected < SMALLEST_EXPECTED:
            _, p_value = fisher_exact(table.astype(int))
            return _Statistic(_chi_square(table), 1.0, float(p_value))  # pyright: ignore[reportArgumentType]
    table = _lumped(table)
    if table.shape[1] < 2:
        return None
    statistic, freedom = _chi_square(table), table.shape[1] - 1
    return _Statistic(statistic / freedom, freedom, float(chdtrc(freedom, statistic)))


def _chi_square(table: np.ndarray) -> float:
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(np.sum((table - expected) ** 2 / expected))


def _lumped(table: np.ndarray) -> np.ndarray:
    pooled = table.sum(axis=0)
    order = np.argsort(pooled, kind="stable")
    needed = SMALLEST_EXPECTED * table.sum() / table.sum(axis=1).min()
    rare = int(np.searchsorted(pooled[order], needed))
    lump = pooled[order][:rare].sum()
    if 0 < lump < needed:  # too rare still: the rarest of the others joins
        rare += 1
    parts = [table[:, order[rare:]]]
    if rare:
        parts.insert(0, table[:, order[:rare]].sum(axis=1, keepdims=True))
    return np.concatenate(parts, axis=1)


def normed_wasserstein(then: np.ndarray, now: np.ndarray) -> float:
    """The first Wasserstein distance in standard deviations of the reference, as Evidently's."""
    ours, theirs = _Counted.numbers(then), _Counted.numbers(now)
    return _wasserstein(_Pooled.of(ours, theirs)) / _norm(ours)


def _wasserstein(pooled: _Pooled) -> float:
    return float(np.sum(np.abs(pooled.gap[:-1]) * np.diff(pooled.levels)))


def _norm(then: _Counted) -> float:
    return max(then.spread, 0.001)


def jensen_shannon(table: np.ndarray) -> float:
    """The Jensen-Shannon distance (natural logarithm) of two rows of counts, as Evidently's."""
    from scipy.spatial.distance import jensenshannon

    shares = table / table.sum(axis=1, keepdims=True)
    return float(jensenshannon(shares[0], shares[1]))


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
        columns.append(replace(verdict, p_value=float(p_value), p_adjusted=float(p_adjusted)))
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
