import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

import mlops_assets
from mlops_assets.component import ModelLifecycle
from mlops_assets.errors import UserError
from mlops_assets.model_files import TYPE, check_model_files, schema, spec_of

PACKAGE = Path(mlops_assets.__file__).parent
FILES = sorted([*PACKAGE.glob("defs/*/defs.yaml"), *PACKAGE.glob("examples/*/defs.yaml")])
IRIS = (PACKAGE / "defs" / "iris" / "defs.yaml").read_text("utf-8")


@pytest.fixture
def folder(tmp_path):
    for name in ("churn", "fraud"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "defs.yaml").write_text(IRIS.replace("name: iris", f"name: {name}"))
    return tmp_path


def broken(folder: Path, before: str, after: str) -> tuple[str, int]:
    """Change the model fraud's file; gives the file and the line of the first change."""
    path = folder / "fraud" / "defs.yaml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    return str(path), text[: text.index(before)].count("\n") + 1


def said(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        check_model_files(folder)
    return str(caught.value)


def test_a_date_that_does_not_exist_is_told_with_its_line(folder):
    path, line = broken(folder, 'start_date: "2026-01-01"', "start_date: 2026-13-01")
    assert f"{path}:{line}: " in said(folder)
    assert "2026-13-01 is no date, month must be in 1..12" in said(folder)


def test_files_that_are_right_are_silent(folder):
    check_model_files(folder)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "task: class",
            "tsk: class",
            "attributes.tsk: there is no such field. Did you mean `task`?",
        ),
        (
            "task: classification",
            "task: clasification",
            "attributes.task: Input should be 'classification' or 'regression', not "
            "'clasification'.",
        ),
        (
            "rows: 300",
            "rows: many",
            "attributes.batches.rows: Input should be a valid integer, unable to parse string as "
            "an integer, not 'many'.",
        ),
        (
            "rows: 300",
            "rows: 0",
            "attributes.batches.rows: Input should be greater than or equal to 1, not 0.",
        ),
        (
            "kind: synthetic",
            "kind: syntetic",
            "attributes.batches.kind: 'syntetic' is not one of 'parquet', 'delta', 'csv', 'sql', "
            "'sklearn', 'synthetic', 'python'.",
        ),
        (
            '"team:ml-platform"',
            '"ml-platform"',
            "attributes.owners.0: write an e-mail address or `team:<name>`, not 'ml-platform'.",
        ),
        (
            'start_date: "2026-01-01"\n  batches',
            "start_date: 2999-01-01\n  batches",
            "attributes.start_date: 2999-01-01 is in the future (today is {today} UTC), so there "
            "would be no day to check; give the first day that has a batch.",
        ),
        (
            "task: classification",
            "training: {metric: rmse}",
            "attributes.training: There is no metric 'rmse' for classification. Use one of: "
            "f1_macro, accuracy, balanced_accuracy, precision_macro, recall_macro, roc_auc, "
            "average_precision, log_loss, brier, f1, precision_at: 0.1, recall_at: 0.1, "
            "expected_cost: {fp: 1, fn: 20}, function: my_package.my_module:profit.",
        ),
        (
            "task: classification",
            "metric: {precision_at: 10}",
            "attributes.metric: precision_at needs the top share of the rows, above 0 and below 1, "
            "as in `precision_at: 0.1`; not 10.",
        ),
        (
            "mlops_assets.ModelLifecycle",
            "mlops_assets.ModelLifeCycle",
            "type: 'mlops_assets.ModelLifeCycle' is no component. Use mlops_assets.ModelLifecycle.",
        ),
        (
            "task: classification",
            "task: classification\n  task: regression",
            "task: the field is given twice. Remove one.",
        ),
        ("task: classification", "task: [classification", "this is not YAML: "),
        ("  task: classification", "\ttask: classification", "this is not YAML: "),
    ],
)
def test_a_mistake_is_told_with_file_line_and_field(folder, before, after, message):
    path, line = broken(folder, before, after)
    told = said(folder)
    today = re.search(r"today is (\S+)", told)
    expected = message.format(today=today[1]) if today else message
    shown = re.search(rf"^- {re.escape(path)}:(\d+): {re.escape(expected)}", told, re.MULTILINE)
    assert shown, told
    after_line = line + (1 if "twice" in message or "not YAML" in message else 0)
    assert int(shown[1]) in (line, after_line)
    assert told.startswith("No model was loaded, because of 1 problem in the models' files:")
    assert "churn" not in told


@pytest.mark.parametrize("field", ["name", "columns", "baseline", "batches", "start_date"])
def test_a_field_that_is_needed_is_told_missing(folder, field):
    path = folder / "fraud" / "defs.yaml"
    document = yaml.safe_load(path.read_text())
    del document["attributes"][field]
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    assert f"{path}:2: attributes.{field}: the field is missing." in said(folder)


def test_every_problem_of_every_file_is_told_at_once(folder):
    broken(folder, "rows: 300", "rows: -1")
    broken(folder, "seed: 1074", "sed: 1074")
    (folder / "churn" / "defs.yaml").write_text("")
    told = said(folder)
    assert told.splitlines()[0].startswith("No model was loaded, because of 3 problems")
    assert f"{folder}/churn/defs.yaml: the file is empty." in told
    assert "attributes.batches.sed: there is no such field. Did you mean `seed`?" in told


def test_two_models_of_one_name_are_told_with_both_files(folder):
    broken(folder, "name: fraud", "name: churn")
    one, other = (str(folder / name / "defs.yaml") for name in ("churn", "fraud"))
    assert f"{one} and {other}: attributes.name: 'churn' is the name of each" in said(folder)


def test_a_file_that_is_no_text_is_told(folder):
    (folder / "fraud" / "defs.yaml").write_bytes(b"\xff\xfe\x00")
    assert f"{folder}/fraud/defs.yaml: this cannot be read as YAML" in said(folder)


def test_components_of_others_are_left_to_dagster(folder):
    (folder / "fraud" / "defs.yaml").write_text("type: dagster_dbt.DbtProjectComponent\n")
    check_model_files(folder)


def test_a_model_is_found_by_its_name(folder):
    assert spec_of("fraud", folder).name == "fraud"


def test_an_unknown_model_is_told_with_those_that_there_are(folder, tmp_path):
    with pytest.raises(UserError, match=r"no model 'iris' in .*\. There are: churn, fraud\."):
        spec_of("iris", folder)
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match="There is none"):
        spec_of("iris", tmp_path / "none")


def test_no_model_is_taken_from_files_of_which_one_is_wrong(folder):
    broken(folder, "task: class", "tsk: class")
    with pytest.raises(UserError, match="Did you mean `task`"):
        spec_of("churn", folder)


def test_the_code_location_refuses_to_load_and_says_why(tmp_path):
    """As Dagster does it, with the message as the last thing that it prints."""
    root = tmp_path / "elsewhere"
    package = root / "mlops_assets"
    package.mkdir(parents=True)
    for entry in PACKAGE.iterdir():
        if entry.name != "defs":
            (package / entry.name).symlink_to(entry)
    (root / "pyproject.toml").symlink_to(PACKAGE.parent / "pyproject.toml")
    (package / "definitions.py").unlink()
    (package / "definitions.py").write_text((PACKAGE / "definitions.py").read_text("utf-8"))
    (package / "defs" / "iris").mkdir(parents=True)
    (package / "defs" / "iris" / "defs.yaml").write_text(IRIS.replace("rows: 300", "rows: none"))
    ran = subprocess.run(
        [sys.executable, "-c", "from mlops_assets.definitions import defs; defs()"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    last = ran.stderr.rstrip().splitlines()[-2:]
    assert last[0].endswith("No model was loaded, because of 1 problem in the models' files:")
    assert re.match(rf"- {root}/mlops_assets/defs/iris/defs.yaml:\d+: attributes.batches", last[1])


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(PACKAGE)) for path in FILES])
def test_every_file_that_is_here_is_right_by_the_schema_as_well(path):
    jsonschema.validate(yaml.safe_load(path.read_text("utf-8")), json.loads(schema()))


def test_the_schema_refuses_what_the_component_refuses():
    wrong = yaml.safe_load(IRIS.replace("rows: 300", "rows: many"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, json.loads(schema()))


def test_the_schema_of_the_repository_is_the_one_of_the_code():
    kept = (PACKAGE / "schema.json").read_text("utf-8")
    assert kept == schema(), "run `make schema`"


def test_the_type_is_the_components_name():
    module, name = TYPE.split(".")
    assert getattr(__import__(module), name) is ModelLifecycle
