"""Code of the user's own, which the YAML names by its module and its name."""

import importlib
from typing import Any

from mlops_assets.errors import UserError

PATH = r"^[A-Za-z_][\w.]*:\w+$"


def imported(path: str, what: str, field: str) -> Any:
    """What ``my_package.my_module:name`` is.

    Args:
        path: Module and name.
        what: What it is, for messages, such as "metric".
        field: The field of the YAML that names it.

    Raises:
        UserError: There is no such module, or nothing of that name in it.
    """
    module, _, name = path.partition(":")
    where = f"Correct `{field}`, or install its package where this code location runs."
    try:
        found = getattr(importlib.import_module(module), name, None)
    except Exception as error:  # whatever its own code raises
        raise UserError(f"The {what} {path} cannot be imported ({error}). {where}") from error
    if found is None:
        raise UserError(f"The module {module} of the {what} {path} has no {name!r}. {where}")
    return found


def place(error: Exception) -> str:
    """The line that an error comes from."""
    trace = error.__traceback__
    assert trace is not None
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
