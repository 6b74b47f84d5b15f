"""What a person should know of a target before a model of it is trusted."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.metrics import Metric, Task
from mlops_assets.training.policy import RARE

FEW = 10  # rows of a class in the holdout: fewer say next to nothing
_FEWEST_HELD = 30  # rows of the holdout
_MANY_CLASSES = 50
_SHOWN = 3  # classes that a sentence each is said of
_MOSTLY_ONE = 0.8  # of the rows of a regression, with the same value
# Of all squared deviation from the mean, what a hundredth of the rows has: of a normal
# distribution 0.1, of a lognormal one with σ 0.5, 1 and 1.5 about 0.2, 0.5 and 0.75.
_FAR_OUT, _FAR_OUT_ROWS = 0.5, 0.01
_SQUARES = ("rmse", "r2")


@dataclass(frozen=True)
class Doubt:
    """What makes a model worth less than it seems, or may.

    Attributes:
        says: What was seen, with its numbers, and what to do; sentences.
        warns: Whether a person should look at it; else it is only noted.
    """

    says: str
    warns: bool = True


def noted(doubts: Iterable[Doubt]) -> list[str]:
    """What is said by all of them."""
    return [doubt.says for doubt in doubts]


def warned(doubts: Iterable[Doubt]) -> list[str]:
    """What is said by those that a person should look at."""
    return [doubt.says for doubt in doubts if doubt.warns]


def doubts_of_target(
    target: pd.Series,
    holdout: np.ndarray,
    ranks: Metric,
    judges: Metric,
    *,
    named: bool,
    hidden: bool,
) -> tuple[Doubt, ...]:
    """What can be seen of a target without a model: whether it can be learned, and judged.

    Args:
        target: The labels of the baseline, all known; at least one.
        holdout: Which of its rows are held out, a mask.
        ranks: What the algorithms will be ranked by.
        judges: What the gate and the drift report judge by.
        named: Whether the YAML names the latter.
        hidden: Whether no value of the target may be shown.
    """
    doubts = [*_small_holdout(holdout)]
    if judges.task == "regression":
        return (*doubts, *_of_numbers(target, judges, hidden=hidden))
    doubts += _looks_like_a_number(target)
    doubts += _imbalance(target, ranks, judges, named=named, hidden=hidden)
    return (*doubts, *map(Doubt, rare_classes(target, holdout, judges.task, hidden=hidden)))


def _small_holdout(holdout: np.ndarray) -> Iterator[Doubt]:
    held = int(holdout.sum())
    if held < _FEWEST_HELD:
        yield Doubt(
            f"The holdout has {held} of {len(holdout)} rows: a score on so few is hardly one. "
            "More rows in the baseline help, or a larger `split.holdout_share`."
        )


def _looks_like_a_number(target: pd.Series) -> Iterator[Doubt]:
    classes = target.nunique()
    if classes > _MANY_CLASSES and pd.api.types.is_numeric_dtype(target.dtype):
        yield Doubt(
            f"The target has {classes} different numbers in {len(target)} rows, and each counts "
            "as a class of its own. If it is an amount or a count, set `task: regression`."
        )


def _imbalance(
    target: pd.Series, ranks: Metric, judges: Metric, *, named: bool, hidden: bool
) -> Iterator[Doubt]:
    """That one class has nearly all rows; a warning where nobody has decided what that means."""
    counts = target.value_counts()
    others = 1 - int(counts.iloc[0]) / len(target)
    if others >= RARE:
        return
    most = "the most frequent one (hidden)" if hidden else repr(_plain(counts.index[0]))
    told = (
        f"The target is imbalanced: {int(counts.iloc[0])} of {len(target)} rows are of one class, "
        f"{most}. Who says that of every row is right in {1 - others:.1%}, and finds none of the "
        f"other {others:.1%}."
    )
    if judges.name == "accuracy":
        yield Doubt(f"{told} `accuracy` hardly sees these: name another `metric`. {_WAYS}")
    elif named:
        yield Doubt(f"{told} It is judged by {judges.name}, as the YAML says.", warns=False)
    else:
        yield Doubt(
            f"{told} The YAML names no `metric`: the algorithms are ranked by {ranks.name}, and "
            f"the gate and the drift report judge by {judges.name}. Name what is acted on. {_WAYS}"
        )


_WAYS = (
    "`roc_auc` or `average_precision` where rows are ranked, `{recall_at: 0.1}` where the top of "
    "the list is worked through, `{expected_cost: {fp: 1, fn: 20}}` where it is known what a "
    "false alarm and a miss cost, `f1_macro` where labels are acted on."
)


def rare_classes(
    target: pd.Series, holdout: np.ndarray, task: Task, *, hidden: bool = False
) -> tuple[str, ...]:
    """Of which classes the holdout has so few rows that little can be judged; a sentence each.

    Of many classes the rarest ones, and one more sentence that counts the others.

    Args:
        target: The labels of the baseline.
        holdout: Which of its rows are held out, a mask.
        task: Of a regression there are none.
        hidden: Whether no class may be named.
    """
    if task != "classification":
        return ()
    counts: dict[Any, int] = target.value_counts().to_dict()
    held: dict[Any, int] = target[holdout].value_counts().to_dict()
    few = [(rows, held.get(each, 0), each) for each, rows in counts.items()]
    few = sorted((one for one in few if one[1] < FEW), key=lambda one: one[:2])
    told = [
        f"{'A class (hidden)' if hidden else repr(_plain(each))} has {rows} of {len(target)} "
        f"rows, {held_rows} of them in the holdout: with one row more or less of it "
        f"recognised, a mean over the {len(counts)} classes moves by "
        f"{1 / max(1, held_rows) / len(counts):.2f}. Whether a candidate is better at it "
        f"can hardly be told before some {FEW} such rows of a regime have their labels; drift, and "
        "the other classes, are judged as ever. More rows of it in the baseline help."
        for rows, held_rows, each in few[:_SHOWN]
    ]
    if more := few[_SHOWN:]:
        told.append(
            f"{len(more)} more of the {len(counts)} classes have fewer than {FEW} rows in the "
            "holdout as well. Classes that are alike can be joined into one."
        )
    return tuple(told)


def _of_numbers(target: pd.Series, judges: Metric, *, hidden: bool) -> Iterator[Doubt]:
    values = target.to_numpy(float)
    counts = pd.Series(values).value_counts()
    if len(counts) == 2:
        yield Doubt(
            f"The target has 2 different values in {len(values)} rows. If they stand for yes and "
            "no, set `task: classification`: then there are probabilities, and a threshold."
        )
        return
    most = int(counts.iloc[0])
    if most > _MOSTLY_ONE * len(values):
        shown = "one value (hidden)" if hidden else f"{counts.index[0]:g}"
        yield Doubt(
            f"The target is {shown} in {most} of {len(values)} rows, so that a model may say just "
            "that and have a small error. Whether it is this value may be the better question: a "
            "model with `task: classification`, and one of the amount on the other rows."
        )
    elif judges.name in _SQUARES and (share := _held_by_few(values)) > _FAR_OUT:
        rows = max(1, round(_FAR_OUT_ROWS * len(values)))
        yield Doubt(
            f"{rows} of {len(values)} rows have {share:.0%} of the target's squared deviation: "
            f"{judges.name} is mostly a matter of these. `metric: mae` counts each row by its "
            "error, and a logarithm of the target makes a model of ratios.",
            warns=False,
        )


def _held_by_few(values: np.ndarray) -> float:
    """What share of the squared deviation the farthest hundredth of the rows has."""
    squares = np.sort((values - values.mean()) ** 2)[::-1]
    rows = max(1, round(_FAR_OUT_ROWS * len(values)))
    whole = float(squares.sum())
    return float(squares[:rows].sum()) / whole if whole > 0 else 0.0


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
