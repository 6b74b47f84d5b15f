import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from mlops_assets.definitions import defs

ROOT = Path(__file__).parent.parent
HEAVY = ("pycaret", "evidently", "mlflow", "dagster_mlflow", "skops", "lightgbm")


@pytest.fixture(scope="module")
def loaded() -> dg.Definitions:
    return defs()


def test_loading_the_definitions_imports_none_of_the_heavy_libraries(tmp_path):
    code = (
        "import json, sys\n"
        "from mlops_assets.definitions import defs\n"
        "defs().get_repository_def()\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)},
    )
    imported = json.loads(ran.stdout.splitlines()[-1])
    assert [name for name in HEAVY if name in imported] == []
    assert list(tmp_path.iterdir()) == [], "loading wrote something"


def test_the_workspace_file_names_these_definitions():
    (entry,) = yaml.safe_load((ROOT / "workspace.yaml").read_text("utf-8"))["load_from"]
    module = entry["python_module"]
    assert module["module_name"] == "mlops_assets.definitions"
    assert module["location_name"] == "mlops_assets"


def test_dagster_loads_the_code_location_through_the_workspace_file(monkeypatch):
    from dagster._core.workspace.load import location_origins_from_yaml_paths

    monkeypatch.chdir(ROOT)
    (origin,) = location_origins_from_yaml_paths([str(ROOT / "workspace.yaml")])
    assert origin.location_name == "mlops_assets"
    assert origin.loadable_target_origin.module_name == "mlops_assets.definitions"
    ran = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


# name: deps, kinds, daily, pool, checks. Every change of the graph has to be made here as well.
GRAPH = {
    "baseline_data": ([], ["pandas", "parquet"], False, None, ["target"]),
    "baseline_model": (
        ["baseline_data"],
        ["mlflow", "scikitlearn"],
        False,
        "iris_retrain",
        ["credible"],
    ),
    "drifted_batch": ([], ["pandas", "parquet"], True, "iris_daily", ["contract"]),
    "predictions": (
        ["baseline_model", "drifted_batch"],
        ["mlflow", "parquet"],
        True,
        "iris_daily",
        [],
    ),
    "drift_report": (
        ["baseline_data", "baseline_model", "drifted_batch"],
        ["pandas", "report"],
        True,
        "iris_daily",
        ["estimated_score", "production_is_best", "verdict"],
    ),
    "augmented_dataset": (
        ["baseline_data", "drift_report"],
        ["pandas", "parquet"],
        True,
        "iris_retrain",
        [],
    ),
    "candidate_model": (
        ["augmented_dataset"],
        ["mlflow", "scikitlearn"],
        True,
        "iris_retrain",
        [],
    ),
    "production_model": (
        ["baseline_model", "candidate_model"],
        ["mlflow", "scikitlearn"],
        True,
        "iris_retrain",
        ["gate"],
    ),
}


def test_the_asset_graph_is_the_one_of_the_design(loaded):
    graph = loaded.resolve_asset_graph()
    found = {}
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert key.path[0] == "iris"
        checks = sorted(check.name for check in graph.get_check_keys_for_assets({key}))
        found[key.path[1]] = (
            sorted(parent.path[1] for parent in node.parent_keys),
            sorted(node.kinds),
            node.partitions_def is not None,
            next(iter(node.pools), None),
            checks,
        )
    assert found == GRAPH


def test_every_asset_says_what_it_is_and_whose(loaded):
    for spec in loaded.resolve_all_asset_specs():
        assert spec.group_name == "iris"
        assert list(spec.owners) == ["team:ml-platform"]
        assert spec.description
        assert spec.code_version


def test_days_are_utc_days_from_the_start_date_on(loaded):
    graph = loaded.resolve_asset_graph()
    for name, (_, _, daily, _, _) in GRAPH.items():
        partitions = graph.get(dg.AssetKey(["iris", name])).partitions_def
        if daily:
            assert isinstance(partitions, dg.DailyPartitionsDefinition)
            assert partitions.get_first_partition_key() == "2026-01-01"
            assert partitions.timezone == "UTC"


def test_only_the_baseline_materializes_by_itself(loaded):
    automatic = {
        spec.key.path[1]
        for spec in loaded.resolve_all_asset_specs()
        if spec.automation_condition is not None
    }
    assert automatic == {"baseline_data", "baseline_model"}


def test_only_the_contract_check_keeps_what_follows_from_running(loaded):
    graph = loaded.resolve_asset_graph()
    blocking = {key.name: graph.get(key).blocking for key in graph.asset_check_keys}
    assert blocking == {
        "target": False,
        "credible": False,
        "contract": True,
        "verdict": False,
        "production_is_best": False,
        "estimated_score": False,
        "gate": False,
    }


def test_there_is_a_job_for_everything_that_a_person_does(loaded):
    names = {job.name for job in loaded.get_repository_def().get_all_jobs()}
    assert {"iris_daily", "iris_retrain", "iris_rollback", "iris_approve"} <= names
    assert "iris_accept_day" in names


def test_every_run_is_one_process(loaded):
    for job in loaded.get_repository_def().get_all_jobs():
        assert job.executor_def.name == "in_process", job.name
