"""A column may be called anything, whatever its role: through the whole loop, and made again."""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.data.labels import join_labels
from mlops_assets.evidence.reproduce import Remade, reproduce
from mlops_assets.lifecycle.augmented_dataset import augment
from mlops_assets.lifecycle.baseline_data import take_baseline
from mlops_assets.lifecycle.baseline_model import train_baseline_model
from mlops_assets.lifecycle.candidate_model import train_candidate
from mlops_assets.lifecycle.outside import Training
from mlops_assets.lifecycle.predictions import predict
from mlops_assets.lifecycle.production_model import decide_on_candidate
from mlops_assets.lifecycle.recipe import make_recipe
from mlops_assets.predicted import Predicted
from mlops_assets.training.features import model_input
from mlops_assets.training.tracking import Recorded
from mlops_assets_tests.lifecycle import made
from mlops_assets_tests.models.names import AWKWARD


@dataclass(frozen=True)
class Tree:
    """A model of columns of any name."""

    tree: Any
    features: list[str]

    def predict(self, frame: pd.DataFrame) -> Predicted:
        return Predicted(self.tree.predict(model_input(frame, self.features).to_numpy()))


@dataclass(frozen=True)
class Named:
    """The rows of :mod:`made` under other names, with ids and a moment where these are named."""

    rows: made.Rows
    names: dict[str, str]

    def _as_named(self, frame: pd.DataFrame, day: str) -> pd.DataFrame:
        frame = frame.assign(i=[f"{day}-{row}" for row in range(len(frame))])
        return frame[list(self.names)].set_axis(list(self.names.values()), axis="columns")

    def baseline(self) -> pd.DataFrame:
        return self._as_named(self.rows.baseline(), "baseline")

    def batch(self, day: Any) -> pd.DataFrame:
        return self._as_named(self.rows.batch(day), str(day))

    def labels(self, day: Any) -> pd.DataFrame:
        raise NotImplementedError


def life(names: dict[str, str]) -> Any:
    ids = [names["i"]] if "i" in names else []
    one = made.life(columns={"target": names["y"], "id": ids})
    return replace(one, source=Named(one.source, names))


def fitted(one: Any, rows: pd.DataFrame) -> Tree:
    columns = one.spec.columns
    features = columns.features(rows)
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    return Tree(tree.fit(model_input(rows, features).to_numpy(), rows[columns.target]), features)


def trainer(one: Any) -> Any:
    def train(rows: pd.DataFrame, partition: Any, files: Any, roles: Any = None) -> Training:
        tags = {"training_data_hash": fingerprint(rows)}
        tags |= {"partition": partition} if partition else {}
        return Training(one.registry.register(fitted(one, rows), tags), len(rows))

    return train


ROLES = [("x", name) for name in AWKWARD]
ROLES += [(role, name) for role in ("y", "i") for name in AWKWARD[:10]]


@pytest.mark.parametrize(("role", "name"), ROLES, ids=lambda one: ascii(one)[:20])
def test_any_name_in_any_role_goes_through_the_loop_and_is_made_again(role, name, tmp_path):
    names = {"i": "id", "x": "x", "z": "z", "y": "y"} | {role: name}
    one = life(names)
    take_baseline(one)
    train_baseline_model(one, trainer(one))
    made.report(one, made.USUAL)
    predicted = predict(one, made.USUAL).table
    assert len(predicted.columns) == 3
    assert set(predicted["prediction"]) == {"high", "low"}
    assert made.report(one, made.DRIFTED).verdict.retrain
    augment(one, made.DRIFTED, judge_again=True)
    train_candidate(one, made.DRIFTED, trainer(one))
    assert decide_on_candidate(one, made.DRIFTED).decision == "promoted"
    stored = one.store.read("small", "augmented_dataset", made.DRIFTED)
    rows = stored[list(names.values())]
    recorded = Recorded({}, None, _files(make_recipe(one, rows, made.DRIFTED), tmp_path))
    found = reproduce(
        one,
        one.registry.get(2),
        recorded,
        lambda spec, rows, partition, roles, tuned: Remade(recorded, fitted(one, rows)),
    )
    told = {finding.aspect: finding.outcome for finding in found.findings}
    assert (told["rows"], told["predictions"]) == ("same", "same"), found.findings


def _files(recipe: Any, folder: Any) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in recipe.write(folder)}


@pytest.mark.parametrize("name", AWKWARD, ids=lambda name: ascii(name)[:20])
def test_labels_are_joined_whatever_the_columns_are_called(name):
    batch = pd.DataFrame({"id": [1, 2], "x": [0, 0]})
    labels = pd.DataFrame({"id": [2], name: ["yes"]})
    columns = made.spec(columns={"target": name, "id": ["id"]}).columns
    assert join_labels(batch, labels, columns)[name].fillna("-").tolist() == ["-", "yes"]
