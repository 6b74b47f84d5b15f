"""The error of a source, and how an address is shown in it."""

import re

from mlops_assets.errors import UserError


class SourceError(UserError):
    """A source cannot be read, and asking again later will not help by itself."""


class NoRowsError(SourceError):
    """A table for all rows has none, or is not there."""


def shown(url: str) -> str:
    """The address without the user and password that it may hold."""
    return re.sub(r"//[^/@]*@", "//***@", url)
