import json
from pathlib import Path

import dagster as dg
import pytest

from mlops_assets.lifecycle.rows import baseline_parts, evaluation_rows
from mlops_assets.promotion.gate import Decision, decide
from mlops_assets_tests.examples import RETRAINED

PROMOTED, REJECTED = RETRAINED
METADATA = {
    "decision": dg.TextMetadataValue,
    "reasons": dg.JsonMetadataValue,
    "candidate_version": dg.IntMetadataValue,
    "production_version": dg.IntMetadataValue,
    "candidate_score": dg.FloatMetadataValue,
    "production_score": dg.FloatMetadataValue,
    "improvement": dg.FloatMetadataValue,
    "improvement_lower": dg.FloatMetadataValue,
    "baseline_drop": dg.FloatMetadataValue,
    "evaluation_rows": dg.IntMetadataValue,
}


def told_of(loop, day):
    return loop.runs["augmented_dataset", day].metadata("production_model")


def decided(loop, version: int, folder: Path) -> dict:
    """The artifact that is kept with a candidate."""
    run = loop.registry.get(version).run_id
    return json.loads(
        Path(loop.mlflow.download_artifacts(run, "decision.json", folder)).read_text()
    )


@pytest.mark.parametrize("day", RETRAINED)
def test_metadata_have_the_names_and_types_that_others_rely_on(demo_days, day):
    raw = demo_days.runs["augmented_dataset", day].raw("production_model")
    assert {name: type(raw[name]) for name in METADATA} == METADATA
    assert all(isinstance(reason, str) for reason in raw["reasons"].value)


def test_a_candidate_that_is_credibly_better_is_promoted(demo_days):
    told = told_of(demo_days, PROMOTED)
    assert told["decision"] == "promoted"
    assert told["candidate_version"] == told["production_version"] == 2
    assert told["improvement_lower"] > 0
    assert demo_days.runs["augmented_dataset", PROMOTED].check("gate").passed


def test_a_candidate_that_is_not_better_is_rejected_and_shown_red(demo_days):
    told = told_of(demo_days, REJECTED)
    assert told["decision"] == "rejected"
    assert (told["candidate_version"], told["production_version"]) == (3, 2)
    check = demo_days.runs["augmented_dataset", REJECTED].check("gate")
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.ERROR


def test_what_was_replaced_is_previous(demo_days):
    assert demo_days.aliases() == {"staging": 3, "production": 2, "previous": 1}


def test_the_scores_are_those_on_the_evaluation_rows_and_on_the_holdout(demo_days):
    spec, registry = demo_days.spec, demo_days.registry
    rows = evaluation_rows(demo_days.life, [PROMOTED])
    holdout = baseline_parts(demo_days.life).judge
    features = spec.columns.features(holdout)

    def score(version, table):
        predicted = registry.load(registry.get(version)).predict(table[features])
        return spec.metric_of().score(table["species"].to_numpy(), predicted)

    told = told_of(demo_days, PROMOTED)
    assert told["evaluation_rows"] == len(rows) == 120
    assert told["candidate_score"] == pytest.approx(score(2, rows))
    assert told["production_score"] == pytest.approx(score(1, rows))
    assert told["improvement"] == pytest.approx(score(2, rows) - score(1, rows))
    assert told["baseline_drop"] == pytest.approx(score(1, holdout) - score(2, holdout))


@pytest.mark.parametrize(("day", "version"), [(PROMOTED, 2), (REJECTED, 3)])
def test_the_decision_can_be_made_again_from_what_is_kept_with_the_candidate(
    demo_days, day, version, tmp_path
):
    kept = decided(demo_days, version, tmp_path)
    fields = {name: kept[name] for name in Decision.model_fields}
    decision = Decision.model_validate(fields)
    assert decide(decision.evidence, decision.policy) == decision
    assert decision.decision == told_of(demo_days, day)["decision"]
    assert kept["regime"] == day
    assert (kept["candidate_version"], kept["production_version"]) == (version, version - 1)
    hashes = demo_days.store.record("iris", "augmented_dataset", day)["data_hashes"]
    assert hashes.items() <= kept["data_hashes"].items()


def test_better_but_not_credibly_is_inconclusive_and_shown_yellow(fork):
    loop = fork(gate={"min_evaluation_rows": 121})
    back_to_the_baseline(loop)
    run = loop.run("production_model", partition=PROMOTED)
    told = run.metadata("production_model")
    assert told["decision"] == "inconclusive"
    assert told["production_version"] == 1
    assert "120, needed are 121" in told["reasons"][0]
    assert run.check("gate").severity is dg.AssetCheckSeverity.WARN
    assert loop.aliases()["production"] == 1


def test_where_a_person_has_to_agree_it_waits(fork):
    loop = fork(gate={"approval": "manual"})
    back_to_the_baseline(loop)
    run = loop.run("production_model", partition=PROMOTED)
    assert run.metadata("production_model")["decision"] == "awaiting_approval"
    assert loop.aliases()["production"] == 1
    assert not run.check("gate").passed
    assert loop.registry.get(2).tags["decision"] == "awaiting_approval"


def test_a_candidate_of_an_older_day_is_refused(fork):
    loop = fork()
    version = loop.registry.get(2)
    loop.registry.set_tags(version, {"partition": "2026-01-09"})
    told = loop.run("production_model", partition=REJECTED).metadata("production_model")
    assert told["decision"] == "rejected"
    assert any("before 2026-01-09" in reason for reason in told["reasons"])


def back_to_the_baseline(loop) -> None:
    """As it was before the first decision."""
    client = loop.mlflow
    client.set_registered_model_alias("iris", "production", "1")
    client.delete_registered_model_alias("iris", "previous")
    client.set_registered_model_alias("iris", "staging", "2")
    client.delete_model_version_tag("iris", "2", "decision")
    (loop.home / "data" / "iris" / "production_model" / f"{PROMOTED}.json").unlink()


def test_killed_between_the_alias_and_the_record_it_ends_as_it_would_have(fork, demo_days):
    loop = fork()
    back_to_the_baseline(loop)
    loop.registry.promote(loop.registry.get(2), expected_production=loop.registry.get(1))
    told = loop.run("production_model", partition=PROMOTED).metadata("production_model")
    assert told == told_of(demo_days, PROMOTED)
    assert loop.aliases() == {"staging": 2, "production": 2, "previous": 1}
    kept = [each.store.record("iris", "production_model", PROMOTED) for each in (loop, demo_days)]
    assert kept[0] == kept[1]


def test_killed_before_the_alias_moved_it_is_decided_again(fork, demo_days):
    loop = fork()
    back_to_the_baseline(loop)
    loop.registry.set_alias("previous", loop.registry.get(1))
    told = loop.run("production_model", partition=PROMOTED).metadata("production_model")
    assert told == told_of(demo_days, PROMOTED)
    assert loop.aliases() == {"staging": 2, "production": 2, "previous": 1}


def test_production_that_changed_during_the_decision_is_left_alone(fork, monkeypatch):
    """Where no pool serializes: somebody promotes version 3 while version 2 is judged."""
    loop = fork()
    back_to_the_baseline(loop)
    before = loop.files()
    moved = []

    def meanwhile(evidence, policy):
        if not moved:
            moved.append(loop.mlflow.set_registered_model_alias("iris", "production", "3"))
        return decide(evidence, policy)

    monkeypatch.setattr("mlops_assets.lifecycle.production_model.decide", meanwhile)
    run = loop.run("production_model", partition=PROMOTED)
    assert not run.success
    assert "Production of 'iris' is version 3 by now" in run.message
    assert "made against version 1" in run.message
    assert "decision" not in loop.registry.get(2).tags
    assert loop.aliases()["production"] == 3
    assert loop.files() == before


@pytest.mark.parametrize("change", ["data", "split"])
def test_a_candidate_is_not_judged_when_the_split_may_be_another_by_now(fork, change):
    loop = fork(split={"seed": 1}) if change == "split" else fork()
    if change == "data":  # delivered again with another digit
        table = loop.store.read("iris", "drifted_batch", REJECTED)
        table["petal_width"] += 0.001
        loop.store.write("iris", "drifted_batch", REJECTED, table)
    before, aliases = loop.files(), loop.aliases()
    run = loop.run("production_model", partition=REJECTED)
    assert not run.success
    changed = "5 of 5" if change == "split" else "1 of 5"
    assert f"The rows of {changed} tables" in run.message
    assert "Materialize iris/augmented_dataset and what follows it again" in run.message
    assert (loop.files(), loop.aliases()) == (before, aliases)


def test_without_a_candidate_it_says_what_to_materialize(fork):
    loop = fork()
    (loop.home / "data" / "iris" / "candidate_model" / f"{REJECTED}.json").unlink()
    run = loop.run("production_model", partition=REJECTED)
    assert not run.success
    assert f"Materialize iris/candidate_model of {REJECTED} first" in run.message


def test_the_production_alias_loads_through_pyfunc_and_predicts(demo_days):
    import mlflow

    batch = demo_days.store.read("iris", "drifted_batch", PROMOTED)
    with demo_days.environment():
        mlflow.set_tracking_uri(demo_days.mlflow_uri)
        mlflow.set_registry_uri(demo_days.mlflow_uri)
        model = mlflow.pyfunc.load_model("models:/iris@production")
        predicted = model.predict(batch[demo_days.spec.columns.features(batch)])
    stored = demo_days.registry.load(demo_days.registry.get(2))
    expected = stored.predict(batch[demo_days.spec.columns.features(batch)])
    assert predicted["prediction"].tolist() == expected.labels.tolist()


@pytest.mark.parametrize("rolled_back", [False, True])
def test_what_was_promoted_stays_so_when_it_is_materialized_again_later(fork, rolled_back):
    loop = fork()
    if rolled_back:
        assert loop.job("iris_rollback").success
    else:
        with loop.environment():
            later, now = loop.registry.get(3), loop.registry.in_use()
            loop.registry.promote(later, expected_production=now)
    before, kept = loop.aliases(), loop.files()
    again = loop.run("production_model", partition="2026-01-02").metadata("production_model")
    assert again["decision"] == "promoted"
    assert again["production_version"] == before["production"]
    assert ("It was rolled back since." in again["reasons"]) == rolled_back
    assert (loop.aliases(), loop.files()) == (before, kept)
