"""Tables made ready, for comparing or for splitting, kept while they may be needed again."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar


class Ready(Protocol):
    """A table that was made ready."""

    @property
    def cells(self) -> int:
        """Rows times columns that it holds."""
        ...


_Ready = TypeVar("_Ready", bound=Ready)


class Sides:
    """The sides that were used last, by what they are made of.

    A batch is compared with every regime: over a history the same tables are made ready again and
    again, which costs ten times as much as to compare them.

    Args:
        most_cells: Rows times columns that are kept at the most, 24 bytes each; 0 keeps nothing,
            as where each step is a process of its own.
        same_tables: Whether the store gives out the same table each time: then it is known by
            being the same, and nobody has to look at its contents.
    """

    def __init__(self, most_cells: int = 0, *, same_tables: bool = False) -> None:
        self.same_tables = same_tables
        self._most_cells = most_cells
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._cells = 0

    @property
    def keeps(self) -> bool:
        """Whether anything is kept at all."""
        return self._most_cells > 0

    def side(self, key: Hashable, make: Callable[[], _Ready]) -> _Ready:
        """What ``key`` says all about, made unless it is there."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        side = self._kept[key] = make()
        self._cells += side.cells
        while self._cells > self._most_cells:
            self._cells -= self._kept.popitem(last=False)[1].cells
        return side
