import dagster as dg
import numpy as np
import pytest
from sklearn.datasets import load_iris

from mlops_assets.lifecycle.rows import baseline_parts


@pytest.fixture
def told(demo_days):
    return demo_days.runs["baseline_data", None].metadata("baseline_model")


def test_the_first_model_becomes_production_where_there_is_none(told):
    assert told["version"] == told["production_version"] == 1


def test_its_score_is_the_one_on_the_holdout_that_it_has_not_seen(demo_days, told):
    spec, registry = demo_days.spec, demo_days.registry
    holdout = baseline_parts(demo_days.life).judge
    features = spec.columns.features(holdout)
    model = registry.load(registry.get(1))
    score = spec.metric_of().score(holdout["species"].to_numpy(), model.predict(holdout[features]))
    assert told["holdout_f1_macro"] == pytest.approx(score)
    assert told["holdout_rows"] == len(holdout) == 45
    assert told["training_rows"] == 105


def test_the_leaderboard_has_every_algorithm_that_was_asked_for(told):
    rows = told["leaderboard"].splitlines()[2:]
    assert len(rows) == 3


def test_another_baseline_model_leaves_production_alone(fork):
    loop = fork(training={"algorithms": ["lr", "lda"], "folds": 3})
    again = loop.run("baseline_model")
    told = again.metadata("baseline_model")
    assert told["version"] == 4
    assert told["production_version"] == 2
    assert loop.aliases()["production"] == 2


def test_the_demos_first_model_is_trusted_and_says_what_it_was_ranked_by(demo_days, told):
    assert demo_days.runs["baseline_data", None].check("credible").passed
    assert any("ranked by f1_macro" in note for note in told["notes"])


def test_a_feature_that_gives_the_target_away_is_named_also_where_nothing_is_trained(
    fresh, tmp_path
):
    frame = load_iris(as_frame=True).frame
    noise = np.random.default_rng(0).normal(size=len(frame))
    frame = frame.assign(species=frame.pop("target").map("abc".__getitem__))
    frame["verdict"] = frame["species"].map(ord) + 0.1 * noise
    frame.to_parquet(tmp_path / "table.parquet")
    loop = fresh(baseline={"kind": "parquet", "url": str(tmp_path / "table.parquet")})
    for run in (loop.baseline(), loop.run("baseline_model")):
        check = run.check("credible")
        assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert "The scores are nearly perfect, and verdict" in check.description
    assert "Version 1 was trained on these very rows" in run.metadata("baseline_model")["known"]
    assert "verdict" in loop.registry.get(1).tags["doubts"]


def test_without_the_baseline_it_says_what_to_materialize(fresh):
    loop = fresh()
    run = loop.run("baseline_model")
    assert not run.success
    assert "Materialize iris/baseline_data" in run.message
    assert loop.registry.version("production") is None
