"""Days that are looked at again: closed, late, or not complete when they were read."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
import sqlalchemy as sa

from mlops_assets.assets.shared import ASKED_AGAIN
from mlops_assets.automation.days import late_batches
from mlops_assets.data.sources import read_source
from mlops_assets.jobs import DAILY, asset_job
from mlops_assets_tests.examples import Loop, Run, iris_spec

DAY = "2026-01-08"  # like the baseline
AT_SIX = dt.datetime(2026, 1, 9, 6, tzinfo=dt.UTC)
Made = Callable[..., Loop]


def rows() -> pd.DataFrame:
    return read_source(iris_spec().batches, dt.date.fromisoformat(DAY))


@pytest.fixture
def arriving(fork, tmp_path) -> Made:
    """The loop with the batches of a source."""

    def make(**batches) -> Loop:
        return fork(start_date="2026-01-01", batches=batches)

    return make


def asked(loop: Loop, hours: float) -> list[str]:
    """What the sensor asks for, so many hours after the schedule did."""
    daily = asset_job(loop.spec, "daily", DAILY, "Checks")
    now = AT_SIX + dt.timedelta(hours=hours)
    sensor = late_batches(loop.spec, daily, lambda: now)
    result = sensor(dg.build_sensor_context(loop.instance, sensor_name=sensor.name))
    assert isinstance(result, dg.SensorResult)
    requests = result.run_requests or ()
    assert all(request.tags.items() >= ASKED_AGAIN.items() for request in requests)
    return [str(request.run_key).replace(f"{loop.spec.name}-", "") for request in requests]


def lived(loop: Loop, *, again: bool = False) -> Run:
    return loop.job("iris_daily", DAY, ASKED_AGAIN if again else None)


def csv(folder: Path) -> dict:
    rows().head(0).to_csv(folder / f"{DAY}.csv", index=False)
    return {"kind": "csv", "url": f"{folder}/{{date}}.csv"}


def parquet(folder: Path) -> dict:
    rows().head(0).to_parquet(folder / f"{DAY}.parquet")
    return {"kind": "parquet", "url": f"{folder}/{{date}}.parquet"}


def sql(folder: Path) -> dict:
    with sa.create_engine(f"sqlite:///{folder}/days.db").begin() as connection:
        rows().assign(day="2026-01-07").to_sql("flowers", connection, index=False)
    columns = ", ".join(rows())
    query = f"SELECT {columns} FROM flowers WHERE day = :date"
    return {"kind": "sql", "url_env": "DAYS", "query": query}


def nothing(_: dt.date) -> None:
    """A Python source on a day without data."""


def no_rows(_: dt.date) -> pd.DataFrame:
    """Another one."""
    return rows().head(0)


def python_none(_: Path) -> dict:
    return {"kind": "python", "function": f"{__name__}:nothing"}


def python_empty(_: Path) -> dict:
    return {"kind": "python", "function": f"{__name__}:no_rows"}


@pytest.mark.parametrize("source", [csv, parquet, sql, python_none, python_empty])
def test_a_day_whose_table_has_no_rows_is_closed_in_every_source(
    arriving, tmp_path, monkeypatch, source
):
    monkeypatch.setenv("DAYS", f"sqlite:///{tmp_path}/days.db")
    loop = arriving(**source(tmp_path))
    run = lived(loop)
    assert run.success, run.message
    assert run.materialized == []
    check = run.check("contract")
    assert check.passed
    assert check.description.startswith("Closed, there is nothing to check: ")
    assert "`batches.empty_days: late`" in check.description
    assert [asked(loop, hours) for hours in (0, 1, 3, 12, 23)] == [[]] * 5


@pytest.mark.parametrize("source", [csv, sql])
def test_a_day_without_rows_is_late_where_the_yaml_says_so(arriving, tmp_path, monkeypatch, source):
    monkeypatch.setenv("DAYS", f"sqlite:///{tmp_path}/days.db")
    loop = arriving(**source(tmp_path), empty_days="late")
    run = lived(loop)
    assert run.success, run.message
    assert run.materialized == []
    assert not run.check("contract").passed
    assert asked(loop, 1) == [f"{DAY}-asked-1"]


def test_gaps_double_between_two_looks_for_a_batch_that_is_late(arriving, tmp_path):
    loop = arriving(kind="csv", url=f"{tmp_path}/{{date}}.csv")
    assert lived(loop).success
    keys = {hour: asked(loop, hour) for hour in range(7 * 24 - 6)}
    assert keys[0] == []
    new = [hour for hour in keys if hour and keys[hour] != keys[hour - 1]]
    assert new == [1, 3, 7, 15, 31, 63, 127]
    assert asked(loop, 7 * 24) == []


def test_a_batch_that_comes_is_seen_at_once(arriving, tmp_path):
    loop = arriving(kind="csv", url=f"{tmp_path}/{{date}}.csv")
    assert lived(loop).success
    assert asked(loop, 0.2) == []
    rows().to_csv(tmp_path / f"{DAY}.csv", index=False)
    (key,) = asked(loop, 0.4)
    assert key.startswith(f"{DAY}-changed-since-")
    assert asked(loop, 0.6) == [key]  # the same key: Dagster asks once
    assert set(lived(loop, again=True).materialized) == set(DAILY)
    assert asked(loop, 0.8) == []


def test_a_closed_day_that_gets_rows_is_one_no_more(arriving, tmp_path):
    loop = arriving(**csv(tmp_path))
    assert lived(loop).materialized == []
    rows().to_csv(tmp_path / f"{DAY}.csv", index=False)
    assert len(asked(loop, 5)) == 1
    assert set(lived(loop, again=True).materialized) == set(DAILY)


def test_a_delivery_that_was_not_complete_is_read_again_and_decided_anew(arriving, tmp_path):
    rows().head(120).to_csv(tmp_path / f"{DAY}.csv", index=False)
    loop = arriving(kind="csv", url=f"{tmp_path}/{{date}}.csv")
    assert lived(loop).metadata("drift_report")["rows"] == 120
    assert asked(loop, 30) == []
    rows().to_csv(tmp_path / f"{DAY}.csv", index=False)
    assert len(asked(loop, 30)) == 1
    assert lived(loop, again=True).metadata("drift_report")["rows"] == len(rows())
    assert asked(loop, 31) == []
    assert asked(loop, 7 * 24) == []


def test_a_file_that_is_written_again_with_the_same_rows_changes_nothing(arriving, tmp_path):
    rows().to_csv(tmp_path / f"{DAY}.csv", index=False)
    loop = arriving(kind="csv", url=f"{tmp_path}/{{date}}.csv")
    assert set(lived(loop).materialized) == set(DAILY)
    (tmp_path / f"{DAY}.csv").unlink()
    rows().to_csv(tmp_path / f"{DAY}.csv", index=False)
    assert len(asked(loop, 1)) == 1
    before = loop.files()
    again = lived(loop, again=True)
    assert again.success
    assert again.materialized == []
    assert again.check("contract").description == "Nothing is new."
    assert loop.files() == before
    assert asked(loop, 2) == []


@pytest.mark.parametrize("broken", [b"", b"sepal_length\n1.0\n"], ids=["0 bytes", "quarantine"])
def test_a_day_that_failed_is_asked_for_again_once_its_file_is_another(arriving, tmp_path, broken):
    (tmp_path / f"{DAY}.csv").write_bytes(broken)
    loop = arriving(kind="csv", url=f"{tmp_path}/{{date}}.csv")
    assert not lived(loop).success
    assert asked(loop, 1) == []
    rows().to_csv(tmp_path / f"{DAY}.csv", index=False)
    assert len(asked(loop, 1)) == 1
    assert set(lived(loop, again=True).materialized) == set(DAILY)


def test_what_is_gone_stays_where_it_was_stored(arriving, tmp_path):
    rows().to_csv(tmp_path / f"{DAY}.csv", index=False)
    loop = arriving(kind="csv", url=f"{tmp_path}/{{date}}.csv")
    lived(loop)
    rows().head(0).to_csv(tmp_path / f"{DAY}.csv", index=False)
    assert len(asked(loop, 1)) == 1
    before = loop.files()
    again = lived(loop, again=True)
    assert again.success
    assert not again.check("contract").passed  # yellow: somebody emptied it
    assert loop.files() == before


def test_where_only_reading_tells_a_day_is_read_again_with_doubling_gaps(
    arriving, tmp_path, monkeypatch
):
    monkeypatch.setenv("DAYS", f"sqlite:///{tmp_path}/days.db")
    loop = arriving(**sql(tmp_path))
    assert lived(loop).success  # closed
    keys = [asked(loop, 24 * days) for days in range(7)]
    assert keys == [[], *[[f"{DAY}-again-{looks}"] for looks in (1, 2, 2, 3, 3, 3)]]
    with sa.create_engine(f"sqlite:///{tmp_path}/days.db").begin() as connection:
        rows().assign(day=DAY).to_sql("flowers", connection, index=False, if_exists="append")
    assert set(lived(loop, again=True).materialized) == set(DAILY)
    assert asked(loop, 48) == [f"{DAY}-again-2"]
    assert lived(loop, again=True).materialized == []


def test_made_up_days_are_not_read_again(fork):
    loop = fork(start_date="2026-01-01")
    assert set(lived(loop).materialized) == set(DAILY)
    assert [asked(loop, 24 * days) for days in range(7)] == [[]] * 7
