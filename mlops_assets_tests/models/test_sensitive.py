"""Values of sensitive columns are in the data and in the model, and nowhere else."""

import io
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from mlops_assets_tests.examples import Loop
from mlops_assets_tests.models.customers import (
    BASELINE,
    BATCHES,
    DAYS,
    customers_spec,
    lives_through_two_days,
)

MARKER = "zq7secret"
INCOME = "48613."  # every income begins so; without the point, some time stamp has it by chance
SENSITIVE = ["customer", "plan", "income", "since", "town", "churned"]
MARKERS = [MARKER, INCOME, "1987-06-0"]


def marked(table: pd.DataFrame) -> pd.DataFrame:
    """Names, plans, incomes and dates that nothing else in the world looks like."""
    row = np.arange(len(table))
    return table.assign(
        customer=MARKER + table["customer"],
        plan=MARKER + "-" + table["plan"],
        income=[float(f"{INCOME}{i:04d}") for i in row],
        since=[f"1987-06-0{1 + i % 9}" for i in row],
        town=[f"{MARKER}-town-{i % 7}" for i in row],
        churned=MARKER + "-" + table["churned"],
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """What two good days and a bad one leave behind."""
    folder = tmp_path_factory.mktemp("sensitive")
    marked(BASELINE).to_csv(folder / "baseline.csv", index=False)
    for day, batch in BATCHES.items():
        marked(batch).to_csv(folder / f"{day}.csv", index=False)
    bad = marked(BATCHES[DAYS[0]])
    bad["income"] = bad["income"].astype(str) + "x"
    bad["plan"] = bad["plan"] + "-unheard-of"
    bad["since"] = bad["since"] + " at noon"
    bad["customer"] = bad["customer"].iloc[0]
    bad["churned"] = f"{MARKER}-perhaps"
    bad.to_csv(folder / "2026-01-03.csv", index=False)
    spec = customers_spec(
        columns={"target": "churned", "id": ["customer"], "sensitive": SENSITIVE},
        baseline={"kind": "csv", "url": f"{folder}/baseline.csv"},
        batches={"kind": "csv", "url": f"{folder}/{{date}}.csv"},
    )
    home = folder / "home"
    (home / "dagster").mkdir(parents=True)
    with dg.DagsterInstance.local_temp(str(home / "dagster")) as instance:
        loop = Loop(home, instance, spec)
        lives_through_two_days(loop)
        refused = loop.daily("2026-01-03")
        assert not refused.success
        assert "values hidden" in refused.message
    return home


def everything(home: Path) -> Iterator[tuple[str, bytes]]:
    """Every file outside ``data/``, those in archives as well, by name."""
    for path in sorted(home.rglob("*")):
        if path.is_file() and path.relative_to(home).parts[0] != "data":
            content = path.read_bytes()
            yield str(path.relative_to(home)), content
            if zipfile.is_zipfile(io.BytesIO(content)):
                with zipfile.ZipFile(io.BytesIO(content)) as archive:
                    for name in archive.namelist():
                        yield f"{path.relative_to(home)}!{name}", archive.read(name)


def test_nothing_outside_the_data_and_the_model_has_a_value_of_them(home):
    leaks = {
        (name, marker)
        for name, content in everything(home)
        for marker in MARKERS
        if marker.encode() in content and not name.partition("!")[0].endswith("model.skops")
    }
    assert leaks == set()


def test_the_search_would_find_them(home):
    """The data has them, the same reader reads it, and what it reads is all that there is."""
    stored = pd.concat(map(pd.read_parquet, (home / "data").rglob("drifted_batch/*.parquet")))
    assert stored["town"].str.contains(MARKER).all()
    names = [name for name, _ in everything(home)]
    for kind in (".html", "mlflow.db", "decision.json", "MLmodel", "input_example.json"):
        assert any(name.endswith(kind) for name in names), (kind, names)
    logs = [name for name in names if name.startswith("dagster/") and name.endswith(".db")]
    rows = 0
    for name in logs:
        with sqlite3.connect(home / name) as database:
            if database.execute("SELECT 1 FROM sqlite_master WHERE name='event_logs'").fetchone():
                rows += database.execute("SELECT count(*) FROM event_logs").fetchone()[0]
    assert rows > 100
