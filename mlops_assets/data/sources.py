"""Where a table comes from: one small pydantic model a kind, and one function that reads it."""

import datetime
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.data.synthetic import SyntheticRegime, synthetic_batch
from mlops_assets.errors import NotThereYetError, UserError


class SourceError(UserError):
    """A source cannot be read, and asking again later will not help by itself."""


class _SourceModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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
    url: str = Field(
        description="A path or fsspec URL. `{date}` becomes the day as 2026-01-31, and "
        "`{date:%Y/%m/%d}` the day in another form."
    )
    partition_column: str | None = Field(
        default=None,
        description="The column that holds a row's day, where one file or dataset has all days.",
    )


class CsvSource(_SourceModel):
    """A CSV file with a header on any fsspec URL."""

    kind: Literal["csv"]
    url: str = Field(
        description="A path or fsspec URL. `{date}` becomes the day as 2026-01-31, and "
        "`{date:%Y/%m/%d}` the day in another form."
    )
    partition_column: str | None = Field(
        default=None, description="The column that holds a row's day, where one file has all days."
    )
    delimiter: str = Field(default=",", description="What separates the fields.")
    encoding: str = Field(default="utf-8", description="The file's character encoding.")


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
        default=0.1,
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
    SklearnSource | ParquetSource | CsvSource | SyntheticSource, Field(discriminator="kind")
]


def read_source(source: Source, date: datetime.date | None) -> pd.DataFrame:
    """Read one table: the whole of it, or one day's rows.

    Args:
        source: where it is.
        date: the day of a batch, None for a baseline.

    Returns:
        One row a record, as found; the data contract brings it into shape.

    Raises:
        NotThereYetError: the day's data has not arrived.
        SourceError: the source cannot be read.
    """
    readers: dict[str, Callable[[Any, datetime.date | None], pd.DataFrame]] = {
        "sklearn": _read_sklearn,
        "parquet": _read_parquet,
        "csv": _read_csv,
        "synthetic": _read_synthetic,
    }
    return readers[source.kind](source, date)


_SKLEARN_TARGETS = {
    "iris": "species",
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
}


def _read_sklearn(source: SklearnSource, _date: datetime.date | None) -> pd.DataFrame:
    from sklearn import datasets

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


def _read_parquet(source: ParquetSource, date: datetime.date | None) -> pd.DataFrame:
    url = _url(source.url, date)
    try:
        frame = pd.read_parquet(url)
    except FileNotFoundError as error:
        raise _absent(url, date) from error
    return _of_day(frame, source.partition_column, date, url)


def _read_csv(source: CsvSource, date: datetime.date | None) -> pd.DataFrame:
    url = _url(source.url, date)
    try:
        frame = pd.read_csv(url, sep=source.delimiter, encoding=source.encoding, low_memory=False)
    except FileNotFoundError as error:
        raise _absent(url, date) from error
    return _of_day(frame, source.partition_column, date, url)


def _url(template: str, date: datetime.date | None) -> str:
    """The URL of that day."""
    if date is None:
        return template
    return template.format(date=date)


def _absent(url: str, date: datetime.date | None) -> UserError:
    """What to say where there is no file: a day's may still come, a baseline's will not."""
    if date is None:
        return SourceError(f"{url} does not exist. Put the file there, or correct `url`.")
    return NotThereYetError(f"the data of {date} is not there yet: {url} does not exist.")


def _of_day(
    frame: pd.DataFrame, column: str | None, date: datetime.date | None, url: str
) -> pd.DataFrame:
    """That day's rows, where one table has all days."""
    if column is None or date is None:
        return frame
    if column not in frame.columns:
        raise SourceError(f"{url} has no column {column}. Correct `partition_column`.")
    days = pd.to_datetime(frame[column], errors="coerce").dt.date
    rows = frame[days == date].reset_index(drop=True)
    if rows.empty:
        raise NotThereYetError(f"the data of {date} is not there yet: {url} has no row of it.")
    return rows
