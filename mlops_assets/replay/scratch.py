"""Files of a replay that is under way: whole or not there, whatever is interrupted."""

import os
import pickle
from pathlib import Path
from typing import Any


def keep(path: Path, value: Any) -> None:
    """Keep a value in a file, which is written aside and renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    aside.write_bytes(pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL))
    aside.replace(path)


def take(path: Path) -> Any:
    """The value that was kept.

    These files are made by the same command in a folder of its own under ``MLOPS_HOME``, and are
    deleted when it ends: nothing else is ever read this way.
    """
    return pickle.loads(path.read_bytes())  # noqa: S301
