"""What a client sends, as the table that a model takes; or plainly why it is none."""

import codecs
import csv
import io
import json
from collections.abc import Iterable, Mapping
from email.message import Message
from typing import Any

import pandas as pd

from mlops_assets.errors import UserError
from mlops_assets.serving.values import ABSENT, converted

MAX_ROWS = 100_000
_DIGITS = 300  # of an integer; a float goes up to 1.8e308
_JSON, _CSV = "application/json", "text/csv"
_RECORDS, _SPLIT = "dataframe_records", "dataframe_split"
_FORMS = (
    'JSON like {"dataframe_records": [{"column": value, ...}, ...]} or {"dataframe_split": '
    '{"columns": [...], "data": [[...], ...]}}, or CSV with a header (Content-Type: text/csv)'
)


def parse(body: bytes, content_type: str) -> pd.DataFrame:
    """The table in the body of a request, in one of the forms that MLflow's own servers take.

    No row is filled up or shifted: one that has more or fewer values than there are columns is
    refused. Of CSV only an empty field is missing; everything else is the text that is there.

    Args:
        body: UTF-8, with or without a byte order mark.
        content_type: ``application/json``, which is meant where there is none, or ``text/csv``.

    Returns:
        The values as they were sent, of dtype object; ``ABSENT`` where a record of JSON has no
        value for a column that another one has.

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
    return pd.DataFrame(table, index=range(len(rows)), dtype=object)


def checked(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The ``columns`` of ``table`` with the types that the model was trained on.

    Args:
        table: What was sent; other columns are ignored, missing values are left to the model.
        columns: Name to ``double`` or ``string``, as in the model's signature.

    Raises:
        UserError: All that is wrong: no rows, too many, missing columns, values of another kind.
    """
    if not 0 < len(table) <= MAX_ROWS:
        raise UserError(f"{len(table)} rows were sent. Send 1 to {MAX_ROWS:,} at a time.")
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise UserError(
            f"{len(missing)} of {len(columns)} columns are missing: {_names(missing)}. Send "
            f"{_names(columns)}."
        )
    wrong: list[str] = []
    taken = {
        name: converted(name, table[name].tolist(), kind, wrong) for name, kind in columns.items()
    }
    if wrong:
        raise UserError(
            f"{len(wrong)} columns hold what the model does not take: {'; '.join(wrong)}."
        )
    return pd.DataFrame(taken)


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
    return names, [[row.get(name, ABSENT) for name in names] for row in records]


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
