"""The component in another Dagster project, from the wheel."""

import json
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from mlops_assets.settings import CHECKOUT
from mlops_assets_tests.models.customers import BASELINE, BATCHES, DAYS

PROJECT = {
    "pyproject.toml": """
        [project]
        name = "forecasts"
        version = "0"

        [tool.dg]
        directory_type = "project"

        [tool.dg.project]
        root_module = "forecasts"
        """,
    "forecasts/__init__.py": "",
    "forecasts/definitions.py": """
        from pathlib import Path

        import dagster as dg


        @dg.definitions
        def defs():
            return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
        """,
    # Theirs beside ours.
    "forecasts/defs/other.py": """
        import dagster as dg


        @dg.asset
        def something_else():
            pass
        """,
    "forecasts/defs/churn/defs.yaml": """
        type: mlops_assets.ModelLifecycle
        attributes:
          name: churn
          columns: {target: churned, id: [customer]}
          baseline: {kind: csv, url: incoming/baseline.csv, delimiter: ";"}
          batches: {kind: csv, url: "incoming/{date:%Y%m%d}.csv", delimiter: ";"}
          start_date: 2026-01-01
          training: {algorithms: [lr, dt], folds: 2}
        """,
}
# No pools, no run queue: whatever a Dagster instance has by default.
DAGSTER_YAML = "telemetry: {enabled: false}\n"

LIVE = """
import json, sys, warnings
warnings.simplefilter("ignore")
import dagster as dg
import mlops_assets
from dagster.components.core.package_entry import discover_entry_point_package_objects
from forecasts.definitions import defs

usual, drifted = sys.argv[1:]
found = defs()
repository = found.get_repository_def()
said = {"where": mlops_assets.__file__}
said["assets"] = sorted({key.path[0] for key in repository.asset_graph.get_all_asset_keys()})
said["registered"] = [key.to_typename() for key in discover_entry_point_package_objects()]
with dg.DagsterInstance.get() as instance:
    def run(job, **more):
        result = job.execute_in_process(instance=instance, raise_on_error=False, **more)
        assert result.success
        events = result.get_asset_materialization_events()
        return {e.asset_key.path[-1]: e.materialization.metadata for e in events}

    hand_made = found.resolve_implicit_global_asset_job_def()
    keys = [dg.AssetKey(["churn", name]) for name in ("baseline_data", "baseline_model")]
    run(hand_made, asset_selection=keys)
    for day in (usual, drifted):
        report = run(found.resolve_job_def("churn_daily"), partition_key=day)["drift_report"]
        said[day] = report["retrain"].value
    decided = run(found.resolve_job_def("churn_retrain"), partition_key=drifted)
    said["decision"] = decided["production_model"]["decision"].value
print("SAID" + json.dumps(said))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder that holds what installing the wheel puts into ``site-packages``."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    site = folder / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


@pytest.fixture
def project(tmp_path) -> Path:
    for name, text in PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    BASELINE.to_csv(incoming / "baseline.csv", index=False, sep=";")
    for day, batch in BATCHES.items():
        batch.to_csv(incoming / f"{day.replace('-', '')}.csv", index=False, sep=";")
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text(DAGSTER_YAML)
    return tmp_path


def run(project: Path, installed: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(project),
        "PYTHONPATH": f"{installed}:{project}",
        "DAGSTER_HOME": str(project / "dagster"),
        "DO_NOT_TRACK": "true",
    }
    return subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_model_of_another_project_lives_through_its_loop(project, installed):
    ran = run(project, installed, "-c", LIVE, *DAYS)
    assert ran.returncode == 0, ran.stderr[-5000:]
    said = json.loads(ran.stdout.rpartition("SAID")[2])
    assert said["where"].startswith(str(installed))
    assert "mlops_assets.ModelLifecycle" in said["registered"]
    assert said["assets"] == ["churn", "something_else"]  # and no iris
    assert [said[day] for day in DAYS] == [False, True]
    assert said["decision"] == "promoted"
    # All state is where the project was started from, and nothing is in the package.
    assert (project / ".mlops" / "mlflow.db").is_file()
    assert not (installed / ".mlops").exists()
    # And what came of it can be asked for there.
    for command, told in (
        (("explain", "churn", DAYS[1]), f"churn {DAYS[1]}: promoted: version 2"),
        (("reproduce", "churn", "2"), "Version 2 is reproduced exactly."),
    ):
        asked = ("-m", "mlops_assets.cli", *command, "--defs", "forecasts/defs")
        ran = run(project, installed, *asked)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert told in ran.stdout


def test_the_wheel_holds_no_model(installed):
    assert not (installed / "mlops_assets" / "defs").exists()
    assert (installed / "mlops_assets" / "schema.json").is_file()


def test_a_new_model_can_be_written_into_the_other_project(project, installed):
    command = ("-m", "mlops_assets.cli", "new-model", "fraud", "--defs", "forecasts/defs")
    ran = run(project, installed, *command)
    assert ran.returncode == 0, ran.stderr
    written = (project / "forecasts" / "defs" / "fraud" / "defs.yaml").read_text("utf-8")
    assert written.startswith(f"# yaml-language-server: $schema={installed}/mlops_assets/schema.js")
