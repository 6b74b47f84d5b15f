"""Whether a stored model is loaded by the versions of libraries that it was made with."""

import re
from importlib.metadata import version

from mlops_assets.errors import UserError

# How much of a version must be the same. scikit-learn promises nothing for a stored model between
# two of its minor versions: measured, under 1.9 eleven kinds of 1.4 do not load, and under 1.6
# AdaBoost predicts something else without a word.
_SAME = {"scikit-learn": 2, "lightgbm": 1}


class OtherVersionsError(UserError):
    """A stored model was made with other libraries than are here; nothing of it was loaded."""


def refuse_other_versions(requirements: str, what: str) -> None:
    """Make sure that a model's libraries are those that it was made with, as far as that matters.

    Args:
        requirements: The ``requirements.txt`` that is stored with it; empty: none is.
        what: Which model it is, for messages, such as "Version 3 of 'iris'".

    Raises:
        OtherVersionsError: They are others.
    """
    kept = dict(re.findall(r"^([\w.-]+)==([\w.]+)\s*$", requirements, re.MULTILINE))
    here = {name: version(name) for name in _SAME if name in kept}
    other = [name for name in here if _beginning(name, kept[name]) != _beginning(name, here[name])]
    if other:
        told = " and ".join(f"{name} {kept[name]} ({here[name]} is here)" for name in other)
        needs = " ".join(f'"{name}=={kept[name]}"' for name in other)
        raise OtherVersionsError(
            f"{what[:1].upper()}{what[1:]} was made with {told}. Between these a stored model may "
            "not load, or predict something else without a word, so nothing was loaded. Install "
            f"what it was made with: pip install {needs}. Or start the model anew, with new state "
            "(MLOPS_HOME) or another name."
        )


def _beginning(name: str, number: str) -> list[str]:
    return number.split(".")[: _SAME[name]]
