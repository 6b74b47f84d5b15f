"""A life reads what its YAML names, or what it is handed in."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from mlops_assets.errors import NotThereYetError, UserError
from mlops_assets.lifecycle.baseline_data import take_baseline
from mlops_assets.lifecycle.drifted_batch import take_batch
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.memory import MemoryRegistry, MemoryStore
from mlops_assets.spec import ModelSpec
from mlops_assets_tests.examples import iris_spec
from mlops_assets_tests.lifecycle import made

DAY = "2026-01-01"
IRIS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


@pytest.fixture
def spec():
    return iris_spec()


class Handed:
    """Rows of the real iris, and none on any but one day."""

    def __init__(self, spec):
        self.own = Life(spec, MemoryStore(), MemoryRegistry(spec.name)).incoming

    def baseline(self) -> pd.DataFrame:
        return self.own.baseline().head(120)

    def batch(self, day: dt.date) -> pd.DataFrame:
        if day.isoformat() != DAY:
            raise NotThereYetError(f"nothing of {day}")
        return self.own.baseline().tail(30)

    def labels(self, day: dt.date) -> pd.DataFrame:
        raise AssertionError("the spec names no source of labels")


def test_without_another_source_the_specs_own_is_read(spec):
    life = Life(spec, MemoryStore(), MemoryRegistry(spec.name))
    assert take_baseline(life).record.rows == 150
    taken = take_batch(life, DAY)
    assert taken.record.rows == len(life.incoming.batch(dt.date(2026, 1, 1)))
    with pytest.raises(UserError, match="has no `labels`"):
        life.incoming.labels(dt.date(2026, 1, 1))


def test_a_source_that_is_handed_in_is_read_in_its_place(spec):
    life = Life(spec, MemoryStore(), MemoryRegistry(spec.name), source=Handed(spec))
    assert take_baseline(life).record.rows == 120
    taken = take_batch(life, DAY)
    assert taken.record.rows == 30
    assert life.store.read(spec.name, "drifted_batch", DAY)[IRIS].shape == (30, 4)
    assert "nothing of 2026-01-02" in str(take_batch(life, "2026-01-02").awaited)


def test_what_the_reading_of_labels_tells_is_told_with_the_batch(tmp_path):
    rows = made.table(60, 1).assign(id=range(60))
    rows.to_csv(tmp_path / "baseline.csv", index=False)
    rows.drop(columns="y").to_csv(tmp_path / f"{DAY}.csv", index=False)
    labels = pd.concat([rows.assign(at=2), rows.head(3).assign(y="low", at=1)])
    labels[["id", "y", "at"]].to_csv(tmp_path / "labels.csv", index=False)
    csv = {"kind": "csv"}
    spec = made.spec(
        columns={"target": "y", "id": ["id"]},
        baseline=csv | {"url": f"{tmp_path}/baseline.csv"},
        batches=csv | {"url": f"{tmp_path}/{{date}}.csv"},
        labels=csv | {"url": f"{tmp_path}/labels.csv", "latest_by": "at"},
    )
    life = Life(spec, MemoryStore(), MemoryRegistry(spec.name))
    take_baseline(life)
    taken = take_batch(life, DAY)
    assert taken.record.labelled_rows == 60
    assert taken.notes == (
        "labels: 3 row(s) are left out, as a later one by at has a label of the same id.",
    )


def test_the_version_that_was_read_of_a_table_is_kept_in_the_record(tmp_path):
    number = np.arange(60)
    rows = pa.table({"id": [f"C{i}" for i in number], "x": number % 7 + 0.5, "day": [DAY] * 60})
    labels = pa.table({"id": [f"C{i}" for i in number], "y": ["yes", "no", "no"] * 20})
    baseline = rows.drop_columns("day").append_column("y", labels["y"])
    for name, table in (("baseline", baseline), ("batches", rows), ("labels", labels)):
        write_deltalake(tmp_path / name, table)
    DeltaTable(tmp_path / "batches").delete("id = 'C0'")
    write_deltalake(tmp_path / "baseline", baseline, mode="append")
    spec = ModelSpec.model_validate(
        {
            "name": "small",
            "columns": {"target": "y", "id": ["id"]},
            "baseline": {"kind": "delta", "url": f"{tmp_path}/baseline", "version": 0},
            "batches": {
                "kind": "delta", "url": f"{tmp_path}/batches", "partition_column": "day"
            },
            "labels": {"kind": "delta", "url": f"{tmp_path}/labels"},
            "start_date": DAY,
        }
    )  # fmt: skip
    life = Life(spec, MemoryStore(), MemoryRegistry(spec.name))

    take_baseline(life)
    assert take_batch(life, DAY).record.labelled_rows == 59

    assert life.journal.baseline().rows == 60
    of_baseline = life.journal.baseline().notes
    assert sum(note.startswith("version 0 of 20") for note in of_baseline) == 1
    told = life.journal.batch(DAY).notes
    assert sum(note.startswith("version 1 of 20") for note in told) == 1
    assert sum(note.startswith("labels: version 0 of 20") for note in told) == 1
