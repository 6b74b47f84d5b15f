"""Where a table comes from: one small pydantic model a kind, and one function that reads it."""

import datetime
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from mlops_assets.data.columns import Columns
from mlops_assets.data.csv_values import CsvForm
from mlops_assets.data.delta import read_delta
from mlops_assets.data.files import read_csv, read_parquet, signature
from mlops_assets.data.labels import latest_labels
from mlops_assets.data.source_error import NoRowsError, SourceError
from mlops_assets.data.sql import read_sql
from mlops_assets.data.synthetic import SyntheticRegime, synthetic_batch
from mlops_assets.data.tables import as_columns
from mlops_assets.errors import EmptyDayError, NotThereYetError, UserError
from mlops_assets.own_code import imported, place

__all__ = [
    "CsvSource",
    "DeltaSource",
    "ParquetSource",
    "PythonSource",
    "SklearnSource",
    "Source",
    "SourceError",
    "SqlSource",
    "SyntheticSource",
    "read_labels",
    "read_signature",
    "read_source",
]


def _only_the_date(template: str) -> str:
    try:
        template.format(date=datetime.date(2026, 1, 31))
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{template} has braces that are no date: write {{date}} or {{date:%Y/%m/%d}}"
        ) from error
    return template


Url = Annotated[
    str,
    AfterValidator(_only_the_date),
    Field(
        description="A path or fsspec URL. `{date}` becomes the day as 2026-01-31, and "
        "`{date:%Y/%m/%d}` the day in another form. Credentials belong into the environment."
    ),
]


class _SourceModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    period: str | None = Field(
        default=None,
        description="Of a baseline: the column that says which period (day) a row comes from, "
        "where `columns.timestamp` does not; or a function of yours, `package.module:function`, "
        "that takes the table and returns the period of each row. It is no feature, and batches "
        "need none: a batch is a period.",
    )
    empty_days: Literal["closed", "late"] = Field(
        default="closed",
        description="Of batches: what a day is whose table is there without a row (a file with a "
        "header only, a query or function that gives none). `closed`: nothing happened that day, "
        "and nothing is asked of it; `late`: its rows are awaited, as where a file is missing.",
    )
    latest_by: str | None = Field(
        default=None,
        description="Of labels that are corrected by further rows: the column that says when a "
        "row was written (a date, time or number). The latest one of each id counts.",
    )


class SklearnSource(_SourceModel):
    """One of scikit-learn's bundled tables; column names in snake case, classes by their names.

    The target is called ``species`` (iris), ``cultivar`` (wine), ``diagnosis`` (breast_cancer) or
    ``progression`` (diabetes).
    """

    kind: Literal["sklearn"]
    dataset: Literal["iris", "wine", "breast_cancer", "diabetes"] = Field(
        description="Which of the bundled tables."
    )


class ParquetSource(_SourceModel):
    """Parquet on any fsspec URL: a file, or a folder of files (a dataset)."""

    kind: Literal["parquet"]
    url: Url
    partition_column: str | None = Field(
        default=None,
        description="The column that holds a row's day, where one file or dataset has all days.",
    )


class DeltaSource(_SourceModel):
    """A Delta Lake table: its rows as of the latest version, or of one that is pinned.

    Which version was read is kept among the notes. Needs the extra ``delta``.
    """

    kind: Literal["delta"]
    url: Url
    version: int | None = Field(
        default=None, ge=0, description="Always this version. Null: the latest."
    )
    timestamp: str | None = Field(
        default=None,
        description="Always the version that was the latest then: `2026-01-31T06:00Z`, or a day, "
        "which is its beginning (UTC where no zone is given). Null: the latest.",
    )
    partition_column: str | None = Field(
        default=None, description="The column that holds a row's day."
    )

    @field_validator("timestamp", mode="before")
    @classmethod
    def _may_be_written_without_quotes(cls, value: Any) -> Any:
        """YAML reads 2026-01-31 without quotes as a date."""
        return value.isoformat() if isinstance(value, datetime.date) else value

    @field_validator("timestamp")
    @classmethod
    def _is_a_moment(cls, value: str | None) -> str | None:
        try:
            return value if value is None or datetime.datetime.fromisoformat(value) else None
        except ValueError:
            raise ValueError(
                f"{value!r} is no moment; write it as 2026-01-31 or 2026-01-31T06:00Z"
            ) from None

    @model_validator(mode="after")
    def _one_is_pinned(self) -> Self:
        if self.version is not None and self.timestamp is not None:
            raise ValueError("`version` and `timestamp` each say which version. Leave one out")
        return self

    @property
    def moment(self) -> datetime.datetime | None:
        """The ``timestamp`` in its zone."""
        if self.timestamp is None:
            return None
        moment = datetime.datetime.fromisoformat(self.timestamp)
        return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


class CsvSource(_SourceModel):
    """A CSV file with a header on any fsspec URL."""

    kind: Literal["csv"]
    url: Url
    partition_column: str | None = Field(
        default=None, description="The column that holds a row's day, where one file has all days."
    )
    delimiter: str = Field(default=",", description="What separates the fields.")
    encoding: str = Field(default="utf-8", description="The file's character encoding.")
    decimal: Literal[".", ","] | None = Field(
        default=None,
        description="How numbers are written, where not as 1234.5: `','` reads 12,5. Where it or "
        "`thousands` is given, a currency or per cent sign beside a number is left out (12.5 % "
        "is 12.5).",
    )
    thousands: Literal[",", ".", " ", "'"] | None = Field(
        default=None, description="What separates thousands: `','` reads 1,234.50."
    )
    date_format: str | None = Field(
        default=None,
        pattern="%",
        description="How dates are written, where not as 2026-01-31: `'%d.%m.%Y'` reads "
        "31.01.2026 (as of Python's strptime).",
    )

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.thousands is not None and self.thousands == (self.decimal or "."):
            other = "," if self.thousands == "." else "."
            raise ValueError(
                f"`thousands` and `decimal` are both {self.thousands!r}. Set `decimal: {other!r}`"
            )
        return self


class SqlSource(_SourceModel):
    """A query to any database that SQLAlchemy knows; PostgreSQL's driver is installed."""

    kind: Literal["sql"]
    url_env: str = Field(
        description="The environment variable that holds the database's SQLAlchemy URL."
    )
    query: str = Field(description="One SELECT; `:date` is bound to the day of the batch.")
    timeout_seconds: float = Field(
        default=300, gt=0, description="How long the query may take (PostgreSQL)."
    )


class PythonSource(_SourceModel):
    """A function of yours: it takes the day (None for a baseline) and returns a DataFrame.

    None, or a table without rows, means that the day has none: see ``empty_days``.
    """

    kind: Literal["python"]
    function: str = Field(pattern=r"^[\w.]+:\w+$", description="As `package.module:function`.")


class SyntheticSource(_SourceModel):
    """Made-up daily batches over a real table; reproducible from the seed and the date."""

    kind: Literal["synthetic"]
    base: Annotated[SklearnSource | ParquetSource | CsvSource, Field(discriminator="kind")] = Field(
        description="The table that rows are drawn from."
    )
    target: str = Field(description="The label column of the base table.")
    start_date: datetime.date = Field(description="The first day of the story.")
    rows: int = Field(default=300, ge=1, description="Rows a day.")
    seed: int = Field(default=0, ge=0, description="Gives other rows of the same story.")
    smoothing: float = Field(
        default=0.05,
        ge=0,
        description="Noise that makes drawn rows distinct, in standard deviations of the column.",
    )
    regimes: dict[str, SyntheticRegime] = Field(
        description="How each regime's rows differ from the base table, by the regime's name."
    )
    story: list[str] = Field(
        min_length=1, description="The regime of each of the first days, from start_date on."
    )
    then: list[str] = Field(
        min_length=1, description="The regimes of all later days, in turn, over and over."
    )


Source = Annotated[
    ParquetSource
    | DeltaSource
    | CsvSource
    | SqlSource
    | SklearnSource
    | SyntheticSource
    | PythonSource,
    Field(discriminator="kind"),
]


def read_source(
    source: Source, date: datetime.date | None, columns: Columns | None = None
) -> pd.DataFrame:
    """Read one table: the whole of it, or one day's rows.

    Args:
        source: where it is.
        date: the day of a batch, None for a baseline.
        columns: the roles of the columns: in CSV, ids are text. Where they are not known, whatever
            a number would change is text.

    Returns:
        One row a record, as found, with notes on what was changed; the data contract brings it
        into shape.

    Raises:
        NotThereYetError: the day's data has not arrived; an EmptyDayError where its table is there
            and has no rows.
        SourceError: the source cannot be read.
    """
    readers: dict[str, Callable[[Any, datetime.date | None], pd.DataFrame]] = {
        "parquet": lambda s, day: read_parquet(s.url, day, s.partition_column),
        "delta": lambda s, day: read_delta(s.url, day, s.partition_column, s.version, s.moment),
        "csv": lambda s, day: read_csv(s.url, day, s.partition_column, _form(s), columns),
        "sql": lambda s, day: read_sql(s.query, s.url_env, s.timeout_seconds, day),
        "sklearn": _read_sklearn,
        "synthetic": _read_synthetic,
        "python": _read_python,
    }
    return as_columns(readers[source.kind](source, date))


def _form(source: CsvSource) -> CsvForm:
    return CsvForm(
        source.delimiter, source.encoding, source.decimal, source.thousands, source.date_format
    )


def read_labels(
    source: Source, date: datetime.date, columns: Columns | None = None
) -> pd.DataFrame:
    """Read the labels for the batch of a day: that day's table, or the one table of all labels.

    Raises:
        NotThereYetError: there is no such table, or no row in it.
        SourceError: the source cannot be read.
    """
    try:
        labels = read_source(source, date if has_days(source) else None, columns)
    except NoRowsError as error:
        raise NotThereYetError(str(error)) from error
    if source.latest_by is None or columns is None:
        return labels
    return latest_labels(labels, columns, source.latest_by)


def read_signature(source: Source, date: datetime.date) -> str | None:
    """A text that is another one once a day's data have changed; it costs no reading.

    Returns:
        Empty where nothing is there; None where only reading can tell.
    """
    if isinstance(source, CsvSource | ParquetSource):
        return signature(source.url, date, source.partition_column)
    if isinstance(source, SklearnSource | SyntheticSource):
        return "made up"  # the same for ever
    return None


def has_days(source: Source) -> bool:
    """Whether a source has a table a day, and not one table of all days."""
    if isinstance(source, CsvSource | ParquetSource | DeltaSource):
        return "{" in source.url or source.partition_column is not None
    if isinstance(source, SqlSource):
        return re.search(r"(?<![:\\]):date\b", source.query) is not None
    return not isinstance(source, SklearnSource)


def day_columns(source: Source) -> list[str]:
    """The columns that a source binds to the day of a batch, as far as its settings tell."""
    if isinstance(source, CsvSource | ParquetSource | DeltaSource):
        named = [source.partition_column] if source.partition_column else []
        return [*named, *re.findall(r"(\w+)=\{date", source.url)]
    if not isinstance(source, SqlSource):
        return []
    column, day = r"(?:date\()?\"?(\w+)\"?\)?(?:::\w+)?", r"(?:date\()?:date\b"
    equal = re.findall(rf"{column}\s*(?:=|between)\s*{day}", source.query, re.IGNORECASE)
    equal += re.findall(rf":date\b(?:\s*::\s*\w+)?\)?\s*=\s*{column}", source.query, re.IGNORECASE)
    since = set(re.findall(rf"{column}\s*>=\s*{day}", source.query, re.IGNORECASE))
    until = set(re.findall(rf"{column}\s*<(?!=)", source.query, re.IGNORECASE))
    return [*equal, *sorted(since & until)]


_SKLEARN_TARGETS = {
    "iris": "species",
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
}


def _read_sklearn(source: SklearnSource, date: datetime.date | None) -> pd.DataFrame:
    from sklearn import datasets

    if date is not None:
        raise SourceError(
            f"scikit-learn's {source.dataset} has the same rows every day. Give `batches` another "
            "source: `kind: synthetic` makes days of it."
        )
    bunch = getattr(datasets, f"load_{source.dataset}")(as_frame=True)
    target = _SKLEARN_TARGETS[source.dataset]
    frame = bunch.data.rename(columns=_snake_case)
    labels = bunch.target.to_numpy()
    names = getattr(bunch, "target_names", None)
    frame[target] = labels if names is None else [str(names[label]) for label in labels]
    return frame


def _snake_case(name: str) -> str:
    """``sepal length (cm)`` becomes ``sepal_length``."""
    without_unit = re.sub(r"\(.*?\)", "", name.lower())
    return re.sub(r"[^a-z0-9]+", "_", without_unit).strip("_")


def _read_synthetic(source: SyntheticSource, date: datetime.date | None) -> pd.DataFrame:
    if date is None:
        raise SourceError("a synthetic source has batches only. Give `baseline` another source.")
    day = (date - source.start_date).days
    if day < 0:
        raise SourceError(
            f"the synthetic story starts on {source.start_date}: there is no batch of {date}. "
            "Move `batches.start_date` back, or the model's `start_date` on."
        )
    names = [*source.story, *source.then]
    if unknown := sorted(set(names) - set(source.regimes)):
        raise SourceError(
            f"the synthetic story tells of {len(unknown)} unknown regime(s): "
            f"{', '.join(unknown)}. Describe them under `regimes`, or use: "
            f"{', '.join(source.regimes)}."
        )
    later = day - len(source.story)
    name = source.story[day] if later < 0 else source.then[later % len(source.then)]
    return synthetic_batch(
        read_source(source.base, None),
        source.target,
        source.regimes[name],
        rows=source.rows,
        seed=source.seed,
        date=date,
        smoothing=source.smoothing,
    )


def _read_python(source: PythonSource, date: datetime.date | None) -> pd.DataFrame:
    try:
        function = imported(source.function, "function", "function")
        frame = function(date)
    except (SourceError, NotThereYetError):  # of its own, which it may raise
        raise
    except UserError as error:
        raise SourceError(str(error)) from error
    except Exception as error:  # whatever its own code raises
        raise SourceError(  # without its words, which may hold a sensitive value
            f"{source.function} failed with {type(error).__name__}, {place(error)}."
        ) from error
    if frame is None or (isinstance(frame, pd.DataFrame) and frame.empty):
        if date is None:
            raise SourceError(f"{source.function} returned no rows. Return the whole baseline.")
        raise EmptyDayError(f"{source.function} returned no rows for {date}.")
    if not isinstance(frame, pd.DataFrame):
        raise SourceError(
            f"{source.function} returned {type(frame).__name__}. Return a pandas DataFrame."
        )
    return frame
