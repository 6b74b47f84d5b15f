"""A transformer of the user's own: what it may be, what it is given, and how it is kept."""

import importlib
import logging
import sys

import mlflow
import pytest

from mlops_assets.data.columns import Columns
from mlops_assets.errors import UserError
from mlops_assets.promotion.registry import Registry
from mlops_assets.training import tracking
from mlops_assets.training.automl import train
from mlops_assets.training.features import model_input
from mlops_assets.training.mlflow_server import connect
from mlops_assets.training.own_features import OwnFeatures, prepare, source_of, transformer_of
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.refit import refit
from mlops_assets.training.target import plain_target
from mlops_assets_tests.training.tables import mixed

COLUMNS = Columns(target="y")
CODE = """
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.preprocessing import FunctionTransformer

FITTED_ON = []


class Ratios(TransformerMixin, BaseEstimator):
    def __init__(self, per=10.0):
        self.per = per

    def fit(self, table, y=None):
        FITTED_ON.append(len(table))
        self.mean_ = float(table["count"].mean())
        return self

    def transform(self, table):
        return pd.DataFrame(
            {
                "many": table["count"] / self.per - self.mean_,
                "month": table["day"].dt.month,
                "size": table["size [cm]"],
                "colour": table["colour"],
            },
            index=table.index,
        )


ratios = Ratios(per=5.0)
number = 1


def made():
    return Ratios(per=2.0)


def broken():
    raise KeyError("Ann")


class NoTransform(BaseEstimator):
    def fit(self, table, y=None):
        return self


class Strict(Ratios):
    def __init__(self, *args):
        super().__init__()


def of_numbers(function):
    return FunctionTransformer(function)


def first(table):
    return table[["count"]].to_numpy()


def fewer(table):
    return table.iloc[:-1]


def flat(table):
    return table["count"].to_numpy()


def lists(table):
    return table.to_numpy().tolist()


def nothing(table):
    return table[[]]


def endless(table):
    return pd.DataFrame({"by zero": table["count"] / 0})


def dates(table):
    return table[["day"]]


def texts(table):
    return table[["colour"]].to_numpy()


def says(table):
    raise ValueError(f"a value of {table['colour'].iloc[0]}")


def centred(table):
    return table[["count"]] - table["count"].mean()


class Grows(Ratios):
    def transform(self, table):
        return pd.DataFrame({f"column {i}": table["count"] for i in range(len(table))})


def components():
    from sklearn.pipeline import make_pipeline

    return make_pipeline(FunctionTransformer(counts), PCA(1))


def counts(table):
    return table[["count"]].fillna(0)


def with_lambda():
    return FunctionTransformer(lambda table: table[["count"]])


numbers = {name: of_numbers(value) for name, value in dict(globals()).items() if callable(value)}
globals().update({f"t_{name}": value for name, value in numbers.items()})
"""


@pytest.fixture(autouse=True)
def code(tmp_path, monkeypatch):
    """The module ``own_of_tests``, in a file that a test may change."""
    file = tmp_path / "code" / "own_of_tests.py"
    file.parent.mkdir()
    file.write_text(CODE, "utf-8")
    monkeypatch.syspath_prepend(str(file.parent))
    monkeypatch.delitem(sys.modules, "own_of_tests", raising=False)
    yield file
    sys.modules.pop("own_of_tests", None)


def own(name):
    return f"own_of_tests:{name}"


def rows():
    table = mixed()
    features = [name for name in table if name != "y"]
    return model_input(table, features, dates=True), plain_target(table["y"], "classification")


def trained(**policy):
    policy = TrainingPolicy(algorithms=["dt"], folds=2, features=own("ratios"), **policy)
    return train(mixed(), COLUMNS, "classification", policy, lambda _: None)


def stored(outcome, mlflow_uri, folder, key="k"):
    client = connect(mlflow_uri)
    experiment = tracking.prepare_experiment(client, "shop", (folder / "art").as_uri())
    with mlflow.start_run(experiment_id=experiment) as run:
        number = tracking.log_training(
            client,
            outcome,
            mixed(),
            COLUMNS,
            "classification",
            model="shop",
            tags={"idempotency_key": key},
        )
    return Registry("shop", mlflow_uri), number, run.info.run_id


@pytest.mark.parametrize(("name", "per"), [("ratios", 5.0), ("Ratios", 10.0), ("made", 2.0)])
def test_it_may_be_an_instance_a_class_or_a_function(name, per):
    assert transformer_of(own(name)).per == per


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("not_there_at_all:x", r"cannot be imported \(No module named 'not_there_at_all'\)"),
        ("own_of_tests:nobody", "has no 'nobody'. Correct `training.features`"),
        ("own_of_tests:number", "is of type int. Name an instance, a class or a function"),
        ("own_of_tests:NoTransform", "has no method transform"),
        ("own_of_tests:broken", "failed when it was made without arguments with KeyError"),
        ("own_of_tests:Strict", "failed when it was copied with RuntimeError"),
        ("os:getcwd", "is of Python itself"),
    ],
)
def test_what_is_none_is_told_with_what_to_do(path, told):
    with pytest.raises(UserError, match=told) as raised:
        transformer_of(path)
    assert "Ann" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("t_fewer", "returned 119 rows for 120: each row needs its own"),
        ("t_flat", "returned 1-dimensional array"),
        ("t_lists", "returned list: return a DataFrame"),
        ("t_nothing", "returned no column"),
        ("t_endless", "returned infinite numbers in by zero: return NaN"),
        ("t_dates", r"types that no model takes: day \(datetime64\[ns, UTC\]\).*such as its hour"),
        ("t_texts", "returned an array of object: return numbers, or a DataFrame"),
        ("t_says", "failed on 120 rows with ValueError, .*own_of_tests.py:.*It gets a DataFrame"),
    ],
)
def test_what_no_model_can_take_is_told_without_values(name, told):
    with pytest.raises(UserError, match=told) as raised:
        prepare(own(name), *rows(), seed=0)
    assert "red" not in str(raised.value)


def test_other_columns_for_further_rows_are_refused():
    table, target = rows()
    with pytest.raises(UserError, match=r"makes 60 columns .* and 59, or others, of further"):
        prepare(own("Grows"), table[:119], target[:119], seed=0)


def test_what_it_makes_is_noted_with_its_seed():
    made = prepare(own("components"), *rows(), seed=3)
    assert "makes 1 columns of 8" in made.notes[0]
    assert made.notes[1] == "Its pca__random_state is the seed, 3: it was None."
    assert made.transformer.get_params()["pca__random_state"] == 3
    assert len(made.notes) == 2


def test_one_that_looks_at_the_rows_beside_is_noted():
    made = prepare(own("t_centred"), *rows(), seed=0)
    assert "gives other values for a row alone than among others" in made.notes[-1]


def test_it_is_fitted_in_every_fold_and_gets_the_columns_with_their_dates():
    outcome = trained()
    fitted_on = sys.modules["own_of_tests"].FITTED_ON
    # Tried on all rows and on every other one; that it can be stored; two folds, and all rows.
    assert fitted_on == [120, 60, 120, 60, 60, 120]
    assert outcome.model.features == [name for name in mixed() if name != "y"]
    encoded = outcome.pipeline[:2].transform(
        model_input(mixed(), outcome.model.features, dates=True)
    )
    assert list(encoded) == ["many", "month", "size", "colour"]
    assert encoded["month"].dropna().between(1, 12).all()
    assert "(SHA-256 " in outcome.notes[0]
    again = refit(outcome.model, mixed(), COLUMNS, "classification", TrainingPolicy())
    assert (again.predict(mixed()).labels == outcome.model.predict(mixed()).labels).all()


def test_an_array_of_numbers_will_do():
    policy = TrainingPolicy(algorithms=["lr"], folds=2, features=own("t_first"))
    outcome = train(mixed(), COLUMNS, "classification", policy, lambda _: None)
    assert len(outcome.model.predict(mixed())) == 120


def test_one_that_cannot_be_stored_is_told_before_the_search():
    policy = TrainingPolicy(algorithms=["dt"], folds=2, features=own("with_lambda"))
    with pytest.raises(UserError, match=r"stored and loaded again without pickle .* no lambda"):
        train(mixed(), COLUMNS, "classification", policy, lambda _: None)


def test_a_failure_on_later_rows_is_plain_and_names_it():
    model = trained().model
    with pytest.raises(UserError, match="The transformer own_of_tests:ratios failed on 3 rows"):
        model.predict(mixed()[:3].assign(day="soon"))


def test_a_version_keeps_its_source_and_loads_by_its_name(mlflow_uri, tmp_path, code, caplog):
    outcome = trained()
    registry, number, run_id = stored(outcome, mlflow_uri, tmp_path)
    version = registry.get(number)
    assert OwnFeatures.from_tags(version.tags) == OwnFeatures.of(own("ratios"))
    kept = mlflow.artifacts.load_text(f"runs:/{run_id}/transformer/own_of_tests.py")
    assert kept == code.read_text("utf-8") == source_of(own("ratios"))
    expected = outcome.model.predict(mixed())
    loaded = registry.load(version)
    assert (loaded.predict(mixed()).labels == expected.labels).all()
    assert loaded.own == outcome.own
    served = mlflow.pyfunc.load_model(f"models:/shop/{number}")
    assert served.predict(mixed())["prediction"].tolist() == expected.labels.tolist()
    assert not [text for text in caplog.messages if "own_of_tests" in text]
    _changed_code_is_said(registry, version, code, caplog)
    _a_missing_module_is_named(registry, version, code)


def _changed_code_is_said(registry, version, code, caplog):
    code.write_text(CODE + "\nMORE = 1\n", "utf-8")
    with caplog.at_level(logging.WARNING):
        registry.load(version)
        mlflow.pyfunc.load_model(f"models:/shop/{version.number}")
    said = [text for text in caplog.messages if "own_of_tests:ratios was changed since" in text]
    assert len(said) == 2
    assert said[0].startswith("version 1 of 'shop': ")


def _a_missing_module_is_named(registry, version, code):
    code.unlink()
    del sys.modules["own_of_tests"]
    importlib.invalidate_caches()
    told = "trained with the transformer own_of_tests:ratios .*own_of_tests cannot be imported here"
    with pytest.raises(UserError, match=f"Version 1 of 'shop' was {told}"):
        registry.load(version)
    # Of the code that is stored with it, whose UserError is another.
    with pytest.raises(Exception, match=f"This version was {told}"):
        mlflow.pyfunc.load_model(f"models:/shop/{version.number}")


def test_types_of_other_packages_are_not_trusted_with_it(mlflow_uri, tmp_path):
    registry, number, _ = stored(trained(), mlflow_uri, tmp_path)
    client = mlflow.MlflowClient()
    client.set_model_version_tag("shop", str(number), "transformer", "another_package:x")
    with pytest.raises(UserError, match=r"types .* not trusted: own_of_tests\.Ratios"):
        registry.load(registry.get(number))


def test_a_training_with_other_code_is_another_one(code):
    def key():
        policy = TrainingPolicy(features=own("ratios"))
        return tracking.idempotency_key("shop", None, mixed(), COLUMNS, "classification", policy)

    before = key()
    assert key() == before
    code.write_text(CODE + "\nMORE = 1\n", "utf-8")
    assert key() != before


def test_a_source_that_is_no_file_is_told(monkeypatch):
    module = type(sys)("made_in_tests")
    module.ratios = transformer_of(own("ratios"))
    monkeypatch.setitem(sys.modules, "made_in_tests", module)
    with pytest.raises(UserError, match=r"source of the transformer .* Put it into a .py file"):
        source_of("made_in_tests:ratios")
