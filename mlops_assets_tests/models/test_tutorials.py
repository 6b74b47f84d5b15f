"""The tables of ordinary tutorials: from the raw file to a promoted model, in five lines of YAML.

What a newcomer does is done: the files are put where the new model's YAML says, a few of its lines
are changed, and the loop runs. Only the search is cut short, to three quick algorithms.
"""

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
import yaml

from mlops_assets.cli import main
from mlops_assets.model_files import check_model_files
from mlops_assets.spec import ModelSpec
from mlops_assets_tests.examples import Loop
from mlops_assets_tests.models.customers import DAYS, lives_through_two_days
from mlops_assets_tests.models.tutorials import bikes, sleepers, titanic

SEARCH = {"algorithms": ["lr", "dt", "lightgbm"], "folds": 3}
MOST_LINES = 5
WINTER = [str(dt.date(2025, 12, 20) + dt.timedelta(days=day)) for day in range(5)]


def started(day: str) -> dict[str, str]:
    return {r"start_date: .*": f'start_date: "{day}"'}


NewModel = Callable[[str, dict[str, pd.DataFrame], dict[str, str]], Loop]


@pytest.fixture
def new_model(tmp_path):
    """Makes a model of tables, by changing what a few patterns find in its new YAML."""
    with dg.DagsterInstance.ephemeral() as instance:

        def make(name: str, tables: dict[str, pd.DataFrame], changes: dict[str, str]) -> Loop:
            arrived = tmp_path / "incoming" / name
            arrived.mkdir(parents=True)
            for file, table in tables.items():
                table.to_csv(arrived / f"{file}.csv", index=False)
            (tmp_path / "defs").mkdir()
            assert main(["new-model", name, "--defs", str(tmp_path / "defs")]) == 0
            path = tmp_path / "defs" / name / "defs.yaml"
            change_lines(path, changes)
            check_model_files(tmp_path / "defs")
            attributes = yaml.safe_load(path.read_text("utf-8"))["attributes"]
            (tmp_path / "home-cwd").symlink_to(tmp_path)  # started where the files arrive
            spec = ModelSpec.model_validate(attributes | {"training": SEARCH})
            return Loop(tmp_path / "home", instance, spec)

        yield make


def change_lines(path: Path, changes: dict[str, str]) -> None:
    before = path.read_text("utf-8")
    after = before
    for pattern, line in changes.items():
        after, times = re.subn(rf"^(\s+)(?:# )?{pattern}", rf"\g<1>{line}", after, flags=re.M)
        assert times == 1, pattern
    lines = zip(before.splitlines(), after.splitlines(), strict=True)
    assert sum(old != new for old, new in lines) <= MOST_LINES
    path.write_text(after, encoding="utf-8")


def test_the_passengers_of_a_ship(new_model):
    days = {
        DAYS[0]: titanic(300, 1, first_id=1001),
        DAYS[1]: titanic(300, 2, first_id=1301, later=True),
    }
    changes = started(DAYS[0]) | {
        r"target: label": "target: Survived",
        r"id: \[customer_id\]": "id: [PassengerId]",
        r"ignore: \[comment\]": "ignore: [Name, Ticket]",
    }
    loop = new_model("titanic", {"baseline": titanic(800, 0)} | days, changes)
    lives_through_two_days(loop)
    drifted = loop.runs["drifted_batch", DAYS[1]].metadata("drift_report")["drifted_columns"]
    assert {"Fare", "Embarked"} <= {*drifted}


def test_how_people_sleep(new_model):
    days = {
        DAYS[0]: sleepers(300, 1, first_id=1001),
        DAYS[1]: sleepers(300, 2, first_id=1301, later=True),
    }
    changes = started(DAYS[0]) | {
        r"target: label": "target: Sleep Disorder",
        r"id: \[customer_id\]": "id: [Person ID]",
    }
    loop = new_model("sleep", {"baseline": sleepers(600, 0)} | days, changes)
    lives_through_two_days(loop)
    stored = loop.store.read("sleep", "baseline_data", "all")
    assert set(stored["Sleep Disorder"]) == {"None", "Insomnia", "Sleep Apnea"}
    assert stored["Blood Pressure"].str.fullmatch(r"\d+/\d+").all()


def winter() -> dict[str, pd.DataFrame]:
    """A baseline of two years, then a usual day, and others."""
    tables = {"baseline": bikes(dt.date(2024, 1, 3), 60, 0, step=12)}
    for place, day in enumerate(WINTER):
        number = 5761 + 96 * place
        tables[day] = bikes(
            dt.date.fromisoformat(day), 1, place + 1, first_id=number, later=place > 0
        )
    return tables


def test_rented_bikes(new_model):
    changes = started(WINTER[0]) | {
        r"task: classification": "task: regression",
        r"target: label": "target: cnt",
        r"ignore: \[comment\]": "ignore: [instant, casual, registered]",
    }
    loop = new_model("bikes", winter(), changes)
    made = loop.baseline()
    assert made.success, made.message
    assert loop.life.journal.baseline().periods == 60  # which nobody had to say
    usual, *later = [loop.daily(day).metadata("drift_report") for day in WINTER[:4]]
    assert usual["state"] == "stable", usual["reasons"]
    # A day has its own weather: one alone is no shift, and each has too few rows to judge by.
    assert [day["drift_detected"] for day in later] == [False, True, True]
    assert later[-1]["retrain"], later[-1]["reasons"]
    decided = loop.retrain(WINTER[3]).metadata("production_model")
    assert decided["decision"] == "promoted", decided["reasons"]
    assert loop.aliases() == {"previous": 1, "production": 2, "staging": 2}


def test_what_is_asked_of_a_newcomer_is_said_with_what_to_do(new_model):
    loop = new_model("titanic", {"baseline": titanic(800, 0)}, started(DAYS[0]))
    unknown = loop.run("baseline_data").message
    assert "label: the column is missing (there are PassengerId, Survived, Pclass" in unknown
    loop.spec = loop.spec.model_copy(
        update={"columns": loop.spec.columns.model_copy(update={"target": "Survived"})}
    )
    codes = loop.run("baseline_data").message
    assert "Ticket: 1" in codes
    assert "words among numbers (for example 'PC " in codes
    assert "list it under `columns.ignore`" in codes


def test_row_numbers_and_columns_that_hold_the_answer_are_told(new_model):
    changes = started(WINTER[0]) | {
        r"task: classification": "task: regression",
        r"target: label": "target: cnt",
    }
    notes = new_model("bikes", winter(), changes).run("baseline_data").metadata("baseline_data")
    told = {note.partition(":")[0]: note for note in notes["notes"]}
    assert "another number in each of 5760 rows" in told["instant"]
    assert "it can be computed from casual and registered" in told["cnt"]
    assert "left out, but to know how days differ" in told["dteday"]
