"""A YAML that is wrong is told with its file, line and field; one that is right is a model."""

import sys
from collections.abc import Callable, Iterator

import dagster as dg
import pytest

YAML = """\
type: mlops_assets.ModelLifecycle
attributes:
  name: churn
  columns: {target: species}
  baseline: {kind: sklearn, dataset: iris}
  start_date: "2026-01-01"
  batches:
    kind: parquet
    url: incoming/{date}.parquet
"""
PROJECT = """\
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "shop"
"""


@pytest.fixture
def load(tmp_path, monkeypatch) -> Iterator[Callable[..., dg.Definitions]]:
    """Loads a project of somebody's own, whose defs folder has these YAML files."""

    def make(*texts: str) -> dg.Definitions:
        (tmp_path / "pyproject.toml").write_text(PROJECT, "utf-8")
        for number, text in enumerate(texts):
            folder = tmp_path / "shop" / "defs" / f"model{number}"
            folder.mkdir(parents=True)
            (folder / "defs.yaml").write_text(text, "utf-8")
        (tmp_path / "shop" / "__init__.py").touch()
        monkeypatch.syspath_prepend(tmp_path)
        defs = dg.load_from_defs_folder(path_within_project=tmp_path / "shop")
        defs.get_repository_def()
        return defs

    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


def told(error: BaseException) -> str:
    """All that Dagster shows: the error and what caused it."""
    texts = []
    cause: BaseException | None = error
    while cause:
        texts.append(str(cause))
        cause = cause.__cause__
    return "\n".join(texts)


def test_one_file_makes_the_eight_assets_of_a_model(load):
    keys = {spec.key.to_user_string() for spec in load(YAML).resolve_all_asset_specs()}
    assert keys == {
        f"churn/{name}"
        for name in (
            "baseline_data",
            "baseline_model",
            "drifted_batch",
            "predictions",
            "drift_report",
            "augmented_dataset",
            "candidate_model",
            "production_model",
        )
    }


def test_two_models_live_in_one_project(load):
    defs = load(YAML, YAML.replace("name: churn", "name: fraud"))
    groups = {spec.group_name for spec in defs.resolve_all_asset_specs()}
    assert groups == {"churn", "fraud"}
    jobs = {job.name for job in defs.get_repository_def().get_all_jobs()}
    assert {"churn_daily", "churn_retrain", "fraud_daily", "fraud_retrain"} <= jobs


def test_a_date_may_be_written_without_quotes(load):
    assert load(YAML.replace('"2026-01-01"', "2026-01-01"))


# what is wrong: the changed or added line, its number, its field, what is said
WRONG = {
    "a key that does not exist": ("  gates: {}", 10, "attributes.gates", "not permitted"),
    "a typo below": (
        "  gate: {confidenc: 0.9}",
        10,
        "attributes.gate.confidenc",
        "not permitted",
    ),
    "a word for a number": (
        "  training: {folds: many}",
        10,
        "attributes.training.folds",
        "valid integer",
    ),
    "a number out of bounds": (
        "  gate: {confidence: 1.5}",
        10,
        "attributes.gate.confidence",
        "less than 1",
    ),
    "a metric that does not exist": (
        "  gate: {metric: f1_marco}",
        10,
        "attributes.gate",
        "There is no metric 'f1_marco' for classification. Use one of: f1_macro, accuracy",
    ),
    "a metric of another task": (
        "  training: {metric: rmse}",
        10,
        "attributes.training",
        "There is no metric 'rmse' for classification",
    ),
    "a start in the future": (
        '  start_date: "2126-01-01"',
        6,
        "attributes.start_date",
        "2126-01-01 is in the future",
    ),
    "a start that is no day": (
        '  start_date: "yesterday"',
        6,
        "attributes.start_date",
        "'yesterday' is not a day; write it as YYYY-MM-DD",
    ),
    "a name that MLflow or Dagster refuse": (
        "  name: My-Churn",
        3,
        "attributes.name",
        "should match pattern",
    ),
    "a source that does not exist": (
        "  baseline: {kind: excel, url: a.xls}",
        5,
        "attributes.baseline",
        "'parquet', 'delta', 'csv', 'sql', 'sklearn', 'synthetic', 'python'",
    ),
    "a table that scikit-learn does not have": (
        "  baseline: {kind: sklearn, dataset: titanic}",
        5,
        "attributes.baseline.sklearn.dataset",
        "'iris', 'wine', 'breast_cancer' or 'diabetes'",
    ),
    "a task that does not exist": (
        "  task: ranking",
        10,
        "attributes.task",
        "'classification' or 'regression'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_with_its_file_line_and_field(load, case, tmp_path):
    line, number, field, said = WRONG[case]
    lines = YAML.splitlines()
    lines[number - 1 : number] = [line]
    with pytest.raises(Exception, match="Error while loading") as caught:
        load("\n".join(lines) + "\n")
    message = told(caught.value)
    file = tmp_path / "shop" / "defs" / "model0" / "defs.yaml"
    assert f"{field} at {file}:{number}" in message
    assert said in message


def test_what_is_missing_is_named(load):
    with pytest.raises(Exception, match="Error while loading") as caught:
        load(YAML.replace("  columns: {target: species}\n", ""))
    message = told(caught.value)
    assert "attributes.columns at" in message
    assert "Field required" in message


def test_an_owner_that_is_neither_a_person_nor_a_team_is_named(load):
    with pytest.raises(Exception, match="Error while") as caught:
        load(YAML + "  owners: [nobody]\n")
    assert "nobody" in told(caught.value)
    assert "team:" in told(caught.value)


def test_two_models_of_one_name_are_refused(load):
    with pytest.raises(dg.DagsterInvalidDefinitionError, match="churn"):
        load(YAML, YAML)
