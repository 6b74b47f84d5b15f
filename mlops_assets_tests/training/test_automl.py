"""AutoML with the real engine, mostly over few algorithms."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from mlops_assets.data.columns import Columns
from mlops_assets.errors import UserError
from mlops_assets.metrics import Metric, get_metric
from mlops_assets.training import model_format, search
from mlops_assets.training import policy as policy_module
from mlops_assets.training.automl import train
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.weights import Roles
from mlops_assets_tests.training.tables import churn, iris, mixed

SPECIES = Columns(target="species")
Y = Columns(target="y")


def run(frame, columns=SPECIES, task="classification", seen=None, roles=None, **policy):
    settings = {"algorithms": ["lr", "dt"], "folds": 3, **policy}
    report = (lambda _: None) if seen is None else seen.append
    return train(frame, columns, task, TrainingPolicy(**settings), report, roles)


def test_the_defaults_compare_fourteen_algorithms_and_fit_the_best_on_every_row(
    tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    seen = []
    trained = run(iris(), seen=seen, algorithms=None)
    assert len(trained.leaderboard) == len(seen) == 14
    assert trained.failed == ()
    assert trained.leaderboard["F1 macro"].is_monotonic_decreasing
    assert trained.algorithm == trained.leaderboard["id"].iloc[0]
    assert trained.leaderboard["F1 macro"].iloc[0] > 0.95
    by_id = {result.id: result for result in seen}
    assert set(by_id["lr"].metrics) == {
        "f1_macro",
        "accuracy",
        "balanced_accuracy",
        "precision_macro",
        "recall_macro",
    }
    assert (trained.model.predict(iris()).labels == iris()["species"]).mean() > 0.95
    assert (trained.cross_validated.labels == iris()["species"]).mean() > 0.9
    # No logs.log, no mlruns, nothing on the terminal.
    assert list(Path.cwd().iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_an_algorithm_whose_models_cannot_be_stored_fails_alone_before_the_search(monkeypatch):
    """As xgboost and catboost, which PyCaret offers as soon as they are installed."""
    monkeypatch.setattr(model_format, "_STORED", ("sklearn",))
    seen = []
    trained = run(iris(), seen=seen, algorithms=["dt", "lightgbm"])
    assert [result.id for result in seen] == ["lightgbm", "dt"]
    assert [result.id for result in trained.failed] == ["lightgbm"]
    assert "models of lightgbm cannot be stored" in trained.failed[0].error
    assert trained.algorithm == "dt"
    assert any("1 of 2 algorithms could not be trained: Light" in note for note in trained.notes)


def test_texts_with_any_sign_in_them_are_learned_from():
    """LightGBM refuses columns of such names, and a one-hot column was named by its text."""
    texts = [f'"{place % 3}", [{place % 3}]: {{...}}' for place in range(150)]
    trained = run(iris().assign(note=texts), algorithms=["lightgbm"])
    assert trained.failed == ()


@pytest.mark.parametrize("package", ["xgboost", "catboost"])
def test_xgboost_and_catboost_are_such(package):
    assert not model_format.can_store(package)
    assert model_format.can_store("sklearn")


def test_the_same_seed_gives_the_same_model_and_scores():
    first, second = run(iris(), algorithms=["svm"]), run(iris(), algorithms=["svm"])
    scores = first.leaderboard.columns.drop("Seconds")
    assert first.leaderboard[scores].equals(second.leaderboard[scores])
    assert (first.cross_validated.labels == second.cross_validated.labels).all()


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_kind_of_column_is_learnt_from_and_unseen_texts_are_predicted(task):
    algorithms = ["ridge", "dt", "lightgbm"]
    trained = run(mixed(task=task), Y, task, algorithms=algorithms)
    assert trained.failed == ()
    unseen = mixed(task=task).head(20).assign(colour="purple", shop=None)
    assert len(trained.model.predict(unseen)) == 20
    if task == "regression":
        assert trained.leaderboard["RMSE"].is_monotonic_increasing
        assert np.abs(trained.model.predict(unseen).labels).max() < 100


@pytest.mark.parametrize("target", [[True, False], [3, 7]])
def test_predictions_are_labels_as_they_were_given(target):
    frame = iris().head(100)
    frame["species"] = np.repeat(target, 50)
    predicted = run(frame, algorithms=["lr"]).model.predict(frame).labels
    assert (predicted == frame["species"]).all()
    assert type(predicted.tolist()[0]) is type(target[0])


def test_only_features_are_learnt_from():
    frame = iris().assign(row=range(150), note="x")
    columns = Columns(target="species", id=["row"], ignore=["note"])
    trained = run(frame, columns)
    assert list(trained.features) == list(iris().columns[:4])
    assert trained.model.features == list(iris().columns[:4])


def test_a_failing_algorithm_is_reported_and_the_others_go_on(monkeypatch):
    from sklearn.tree import DecisionTreeClassifier

    def fit(self, *_, **__):
        raise ValueError("no trees today")

    monkeypatch.setattr(DecisionTreeClassifier, "fit", fit)
    seen = []
    trained = run(iris(), seen=seen)
    assert [result.id for result in trained.failed] == ["dt"]
    assert "no trees today" in seen[1].error
    assert list(trained.leaderboard["id"]) == ["lr"]
    assert "1 of 2 algorithms could not be trained: Decision Tree" in trained.notes[0]
    with pytest.raises(UserError, match=r"None of 1 algorithms.*no trees today"):
        run(iris(), algorithms=["dt"])
    with pytest.raises(UserError) as told:
        run(iris(), Columns(target="species", sensitive=["petal width (cm)"]), algorithms=["dt"])
    assert "no trees today" not in str(told.value)


def test_a_used_up_budget_stops_between_algorithms_with_a_note(monkeypatch):
    clock = iter(range(0, 100_000, 60))
    monkeypatch.setattr(search.time, "monotonic", lambda: next(clock))
    trained = run(iris(), algorithms=["lr", "dt", "nb"], budget_minutes=2.5)
    assert len(trained.leaderboard) == 1
    assert "2 of 3 algorithms were not tried" in trained.notes[0]


def test_unknown_algorithms_are_refused_with_the_valid_ones():
    with pytest.raises(UserError, match=r"does not offer 'catboost' here.*lr, knn, nb"):
        run(iris(), algorithms=["catboost"])
    with pytest.raises(UserError, match="leaves no algorithm"):
        run(iris(), algorithms=["lr"], exclude=["lr"])


def test_tables_that_cannot_be_learnt_from_are_refused():
    with pytest.raises(UserError, match="9 labelled rows"):
        run(iris().head(9))
    with pytest.raises(UserError, match="one class"):
        run(iris().head(50))
    with pytest.raises(UserError, match="no feature column"):
        run(iris()[["species"]])
    with pytest.raises(UserError, match="150 of 150 training rows have no 'species'"):
        run(iris().assign(species=None))


def of_a_regime(new=60, old=300, **changes):
    """Iris as it was, and flowers whose petals mean another species."""
    rng = np.random.default_rng(0)
    flowers = iris().assign(a=0.0)
    before = flowers.iloc[rng.integers(0, len(flowers), old)]
    after = flowers.iloc[rng.integers(0, len(flowers), new)]
    turned = {"setosa": "virginica", "virginica": "setosa", "versicolor": "versicolor"}
    after = after.assign(species=after["species"].astype(str).map(turned), a=9.0)
    frame = pd.concat([before, after], ignore_index=True)
    frame["species"] = frame["species"].astype(str)
    regime = np.arange(old + new) >= old
    made = Roles(regime, ~regime, np.ones(old + new), "f1_macro", 0.05)
    return frame, dataclasses.replace(made, **changes)


def test_algorithms_are_ranked_on_the_rows_of_the_regime():
    frame, roles = of_a_regime()
    trained = run(frame, roles=roles, algorithms=["dt", "dummy", "knn"])
    scores = trained.leaderboard.set_index("id")["F1 macro"]
    assert trained.algorithm == "dt"
    assert scores["dt"] > 0.9
    assert trained.notes[0].endswith("on the regime's 60 of 360 rows, each of which weighs 2.24.")
    assert "dt: A row of the regime (60 of 360) weighs " in trained.notes[1]


def test_a_linear_model_learns_of_a_regime_what_its_weight_lets_it():
    frame, roles = of_a_regime(max_drop=None)
    frame["a"] = 3.0  # else it tells the new rows from the old ones
    alike, more, chosen = (
        run(frame, roles=roles, algorithms=["lr"], **policy)
        for policy in ({"regime_weight": 1}, {"regime_weight": 20}, {})
    )
    assert (alike.regime_weight, more.regime_weight) == (1, 20)
    assert chosen.regime_weight > 1
    ranked = [one.leaderboard["F1 macro"].iloc[0] for one in (alike, more)]
    assert ranked[1] > ranked[0] + 0.1  # the algorithms are compared with the weight
    new = frame[roles.regime]
    right = [(one.model.predict(new).labels == new["species"]).mean() for one in (alike, chosen)]
    assert right[1] > right[0] + 0.1


def test_where_no_algorithm_keeps_the_baseline_the_best_is_taken_as_before():
    frame, roles = of_a_regime(floor=1.01)
    trained = run(frame, roles=roles)
    assert trained.algorithm == trained.leaderboard["id"].iloc[0]
    assert "keeps the baseline at no weight" in trained.notes[1]
    assert trained.notes[-1].endswith("was taken all the same: the gate will judge.")
    assert trained.regime_weight == 1


def test_too_few_rows_of_a_regime_rank_nothing():
    frame, roles = of_a_regime(new=20)
    trained = run(frame, roles=roles)
    assert "The regime has 20 rows, too few to rank by" in trained.notes[0]
    assert trained.regime_weight is None


def test_labels_that_have_turned_round_are_no_failure():
    frame, roles = of_a_regime(new=31, old=600)
    frame["species"] = np.where(roles.regime, "b", "a")
    frame.loc[0, "species"] = "b"
    trained = run(frame, roles=roles, algorithms=["dummy"], regime_weight=1)
    assert trained.failed == ()
    assert trained.leaderboard["F1 macro"].iloc[0] == 0


class Ranking(Metric):
    """A metric of probabilities, by scikit-learn."""

    def score(self, y_true, y_pred):
        positive = np.asarray(y_true) == self.positive
        if positive.all() or not positive.any():
            return float("nan")
        by = {"roc_auc": roc_auc_score, "average_precision": average_precision_score}[self.name]
        return float(by(positive, y_pred.probability(self.positive)))


@pytest.fixture
def ranking(monkeypatch):
    def named(name, task, positive=None):
        if name not in ("roc_auc", "average_precision"):
            return get_metric(name, task, positive)
        return Ranking(name, task, True, name, "ranking", "probabilities", positive)

    monkeypatch.setattr(policy_module, "get_metric", named)


@pytest.mark.parametrize("metric", [None, "roc_auc"])
def test_a_rare_class_with_a_linear_rule_is_found_by_a_linear_model(ranking, metric):
    """By their labels at 0.5 such models are level with a dummy, and a lone tree beats them."""
    seen = []
    names = ["lr", "dt", "lightgbm", "dummy", "ridge"]
    trained = run(churn(1500, 0), Y, seen=seen, algorithms=names, metric=metric)
    assert trained.failed == ()
    assert trained.metric == metric or metric is None
    assert trained.leaderboard.columns[2] == trained.metric
    assert {"f1_macro", trained.metric} < set(seen[0].metrics)
    fresh = churn(6000, 1)
    is_yes = fresh["y"] == "yes"
    alone = {
        name: run(churn(1500, 0), Y, algorithms=[name], metric=metric).model.predict(fresh)
        for name in ("lr", "lightgbm")
    }
    best = max(roc_auc_score(is_yes, one.probability("yes")) for one in alone.values())
    found = trained.model.predict(fresh)
    assert roc_auc_score(is_yes, found.probability("yes")) > best - 0.01
    said = " ".join(trained.notes)
    assert ("are ranked by average_precision: 9" in said) == (metric is None)
    # And its labels are of use.
    assert trained.threshold.positive == "yes"
    assert trained.threshold.at < 0.4
    f1 = get_metric("f1_macro", "classification")
    assert f1.score(fresh["y"], found) > f1.score(fresh["y"], np.full(len(fresh), "no")) + 0.08
    assert f"Labels are cut at a probability of {trained.threshold.at:.3g}" in said


def test_a_threshold_that_is_asked_for_is_taken_and_plays_no_part_with_more_classes():
    trained = run(churn(400, 0), Y, algorithms=["lr"], threshold=0.07, metric="accuracy")
    found = trained.model.predict(churn(200, 1))
    assert ((found.labels == "yes") == (found.probability("yes") >= 0.07)).all()
    assert 20 < (found.labels == "yes").sum() < 180
    assert "Labels are cut at a probability of 0.07, as `training.threshold` says." in trained.notes
    trained = run(iris(), algorithms=["lr"], threshold=0.3)
    assert trained.threshold is None
    assert "`training.threshold` plays no part: the target has 3 classes." in trained.notes


def test_that_scores_were_made_probabilities_is_said():
    trained = run(iris(), algorithms=["ridge"])
    assert any("ridge has scores and no probabilities" in note for note in trained.notes)
    assert trained.cross_validated.probabilities.sum(axis=1) == pytest.approx(1)


def test_a_class_of_one_row_fails_no_algorithm():
    frame = iris().head(101)
    trained = run(frame, algorithms=["ridge", "lda", "nb", "knn"])
    assert trained.failed == ()


def test_probabilities_that_say_too_much_are_calibrated():
    # What is there five times counts five times to a naive model.
    again = [f"tenure_{time}" for time in range(4)]

    def table(rows, seed):
        frame = churn(rows, seed)
        return frame.assign(**dict.fromkeys(again, frame["tenure"]))

    trained = run(table(1500, 0), Y, algorithms=["nb"], folds=5, metric="accuracy")
    assert any("are calibrated (" in note for note in trained.notes)
    assert trained.model.pipeline.named_steps["estimator"].method in ("sigmoid", "isotonic")
    fresh = table(4000, 1)
    said = trained.model.predict(fresh).probability("yes")
    assert abs(said.mean() - (fresh["y"] == "yes").mean()) < 0.03


def test_rows_that_come_in_time_are_folded_in_time_where_that_is_switched_on():
    frame = churn(300, 0).assign(at=pd.date_range("2026-01-01", periods=300, freq="h"))
    columns = Columns(target="y", timestamp="at")
    said = "Each of the 3 folds is a stretch of time, by the timestamp."
    trained = run(frame, columns, algorithms=["lr"], folds_in_time=True)
    assert said in trained.notes
    assert "at" not in trained.features
    assert len(trained.cross_validated) == 300
    assert said not in run(frame, columns, algorithms=["lr"]).notes
