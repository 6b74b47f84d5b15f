"""What a retraining learns from and is judged on, folded from the records of earlier days."""

import pytest

from mlops_assets.errors import UserError
from mlops_assets.lifecycle.augmented_dataset import augment
from mlops_assets.lifecycle.drifted_batch import take_batch
from mlops_assets.lifecycle.lineage import decided_before, lineage
from mlops_assets.lifecycle.moves import roll_back
from mlops_assets_tests.lifecycle import made

DAY, NEXT, OTHER = made.DRIFTED, made.AGAIN, "2026-01-04"


@pytest.fixture
def life():
    return made.promoted()


def bring(life, day, shift, seed=8):
    life.source.tables[day] = made.table(300, seed, shift=shift)
    return made.report(life, day)


def test_a_day_without_a_report_says_what_to_do(life):
    with pytest.raises(UserError, match=f"no record of small/drift_report of {NEXT}"):
        lineage(life, NEXT)


def test_the_first_day_of_a_regime_learns_from_itself():
    one = made.life()
    made.baseline(one)
    made.report(one, DAY)
    found = lineage(one, DAY)
    assert (found.regime, found.regime_partitions, found.regime_rows) == (DAY, (DAY,), 300)
    assert found.training_partitions == (DAY,)
    assert found.already_known is None


def test_alike_days_are_judged_together(life):
    made.report(life, NEXT)
    found = lineage(life, NEXT)
    assert (found.regime, found.regime_rows) == (DAY, 600)
    assert found.regime_partitions == (DAY, NEXT)
    assert "600" in found.already_known


def test_a_new_regime_learns_from_promoted_ones_and_is_judged_on_itself(life):
    bring(life, OTHER, shift=-8)
    found = lineage(life, OTHER)
    assert found.regime_partitions == (OTHER,)
    assert found.training_partitions == (DAY, OTHER)


def test_a_regime_that_was_not_promoted_is_not_learned_from(life):
    roll_back(life, "a person")
    bring(life, OTHER, shift=-8)
    assert lineage(life, OTHER).training_partitions == (OTHER,)


def test_later_days_play_no_part(life):
    bring(life, OTHER, shift=-8)
    made.retrain(life, OTHER)
    made.report(life, NEXT)
    found = lineage(life, NEXT)
    assert OTHER not in (*found.regime_partitions, *found.training_partitions)


def test_a_decision_stands_for_the_rows_that_it_was_made_on(life):
    assert "promoted" in decided_before(life, DAY, 300)
    life.source.tables[DAY] = made.table(300, 9, shift=6)
    take_batch(life, DAY)
    assert decided_before(life, DAY, 300) is None


def test_a_dataset_that_was_made_again_and_led_to_nothing_does_not_make_a_decision_stand(life):
    life.source.tables[DAY] = made.table(300, 9, shift=6)
    made.report(life, DAY)
    augment(life, DAY, judge_again=True)  # and the process ends here
    assert decided_before(life, DAY, 300) is None
    assert made.retrain(life, DAY).decided


def test_a_day_that_was_never_decided_on_has_no_decision(life):
    assert decided_before(life, NEXT, 300) is None


def test_a_decision_stands_where_nobody_can_tell_any_more(life):
    del life.store._tables["small", "learned_rows", "version-2"]
    assert decided_before(life, DAY, 300)  # its dataset tells
    del life.store._tables["small", "augmented_dataset", DAY]
    assert decided_before(life, DAY, 300)
    life.source.tables[DAY] = made.table(300, 9, shift=6)
    take_batch(life, DAY)
    assert decided_before(life, DAY, 300)


def test_nothing_is_said_of_a_decision_while_its_dataset_cannot_be_read(life, monkeypatch):
    def fails(*_):
        raise UserError("the disk has failed")

    monkeypatch.setattr(type(life.store), "read", fails)
    with pytest.raises(UserError, match="the disk has failed"):
        decided_before(life, DAY, 300)
