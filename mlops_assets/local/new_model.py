"""A new model: its commented ``defs.yaml``, from a template or from a ready example."""

import datetime as dt
import os
import re
import shlex
from pathlib import Path

from mlops_assets.errors import UserError
from mlops_assets.local.defs_folder import defs_folder
from mlops_assets.model_files import check_model_files
from mlops_assets.spec import NAME

PACKAGE = Path(__file__).resolve().parent.parent
EXAMPLES = PACKAGE / "examples"
TEMPLATE = "template"


def new_model(name: str, example: str | None = None, folder: Path | None = None) -> Path:
    """Write ``<folder>/<name>/defs.yaml``.

    Args:
        name: The model's name.
        example: Which ready example to copy; None is the commented template over CSV files.
        folder: The project's ``defs`` folder; None is this checkout's.

    Returns:
        The file.

    Raises:
        UserError: The name is none, or is taken; there is no such example; the folder is unknown,
            is none, or cannot be written.
    """
    folder = defs_folder(folder, "new-model NAME")
    _refuse_bad_name(name)
    target = folder / name / "defs.yaml"
    if target.parent.exists():
        raise UserError(f"{name} is taken: {target.parent} is there already. Choose another name.")
    for other in folder.rglob("defs.yaml"):
        if re.search(rf"^  name: [\"']?{name}[\"']?\s*$", other.read_text("utf-8"), re.MULTILINE):
            raise UserError(f"{name} is taken: {other} is a model of this name. Choose another.")
    text = _example(example or TEMPLATE, name)
    pointer = f"# yaml-language-server: $schema={_schema_from(target.parent)}\n"
    try:
        target.parent.mkdir(parents=True)
        target.write_text(pointer + text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror}.") from error
    check_model_files(target.parent)
    return target


def _refuse_bad_name(name: str) -> None:
    if not name:
        raise UserError("The model needs a name: make new-model NAME=churn.")
    if not re.fullmatch(NAME, name):
        suggested = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:63]
        hint = f", such as {suggested}" if re.fullmatch(NAME, suggested) else ""
        raise UserError(
            f"{shlex.quote(name)} cannot be a model's name: take lower-case letters, digits and "
            f"underscores, beginning with a letter, at most 63{hint}."
        )


def _example(example: str, name: str) -> str:
    """The YAML of an example, with the model's name in place of its own."""
    ready = sorted(path.parent.name for path in EXAMPLES.glob("*/defs.yaml"))
    if example not in ready:
        raise UserError(
            f"There is no example {example!r}. Use one of: "
            f"{', '.join(one for one in ready if one != TEMPLATE)}."
        )
    text = (EXAMPLES / example / "defs.yaml").read_text(encoding="utf-8")
    if example == TEMPLATE:
        yesterday = dt.datetime.now(tz=dt.UTC).date() - dt.timedelta(days=1)
        return text.replace("2026-01-01", str(yesterday)).replace("my_model", name)
    return re.sub(rf"^  name: {example}$", f"  name: {name}", text, flags=re.MULTILINE)


def _schema_from(folder: Path) -> str:
    """The way to the schema: relative within a checkout, which may be elsewhere tomorrow."""
    path = PACKAGE / "schema.json"
    if folder.is_relative_to(PACKAGE):
        return os.path.relpath(path, folder)
    return str(path)
