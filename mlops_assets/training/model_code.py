"""The code that is stored with a version: what reads raw rows for whoever loads it with MLflow."""

import hashlib
import json
import re
from pathlib import Path

# What `serving/pyfunc.py` imports of this package, itself included.
FILES = (
    "data/coerce.py",
    "data/columns.py",
    "data/csv_values.py",
    "data/ids.py",
    "data/notes.py",
    "data/written.py",
    "errors.py",
    "own_code.py",
    "predicted.py",
    "serving/pyfunc.py",
    "serving/table.py",
    "training/features.py",
    "training/own_features.py",
)
_IMPORTS = re.compile(r"^(\s*(?:from|import) )mlops_assets\b", re.MULTILINE)


def write_code(folder: Path) -> tuple[Path, str]:
    """Write the code into a package of its own in ``folder``.

    The package is named after its content, so that a program may load versions of different code,
    and one in whose environment mlops_assets is installed as well.

    Returns:
        The package's folder, and the module that MLflow is to load.
    """
    root = Path(__file__).parents[1]
    sources = {name: (root / name).read_text("utf-8") for name in FILES}
    digest = hashlib.sha256(json.dumps(sources).encode()).hexdigest()
    package = folder / f"mlops_assets_{digest[:12]}"
    for name, text in sources.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for above in (package, path.parent):
            (above / "__init__.py").touch()
        path.write_text(_IMPORTS.sub(rf"\g<1>{package.name}", text), "utf-8")
    return package, f"{package.name}.serving.pyfunc"
