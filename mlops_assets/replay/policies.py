"""The policies that live side by side: the model's own, simple ones, and variants."""

import difflib
import re
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from mlops_assets.errors import UserError
from mlops_assets.spec import ModelSpec

CONFIGURED = "as configured"
NEVER = "never"
EVERY = (7, 28)
# What decides which rows there are: with other ones policies could not be told apart.
_ROWS = ("name", "task", "columns", "baseline", "batches", "labels", "start_date", "contract")


@dataclass(frozen=True)
class Policy:
    """One way to keep the model.

    Attributes:
        name: As it is called in the result.
        spec: The model with the policy's settings.
        every: Retrain each so many periods, and use what comes of it; None: not by the calendar.
        loop: Whether the loop decides: the drift report, and the gate.
    """

    name: str
    spec: ModelSpec
    every: int | None = None
    loop: bool = False


def policies(spec: ModelSpec, settings: list[str]) -> list[Policy]:
    """The model's own policy, its variants, and the simple ones.

    Args:
        spec: The model.
        settings: Variants of it, each as ``key.path=value``; several changes of one variant are
            separated by spaces.

    Raises:
        UserError: A setting is none, or is given twice.
    """
    twice = sorted({text for text in settings if settings.count(text) > 1})
    if twice:
        raise UserError(f"--set {twice[0]} is given twice. Give each variant once.")
    return [
        Policy(CONFIGURED, spec, loop=True),
        *(Policy(text, changed(spec, text), loop=True) for text in settings),
        *(Policy(f"every {periods}", spec, every=periods) for periods in EVERY),
        Policy(NEVER, spec),
    ]


def changed(spec: ModelSpec, text: str) -> ModelSpec:
    """The spec with one variant's settings.

    Raises:
        UserError: There is no such setting, its value is not possible, or it decides which rows
            there are.
    """
    dumped = spec.model_dump()
    # A value may have spaces, as in `retrain.every=28 days`.
    for change in re.split(r" +(?=[\w.]+=)", text.strip()):
        key, equals, value = change.partition("=")
        if not equals or not key:
            raise UserError(
                f"--set {text!r} changes nothing. Write it as key.path=value, such as "
                "--set drift.regime_growth=2."
            )
        _set(dumped, key, _parsed(change, value), _keys(spec))
    try:
        return ModelSpec.model_validate(dumped)
    except ValidationError as error:
        said = "; ".join(_told(one) for one in error.errors(include_url=False))
        raise UserError(f"--set {text}: {said}.") from None


def _parsed(change: str, value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise UserError(f"--set {change}: {value!r} is no value as YAML writes it.") from None


def _set(dumped: dict[str, Any], key: str, value: Any, known: list[str]) -> None:
    if key.split(".", maxsplit=1)[0] in _ROWS:
        raise UserError(
            f"--set {key} would change which rows there are, and policies are compared on the same "
            "ones. Change it in the model's defs.yaml and replay that."
        )
    *way, last = key.split(".")
    place: Any = dumped
    for part in way:
        place = place.get(part) if isinstance(place, dict) else None
    free = isinstance(place, dict) and key.startswith("drift.thresholds.")  # named by column
    if not free and (not isinstance(place, dict) or key not in known):
        close = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise UserError(f"--set {key}: there is no such setting.{hint}")
    place[last] = value


def _keys(spec: ModelSpec) -> list[str]:
    """Every setting that a variant may change, as its path."""
    found: list[str] = []

    def walk(value: dict[str, Any], way: str) -> None:
        for name, inner in value.items():
            path = f"{way}{name}"
            found.append(path)
            if isinstance(inner, dict):
                walk(inner, f"{path}.")

    sections = {name: part for name, part in spec.model_dump().items() if name not in _ROWS}
    walk({name: part for name, part in sections.items() if isinstance(part, dict)}, "")
    return [path for path in found if "." in path]


def _told(error: Any) -> str:
    field = ".".join(map(str, error["loc"]))
    return f"{field}: {str(error['msg']).removeprefix('Value error, ')}, not {error['input']!r}"
