"""Where the models of this checkout, or of the project that uses the package, are."""

from pathlib import Path

from mlops_assets import settings
from mlops_assets.errors import UserError


def defs_folder(given: Path | None, command: str) -> Path:
    """The folder below which every model has its ``defs.yaml``.

    Args:
        given: What ``--defs`` says; None is this checkout's.
        command: The command that asks, for messages.

    Raises:
        UserError: It is no folder; or none was given, and this is no checkout.
    """
    if given is None:
        if not settings.in_checkout():
            raise UserError(
                f"Say where the models of your project are: mlops-assets {command} --defs "
                "my_project/defs."
            )
        return settings.CHECKOUT / "mlops_assets" / "defs"
    if not given.is_dir():
        raise UserError(f"{given} is not a folder. Give the `defs` folder of your project.")
    return given.absolute()
