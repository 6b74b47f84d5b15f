"""What a model says of some rows: classes or values and, where it knows them, probabilities."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Interval:
    """How far from the predicted number the true one may be, to either side.

    Attributes:
        level: The share of rows whose true number is to be within.
        half_width: The distance.
    """

    level: float
    half_width: float


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predictions, in the order of the rows; an array of labels to whoever needs no more.

    Attributes:
        labels: The class or value of each row, of shape (n_rows,).
        probabilities: Of each row and class, of shape (n_rows, n_classes), rows add up to 1; None
            where the model knows none, and for regression.
        classes: The classes that the columns of ``probabilities`` are of, of shape (n_classes,).
        interval: Of numbers: what is around each; None where the model knows none.
    """

    labels: np.ndarray
    probabilities: np.ndarray | None = None
    classes: np.ndarray | None = None
    interval: Interval | None = None

    @classmethod
    def of(cls, said: "Predicted | ArrayLike") -> "Predicted":
        """The same; labels alone where that is all that is known."""
        return said if isinstance(said, Predicted) else cls(np.asarray(said))

    @classmethod
    def joined(cls, parts: "list[Predicted]") -> "Predicted":
        """What one model says of several tables, one after the other; at least one."""
        known = [part.probabilities for part in parts if part.probabilities is not None]
        return cls(
            np.concatenate([part.labels for part in parts]),
            np.concatenate(known) if len(known) == len(parts) else None,
            parts[0].classes,
            parts[0].interval,
        )

    def probability(self, of_class: Any) -> np.ndarray | None:
        """The probability of a class, of shape (n_rows,); 0 of one that the model does not know.

        None where no probabilities are known.
        """
        if self.probabilities is None or self.classes is None:
            return None
        place = np.flatnonzero(self.classes == of_class)
        if not len(place):
            return np.zeros(len(self.labels))
        return self.probabilities[:, int(place[0])]

    def columns(self, positive: Any = None, *, hidden: bool = False) -> dict[str, np.ndarray]:
        """What is said, as the columns of a table: wherever someone is answered, the same ones.

        Args:
            positive: The positive class; None: there is none.
            hidden: Whether no class may be named; they are numbered then, in their order.

        Returns:
            Name to an array of shape (n_rows,): ``prediction``; ``probability``, of the positive
            class; ``probability_<class>`` of each, where there are more than two, or none is
            positive. Of numbers with an interval ``lower`` and ``upper``. Else ``prediction``
            alone.
        """
        made = {"prediction": self.labels}
        if self.interval is not None:
            made["lower"] = self.labels - self.interval.half_width
            made["upper"] = self.labels + self.interval.half_width
        if self.probabilities is None or self.classes is None:
            return made
        if positive is not None:
            made["probability"] = self.probability(positive)  # pyright: ignore[reportArgumentType]
        if positive is None or len(self.classes) > 2:
            for place, one in enumerate(self.classes):
                made[f"probability_{place + 1 if hidden else one}"] = self.probabilities[:, place]
        return made

    def sort_keys(self) -> list[np.ndarray]:
        """What tells rows apart, to bring them into an order of their own."""
        if self.probabilities is None:
            return [self.labels.astype(str)]
        return [self.labels.astype(str), *self.probabilities.T]

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    def __iter__(self) -> Iterator[Any]:
        """The labels."""
        return iter(self.labels)

    def __getitem__(self, rows: Any) -> Self:
        """The predictions of some rows: positions, a mask or a slice."""
        known = None if self.probabilities is None else self.probabilities[rows]
        return type(self)(self.labels[rows], known, self.classes, self.interval)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The labels."""
        labels = self.labels if dtype is None else self.labels.astype(dtype)
        return labels.copy() if copy else labels


@dataclass(frozen=True)
class Threshold:
    """The labels of a binary target by the probability of its positive class.

    Attributes:
        positive: The positive class.
        at: A row with this probability, or more, is of it.
    """

    positive: Any
    at: float

    def applied(self, predicted: Predicted) -> Predicted:
        """The same probabilities with the labels that follow from them."""
        probability = predicted.probability(self.positive)
        if probability is None or predicted.classes is None:
            return predicted
        classes = predicted.classes
        yes, no = classes[classes == self.positive], classes[classes != self.positive]
        labels = np.where(probability >= self.at, yes[0], no[0]).astype(classes.dtype)
        return Predicted(labels, predicted.probabilities, classes)
