"""A program that loads a version with MLflow gives raw rows, and has nothing of mlops_assets."""

import io
import json
import logging
import subprocess
import sys
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from mlops_assets.errors import UserError
from mlops_assets.serving.pyfunc import RawModel
from mlops_assets.training.features import FeatureType, Model, model_input
from mlops_assets.training.model_code import FILES
from mlops_assets.training.model_format import log_model

TYPES: dict[str, FeatureType] = {
    "age": "float",
    "plan": "string",
    "since": "datetime",
    "paid": "boolean",
}
RAW = "id,age,plan,since,paid\n1,30, pro,2025-01-31,TRUE\n2,,7,2025-02-01 10:30,false\n"
# What the daily job would have made of it.
READ = pd.DataFrame(
    {
        "age": [30, np.nan],
        "plan": ["pro", "7"],
        "since": pd.to_datetime(["2025-01-31", "2025-02-01 10:30"], format="ISO8601"),
        "paid": [True, False],
    }
)
# As a client that has what the requirements name, and no mlops_assets.
PROGRAM = """
import io, json, sys
sys.modules["mlops_assets"] = None
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
answers = []
for version in sys.argv[3:]:
    model = mlflow.pyfunc.load_model(f"models:/{version}")
    answers.append(model.predict(pd.read_csv(io.StringIO(sys.argv[2]))).to_dict("list"))
print(json.dumps(answers))
"""


def table(rows: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, rows).astype(float),
            "plan": rng.choice(["pro", "7", "basic"], rows),
            "since": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 300, rows), "D"),
            "paid": rng.random(rows) < 0.5,
        }
    )


def fitted(labels: Any) -> Model:
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["plan"]), remainder="passthrough"
    )
    last = LogisticRegression(max_iter=5000)
    pipeline = Pipeline([("encode", encode), ("fill", SimpleImputer()), ("estimator", last)])
    return Model(pipeline.fit(model_input(table(), list(TYPES)), labels))


@pytest.fixture(scope="module")
def model() -> Model:
    rows = table()
    return fitted(np.where((rows["age"] > 50) ^ (rows["plan"] == "7"), "yes", "no"))


@pytest.fixture
def raw(model) -> RawModel:
    return RawModel(model, TYPES, "no")


def probability(model: Model) -> list[float]:
    said = model.predict(READ).probability("no")
    assert said is not None
    return said.tolist()


@pytest.mark.parametrize("how", [{}, {"dtype": str}, {"dtype": str, "keep_default_na": False}])
def test_rows_are_read_from_a_csv_in_any_way_and_taken_as_they_are(raw, model, how):
    answer = raw.predict(pd.read_csv(io.StringIO(RAW), **how))
    assert list(answer) == ["prediction", "probability"]
    assert answer["prediction"].tolist() == model.predict(READ).labels.tolist()
    assert answer["probability"].tolist() == probability(model)


def test_an_answer_has_the_index_of_the_rows_and_what_was_changed_is_logged(raw, caplog):
    rows = pd.read_csv(io.StringIO(RAW)).set_index("id", drop=False)
    with caplog.at_level(logging.WARNING, "mlops_assets"):
        assert raw.predict(rows).index.tolist() == [1, 2]
    assert [text for text in caplog.messages if text.startswith("plan: blanks around the text of")]


def test_of_more_classes_that_of_each_is_told():
    rows = table()
    model = fitted(np.select([rows["age"] < 30, rows["age"] < 50], ["a", "b"], "c"))
    answer = RawModel(model, TYPES).predict(READ)
    each = ["probability_a", "probability_b", "probability_c"]
    assert list(answer) == ["prediction", *each]
    assert np.allclose(answer[each].sum(axis="columns"), 1)


def test_more_rows_than_a_request_may_have_are_predicted(raw):
    many = READ.loc[np.zeros(100_001, int)].reset_index(drop=True)
    assert len(raw.predict(many)) == 100_001


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"age": ["many", "30"]}, "age takes numbers: 1 of 2 rows are not numbers"),
        ({"since": ["31.01.2025", None]}, "since takes dates like 2026-01-31"),
        ({"paid": ["perhaps", None]}, "paid takes true and false"),
        ({"plan": [[1], "pro"]}, "plan is a list or an object in 1 rows"),
    ],
)
def test_what_the_model_does_not_take_is_told(raw, wrong, why):
    with pytest.raises(UserError, match=why):
        raw.predict(READ.assign(**wrong))
    with pytest.raises(UserError, match="1 of 4 columns are missing: since"):
        raw.predict(READ.drop(columns="since"))
    with pytest.raises(UserError, match=r"0 rows were sent\. Send at least one"):
        raw.predict(READ.head(0))


def test_a_program_without_mlops_assets_loads_versions_and_sends_its_rows(
    model, mlflow_uri, tmp_path
):
    mlflow.set_tracking_uri(mlflow_uri)
    mlflow.set_registry_uri(mlflow_uri)
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("shop", artifact_location=(tmp_path / "a").as_uri())
    client.create_registered_model("shop")
    example = pd.read_csv(io.StringIO(RAW))[list(TYPES)]
    with mlflow.start_run(experiment_id=experiment):
        info, _ = log_model(model.pipeline, example, TYPES, "no")
    client.create_model_version("shop", info.model_uri, info.run_id)
    here = mlflow.pyfunc.load_model("models:/shop/1")
    assert here.predict(here.input_example)["probability"].tolist() == probability(model)
    for file in FILES:
        assert next((tmp_path / "a").rglob(f"code/*/{file}"), None), file
    arguments = [sys.executable, "-c", PROGRAM, mlflow_uri, RAW]
    done = subprocess.run(
        [*arguments, "shop/1"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    [answer] = json.loads(done.stdout.splitlines()[-1])
    assert answer["prediction"] == model.predict(READ).labels.tolist()
    assert answer["probability"] == probability(model)
