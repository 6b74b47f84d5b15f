"""Whether a batch has shifted: by itself, or together with the days before it."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlops_assets.drift.findings import Batch, RegimeMatch, Together
from mlops_assets.drift.policy import DriftPolicy
from mlops_assets.drift.reasons import plural
from mlops_assets.drift.regimes import BASELINE, Regime, ReportRecord, regimes_by_day
from mlops_assets.drift.two_sample import Comparison

OUTLIER = 2  # times as far as the median day of a window


@dataclass(frozen=True)
class Shift:
    """Whether the batch has shifted, by which comparison, and together with which days."""

    found: bool
    comparison: Comparison
    window: tuple[str, ...] = ()


def find_shift(
    day: Comparison,
    earlier: Sequence[ReportRecord],
    regimes: Sequence[Regime],
    compare_with: Callable[[Regime], RegimeMatch],
    policy: DriftPolicy,
    together: Together | None,
) -> Shift:
    """By rows, one day is enough. By days it takes several: one may be a storm."""
    if together is None:
        return Shift(day.differs, day)
    if together.at_once and together.at_once.differs:
        return Shift(found=True, comparison=together.at_once)
    named = regimes_by_day(earlier)
    windows = [_alike_before(earlier, named, regimes, compare_with, policy, together)]
    if day.differs:
        windows.insert(0, _unusual_before(earlier, named, policy.window - 1))
    for days in windows:
        window = _without_an_outlier(days, earlier, day)
        comparison = together.compare(window) if window else None
        if comparison and comparison.differs:
            return Shift(found=True, comparison=comparison, window=window)
    return Shift(found=False, comparison=day)


def too_few(
    batch: Batch,
    earlier: Sequence[ReportRecord],
    policy: DriftPolicy,
    together: Together | None,
) -> str | None:
    """Why nothing was found says nothing; None where there were rows to find something in."""
    window = earlier[len(earlier) - (policy.window - 1) :] if together and policy.window > 1 else ()
    rows = batch.rows + sum(report.rows for report in window)
    if rows >= policy.min_rows:
        return None
    with_days = f" with those of the {len(window)} batches before" if window else ""
    return (
        f"not judged: {rows} {plural(rows, 'row', 'rows')}{with_days}, and {policy.min_rows} are "
        "needed to find anything (drift.min_rows)"
    )


def _unusual_before(
    earlier: Sequence[ReportRecord], named: dict[str, str], most: int
) -> tuple[str, ...]:
    """The days right before this one, without a break, each of which was beyond the usual."""
    days: list[str] = []
    for report in reversed(earlier):
        by_rows = report.unusual is None and named[report.partition] != BASELINE
        if not (report.unusual or by_rows) or len(days) == most:
            break
        days.insert(0, report.partition)
    return tuple(days)


def _alike_before(
    earlier: Sequence[ReportRecord],
    named: dict[str, str],
    regimes: Sequence[Regime],
    compare_with: Callable[[Regime], RegimeMatch],
    policy: DriftPolicy,
    together: Together,
) -> tuple[str, ...]:
    """The latest days of one regime, as far as none by itself was unusual.

    After days of a regime, they count with this one only where it may be one of them.
    """
    if not earlier:
        return ()
    state = named[earlier[-1].partition]
    if state != BASELINE:
        regime = next((each for each in regimes if each.name == state), None)
        if together.at_once or regime is None or compare_with(regime).differs:
            return ()
    days: list[str] = []
    for report in reversed(earlier):
        if named[report.partition] != state or len(days) == policy.window - 1:
            break
        days.insert(0, report.partition)
    return tuple(days)


def _without_an_outlier(
    window: tuple[str, ...], earlier: Sequence[ReportRecord], day: Comparison
) -> tuple[str, ...]:
    """No single day may make a shift of a window; none is left where that is this very day."""
    distances = {report.partition: report.distance or 0.0 for report in earlier}
    away = [distances[each] for each in window]
    far = OUTLIER * statistics.median_low([*away, day.distance])
    if not window or day.distance > max(far, *away):
        return ()
    return tuple(each for each in window if distances[each] <= far or distances[each] < max(away))


def joining(
    window: Sequence[str], earlier: Sequence[ReportRecord], known: Regime | None
) -> list[ReportRecord]:
    """The days that become part of the regime with this one."""
    members = set(known.partitions) if known else set()
    named = regimes_by_day(earlier)
    return [
        report
        for report in earlier
        if report.partition in set(window) - members and named[report.partition] == BASELINE
    ]
