"""How long the code server takes to start with one model and with fifty: ``make bench-loading``."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from mlops_assets.local.processes import free_port, listening
from mlops_assets.settings import CHECKOUT

MODELS = 50
TIMES = 5


def project_of(models: int, folder: Path) -> Path:
    """A copy of this project in ``folder`` with so many models, each like the demonstration's."""
    package = folder / "mlops_assets"
    ignored = shutil.ignore_patterns("defs", "__pycache__")
    shutil.copytree(CHECKOUT / "mlops_assets", package, ignore=ignored)
    shutil.copy(CHECKOUT / "pyproject.toml", folder)
    text = (CHECKOUT / "mlops_assets" / "defs" / "iris" / "defs.yaml").read_text("utf-8")
    for number in range(models):
        defs = package / "defs" / f"model_{number}" / "defs.yaml"
        defs.parent.mkdir(parents=True)
        defs.write_text(text.replace("name: iris", f"name: model_{number}"), encoding="utf-8")
    return folder


def seconds_to_load(project: Path) -> tuple[float, float]:
    """Seconds, of wall clock and of processor, until a code server has loaded and serves."""
    before, begun, port = os.times(), time.perf_counter(), free_port()
    server = ("-m", "dagster", "api", "grpc", "--module-name", "mlops_assets.definitions")
    with subprocess.Popen(  # noqa: S603 - this Python, this project
        [sys.executable, *server, "--host", "127.0.0.1", "--port", str(port)],
        cwd=project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "DAGSTER_GRPC_SHUTDOWN_GRACE_PERIOD": "0"},
    ) as process:
        while not listening(port):
            if process.poll() is not None:
                raise RuntimeError(f"the code server ended with {process.returncode}")
            time.sleep(0.01)
        wall = time.perf_counter() - begun
        process.kill()
    after = os.times()
    used = after.children_user + after.children_system
    return wall, used - before.children_user - before.children_system


def best_of(project: Path, times: int) -> tuple[float, float]:
    """The smallest figures of several loads, after one that compiles the bytecode."""
    seconds_to_load(project)
    walls, used = zip(*(seconds_to_load(project) for _ in range(times)), strict=True)
    return min(walls), min(used)


def main() -> None:
    """Measures and tells."""
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        found = {
            models: best_of(project_of(models, Path(folder) / str(models)), TIMES)
            for models in (1, MODELS)
        }
    for models, (wall, used) in found.items():
        console.print(f"{models:>3} model(s): {wall:.2f} s, {used:.2f} s of processor")
    wall, used = (many / one for one, many in zip(found[1], found[MODELS], strict=True))
    console.print(f"ratio: {wall:.2f}, of processor time {used:.2f}; the limit is 2")


if __name__ == "__main__":
    main()
