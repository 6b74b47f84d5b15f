"""Resamples a few at a time, so that memory is bounded whatever their number."""

import numpy as np

# Cells of one working array while resampling: 4 million int64 cells are 32 MB, and at most five
# such arrays live at a time, whatever the number of rows, classes and resamples.
_CELLS = 4_000_000


def chunks(indices: np.ndarray, cells_per_resample: int = 1) -> list[slice]:
    """Which resamples to work on at a time.

    Args:
        indices: Row positions of shape (n_resamples, n_rows_of_a_resample).
        cells_per_resample: How many numbers one resample is counted in.
    """
    step = max(1, _CELLS // max(indices.shape[1], cells_per_resample))
    return [slice(start, start + step) for start in range(0, len(indices), step)]


def counted(cells: np.ndarray, indices: np.ndarray, kinds: int) -> np.ndarray:
    """How often each kind of row is in each resample.

    Args:
        cells: The kind of each row, from 0 on, of shape (n_rows,).
        indices: Row positions of shape (n_resamples, n_rows_of_a_resample).
        kinds: How many kinds there are.

    Returns:
        Counts of shape (n_resamples, n_kinds).
    """
    taken = cells[indices]
    taken += np.arange(len(taken))[:, np.newaxis] * kinds
    return np.bincount(taken.ravel(), minlength=len(taken) * kinds).reshape(len(taken), kinds)
