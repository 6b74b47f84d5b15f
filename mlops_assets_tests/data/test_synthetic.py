"""The made-up days of the demo: reproducible, and as drifted as their story tells."""

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import TypeAdapter
from scipy import stats
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier

import mlops_assets
from mlops_assets.data.columns import Columns
from mlops_assets.data.contract import ContractOverrides, check, derive_contract
from mlops_assets.data.faults.find import find_faults
from mlops_assets.data.sources import Source, read_source
from mlops_assets.data.splits import held_out
from mlops_assets.data.synthetic import SyntheticRegime, synthetic_batch
from mlops_assets.metrics import get_metric
from mlops_assets.promotion.evaluation import measure
from mlops_assets.promotion.gate import decide
from mlops_assets.promotion.policy import GatePolicy

COLUMNS = Columns(target="species")
MODELS = (
    LinearDiscriminantAnalysis(),
    LogisticRegression(max_iter=1000),
    KNeighborsClassifier(),
    RandomForestClassifier(50, random_state=0),
)


def described() -> dict:
    folder = Path(mlops_assets.__file__).parent / "defs" / "iris"
    return yaml.safe_load((folder / "defs.yaml").read_text(encoding="utf-8"))["attributes"]


def baseline() -> pd.DataFrame:
    return read_source(TypeAdapter(Source).validate_python(described()["baseline"]), None)


def day(number: int) -> pd.DataFrame:
    source = TypeAdapter(Source).validate_python(described()["batches"])
    return read_source(source, datetime.date(2025, 12, 31) + datetime.timedelta(days=number))


def parts(frame: pd.DataFrame, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """To learn from and to judge on, split as the assets split a baseline (0.3) or batch (0.4)."""
    mask = held_out(frame, COLUMNS, share, 0, "classification", stratified=share == 0.3)
    return frame[~mask], frame[mask]


def differs(reference: pd.DataFrame, batch: pd.DataFrame) -> bool:
    """Two columns of four differ: significantly, and by a tenth of a standard deviation."""
    names = COLUMNS.features(reference)
    p_values = [stats.cramervonmises_2samp(reference[n], batch[n]).pvalue for n in names]
    far = [
        stats.wasserstein_distance(reference[n], batch[n]) / reference[n].std() > 0.1 for n in names
    ]
    return int(((stats.false_discovery_control(p_values) < 0.05) & far).sum()) >= 2


def score(model, train: pd.DataFrame, test: pd.DataFrame) -> float:
    predicted = predictions(model, train, test)
    return float(f1_score(test["species"], predicted, average="macro"))


def predictions(model, train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
    names = COLUMNS.features(train)
    return model.fit(train[names], train["species"]).predict(test[names])


def test_a_day_is_the_same_each_time_and_no_two_days_are_alike():
    pd.testing.assert_frame_equal(day(2), day(2))
    assert not day(2).equals(day(3))


def test_rows_are_distinct_and_keep_the_contract_until_day_5():
    contract = derive_contract(baseline(), COLUMNS, ContractOverrides(), "classification")

    for number in (1, 2, 3, 4, 7, 8, 9, 10):
        batch = day(number)
        assert check(batch, contract, COLUMNS).notes == ()
        assert len(batch.drop_duplicates()) == len(batch) == 300
    assert "petal_width" not in day(5)


def test_each_day_drifts_as_its_story_tells():
    reference = baseline()

    assert not differs(reference, day(1))
    assert differs(reference, day(2))
    assert differs(reference, day(3))
    assert not differs(day(2), day(3))
    assert differs(reference, day(4))
    assert differs(day(2), day(4))


def test_the_thirty_days_after_the_story_stay_in_the_known_regimes():
    reference, regime = baseline(), pd.concat([day(2), day(3)])

    for number in range(7, 37, 2):
        assert not differs(regime, day(number))
        assert not differs(reference, day(number + 1))
        regime = pd.concat([regime, day(number)])


def test_day_6_is_a_usual_day_but_for_one_column_in_millimetres():
    broken, story = day(6), described()["batches"]
    usual = TypeAdapter(Source).validate_python(story | {"story": ["usual"] * 6})
    right = read_source(usual, datetime.date(2026, 1, 6))
    assert np.allclose(broken["petal_length"] / 10, right["petal_length"], atol=0.01)
    assert broken.drop(columns="petal_length").equals(right.drop(columns="petal_length"))
    assert not differs(baseline(), right)


@pytest.mark.parametrize("column", COLUMNS.features(baseline()))
def test_any_length_in_millimetres_is_told_as_such_after_the_days_before(column):
    now = day(8)
    now[column] *= 10
    earlier = {str(number): day(number) for number in range(1, 5)}
    (fault,) = find_faults(pd.concat([baseline(), day(1)]), now, COLUMNS, earlier=earlier)
    assert (fault.kind, fault.columns, fault.factor) == ("unit", (column,), 10)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_day_2_can_be_learned_and_costs_little_on_the_baseline(model):
    train, holdout = parts(baseline(), 0.3)
    adaptation, evaluation = parts(day(2), 0.4)
    both = pd.concat([train, adaptation])

    assert score(model, both, evaluation) > score(model, train, evaluation) + 0.3
    assert score(model, both, holdout) >= score(model, train, holdout) - 0.07


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_from_the_scrambled_labels_of_day_4_nothing_can_be_learned(model):
    adaptation, evaluation = parts(day(4), 0.4)
    before = pd.concat([parts(baseline(), 0.3)[0], parts(day(2), 0.4)[0]])

    after = pd.concat([before, adaptation])
    policy = GatePolicy(max_baseline_drop=None)
    evidence = measure(
        evaluation["species"].to_numpy(),
        predictions(model, after, evaluation),
        predictions(model, before, evaluation),
        [],
        [],
        [],
        get_metric(None, "classification"),
        policy,
        "2026-01-04",
        None,
    )
    assert decide(evidence, policy).decision == "rejected"


def test_regime_moves_scales_and_drops_columns_as_told():
    base = pd.DataFrame({"x": [1.0, 3.0] * 50, "n": [5] * 100, "y": ["a", "b"] * 50})
    regime = SyntheticRegime(
        scale={"x": 10.0}, shift={"x": 100.0, "n": 2.0}, classes={"a": 0.25, "b": 0.75}
    )

    batch = synthetic_batch(
        base, "y", regime, rows=400, seed=1, date=datetime.date(2026, 1, 1), smoothing=0.0
    )

    assert set(batch["x"]) == {110.0, 130.0}
    assert batch["n"].tolist() == [7] * 400
    assert batch["n"].dtype == base["n"].dtype
    assert batch["y"].value_counts().to_dict() == {"b": 300, "a": 100}


def test_a_column_that_is_never_negative_stays_so():
    base = pd.DataFrame({"x": np.linspace(0, 1, 100), "y": ["a", "b"] * 50})
    regime = SyntheticRegime(shift={"x": -0.5}, noise={"x": 1.0})

    batch = synthetic_batch(
        base, "y", regime, rows=300, seed=1, date=datetime.date(2026, 1, 1), smoothing=0.1
    )

    assert batch["x"].min() >= 0


def test_a_column_of_codes_keeps_its_codes():
    base = pd.DataFrame({"x": [0.0507, -0.0446] * 50, "y": ["a", "b"] * 50})

    batch = synthetic_batch(
        base,
        "y",
        SyntheticRegime(),
        rows=300,
        seed=1,
        date=datetime.date(2026, 1, 1),
        smoothing=0.1,
    )

    assert set(batch["x"]) == {0.0507, -0.0446}


def test_scrambled_labels_tell_nothing_of_the_row():
    base = pd.DataFrame({"x": [0.0, 1.0] * 50, "y": ["a", "b"] * 50})
    arguments = {"rows": 2000, "seed": 1, "date": datetime.date(2026, 1, 1), "smoothing": 0.01}

    told = synthetic_batch(base, "y", SyntheticRegime(), **arguments)
    scrambled = synthetic_batch(base, "y", SyntheticRegime(scrambled=1.0), **arguments)

    assert ((told["x"] > 0.5) == (told["y"] == "b")).mean() == 1.0
    assert ((scrambled["x"] > 0.5) == (scrambled["y"] == "b")).mean() == pytest.approx(
        0.5, abs=0.05
    )
