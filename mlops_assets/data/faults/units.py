"""A number in another unit or currency: a whole column times a constant."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mlops_assets.data.faults.suspicion import (
    FEWEST_ROWS,
    Suspicion,
    Tables,
    apart,
    by_chance,
    numbers,
)

# What pipelines multiply by; each may be divided by as well.
FACTORS = {
    10: "a decimal place, or millimetres and centimetres",
    100: "cents, or percent",
    1000: "thousands, or milli",
    10_000: "basis points",
    1_000_000: "millions, or micro",
    1_000_000_000: "nano",
    1024: "kibi",
    60: "minutes and seconds",
    3600: "hours and seconds",
    86_400: "days and seconds",
    24: "days and hours",
    12: "a dozen, months, or feet and inches",
    2.54: "inches and centimetres",
    25.4: "inches and millimetres",
    30.48: "feet and centimetres",
    3.28084: "metres and feet",
    2.204623: "kilograms and pounds, 0.4536",
    28.34952: "ounces and grams",
    453.5924: "pounds and grams",
    3.6: "metres a second and kilometres an hour",
    2.236936: "metres a second and miles an hour",
    3.785412: "gallons and litres",
    4.184: "calories and joules",
    1.609: "miles and kilometres",
    1.609344: "miles and kilometres",
    1.852: "nautical miles and kilometres",
    1.0936133: "metres and yards",
}
# Multiplied by the first, and the second added to it.
AFFINE = {
    (1.8, 32.0): "from Celsius to Fahrenheit",
    (1 / 1.8, -32 / 1.8): "from Fahrenheit to Celsius",
    (1.0, 273.15): "from Celsius to Kelvin",
    (1.0, -273.15): "from Kelvin to Celsius",
}
REAL = 2.0  # what is halved or doubled may be so in the world
_WIDER = 2.5  # from here on a column on both sides of zero is wider than the world makes it
FAR = 5.0  # what is beyond this is a unit, whatever it is called
_QUANTILES = np.linspace(0.05, 0.95, 19)
_NEAR = 0.25  # in logarithms: how far the fit may be from the unit
_ALIKE = 0.03
_OF_RAW = 0.6  # how much nearer the rescaled column has to be
_GRID, _OFF_GRID = 0.97, 0.5  # coherence of values that are multiples of one step, and of others
_FINEST, _STEPS = 4, 10  # decimal places of a grid; how many steps the values have to be wide
_PLACED = 0.4  # of a column whose spread is at most so many of its means, the mean tells the unit


def units(tables: Tables, name: str) -> Iterator[Suspicion]:
    """The suspicion that a column is in another unit; none, or one."""
    then, now = (numbers(values) for values in tables.both(name))
    if then is None or now is None or min(len(then), len(now)) < FEWEST_ROWS:
        return
    found = [*_affine(tables, name, then, now), *_times(tables, name, then[then != 0], now)]
    if found and not _goes_on(tables.reference[name].dropna(), tables.batch[name].dropna()):
        # Where days differ much, several explain it: the one that leaves least.
        yield min(found, key=lambda each: each[0])[1]


def _goes_on(then: pd.Series, now: pd.Series) -> bool:
    """Whether the column counts rows, and counts on: no two alike, and in the same small steps."""
    if then.duplicated().any() or now.duplicated().any() or now.min() <= then.max():
        return False
    before, after = (np.sort(values.to_numpy(dtype=float)) for values in (then, now))
    if any((values % 1 != 0).any() for values in (before, after)):
        return False
    return bool(0.5 <= np.median(np.diff(after)) / np.median(np.diff(before)) <= 2)


_Found = list[tuple[float, Suspicion]]
"""At most one, with how far the column is from the baseline once it is turned back."""


def _times(tables: Tables, name: str, then: np.ndarray, now: np.ndarray) -> _Found:
    now = now[now != 0]  # zero is the same in every unit
    if min(len(then), len(now)) < FEWEST_ROWS:
        return []
    factor = fitted(then, now)
    if factor <= 0 or not np.isfinite(factor):
        return []
    named = [f for unit in FACTORS for f in (unit, 1 / unit)]
    near = [f for f in named if abs(np.log(factor / f)) < _NEAR]
    if not near and abs(np.log(factor)) < np.log(FAR):
        return []
    most = max(by_chance(len(then), len(now)), tables.room(name))
    near = [f for f in (*near, factor) if _explains(then, now, f, most)]
    on_grid = [f for f in near if f != factor and lands_on_grid(then, now, f)]
    found = on_grid or [f for f in near if _is_no_change(then, now, f)]
    if not found:
        return []
    best = _plainest(found, factor, then, now)
    if _usual_between_periods(tables, name, best):
        return []
    text = _text(name, then, now, best, bool(on_grid))
    return [(apart(then, now / best), Suspicion("unit", (name,), text, float(best)))]


def _plainest(found: list[float], factor: float, then: np.ndarray, now: np.ndarray) -> float:
    """Of factors that explain it alike a power of ten, then another unit, then whatever fits."""
    named = {f for f in found if f != factor} or {factor}
    left = {f: apart(then, now / f) for f in named}
    alike = [f for f in left if left[f] <= min(left.values()) + _ALIKE]
    return min(alike, key=lambda f: (not np.log10(f).is_integer(), left[f]))


def fitted(then: np.ndarray, now: np.ndarray) -> float:
    """The factor by which the quantiles of one sample are nearest to those of the other."""
    before, after = np.quantile(then, _QUANTILES), np.quantile(now, _QUANTILES)
    square = float(before @ before)
    return float(before @ after) / square if square else np.nan


def _explains(then: np.ndarray, now: np.ndarray, factor: float, most: float) -> bool:
    """Whether the column is as usual once it is divided by the factor."""
    left = apart(then, now / factor)
    return left <= most and left <= _OF_RAW * apart(then, now)


def _is_no_change(then: np.ndarray, now: np.ndarray, factor: float) -> bool:
    """Whether so much is beyond what happens in the world.

    A factor of 0.5 to 2 is not. Of a column on both sides of zero, or spread as widely as its
    mean, only the spread tells of a unit: it has to be beyond as well, and where it is narrower,
    as when some of the rows stay away, by far.
    """
    size = abs(np.log(factor))
    if factor == fitted(then, now) or size >= np.log(FAR):
        return size >= np.log(FAR)
    between = (size + np.log(REAL)) / 2  # nearer to the unit than to what happens
    if size <= np.log(REAL) or abs(np.log(fitted(then, now))) < between:
        return False
    if abs(then.mean()) * _PLACED >= then.std():
        return True
    low, high = np.quantile(then, [0.05, 0.95])
    if low < 0 < high and factor < _WIDER:
        return False
    return abs(np.log(_spread(now) / _spread(then))) >= between


def _spread(values: np.ndarray) -> float:
    return float(np.quantile(values, _QUANTILES).std()) or np.nan


def lands_on_grid(then: np.ndarray, now: np.ndarray, factor: float) -> bool:
    """Whether the values are no multiples of the reference's last decimal place until divided."""
    for places in range(_FINEST + 1):
        step = 10.0**-places
        if _on_whole_numbers(then / step) >= 1 - 1e-6:
            wide = np.ptp(np.quantile(now / factor / step, _QUANTILES)) >= _STEPS
            off = _coherence(now / step) <= _OFF_GRID
            return bool(wide and off and _on_whole_numbers(now / factor / step) >= _GRID)
    return False


def _coherence(values: np.ndarray) -> float:
    """1 where all have the same fraction, near 0 where they have any."""
    return float(np.abs(np.exp(2j * np.pi * values).mean()))


def _on_whole_numbers(values: np.ndarray) -> float:
    """1 where all are whole numbers, near 0 where they are anything."""
    return float(np.cos(2 * np.pi * values).mean())


def _usual_between_periods(tables: Tables, name: str, factor: float) -> bool:
    """Whether single periods have been half so far away (in logarithms): rain, for one."""
    found = [numbers(values) for values in tables.by_period(name)]
    middles = [np.median(np.abs(v[v != 0])) for v in found if v is not None and (v != 0).any()]
    if len(middles) < 2:
        return False
    away = np.abs(np.log(np.array(middles) / np.median(middles)))
    return bool(away.max() >= abs(np.log(factor)) / 2)


def _affine(tables: Tables, name: str, then: np.ndarray, now: np.ndarray) -> _Found:
    spread, raw = float(then.std()), apart(then, now)
    moved = abs(float(np.median(now) - np.median(then)))
    for (factor, added), what in AFFINE.items():
        if min(moved / 1.5, abs(added / factor)) < spread or spread == 0:
            continue
        left = apart(then, (now - added) / factor)
        most = max(by_chance(len(then), len(now)), tables.room(name))
        if left <= most and left <= _OF_RAW * raw:
            evidence = (
                f"{name} is {factor:.4g} times the baseline {added:+.4g} at every quantile, as "
                f"{what}; turned back it is as usual"
            )
            periods = [numbers(values) for values in tables.by_period(name)]
            usual = [abs(np.median(v) - np.median(then)) for v in periods if v is not None]
            if max(usual, default=0.0) < moved / 2:
                return [(left, Suspicion("unit", (name,), evidence, factor))]
    return []


def _text(name: str, then: np.ndarray, now: np.ndarray, factor: float, on_grid: bool) -> str:
    before, after = np.quantile(then, _QUANTILES), np.quantile(now, _QUANTILES)
    clear = np.abs(before) > 0.1 * np.abs(before).max()
    ratios = after[clear] / before[clear]
    low, high = float(ratios.min()), float(ratios.max())
    spread = "" if high - low < 0.01 * high else f" (between {low:.3g} and {high:.3g})"
    text = f"{name} is {fitted(then, now):.4g} times the baseline at every quantile{spread}"
    unit = next((u for u in FACTORS if factor in (u, 1 / u)), None)
    if unit is None:
        return f"{text}, as in another unit or currency; divided by that it is as usual"
    how = f"divided by {factor:g}" if factor > 1 else f"times {1 / factor:g}"
    text = f"{text}; {how} ({FACTORS[unit]}) it is as usual"
    return f"{text}, to the last decimal place" if on_grid else text
