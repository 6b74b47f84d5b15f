"""An algorithm as an engine offers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Algorithm:
    """An algorithm, and how it is set.

    Attributes:
        id: Such as ``lr``; the same in every engine that has it.
        name: For people.
        kind: Its class, with scikit-learn's interface.
        settings: What the class is made with.
        default: Whether it is compared where the YAML names none.
        ranges: What tuning draws other settings from, by name: distributions of SciPy, or
            :class:`Choice`.
    """

    id: str
    name: str
    kind: type
    settings: Mapping[str, Any] = field(default_factory=dict)
    default: bool = True
    ranges: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """One of several values, drawn with putting back: a plain list would be drawn without."""

    values: tuple[Any, ...]

    def rvs(self, random_state: Any) -> Any:
        """One of them, as scikit-learn's ``ParameterSampler`` asks for it."""
        return self.values[random_state.randint(len(self.values))]


Catalogue = dict[str, Algorithm]
