"""Production moves once for each wish, whatever was cut short; `test_crash_points.py` kills it."""

import datetime as dt

import pytest

from mlops_assets.errors import UserError
from mlops_assets.lifecycle.journal import Mark, Move
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.memory import MemoryRegistry, MemoryStore
from mlops_assets.lifecycle.moves import approve, finish_begun, promote, roll_back
from mlops_assets.promotion.registry import ProductionChangedError
from mlops_assets_tests.lifecycle import made

DAY = made.DRIFTED
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
    return made.promoted()


@pytest.fixture
def waiting():
    """Version 2 passed all checks, and a person has to agree."""
    one = made.life(gate=made.SETTINGS["gate"] | {"approval": "manual"})
    made.baseline(one)
    made.report(one, DAY)
    assert made.retrain(one, DAY).decision == "awaiting_approval"
    return one


def aliases(life):
    return {name: int(number) for name, number in life.registry._aliases().items()}


def history(life):
    return [(move.kind, move.left, move.to, move.state) for move in life.journal.moves()]


def states(life):
    return [move.state for move in life.journal.moves()]


def called(life, number=2):
    return life.registry.get(number).tags["decision"], life.journal.decided(DAY).decision


class TestPromote:
    def test_it_is_recorded_with_the_decision_and_told_by_the_tags(self, life):
        assert aliases(life) == {"production": 2, "previous": 1, "staging": 2}
        assert history(life) == [("promotion", 1, 2, "done")]
        assert called(life) == ("promoted", "promoted")
        (move,) = life.journal.moves()
        assert move.decided == life.journal.decided(DAY)

    def test_carried_out_again_it_is_the_same_move(self, life):
        decided = life.journal.decided(DAY)
        promote(life, life.registry.get(2), life.registry.get(1), decided)
        assert history(life) == [("promotion", 1, 2, "done")]
        assert aliases(life)["previous"] == 1

    def test_nothing_moves_and_nothing_is_kept_where_production_is_another(self, life):
        decided = life.journal.decided(DAY)
        third = life.registry.register(life.registry.load(life.registry.get(1)))
        with pytest.raises(ProductionChangedError, match="version 2 by now"):
            promote(life, third, life.registry.get(1), decided)
        assert history(life) == [("promotion", 1, 2, "done")]
        assert aliases(life)["production"] == 2


class TestRollBack:
    def test_production_goes_back_and_the_decision_is_called_so(self, life):
        move = roll_back(life, "a person")
        assert (move.left, move.to, move.state) == (2, 1, "done")
        assert aliases(life) == {"production": 1, "previous": 2, "staging": 2}
        assert called(life) == ("rolled_back", "rolled_back")
        assert life.journal.decisions()[0].decision == "rolled_back"

    def test_asked_again_by_the_same_it_stays(self, life):
        first = roll_back(life, "run 1")
        assert roll_back(life, "run 1") == first
        assert aliases(life)["production"] == 1

    def test_a_second_one_undoes_the_first(self, life):
        roll_back(life, "run 1")
        roll_back(life, "run 2")
        assert aliases(life) == {"production": 2, "previous": 1, "staging": 2}
        assert called(life) == ("promoted", "promoted")

    def test_of_a_version_that_is_left_already_nothing_is_done(self, life):
        assert roll_back(life, "run 1", expected=7) is None
        assert history(life) == [("promotion", 1, 2, "done")]

    def test_without_a_version_before_it_there_is_nothing_to_go_back_to(self):
        one = made.life()
        made.baseline(one)
        with pytest.raises(UserError, match="nothing to roll back to: 'small' version 1"):
            roll_back(one, "a person")
        assert history(one) == []

    def test_where_production_was_deleted_the_one_before_takes_its_place(self, life):
        life.registry.delete(life.registry.get(2))
        move = roll_back(life, "a person")
        assert (move.left, move.to, move.state, move.marks) == (None, 1, "done", ())
        assert aliases(life) == {"production": 1}
        assert life.registry.in_use().number == 1

    def test_where_both_were_deleted_it_says_what_to_do(self, life):
        for number in (1, 2):
            life.registry.delete(life.registry.get(number))
        with pytest.raises(UserError, match="There is no version before it"):
            roll_back(life, "a person")

    def test_a_home_that_earlier_code_left_between_its_two_alias_moves_is_understood(self, life):
        """It moved `previous` first, kept no record of it, and was cut before `production`."""
        life.registry.set_alias("previous", life.registry.get(2))
        assert aliases(life)["production"] == aliases(life)["previous"] == 2
        move = roll_back(life, "a person")
        assert (move.left, move.to) == (2, 1)
        assert aliases(life) == {"production": 1, "previous": 2, "staging": 2}

    def test_without_a_promotion_to_tell_it_refuses_such_a_home(self, life):
        kept = life.journal.decided(DAY)
        life.journal.keep_decided(kept.renamed("rejected"))
        life.registry.set_alias("previous", life.registry.get(2))
        with pytest.raises(UserError, match="nothing to roll back to"):
            roll_back(life, "a person")

    def test_the_first_model_gets_no_mark(self, life):
        roll_back(life, "run 1")
        back = roll_back(life, "run 2")
        assert [mark.version for mark in back.marks] == [2]
        assert "decision" not in life.registry.get(1).tags


class TestApprove:
    def test_the_candidate_that_waits_is_promoted(self, waiting):
        move = approve(waiting, "a person")
        assert (move.kind, move.left, move.to, move.state) == ("approval", 1, 2, "done")
        assert aliases(waiting) == {"production": 2, "previous": 1, "staging": 2}
        assert called(waiting) == ("promoted", "promoted")

    def test_it_is_given_once(self, waiting):
        first = approve(waiting, "run 1")
        assert approve(waiting, "run 1") == first
        with pytest.raises(UserError, match="No candidate of small waits for approval"):
            approve(waiting, "run 2")

    def test_it_is_refused_where_production_is_another_by_now(self, waiting):
        third = waiting.registry.register(waiting.registry.load(waiting.registry.get(1)))
        waiting.registry.promote(third, waiting.registry.get(1))
        with pytest.raises(ProductionChangedError):
            approve(waiting, "a person")
        assert history(waiting) == []
        assert called(waiting) == ("awaiting_approval", "awaiting_approval")


class TestFinishBegun:
    def begun(self, life):
        """A rollback that was recorded, and cut before anything moved."""
        roll_back(life, "run 1")
        move = life.journal.moves()[-1]
        life.journal.keep_move(move.model_copy(update={"state": "begun"}))
        life.journal.rename_decided(move.marks[0].model_copy(update={"decision": "promoted"}))
        life.registry.set_tags(life.registry.get(2), {"decision": "promoted"})
        life.registry.set_alias("previous", life.registry.get(1))
        life.registry.set_alias("production", life.registry.get(2))
        return move

    def test_it_is_carried_out_to_its_end(self, life):
        move = self.begun(life)
        assert finish_begun(life) == [move]
        assert aliases(life) == {"production": 1, "previous": 2, "staging": 2}
        assert called(life) == ("rolled_back", "rolled_back")
        assert finish_begun(life) == []

    def test_whoever_asks_again_finishes_it(self, life):
        move = self.begun(life)
        assert roll_back(life, "run 1") == move
        assert aliases(life)["production"] == 1

    def test_it_is_given_up_where_production_has_moved_since(self, life):
        self.begun(life)
        third = life.registry.register(life.registry.load(life.registry.get(1)))
        life.registry.promote(third, life.registry.get(2))
        (move,) = finish_begun(life)
        assert move.state == "given up"
        assert "version 3 by now" in move.why
        assert aliases(life)["production"] == 3
        assert called(life) == ("promoted", "promoted")
        with pytest.raises(ProductionChangedError, match="version 3 by now"):
            roll_back(life, "run 1")

    def test_it_is_given_up_where_its_version_was_deleted(self, life):
        self.begun(life)
        life.registry.delete(life.registry.get(1))
        (move,) = finish_begun(life)
        assert (move.state, aliases(life)["production"]) == ("given up", 2)
        assert "no version 1" in move.why


class TestCutShort:
    """Whatever somebody has deleted meanwhile."""

    @pytest.fixture
    def life(self):
        """Version 2 in production, 1 before it, and a rollback from one to the other just begun."""
        registry = MemoryRegistry("small")
        registry.promote(registry.register("one"), None)
        registry.promote(registry.register("two", {"partition": "2026-01-02"}), registry.get(1))
        life = Life(made.spec(), MemoryStore(), registry)
        life.journal.keep_move(BACK)
        return life

    def test_only_what_was_begun_is_finished(self, life):
        assert [move.state for move in finish_begun(life)] == ["done"]
        assert life.registry.in_use().number == 1
        assert finish_begun(life) == []
        assert states(life) == ["done"]

    def test_what_was_left_may_be_deleted_once_production_has_moved(self, life):
        life.registry.promote(life.registry.get(1), life.registry.get(2))
        life.registry.delete(life.registry.get(2))
        assert roll_back(life, "person").state == "done"
        assert states(life) == ["done"]
        assert (life.registry.in_use().number, life.registry.previous()) == (1, None)

    def test_where_what_was_left_is_deleted_before_anything_moved_it_is_given_up(self, life):
        life.registry.delete(life.registry.get(2))
        with pytest.raises(ProductionChangedError, match="no version 2"):
            roll_back(life, "person")
        assert states(life) == ["given up"]
        assert life.registry.version("production") is None

    def test_where_what_it_moves_to_is_deleted_it_is_given_up(self, life):
        life.registry.delete(life.registry.get(1))
        (move,) = finish_begun(life)
        assert (move.state, "no version 1" in move.why) == ("given up", True)
        assert life.registry.in_use().number == 2

    def test_a_move_that_was_given_up_says_why_when_it_is_asked_for_again(self, life):
        life.registry.promote(life.registry.register("three"), life.registry.get(2))
        finish_begun(life)
        with pytest.raises(UserError, match="version 3 by now"):
            roll_back(life, "person")
        assert life.registry.in_use().number == 3

    @pytest.mark.parametrize("known", [True, False])
    def test_what_is_given_up_half_way_leaves_previous_as_it_was(self, life, known):
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
