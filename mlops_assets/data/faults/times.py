"""All times moved by whole hours: another time zone."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mlops_assets.data.faults.suspicion import FEWEST_ROWS, Suspicion, Tables

_DAY, _HALF_HOUR = 24 * 60, 30  # minutes
_EVIDENCE = 10.0  # how much likelier, in logarithms, the times are once they are moved back
_NEARLY = 0.7


def times(tables: Tables, name: str) -> Iterator[Suspicion]:
    """The suspicion that the times of day are the usual ones, so many whole hours later."""
    if name not in tables.reference or name not in tables.batch:
        return
    then, now = tables.both(name)
    if then.dtype.kind != "M" or now.dtype.kind != "M" or min(len(then), len(now)) < FEWEST_ROWS:
        return
    before, after = _of_day(then), _of_day(now)
    likely = [_likelihood(before, after - hours * 60) for hours in range(24)]
    hours, found = int(np.argmax(likely)), _apart(before, after)
    left = _apart(before, after - hours * 60)
    by_chance = 2.0 * float(np.sqrt(1 / len(before) + 1 / len(after)))  # Kuiper's, p 0.01
    if hours == 0 or likely[hours] - likely[0] < _EVIDENCE:
        return
    if left > by_chance or left >= found or _usual(tables, name, before, found):
        return
    moved = hours if hours <= 12 else hours - 24
    later = "later" if moved > 0 else "earlier"
    yield Suspicion(
        "times",
        (name,),
        f"the times of {name} are {abs(moved)} hour{'' if abs(moved) == 1 else 's'} {later} than "
        "the baseline's over the whole day, as in another time zone; moved back they are as usual",
        float(moved),
    )


def _of_day(moments: pd.Series) -> np.ndarray:
    moments = pd.to_datetime(moments, utc=True)
    return (moments.dt.hour * 60 + moments.dt.minute).to_numpy(dtype=float)


def _counts(minutes: np.ndarray) -> np.ndarray:
    return np.bincount((minutes % _DAY // _HALF_HOUR).astype(int), minlength=_DAY // _HALF_HOUR)


def _likelihood(before: np.ndarray, after: np.ndarray) -> float:
    """The logarithm of how likely the times are as draws of those before."""
    shares = _counts(before) + 0.5
    return float(_counts(after) @ np.log(shares / shares.sum()))


def _apart(before: np.ndarray, after: np.ndarray) -> float:
    """How far two samples of times of day are apart on the circle: Kuiper's statistic."""
    away = (_counts(before) / len(before) - _counts(after) / len(after)).cumsum()
    return float(away.max() - away.min())


def _usual(tables: Tables, name: str, before: np.ndarray, found: float) -> bool:
    """Whether single periods have been nearly so far from all of them: parts of a day, perhaps."""
    known = [values for values in tables.by_period(name) if len(values) >= FEWEST_ROWS]
    return any(_apart(before, _of_day(values)) >= _NEARLY * found for values in known)
