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
    *,
    in_time: bool = False,
) -> tuple[np.ndarray, str | None]:
    """The fold of each row, and a note where they are not as many as asked for, or in time.

    Stratified by class for classification, and by role where there are any; all rows of one id
    are in one fold. With ``in_time`` each fold is a stretch of time: see :func:`_stretches`. Where
    the regime of a candidate has several periods, each of these is in one fold: what has been
    learned of a day says more of its other rows than of the days to come. Folds only rank the
    algorithms: what a candidate is judged by is held out before.

    Args:
        frame: Labelled rows.
        columns: Target and id columns.
        task: Classification is stratified.
        folds: How many are wanted, at least 2.
        seed: Seed of the shuffle.
        roles: What the rows are to a candidate.
        in_time: Whether rows without roles are folded by `columns.timestamp`, where it tells them
            apart.

    Returns:
        Fold numbers of shape (n_rows,), and the note.
    """
    wanted = in_time and roles is None and columns.timestamp is not None
    if not wanted:
        return _at_random(frame, columns, task, folds, seed, roles)
    stretches = _stretches(frame, columns, str(columns.timestamp), task, folds)
    if stretches is not None:
        count = int(stretches.max()) + 1
        return stretches, f"Each of the {count} folds is a stretch of time, by the timestamp."
    fold_of, note = _at_random(frame, columns, task, folds, seed, roles)
    said = "Folds are of rows at random: they cannot be stretches of time here."
    return fold_of, f"{said} {note}" if note else said


def _at_random(
    frame: pd.DataFrame, columns: Columns, task: Task, folds: int, seed: int, roles: Roles | None
) -> tuple[np.ndarray, str | None]:
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


def _stretches(
    frame: pd.DataFrame, columns: Columns, timestamp: str, task: Task, folds: int
) -> np.ndarray | None:
    """Stretches of time with about as many rows each; None where they cannot be told apart.

    None as well where a class is in one of them alone: a fit would not know what it is judged on.

    Rows of one day say more of each other than of the days to come, so that one day (UTC; one
    moment, where there are fewer days than folds) is in one fold, and so are its neighbours. Each
    row is held out once, as thresholds, calibration and intervals need it: with folds that only
    learn from what was before (Bergmeir and Benítez 2012), those of the first stretch never are.
    Rows of one id are at its latest moment, those without a time first, as in the split.
    """
    moments = pd.to_datetime(frame[timestamp], utc=True)
    if columns.id:
        ids = frame.groupby(columns.id, sort=False, dropna=False).ngroup()
        moments = moments.groupby(ids).transform("max")
    days = moments.dt.floor("D")
    when = days if days.nunique() >= folds else moments
    if when.nunique() < 2:
        return None
    middle = when.rank(method="average", na_option="top") / (len(frame) + 1)
    stretch = np.minimum((middle * folds).to_numpy().astype(int), folds - 1)
    fold_of = np.unique(stretch, return_inverse=True)[1]
    if task == "classification":
        in_folds = pd.Series(fold_of).groupby(frame[columns.target].to_numpy()).nunique()
        if in_folds.min() < 2:
            return None
    return fold_of if fold_of.max() > 0 else None
