"""What the README says about a model of one's own, followed word by word.

What a run of ``make up`` does is done in this process: its servers are tested in ``e2e``.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from pydantic import TypeAdapter

from mlops_assets.data.sources import Source
from mlops_assets.model_files import check_model_files
from mlops_assets.scaffold import EXAMPLES
from mlops_assets.settings import CHECKOUT
from mlops_assets.spec import ModelSpec
from mlops_assets_tests.examples import Loop
from mlops_assets_tests.models.customers import (
    BASELINE,
    BATCHES,
    DAYS,
    QUICK,
    lives_through_two_days,
)

README = (CHECKOUT / "README.md").read_text("utf-8")


def section(title: str) -> str:
    return README.partition(f"## {title}")[2].partition("\n## ")[0]


SECTION = section("Your model in ten minutes")
REPLAY = section("Replay your own last year")


def block(language: str, text: str = SECTION) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A checkout of one's own, with the environment of this one."""
    here = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "mlops_assets", here / "mlops_assets", ignore=ignored)
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(CHECKOUT / name, here)
    (here / ".venv").mkdir()
    for part in ("bin", "lib", "uv", "pyvenv.cfg"):  # whole, so that make fetches nothing
        (here / ".venv" / part).symlink_to(Path(sys.prefix) / part)
    (here / ".venv" / ".runtime").touch()
    return here


@pytest.fixture
def incoming(checkout) -> Path:
    """The files that the section speaks of."""
    folder = checkout / "incoming" / "churn"
    folder.mkdir(parents=True)
    ages = (BASELINE.index % 60 + 20).to_numpy()
    BASELINE.assign(age=ages).to_csv(folder / "baseline.csv", index=False)
    for day, batch in BATCHES.items():
        batch.assign(age=ages).to_csv(folder / f"{day}.csv", index=False)
    return folder


def test_the_section_leads_to_a_model_that_keeps_itself_right(checkout, incoming):
    named = re.findall(r"`(incoming/[^`]+)`", SECTION)
    assert all((checkout / name).is_file() for name in named)
    (command,) = block("console").splitlines()
    subprocess.run(["/bin/sh", "-c", command], cwd=checkout, check=True)
    (path,) = re.findall(r"That writes `([^`]+)`", SECTION)
    defs = checkout / path
    check_model_files(checkout / "mlops_assets" / "defs")  # it loads as it was written
    defs.write_text(block("yaml"), encoding="utf-8")
    check_model_files(checkout / "mlops_assets" / "defs")
    attributes = yaml.safe_load(defs.read_text("utf-8"))["attributes"]
    spec = ModelSpec.model_validate(attributes | {"training": QUICK})
    home = checkout.parent / "home"
    home.with_name("home-cwd").symlink_to(checkout)  # started in the checkout, as `make up` is
    with dg.DagsterInstance.ephemeral() as instance:
        loop = Loop(home, instance, spec)
        lives_through_two_days(loop)
        late = loop.daily("2026-01-03")
        assert late.success
        assert late.materialized == []


def test_its_history_is_replayed(checkout, incoming, tmp_path):
    described = yaml.safe_load(block("yaml"))
    described["attributes"]["training"] = QUICK
    defs = checkout / "mlops_assets" / "defs" / "churn" / "defs.yaml"
    defs.parent.mkdir()
    defs.write_text(yaml.safe_dump(described), encoding="utf-8")
    environment = {**os.environ, "MLOPS_HOME": str(tmp_path / "home")}
    for command in block("console", REPLAY).splitlines():
        subprocess.run(["/bin/sh", "-c", command], cwd=checkout, env=environment, check=True)
    first, second = sorted((tmp_path / "home" / "replays" / "churn").iterdir())
    policies = {one["name"] for one in replayed(first)["policies"]}
    assert policies == {"as configured", "never", "every 7", "every 28"}
    with_variants = {one["name"] for one in replayed(second)["policies"]}
    assert with_variants == policies | {"drift.regime_growth=2", "gate.confidence=0.9"}
    assert [*replayed(first)["policies"][0]["scores"]] == list(DAYS)


def replayed(folder: Path) -> dict:
    assert (folder / "index.html").is_file()
    return json.loads((folder / "replay.json").read_text("utf-8"))


def test_the_sources_of_the_table_are_sources():
    rows = re.findall(r"^\| .* \| `(\{.*\})` \|$", SECTION, re.MULTILINE)
    kinds = [TypeAdapter(Source).validate_python(yaml.safe_load(row)).kind for row in rows]
    assert kinds == ["parquet", "parquet", "delta", "sql", "python"]


def test_the_examples_that_are_named_are_there():
    names = re.findall(r"FROM=(\w+)|`(breast_cancer|diabetes)`", SECTION)
    assert {first or second for first, second in names} == {"wine", "breast_cancer", "diabetes"}
    assert all((EXAMPLES / (first or second) / "defs.yaml").is_file() for first, second in names)


def test_the_days_of_the_section_are_those_of_the_data():
    assert yaml.safe_load(block("yaml"))["attributes"]["start_date"] == DAYS[0]
