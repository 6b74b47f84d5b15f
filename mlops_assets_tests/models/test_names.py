"""A table whose columns have the worst of names: the real loop, page, server and reproduction."""

import json

import dagster as dg
import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml

from mlops_assets.cli import main
from mlops_assets.drift.two_sample import PREDICTION
from mlops_assets.model_files import TYPE
from mlops_assets.serving.follower import Follower
from mlops_assets_tests.examples import Loop
from mlops_assets_tests.models.customers import (
    BASELINE,
    BATCHES,
    DAYS,
    customers_spec,
    lives_through_two_days,
)
from mlops_assets_tests.models.names import AWKWARD
from mlops_assets_tests.serving.asked import Asked

RENAMED = {
    "customer": "prediction",
    "usage": "self",
    "price": "target",
    "complaints": "index",
    "plan": "</script><script>alert(1)</script>",
}
MARKUP = "<script>alert(1)</script>", "<img src=x"


def renamed(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The customers, with as many further columns as there are names left."""
    rng = np.random.default_rng(seed)
    table = table.rename(columns=RENAMED)
    for place, name in enumerate(AWKWARD):
        if name not in table:
            values = rng.normal(0, 1, len(table)), rng.choice(["a", "b"], len(table))
            table[name] = values[place % 2]
    return table


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    """It has lived through two days."""
    folder = tmp_path_factory.mktemp("names")
    renamed(BASELINE, 0).to_csv(folder / "baseline.csv", index=False)
    for seed, (day, batch) in enumerate(BATCHES.items(), start=1):
        renamed(batch, seed).to_csv(folder / f"{day}.csv", index=False)
    spec = customers_spec(
        columns={"target": "churned", "id": ["prediction"]},
        drift={"drift_share": 0.05},  # two of forty columns move
        baseline={"kind": "csv", "url": f"{folder}/baseline.csv"},
        batches={"kind": "csv", "url": f"{folder}/{{date}}.csv"},
    )
    home = folder / "home"
    (home / "dagster").mkdir(parents=True)
    with dg.DagsterInstance.local_temp(str(home / "dagster")) as instance:
        made = Loop(home, instance, spec)
        lives_through_two_days(made)
        yield made


def test_every_column_is_compared_and_the_page_shows_it_as_text(loop):
    names = (set(renamed(BASELINE, 0).columns) - {"prediction"}) | {PREDICTION}
    metadata = loop.runs["drifted_batch", DAYS[1]].metadata("drift_report")
    assert {key[6:] for key in metadata if key.startswith("drift/")} == names
    assert {"self", "target"} <= set(metadata["drifted_columns"])
    for page in (loop.home / "reports").rglob("*.html"):
        text = page.read_text("utf-8")
        assert not any(markup in text for markup in MARKUP)


def test_predictions_keep_an_id_of_their_own_name(loop):
    table = loop.store.read("churn", "predictions", DAYS[0])
    assert table["prediction_"].tolist() == BATCHES[DAYS[0]]["customer"].tolist()
    assert set(table["prediction"]) == {"yes", "no"}


def test_the_server_takes_every_column_by_its_name(loop):
    follower = Follower(loop.registry, 60)
    with loop.environment():
        follower.refresh()
    assert follower.served, follower.problem
    rows = renamed(BATCHES[DAYS[0]], 1)
    expected = follower.served.model.predict(rows).labels.tolist()
    asked = Asked(follower.served.model, follower.served.columns)
    for body, kind in (
        (json.dumps({"dataframe_records": rows.to_dict("records")}), "application/json"),
        (rows.to_csv(index=False), "text/csv"),
    ):
        status, answer = asked.post(body.encode(), kind)
        assert (status, answer.get("predictions")) == (200, expected), answer
    asked.close()


def test_a_program_with_mlflow_gives_every_column_by_its_name(loop):
    rows = renamed(BATCHES[DAYS[0]], 1)
    with loop.environment():
        mlflow.set_tracking_uri(loop.mlflow_uri)
        mlflow.set_registry_uri(loop.mlflow_uri)
        answer = mlflow.pyfunc.load_model("models:/churn@production").predict(rows)
        expected = loop.registry.load(loop.registry.in_use()).predict(rows)
    assert answer["prediction"].tolist() == expected.labels.tolist()


def test_both_versions_are_reproduced(loop, tmp_path, capsys):
    path = tmp_path / "defs" / "churn" / "defs.yaml"
    path.parent.mkdir(parents=True)
    attributes = loop.spec.model_dump(mode="json", exclude_unset=True)
    path.write_text(yaml.safe_dump({"type": TYPE, "attributes": attributes}), "utf-8")
    for number in ("1", "2"):
        with loop.environment():
            code = main(["reproduce", "churn", number, "--defs", str(path.parent.parent)])
        assert code == 0, capsys.readouterr().out
