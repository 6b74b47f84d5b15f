"""The YAML of a new model, from the commented template or a ready example; for `dg scaffold`."""

import datetime as dt
import os
import re
import shlex
from pathlib import Path

import click
import dagster as dg
from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.errors import UserError
from mlops_assets.spec import NAME

PACKAGE = Path(__file__).resolve().parent
EXAMPLES = PACKAGE / "examples"
TEMPLATE = "template"


class From(BaseModel):
    """What `dg scaffold defs mlops_assets.ModelLifecycle churn` may be told more."""

    model_config = ConfigDict(populate_by_name=True)

    example: str | None = Field(
        default=None,
        alias="from",
        description="A ready example to copy, such as wine; else it is the commented template.",
    )


class ModelScaffolder(dg.Scaffolder[From]):
    """Writes the ``defs.yaml`` of a new model, named as its folder is."""

    @classmethod
    def get_scaffold_params(cls) -> type[From]:
        """Which example it may be from."""
        return From

    def scaffold(self, request: dg.ScaffoldRequest[From]) -> None:
        """Write it."""
        if request.scaffold_format != "yaml" or request.append:
            raise click.ClickException("A model is one defs.yaml of its own: leave --format out.")
        folder = request.target_path
        try:
            text = model_yaml(folder.name, request.params.example, folder)
        except UserError as error:
            if not any(folder.iterdir()):  # made for this a moment ago
                folder.rmdir()
            raise click.ClickException(str(error)) from error
        (folder / "defs.yaml").write_text(text, encoding="utf-8")


def model_yaml(name: str, example: str | None, folder: Path) -> str:
    """The text of the YAML of a new model.

    Args:
        name: The model's name.
        example: Which ready example to copy; None is the commented template over CSV files.
        folder: Where it will be, from where editors find the schema.

    Raises:
        UserError: The name is none, or there is no such example.
    """
    _refuse_bad_name(name)
    pointer = f"# yaml-language-server: $schema={_schema_from(folder)}\n"
    return pointer + _example(example or TEMPLATE, name)


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
