"""A few simulated lives; and that their checks see a rule that is broken on purpose."""

from dataclasses import replace

import pytest

from bench.lives.life import BrokenPromiseError, SimulatedLife
from bench.lives.sometimes import EVENTS, SOMETIMES, WRITES
from mlops_assets.lifecycle.rows import _Table
from mlops_assets.promotion.registry import Versions

LIVES = range(4)
BROKEN_WITHIN = range(80)  # lives until a broken rule is seen


def first_broken() -> str:
    """What the first life says that breaks a promise."""
    for seed in BROKEN_WITHIN:
        try:
            SimulatedLife(seed, interrupted=0.9).live(80)
        except BrokenPromiseError as error:
            return str(error)
    return f"nothing, in {len(BROKEN_WITHIN)} lives"


@pytest.mark.parametrize("seed", LIVES)
def test_a_life_keeps_what_is_promised(seed):
    happened = SimulatedLife(seed, interrupted=0.9).live(120)
    assert happened["a report: no drift"] > 5
    interrupted = {what for what in happened if what.startswith(("killed", "away"))}
    assert interrupted
    assert {what for what in interrupted if "killed" in what} <= set(SOMETIMES)


def test_a_life_is_lived_again_by_its_seed():
    assert SimulatedLife(3).live(30) == SimulatedLife(3).live(30)
    assert SimulatedLife(3).live(30) != SimulatedLife(4).live(30)


def test_what_has_to_happen_is_listed_once():
    assert len(set(SOMETIMES)) == len(SOMETIMES)
    assert len(SOMETIMES) > len(EVENTS) + 2 * len(WRITES)


def test_a_move_that_is_never_finished_is_seen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bench.lives.life.finish_begun", lambda _: [])
    assert "unfinished" in first_broken()


def test_a_promotion_without_a_look_at_production_is_seen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Versions, "_compare", lambda *_: None)
    assert "the decision was made against" in first_broken()


def test_production_that_moves_before_previous_is_seen(monkeypatch: pytest.MonkeyPatch):
    def promote(self, candidate, expected_production):
        before = self.version("production")
        if before != candidate:
            self._compare(before, expected_production)
            self.set_alias("production", candidate)
            if before:
                self.set_alias("previous", before)
        if self.previous() == candidate:
            self.delete_alias("previous")
        if "first_production_version" not in self._tags():
            self._set_tag("first_production_version", str(candidate.number))

    monkeypatch.setattr(Versions, "promote", promote)
    assert "cut short and retried, differs" in first_broken()


def test_learning_from_rows_that_are_judged_on_is_seen(monkeypatch: pytest.MonkeyPatch):
    split = _Table.parts

    def parts(self, judged):
        return replace(split(self, judged), learn=split(self, judged & False).learn)

    monkeypatch.setattr(_Table, "parts", parts)
    assert "rows that it was trained on" in first_broken()
