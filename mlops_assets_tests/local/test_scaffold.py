"""`dg scaffold defs mlops_assets.ModelLifecycle churn`, as Dagster calls it."""

import click
import pytest
import yaml
from dagster.components.component_scaffolding import scaffold_object

TYPE = "mlops_assets.ModelLifecycle"


def scaffolded(folder, params="{}", form="yaml"):
    scaffold_object(folder, TYPE, params, form, None)
    return yaml.safe_load((folder / "defs.yaml").read_text("utf-8"))


def test_it_is_the_commented_template_named_as_its_folder(tmp_path):
    made = scaffolded(tmp_path / "churn")
    assert made["type"] == TYPE
    assert made["attributes"]["name"] == "churn"
    assert "# yaml-language-server: $schema=" in (tmp_path / "churn" / "defs.yaml").read_text()


def test_it_can_be_an_example(tmp_path):
    made = scaffolded(tmp_path / "quality", '{"from": "wine"}')
    assert made["attributes"]["name"] == "quality"
    assert made["attributes"]["columns"] == {"target": "cultivar"}


@pytest.mark.parametrize(
    ("name", "params", "form", "said"),
    [
        ("Churn!", "{}", "yaml", "such as churn"),
        ("churn", '{"from": "beer"}', "yaml", "There is no example 'beer'. Use one of: breast"),
        ("churn", "{}", "python", "leave --format out"),
    ],
)
def test_what_cannot_be_made_is_told_and_leaves_nothing(tmp_path, name, params, form, said):
    with pytest.raises(click.ClickException, match=said):
        scaffolded(tmp_path / name, params, form)
    assert not list(tmp_path.rglob("defs.yaml"))
