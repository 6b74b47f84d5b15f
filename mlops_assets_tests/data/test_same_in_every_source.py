"""The same tables give the same stored ones, contract and verdict, wherever they are read from."""

import datetime
import functools
import sys
import uuid
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa
from deltalake import write_deltalake
from sklearn.tree import DecisionTreeClassifier

from mlops_assets.lifecycle.baseline_data import take_baseline
from mlops_assets.lifecycle.baseline_model import train_baseline_model
from mlops_assets.lifecycle.drift_report import report_drift
from mlops_assets.lifecycle.drifted_batch import take_batch
from mlops_assets.lifecycle.journal import ALL
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.memory import MemoryRegistry, MemoryStore
from mlops_assets.lifecycle.outside import Training
from mlops_assets.predicted import Predicted
from mlops_assets.spec import ModelSpec
from mlops_assets.training.features import model_input

ROWS = 120
DAY = "2026-01-01"
NUMBER = np.arange(ROWS)
FAR = datetime.date(9999, 12, 31)


def _table(**columns) -> pd.DataFrame:
    made = {"id": [f"C{i}" for i in NUMBER], "x": NUMBER % 7 + 0.5}
    frame = pd.DataFrame(made | {"y": ["yes" if i % 7 < 3 else "no" for i in NUMBER]})
    return frame.assign(**columns)


def _every(values: list) -> list:
    return [values[i % len(values)] for i in NUMBER]


def _some_far() -> list[datetime.date]:
    return [FAR if i % 3 else datetime.date(2025, 1, 1 + i % 28) for i in NUMBER]


TABLES: dict[str, pd.DataFrame] = {
    "plain": _table(),
    "a class called None": _table(y=_every(["None", "Apnea", "Insomnia", "None", "Apnea"])),
    "words for nothing as text": _table(area=_every(["NA", "null", "EU", "US"])),
    "ids with leading zeros": _table(id=[f"{i:05}" for i in NUMBER]),
    "ids that are numbers": _table(id=NUMBER + 10),
    "ids of 64 bits": _table(id=(np.arange(ROWS, dtype="uint64") + np.uint64(2**63 - 60))),
    "UUIDs": _table(id=[uuid.UUID(int=int(i) * 2**70 + 1) for i in NUMBER]),
    "whole numbers with gaps": _table(shop=pd.array(_every([1, 2, None, 4]), dtype="Int64")),
    "numbers of Arrow with gaps": _table(
        share=pd.array(_every([0.25, None, 1.5, 3.125]), dtype="double[pyarrow]")
    ),
    "padded texts": _table(plan=_every(["pro   ", "basic ", " pro", "plus  "])),
    "empty texts": _table(plan=_every(["pro", "", "basic", "  "])),
    "days beyond nanoseconds": _table(until=_some_far()),
    "true and false with gaps": _table(member=_every([True, None, False, True])),
    "codes with leading zeros": _table(zone=_every(["01", "02", "10", "11"])),
    "names of all sorts": _table(**{"a b": NUMBER % 5, "c,d": NUMBER % 3, "ü[1]": NUMBER % 4}),
    "many digits": _table(exact=NUMBER / 7),
}


Fields = dict[str, dict[str, str]]
Write = Callable[[pd.DataFrame, str, Path, pytest.MonkeyPatch], dict[str, str]]
"""Puts a table somewhere, as `baseline` or as that of the day; returns the source that reads it."""


def _csv(frame, name, folder, monkeypatch):
    frame.to_csv(folder / f"{name}-{DAY}.csv", index=False)
    return {"kind": "csv", "url": f"{folder}/{_dated(name)}.csv"}


def _dated(name: str) -> str:
    return f"{name}-{DAY}" if name == "baseline" else f"{name}-{{date}}"


def _without_uuids(frame: pd.DataFrame) -> pd.DataFrame:
    texts = frame["id"].map(lambda one: str(one) if isinstance(one, uuid.UUID) else one)
    return frame.assign(id=texts)


def _parquet(frame, name, folder, monkeypatch):
    _without_uuids(frame).to_parquet(folder / f"{name}-{DAY}.parquet", index=False)
    return {"kind": "parquet", "url": f"{folder}/{_dated(name)}.parquet"}


def _delta(frame, name, folder, monkeypatch):
    made = pa.Table.from_pandas(_without_uuids(frame), preserve_index=False)
    for place, field in enumerate(made.schema):
        if pa.types.is_uint64(field.type):  # Delta's integers have a sign
            exact = pa.field(field.name, pa.decimal128(20, 0))
            made = made.set_column(place, exact, made[place].cast(exact.type))
    write_deltalake(folder / f"{name}-{DAY}", made)
    return {"kind": "delta", "url": f"{folder}/{_dated(name)}"}


def _python(frame, name, folder, monkeypatch):
    module = ModuleType(f"{name}_of_ours")
    module.rows = lambda day: frame  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return {"kind": "python", "function": f"{module.__name__}:rows"}


def _sql(frame, name, url, monkeypatch):
    monkeypatch.setenv("ROWS_DB", url)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    objects = frame.astype(object).where(frame.notna(), None)
    large = objects["id"].map(lambda one: isinstance(one, int) and one >= 2**63).any()
    types: dict = {"id": sa.Numeric(20, 0)} if large and "postgres" in url else {}
    if large and not types:  # SQLite's integers end at 64 bits
        objects["id"] = objects["id"].map(str)
    objects = _without_uuids(objects).infer_objects()
    if "member" in objects:
        types["member"] = sa.Boolean()
    if "until" in objects:
        types["until"] = sa.Date()
    if "shop" in objects:
        types["shop"] = sa.Integer()
    objects.to_sql(name, engine, index=False, if_exists="replace", dtype=types)
    of_day = "" if name == "baseline" else " WHERE CAST(:date AS date) IS NOT NULL"
    return {"kind": "sql", "url_env": "ROWS_DB", "query": f'SELECT * FROM "{name}"{of_day}'}


def _sqlite(frame, name, folder, monkeypatch):
    return _sql(frame, name, f"sqlite:///{folder}/in.db", monkeypatch)


# ---------------------------------------------------------------- a life of them


@dataclass(frozen=True)
class Tree:
    """A model of columns of any kind, fitted in a millisecond."""

    tree: Any
    features: list[str]

    def predict(self, frame: pd.DataFrame) -> Predicted:
        return Predicted(np.asarray(self.tree.predict(_numbers(frame, self.features))))

    @classmethod
    def fit(cls, rows: pd.DataFrame) -> "Tree":
        features = [name for name in rows if name not in ("id", "y")]
        tree = DecisionTreeClassifier(max_depth=3, random_state=0)
        return cls(tree.fit(_numbers(rows, features), rows["y"]), features)


def _numbers(frame: pd.DataFrame, features: list[str]) -> np.ndarray:
    plain = model_input(frame, features)
    for name in plain.select_dtypes("object").columns:
        plain[name] = plain[name].map(lambda text: zlib.crc32(str(text).encode()) % 97)
    return plain.fillna(-1).to_numpy(dtype=float)


def _lived(name: str, write: Write, folder: Path, monkeypatch) -> dict[str, Any]:
    """What is kept of the baseline and of one day, and what is found of that day."""
    before = TABLES[name]
    drifted = before.assign(x=before["x"] + 2).iloc[: ROWS * 3 // 4]
    spec = ModelSpec.model_validate(
        {
            "name": "small",
            "columns": {"target": "y", "id": ["id"]},
            "baseline": write(before, "baseline", folder, monkeypatch),
            "batches": write(drifted, "day", folder, monkeypatch),
            "start_date": DAY,
            "drift": {"resamples": 200},
        }
    )
    life = Life(spec, MemoryStore(), MemoryRegistry(spec.name))
    baseline = take_baseline(life)
    train_baseline_model(
        life, lambda rows, *_: Training(life.registry.register(Tree.fit(rows)), len(rows))
    )
    batch = take_batch(life, DAY)
    assert batch.record, batch
    found = report_drift(life, DAY)
    return {
        "baseline": life.store.read(spec.name, "baseline_data", ALL),
        "batch": life.store.read(spec.name, "drifted_batch", DAY),
        "hashes": (baseline.record.data_hash, batch.record.data_hash, found.data_hash),
        "contract": baseline.record.contract,
        "unusual": batch.record.unusual,
        "score": found.score,
        "verdict": asdict(found.verdict),
        "columns": {one.name: asdict(one) for one in found.comparison.columns},
        "target": found.comparison.target and asdict(found.comparison.target),
    }


@pytest.fixture(scope="module")
def of_csv(tmp_path_factory) -> Callable[[str], dict[str, Any]]:
    """What comes of a table from CSV; each is lived once."""

    @functools.cache
    def lived(name: str) -> dict[str, Any]:
        with pytest.MonkeyPatch.context() as monkeypatch:
            return _lived(name, _csv, tmp_path_factory.mktemp("csv"), monkeypatch)

    return lived


def _assert_same(expected: dict[str, Any], found: dict[str, Any]) -> None:
    for part, told in expected.items():
        if isinstance(told, pd.DataFrame):
            pd.testing.assert_frame_equal(found[part], told, check_exact=True)
        else:
            assert repr(found[part]) == repr(told), part  # as NaN is not equal to itself
    assert expected["verdict"]["drift_detected"]
    assert "x" in expected["columns"]


@pytest.mark.parametrize("write", [_parquet, _delta, _python, _sqlite])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_stored_and_judged_alike_from_every_source(
    name, write, of_csv, tmp_path, monkeypatch
):
    if name == "true and false with gaps" and write is _sqlite:
        pytest.skip("SQLite has no booleans: it gives 0 and 1, which are numbers")

    _assert_same(of_csv(name), _lived(name, write, tmp_path, monkeypatch))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_stored_and_judged_alike_from_postgres(
    name, postgres_url, of_csv, tmp_path, monkeypatch
):
    def write(frame, name, folder, monkeypatch):
        return _sql(frame, name, postgres_url, monkeypatch)

    _assert_same(of_csv(name), _lived(name, write, tmp_path, monkeypatch))
