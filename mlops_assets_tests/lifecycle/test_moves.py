"""A move that was cut short is finished, whatever somebody has deleted meanwhile."""

import datetime as dt

import pytest

from mlops_assets.errors import UserError
from mlops_assets.lifecycle.journal import Mark, Move
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.memory import MemoryRegistry, MemoryStore
from mlops_assets.lifecycle.moves import finish_begun, roll_back
from mlops_assets.promotion.registry import ProductionChangedError
from mlops_assets_tests.examples import iris_spec

BACK = Move(
    id="rollback-person",
    kind="rollback",
    left=2,
    to=1,
    begun=dt.datetime(2026, 1, 3, tzinfo=dt.UTC),
    marks=(Mark(version=2, partition="2026-01-02", decision="rolled_back"),),
)


@pytest.fixture
def life():
    """Version 2 in production, 1 before it, and a rollback from one to the other just begun."""
    registry = MemoryRegistry("iris")
    registry.promote(registry.register("one"), None)
    registry.promote(registry.register("two", {"partition": "2026-01-02"}), registry.get(1))
    life = Life(iris_spec(), MemoryStore(), registry)
    life.journal.keep_move(BACK)
    return life


def states(life: Life) -> list[str]:
    return [move.state for move in life.journal.moves()]


def test_only_what_was_begun_is_finished(life):
    assert [move.state for move in finish_begun(life)] == ["done"]
    assert life.registry.in_use().number == 1
    assert finish_begun(life) == []
    assert states(life) == ["done"]


def test_what_was_left_may_be_deleted_once_production_has_moved(life):
    life.registry.promote(life.registry.get(1), life.registry.get(2))
    life.registry.delete(life.registry.get(2))
    assert roll_back(life, "person").state == "done"
    assert states(life) == ["done"]
    assert (life.registry.in_use().number, life.registry.previous()) == (1, None)


def test_where_what_was_left_is_deleted_before_anything_moved_it_is_given_up(life):
    life.registry.delete(life.registry.get(2))
    with pytest.raises(ProductionChangedError, match="no version 2"):
        roll_back(life, "person")
    assert states(life) == ["given up"]
    assert life.registry.version("production") is None


def test_where_what_it_moves_to_is_deleted_it_is_given_up(life):
    life.registry.delete(life.registry.get(1))
    (move,) = finish_begun(life)
    assert (move.state, "no version 1" in move.why) == ("given up", True)
    assert life.registry.in_use().number == 2


def test_a_move_that_was_given_up_says_why_when_it_is_asked_for_again(life):
    life.registry.promote(life.registry.register("three"), life.registry.get(2))
    finish_begun(life)
    with pytest.raises(UserError, match="version 3 by now"):
        roll_back(life, "person")
    assert life.registry.in_use().number == 3


@pytest.mark.parametrize("known", [True, False])
def test_what_is_given_up_half_way_leaves_previous_as_it_was(life, known):
    """Killed between its two aliases; then the version that it moves to is deleted."""
    finish_begun(life)  # version 1 is in production, and 2 was before it
    if not known:
        life.registry.delete(life.registry.get(2))
    three = life.registry.register("three")
    life.journal.keep_move(Move(id="a", kind="approval", left=1, to=3, begun=BACK.begun))
    life.registry.set_alias("previous", life.registry.get(1))
    life.registry.delete(three)
    assert [move.state for move in finish_begun(life)] == ["given up"]
    previous = life.registry.previous()
    assert life.registry.in_use().number == 1
    assert (previous.number if previous else None) == (2 if known else None)
