"""Whatever is wrong with a day, production, the registry and all stored days stay as they were."""

import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from mlops_assets.spec import ModelSpec
from mlops_assets_tests.data.test_bad_input import batch, table
from mlops_assets_tests.examples import QUICK, Loop

Broken = Callable[[pd.DataFrame], pd.DataFrame | bytes | None]


def put(column: str, value: object, rows: int = 3) -> Broken:
    """The first rows of a column get a value."""

    def broken(frame: pd.DataFrame) -> pd.DataFrame:
        values = frame[column].astype(object)
        values.iloc[:rows] = value
        return frame.assign(**{column: pd.Series(values.tolist(), index=frame.index)})

    return broken


def all_of(column: str, value: object) -> Broken:
    return lambda frame: frame.assign(**{column: value})


def many(frame: pd.DataFrame) -> pd.DataFrame:
    several = pd.concat([frame] * 300, ignore_index=True)
    return several.assign(id=[f"B{i}" for i in several.index])


def truncated(frame: pd.DataFrame) -> bytes:
    return frame.to_parquet()[:-100]


BAD: dict[str, Broken] = {
    "age missing": lambda f: f.drop(columns="age"),
    "id missing": lambda f: f.drop(columns="id"),
    "timestamp missing": lambda f: f.drop(columns="seen"),
    "all but one missing": lambda f: f[["age"]],
    "age renamed": lambda f: f.rename(columns={"age": "years"}),
    "age in other letters": lambda f: f.rename(columns={"age": "AGE"}),
    "no rows": lambda f: f.iloc[:0],
    "no columns": lambda f: f[[]],
    "one row": lambda f: f.head(1),
    "nineteen rows": lambda f: f.head(19),
    "300 times the rows": many,
    "ids twice": lambda f: f.assign(id=f["id"].iloc[0]),
    "one id twice": put("id", "A100", rows=2),
    "ids null": put("id", None),
    "age all null": all_of("age", None),
    "income all null": all_of("income", np.nan),
    "city all null": all_of("city", None),
    "timestamp null": put("seen", pd.NaT),
    "income infinite": put("income", np.inf),
    "income minus infinite": put("income", -np.inf),
    "age in words": all_of("age", "twenty"),
    "age with a unit": lambda f: f.assign(age=f["age"].astype(str) + " years"),
    "income with commas": lambda f: f.assign(income=f["income"].map("{:,.2f}".format)),
    "income as days": all_of("income", pd.Timestamp("2026-01-01")),
    "city unseen": all_of("city", "Lugano"),
    "city as numbers": lambda f: f.assign(city=range(len(f))),
    "active maybe": all_of("active", "maybe"),
    "active as seven": all_of("active", 7),
    "label unseen": put("churn", "perhaps"),
    "labels as numbers": all_of("churn", 3),
    "timestamp in the future": all_of("seen", pd.Timestamp("2999-01-01")),
    "timestamp in words": all_of("seen", "yesterday"),
    "timestamp in another form": all_of("seen", "31.01.2026 25:61"),
    "truncated": truncated,
    "text": lambda _: b"id,age\nA1,20\n",
    "empty file": lambda _: b"",
    "zeros": lambda _: bytes(2000),
    "a folder without files": lambda _: None,
    "everything at once": lambda f: f.drop(columns="city").assign(age=-5, income=np.inf).head(3),
}
DAYS = {name: str(date(2026, 2, 1) + timedelta(days=i)) for i, name in enumerate(BAD)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("bad-days") / "arrived"
    path.mkdir()
    table().to_parquet(path / "baseline.parquet")
    batch().to_parquet(path / "2026-01-31.parquet")
    batch().to_parquet(path / "2026-04-01.parquet")
    return path


@pytest.fixture(scope="module")
def loop(folder, migrated_mlflow) -> Iterator[Loop]:
    """A model in production and one good day."""
    home = folder.parent / "home"
    home.mkdir()
    shutil.copyfile(migrated_mlflow, home / "mlflow.db")
    spec = ModelSpec.model_validate(
        {
            "name": "churn",
            "columns": {"target": "churn", "id": ["id"], "timestamp": "seen", "ignore": ["email"]},
            "baseline": {"kind": "parquet", "url": str(folder / "baseline.parquet")},
            "batches": {"kind": "parquet", "url": str(folder / "{date}.parquet")},
            "start_date": "2026-01-31",
            "training": QUICK,
        }
    )
    with dg.DagsterInstance.ephemeral() as instance:
        made = Loop(home, instance, spec)
        assert made.baseline().success
        assert made.daily("2026-01-31").success
        yield made


def kept(loop: Loop) -> dict[str, bytes]:
    """What is stored, but for what is said of the day itself: that it was refused, or closed."""
    of_the_day = ("/quarantine/", "/closed_days/")
    return {n: data for n, data in loop.files().items() if not any(o in n for o in of_the_day)}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_day_is_told_and_changes_nothing(loop, folder, name):
    files, aliases, day = kept(loop), loop.aliases(), DAYS[name]
    broken = BAD[name](batch())
    if broken is None:
        (folder / f"{day}.parquet").mkdir()
    elif isinstance(broken, bytes):
        (folder / f"{day}.parquet").write_bytes(broken)
    else:
        broken.to_parquet(folder / f"{day}.parquet")
    run = loop.daily(day)
    assert run.materialized == []
    if not run.success:
        assert "Traceback" not in run.message
        assert len(run.message) > 40
    assert kept(loop) == files
    assert loop.aliases() == aliases


def test_the_next_good_day_works(loop):
    run = loop.daily("2026-04-01")
    assert run.materialized == ["drifted_batch", "drift_report", "predictions"]
