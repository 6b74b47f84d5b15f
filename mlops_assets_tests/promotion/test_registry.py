"""Aliases, in a real MLflow and in memory: compared before they move, and safe to interrupt."""

import pickle
import sqlite3
import threading
from contextlib import closing

import pytest
from mlflow import MlflowClient

from mlops_assets.errors import AwayError, UserError
from mlops_assets.lifecycle.memory import MemoryRegistry
from mlops_assets.promotion.registry import (
    NoSuchVersionError,
    ProductionChangedError,
    Registry,
    Version,
)
from mlops_assets.training.model_format import ChangedModelError, Digest


@pytest.fixture
def in_mlflow(mlflow_uri, tmp_path):
    client = MlflowClient(mlflow_uri, mlflow_uri)
    experiment = client.create_experiment("iris", artifact_location=(tmp_path / "art").as_uri())
    client.create_registered_model("iris")
    for number in (1, 2, 3):
        run = client.create_run(experiment)
        client.create_model_version(
            "iris",
            source=run.info.artifact_uri,
            run_id=run.info.run_id,
            tags={"partition": f"2026-01-0{number}"},
        )
    return Registry("iris", mlflow_uri, tmp_path / "locks")


@pytest.fixture
def in_memory():
    kept = MemoryRegistry("iris")
    for number in (1, 2, 3):
        kept.register(f"model {number}", {"partition": f"2026-01-0{number}"})
    return kept


@pytest.fixture(params=["in_mlflow", "in_memory"])
def registry(request):
    """Both keep the same rules."""
    return request.getfixturevalue(request.param)


def delete(registry, number):
    if isinstance(registry, MemoryRegistry):
        registry.delete(registry.get(number))
    else:
        MlflowClient(registry.tracking_uri, registry.tracking_uri).delete_model_version(
            "iris", str(number)
        )


def numbers(registry):
    aliases = ("production", "previous")
    return tuple(found.number if (found := registry.version(a)) else None for a in aliases)


def test_the_first_version_becomes_production_and_stays_known_as_the_first(registry):
    assert registry.version("production") is None
    registry.promote(registry.get(2), None)
    assert numbers(registry) == (2, None)
    registry.promote(registry.get(3), registry.get(2))
    assert registry.first().number == 2


def test_where_the_first_version_was_deleted_a_new_baseline_takes_its_place(registry):
    registry.promote(registry.get(1), None)
    registry.promote(registry.get(2), registry.get(1))
    registry.replace_lost_first(registry.get(3))
    assert registry.first().number == 1  # it is not lost
    delete(registry, 1)
    with pytest.raises(UserError, match="Materialize iris/baseline_model again"):
        registry.first()
    registry.replace_lost_first(registry.get(3))
    assert registry.first().number == 3


def test_the_first_version_is_not_replaced_because_the_registry_does_not_answer(in_memory):
    in_memory.promote(in_memory.get(1), None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryRegistry, "_find", lambda *_: (_ for _ in ()).throw(AwayError("away")))
        with pytest.raises(AwayError):
            in_memory.replace_lost_first(Version(3, "run-3"))
    assert in_memory.first().number == 1


def test_a_promotion_keeps_what_it_replaces_as_previous(registry):
    registry.promote(registry.get(1), None)
    registry.promote(registry.get(2), registry.in_use())
    assert numbers(registry) == (2, 1)
    assert registry.in_use().tags["partition"] == "2026-01-02"


def test_a_decision_against_another_production_moves_nothing(registry):
    one, two, three = map(registry.get, (1, 2, 3))
    registry.promote(one, None)
    registry.promote(two, one)
    with pytest.raises(ProductionChangedError, match=r"is version 2 by now.*against version 1"):
        registry.promote(three, one)
    with pytest.raises(ProductionChangedError, match="against none"):
        registry.promote(three, None)
    with pytest.raises(ProductionChangedError, match="against version 1"):
        registry.expect(one)
    registry.expect(two)
    assert numbers(registry) == (2, 1)


def test_promoting_again_after_an_interruption_changes_nothing(registry):
    one, two = registry.get(1), registry.get(2)
    registry.promote(one, None)
    registry.promote(two, one)
    registry.promote(two, one)
    assert numbers(registry) == (2, 1)


def test_killed_between_the_two_moves_production_is_still_the_old_one(registry):
    one, two = registry.get(1), registry.get(2)
    registry.promote(one, None)
    registry.set_alias("previous", one)
    assert numbers(registry) == (1, 1)
    registry.promote(two, one)
    assert numbers(registry) == (2, 1)


def test_where_production_was_deleted_it_says_so_and_offers_previous(registry):
    registry.promote(registry.get(1), None)
    registry.promote(registry.get(2), registry.get(1))
    delete(registry, 2)
    with pytest.raises(UserError, match=r"not in \w+ any more.*Version 1 was.*iris_rollback"):
        registry.in_use()
    registry.promote(registry.get(1), None)
    assert numbers(registry) == (1, None)
    delete(registry, 1)
    with pytest.raises(UserError, match=r"no version before it.*iris/baseline_model again"):
        registry.in_use()


def test_an_alias_of_a_version_that_is_gone_is_none(in_mlflow, mlflow_uri):
    registry = in_mlflow
    registry.promote(registry.get(1), None)
    registry.promote(registry.get(2), registry.get(1))
    # What deleting a version over REST leaves behind (mlflow#24825).
    with closing(sqlite3.connect(mlflow_uri.removeprefix("sqlite:///"))) as database, database:
        database.execute(
            "UPDATE registered_model_aliases SET version = 9 WHERE alias = 'production'"
        )
    assert numbers(registry) == (None, 1)


def test_a_model_that_was_never_registered_has_no_production(mlflow_uri):
    for tulip in (Registry("tulip", mlflow_uri), MemoryRegistry("tulip")):
        with pytest.raises(UserError, match="tulip/baseline_model first"):
            tulip.in_use()


def test_without_production_every_message_says_what_to_do(registry):
    for call in (registry.in_use, registry.first):
        with pytest.raises(UserError, match="baseline_model first"):
            call()
    with pytest.raises(UserError, match="no version 9 of 'iris'"):
        registry.get(9)


def test_the_evidence_of_a_decision_is_kept_with_its_candidate(registry):
    assert registry.evidence(registry.get(2)) is None
    registry.keep_evidence(registry.get(2), {"decision": "rejected", "reasons": ["worse"]})
    assert registry.evidence(registry.get(2)) == {"decision": "rejected", "reasons": ["worse"]}
    registry.keep_evidence(registry.get(2), {"decision": "promoted", "data": ("x", 1.5, None)})
    assert registry.evidence(registry.get(2)) == {"decision": "promoted", "data": ["x", 1.5, None]}


def test_evidence_is_a_file_of_the_candidates_run(in_mlflow, mlflow_uri):
    in_mlflow.keep_evidence(in_mlflow.get(2), {"decision": "rejected"})
    client = MlflowClient(mlflow_uri, mlflow_uri)
    files = [file.path for file in client.list_artifacts(in_mlflow.get(2).run_id)]
    assert files == ["decision.json"]


def test_tags_and_staging_can_be_set(registry):
    known = registry.get(3)
    registry.set_tags(known, {"note": "x"})
    registry.set_alias("staging", registry.get(3))
    assert registry.version("staging").tags == {"partition": "2026-01-03", "note": "x"}
    assert "note" not in known.tags  # it says what they were then
    assert registry.version("staging") == known


def test_a_version_that_is_gone_can_be_given_neither_alias_nor_tag(registry):
    gone = registry.get(3)
    delete(registry, 3)
    with pytest.raises(NoSuchVersionError, match="no version 3"):
        registry.get(3)
    for change in (
        lambda: registry.set_alias("staging", gone),
        lambda: registry.set_tags(gone, {"note": "x"}),
    ):
        with pytest.raises(Exception, match=r"(?i)version.*3"):
            change()
    assert registry.version("staging") is None


def test_a_model_is_not_loaded_where_tag_and_record_disagree(registry):
    registry.set_tags(registry.get(1), Digest.of(b"one").tags())
    with pytest.raises(ChangedModelError, match="not what was recorded"):
        registry.load(registry.get(1), Digest.of(b"another"))


def test_a_number_is_never_given_twice(in_memory):
    delete(in_memory, 3)
    assert in_memory.register("model 4").number == 4
    assert [version.number for version in in_memory.every()] == [1, 2, 4]


def test_what_is_in_memory_outlives_a_pickle(in_memory):
    in_memory.promote(in_memory.get(1), None)
    in_memory.keep_evidence(in_memory.get(1), {"decision": "promoted"})
    again = pickle.loads(pickle.dumps(in_memory))
    assert again.load(again.in_use()) == "model 1"
    assert again.evidence(again.first()) == {"decision": "promoted"}
    again.promote(again.get(2), again.get(1))
    assert numbers(again) == (2, 1)
    assert numbers(in_memory) == (1, None)


def test_a_deleted_model_in_memory_is_not_loaded(in_memory):
    gone = in_memory.get(2)
    delete(in_memory, 2)
    with pytest.raises(ChangedModelError, match="version 2 of 'iris' is not there"):
        in_memory.load(gone)


def test_of_two_promotions_at_once_one_moves_production(in_mlflow):
    registry = in_mlflow
    one = registry.get(1)
    registry.promote(one, None)
    refused = []

    def promote(number):
        try:
            registry.promote(registry.get(number), one)
        except ProductionChangedError as error:
            refused.append(error)

    threads = [threading.Thread(target=promote, args=(number,)) for number in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert registry.previous() == one
    assert registry.in_use().number in (2, 3)
