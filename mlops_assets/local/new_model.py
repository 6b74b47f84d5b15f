"""A new model: its commented ``defs.yaml``, from a template or from a ready example."""

import re
from pathlib import Path

from mlops_assets.errors import UserError
from mlops_assets.local.defs_folder import defs_folder
from mlops_assets.model_files import check_model_files
from mlops_assets.scaffold import model_yaml


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
    target = folder / name / "defs.yaml"
    text = model_yaml(name, example, target.parent)
    if target.parent.exists():
        raise UserError(f"{name} is taken: {target.parent} is there already. Choose another name.")
    for other in folder.rglob("defs.yaml"):
        if re.search(rf"^  name: [\"']?{name}[\"']?\s*$", other.read_text("utf-8"), re.MULTILINE):
            raise UserError(f"{name} is taken: {other} is a model of this name. Choose another.")
    try:
        target.parent.mkdir(parents=True)
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror}.") from error
    check_model_files(target.parent)
    return target
