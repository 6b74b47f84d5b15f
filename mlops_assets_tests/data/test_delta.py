"""Delta Lake tables: the rows of one version, and which one it was."""

import base64
import datetime as dt
import json
import re
import struct
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from pydantic import TypeAdapter, ValidationError

from mlops_assets.data.columns import Columns
from mlops_assets.data.contract import ContractOverrides, derive_contract
from mlops_assets.data.notes import notes_of
from mlops_assets.data.source_error import NoRowsError, SourceError
from mlops_assets.data.sources import Source, day_columns, has_days, read_source
from mlops_assets.errors import NotThereYetError
from mlops_assets_tests.servers import s3_process

DAY, NEXT = dt.date(2026, 1, 3), dt.date(2026, 1, 4)
COLUMNS = Columns(target="y", id=["id"])
READ = re.compile(
    r"version (\d+) of (20\d\d-\d\d-\d\d \d\d:\d\d UTC) of the Delta table was read\."
)


def source(url, **fields):
    return TypeAdapter(Source).validate_python({"kind": "delta", "url": str(url), **fields})


def read(url, date=None, **fields) -> pd.DataFrame:
    return read_source(source(url, **fields), date, COLUMNS)


def ids(frame: pd.DataFrame) -> str:
    return "".join(frame["id"])


def version_of(frame: pd.DataFrame) -> int:
    (note,) = notes_of(frame, COLUMNS)
    found = READ.fullmatch(note)
    assert found, note
    return int(found[1])


def rows(letters: str, day: dt.date = DAY) -> pa.Table:
    return pa.table({"id": list(letters), "day": [str(day)] * len(letters)})


@pytest.fixture
def table(tmp_path) -> str:
    """Version 0: abc; 1: abcd; 2: bcd; 3: xy in place of all."""
    url = str(tmp_path / "t")
    write_deltalake(url, rows("abc"))
    write_deltalake(url, rows("d"), mode="append")
    DeltaTable(url).delete("id = 'a'")
    write_deltalake(url, rows("xy"), mode="overwrite")
    return url


def test_rows_that_were_deleted_or_replaced_are_not_read(table):
    assert len(list(Path(table).glob("*.parquet"))) == 4
    assert ids(read(table)) == "xy"
    assert version_of(read(table)) == 3


@pytest.mark.parametrize(("version", "expected"), [(0, "abc"), (1, "dabc"), (2, "bcd"), (3, "xy")])
def test_a_version_may_be_pinned(table, version, expected):
    found = read(table, version=version)
    assert sorted(ids(found)) == sorted(expected)
    assert version_of(found) == version
    with pytest.raises(SourceError, match=r"has no version 9; the latest is 3\. Correct `version`"):
        read(table, version=9)


def test_a_moment_may_be_pinned(tmp_path):
    url = tmp_path / "t"
    write_deltalake(url, rows("abc"))
    time.sleep(0.05)
    between = dt.datetime.now(dt.UTC)
    time.sleep(0.05)
    write_deltalake(url, rows("d"), mode="append")
    for said in (between, between.astimezone(dt.timezone(dt.timedelta(hours=5)))):
        found = read(url, timestamp=said.isoformat())
        assert (ids(found), version_of(found)) == ("abc", 0)
    assert len(read(url, timestamp="2999-01-01")) == 4
    told = r"no version of 2020-01-31 00:00 UTC or before: its log begins with version 0 of 20\d\d-"
    with pytest.raises(SourceError, match=told):
        read(url, timestamp="2020-01-31")


def test_the_moment_is_one_and_the_version_is_said_once():
    assert source("t", timestamp=dt.date(2026, 1, 31)).moment == dt.datetime(
        2026, 1, 31, tzinfo=dt.UTC
    )
    with pytest.raises(ValidationError, match=r"'soon' is no moment; write it as 2026-01-31 or"):
        source("t", timestamp="soon")
    with pytest.raises(ValidationError, match=r"each say which version\. Leave one out"):
        source("t", timestamp="2026-01-31", version=1)
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        source("t", version=-1)


OF_TYPE = {
    "text": lambda day: str(day),
    "date": lambda day: day,
    "integer": lambda day: int(f"{day:%Y%m%d}"),
    "moment": lambda day: dt.datetime.combine(day, dt.time(23, 59, 59, 999_999)),
    "moment of a zone": lambda day: dt.datetime.combine(day, dt.time(), dt.UTC),
}


@pytest.mark.parametrize("partitioned", [True, False])
@pytest.mark.parametrize("kind", OF_TYPE)
def test_only_the_rows_of_the_day_are_read(tmp_path, kind, partitioned):
    name = 'the "day"' if not partitioned else "day"
    days = [OF_TYPE[kind](DAY + dt.timedelta(days=i)) for i in (-1, 0, 1)]
    made = pa.table({"id": ["a", "b", "c"] * 2, name: days * 2})
    by = [name] if partitioned else None
    write_deltalake(tmp_path / "t", made, partition_by=by)
    fields = {"partition_column": name}

    assert ids(read(tmp_path / "t", DAY, **fields)) == "bb"
    assert ids(read(tmp_path / "t", NEXT, **fields)) == "cc"
    assert len(read(tmp_path / "t")) == 6
    with pytest.raises(NotThereYetError, match=r"has no row whose .*day.* is that day"):
        read(tmp_path / "t", NEXT + dt.timedelta(days=9), **fields)
    with pytest.raises(SourceError, match=r"has no column other\. Set `partition_column` to one"):
        read(tmp_path / "t", DAY, partition_column="other")
    assert day_columns(source("t", **fields)) == [name]
    assert has_days(source("t", **fields))
    assert not has_days(source("t"))


def test_a_column_that_is_no_day_is_told(tmp_path):
    write_deltalake(tmp_path, pa.table({"id": ["a"], "x": [1.5]}))
    with pytest.raises(SourceError, match="x holds double, which is no day"):
        read(tmp_path, DAY, partition_column="x")
    with pytest.raises(SourceError, match="has the same rows every day"):
        read(tmp_path, DAY)


def test_a_table_that_is_not_there_is_late_or_missing(tmp_path):
    (tmp_path / "plain").mkdir()
    pq.write_table(rows("a"), tmp_path / "plain" / "0.parquet")
    for folder in ("none", "plain"):
        with pytest.raises(NoRowsError, match=f"{folder} holds no Delta table. Put it there, or"):
            read(tmp_path / folder)
        with pytest.raises(
            NotThereYetError, match=r"2026-01-03 is not there yet: .* no Delta tabl"
        ):
            read(tmp_path / folder, DAY, partition_column="day")


def test_a_table_without_rows_says_so(table):
    DeltaTable(table).delete()
    with pytest.raises(NoRowsError, match="has column names and no rows"):
        read(table)


def test_without_the_package_the_way_to_it_is_told(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(SourceError, match=r'Run pip install "mlops-assets\[delta\]" where'):
        read(table)


def test_files_that_are_gone_and_logs_that_are_broken_are_told_in_a_sentence(table):
    for file in Path(table).glob("*.parquet"):
        file.unlink()
    (Path(table).parent / "broken" / "_delta_log").mkdir(parents=True)
    log = Path(table).parent / "broken" / "_delta_log" / f"{0:020}.json"
    log.write_text("{nonsense")
    for url, why in ((table, "not found: No such file"), (log.parent.parent, "Json error")):
        with pytest.raises(SourceError, match=f"cannot be read as a Delta table .*{why}") as caught:
            read(url)
        assert "VACUUM has not removed the files" in str(caught.value)
        assert "unknown>" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_many_files_come_in_one_order_every_time(tmp_path):
    for part in range(8):
        first = part * 1000
        made = pa.table({"id": [f"C{first + i}" for i in range(1000)], "part": [part % 3] * 1000})
        write_deltalake(tmp_path, made, mode="append", partition_by="part")

    found = [ids(read(tmp_path)) for _ in range(5)]

    assert len(set(found)) == 1


# ---------------------------------------------------------------- what others write


def by_hand(folder: Path, rows: pa.Table, fields: list[dict], features=None, **add) -> Path:
    """A table as another engine may write it; with reader features where there are some."""
    (folder / "_delta_log").mkdir(parents=True)
    pq.write_table(rows, folder / "0.parquet", use_deprecated_int96_timestamps=True)
    protocol = {"minReaderVersion": 2, "minWriterVersion": 5}
    if features is not None:
        named = {"readerFeatures": features, "writerFeatures": features}
        protocol = {"minReaderVersion": 3, "minWriterVersion": 7, **named}
    mapped = any(field["metadata"] for field in fields)
    about = {
        "id": "made",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": fields}),
        "partitionColumns": [],
        "configuration": {"delta.columnMapping.mode": "name"} if mapped else {},
        "createdTime": 0,
    }
    size = (folder / "0.parquet").stat().st_size
    file = {"path": "0.parquet", "partitionValues": {}, "size": size, "modificationTime": 0}
    actions = [{"protocol": protocol}, {"metaData": about}]
    actions.append({"add": {**file, "dataChange": True, **add}})
    log = folder / "_delta_log" / f"{0:020}.json"
    log.write_text("\n".join(map(json.dumps, actions)))
    return folder


def field(name: str, kind: str = "string", **metadata) -> dict:
    return {"name": name, "type": kind, "nullable": True, "metadata": metadata}


@pytest.mark.parametrize("features", [None, ["columnMapping"]])
def test_a_column_that_was_renamed_has_its_name_and_its_values(tmp_path, features):
    mapping = {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "col-1"}
    folder = by_hand(
        tmp_path / "t", pa.table({"col-1": ["a", "b"]}), [field("id", **mapping)], features
    )

    found = read(folder)

    assert ids(found) == "ab"
    assert notes_of(found, COLUMNS) == ("version 0 of the Delta table was read.",)
    with pytest.raises(SourceError, match=r"its log tells no times\. Correct `timestamp`, or set"):
        read(folder, timestamp="2026-01-01")


def deletion_vector(*deleted: int) -> dict:
    """The rows of a file that do not count any more, as a vector within the log.

    A Roaring bitmap of 64 bits in its portable form, with one container that lists them.
    """
    listed = struct.pack(f"<{len(deleted)}H", *deleted)
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, len(deleted) - 1, 16) + listed
    content = struct.pack("<IQI", 1681511377, 1, 0) + bitmap
    content += bytes(-len(content) % 4)
    encoded = base64.b85encode(content).decode()
    z85 = str.maketrans(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
    )
    inline = {"storageType": "i", "pathOrInlineDv": encoded.translate(z85)}
    return {**inline, "sizeInBytes": len(content), "cardinality": len(deleted)}


def test_rows_that_a_deletion_vector_marks_are_not_read(tmp_path):
    folder = by_hand(
        tmp_path / "t",
        pa.table({"id": list("abcdef")}),
        [field("id")],
        ["deletionVectors"],
        deletionVector=deletion_vector(1, 4),
    )
    assert ids(read(folder)) == "acdf"


def test_moments_as_spark_writes_them_keep_their_year(tmp_path):
    moments = np.array(["9999-12-31", "2026-01-03T12:00"], "datetime64[us]")
    made = pa.table({"id": ["a", "b"], "until": moments})
    folder = by_hand(tmp_path / "t", made, [field("id"), field("until", "timestamp")])
    assert read(folder)["until"].dt.year.tolist() == [9999, 2026]


def test_a_feature_that_is_not_known_is_told(tmp_path):
    folder = by_hand(tmp_path / "t", rows("a").select(["id"]), [field("id")], ["fromTomorrow"])
    with pytest.raises(SourceError, match=r"cannot be read as a Delta table .*fromTomorrow"):
        read(folder)


# ---------------------------------------------------------------- as it comes


def test_the_row_number_of_pandas_is_left_out_and_told_of(tmp_path):
    made = pd.DataFrame({"id": [f"C{i}" for i in range(60)], "x": np.arange(60) % 7})
    made = made.assign(y=["yes", "no", "no"] * 20).sample(frac=1, random_state=0)
    write_deltalake(tmp_path, pa.Table.from_pandas(made))

    found = read(tmp_path)

    assert "__index_level_0__" in found
    contract = derive_contract(found, COLUMNS, ContractOverrides(), "classification")
    assert list(contract.columns) == ["id", "x", "y"]


def test_a_bucket_holds_tables_as_well(tmp_path):
    with s3_process("lake", tmp_path):
        url = "s3://lake/churn"
        options = {"AWS_ALLOW_HTTP": "true", "aws_conditional_put": "etag"}
        write_deltalake(url, rows("abc"), partition_by="day", storage_options=options)
        write_deltalake(url, rows("de", NEXT), mode="append", storage_options=options)

        assert ids(read(url, NEXT, partition_column="day")) == "de"
        assert ids(read(url, version=0)) == "abc"
        with pytest.raises(NotThereYetError, match="holds no Delta table"):
            read("s3://lake/none", DAY, partition_column="day")
