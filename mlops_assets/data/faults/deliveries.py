"""A delivery that came before, or only in part."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.data.faults.suspicion import Suspicion
from mlops_assets.data.fingerprint import row_hashes

FEW_PERIODS, KNOWN_PERIODS = 3, 7  # from 7 on a week is known, and what its Sunday has
_CUT, _CUT_OF_FEW = 0.25, 0.1  # of the smallest of them
_SAME = 0.9  # share of rows that were there before
_OWN = 0.8  # share of rows that are told apart by their values
_FEWEST_DIFFERENT = 10


def repeated(
    batch: pd.DataFrame, roles: Columns, earlier: Mapping[str, pd.DataFrame]
) -> Iterator[Suspicion]:
    """The suspicion that the rows are those of an earlier day; its time may be written anew."""
    rows = _content(batch, roles)
    different = len(np.unique(rows))
    for day, table in sorted(earlier.items(), reverse=True):
        if set(table.columns) - {roles.target} != set(batch.columns) - {roles.target}:
            continue
        before = _content(table[[n for n in batch.columns if n in table]], roles)
        same = float(np.isin(rows, before).mean()) if len(rows) else 0.0
        told_apart = different >= max(_OWN * len(rows), _FEWEST_DIFFERENT) and same >= _SAME
        if told_apart or (different >= _FEWEST_DIFFERENT and np.array_equal(rows, before)):
            yield Suspicion(
                "repeated",
                (),
                f"{same:.0%} of the {len(rows)} rows were delivered on {day} already",
            )
            return


def _content(table: pd.DataFrame, roles: Columns) -> np.ndarray:
    """A number a row of what is observed in it, in their order: no label, no time, no row's id."""
    names = roles.features(table)
    return np.sort(row_hashes(table[sorted(names)])) if names else np.empty(0, dtype=np.uint64)


def cut_off(rows: int, usual: Sequence[int]) -> Iterator[Suspicion]:
    """The suspicion that most rows are missing: far fewer than on any day that is known."""
    known = [each for each in usual if each > 0]
    if len(known) < FEW_PERIODS:
        return
    share = _CUT if len(known) >= KNOWN_PERIODS else _CUT_OF_FEW
    if rows < share * min(known):
        yield Suspicion(
            "cut off",
            (),
            f"{rows} rows came, and between {min(known)} and {max(known)} on each of the "
            f"{len(known)} days before: the delivery looks cut off",
        )
