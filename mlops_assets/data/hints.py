"""What a person should look at in a baseline: columns that name a row or its day, or the answer."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns

_FEWEST_ROWS = 50
_MOST_ROWS = 2000  # that a sum is looked for in, and a value that comes twice at first
_MOST_COLUMNS = 200
_EXACT = 1e-8  # of the target's spread


def hints(table: pd.DataFrame, columns: Columns, task: str) -> tuple[str, ...]:
    """Features of a baseline that nothing can be learned from, or too much; a sentence each.

    Nothing is changed: who knows the table decides.

    Args:
        table: The labelled rows in the contract's data types, shape (n_rows, n_columns).
        columns: The roles of the columns.
        task: "classification" or "regression".

    Examples:
        >>> rows = pd.DataFrame({"number": range(1, 101), "x": [1.5, 2.5] * 50, "y": [0, 1] * 50})
        >>> (hint,) = hints(rows, Columns(target="y"), "classification")
        >>> hint.partition(":")[0]
        'number'
    """
    if len(table) < _FEWEST_ROWS:
        return ()
    features = columns.features(table)
    return (
        *_of_rows(table, features),
        *_of_days(table, features),
        *(_sums(table, features, columns.target) if task == "regression" else ()),
    )


def _of_rows(table: pd.DataFrame, features: list[str]) -> Iterator[str]:
    """The features that have another value in every row: of text, or counted."""
    for name in features:
        known = table[name].dropna()
        if len(known) < max(_FEWEST_ROWS, len(table) / 2):
            continue
        if known.head(_MOST_ROWS).duplicated().any() or known.duplicated().any():
            continue  # mostly seen at once
        counted = _counts(known)
        if counted or known.dtype == object:
            yield (
                f"{name}: another {'number' if counted else 'text'} in each of {len(known)} rows. "
                "If it only says which row it is, list it under `columns.id`, or under "
                "`columns.ignore`: it is learned from as a feature, and differs on every day."
            )


def _of_days(table: pd.DataFrame, features: list[str]) -> Iterator[str]:
    """The features that are days without a time, each of several rows."""
    for name in features:
        known = table[name].dropna()
        if known.dtype.kind != "M" or known.empty or known.nunique() > len(table) / 2:
            continue
        if (known == known.dt.normalize()).all():
            yield (
                f"{name}: a day. If it says which day the row is of, name it as "
                "`columns.timestamp` or `baseline.period`, so that it is known how days differ: "
                "as a feature it differs on every day."
            )


def _counts(values: pd.Series) -> bool:
    """Whether different values are whole numbers, in order or with hardly a gap between them."""
    if values.dtype.kind not in "iuf":
        return False
    numbers = values.to_numpy(dtype=float)
    if not (np.isfinite(numbers) & (numbers % 1 == 0)).all():
        return False
    return bool((np.diff(numbers) > 0).all() or np.ptp(numbers) < 2 * len(numbers))


def _sums(table: pd.DataFrame, features: list[str], target: str) -> Iterator[str]:
    """The hint that the target is exactly a sum of features, such as a total and its parts."""
    names = [name for name in features if table[name].dtype.kind in "iuf"]
    rows = table[[*names, target]].dropna().head(_MOST_ROWS).astype(float)
    if not names or len(names) > _MOST_COLUMNS or len(rows) < _FEWEST_ROWS + 2 * len(names):
        return
    answer = rows[target].to_numpy()
    names = [name for name in names if rows[name].std() > 0]
    if not _fits(rows, names, answer):
        return
    for name in list(names):  # of those that are left all are needed
        if _fits(rows, left := [other for other in names if other != name], answer):
            names = left
    yield (
        f"{target}: it can be computed from {' and '.join(names)}, to the last digit. If they are "
        "not known before it is, list them under `columns.ignore`: they hold the answer."
    )


def _fits(rows: pd.DataFrame, names: list[str], answer: np.ndarray) -> bool:
    """Whether a weighted sum of the columns, and a constant, is the answer in every row."""
    if not names or answer.std() == 0:
        return False
    values = rows[names].to_numpy()
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    wanted = (answer - answer.mean()) / answer.std()
    weights, *_ = np.linalg.lstsq(values, wanted, rcond=None)
    return bool(np.abs(values @ weights - wanted).max() < _EXACT)
