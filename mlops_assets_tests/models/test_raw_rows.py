"""The rows of a CSV, as they are: to the daily job, the server and a program with MLflow the same.

The real loop, over a table with all that a CSV has: dates, texts with blanks, gaps, truth values,
and a day whose numbers are whole where the baseline's had a fraction.
"""

import dagster as dg
import mlflow
import numpy as np
import pandas as pd
import pytest

from mlops_assets.serving.follower import Follower
from mlops_assets_tests.examples import Loop
from mlops_assets_tests.models.customers import BASELINE, BATCHES, DAYS, customers_spec
from mlops_assets_tests.serving.asked import Asked

DAY = DAYS[0]


def written(table: pd.DataFrame) -> pd.DataFrame:
    """The customers, with a date, a truth value, a code, blanks and gaps."""
    row = np.arange(len(table))
    since = pd.Timestamp("2024-01-01") + pd.to_timedelta(row % 400, "D")
    return table.assign(
        complaints=table["complaints"].where(row % 9 > 0),
        plan=np.where(row % 2, table["plan"] + "  ", table["plan"]),
        since=since.strftime("%Y-%m-%d"),
        paid=np.where(row % 3, "TRUE", "false"),
        code=np.where(row % 5, "B8", "7"),
    )


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    """It has scored a day with its first model."""
    folder = tmp_path_factory.mktemp("raw")
    written(BASELINE).to_csv(folder / "baseline.csv", index=False)
    batch = written(BATCHES[DAY]).assign(usage=lambda table: table["usage"].round().astype(int))
    batch.to_csv(folder / f"{DAY}.csv", index=False)
    spec = customers_spec(
        baseline={"kind": "csv", "url": f"{folder}/baseline.csv"},
        batches={"kind": "csv", "url": f"{folder}/{{date}}.csv"},
    )
    home = folder / "home"
    (home / "dagster").mkdir(parents=True)
    with dg.DagsterInstance.local_temp(str(home / "dagster")) as instance:
        made = Loop(home, instance, spec)
        for run in (made.baseline(), made.daily(DAY)):
            assert run.success, run.message
        yield made


@pytest.fixture
def sent(loop):
    """The day's CSV, and what the daily job has said of it."""
    return loop.home.parent / f"{DAY}.csv", loop.store.read("churn", "predictions", DAY)


def test_the_server_says_what_the_daily_job_has_said(loop, sent):
    path, stored = sent
    follower = Follower(loop.registry, 60)
    with loop.environment():
        follower.refresh()
    assert follower.served, follower.problem
    positive = follower.served.positive
    assert positive in ("yes", "no")
    asked = Asked(follower.served.model, follower.served.columns)
    status, answer = asked.post(path.read_bytes(), "text/csv")
    asked.close()
    assert status == 200, answer
    assert answer["predictions"] == stored["prediction"].tolist()
    told = [row[positive] for row in answer["probabilities"]]
    assert told == stored["probability"].tolist()


@pytest.mark.parametrize("how", [{}, {"dtype": str}], ids=["as pandas reads it", "as texts"])
def test_a_program_with_mlflow_is_told_what_the_daily_job_has_said(loop, sent, how):
    path, stored = sent
    with loop.environment():
        mlflow.set_tracking_uri(loop.mlflow_uri)
        mlflow.set_registry_uri(loop.mlflow_uri)
        model = mlflow.pyfunc.load_model("models:/churn@production")
    answer = model.predict(pd.read_csv(path, **how))
    assert list(answer) == ["prediction", "probability"]
    for name in answer:
        assert answer[name].tolist() == stored[name].tolist()
