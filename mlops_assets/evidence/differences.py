"""What is other now than it was, name by name."""

from collections.abc import Mapping
from typing import Any

_MOST_TOLD = 8


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In words, what is another value now, or is only on one side; at most a handful."""
    told = [
        f"{name}: {_shown(then, name)} then, {_shown(now, name)} now"
        for name in dict.fromkeys([*then, *now])
        if _shown(then, name) != _shown(now, name)
    ]
    more = len(told) - _MOST_TOLD
    return [*told[:_MOST_TOLD], *([f"and {more} more"] if more > 0 else [])]


def _shown(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return "not there"
    value = values[name]
    return "null" if value is None else str(value)
