import datetime as dt
import signal
import subprocess
import sys
import threading
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from mlops_assets.data.store import Store
from mlops_assets.errors import UserError
from mlops_assets.lifecycle.memory import MemoryStore
from mlops_assets.settings import CHECKOUT

TABLE = pd.DataFrame({"a": [1, 2], "b": ["x", None]})

TYPES = pd.DataFrame(
    {
        "whole": pd.array([1, None], dtype="Int64"),
        "number": [1.5, float("nan")],
        "flag": [True, False],
        "text": ["x", float("nan")],
        "kind": pd.Categorical(["a", None]),
        "at": pd.to_datetime(["2026-01-01 10:00", None], utc=True).as_unit("ns"),
        "day": [dt.date(2026, 1, 1), None],
        "mixed": [1, None],
    },
    index=[7, 9],
)


@pytest.fixture(params=["files", "memory"])
def store(request, tmp_path: Path):
    """Both keep the same rules."""
    return Store(url=str(tmp_path)) if request.param == "files" else MemoryStore()


def test_a_table_comes_back_as_it_was(store):
    store.write("iris", "drifted_batch", "2026-01-01", TABLE)
    pd.testing.assert_frame_equal(store.read("iris", "drifted_batch", "2026-01-01"), TABLE)


def test_a_table_is_a_parquet_file_by_model_asset_and_partition(tmp_path: Path):
    Store(url=str(tmp_path)).write("iris", "drifted_batch", "2026-01-01", TABLE)
    assert (tmp_path / "iris/drifted_batch/2026-01-01.parquet").exists()


def test_what_is_read_can_be_changed_without_changing_what_is_kept(store):
    given = TABLE.copy()
    store.write("iris", "drifted_batch", "2026-01-01", given)
    given.loc[0, "a"] = 5
    read = store.read("iris", "drifted_batch", "2026-01-01")
    read.loc[0, "a"] = 6
    pd.testing.assert_frame_equal(store.read("iris", "drifted_batch", "2026-01-01"), TABLE)


def test_memory_gives_the_types_that_a_file_gives(tmp_path: Path):
    kept = []
    for store in (Store(url=str(tmp_path)), MemoryStore()):
        store.write("iris", "drifted_batch", "2026-01-01", TYPES)
        kept.append(store.read("iris", "drifted_batch", "2026-01-01"))
    pd.testing.assert_frame_equal(*kept)


def test_records_are_what_json_makes_of_them(store):
    store.write_record("iris", "drift_report", "2026-01-01", {"days": ("a", "b"), "none": None})
    kept = {"days": ["a", "b"], "none": None}
    assert store.record("iris", "drift_report", "2026-01-01") == kept
    store.find_record("iris", "drift_report", "2026-01-01")["days"].append("c")
    assert store.records("iris", "drift_report") == [kept]
    store.write_record("iris", "drift_report", "2026-01-01", {"days": []})
    assert store.records("iris", "drift_report") == [{"days": []}]
    assert store.find_record("iris", "drift_report", "2026-01-02") is None


def test_any_fsspec_url_will_do():
    store = Store(url="memory://mlops_assets_tests")
    store.write("iris", "drifted_batch", "2026-01-01", TABLE)
    store.write_record("iris", "drifted_batch", "2026-01-01", {"rows": 2})
    pd.testing.assert_frame_equal(store.read("iris", "drifted_batch", "2026-01-01"), TABLE)
    assert store.records("iris", "drifted_batch") == [{"rows": 2}]


def test_nothing_is_left_beside_what_was_written(tmp_path: Path):
    store = Store(url=str(tmp_path))
    for _ in range(2):
        store.write("iris", "drifted_batch", "2026-01-01", TABLE)
        store.write_record("iris", "drifted_batch", "2026-01-01", {"rows": 2})
    names = {path.name for path in (tmp_path / "iris/drifted_batch").iterdir()}
    assert names == {"2026-01-01.parquet", "2026-01-01.json"}


def test_a_reader_never_sees_half_a_table(tmp_path: Path):
    store = Store(url=str(tmp_path))
    small = pd.DataFrame({"n": [1] * 1_000})
    large = pd.DataFrame({"n": range(200_000)})
    store.write("m", "a", "all", small)
    stop = threading.Event()

    def write_on() -> None:
        while not stop.is_set():
            store.write("m", "a", "all", large)
            store.write("m", "a", "all", small)

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        sizes = {len(store.read("m", "a", "all")) for _ in range(60)}
    finally:
        stop.set()
        writer.join()
    assert sizes <= {1_000, 200_000}


def test_a_missing_partition_says_what_to_materialize(store):
    with pytest.raises(UserError, match=r"no iris/drifted_batch of 2026-01-01 at .*Materialize"):
        store.read("iris", "drifted_batch", "2026-01-01")
    with pytest.raises(UserError, match=r"no record of iris/baseline_data in .*Materialize"):
        store.record("iris", "baseline_data", "all")


@pytest.mark.parametrize("content", [b"", b"not Parquet at all", b"PAR1 cut off"])
def test_an_unreadable_table_says_which_file(tmp_path: Path, content: bytes):
    path = tmp_path / "iris/baseline_data/all.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"all.parquet cannot be read as Parquet .*baseline_data"):
        Store(url=str(tmp_path)).read("iris", "baseline_data", "all")


def test_records_come_in_the_order_of_their_partitions(store):
    for day in ("2026-01-03", "2026-01-01", "2026-01-02"):
        store.write_record("iris", "drift_report", day, {"partition": day})
    days = [record["partition"] for record in store.records("iris", "drift_report")]
    assert days == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert store.records("iris", "nothing_yet") == []


def test_a_record_that_cannot_be_read_is_not_taken_for_one_that_is_not_there(tmp_path, monkeypatch):
    store = Store(url=str(tmp_path))
    for day in ("2026-01-01", "2026-01-02"):
        store.write_record("iris", "production_model", day, {"partition": day})

    def slow(self, path, **more):
        raise TimeoutError("no answer")

    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.cat_file", slow)
    with pytest.raises(
        UserError, match=r"2026-01-01.json cannot be read \(TimeoutError: no answer"
    ):
        store.records("iris", "production_model")


def test_a_record_that_is_not_json_says_which_file(tmp_path: Path):
    store = Store(url=str(tmp_path))
    store.write_record("iris", "drift_report", "2026-01-01", {})
    Path(store.path("iris", "drift_report", "2026-01-01", "json")).write_text("{", "utf-8")
    with pytest.raises(UserError, match=r"2026-01-01.json is not JSON"):
        store.records("iris", "drift_report")


def test_what_cannot_be_written_leaves_what_was_there(store):
    store.write_record("iris", "drift_report", "2026-01-01", {"rows": 1})
    with pytest.raises(ValueError, match="Out of range float"):
        store.write_record("iris", "drift_report", "2026-01-01", {"rows": float("nan")})
    assert store.record("iris", "drift_report", "2026-01-01") == {"rows": 1}


KILLED_WHILE_WRITING = """
import os, signal, sys
from fsspec.implementations.local import LocalFileSystem
from mlops_assets.data.store import Store
LocalFileSystem.mv = lambda *given, **more: os.kill(os.getpid(), signal.SIGKILL)
Store(url=sys.argv[1]).write_record("iris", "drift_report", "2026-01-01", {"rows": 2})
"""


def test_what_a_killed_process_left_half_written_is_swept_and_nothing_else(tmp_path: Path):
    store = Store(url=str(tmp_path))
    store.write_record("iris", "drift_report", "2026-01-01", {"rows": 1})
    (tmp_path / "iris" / "mine.part").touch()
    command = [sys.executable, "-c", KILLED_WHILE_WRITING, str(tmp_path)]
    assert subprocess.run(command, cwd=CHECKOUT).returncode == -signal.SIGKILL
    assert len(list(tmp_path.rglob("*.part"))) == 2
    assert store.sweep() == 1
    assert [path.name for path in tmp_path.rglob("*.part")] == ["mine.part"]
    assert store.record("iris", "drift_report", "2026-01-01") == {"rows": 1}
    assert store.sweep() == 0


def test_a_store_in_a_bucket_is_swept_as_well():
    store = Store(url="memory://swept")
    store.write_record("iris", "drift_report", "2026-01-01", {"rows": 1})
    left = f"/swept/iris/drift_report/2026-01-02.json.{'0' * 32}.part"
    fsspec.filesystem("memory").pipe_file(left, b"{")
    assert store.sweep() == 1
    assert store.records("iris", "drift_report") == [{"rows": 1}]


def test_where_nothing_was_stored_yet_nothing_is_swept(tmp_path: Path):
    assert Store(url=str(tmp_path / "data")).sweep() == 0
