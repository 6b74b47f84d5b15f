"""The statistics of a comparison of two samples, numbers or categories, and its distances."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

SMALLEST_EXPECTED = 5  # Cochran's rule: below it the chi-square approximation is not to be trusted


@dataclass(frozen=True)
class Statistic:
    """A statistic that averages 1 where rows are independent, its degrees of freedom, its p."""

    value: float
    freedom: float
    p_value: float


NOTHING = Statistic(1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Counted:
    """The distinct values of a column and how often each occurs; missing ones left out.

    Numbers are in ascending order, all else in that of appearance; ``spread`` is the standard
    deviation of numbers.
    """

    values: np.ndarray
    counts: np.ndarray
    rows: int
    spread: float = 0.0

    @classmethod
    def numbers(cls, values: np.ndarray) -> "Counted":
        """Of numbers, none missing, of shape (n_rows,)."""
        levels, counts = np.unique(values, return_counts=True)
        return cls(levels, counts, len(values), float(np.std(values)) if len(values) else 0.0)

    @classmethod
    def categories(cls, values: np.ndarray) -> "Counted":
        """Of values of any type, none missing, of shape (n_rows,)."""
        codes, levels = pd.factorize(values)  # pyright: ignore[reportCallIssue, reportArgumentType]
        return cls(np.asarray(levels), np.bincount(codes, minlength=len(levels)), len(values))


@dataclass(frozen=True)
class Pooled:
    """Two samples sorted together, once for the test and the distance.

    ``weight`` is the pooled share of each distinct value of ``levels``, ``gap`` the difference of
    the two distribution functions there.
    """

    sizes: tuple[int, int]
    levels: np.ndarray
    weight: np.ndarray
    gap: np.ndarray

    @classmethod
    def of(cls, then: Counted, now: Counted) -> "Pooled":
        """Of two counted samples of numbers."""
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
    return cramer_von_mises_of(Pooled.of(Counted.numbers(then), Counted.numbers(now))).p_value


def cramer_von_mises_of(pooled: Pooled) -> Statistic:
    """The statistic of :func:`cramer_von_mises`."""
    from scipy.special import chdtrc

    n, m = pooled.sizes
    total = n + m
    if len(pooled.levels) == 1:
        return NOTHING
    statistic = n * m / total * np.sum(pooled.weight * pooled.gap**2)
    first, second, third = _cumulants(pooled.weight, np.cumsum(pooled.weight))
    first *= total / (total - 1)
    exact = (total + 1) * (4 * n * m * total - 3 * (n * n + m * m) - 2 * n * m)
    second *= exact / (4 * n * m * total**2) if total > 3 else 1.0
    freedom = second**3 / third**2
    shifted = (statistic - first) * np.sqrt(freedom / second) + freedom
    p_value = float(chdtrc(freedom, max(shifted, 0.0)))
    return Statistic(float(statistic / first), float(first**2 / second), p_value)


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
    found = homogeneity_of(table)
    return (1.0, False) if found is None else (found.p_value, True)


def homogeneity_of(table: np.ndarray) -> Statistic | None:
    """The statistic of :func:`homogeneity`; None where there is nothing to test."""
    from scipy.special import chdtrc
    from scipy.stats import fisher_exact

    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] == 2:
        expected = table.sum(axis=0).min() * table.sum(axis=1).min() / table.sum()
        if expected < SMALLEST_EXPECTED:
            _, p_value = fisher_exact(table.astype(int))
            return Statistic(_chi_square(table), 1.0, float(p_value))  # pyright: ignore[reportArgumentType]
    table = _lumped(table)
    if table.shape[1] < 2:
        return None
    statistic, freedom = _chi_square(table), table.shape[1] - 1
    return Statistic(statistic / freedom, freedom, float(chdtrc(freedom, statistic)))


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
    ours, theirs = Counted.numbers(then), Counted.numbers(now)
    return wasserstein(Pooled.of(ours, theirs)) / norm(ours)


def wasserstein(pooled: Pooled) -> float:
    """The first Wasserstein distance, in the unit of the values."""
    return float(np.sum(np.abs(pooled.gap[:-1]) * np.diff(pooled.levels)))


def norm(then: Counted) -> float:
    """The unit of a normed distance: the standard deviation of the reference, as Evidently's."""
    return max(then.spread, 0.001)


def jensen_shannon(table: np.ndarray) -> float:
    """The Jensen-Shannon distance (natural logarithm) of two rows of counts, as Evidently's."""
    from scipy.spatial.distance import jensenshannon

    shares = table / table.sum(axis=1, keepdims=True)
    return float(jensenshannon(shares[0], shares[1]))
