"""How a metric is written: in the YAML as a text or a mapping, everywhere else as one text."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from mlops_assets.errors import UserError

WRITTEN = {
    "precision_at": "precision_at: 0.1",
    "recall_at": "recall_at: 0.1",
    "expected_cost": "expected_cost: {fp: 1, fn: 20}",
    "pinball": "pinball: 0.9",
    "function": "function: my_package.my_module:profit",
}
"""The metrics that have parameters, as they are written under `metric:`."""

_PATH = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"
_TEXT = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:\((.*)\))?\s*", re.DOTALL)
_WAYS = {"higher is better": True, "lower is better": False}


@dataclass(frozen=True)
class Asked:
    """A metric as it is asked for; ``greater_is_better`` is False for such a function alone."""

    name: str
    parameters: tuple[Any, ...] = ()
    greater_is_better: bool = True

    def __str__(self) -> str:
        """The one text that it is known by, such as ``precision_at(0.1)``."""
        if self.name == "expected_cost":
            said = [
                f"{key}={_shown(cost)}" for key, cost in zip(_COSTS, self.parameters, strict=True)
            ]
        else:
            said = [_shown(value) for value in self.parameters]
        if not self.greater_is_better:
            said.append("lower is better")
        return f"{self.name}({', '.join(said)})" if said else self.name


def asked(written: Any) -> Asked:
    """The metric that a text or a mapping asks for.

    Of a name that is not known, what stands behind it is kept as it is: which metrics there are
    depends on the task.

    Raises:
        UserError: It is neither, or its parameters are wrong.
    """
    if isinstance(written, str) and (found := _TEXT.fullmatch(written)):
        name, said = found.groups()
        return _asked(name, None if said is None else _parts(name, said), {})
    if isinstance(written, Mapping) and len(names := [k for k in written if k not in _BESIDE]) == 1:
        beside = {key: written[key] for key in _BESIDE if key in written}
        return _asked(str(names[0]), written[names[0]], beside)
    raise UserError(
        f"A metric is its name, such as `roc_auc`, or a name with what belongs to it, such as "
        f"`{{{WRITTEN['precision_at']}}}` or `{{{WRITTEN['expected_cost']}}}`; not {written!r}."
    )


def _canonical(written: Any) -> str:
    try:
        return str(asked(written))
    except UserError as error:  # pydantic adds the file, line and field to a ValueError only
        raise ValueError(str(error)) from None


def _asked(name: str, given: Any, beside: dict[str, Any]) -> Asked:
    if name == "function":
        return _function(given, beside)
    if beside:
        raise UserError(
            f"`greater_is_better` is for a `function` only: which way {name} is better is known."
        )
    if name in _PARAMETERS:
        return Asked(name, _PARAMETERS[name](name, given))
    return Asked(name, () if given is None else (given,))


def _share(name: str, given: Any) -> tuple[float, ...]:
    what = "the quantile that is predicted" if name == "pinball" else "the top share of the rows"
    if not _is_number(given) or not 0 < given < 1:
        raise UserError(
            f"{name} needs {what}, above 0 and below 1, as in `{WRITTEN[name]}`; {_not(given)}."
        )
    return (float(given),)


def _quantile(name: str, given: Any) -> tuple[float, ...]:
    return _share(name, 0.5 if given is None else given)


def _costs(name: str, given: Any) -> tuple[float, ...]:
    costs = dict(given) if isinstance(given, Mapping) else {}
    right = set(costs) == set(_COSTS) and all(map(_is_number, costs.values()))
    if not right or min(costs.values()) < 0 or max(costs.values()) == 0:
        raise UserError(
            f"{name} needs what a false positive (fp) and a false negative (fn) cost, both 0 or "
            f"more and not both 0, as in `{WRITTEN[name]}`; {_not(given)}."
        )
    return tuple(float(costs[key]) for key in _COSTS)


def _function(given: Any, beside: dict[str, Any]) -> Asked:
    if isinstance(given, tuple):  # as it is written in the one text
        given, beside = given[0], {"greater_is_better": _WAYS.get(given[1], given[1])}
    if not isinstance(given, str) or not re.fullmatch(_PATH, given):
        raise UserError(
            "A `function` is named by its module and its name, as in "
            f"`{WRITTEN['function']}`; {_not(given)}."
        )
    better = beside.get("greater_is_better", True)
    if not isinstance(better, bool):
        raise UserError(
            f"`greater_is_better` of {given} is true or false, in one text `{given}, lower is "
            f"better` or nothing; not {better!r}."
        )
    return Asked("function", (given,), better)


def _parts(name: str, said: str) -> Any:
    """What stands between the parentheses of a text, as it would stand in a mapping."""
    parts = [part.strip() for part in said.split(",")]
    if name == "function":
        return parts[0] if len(parts) == 1 else (parts[0], ", ".join(parts[1:]))
    if name == "expected_cost":
        pairs = [part.partition("=") for part in parts]
        return {key.strip(): _number(value.strip()) for key, _, value in pairs}
    return _number(said.strip())


def _not(given: Any) -> str:
    return "there is nothing behind it" if given is None else f"not {given!r}"


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shown(value: Any) -> str:
    whole = _is_number(value) and float(value).is_integer() and abs(value) < 1e15
    return str(int(value)) if whole else str(value)


_BESIDE = ("greater_is_better",)
_COSTS = ("fp", "fn")
_PARAMETERS: dict[str, Callable[[str, Any], tuple[float, ...]]] = {
    "precision_at": _share,
    "recall_at": _share,
    "expected_cost": _costs,
    "pinball": _quantile,
}

_A_SHARE = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
_A_COST = {"type": "number", "minimum": 0}


def _mapping(name: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: value, **more},
        "required": [name],
        "additionalProperties": False,
    }


_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        _mapping("precision_at", _A_SHARE),
        _mapping("recall_at", _A_SHARE),
        _mapping(
            "expected_cost",
            {
                "type": "object",
                "properties": dict.fromkeys(_COSTS, _A_COST),
                "required": list(_COSTS),
                "additionalProperties": False,
            },
        ),
        _mapping("pinball", _A_SHARE),
        _mapping(
            "function",
            {"type": "string", "pattern": f"^{_PATH}$"},
            greater_is_better={"type": "boolean", "default": True},
        ),
    ]
}

MetricName = Annotated[str, BeforeValidator(_canonical), WithJsonSchema(_SCHEMA)]
"""A field of the YAML that names a metric: the one text of what is written there."""
