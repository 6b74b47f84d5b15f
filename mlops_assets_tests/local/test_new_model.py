import datetime as dt
import re

import pytest
import yaml

from mlops_assets import settings
from mlops_assets.cli import main
from mlops_assets.errors import UserError
from mlops_assets.local.new_model import new_model
from mlops_assets.model_files import check_model_files
from mlops_assets.scaffold import EXAMPLES, TEMPLATE
from mlops_assets.spec import ModelSpec

READY = sorted(p.parent.name for p in EXAMPLES.glob("*/defs.yaml") if p.parent.name != TEMPLATE)


def spec_of(path) -> ModelSpec:
    return ModelSpec.model_validate(yaml.safe_load(path.read_text("utf-8"))["attributes"])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "defs").mkdir()
    return tmp_path / "defs"


def test_a_new_model_is_a_file_that_loads_as_it_is(folder):
    path = new_model("churn", folder=folder)
    assert path == folder / "churn" / "defs.yaml"
    check_model_files(folder)
    spec = spec_of(path)
    assert spec.name == "churn"
    assert "churn" in spec.batches.url
    assert "my_model" not in path.read_text("utf-8")


def test_what_is_written_out_is_what_holds_without_it(folder):
    """The file shows defaults; a default that changes has to change there as well."""
    written = spec_of(new_model("churn", folder=folder))
    bare = written.model_dump(include={"name", "columns", "baseline", "batches", "start_date"})
    default = ModelSpec.model_validate(bare)
    assert written.gate == default.gate
    assert written.drift == default.drift
    assert written.training.model_copy(update={"budget_minutes": None}) == default.training
    assert written.contract == default.contract


def test_every_commented_line_can_be_switched_on(folder):
    path = new_model("churn", folder=folder)
    text = path.read_text("utf-8")
    switched_on = re.sub(
        r"^(\s+)# (?=(id|timestamp|sensitive|ignore|labels): )", r"\1", text, flags=re.M
    )
    switched_on = re.sub(
        r"^  # (?=(contract:|  min_rows:|  columns:|    age:))", "  ", switched_on, flags=re.M
    )
    path.write_text(switched_on)
    spec = spec_of(path)
    assert spec.columns.sensitive == ["age"]
    assert spec.labels is not None
    assert spec.contract.columns["age"].maximum == 120


def test_the_first_day_of_a_new_model_is_one_that_has_ended(folder):
    yesterday = dt.datetime.now(tz=dt.UTC).date() - dt.timedelta(days=1)
    assert spec_of(new_model("churn", folder=folder)).start_date == str(yesterday)


@pytest.mark.parametrize("example", READY)
def test_an_example_is_copied_under_the_new_name(folder, example):
    path = new_model("mine", example, folder)
    spec = spec_of(path)
    original = yaml.safe_load((EXAMPLES / example / "defs.yaml").read_text("utf-8"))["attributes"]
    assert spec == ModelSpec.model_validate(original | {"name": "mine"})


def test_the_examples_are_two_binary_ones_a_multiclass_one_and_a_regression():
    assert READY == ["breast_cancer", "diabetes", "flights", "wine"]


def test_the_file_points_at_the_schema(folder):
    first = new_model("churn", folder=folder).read_text("utf-8").splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert (folder / "churn" / schema).is_file()
    iris = settings.CHECKOUT / "mlops_assets" / "defs" / "iris" / "defs.yaml"
    relative = iris.read_text("utf-8").splitlines()[0].rpartition("=")[2]
    assert (iris.parent / relative).resolve() == (folder / "churn" / schema).resolve()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "The model needs a name: make new-model NAME=churn."),
        ("Churn-Rate 2", "such as churn_rate_2"),
        ("2fast", "beginning with a letter"),
        ("../iris", "such as iris"),
        ("a" * 64, "at most 63"),
        ("größe", "lower-case letters"),
    ],
)
def test_a_bad_name_is_refused_with_what_is_a_good_one(folder, name, message):
    with pytest.raises(UserError, match=re.escape(message)):
        new_model(name, folder=folder)
    assert list(folder.iterdir()) == []


def test_a_taken_name_is_refused_and_the_file_stays_as_it_is(folder):
    path = new_model("churn", folder=folder)
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"churn is taken: .*defs/churn is there already"):
        new_model("churn", "wine", folder)
    assert path.read_bytes() == before


def test_a_name_that_a_model_in_another_folder_has_is_refused(folder):
    new_model("churn", folder=folder).parent.rename(folder / "customers")
    with pytest.raises(UserError, match=r"churn is taken: .*customers/defs.yaml"):
        new_model("churn", folder=folder)


def test_an_unknown_example_is_refused_with_those_that_there_are(folder):
    message = "There is no example 'titanic'. Use one of: breast_cancer, diabetes, flights, wine."
    with pytest.raises(UserError, match=re.escape(message)):
        new_model("churn", "titanic", folder)


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        new_model("churn", folder=tmp_path / "nowhere")


def test_an_installed_package_asks_for_the_projects_folder(monkeypatch):
    monkeypatch.setattr(settings, "in_checkout", lambda: False)
    with pytest.raises(UserError, match="--defs my_project/defs"):
        new_model("churn")


def test_the_command_says_what_it_wrote(folder, capsys):
    assert main(["new-model", "churn", "--from", "wine", "--defs", str(folder)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{folder / 'churn' / 'defs.yaml'} is the new model. Say in it what")
    assert "reload its definitions" in said


def test_the_command_refuses_with_a_message_and_exit_code_1(folder, capsys):
    assert main(["new-model", "", "--defs", str(folder)]) == 1
    assert "The model needs a name" in capsys.readouterr().err
