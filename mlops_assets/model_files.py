"""The models' YAML files: everything that is wrong with them at once, and their schema."""

import difflib
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mlops_assets.errors import UserError
from mlops_assets.own_code import PATH
from mlops_assets.spec import NAME, OWNER, ModelSpec

TYPE = "mlops_assets.ModelLifecycle"
_PATTERNS = {
    NAME: "take lower-case letters, digits and underscores, beginning with a letter, at most 63",
    OWNER: "write an e-mail address or `team:<name>`",
    PATH: "name it by its module and its name, as in `my_package.my_module:name`",
}


# libyaml's parser is ten times as fast; it may be missing from a PyYAML without binaries.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # pyright: ignore[reportGeneralTypeIssues]
    """A safe loader that says where a date is that does not exist."""


def _date(loader: Any, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError as error:
        problem = f"{node.value} is no date, {error}"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _date)


def check_model_files(folder: Path) -> None:
    """Look at every ``defs.yaml`` below ``folder``.

    Dagster stops at the first mistake and tells of it amid a stack trace. Files of components
    other than ``ModelLifecycle`` are left to Dagster.

    Raises:
        UserError: With every problem of every file: file, line, field, and what is wrong.
    """
    problems: list[str] = []
    names: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("defs.yaml")):
        problems += _problems(path, names)
    for name, paths in names.items():
        if len(paths) > 1:
            where = " and ".join(map(str, paths))
            problems.append(f"{where}: attributes.name: {name!r} is the name of each. Change one.")
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        head = f"No model was loaded, because of {count} in the models' files:"
        raise UserError("\n".join([head, *(f"- {problem}" for problem in problems)]))


def find_specs(folder: Path) -> dict[str, ModelSpec]:
    """The models of every ``defs.yaml`` below ``folder``, by name.

    Raises:
        UserError: With every problem of every file.
    """
    check_model_files(folder)
    found: dict[str, ModelSpec] = {}
    for path in sorted(folder.rglob("defs.yaml")):
        for _, document in _parsed(path.read_text(encoding="utf-8")):
            if isinstance(document, dict) and document.get("type") == TYPE:
                spec = ModelSpec.model_validate(document.get("attributes"))
                found[spec.name] = spec
    return found


def schema() -> str:
    """The JSON schema of a model's ``defs.yaml``, for editors."""
    attributes = ModelSpec.model_json_schema()
    definitions = attributes.pop("$defs")
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A model of mlops_assets",
        "type": "object",
        "required": ["type", "attributes"],
        "properties": {
            "type": {"const": TYPE, "description": "Which component this file is for."},
            "attributes": attributes,
        },
        # What else Dagster takes in the file of a component.
        "patternProperties": {"^(requirements|post_processing|template_vars_module)$": {}},
        "additionalProperties": False,
        "$defs": definitions,
    }
    return json.dumps(whole, indent=1) + "\n"


def spec_of(name: str, folder: Path) -> ModelSpec:
    """The model ``name``, as its ``defs.yaml`` below ``folder`` describes it.

    Raises:
        UserError: There is none of that name: it names those that there are. Or a file is wrong.
    """
    specs = find_specs(folder)
    if name not in specs:
        there = f"There are: {', '.join(sorted(specs))}." if specs else "There is none."
        raise UserError(f"There is no model {name!r} in {folder}. {there}")
    return specs[name]


def _problems(path: Path, names: dict[str, list[Path]]) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8")
        documents = _parsed(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        yield f"{path}{line}: this is not YAML: {error.problem}."
        return
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        yield f"{path}: this cannot be read as YAML: {error}."
        return
    if not documents or documents[0][1] is None:
        yield f"{path}: the file is empty. Describe a model in it, or delete its folder."
    for node, document in documents:
        if isinstance(document, dict):
            yield from _document_problems(path, node, document, names)


def _parsed(text: str) -> list[tuple[yaml.Node, Any]]:
    """The documents of a file: as nodes, which know their lines, and as values."""
    loader = _Loader(text)
    try:
        documents = []
        while loader.check_node():
            node = loader.get_node()
            documents.append((node, loader.construct_document(node)))
        return documents
    finally:
        loader.dispose()


def _document_problems(
    path: Path, node: yaml.Node, document: dict[str, Any], names: dict[str, list[Path]]
) -> Iterator[str]:
    kind = document.get("type")
    if kind != TYPE:
        if kind is None or difflib.get_close_matches(str(kind), [TYPE], cutoff=0.8):
            yield f"{path}:{_line(node, ('type',))}: type: {kind!r} is no component. Use {TYPE}."
        return
    for line, key in _twice(node):
        yield f"{path}:{line}: {key}: the field is given twice. Remove one."
    try:
        spec = ModelSpec.model_validate(document.get("attributes") or {})
    except ValidationError as error:
        for one in error.errors(include_url=False):
            yield _told(path, node, one)
    else:
        names[spec.name].append(path)


def _told(path: Path, node: yaml.Node, error: Any) -> str:
    """One of pydantic's errors: file, line, field, what is wrong."""
    tag = ("kind",) if error["type"] == "union_tag_invalid" else ()
    location = _given(node, ("attributes", *error["loc"], *tag))
    field = ".".join(map(str, location))
    return f"{path}:{_line(node, location)}: {field}: {_what(error, str(location[-1]))}"


def _what(error: Any, name: str) -> str:
    if error["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name, _field_names(), n=1)
        hint = f" Did you mean `{close[0]}`?" if close else ""
        return f"there is no such field.{hint}"
    if error["type"] == "missing":
        return "the field is missing."
    if error["type"] == "union_tag_invalid":
        return f"{error['ctx']['tag']!r} is not one of {error['ctx']['expected_tags']}."
    if error["type"] == "string_pattern_mismatch":
        return f"{_PATTERNS.get(error['ctx']['pattern'], error['msg'])}, not {error['input']!r}."
    message = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    given = error["input"]
    shown = f", not {given!r}" if isinstance(given, str | int | float | bool) else ""
    return f"{message}{'' if error['type'] == 'value_error' else shown}."


def _field_names() -> list[str]:
    definitions = ModelSpec.model_json_schema()["$defs"].values()
    nested = {name for one in definitions for name in one.get("properties", ())}
    return sorted(nested | set(ModelSpec.model_fields))


def _given(node: yaml.Node, location: tuple[Any, ...]) -> tuple[Any, ...]:
    """A location as it stands in the file: without the tags that pydantic adds for unions."""
    found = []
    current: yaml.Node | None = node
    for place, key in enumerate(location):
        child = _child(current, key)
        if child is not None or place == len(location) - 1:
            found.append(key)
            current = child[1] if child else None
    return tuple(found)


def _line(node: yaml.Node, location: tuple[Any, ...]) -> int:
    """The line of a field, or of the nearest thing around it that is there."""
    line = node.start_mark.line
    current: yaml.Node | None = node
    for key in location:
        child = _child(current, key)
        if child is None:
            break
        line, current = child[0].start_mark.line, child[1]
    return line + 1


def _child(node: yaml.Node | None, key: Any) -> tuple[yaml.Node, yaml.Node] | None:
    """The node of a key (or of a list's element) and the node of its value."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return name, value
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key], node.value[key]
    return None


def _twice(node: yaml.Node) -> Iterator[tuple[int, str]]:
    """Keys that a mapping has twice: YAML takes the last one without a word."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.start_mark.line + 1, key.value
            seen.add(str(key.value))
            yield from _twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _twice(value)
