"""Where a model errs most: a part of the rows that nobody has named."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.metrics import Task
from mlops_assets.predicted import Predicted

FEWEST_ROWS = 200  # of a table: half of them find the part, half tell whether it is one
DEPTH = 3  # conditions that people can read
_FEWEST_IN_PART = 20
_MOST_TEXTS = 10  # of a column: the most frequent ones can be a condition
_SIGNIFICANCE = 0.001


@dataclass(frozen=True)
class WeakSlice:
    """A part of the rows on which a model errs more than elsewhere.

    Attributes:
        conditions: What its rows have in common, in words.
        rows: How many of those that tell it are in it.
        loss: The mean loss there: the share of errors, or the squared error.
        elsewhere: The same of the rows outside.
        excess: How many errors (or how much squared error) more it has than it would have with
            the mean loss of the rows outside.
    """

    conditions: str
    rows: int
    loss: float
    elsewhere: float
    excess: float
    task: Task

    @property
    def text(self) -> str:
        """What is said of it."""
        if self.task == "regression":
            return (
                f"production errs most where {self.conditions}: a mean squared error of "
                f"{self.loss:.4g} on {self.rows} rows, {self.elsewhere:.4g} elsewhere"
            )
        return (
            f"production errs most where {self.conditions}: {100 * self.loss:.1f} % of "
            f"{self.rows} rows are wrong, {100 * self.elsewhere:.1f} % elsewhere, about "
            f"{self.excess:.0f} errors more"
        )


def weakest_slice(
    table: pd.DataFrame,
    y: np.ndarray,
    predicted: Predicted,
    task: Task,
    seed: int = 0,
) -> WeakSlice | None:
    """The part whose excess of errors is the surest, told by a shallow tree on the errors.

    One half of the rows grows the tree, the other says how its branches do, so that a part that is
    shown is no accident of the rows that found it (one-sided z test, corrected over the branches).
    After Slice Finder (Chung et al. 2019), with a tree in place of a lattice.

    Args:
        table: Labelled rows, with the columns that a part may be told by, as models take them
            (numbers and texts); leave sensitive ones out.
        y: The true target, of shape (n_rows,).
        predicted: What the model says.
        task: Classification counts errors, regression squares them.
        seed: Of the halves.

    Returns:
        The part; None where there are fewer than 200 rows, no features, or no credible part.
    """
    from scipy.special import ndtri
    from sklearn.tree import DecisionTreeRegressor

    if len(table) < FEWEST_ROWS or table.empty:
        return None
    asked, questions = _questions(table)
    loss = _loss(y, predicted, task)
    finds = np.random.default_rng(seed).permutation(len(table)) % 2 == 0
    fewest = max(_FEWEST_IN_PART, len(table) // 50)
    tree = DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=fewest, random_state=seed)
    tree.fit(asked[finds], loss[finds])
    judged, branches = loss[~finds], tree.decision_path(asked[~finds]).toarray().astype(bool).T[1:]
    sure = [_standard_errors(judged[rows], judged[~rows]) for rows in branches]
    if not sure or max(sure) <= float(ndtri(1 - _SIGNIFICANCE / len(sure))):
        return None
    branch = int(np.argmax(sure))
    inside, outside = judged[branches[branch]], judged[~branches[branch]]
    mean, elsewhere = float(inside.mean()), float(outside.mean())
    return WeakSlice(
        conditions=_path(tree.tree_, branch + 1, questions),
        rows=len(inside),
        loss=mean,
        elsewhere=elsewhere,
        excess=len(inside) * (mean - elsewhere),
        task=task,
    )


def _standard_errors(inside: np.ndarray, outside: np.ndarray) -> float:
    """By how many standard errors the mean loss inside is above that outside."""
    if min(len(inside), len(outside)) < 2:
        return 0.0
    # As if both were alike, which is what is to be refuted: rare errors vary too little in a few.
    variance = np.var(np.r_[inside, outside]) * (1 / len(inside) + 1 / len(outside))
    return float((inside.mean() - outside.mean()) / np.sqrt(variance)) if variance > 0 else 0.0


def _loss(y: np.ndarray, predicted: Predicted, task: Task) -> np.ndarray:
    if task == "classification":
        return np.asarray(predicted.labels != y, dtype=float)
    return np.square(y.astype(float) - predicted.labels.astype(float))


def _questions(table: pd.DataFrame) -> tuple[np.ndarray, list[tuple[str, str | None]]]:
    """Numbers, and a column for each frequent text; of each its name, and the text."""
    columns: list[np.ndarray] = []
    questions: list[tuple[str, str | None]] = []
    for name in table:
        values = table[name]
        if values.dtype.kind == "f":
            middle = values.median() if values.notna().any() else 0.0
            columns.append(values.fillna(middle).to_numpy())
            questions.append((str(name), None))
            continue
        for text in values.value_counts().index[:_MOST_TEXTS]:
            columns.append((values == text).to_numpy(dtype=float))
            questions.append((str(name), str(text)))
    return np.column_stack(columns).astype(float), questions


def _path(tree: Any, node_id: int, questions: list[tuple[str, str | None]]) -> str:
    """The conditions from the root to a node."""
    above: dict[int, tuple[int, bool]] = {}
    for node in range(tree.node_count):
        for child, right in ((tree.children_left[node], False), (tree.children_right[node], True)):
            if child >= 0:
                above[int(child)] = (node, right)
    conditions: list[str] = []
    while node_id in above:
        node_id, right = above[node_id]
        name, text = questions[tree.feature[node_id]]
        if text is None:
            conditions.append(f"{name} {'>' if right else '<='} {tree.threshold[node_id]:.4g}")
        else:
            conditions.append(f"{name} is {'' if right else 'not '}{text}")
    return " and ".join(reversed(conditions))
