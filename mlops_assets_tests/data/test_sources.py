"""Sources: the same table, wherever it lies, and the right day of it."""

import datetime
import sys

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from fsspec.implementations.local import LocalFileSystem
from pydantic import TypeAdapter

from mlops_assets.data.columns import Columns
from mlops_assets.data.sources import (
    Source,
    SourceError,
    read_labels,
    read_signature,
    read_source,
)
from mlops_assets.errors import NotThereYetError

DAY = datetime.date(2026, 1, 3)
NEXT = datetime.date(2026, 1, 4)


def read(date: datetime.date | None = None, **fields) -> pd.DataFrame:
    return read_source(TypeAdapter(Source).validate_python(fields), date)


def labels(**fields) -> pd.DataFrame:
    return read_labels(TypeAdapter(Source).validate_python(fields), DAY)


def two_days(kind=str) -> pd.DataFrame:
    return pd.DataFrame({"day": [kind(DAY), kind(NEXT), kind(NEXT)], "x": [1.5, 2.5, 3.5]})


@pytest.mark.parametrize(
    ("dataset", "shape", "target", "classes"),
    [
        ("iris", (150, 5), "species", {"setosa", "versicolor", "virginica"}),
        ("wine", (178, 14), "cultivar", {"class_0", "class_1", "class_2"}),
        ("breast_cancer", (569, 31), "diagnosis", {"malignant", "benign"}),
        ("diabetes", (442, 11), "progression", None),
    ],
)
def test_bundled_tables_have_plain_names(dataset, shape, target, classes):
    frame = read(kind="sklearn", dataset=dataset)

    assert frame.shape == shape
    assert all(name.isidentifier() for name in frame.columns)
    assert classes is None or set(frame[target]) == classes


@pytest.mark.parametrize("url", ["{date}", "{date:%Y/%m}/{date:%d}"])
def test_a_file_a_day(tmp_path, url):
    path = tmp_path / f"{url.format(date=DAY)}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    two_days().to_parquet(path)

    assert len(read(DAY, kind="parquet", url=f"{tmp_path}/{url}.parquet")) == 3
    with pytest.raises(NotThereYetError):
        read(NEXT, kind="parquet", url=f"{tmp_path}/{url}.parquet")


@pytest.mark.parametrize(
    "kind",
    [
        str,
        lambda day: day,
        pd.Timestamp,
        lambda day: pd.Timestamp(day, tz="UTC") + pd.Timedelta(hours=23),
        lambda day: int(f"{day:%Y%m%d}"),
        lambda day: f"{day} 12:30",
    ],
    ids=["text", "date", "timestamp", "zoned", "number", "text with a time"],
)
def test_one_parquet_file_for_all_days_gives_the_rows_of_the_day(tmp_path, kind):
    two_days(kind).to_parquet(tmp_path / "all.parquet")
    source = {"kind": "parquet", "url": f"{tmp_path}/all.parquet", "partition_column": "day"}

    assert read(DAY, **source)["x"].tolist() == [1.5]
    assert read(NEXT, **source)["x"].tolist() == [2.5, 3.5]
    assert len(read(None, **source)) == 3
    with pytest.raises(NotThereYetError):
        read(NEXT + datetime.timedelta(days=1), **source)


def test_a_hive_dataset_gives_the_rows_of_the_day(tmp_path):
    pq.write_to_dataset(pa.Table.from_pandas(two_days()), tmp_path / "data", partition_cols=["day"])
    (tmp_path / "data" / "_SUCCESS").touch()

    rows = read(NEXT, kind="parquet", url=f"{tmp_path}/data", partition_column="day")

    assert rows["x"].tolist() == [2.5, 3.5]


def test_other_days_of_a_hive_dataset_may_be_written_while_one_is_read(tmp_path):
    pq.write_to_dataset(pa.Table.from_pandas(two_days()), tmp_path / "data", partition_cols=["day"])
    later = tmp_path / "data" / "day=2026-01-05" / "a.parquet"

    class Busy(LocalFileSystem):
        protocol = "busy"

        def open(self, path, *args, **kwargs):
            later.parent.mkdir(exist_ok=True)
            later.touch()
            return super().open(path, *args, **kwargs)

    fsspec.register_implementation("busy", Busy, clobber=True)

    rows = read(NEXT, kind="parquet", url=f"busy://{tmp_path}/data", partition_column="day")

    assert later.exists()
    assert rows["x"].tolist() == [2.5, 3.5]


def test_one_csv_file_for_all_days_gives_the_rows_of_the_day(tmp_path):
    two_days().to_csv(tmp_path / "all.csv", index=False, sep=";")
    source = {"kind": "csv", "url": f"{tmp_path}/all.csv", "delimiter": ";"}

    assert read(NEXT, **source, partition_column="day")["x"].tolist() == [2.5, 3.5]


@pytest.mark.parametrize(
    ("name", "content", "fields"),
    [
        ("a.csv", "name,x\nZürich,1\n".encode(), {}),
        ("a.csv", "\ufeffname,x\r\nZürich,1\r\n".encode(), {}),
        (
            "a.csv",
            "name\tx\nZürich\t1\n".encode("latin-1"),
            {"delimiter": "\t", "encoding": "latin-1"},
        ),
        ("a.csv", "name,x\nZürich,1\n".encode("utf-16"), {"encoding": "utf-16"}),
        ("a.csv", b'"name","x"\n"Z\xc3\xbcrich","1"\n', {}),
    ],
    ids=["plain", "byte-order mark", "latin-1 and tabs", "utf-16", "quotes"],
)
def test_csv_of_every_sort(tmp_path, name, content, fields):
    (tmp_path / name).write_bytes(content)

    frame = read(kind="csv", url=f"{tmp_path}/{name}", **fields)

    assert frame.to_dict("list") == {"name": ["Zürich"], "x": [1]}


def test_compressed_csv(tmp_path):
    two_days().to_csv(tmp_path / "a.csv.gz", index=False)

    assert len(read(kind="csv", url=f"{tmp_path}/a.csv.gz")) == 3


@pytest.mark.parametrize("scheme", ["memory://", "file://{folder}/"])
def test_any_fsspec_url(tmp_path, scheme):
    url = scheme.format(folder=tmp_path) + "in.parquet"
    with fsspec.open(url, "wb") as file:
        two_days().to_parquet(file)

    assert len(read(kind="parquet", url=url)) == 3


def test_a_function_gets_the_day(tmp_path, monkeypatch):
    (tmp_path / "our_rows.py").write_text(
        "import pandas as pd\ndef rows(day):\n    return pd.DataFrame({'day': [day]})\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    assert read(DAY, kind="python", function="our_rows:rows")["day"].tolist() == [DAY]
    del sys.modules["our_rows"]


def test_a_bucket_gives_files_and_datasets(s3):
    with fsspec.open("s3://incoming/days/2026-01-03.parquet", "wb") as file:
        two_days().to_parquet(file)

    assert len(read(DAY, kind="parquet", url="s3://incoming/days/{date}.parquet")) == 3
    rows = read(NEXT, kind="parquet", url="s3://incoming/days", partition_column="day")
    assert rows["x"].tolist() == [2.5, 3.5]


@pytest.mark.parametrize(
    ("url", "kind", "message"),
    [
        (
            "s3://incoming/none/{date}.csv",
            NotThereYetError,
            "the data of 2026-01-03 is not there yet: s3://incoming/none/2026-01-03.csv does not "
            "exist.",
        ),
        (
            "s3://incomming/days/{date}.csv",
            SourceError,
            "the bucket incomming does not exist. Create it, or correct `url`.",
        ),
    ],
)
def test_a_bucket_that_is_absent_is_another_thing_than_a_day_that_is(s3, url, kind, message):
    with pytest.raises(kind) as caught:
        read(DAY, kind="csv", url=url)

    assert str(caught.value) == message


def test_missing_credentials_are_told(s3, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    fsspec.get_filesystem_class("s3").clear_instance_cache()

    with pytest.raises(SourceError) as caught:
        read(kind="parquet", url="s3://incoming/days")

    fsspec.get_filesystem_class("s3").clear_instance_cache()
    assert str(caught.value) == (
        "s3://incoming/days cannot be read (NoCredentialsError: Unable to locate credentials). See "
        "that the storage answers and that its credentials are set."
    )


@pytest.fixture
def visits(postgres_url, monkeypatch):
    """A table of visits in PostgreSQL; the URL is in VISITS_DB."""
    monkeypatch.setenv("VISITS_DB", postgres_url)
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS visits"))
        connection.execute(
            sa.text("CREATE TABLE visits (day date, seen timestamptz, x numeric, name text)")
        )
        connection.execute(
            sa.text(
                "INSERT INTO visits VALUES ('2026-01-03', '2026-01-03 10:00+01', 1.5, 'secret'),"
                " ('2026-01-04', '2026-01-04 10:00+01', 2.5, NULL)"
            )
        )
    return {"kind": "sql", "url_env": "VISITS_DB"}


def test_postgres_gives_the_rows_of_the_day(visits):
    rows = read(DAY, **visits, query="SELECT x, seen, name FROM visits WHERE day = :date")

    assert rows["x"].tolist() == [1.5]
    assert rows["seen"].tolist() == [pd.Timestamp("2026-01-03 09:00", tz="UTC")]
    assert len(read(None, **visits, query="SELECT * FROM visits")) == 2


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "SELECT pg_sleep(5)",
            "the query took longer than 0.3 seconds. Make it faster (an index on the day?), or "
            "raise `timeout_seconds`.",
        ),
        (
            "SELECT * FROM visitors",
            'the database of VISITS_DB refused (UndefinedTable: relation "visitors" does not '
            "exist). Correct `query`, or see that the database answers and that the user and "
            "password in VISITS_DB are right.",
        ),
        (
            "SELECT name::int FROM visits",
            "the database of VISITS_DB refused (InvalidTextRepresentation). Correct `query`, or "
            "see that the database answers and that the user and password in VISITS_DB are right.",
        ),
        (
            "DELETE FROM visits RETURNING x",
            "the database of VISITS_DB refused (ReadOnlySqlTransaction). Correct `query`, or see "
            "that the database answers and that the user and password in VISITS_DB are right.",
        ),
    ],
    ids=["times out", "fails", "quotes no row", "changes nothing"],
)
def test_postgres_refusals_are_told_without_a_value(visits, query, message):
    with pytest.raises(SourceError) as caught:
        read(None, **visits, query=query, timeout_seconds=0.3)

    assert str(caught.value) == message


def test_a_database_that_does_not_answer_is_told_without_its_password(monkeypatch):
    monkeypatch.setenv("VISITS_DB", "postgresql://me:secret@127.0.0.1:1/visits")

    with pytest.raises(SourceError) as caught:
        read(None, kind="sql", url_env="VISITS_DB", query="SELECT 1")

    assert "Connection refused" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_two_columns_of_one_name_reach_the_contract(visits):
    frame = read(None, **visits, query="SELECT x, x FROM visits")

    assert frame.columns.tolist() == ["x", "x"]


def test_labels_are_those_of_the_day_or_all_that_there_are(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/outcomes.db"
    monkeypatch.setenv("OUTCOMES", url)
    two_days().to_sql("outcomes", sa.create_engine(url, poolclass=sa.NullPool), index=False)
    two_days().to_csv(tmp_path / "all.csv", index=False)
    query = "SELECT x FROM outcomes"
    by_day = " WHERE day = :date"
    csv = {"kind": "csv", "url": str(tmp_path / "all.csv")}
    assert len(labels(kind="sql", url_env="OUTCOMES", query=query)) == 3
    assert len(labels(kind="sql", url_env="OUTCOMES", query=query + by_day)) == 1
    assert len(labels(**csv)) == 3
    assert len(labels(**csv, partition_column="day")) == 1


@pytest.mark.parametrize("content", [None, "x,day\n"])
def test_labels_that_are_not_there_may_still_come(tmp_path, content):
    if content:
        (tmp_path / "all.csv").write_text(content)
    with pytest.raises(NotThereYetError, match=r"all\.csv"):
        labels(kind="csv", url=str(tmp_path / "all.csv"))


def test_a_day_whose_file_is_named_in_another_form_is_told_of(tmp_path):
    (tmp_path / "20260103.csv").write_text("x\n1\n")
    with pytest.raises(NotThereYetError, match=r"is it 20260103\.csv\? `\{date:%Y%m%d\}` in `url`"):
        read(DAY, kind="csv", url=str(tmp_path / "{date}.csv"))
    assert read(DAY, kind="csv", url=str(tmp_path / "{date:%Y%m%d}.csv"))["x"].tolist() == [1]


def signed(day: datetime.date = DAY, **fields) -> str | None:
    return read_signature(TypeAdapter(Source).validate_python(fields), day)


def test_the_signature_of_a_day_changes_with_its_files_and_not_with_others(tmp_path):
    source = {"kind": "parquet", "url": f"{tmp_path}/{{date}}"}
    assert signed(**source) == ""
    (tmp_path / str(DAY)).mkdir()
    assert signed(**source) == ""
    two_days().to_parquet(tmp_path / str(DAY) / "1.parquet")
    first = signed(**source)
    assert first == signed(**source) != ""
    two_days().to_parquet(tmp_path / f"{NEXT}")
    assert signed(**source) == first
    two_days().to_parquet(tmp_path / str(DAY) / "2.parquet")
    assert signed(**source) not in (first, "")
    (tmp_path / str(DAY) / "2.parquet").write_bytes(b"")
    assert signed(**source)  # what cannot be read has one


def test_in_a_table_of_all_days_only_a_folder_a_day_has_a_signature(tmp_path):
    whole = {"kind": "csv", "url": f"{tmp_path}/all.csv", "partition_column": "day"}
    two_days().to_csv(tmp_path / "all.csv", index=False)
    assert signed(**whole) is None
    pq.write_to_dataset(pa.Table.from_pandas(two_days()), tmp_path / "data", partition_cols=["day"])
    folders = {"kind": "parquet", "url": f"{tmp_path}/data", "partition_column": "day"}
    assert signed(**folders) not in (None, "", signed(NEXT, **folders))
    assert signed(NEXT + datetime.timedelta(days=1), **folders) is None


def test_what_cannot_be_listed_has_no_signature(tmp_path):
    assert signed(kind="csv", url="none-such://x/{date}.csv") is None
    assert signed(kind="sql", url_env="X", query="SELECT 1 WHERE :date") is None
    assert signed(kind="sklearn", dataset="iris") == signed(NEXT, kind="sklearn", dataset="iris")
    assert signed(kind="csv", url=f"{tmp_path}/none/{{date}}.csv") == ""


def test_a_bucket_gives_signatures(s3):
    source = {"kind": "csv", "url": "s3://incoming/signed/{date}.csv"}
    assert signed(**source) == ""
    for content in (b"x\n1\n", b"x\n1\n2\n"):
        before = signed(**source)
        with fsspec.open("s3://incoming/signed/2026-01-03.csv", "wb") as file:
            file.write(content)
        assert signed(**source) not in (before, "", None)


def test_corrected_labels_are_read_with_the_latest_of_each_id(tmp_path):
    text = "id,y,at\n1,no,2026-01-05\n2,no,2026-01-05\n1,yes,2026-01-06\n"
    (tmp_path / "all.csv").write_text(text)
    fields = {"kind": "csv", "url": f"{tmp_path}/all.csv", "latest_by": "at"}
    source = TypeAdapter(Source).validate_python(fields)
    assert read_labels(source, DAY, Columns(target="y", id=["id"]))["y"].tolist() == ["no", "yes"]


def test_a_function_that_fails_is_told_by_its_line_and_without_its_words(tmp_path, monkeypatch):
    code = tmp_path / "rows_of_tests.py"
    code.write_text("def rows(day):\n    raise ValueError('Mrs Miller, 4711')\n")
    monkeypatch.syspath_prepend(tmp_path)
    said = r"rows failed with ValueError, .*rows_of_tests\.py:2\.$"
    with pytest.raises(SourceError, match=said) as told:
        read(kind="python", function="rows_of_tests:rows")
    assert "Miller" not in str(told.value)
    code.with_name("broken_of_tests.py").write_text("def rows(day:\n")
    with pytest.raises(SourceError, match="broken_of_tests:rows cannot be imported"):
        read(kind="python", function="broken_of_tests:rows")
