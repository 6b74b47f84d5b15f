"""Which cross-validation fold each row is in."""

import warnings

import numpy as np
import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.metrics import Task
from mlops_assets.training.weights import Roles


def assign_folds(
    frame: pd.DataFrame,
    columns: Columns,
    task: Task,
    folds: int,
    seed: int,
    roles: Roles | None = None,
) -> tuple[np.ndarray, str | None]:
    """The fold of each row, and a note where there are fewer folds than asked for.

    Stratified by class for classification, and by role where there are any; all rows of one id
    are in one fold. Where the regime of a candidate has several periods, each of these is in one
    fold: what has been learned of a day says more of its other rows than of the days to come.
    Folds only rank the algorithms: what a candidate is judged by is held out
    before.

    Args:
        frame: Labelled rows.
        columns: Target and id columns.
        task: Classification is stratified.
        folds: How many are wanted, at least 2.
        seed: Seed of the shuffle.
        roles: What the rows are to a candidate.

    Returns:
        Fold numbers of shape (n_rows,), and the note.
    """
    from sklearn import model_selection

    target = frame[columns.target]
    groups = frame.groupby(columns.id, sort=False, dropna=False).ngroup() if columns.id else None
    limits = {"rows": len(frame)}
    if task == "classification":
        limits["rows in the smallest class"] = int(target.value_counts().min())
    if groups is not None and groups.nunique() > 1:
        limits["ids"] = int(groups.nunique())
    scarce = min(limits, key=lambda what: limits[what])
    used = max(2, min(folds, limits[scarce]))
    shuffled = {"n_splits": used, "shuffle": True, "random_state": seed}
    labels = _strata(target, task, roles)
    if groups is not None and groups.nunique() > 1:
        splitter = (
            model_selection.StratifiedGroupKFold(**shuffled)
            if labels is not None
            else model_selection.GroupKFold(used)
        )
    elif labels is not None:
        splitter = model_selection.StratifiedKFold(**shuffled)
    else:
        splitter = model_selection.KFold(**shuffled)
    fold_of = np.zeros(len(frame), dtype=int)
    with warnings.catch_warnings():
        # A class of one row cannot be in both folds; the note says so.
        warnings.simplefilter("ignore", UserWarning)
        for fold, (_, rows) in enumerate(splitter.split(frame, labels, groups)):
            fold_of[rows] = fold
    if roles is not None and roles.periods.max(initial=0) > 0:
        fold_of = np.where(roles.regime, roles.periods % used, fold_of)
    if used == folds:
        return fold_of, None
    return fold_of, f"{used} folds in place of {folds}: there are {limits[scarce]} {scarce}."


def _strata(target: pd.Series, task: Task, roles: Roles | None) -> pd.Series | None:
    """What each fold holds its share of; None: rows as they come."""
    classes = target.astype(str) if task == "classification" else None
    if roles is None:
        return classes
    kinds = pd.Series(roles.regime + 2 * roles.baseline.astype(int), target.index).astype(str)
    return kinds if classes is None else classes + " " + kinds
