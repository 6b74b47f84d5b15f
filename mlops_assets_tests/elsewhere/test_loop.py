"""From the wheel, in an environment of its own, in a project that `create-dagster` has made.

What a team does that has another Python and newer (or the oldest) libraries: it installs the
wheel, scaffolds a model, checks it, and lives six days by `dg launch`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_assets.settings import CHECKOUT

DAYS = [f"2026-01-0{day}" for day in range(1, 7)]
ENVIRONMENTS = [("3.13", "highest"), ("3.12", "highest"), ("3.12", "lowest-direct")]
TELL = """
import json
from mlops_assets.lifecycle.journal import Journal
from mlops_assets.resources.store import STORE
journal = Journal(STORE, "churn")
print("SAID" + json.dumps({
    "retrain": [one.partition for one in journal.reports() if one.retrain],
    "reports": [one.partition for one in journal.reports()],
    "decisions": {one.partition: one.decision for one in journal.decisions()},
}))
"""


def uv(*arguments) -> str:
    """`uv`, as `make` has put it beside the environment."""
    own = Path(sys.executable).parent.parent / "uv" / "bin" / "uv"
    command = [str(own) if own.exists() else "uv", *map(str, arguments)]
    environment = {**os.environ, "PATH": os.pathsep.join(_with_pyenv(os.environ["PATH"]))}
    done = subprocess.run(
        command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _with_pyenv(path: str) -> list[str]:
    """The folders of programs, with the Pythons of pyenv in place of its shims, which may fail."""
    pythons = sorted(Path.home().glob(".pyenv/versions/*/bin"), reverse=True)
    return [one for one in path.split(os.pathsep) if "shims" not in one] + list(map(str, pythons))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module", params=ENVIRONMENTS, ids="-".join)
def python(request, wheel, tmp_path_factory) -> Path:
    """An environment with the wheel, and what a developer of a Dagster project has beside it."""
    version, resolution = request.param
    folder = tmp_path_factory.mktemp("environment")
    try:
        uv("venv", "--quiet", "--no-python-downloads", "--python", version, folder / "venv")
    except AssertionError as error:
        if version in os.environ.get("MLOPS_REQUIRE_PYTHONS", "").split():
            raise
        pytest.skip(f"no Python {version} here: {str(error).splitlines()[0]}")
    python = folder / "venv" / "bin" / "python"
    tools, needs = folder / "tools.in", folder / "requirements.txt"
    tools.write_text("dagster-dg-cli>=1.12.22,<2\ncreate-dagster>=1.12.22,<2\n")
    uv(
        *("pip", "compile", "--quiet", "pyproject.toml", tools, "--output-file", needs),
        *("--resolution", resolution, "--python", python),
    )
    uv("pip", "install", "--quiet", "--python", python, "--requirement", needs)
    uv("pip", "install", "--quiet", "--python", python, "--no-deps", wheel)
    return python


class Project:
    """A Dagster project, and commands in its environment."""

    def __init__(self, python: Path, folder: Path):
        self.bin, self.folder = python.parent, folder
        self.environment = {
            "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin",
            "VIRTUAL_ENV": str(self.bin.parent),
            "HOME": str(folder),
            "PYTHONPATH": "src",
            "DAGSTER_HOME": str(folder / "dagster"),
            "MLOPS_HOME": str(folder / "state"),
            "DO_NOT_TRACK": "true",
        }
        (folder / "dagster").mkdir()
        (folder / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        self.run("create-dagster", "project", "cellar", "--no-uv-sync")
        self.folder = folder / "cellar"

    def run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(self.bin / program), *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, said[-4000:]
        return said

    def live(self, day: str) -> None:
        """A day, and the retraining that its report asks for, as the sensor would."""
        self.run("dg", "launch", "--job", "churn_daily", "--partition", day)
        if day in self.told()["retrain"]:
            self.run("dg", "launch", "--job", "churn_retrain", "--partition", day)

    def told(self) -> dict:
        """What the journal tells."""
        said = self.run("python", "-W", "ignore", "-c", TELL)
        return json.loads(said.split("SAID")[1])


@pytest.fixture(scope="module")
def project(python, tmp_path_factory) -> Project:
    made = Project(python, tmp_path_factory.mktemp("project"))
    made.run("dg", "scaffold", "defs", "mlops_assets.ModelLifecycle", "churn", "--from", "wine")
    return made


@pytest.mark.elsewhere
@pytest.mark.timeout(3600)
class TestElsewhere:
    def test_dagsters_own_tools_know_the_model(self, project):
        assert "YAML validated" in project.run("dg", "check", "yaml")
        assert "definitions loaded" in project.run("dg", "check", "defs")
        listed = project.run("dg", "list", "defs")
        assert "churn_daily" in listed
        inspected = project.run(
            *("dg", "utils", "inspect-component", "mlops_assets.ModelLifecycle")
        )
        assert "start_date" in inspected

    def test_six_days_are_lived_by_dg_launch(self, project):
        first = 'key:"churn/baseline_data" or key:"churn/baseline_model"'
        project.run("dg", "launch", "--assets", first)
        for day in DAYS:
            project.live(day)
        told = project.told()
        assert told["reports"] == DAYS
        # As the example tells: no drift; drift, retrained and promoted; drift, but known; and again
        # on the third day of that regime, when there is more to learn of it.
        assert told["retrain"] == [DAYS[1], DAYS[4]]
        assert set(told["decisions"]) == set(told["retrain"])
        assert told["decisions"][DAYS[1]] == "promoted"
