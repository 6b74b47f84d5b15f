"""How much the classes of a target count in a fit."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from mlops_assets.data.classes import class_text
from mlops_assets.errors import UserError

ClassWeight = Literal["balanced"] | dict[str, float]
_SHOWN = 10


def class_weights(
    asked: ClassWeight | None, target: pd.Series, *, hidden: bool = False
) -> dict[Any, float] | None:
    """The weight of each class of a target, as plain values; None where nothing is asked for.

    Args:
        asked: ``balanced`` (each class weighs as much as any other, all rows 1 on average), or
            some classes as text with their weights; the others weigh 1.
        target: Labels, all known.
        hidden: Whether no value of the target may be shown.

    Raises:
        UserError: The target has no such class.
    """
    if asked is None:
        return None
    counts: dict[Any, int] = target.value_counts().to_dict()
    counts = {each: rows for each, rows in counts.items() if rows}  # of categories, those there
    if isinstance(asked, str):
        return {each: len(target) / len(counts) / rows for each, rows in counts.items()}
    known = {class_text(each): each for each in counts}
    unknown = [name for name in asked if name not in known]
    if unknown:
        has = "" if hidden else f" It has {', '.join(map(repr, list(counts)[:_SHOWN]))}."
        raise UserError(
            f"The target has no class {', '.join(map(repr, unknown))}, which "
            f"`training.class_weight` names.{has} Name some of its {len(counts)} classes, in "
            "quotes where they are texts."
        )
    return {each: float(asked.get(text, 1.0)) for text, each in known.items()}


def told(weights: Mapping[Any, float], *, hidden: bool) -> str:
    """What the classes weigh, and what follows, in words."""
    each = [f"{name!r} {weight:.3g}" for name, weight in list(weights.items())[:_SHOWN]]
    which = "" if hidden else f": {', '.join(each)}{', ...' if len(weights) > _SHOWN else ''}"
    return (
        f"Rows weigh by their class, as `training.class_weight` says{which}. Labels follow these "
        "weights; probabilities are put right, so that they say how frequent a class is."
    )


def usual_threshold(weights: Mapping[Any, float], positive: Any) -> float:
    """From which probability on weighted classes of two have the positive one ahead.

    A row is as likely of either class by weight where the probability times its weight is the same
    on both sides (Elkan 2001); 0.5 for equal weights.
    """
    [other] = [weight for each, weight in weights.items() if each != positive]
    return other / (other + weights[positive])


def in_order(weights: Mapping[Any, float], classes: np.ndarray) -> np.ndarray:
    """The weights in the order of ``classes``."""
    return np.array([weights[each] for each in classes.tolist()])
