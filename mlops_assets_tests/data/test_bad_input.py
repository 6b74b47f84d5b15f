"""What a team's data can get wrong: each case with the exact message it is told."""

import datetime
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem
from pydantic import TypeAdapter, ValidationError

from mlops_assets.data.columns import Columns
from mlops_assets.data.contract import ContractOverrides, check, derive_contract
from mlops_assets.data.sources import Source, read_source
from mlops_assets.errors import NotThereYetError, UserError

DAY = datetime.date(2026, 1, 3)
COLUMNS = Columns(target="churn", id=["id"], timestamp="seen", sensitive=["email"])
ADVICE = (
    "Correct the data at its source and run the day again. If the data is meant to be like this, "
    "say so under `contract` in the model's defs.yaml and materialize baseline_data again."
)
PASTE = (
    "\nTo have what is new known from now on, add these lines under `attributes` in the model's "
    "defs.yaml (to the `contract` that is there, if one is), materialize baseline_data again, and "
    "run the day again:\n  contract:\n    columns:\n"
)
CASES: dict[str, tuple[Callable[[Path], Any], str]] = {}


def case(message: str) -> Callable:
    """Register a function that has to fail with ``message``; ``{folder}`` is its folder."""

    def registered(act: Callable[[Path], Any]) -> Callable[[Path], Any]:
        CASES[act.__name__] = (act, message)
        return act

    return registered


def table(rows: int = 100) -> pd.DataFrame:
    """A baseline that nothing is wrong with."""
    number = np.arange(rows)
    return pd.DataFrame(
        {
            "id": [f"A{i:03}" for i in number],
            "seen": pd.Timestamp("2025-12-01") + pd.to_timedelta(number, unit="h"),
            "age": 20 + number % 50,
            "income": 1000 + 10.5 * number,
            "city": [("Berne", "Geneva", "Zurich")[i % 3] for i in number],
            "active": number % 4 == 0,
            "email": [f"person{i}@example.org" for i in number],
            "churn": ["yes" if i % 7 < 3 else "no" for i in number],
        }
    )


def batch() -> pd.DataFrame:
    """A day of 40 rows that nothing is wrong with."""
    return table(40).assign(seen=pd.Timestamp(DAY), id=[f"B{i:03}" for i in range(40)])


def read(date: datetime.date | None = None, **fields: Any) -> pd.DataFrame:
    return read_source(TypeAdapter(Source).validate_python(fields), date)


def derive(
    frame: pd.DataFrame,
    task: str = "classification",
    columns: Columns = COLUMNS,
    columns_: dict | None = None,
    **overrides: Any,
):
    given = ContractOverrides.model_validate({"columns": columns_ or {}} | overrides)
    return derive_contract(frame, columns, given, task)


def check_batch(
    frame: pd.DataFrame,
    baseline: pd.DataFrame | None = None,
    columns: Columns = COLUMNS,
    **overrides: Any,
):
    contract = derive(table() if baseline is None else baseline, columns=columns, **overrides)
    return check(frame, contract, columns, now=pd.Timestamp("2026-01-04"))


class GrowingFileSystem(LocalFileSystem):
    """Files that somebody appends to while they are read."""

    protocol = "growing"

    def open(self, path, *args, **kwargs):
        with Path(self._strip_protocol(path)).open("a", encoding="utf-8") as file:
            file.write("3,4\n")
        return super().open(path, *args, **kwargs)


class VanishingFileSystem(LocalFileSystem):
    """Files that somebody removes while they are read."""

    protocol = "vanishing"

    def open(self, path, *args, **kwargs):
        Path(self._strip_protocol(path)).unlink()
        return super().open(path, *args, **kwargs)


class DeniedFileSystem(fsspec.AbstractFileSystem):
    """Files that this user may not read (root may read all, so chmod proves nothing)."""

    protocol = "denied"

    def exists(self, path, **kwargs):
        raise PermissionError(path)


@pytest.fixture(autouse=True, scope="module")
def _file_systems():
    for kind in (GrowingFileSystem, VanishingFileSystem, DeniedFileSystem):
        fsspec.register_implementation(kind.protocol, kind, clobber=True)


def nothing(date: datetime.date | None) -> None:
    """A source function that has nothing yet."""


def a_list(date: datetime.date | None) -> list:
    """A source function that returns no table."""
    return [date]


# ---------------------------------------------------------------- files


def csv(folder, text, **fields):
    path = folder / "in.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(kind="csv", url=str(path), **fields)


@case("{folder}/in.csv does not exist. Put it there, or correct `url`.")
def csv_baseline_absent(folder):
    read(kind="csv", url=f"{folder}/in.csv")


@case("the data of 2026-01-03 is not there yet: {folder}/2026-01-03.csv does not exist.")
def csv_of_the_day_not_there_yet(folder):
    read(DAY, kind="csv", url=f"{folder}/{{date}}.csv")


@case("the folder {folder}/no/such does not exist. Create it, or correct `url`.")
def csv_folder_misspelled(folder):
    read(DAY, kind="csv", url=f"{folder}/no/such/{{date}}.csv")


@case("{folder}/in.csv is empty (0 bytes). Write it again, aside first and then renamed.")
def csv_empty(folder):
    csv(folder, "")


@case("{folder}/in.csv has no header. Write the names first.")
def csv_blank(folder):
    csv(folder, "\n\n")


@case("{folder}/in.csv has column names and no rows. Write the rows.")
def csv_header_only(folder):
    csv(folder, "a,b\n")


@case("{folder}/2026-01-03.parquet has no columns. Write it again, with the table's.")
def parquet_of_a_day_without_columns(folder):
    table()[[]].to_parquet(folder / "2026-01-03.parquet")
    read(DAY, kind="parquet", url=f"{folder}/{{date}}.parquet")


@case("{folder}/2026-01-03.csv has column names and no rows.")
def csv_header_only_on_the_day(folder):
    (folder / "2026-01-03.csv").write_text("a,b\n")
    read(DAY, kind="csv", url=f"{folder}/{{date}}.csv")


@case("the data of 2026-01-03 is not there yet: {folder}/in.csv has no row whose day is that day.")
def csv_header_only_of_all_days_without_rows_of_the_day(folder):
    (folder / "in.csv").write_text("day,b\n")
    read(DAY, kind="csv", url=f"{folder}/in.csv", partition_column="day")


@case("{folder}/in.csv has one column only, 'a;b;c'. Set `delimiter: ';'`.")
def csv_wrong_delimiter(folder):
    csv(folder, "a;b;c\n1;2;3\n")


@case(
    "{folder}/in.csv is not utf-8: line 3 has a byte that it does not know. Set `encoding`,"
    " for example to latin-1."
)
def csv_wrong_encoding(folder):
    csv(folder, "a,b\n1,x\n2,Zürich\n".encode("latin-1"))


@case("utf-9 is no known encoding. Correct `encoding`.")
def csv_unknown_encoding(folder):
    csv(folder, "a,b\n1,2\n", encoding="utf-9")


@case(
    "{folder}/in.csv is not CSV of 2 columns (EOF inside string starting at row 1). Correct"
    " that line, its quotes or `delimiter`."
)
def csv_unbalanced_quote(folder):
    csv(folder, 'a,b\n1,"x\n2,y\n')


@case(
    "{folder}/in.csv is not CSV of 2 columns (Expected 2 fields in line 3, saw 3). Correct "
    "that line, its quotes or `delimiter`."
)
def csv_line_too_long(folder):
    csv(folder, "a,b\n1,2\n1,2,3\n")


@case(
    "{folder}/in.csv is not CSV of 2 columns (every line has more fields than the header). "
    "Correct that line, its quotes or `delimiter`."
)
def csv_every_line_too_long(folder):
    csv(folder, "a,b\n1,2,3\n4,5,6\n")


@case("{folder}/in.csv: 1 column name(s) occur more than once: a (2 times). Rename them.")
def csv_duplicated_name(folder):
    csv(folder, "a,b,a\n1,2,3\n")


@case("{folder} is a folder. Name a file in `url`.")
def csv_is_a_folder(folder):
    read(kind="csv", url=str(folder))


@case(
    "{folder}/in.csv.gz is not compressed as its name says, or not whole. Write it again, "
    "aside first and then renamed."
)
def csv_not_compressed_as_named(folder):
    (folder / "in.csv.gz").write_text("a,b\n1,2\n")
    read(kind="csv", url=f"{folder}/in.csv.gz")


@case("{folder}/in.csv has no column day. Set `partition_column` to one of a, b.")
def csv_without_the_partition_column(folder):
    path = folder / "in.csv"
    path.write_text("a,b\n1,2\n")
    read(DAY, kind="csv", url=str(path), partition_column="day")


@case("the data of 2026-01-03 is not there yet: {folder}/in.csv has no row whose day is that day.")
def csv_without_rows_of_the_day(folder):
    path = folder / "in.csv"
    path.write_text("day,b\n2026-01-04,2\n")
    read(DAY, kind="csv", url=str(path), partition_column="day")


@case(
    "{folder}/in.csv: day holds no date like 2026-01-31. Correct `partition_column`, or "
    "write its dates so."
)
def csv_partition_column_is_no_day(folder):
    (folder / "in.csv").write_text("day,b\nMonday,2\n")
    read(DAY, kind="csv", url=f"{folder}/in.csv", partition_column="day")


@case(
    "{folder}/in.csv.gz is not compressed as its name says, or not whole. Write it again, "
    "aside first and then renamed."
)
def csv_compressed_and_truncated(folder):
    path = folder / "in.csv.gz"
    pd.DataFrame({"a": range(1000)}).to_csv(path)
    path.write_bytes(path.read_bytes()[:-100])
    read(kind="csv", url=str(path))


@case(
    "growing://{folder}/in.csv changed while it was read. Write it aside and rename it when"
    " it is whole; then run again."
)
def file_changed_while_read(folder):
    (folder / "in.csv").write_text("a,b\n1,2\n")
    read(kind="csv", url=f"growing://{folder}/in.csv")


@case("vanishing://{folder}/in.csv was removed while it was read. Put it back and run again.")
def file_removed_while_read(folder):
    (folder / "in.csv").write_text("a,b\n1,2\n")
    read(kind="csv", url=f"vanishing://{folder}/in.csv")


@case(
    "denied://***@host/in.parquet may not be read (permission denied). Let this user read "
    "it, or correct the credentials."
)
def file_not_permitted(folder):
    read(kind="parquet", url="denied://user:secret@host/in.parquet")


@case(
    "ftps3://in.parquet cannot be opened (Protocol not known: ftps3). Correct `url`, or "
    "install the driver that it needs."
)
def unknown_protocol(folder):
    read(kind="parquet", url="ftps3://in.parquet")


@case(
    "{folder}/in.parquet has the same rows every day. Put {date} into `url`, or name the "
    "column that holds the day as `partition_column`."
)
def one_file_for_every_day(folder):
    read(DAY, kind="parquet", url=f"{folder}/in.parquet")


@case("in/{date}.parquet is one file a day. Name one table for all rows.")
def a_file_a_day_as_baseline(folder):
    read(kind="parquet", url="in/{date}.parquet")


@case(
    "{folder}/in.parquet is not readable Parquet (Parquet magic bytes not found in footer. "
    "Either the file is corrupted or this is not a parquet file.). Was it written to the "
    "end, every file with the same types? Write it again, aside first and then renamed."
)
def parquet_truncated(folder):
    path = folder / "in.parquet"
    table().to_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])
    read(kind="parquet", url=str(path))


@case(
    "{folder}/in.parquet is not readable Parquet (Parquet magic bytes not found in footer. "
    "Either the file is corrupted or this is not a parquet file.). Was it written to the "
    "end, every file with the same types? Write it again, aside first and then renamed."
)
def parquet_that_is_text(folder):
    (folder / "in.parquet").write_text("a,b\n1,2\n")
    read(kind="parquet", url=f"{folder}/in.parquet")


@case("{folder}/in.parquet is empty (0 bytes). Write it again, aside first and then renamed.")
def parquet_empty(folder):
    (folder / "in.parquet").touch()
    read(kind="parquet", url=f"{folder}/in.parquet")


@case("{folder}/in.parquet has column names and no rows. Write the rows.")
def parquet_without_rows(folder):
    table().head(0).to_parquet(folder / "in.parquet")
    read(kind="parquet", url=f"{folder}/in.parquet")


@case("{folder}/in.parquet: 1 column name(s) occur more than once: a (2 times). Rename them.")
def parquet_duplicated_name(folder):
    twice = pa.table([[1], [2]], names=["a", "a"])
    pq.write_table(twice, folder / "in.parquet")
    read(kind="parquet", url=f"{folder}/in.parquet")


@case("{folder}/data holds no Parquet file. Put it there, or correct `url`.")
def parquet_folder_without_files(folder):
    (folder / "data").mkdir()
    read(kind="parquet", url=f"{folder}/data")


@case(
    "{folder}/data is not readable Parquet (Failed to parse string: '…' as a scalar of type"
    " int64). Was it written to the end, every file with the same types? Write it again, "
    "aside first and then renamed."
)
def parquet_files_of_different_types(folder):
    (folder / "data").mkdir()
    pd.DataFrame({"a": [1]}).to_parquet(folder / "data" / "1.parquet")
    pd.DataFrame({"a": ["secret"]}).to_parquet(folder / "data" / "2.parquet")
    read(kind="parquet", url=f"{folder}/data")


@case(
    "the data of 2026-01-03 is not there yet: {folder}/in.parquet has no row whose seen is "
    "that day."
)
def parquet_without_rows_of_the_day(folder):
    table().to_parquet(folder / "in.parquet")
    read(DAY, kind="parquet", url=f"{folder}/in.parquet", partition_column="seen")


@case("{folder}/in.parquet: income holds double, which is no day. Correct `partition_column`.")
def parquet_partition_column_is_no_day(folder):
    table().to_parquet(folder / "in.parquet")
    read(DAY, kind="parquet", url=f"{folder}/in.parquet", partition_column="income")


@case("{folder}/in.parquet has no column day. Set `partition_column` to one of age, city.")
def parquet_without_the_partition_column(folder):
    table()[["age", "city"]].to_parquet(folder / "in.parquet")
    read(DAY, kind="parquet", url=f"{folder}/in.parquet", partition_column="day")


# ---------------------------------------------------------------- databases, functions, stories


def sql(query, date=None, url="sqlite://"):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_DB", url)
        return read(date, kind="sql", url_env="CHURN_DB", query=query)


@case(
    "the environment variable CHURN_DB is not set. Set it to the database's SQLAlchemy URL,"
    " for example postgresql://user:password@host/database."
)
def sql_variable_not_set(folder):
    sql("SELECT 1", url="")


@case(
    "the URL in CHURN_DB cannot be used (ArgumentError). Write it as "
    "postgresql://user:password@host/database, and install its driver."
)
def sql_url_malformed(folder):
    sql("SELECT 1", url="user:secret@host")


@case(
    "the URL in CHURN_DB cannot be used (NoSuchModuleError). Write it as "
    "postgresql://user:password@host/database, and install its driver."
)
def sql_driver_unknown(folder):
    sql("SELECT 1", url="oracel://user:secret@host/db")


@case(
    "the database of CHURN_DB refused (OperationalError: no such table: visitors). Correct "
    "`query`, or see that the database answers and that the user and password in CHURN_DB "
    "are right."
)
def sql_that_fails(folder):
    sql("SELECT age FROM visitors")


@case("the query has no row in the database of CHURN_DB. Correct `query`.")
def sql_returns_nothing(folder):
    sql("SELECT 1 AS a WHERE 0")


@case("the query has no row of 2026-01-03.")
def sql_returns_nothing_for_the_day(folder):
    sql("SELECT 1 AS a WHERE :date < '2000'", DAY)


@case("the query has the same rows every day. Use :date in it, as in WHERE day = :date.")
def sql_without_the_day(folder):
    sql("SELECT 1 AS a", DAY)


@case("the query of a table for all rows has no day. Leave :date out of it.")
def sql_with_a_day_as_baseline(folder):
    sql("SELECT :date AS a")


@case(
    "the query has the unknown parameter(s) customer. Use :date only; write a colon that is"
    " none as \\:."
)
def sql_unknown_parameter(folder):
    sql("SELECT :date, :customer", DAY)


@case(
    "The function no_such_module:rows cannot be imported (No module named 'no_such_module'). "
    "Correct `function`, or install its package where this code location runs."
)
def function_in_no_module(folder):
    read(kind="python", function="no_such_module:rows")


@case(
    "The module json of the function json:rows has no 'rows'. Correct "
    "`function`, or install its package where this code location runs."
)
def function_not_in_module(folder):
    read(kind="python", function="json:rows")


@case("mlops_assets_tests.data.test_bad_input:a_list returned list. Return a pandas DataFrame.")
def function_returns_no_table(folder):
    read(kind="python", function="mlops_assets_tests.data.test_bad_input:a_list")


@case("mlops_assets_tests.data.test_bad_input:nothing returned no rows for 2026-01-03.")
def function_returns_nothing_for_the_day(folder):
    read(DAY, kind="python", function="mlops_assets_tests.data.test_bad_input:nothing")


@case(
    "scikit-learn's wine has the same rows every day. Give `batches` another source: `kind:"
    " synthetic` makes days of it."
)
def bundled_table_as_batches(folder):
    read(DAY, kind="sklearn", dataset="wine")


STORY = {
    "kind": "synthetic",
    "base": {"kind": "sklearn", "dataset": "iris"},
    "target": "species",
    "start_date": "2026-01-01",
    "regimes": {"usual": {}},
    "story": ["usual"],
    "then": ["usual"],
}


@case(
    "the synthetic story starts on 2026-01-01: there is no batch of 2025-12-31. Move "
    "`batches.start_date` back, or the model's `start_date` on."
)
def story_before_its_start(folder):
    read(datetime.date(2025, 12, 31), **STORY)


@case("a synthetic source has batches only. Give `baseline` another source.")
def story_as_baseline(folder):
    read(**STORY)


@case(
    "the synthetic story tells of 1 unknown regime(s): unusual. Describe them under "
    "`regimes`, or use: usual."
)
def story_of_an_unknown_regime(folder):
    read(DAY, **STORY | {"then": ["unusual"]})


@case(
    "synthetic batches name 1 column(s) that the base table lacks: sepal. Use its columns: "
    "sepal_length, sepal_width, petal_length, petal_width, species."
)
def story_of_an_unknown_column(folder):
    read(DAY, **STORY | {"regimes": {"usual": {"shift": {"sepal": 1.0}}}})


@case(
    "synthetic batches name 1 class(es) of species that the base table lacks: rosa. Use its"
    " classes: setosa, versicolor, virginica."
)
def story_of_an_unknown_class(folder):
    read(DAY, **STORY | {"regimes": {"usual": {"classes": {"rosa": 1.0}}}})


@case("synthetic batches give species class shares that add up to 1.4. Make them add up to 1.")
def story_of_too_many_classes(folder):
    read(DAY, **STORY | {"regimes": {"usual": {"classes": {"setosa": 0.7, "virginica": 0.7}}}})


# ---------------------------------------------------------------- baselines


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- churn: the column is missing (is it 'Churn '?). Correct `columns`."
)
def baseline_target_missing(folder):
    derive(table().rename(columns={"churn": "Churn "}))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- churn: 10 of 100 rows have a label, which is too few. Label 50 or more."
)
def baseline_mostly_unlabelled(folder):
    derive(table().assign(churn=["yes", None] * 10 + [None] * 80))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- churn: all rows are of one class. Give rows of two classes or more."
)
def baseline_of_one_class(folder):
    derive(table().assign(churn="yes"))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- churn: 2 of 4 classes have one row only. Give two rows or more of each, or leave "
    "these classes out."
)
def baseline_class_of_one_row(folder):
    derive(table().assign(churn=["yes", "no"] * 49 + ["perhaps", "maybe"]))


@case(
    "the baseline cannot be used, 2 problems:\n"
    "- churn: 100 classes in 100 rows are too many. Set `task: regression`, or correct "
    "`columns.target`.\n"
    "- income: the column says the same as the target churn, so it leaks the answer. List "
    "it under `columns.ignore`."
)
def baseline_numbers_as_classes(folder):
    derive(table().assign(churn=np.arange(100) / 7))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- churn: 50 of 100 rows have a number with a fraction, which is no class. Write classes as "
    "text or whole numbers, or set `task: regression`."
)
def baseline_classes_with_fractions(folder):
    derive(table().assign(churn=[0, 0.5] * 50))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- churn: regression needs numbers. Correct the column, or set `task`."
)
def baseline_words_for_regression(folder):
    derive(table(), task="regression")


@case("the baseline cannot be used, 1 problem:\n- too few rows: 1. Give 50 or more.")
def baseline_of_one_row(folder):
    derive(table(1))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- age: all values are the same, so nothing can be learned from it. List it under "
    "`columns.ignore`."
)
def baseline_constant_column(folder):
    derive(table().assign(age=40))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- age: all values are null. List it under `columns.ignore`."
)
def baseline_column_all_null(folder):
    derive(table().assign(age=None))


@case(
    "the baseline cannot be used, 1 problem:\n- income: 2 of 100 rows are infinite. Make them null."
)
def baseline_infinite_values(folder):
    derive(table().assign(income=[np.inf, -np.inf, *range(98)]))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- income: all 100 values are numbers written as text. Write numbers, or set "
    "`contract.columns.income.type` (to category where they are codes)."
)
def baseline_numbers_as_text(folder):
    derive(table().assign(income=[str(i / 4) for i in range(100)]))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- income: 2 of 100 rows are words among numbers (for example '?', 'unknown'). Make "
    "them null, list it under `columns.ignore`, or set `contract.columns.income.type` (to category "
    "or string where all are texts)."
)
def baseline_words_among_numbers(folder):
    derive(table().assign(income=["?", "unknown", *map(str, range(98))]))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- email: 2 of 100 rows are words among numbers (values hidden). Make them null, list "
    "it under `columns.ignore`, or set `contract.columns.email.type` (to category or string where "
    "all are texts)."
)
def baseline_sensitive_words_among_numbers(folder):
    derive(table().assign(email=["secret", "hidden", *map(str, range(98))]))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- city: values of several types int, str. Write all as numbers, text, dates or "
    "booleans, or list it under `columns.ignore`."
)
def baseline_values_of_several_types(folder):
    derive(table().assign(city=["Berne", 3001] * 50))


@case(
    "the baseline cannot be used, 2 problems:\n"
    "- age: values of the type bytes. Write all as numbers, text, dates or booleans, or "
    "list it under `columns.ignore`.\n"
    "- city: values of the type list. Write all as numbers, text, dates or booleans, or "
    "list it under `columns.ignore`."
)
def baseline_values_no_model_can_use(folder):
    derive(table().assign(city=[[1, 2]] * 100, age=[b"x"] * 100))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- churn: the target cannot play another role as well. Correct `columns`."
)
def baseline_target_is_ignored_too(folder):
    derive(table(), columns=COLUMNS.model_copy(update={"ignore": ["churn"]}))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- left: the column says the same as the target churn, so it leaks the answer. List it "
    "under `columns.ignore`."
)
def baseline_feature_equal_to_the_target(folder):
    derive(table().assign(left=table()["churn"]))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- left: the column says the same as the target churn, so it leaks the answer. List it "
    "under `columns.ignore`."
)
def baseline_feature_one_to_one_with_the_target(folder):
    derive(table().assign(left=table()["churn"].map({"yes": 17, "no": 4})))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- churn_in_rappen: the column says the same as the target churn, so it leaks the "
    "answer. List it under `columns.ignore`."
)
def baseline_feature_equal_to_a_numeric_target(folder):
    target = np.random.default_rng(0).normal(size=100)
    frame = table().assign(churn=target, churn_in_rappen=target * 100)
    derive(frame, task="regression")


@case(
    "the baseline of 100 rows breaks the data contract, 1 violation:\n"
    "- id: 100 of 100 rows share their id with another row (for example 'A1', 'A2')\n"
    "Correct the baseline, or what `contract` in the model's defs.yaml says."
)
def baseline_duplicate_ids(folder):
    derive(table().assign(id=["A1", "A2"] * 50), unique_ids=True)


@case(
    "the baseline cannot be used, 1 problem:\n- id: 2 of 100 rows have no id. Give every row one."
)
def baseline_missing_ids(folder):
    derive(table().assign(id=[None, None, *map(str, range(98))]))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- 10008 columns are more than 1000. Leave out what no model needs, or raise "
    "`contract.max_columns`."
)
def baseline_of_10000_columns(folder):
    wide = pd.DataFrame({f"c{i}": range(100) for i in range(10_000)})
    derive(pd.concat([table(), wide], axis=1))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- 1 column name(s) occur more than once: age. Rename them."
)
def baseline_duplicated_column(folder):
    derive(table().rename(columns={"city": "age"}))


@case("the baseline cannot be used, 1 problem:\n- no feature column is left. Correct `columns`.")
def baseline_without_features(folder):
    derive(table()[["id", "seen", "churn"]], columns=COLUMNS.model_copy(update={"sensitive": []}))


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- incom: the column is missing (is it 'income'?). Correct `contract.columns`."
)
def baseline_overrides_an_unknown_column(folder):
    derive(table(), columns_={"incom": {"minimum": 0}})


@case(
    "the baseline of 100 rows breaks the data contract, 2 violations:\n"
    "- income: 52 of 100 rows are above 1500, the highest plausible value (for example "
    "1504, 1514.5, 1525)\n"
    "- city: 66 of 100 rows are none of the known categories Berne (for example 'Geneva', "
    "'Zurich')\n"
    "Correct the baseline, or what `contract` in the model's defs.yaml says."
)
def baseline_breaks_its_own_overrides(folder):
    derive(table(), columns_={"income": {"maximum": 1500}, "city": {"categories": ["Berne"]}})


@case(
    "the baseline of 100 rows breaks the data contract, 1 violation:\n"
    "- seen: 100 of 100 rows are not dates like 2026-01-31 (for example '31.12.2025')\n"
    "Correct the baseline, or what `contract` in the model's defs.yaml says."
)
def baseline_dates_in_the_wrong_format(folder):
    derive(table().assign(seen="31.12.2025"))


@case(
    "the baseline of 100 rows breaks the data contract, 1 violation:\n"
    "- seen: 100 of 100 rows are in the future (for example 2150-01-01 00:00:00)\n"
    "Correct the baseline, or what `contract` in the model's defs.yaml says."
)
def baseline_dates_in_the_future(folder):
    derive(table().assign(seen=pd.Timestamp("2150-01-01")))


@case(
    "the baseline cannot be used, 7 problems:\n"
    "- seen: `contract.columns.seen.maximum` is for numbers, and the column is of type datetime. "
    "Take it away, or set the column's `type`.\n"
    "- seen: `contract.columns.seen.categories` is for text, numbers, or true and false, and the "
    "column is of type datetime. Take it away, or set the column's `type`.\n"
    "- city: `contract.columns.city.minimum` is for numbers, and the column is of type category. "
    "Take it away, or set the column's `type`.\n"
    "- age: `contract.columns.age.future` is for dates, and the column is of type integer. Take it "
    "away, or set the column's `type`.\n"
    "- income: `contract.columns.income.minimum` is above its `maximum`. Correct one of them.\n"
    "- active: `contract.columns.active.max_out_of_range_share` is for numbers, and the column is "
    "of type boolean. Take it away, or set the column's `type`.\n"
    "- id: every row needs an id. Let no value be null in `contract.columns.id`."
)
def baseline_overrides_that_make_no_sense(folder):
    derive(
        table(),
        columns_={
            "seen": {"maximum": 30000, "categories": ["today"]},
            "city": {"minimum": 0},
            "age": {"future": True},
            "income": {"minimum": 5, "maximum": 4},
            "active": {"max_out_of_range_share": 0.1},
            "id": {"null_share": 0.1},
        },
    )


@case(
    "the baseline cannot be used, 2 problems:\n"
    "- city: `contract.columns.city.categories` has True, False for text. YAML reads words like "
    "yes, no, on and off as true and false: write them in quotes.\n"
    "- churn: `contract.columns.churn.categories` has 'some', 1.5, and the column is of type "
    "integer. Correct them, or set the column's `type`."
)
def baseline_categories_of_another_type(folder):
    derive(
        table().assign(churn=[0, 1, 1, 0, 1] * 20),
        columns_={
            "city": {"categories": [True, False, "Berne"]},
            "churn": {"categories": ["0", 1, "some", 1.5]},
        },
    )


@case(
    "the baseline cannot be used, 2 problems:\n"
    "- seen: `columns.timestamp` holds dates. Take `contract.columns.seen.type` away.\n"
    "- churn: classes have no range. Take `contract.columns.churn.maximum` away."
)
def baseline_rules_against_a_role(folder):
    derive(
        table().assign(churn=[0, 1, 1, 0, 1] * 20),
        columns_={"seen": {"type": "string"}, "churn": {"maximum": 1}},
    )


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- churn: regression has no classes. Take `contract.columns.churn.categories` away."
)
def baseline_classes_of_a_regression(folder):
    derive(
        table().assign(churn=np.random.default_rng(0).normal(size=100)),
        task="regression",
        columns_={"churn": {"categories": [0, 1]}},
    )


@case(
    "the baseline cannot be used, 1 problem:\n"
    "- churn: a class is text, a whole number, or true and false. Correct "
    "`contract.columns.churn.type`."
)
def baseline_classes_as_floats(folder):
    derive(
        table().assign(churn=[0, 1, 1, 0, 1] * 20),
        columns_={"churn": {"type": "float", "categories": [0, 1]}},
    )


# ---------------------------------------------------------------- batches


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- income: the column is missing\n" + ADVICE
)
def batch_column_missing(folder):
    check_batch(batch().drop(columns="income"))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- income: the column is missing (is it 'Income'?)\n" + ADVICE
)
def batch_column_renamed(folder):
    check_batch(batch().rename(columns={"income": "Income"}))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- income: 2 columns have this name\n" + ADVICE
)
def batch_column_duplicated(folder):
    check_batch(pd.concat([batch(), batch()[["income"]]], axis=1))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- income: 1 of 40 rows are not numbers (for example 'unknown')\n" + ADVICE
)
def batch_types_mixed_in_a_column(folder):
    check_batch(batch().assign(income=[1000.5, "n/a", "unknown", *range(37)]))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- income: 40 of 40 rows have no value; allowed: at most 10%\n" + ADVICE
)
def batch_all_null(folder):
    check_batch(batch().assign(income=np.nan))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- city: 5 of 40 rows have no value; allowed: at most 10%\n" + ADVICE
)
def batch_too_many_null(folder):
    check_batch(batch().assign(city=[*[None] * 5, *["Berne"] * 35]))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- city: 1 of 40 rows have no value; allowed: none\n" + ADVICE
)
def batch_null_where_the_yaml_forbids_it(folder):
    check_batch(batch().assign(city=[None, *["Berne"] * 39]), columns_={"city": {"null_share": 0}})


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- income: 21 of 40 rows have no value; allowed: at most 50%\n" + ADVICE
)
def batch_more_null_than_usual(folder):
    frame = table().assign(income=[np.nan, *range(99)])
    check_batch(batch().assign(income=[np.nan] * 21 + [1.0] * 19), baseline=frame)


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- income: 2 of 40 rows are infinite (for example inf, -inf)\n" + ADVICE
)
def batch_infinite(folder):
    check_batch(batch().assign(income=[np.inf, -np.inf, *range(38)]))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- income: 40 of 40 rows are not numbers (for example '0,5', '1,5', '2,5')\n" + ADVICE
)
def batch_decimal_commas(folder):
    check_batch(batch().assign(income=[f"{i},5" for i in range(40)]))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- age: 2 of 40 rows are not whole numbers (for example 20.5, 30.25)\n" + ADVICE
)
def batch_fractions_of_declared_integers(folder):
    check_batch(
        batch().assign(age=[20.5, 30.25, *range(30, 68)]), columns_={"age": {"type": "integer"}}
    )


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- age: 40 of 40 rows are not numbers (for example 2026-01-01 00:00:00)\n" + ADVICE
)
def batch_dates_for_numbers(folder):
    check_batch(batch().assign(age=pd.Timestamp("2026-01-01")))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- city: 40 of 40 rows are not text (for example 0, 0.333333, 0.666667)\n" + ADVICE
)
def batch_numbers_for_text(folder):
    check_batch(batch().assign(city=[i / 3 for i in range(40)]))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- active: 40 of 40 rows are neither true nor false (for example 'si', 'no')\n" + ADVICE
)
def batch_words_for_booleans(folder):
    check_batch(batch().assign(active=["si", "no"] * 20))


@case(
    "the batch of 40 rows breaks the data contract, 2 violations:\n"
    "- income: 40 of 40 rows are not numbers (for example [1, 2])\n"
    "- city: 40 of 40 rows are not text (for example {'a': 1})\n" + ADVICE
)
def batch_lists_for_numbers_and_text(folder):
    check_batch(batch().assign(income=[[1, 2]] * 40, city=[{"a": 1}] * 40))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- seen: 2 of 40 rows are not dates like 2026-01-31 (for example '03.01.2026', "
    "'1/3/2026')\n" + ADVICE
)
def batch_dates_in_the_wrong_format(folder):
    check_batch(batch().assign(seen=["03.01.2026", "1/3/2026", *["2026-01-03"] * 38]))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- seen: 40 of 40 rows are not dates (for example 20260103)\n" + ADVICE
)
def batch_numbers_for_dates(folder):
    check_batch(batch().assign(seen=20260103))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- seen: 1 of 40 rows are in the future (for example 2062-01-03 00:00:00)\n" + ADVICE
)
def batch_dates_in_the_future(folder):
    check_batch(batch().assign(seen=["2062-01-03", *["2026-01-03"] * 39]))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- city: 4 of 40 rows are none of the known categories Berne, Geneva, Zurich (for "
    "example 'Basel', 'Chur', 'Sion')\n"
    + ADVICE
    + PASTE
    + "      city:\n        categories: [Berne, Geneva, Zurich, Basel, Chur, Sion, Thun]"
)
def batch_unseen_categories(folder):
    check_batch(batch().assign(city=["Basel", "Chur", "Sion", "Thun", *["Berne"] * 36]))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- churn: 1 of 40 rows are none of the known categories no, yes (for example 'maybe')\n"
    + ADVICE
    + PASTE
    + "      churn:\n        categories: ['no', 'yes', maybe]"
)
def batch_unknown_class(folder):
    check_batch(batch().assign(churn=["maybe", *["yes", "no"] * 19, None]))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- churn: 40 of 40 rows are not text (for example True, False)\n" + ADVICE
)
def batch_labels_of_another_type(folder):
    check_batch(batch().assign(churn=[True, False] * 20))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- id: 3 of 40 rows share their id with another row (for example 'A1')\n" + ADVICE
)
def batch_duplicate_ids(folder):
    check_batch(batch().assign(id=["A1", "A1", "A1", *[f"B{i}" for i in range(37)]]))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- id: 1 of 40 rows have no value; allowed: none\n" + ADVICE
)
def batch_missing_ids(folder):
    check_batch(batch().assign(id=[None, *[f"B{i}" for i in range(39)]]))


@case(
    "the batch of 1 row breaks the data contract, 1 violation:\n"
    "- the table: too few rows: 1; a batch needs 20\n" + ADVICE
)
def batch_of_one_row(folder):
    check_batch(batch().head(1))


@case(
    "the batch of 0 rows breaks the data contract, 1 violation:\n"
    "- the table: too few rows: 0; a batch needs 20\n" + ADVICE
)
def batch_of_no_rows(folder):
    check_batch(batch().head(0))


@case(
    "the batch of 10100 rows breaks the data contract, 1 violation:\n"
    "- the table: too many rows: 10100; plausible are 10000 at most\n" + ADVICE
)
def batch_of_100_times_the_usual_rows(folder):
    check_batch(pd.concat([table()] * 101), unique_ids=False)


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- income: 5 of 40 rows are below 0, the lowest plausible value (for example -1, -2.5, "
    "-30)\n" + ADVICE
)
def batch_below_what_the_yaml_allows(folder):
    frame = batch().assign(income=[-1.0, -2.5, -1.0, -30.0, -4.0, *range(35)])
    check_batch(frame, columns_={"income": {"minimum": 0}})


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- income: 40 of 40 rows are beyond 5158000, which no unit explains (for example "
    "1000000000, 1010500000, 1021000000)\n" + ADVICE
)
def batch_that_no_unit_explains(folder):
    check_batch(batch().assign(income=batch()["income"] * 1_000_000))


@case(
    "the batch of 40 rows breaks the data contract, 1 violation:\n"
    "- email: 2 of 40 rows are not text (values hidden)\n" + ADVICE
)
def batch_sensitive_values_stay_hidden(folder):
    check_batch(batch().assign(email=[1.5, 2.5, *["x"] * 38]))


@case(
    "the batch of 40 rows breaks the data contract, 2 violations:\n"
    "- id: 2 of 40 rows share their id with another row (values hidden)\n"
    "- churn: 1 of 40 rows are not text (values hidden)\n" + ADVICE
)
def batch_sensitive_ids_stay_hidden(folder):
    columns = COLUMNS.model_copy(update={"sensitive": ["email", "id", "churn"]})
    frame = batch().assign(id=["secret", "secret", *range(38)], churn=[1.5, *["yes"] * 39])
    check_batch(frame, columns=columns)


@case(
    "the batch of 40 rows breaks the data contract, 6 violations:\n"
    "- seen: 40 of 40 rows are not dates like 2026-01-31 (for example 'soon')\n"
    "- age: the column is missing (is it 'Age'?)\n"
    "- income: 37 of 40 rows are not numbers (for example 'x')\n"
    "- income: 1 of 40 rows have no value; allowed: at most 10%\n"
    "- income: 1 of 40 rows are infinite (for example inf)\n"
    "- city: the column is missing\n" + ADVICE
)
def batch_with_everything_wrong_at_once(folder):
    frame = batch().drop(columns="city").rename(columns={"age": "Age"})
    check_batch(frame.assign(income=[np.inf, np.nan, -1.0, *["x"] * 37], seen="soon"))


@case(
    "the batch of 40 rows breaks the data contract, 60 violations:\n"
    "- c00: the column is missing\n"
    "- c01: the column is missing\n"
    "- c02: the column is missing\n"
    "- c03: the column is missing\n"
    "- c04: the column is missing\n"
    "- c05: the column is missing\n"
    "- c06: the column is missing\n"
    "- c07: the column is missing\n"
    "- c08: the column is missing\n"
    "- c09: the column is missing\n"
    "- c10: the column is missing\n"
    "- c11: the column is missing\n"
    "- c12: the column is missing\n"
    "- c13: the column is missing\n"
    "- c14: the column is missing\n"
    "- c15: the column is missing\n"
    "- c16: the column is missing\n"
    "- c17: the column is missing\n"
    "- c18: the column is missing\n"
    "- c19: the column is missing\n"
    "- c20: the column is missing\n"
    "- c21: the column is missing\n"
    "- c22: the column is missing\n"
    "- c23: the column is missing\n"
    "- c24: the column is missing\n"
    "- c25: the column is missing\n"
    "- c26: the column is missing\n"
    "- c27: the column is missing\n"
    "- c28: the column is missing\n"
    "- c29: the column is missing\n"
    "- c30: the column is missing\n"
    "- c31: the column is missing\n"
    "- c32: the column is missing\n"
    "- c33: the column is missing\n"
    "- c34: the column is missing\n"
    "- c35: the column is missing\n"
    "- c36: the column is missing\n"
    "- c37: the column is missing\n"
    "- c38: the column is missing\n"
    "- c39: the column is missing\n"
    "- c40: the column is missing\n"
    "- c41: the column is missing\n"
    "- c42: the column is missing\n"
    "- c43: the column is missing\n"
    "- c44: the column is missing\n"
    "- c45: the column is missing\n"
    "- c46: the column is missing\n"
    "- c47: the column is missing\n"
    "- c48: the column is missing\n"
    "- c49: the column is missing\n"
    "- and 10 more\n" + ADVICE
)
def batch_with_more_violations_than_a_message_holds(folder):
    wide = pd.DataFrame({f"c{i:02}": np.arange(100.0) for i in range(60)})
    check_batch(batch(), baseline=pd.concat([table(), wide], axis=1))


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_told_plainly(name, tmp_path):
    act, message = CASES[name]

    with pytest.raises(UserError) as caught:
        act(tmp_path)

    assert str(caught.value).replace(str(tmp_path), "{folder}") == message
    later = name.endswith(("_not_there_yet", "_the_day")) and "without_the_day" not in name
    assert isinstance(caught.value, NotThereYetError) == later


def test_there_are_at_least_40_cases_and_nothing_sensitive_is_told():
    assert len(CASES) >= 40
    assert not [m for _, m in CASES.values() if re.search(r"secret|hidden@|person\d", m)]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"kind": "csv"}, "url\n  Field required"),
        ({"kind": "cvs", "url": "x"}, "does not match any of the expected tags"),
        ({"kind": "csv", "url": "x", "separator": ";"}, "Extra inputs are not permitted"),
        ({"kind": "csv", "url": "{day}.csv"}, "{day}.csv has braces that are no date"),
        ({"kind": "csv", "url": "{}.csv"}, "{}.csv has braces that are no date"),
        ({"kind": "sklearn", "dataset": "irises"}, "Input should be 'iris', 'wine'"),
        ({"kind": "python", "function": "module.function"}, "String should match pattern"),
        ({"kind": "sql", "url_env": "X", "query": "q", "timeout_seconds": 0}, "greater than 0"),
    ],
)
def test_a_source_misdescribed_is_an_error_that_names_the_field(fields, told):
    with pytest.raises(ValidationError, match=re.escape(told)):
        TypeAdapter(Source).validate_python(fields)


def test_the_next_good_batch_passes():
    assert check_batch(batch()).notes == ()
