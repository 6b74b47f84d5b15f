"""What a file says is read as it is meant, or told of."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter, ValidationError

from mlops_assets.data.columns import Columns
from mlops_assets.data.contract import ContractOverrides, check, derive_contract
from mlops_assets.data.labels import join_labels
from mlops_assets.data.notes import notes_of
from mlops_assets.data.source_error import SourceError
from mlops_assets.data.sources import Source, day_columns, read_source
from mlops_assets.errors import NotThereYetError, UserError

DAY = dt.date(2026, 1, 3)
COLUMNS = Columns(target="y", id=["id"])
HIDDEN = Columns(target="y", id=["id"], sensitive=["p"])


def source(**fields):
    return TypeAdapter(Source).validate_python(fields)


def csv(folder, text: str, columns: Columns | None = COLUMNS, **fields) -> pd.DataFrame:
    (folder / "in.csv").write_text(text, encoding="utf-8")
    return read_source(source(kind="csv", url=f"{folder}/in.csv", **fields), None, columns)


def table(rows: int = 60, **columns) -> pd.DataFrame:
    made = {"id": [f"C{i}" for i in range(rows)], "x": np.arange(rows) % 7 + 0.5}
    return pd.DataFrame(made | {"y": ["yes", "no", "no"] * (rows // 3)}).assign(**columns)


def stored(frame: pd.DataFrame, columns: Columns = COLUMNS):
    contract = derive_contract(frame, columns, ContractOverrides(), "classification")
    return contract, check(frame, contract, columns)


@pytest.mark.parametrize("word", ["NA", "N/A", "NaN", "null", "NULL", "None", "<NA>"])
def test_a_word_is_no_value_only_among_numbers_dates_and_true_and_false(tmp_path, word):
    rows = (
        f"p,d,f,t,e\n1,2026-01-01,true,a,\n{word},{word},{word},{word},x\n2,2026-01-02,false,b,\n"
    )

    frame = csv(tmp_path, rows)

    assert frame["p"].tolist()[::2] == [1.0, 2.0]
    assert frame[["p", "d", "f", "t", "e"]].isna().sum().tolist() == [1, 1, 1, 0, 2]
    assert frame["t"].tolist() == ["a", word, "b"]
    assert notes_of(frame, COLUMNS) == tuple(
        f"{name}: the word {word} of 1 row taken as no value." for name in ("p", "d", "f")
    )


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ('"$1,234.50"\n$2.00', {"thousands": ","}, [1234.5, 2.0]),
        ("-$1.50\n$-2.00", {"decimal": "."}, [-1.5, -2.0]),
        ("12.5%\n-3 %", {"decimal": "."}, [12.5, -3.0]),
        ('"1.234,50"\n"2,5"', {"decimal": ",", "thousands": "."}, [1234.5, 2.5]),
        ('"1 234,5 €"\n"2,5 €"', {"decimal": ",", "thousands": " "}, [1234.5, 2.5]),
        ("1'234\n56", {"thousands": "'"}, [1234, 56]),
        ("1.000\n7", {"decimal": ",", "thousands": "."}, [1000, 7]),
        ("12 kg\n1", {"decimal": "."}, ["12 kg", "1"]),
        ("31.01.2026\n01.02.2026", {"date_format": "%d.%m.%Y"}, ["2026-01-31", "2026-02-01"]),
        ("31.01.2026\nsoon", {"date_format": "%d.%m.%Y"}, ["2026-01-31", "soon"]),
        ("20260131\n20260201", {"date_format": "%Y%m%d"}, ["2026-01-31", "2026-02-01"]),
        ("1/31/26 13:05\n2/1/26 00:00", {"date_format": "%m/%d/%y %H:%M"},
         ["2026-01-31 13:05:00", "2026-02-01 00:00:00"]),
        ("31.12.2025\n1.234", {"decimal": ",", "thousands": "."}, ["31.12.2025", "1.234"]),
    ],
)  # fmt: skip
def test_numbers_and_dates_are_read_as_the_yaml_says_they_are_written(
    tmp_path, text, fields, expected
):
    rows = "\n".join(f"{one},x" for one in ["p", *text.split("\n")])

    frame = csv(tmp_path, rows, **fields)

    assert frame["p"].tolist() == expected


def test_a_sign_that_is_left_out_is_told_with_an_example_where_it_may_be(tmp_path):
    frame = csv(tmp_path, "p,y\n$1.50,a\n$2.50,b\n", decimal=".")

    told = "p: the sign beside the number of 2 rows left out"
    assert notes_of(frame, COLUMNS) == (f"{told} (for example '$1.50', '$2.50').",)
    assert notes_of(frame, HIDDEN) == (f"{told} (values hidden).",)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("${:,.2f}", "decimal: '.' and thousands: ','"),
        ("{:.2f}%", "decimal: '.'"),
        ("CHF {:.2f}", "decimal: '.'"),
        ("{:.0f},50", "decimal: ','"),
        ("3.{:.0f},50", None),
        ("AB{:.0f}", None),
        ("ABC{:.0f}", None),
        ("10.0.0.{:.0f}", None),
    ],
)
def test_amounts_that_would_be_free_text_name_the_line_to_write(text, line):
    frame = table(p=[text.format(1000.5 + 7 * i) for i in range(60)])
    if line is None:
        assert stored(frame)[0].columns["p"].type == "string"
        return
    with pytest.raises(UserError) as caught:
        stored(frame)
    assert f"For CSV write {line} under `baseline` and `batches`" in str(caught.value)
    kept = ContractOverrides.model_validate({"columns": {"p": {"type": "string"}}})
    assert derive_contract(frame, COLUMNS, kept, "classification").columns["p"].type == "string"


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%m/%d/%Y", "%d-%b-%Y", "%Y/%m/%d", "%d.%m.%Y %H:%M"])
def test_local_dates_name_the_line_to_write(form):
    days = [(pd.Timestamp("2025-01-31") + pd.Timedelta(days=i)).strftime(form) for i in range(60)]

    with pytest.raises(UserError) as caught:
        stored(table(p=days))

    assert f"write date_format: '{form}' under" in str(caught.value)


def test_thousands_and_decimals_have_marks_of_their_own():
    with pytest.raises(ValidationError, match=r"Set `decimal: ','`"):
        source(kind="csv", url="x", thousands=".")


@pytest.mark.parametrize("names", [["id"], ["id", "shop"]])
def test_a_named_index_is_columns(tmp_path, names):
    frame = table(shop=[i % 4 for i in range(60)])
    frame.set_index(names).to_parquet(tmp_path / "in.parquet")

    read = read_source(source(kind="parquet", url=f"{tmp_path}/in.parquet"), None, COLUMNS)

    pd.testing.assert_frame_equal(read[frame.columns], frame)
    assert notes_of(read, COLUMNS) == tuple(f"{n}: in the index, taken as a column." for n in names)


def test_moments_as_spark_writes_them_keep_their_year(tmp_path):
    far = np.array(["9999-12-31", "1066-10-14", "2026-01-03T12:00"] * 20, "datetime64[us]")
    made = pa.Table.from_pandas(table()).append_column("until", pa.array(far))
    pq.write_table(made, tmp_path / "in.parquet", use_deprecated_int96_timestamps=True)

    read = read_source(source(kind="parquet", url=f"{tmp_path}/in.parquet"), None, COLUMNS)

    assert read["until"].dt.year.tolist()[:3] == [9999, 1066, 2026]
    kept = stored(read)[1]
    assert kept.frame["until"].dropna().unique().tolist() == [pd.Timestamp("2026-01-03T12:00")]
    assert any("the date of 40 rows, before 1678 or after 2261, taken" in n for n in kept.notes)


def test_columns_of_several_levels_are_refused():
    frame = table()
    frame.columns = pd.MultiIndex.from_tuples([("a", name) for name in frame])
    with pytest.raises(UserError, match=r"names of 2 levels, for example \('a', 'id'\)"):
        stored(frame)


@pytest.mark.parametrize(
    "rows", [range(60), range(60, 0, -1), np.random.default_rng(0).permutation(60)]
)
def test_the_row_number_of_to_csv_is_left_out_and_told_of(tmp_path, rows):
    table().set_axis(list(rows)).to_csv(tmp_path / "in.csv")
    read = read_source(source(kind="csv", url=f"{tmp_path}/in.csv"), None, COLUMNS)

    contract, checked = stored(read)

    assert list(contract.columns) == ["id", "x", "y"]
    assert "Unnamed: 0: left out: it has no name and numbers the rows" in checked.notes[0]
    kept = Columns(target="y", id=["Unnamed: 0"])
    assert "Unnamed: 0" in stored(read, kept)[0].columns


def test_a_column_without_a_name_that_holds_more_than_numbers_stays(tmp_path):
    read = csv(tmp_path, ",".join(["", "id", "y"]) + "\n" + "".join(
        f"row {i},{i},{'yes' if i % 3 else 'no'}\n" for i in range(60)
    ))  # fmt: skip
    assert "Unnamed: 0" in stored(read)[0].columns


@pytest.mark.parametrize("fixed", ["_delta_log/0.json", ".hoodie/x", "metadata/1.metadata.json"])
def test_the_folder_of_a_table_format_is_named(tmp_path, fixed):
    (tmp_path / "t" / fixed).parent.mkdir(parents=True)
    (tmp_path / "t" / fixed).write_text("{}")
    table().to_parquet(tmp_path / "t" / "0.parquet")
    with pytest.raises(SourceError, match=r"is a (Delta|Hudi|Iceberg) table"):
        read_source(source(kind="parquet", url=f"{tmp_path}/t"), None)


@pytest.mark.parametrize(
    "name",
    [
        "_SUCCESS",
        "_metadata",
        ".0.parquet.crc",
        "0.parquet.crc",
        "_logs/a.parquet",
        ".tmp/b.parquet",
    ],
)
def test_what_a_writer_leaves_beside_the_data_is_not_read(tmp_path, name):
    table().to_parquet(tmp_path / "0.parquet")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("no table")
    assert len(read_source(source(kind="parquet", url=str(tmp_path)), None)) == 60


def test_a_folder_that_is_being_written_is_not_there_yet(tmp_path):
    url = f"{tmp_path}/{{date}}"
    for day in (DAY, DAY - dt.timedelta(days=1)):
        (tmp_path / str(day)).mkdir()
        table().to_parquet(tmp_path / str(day) / "0.parquet")
    today = tmp_path / str(DAY)
    assert len(read_source(source(kind="parquet", url=url), DAY)) == 60
    (today / "_temporary" / "0").mkdir(parents=True)
    with pytest.raises(NotThereYetError, match="is being written"):
        read_source(source(kind="parquet", url=url), DAY)
    (today / "_temporary" / "0").rmdir()
    (today / "_temporary").rmdir()
    (tmp_path / str(DAY - dt.timedelta(days=1)) / "_SUCCESS").touch()
    with pytest.raises(NotThereYetError, match="has no _SUCCESS, which the days before have"):
        read_source(source(kind="parquet", url=url), DAY)
    (today / "_SUCCESS").touch()
    assert len(read_source(source(kind="parquet", url=url), DAY)) == 60


def test_a_column_in_the_path_and_in_the_files_is_that_of_the_files(tmp_path):
    for day in (DAY, DAY + dt.timedelta(days=1)):
        (tmp_path / f"day={day}").mkdir()
        table().assign(day=day).to_parquet(tmp_path / f"day={day}" / "0.parquet")
    of_day = source(kind="parquet", url=str(tmp_path), partition_column="day")

    assert set(read_source(of_day, DAY)["day"]) == {DAY}
    assert len(read_source(of_day, None)) == 120
    table().assign(day=DAY + dt.timedelta(days=5)).to_parquet(tmp_path / f"day={DAY}" / "1.parquet")
    with pytest.raises(SourceError, match="do not agree for 60 of 120 rows"):
        read_source(of_day, DAY)


def test_a_word_is_no_day(tmp_path):
    today = dt.datetime.now(dt.UTC).date()
    (tmp_path / "in.csv").write_text(f"day,x\n{today},1\ntoday,2\nnow,3\n", "utf-8")
    of_day = source(kind="csv", url=f"{tmp_path}/in.csv", partition_column="day")
    assert read_source(of_day, today, COLUMNS)["x"].tolist() == [1]


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"kind": "parquet", "url": "a", "partition_column": "day"}, ["day"]),
        ({"kind": "csv", "url": "a/day={date}/x.csv"}, ["day"]),
        ({"kind": "parquet", "url": "y={date:%Y}/m={date:%m}"}, ["y", "m"]),
        ({"kind": "sql", "url_env": "U", "query": "SELECT * FROM t WHERE t.day = :date"}, ["day"]),
        ({"kind": "sql", "url_env": "U", "query": "SELECT * FROM t WHERE :date = day"}, ["day"]),
        ({"kind": "sql", "url_env": "U", "query": "SELECT 1 WHERE date(seen) = :date"}, ["seen"]),
        ({"kind": "sql", "url_env": "U",
          "query": "SELECT 1 WHERE seen >= :date AND seen < date(:date, '+1 day')"}, ["seen"]),
        ({"kind": "sql", "url_env": "U", "query": "SELECT 1 WHERE since <= :date"}, []),
    ],
)  # fmt: skip
def test_the_columns_that_a_source_binds_to_the_day(fields, names):
    assert day_columns(source(**fields)) == names


@pytest.mark.parametrize("declared", [pd.CategoricalDtype(), pd.CategoricalDtype(ordered=True)])
@pytest.mark.parametrize("values", [["1", "2", "10"], [1, 2, 10]])
def test_what_the_file_declares_a_category_is_one(tmp_path, declared, values):
    table(code=pd.Series(values * 20).astype(declared)).to_parquet(tmp_path / "in.parquet")
    read = read_source(source(kind="parquet", url=f"{tmp_path}/in.parquet"), None)

    contract, checked = stored(read)

    assert contract.columns["code"].categories == ["1", "10", "2"]
    assert checked.frame["code"].tolist()[:3] == ["1", "2", "10"]


def test_a_dictionary_of_arrow_with_gaps_is_a_category(tmp_path):
    code = pa.array(["7", None, "8", "8"] * 15).dictionary_encode()
    frame = pa.Table.from_pandas(table()).append_column("code", code)
    pq.write_table(frame, tmp_path / "in.parquet")
    read = read_source(source(kind="parquet", url=f"{tmp_path}/in.parquet"), None)
    assert stored(read)[0].columns["code"].categories == ["7", "8"]


@pytest.mark.parametrize(
    "dtype",
    ["Int64", "UInt64", "Int8", "int64[pyarrow]", "double[pyarrow]", "Float64", "uint64[pyarrow]"],
)
def test_gaps_are_gaps_in_every_type_of_numbers(dtype):
    day = table(n=pd.array([1, None, 3, 4] * 15, dtype=dtype), y=["yes", "no", None] * 20)

    contract, checked = stored(day.assign(y=["yes", "no", "no"] * 20))

    assert contract.columns["n"].type == "float"
    assert checked.frame["n"].tolist()[:1] == [1.0]
    assert check(day, contract, COLUMNS).frame["n"].isna().tolist()[:3] == [False, True, False]


def test_a_whole_number_beyond_64_bits_never_wraps():
    large = np.array([2**63 + 5, 2**64 - 1, 7] * 20, dtype="uint64")
    contract, checked = stored(table(n=large))
    assert contract.columns["n"].type == "float"
    assert checked.frame["n"].min() == 7
    small = stored(table(n=[1, 2, 3] * 20))[0]
    with pytest.raises(UserError, match="40 of 60 rows are beyond 9000, which no unit explains"):
        check(table(n=large), small, COLUMNS)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("{:05}", "{}"),
        ("{}", "{:05}"),
        ("{}", "{}.0"),
        ("AB-{}", "ab-{}"),
        ("{:032X}", "{:032x}"),
    ],
)
def test_ids_written_differently_match_as_text_or_not_at_all(ours, theirs):
    number = range(9990, 10050)
    rows = table(id=[ours.format(i) for i in number]).drop(columns="y")
    labels = pd.DataFrame({"id": [theirs.format(i) for i in number], "y": "yes"})

    joined = join_labels(rows, labels, COLUMNS)

    assert "y" not in joined
    assert "written differently in `batches` and `labels`" in notes_of(joined, COLUMNS)[0]
    hidden = COLUMNS.model_copy(update={"sensitive": ["id"]})
    assert "values hidden" in notes_of(join_labels(rows, labels, hidden), hidden)[0]


def test_ids_with_and_without_zeros_are_two_where_a_table_has_both():
    rows = table(6, id=["7", "007", "8", "9", "10", "11"]).drop(columns="y")
    labels = pd.DataFrame({"id": ["007", "08"], "y": ["a", "b"]})
    assert join_labels(rows, labels, COLUMNS)["y"].notna().tolist() == [False, True, *[False] * 4]


def test_ids_are_text_in_csv_whatever_a_day_holds(tmp_path):
    frame = csv(tmp_path, "id,x,y\n10,1,a\n11.0,2,b\n 12,3,\n")
    assert frame["id"].str.strip().tolist() == ["10", "11.0", "12"]


def test_a_contract_of_before_keeps_its_ids_numbers():
    old = stored(table())[0]
    numbers = old.columns["id"].model_copy(update={"type": "integer"})
    old = old.model_copy(update={"columns": {**old.columns, "id": numbers}})
    for ids in ([str(i) for i in range(60)], list(range(60))):
        assert check(table(id=ids), old, COLUMNS).frame["id"].tolist() == list(range(60))
