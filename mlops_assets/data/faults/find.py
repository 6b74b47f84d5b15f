"""Is a batch that is unlike what is known broken?"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.data.faults.deliveries import cut_off, repeated
from mlops_assets.data.faults.stuck import default, stuck
from mlops_assets.data.faults.suspicion import Suspicion, Tables
from mlops_assets.data.faults.swapped import swapped
from mlops_assets.data.faults.texts import texts
from mlops_assets.data.faults.times import times
from mlops_assets.data.faults.units import units


def find_faults(
    reference: pd.DataFrame | None,
    batch: pd.DataFrame,
    columns: Columns,
    *,
    periods: np.ndarray | None = None,
    earlier: Mapping[str, pd.DataFrame] | None = None,
    held: Mapping[str, pd.DataFrame] | None = None,
    usual_rows: Sequence[int] = (),
) -> tuple[Suspicion, ...]:
    """Look for the signature of a broken pipeline.

    What a fault does is exact: a factor that holds at every quantile, one value in every row, two
    columns in each other's place. A change of the world is not.

    Args:
        reference: The rows that the batch should be like, in the contract's data types; None:
            no column differs, and only the delivery as a whole is looked at.
        batch: The batch, likewise.
        columns: The roles of the columns. Only features and the target are looked at, and, for
            moved times, the timestamp.
        periods: The number of the period of each row of the reference, shape (n_rows,), -1 where
            nobody knows it. What has been so in a single period is no fault in another.
        earlier: Tables of single earlier days, by name, for the same, and for repeated rows.
        held: Tables of earlier days that are suspected themselves: what they show is not usual, but
            for a column that has another value each day.
        usual_rows: How many rows each of the latest days had.

    Returns:
        The suspicions, at most one a column; those of the whole delivery first.

    Examples:
        >>> then = pd.DataFrame({"income": np.arange(1000.0, 3000.0)})
        >>> roles = Columns(target="y")
        >>> (found,) = find_faults(then, then.iloc[::5] * 100, roles)
        >>> found.kind, found.columns, found.factor
        ('unit', ('income',), 100.0)
    """
    earlier = earlier or {}
    of_delivery = (*cut_off(len(batch), usual_rows), *repeated(batch, columns, earlier))
    if reference is None:
        return of_delivery
    tables = Tables(reference, batch, columns, periods, earlier, held or {})
    return (*of_delivery, *_of_columns(tables))


def _of_columns(tables: Tables) -> Iterator[Suspicion]:
    """The first that explains a column is told, the plainest faults first."""
    names, timestamp = tables.names(), tables.roles.timestamp
    seen: set[str] = set()
    for look in (stuck, default, texts):
        for name in names:
            if name not in seen:
                for found in look(tables, name):
                    seen.add(name)
                    yield found
    for found in swapped(tables, [name for name in names if name not in seen]):
        seen |= {*found.columns}
        yield found
    for name in names:
        if name not in seen:
            yield from units(tables, name)
    for name in [*names, *([timestamp] if timestamp else [])]:
        if name not in seen:
            yield from times(tables, name)
