"""`mlops-assets reproduce`, with the real search, on versions that the loop has made."""

import shutil
import sqlite3
from contextlib import closing

import pandas as pd
import pytest
import yaml

from mlops_assets.cli import main
from mlops_assets.model_files import TYPE
from mlops_assets_tests.examples import QUICK, iris_yaml

DAY = "2026-01-02"


@pytest.fixture
def defs(tmp_path):
    """The demo's model with a quick search, in a project of one's own."""
    path = tmp_path / "defs" / "iris" / "defs.yaml"
    path.parent.mkdir(parents=True)
    attributes = iris_yaml() | {"training": QUICK}
    path.write_text(yaml.safe_dump({"type": TYPE, "attributes": attributes}), "utf-8")
    return path.parent.parent


@pytest.fixture
def reproduced(defs, capsys):
    """The exit code of the command on a loop's home, and what it prints."""

    def run(loop, number):
        with loop.environment():
            code = main(["reproduce", "iris", str(number), "--defs", str(defs)])
        return code, capsys.readouterr().out

    return run


def everything(home):
    """All that is stored: tables, records, models, and what MLflow knows."""
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        known = list(database.iterdump())
    kept = [path for folder in ("data", "mlartifacts") for path in (home / folder).rglob("*")]
    files = {str(path): path.read_bytes() for path in kept if path.is_file()}
    return known, files


@pytest.mark.parametrize(
    ("number", "rows"),
    [
        (1, "105 that it learned from, 45 that it is judged on"),
        (2, "465 that it learned from, 120 that it is judged on"),
    ],
)
def test_a_version_is_reproduced_exactly_and_nothing_is_written(
    demo_days, reproduced, number, rows
):
    before = everything(demo_days.home)
    code, said = reproduced(demo_days, number)
    assert code == 0, said
    assert f"rows         same     {rows}" in said
    assert "parameters   same" in said
    assert "scores       same     3 algorithms by 5 metrics" in said
    assert "predictions  same" in said
    assert f"Version {number} is reproduced exactly." in said
    assert everything(demo_days.home) == before


def test_a_changed_row_is_named(fork, reproduced):
    loop = fork()
    path = loop.home / "data" / "iris" / "drifted_batch" / f"{DAY}.parquet"
    table = pd.read_parquet(path)
    judged = [row for row in table.index if not _learned(loop, table.loc[row])]
    table.loc[judged[3], "petal_width"] = 9.5
    table.to_parquet(path, index=False)
    code, said = reproduced(loop, 2)
    assert code == 1
    assert f"drifted_batch of {DAY}: row {judged[3]} of 300 was changed" in said
    assert "predictions  same     119 evaluation rows that are left of 120" in said
    assert "Version 2 is not reproduced exactly." in said


def _learned(loop, row):
    learned = loop.store.read("iris", "augmented_dataset", DAY)[row.index]
    return (learned == row).all(axis=1).any()


def test_where_what_it_learned_from_is_lost_it_says_so_at_once(fork, reproduced):
    loop = fork()
    shutil.rmtree(loop.home / "data" / "iris" / "augmented_dataset")
    (loop.home / "data" / "iris" / "drifted_batch" / f"{DAY}.parquet").unlink()
    code, said = reproduced(loop, 2)
    assert code == 1
    assert f"There is no iris/augmented_dataset of {DAY}" in said
    assert f"There is no iris/drifted_batch of {DAY}" in said
    assert "180 of the 465 rows that it learned from are nowhere any more." in said


def test_a_version_that_does_not_exist_is_told(demo_days, reproduced, defs, capsys):
    with demo_days.environment():
        assert main(["reproduce", "iris", "9", "--defs", str(defs)]) == 1
    assert "There is no version 9 of 'iris'" in capsys.readouterr().err


def test_an_empty_home_is_told_and_stays_empty(tmp_path, monkeypatch, defs, capsys):
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path / "empty"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert main(["reproduce", "iris", "1", "--defs", str(defs)]) == 1
    assert "Nothing was trained in" in capsys.readouterr().err
    assert not (tmp_path / "empty").exists()
