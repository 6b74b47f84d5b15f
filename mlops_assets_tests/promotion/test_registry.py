"""Aliases in a real MLflow: compared before they move, and safe to interrupt."""

import sqlite3
import threading
from contextlib import closing

import pytest
from mlflow import MlflowClient

from mlops_assets.errors import UserError
from mlops_assets.promotion.registry import ProductionChangedError, Registry


@pytest.fixture
def registry(mlflow_uri, tmp_path):
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
    MlflowClient(registry.tracking_uri, registry.tracking_uri).delete_model_version("iris", "1")
    with pytest.raises(UserError, match="Materialize iris/baseline_model again"):
        registry.first()
    registry.replace_lost_first(registry.get(3))
    assert registry.first().number == 3


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


def test_where_production_was_deleted_it_says_so_and_offers_previous(registry, mlflow_uri):
    client = MlflowClient(mlflow_uri, mlflow_uri)
    registry.promote(registry.get(1), None)
    registry.promote(registry.get(2), registry.get(1))
    client.delete_model_version("iris", 2)
    with pytest.raises(UserError, match=r"not in MLflow any more.*Version 1 was.*iris_rollback"):
        registry.in_use()
    registry.promote(registry.get(1), None)
    assert numbers(registry) == (1, None)
    client.delete_model_version("iris", "1")
    with pytest.raises(UserError, match=r"no version before it.*iris/baseline_model again"):
        registry.in_use()


def test_an_alias_of_a_version_that_is_gone_is_none(registry, mlflow_uri):
    registry.promote(registry.get(1), None)
    registry.promote(registry.get(2), registry.get(1))
    # What deleting a version over REST leaves behind (mlflow#24825).
    with closing(sqlite3.connect(mlflow_uri.removeprefix("sqlite:///"))) as database, database:
        database.execute(
            "UPDATE registered_model_aliases SET version = 9 WHERE alias = 'production'"
        )
    assert numbers(registry) == (None, 1)


def test_without_production_every_message_says_what_to_do(registry, mlflow_uri):
    for call in (registry.in_use, registry.first, lambda: Registry("tulip", mlflow_uri).in_use()):
        with pytest.raises(UserError, match="baseline_model first"):
            call()
    with pytest.raises(UserError, match="no version 9 of 'iris'"):
        registry.get(9)


def test_the_evidence_of_a_decision_is_kept_with_its_candidate(registry, mlflow_uri):
    assert registry.evidence(registry.get(2)) is None
    registry.keep_evidence(registry.get(2), {"decision": "rejected", "reasons": ["worse"]})
    assert registry.evidence(registry.get(2)) == {"decision": "rejected", "reasons": ["worse"]}
    client = MlflowClient(mlflow_uri, mlflow_uri)
    files = [file.path for file in client.list_artifacts(registry.get(2).run_id)]
    assert files == ["decision.json"]


def test_tags_and_staging_can_be_set(registry):
    registry.set_tags(registry.get(3), {"note": "x"})
    registry.set_alias("staging", registry.get(3))
    assert registry.version("staging").tags["note"] == "x"


def test_of_two_promotions_at_once_one_moves_production(registry):
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
