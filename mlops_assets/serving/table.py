"""What a client sends, as the table that a model takes; or plainly why it is none.

Values are read as those of a batch are, by the same functions.
"""

import codecs
import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from email.message import Message
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.data.coerce import Coerced, coerce, plain
from mlops_assets.data.columns import with_columns
from mlops_assets.data.csv_values import CsvForm, with_values
from mlops_assets.data.notes import Note, noted
from mlops_assets.errors import UserError
from mlops_assets.training.features import SentType

MAX_ROWS = 100_000
# Trees hold numbers as float32.
LARGEST = float(np.finfo("float32").max)
_ABSENT = object()  # stands where a record has no value of that name at all, which is not null
_TAKES: dict[SentType, str] = {
    "float": "numbers",
    "boolean": "true and false",
    "datetime": "dates like 2026-01-31, with a time or without",
    "string": "texts, or whole numbers for their digits",
    "double": "numbers (true is 1, a date is its days since 1970)",
    "text": "texts, or whole numbers for their digits",
}
_DIGITS = 300  # of an integer; a float goes up to 1.8e308
_JSON, _CSV = "application/json", "text/csv"
_RECORDS, _SPLIT = "dataframe_records", "dataframe_split"
_FORMS = (
    'JSON like {"dataframe_records": [{"column": value, ...}, ...]} or {"dataframe_split": '
    '{"columns": [...], "data": [[...], ...]}}, or CSV with a header (Content-Type: text/csv)'
)


@dataclass(frozen=True)
class Sent:
    """The rows of a request.

    Attributes:
        table: The values as they were sent, of dtype object.
        is_csv: Whether these are the texts of a CSV, which has nothing else.
    """

    table: pd.DataFrame
    is_csv: bool = False


def parse(body: bytes, content_type: str) -> Sent:
    """The table in the body of a request, in one of the forms that MLflow's own servers take.

    No row is filled up or shifted: one that has more or fewer values than there are columns is
    refused.

    Args:
        body: UTF-8, with or without a byte order mark.
        content_type: ``application/json``, which is meant where there is none, or ``text/csv``.

    Raises:
        UserError: It is none of these forms.
    """
    kind = _declared(content_type)
    try:
        text = body.decode("utf-8-sig")
        names, rows = _from_csv(text) if kind == _CSV else _from_json(_loaded(text))
        _once(names)
    except RecursionError:
        raise _unreadable("it is nested too deeply") from None
    except (ValueError, csv.Error) as error:
        raise _unreadable(error) from None
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    table = {
        name: pd.Series(values, dtype=object) for name, values in zip(names, columns, strict=True)
    }
    return Sent(pd.DataFrame(table, index=range(len(rows)), dtype=object), kind == _CSV)


def checked(
    sent: Sent, columns: Mapping[str, SentType], *, most: int | None = MAX_ROWS
) -> pd.DataFrame:
    """The ``columns`` in their types, as a batch of the same rows would have them.

    Args:
        sent: Other columns are ignored, missing values are left to the model.
        columns: What the model takes: name to type.
        most: How many rows may come at a time; None: any number.

    Returns:
        A table with notes on what was changed of its values.

    Raises:
        UserError: All that is wrong: no rows, too many, missing columns, values of another kind.
    """
    table = sent.table
    if not len(table) or (most is not None and len(table) > most):
        number = "at least one" if most is None else f"1 to {most:,}"
        raise UserError(f"{len(table)} rows were sent. Send {number} at a time.")
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise UserError(
            f"{len(missing)} of {len(columns)} columns are missing: {_names(missing)}. Send "
            f"{_names(columns)}."
        )
    if sent.is_csv:
        read = _read(table, columns)
    else:
        _refuse(list(_no_values(table[list(columns)])))
        read = table
    found = {name: _coerced(read[name], kind) for name, kind in columns.items()}
    _refuse([_told(n, table[n], columns[n], one) for n, one in found.items() if one.wrong.any()])
    taken = pd.DataFrame({name: one.values for name, one in found.items()})
    taken.attrs = read.attrs
    return noted(taken, [note for n, one in found.items() for note in _notes(read[n], one)])


def _no_values(table: pd.DataFrame) -> Iterator[str]:
    """Which columns hold what is no single value."""
    for name in table:
        absent = table[name].map(lambda value: value is _ABSENT).to_numpy(dtype=bool)
        nested = table[name].map(lambda value: isinstance(value, list | dict)).to_numpy(dtype=bool)
        for rows, is_what in ((absent, "is missing from"), (nested, "is a list or an object in")):
            if rows.any():
                yield f"{name} {is_what} {rows.sum()} rows, the first is row {rows.argmax()}"


def _read(texts: pd.DataFrame, columns: Mapping[str, SentType]) -> pd.DataFrame:
    """CSV as the daily job reads it; a column of text that was no text then, as it is written."""
    texts = texts[list(columns)]
    read = with_values(texts, CsvForm(), None, lambda names: texts[names], zeros=False)
    unlike = [
        name
        for name, kind in columns.items()
        if kind == "text" or (kind == "string" and coerce(read[name], kind).wrong.any())
    ]
    if not unlike:
        return read
    rest: dict[str, SentType] = {name: kind for name, kind in columns.items() if name not in unlike}
    return with_columns(_read(texts, rest), {name: texts[name] for name in unlike})


def _coerced(values: pd.Series, kind: SentType) -> Coerced:
    """One column in its type; numbers that no model can take do not fit."""
    if kind == "text":
        found = coerce(values, "string")
        given = values.map(lambda value: isinstance(value, str)) & ~found.wrong
        return replace(found, values=found.values.mask(given, values), changes=())
    if kind == "double":
        found = coerce(values, "float")
        found = coerce(values, "boolean") if found.wrong.any() else found
    else:
        found = coerce(values, kind)
    if kind in ("string", "datetime"):
        return found
    numbers = found.values.astype("float64")
    large = numbers.abs() > LARGEST
    says = found.says if found.wrong.any() else f"are not finite numbers up to {LARGEST:.2g}"
    return replace(found, values=numbers.mask(large), wrong=found.wrong | large, says=says)


def _notes(values: pd.Series, found: Coerced) -> Iterator[Note]:
    """What was changed of a column, but for whole numbers where others may have a fraction."""
    if found.values.dtype != "float64" or plain(values).dtype.kind not in "iu":
        for change in found.changes:
            yield Note(str(values.name), change.says, change.examples)


def _told(name: str, sent: pd.Series, kind: SentType, found: Coerced) -> str:
    """What is wrong with a column."""
    row = int(found.wrong.to_numpy().argmax())
    return (
        f"{name} takes {_TAKES[kind]}: {found.wrong.sum()} of {len(sent)} rows {found.says}, the "
        f"first is row {row}: {str(sent.iloc[row])[:60]!r}"
    )


def _refuse(wrong: list[str]) -> None:
    if wrong:
        raise UserError(
            f"{len(wrong)} columns hold what the model does not take: {'; '.join(wrong)}."
        )


def _declared(content_type: str) -> str:
    """The type that the request says it has."""
    header = Message()
    header["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ") or _JSON
    kind = content_type.partition(";")[0].strip().lower() or _JSON
    if kind not in (_JSON, _CSV):
        raise UserError(f"The Content-Type is {kind[:60]!r}, which is not taken. Send {_FORMS}.")
    charset = str(header.get_param("charset", "utf-8"))
    try:
        known = codecs.lookup(charset).name in ("utf-8", "utf-8-sig", "ascii")
    except (LookupError, ValueError):
        known = False
    if not known:
        raise UserError(f"The charset {charset[:60]!r} is not taken. Send UTF-8.")
    return kind


def _from_csv(text: str) -> tuple[list[str], list[list[Any]]]:
    lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    while lines and not lines[-1]:
        lines.pop()
    if not lines or not lines[0]:
        raise ValueError("there is no line with the columns' names")
    names, *rows = lines
    _as_long(rows, names)
    return names, [[field or None for field in row] for row in rows]


def _loaded(text: str) -> Any:
    """JSON; a number that no float is as big as is infinite, and refused as such."""
    return json.loads(
        text,
        parse_int=lambda digits: int(digits) if len(digits) < _DIGITS else float(digits),
        object_pairs_hook=_object,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        _once([name for name, _ in pairs])
    return made


def _from_json(sent: Any) -> tuple[list[str], list[list[Any]]]:
    if not isinstance(sent, dict):
        raise ValueError(f"it is a JSON {type(sent).__name__}, not an object")
    if _RECORDS in sent and _SPLIT in sent:
        raise ValueError(f"it has both {_RECORDS} and {_SPLIT}")
    if _RECORDS in sent:
        return _from_records(sent[_RECORDS])
    if _SPLIT in sent:
        return _from_split(sent[_SPLIT])
    raise ValueError(f"it has neither {_RECORDS} nor {_SPLIT}")


def _from_records(records: Any) -> tuple[list[str], list[list[Any]]]:
    if not isinstance(records, list) or not all(isinstance(row, dict) for row in records):
        raise ValueError(f"{_RECORDS} is not a list of objects")
    names = list(dict.fromkeys(name for row in records for name in row))
    return names, [[row.get(name, _ABSENT) for name in names] for row in records]


def _from_split(split: Any) -> tuple[list[str], list[list[Any]]]:
    if not isinstance(split, dict) or not {"columns", "data"} <= set(split):
        raise ValueError(f"{_SPLIT} is not an object with columns and data")
    names, rows = split["columns"], split["data"]
    if not isinstance(names, list) or not all(map(_is_name, names)):
        raise ValueError(f"the columns of {_SPLIT} are not a list of names")
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ValueError(f"the data of {_SPLIT} is not a list of lists, one a row")
    _as_long(rows, names)
    return list(map(str, names)), rows


def _is_name(value: Any) -> bool:
    """A text; or a whole number, as pandas writes a column that is called so."""
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def _as_long(rows: list[list[Any]], names: list[Any]) -> None:
    """Refuse rows that are longer or shorter than the list of columns."""
    other = [number for number, row in enumerate(rows) if len(row) != len(names)]
    if other:
        raise ValueError(
            f"{len(other)} of {len(rows)} rows do not have one value for each of the "
            f"{len(names)} columns; the first is row {other[0]} with {len(rows[other[0]])}"
        )


def _once(names: Iterable[str]) -> None:
    """Refuse names that are there twice."""
    seen: set[str] = set()
    repeated = dict.fromkeys(name for name in names if name in seen or seen.add(name))
    if repeated:
        shown = ", ".join(name[:60] for name in list(repeated)[:10])
        raise ValueError(f"these columns are there twice: {shown}")


def _unreadable(why: object) -> UserError:
    return UserError(f"The body cannot be read ({why}). Send {_FORMS}.")


def _names(columns: Any) -> str:
    return ", ".join(map(str, columns))
