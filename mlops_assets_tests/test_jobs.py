import dagster as dg

from mlops_assets_tests.examples import RETRAINED

PROMOTED, REJECTED = RETRAINED


def waiting(fork):
    """Version 2 waits for a person; version 1 is in production."""
    loop = fork(gate={"approval": "manual"})
    client = loop.mlflow
    client.set_registered_model_alias("iris", "production", "1")
    client.delete_registered_model_alias("iris", "previous")
    client.set_registered_model_alias("iris", "staging", "2")
    (loop.home / "data/iris/production_model" / f"{PROMOTED}.json").unlink()
    run = loop.run("production_model", partition=PROMOTED)
    assert run.metadata("production_model")["decision"] == "awaiting_approval"
    return loop


def test_rollback_puts_the_previous_version_back_and_says_so(fork):
    loop = fork()
    run = loop.job("iris_rollback")
    assert run.success, run.message
    assert loop.aliases() == {"staging": 3, "production": 1, "previous": 2}
    (observed,) = run.observations()
    assert observed.asset_key == dg.AssetKey(["iris", "production_model"])
    assert observed.metadata["decision"].value == "rolled_back"
    assert observed.metadata["production_version"].value == 1
    assert "from version 2 to 1" in observed.description


def test_after_a_rollback_the_regime_has_no_promotion_to_learn_from(fork):
    loop = fork()
    assert loop.job("iris_rollback").success
    kept = loop.store.record("iris", "production_model", PROMOTED)
    assert kept["decision"] == kept["record"]["decision"] == "rolled_back"
    assert loop.registry.get(2).tags["decision"] == "rolled_back"


def test_a_rollback_that_is_undone_leaves_both_versions_in_honour(fork):
    loop = fork()
    before, tags = loop.files(), [loop.registry.get(number).tags for number in (1, 2)]
    assert loop.job("iris_rollback").success
    assert loop.job("iris_rollback").success
    assert loop.aliases() == {"staging": 3, "production": 2, "previous": 1}
    after = {name: kept for name, kept in loop.files().items() if name in before}
    assert (after, [loop.registry.get(number).tags for number in (1, 2)]) == (before, tags)
    moves = [(move.kind, move.left, move.to, move.state) for move in loop.life.journal.moves()]
    assert moves == [
        ("promotion", 1, 2, "done"),
        ("rollback", 2, 1, "done"),
        ("rollback", 1, 2, "done"),
    ]


def test_what_was_rolled_back_is_not_brought_back_by_the_loop(fork):
    loop = fork()
    assert loop.job("iris_rollback").success
    # Of the regime that version 2 was promoted on, and is better at than version 1.
    run = loop.daily("2026-01-07")
    assert run.success, run.message
    assert run.metadata("drift_report")["rollback"] is False
    assert loop.store.record("iris", "drift_report", "2026-01-07")["beside"] == []


def test_a_rollback_without_a_previous_version_is_refused_and_changes_nothing(fork):
    loop = fork()
    loop.mlflow.delete_registered_model_alias("iris", "previous")
    before = loop.files()
    run = loop.job("iris_rollback")
    assert not run.success
    assert "There is nothing to roll back to" in run.message
    assert loop.aliases() == {"staging": 3, "production": 2}
    assert loop.files() == before


def test_a_rollback_without_any_production_says_what_to_materialize(fresh):
    run = fresh().job("iris_rollback")
    assert not run.success
    assert "Materialize iris/baseline_model first" in run.message


def test_approval_makes_the_waiting_candidate_production(fork):
    loop = waiting(fork)
    run = loop.job("iris_approve")
    assert run.success, run.message
    assert loop.aliases() == {"staging": 2, "production": 2, "previous": 1}
    told = run.metadata("production_model")
    assert told["decision"] == "promoted"
    assert told["production_version"] == told["candidate_version"] == 2
    kept = loop.store.record("iris", "production_model", PROMOTED)
    assert kept["record"]["decision"] == "promoted"
    assert loop.registry.get(2).tags["decision"] == "promoted"


def test_an_approval_is_given_once(fork):
    loop = waiting(fork)
    assert loop.job("iris_approve").success
    before = loop.files()
    again = loop.job("iris_approve")
    assert not again.success
    assert "No candidate of iris waits for approval" in again.message
    assert loop.files() == before


def test_nothing_is_approved_where_nothing_waits(fork):
    loop = fork()
    run = loop.job("iris_approve")
    assert not run.success
    assert run.message == "No candidate of iris waits for approval. Nothing changed."
    assert loop.aliases() == {"staging": 3, "production": 2, "previous": 1}


def test_an_approval_is_refused_when_production_is_another_version_by_now(fork):
    loop = waiting(fork)
    loop.mlflow.set_registered_model_alias("iris", "production", "3")
    before = loop.files()
    run = loop.job("iris_approve")
    assert not run.success
    assert "is version 3 by now" in run.message
    assert loop.aliases()["production"] == 3
    assert loop.files() == before


def test_a_candidate_waits_on_when_a_later_one_is_refused(fork):
    loop = waiting(fork)
    loop.mlflow.set_registered_model_alias("iris", "staging", "3")
    assert loop.job("iris_approve").success
    assert loop.aliases()["production"] == 2


def test_where_production_was_deleted_a_rollback_puts_the_one_before_in_its_place(fork):
    loop = fork()
    loop.mlflow.delete_model_version("iris", "2")
    run = loop.job("iris_rollback")
    assert run.success, run.message
    assert loop.aliases() == {"staging": 3, "production": 1}
    (observed,) = run.observations()
    assert observed.description == "Production of iris went back to 1."
    assert loop.life.journal.moves()[-1].left is None
