"""What is promised of a life, looked at after every step."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from bench.lives.interruption import WatchedRegistry
from bench.lives.world import KEY, Drawn
from mlops_assets.lifecycle.journal import Journal
from mlops_assets.lifecycle.life import Life
from mlops_assets.promotion.gate import Decision, decide
from mlops_assets.promotion.registry import Version

# What the decision on one and the same candidate may be called next.
RENAMED = {
    ("awaiting_approval", "promoted"),
    ("promoted", "rolled_back"),
    ("rolled_back", "promoted"),  # a person undoes a rollback
}


class BrokenPromiseError(AssertionError):
    """Something that is promised did not hold."""


def promised(holds: bool, what: str) -> None:
    """Fail where something does not hold."""
    if not holds:
        raise BrokenPromiseError(what)


class Promises:
    """Remembers what it takes to tell whether the promises hold.

    ``learned`` has the rows of each training, by its key; ``by_hand`` the versions that a person
    has put into production, and ``deleted`` those that somebody has deleted.
    """

    def __init__(self) -> None:
        self.learned: dict[str, frozenset[int]] = {}
        self.by_hand: set[int] = set()
        self.deleted: set[int] = set()
        self.approved: set[int] = set()
        self.aliases_by_hand = False
        self._had_production = False
        self._moves: dict[str, str] = {}  # their states
        self._decisions: dict[tuple[str, int], Mapping[str, Any]] = {}
        self._fit_for_production: set[int] = set()

    def after_step(self, life: Life) -> None:
        """A step has come to its end, or was cut short and taken up again."""
        begun = [name for name, state in self._moves.items() if state == "begun"]
        promised(not begun, f"left unfinished by the next step: {begun}")
        self.production_loads(life)
        production, previous = life.registry.version("production"), life.registry.previous()
        promised(
            production is None or production != previous or self.aliases_by_hand,
            f"previous is production: version {production.number if production else None}",
        )

    def production_loads(self, life: Life) -> None:
        """Whatever is in production can be loaded, and has a right to be there."""
        production = life.registry.version("production")
        if production is None:
            promised(
                bool(self.deleted) or not self._had_production,
                "there is no production, and nobody has deleted it",
            )
            return
        self._had_production = True
        life.load(production)
        if production.number not in self._fit_for_production:
            self._passed_the_gate(life, production)
            self._fit_for_production.add(production.number)

    def _passed_the_gate(self, life: Life, version: Version) -> None:
        if "partition" not in version.tags or version.number in self.by_hand:
            return
        kept = life.registry.evidence(version)
        promised(kept is not None, f"version {version.number} is in production undecided")
        decision = Decision.model_validate({name: (kept or {})[name] for name in _OF_A_DECISION})
        promised(
            decide(decision.evidence, decision.policy) == decision,
            f"the evidence of version {version.number} does not give its decision again",
        )
        approved = decision.decision == "awaiting_approval" and version.number in self.approved
        promised(
            decision.decision == "promoted" or approved,
            f"version {version.number} is in production, and was {decision.decision}",
        )

    def judged(self, life: Life, comparing: Drawn, *versions: int) -> None:
        """Versions were compared: on rows that none of them has learned from."""
        for number in versions:
            learned = self.learned[life.registry.get(number).tags[KEY]]
            for what, rows in (("evaluation", comparing.judged), ("holdout", comparing.holdout)):
                known = learned & rows
                promised(
                    not known,
                    f"version {number} was judged on {len(known)} of {len(rows)} {what} rows that "
                    f"it was trained on: {sorted(known)[:5]}",
                )

    def proved(self, version: Version) -> None:
        """A version has new evidence: whether it may be in production is to be seen again."""
        self._fit_for_production.discard(version.number)

    def wrote(self, asset: str, record: Mapping[str, Any]) -> None:
        """A record is about to be kept."""
        if asset == "moves":
            self._moves[record["id"]] = record["state"]
        if asset != "production_model":
            return
        key = record["record"]["partition"], record["candidate_version"]
        before = self._decisions.get(key)
        self._decisions[key] = record
        if before is None or before == record:
            return
        then, now = before["decision"], record["decision"]
        # Another production, labels of the evaluation rows that have come since, or later days.
        news = (
            before["production_version"] != record["production_version"]
            or before["data_hashes"]["evaluation"] != record["data_hashes"]["evaluation"]
            or before["evidence"]["challenge"] != record["evidence"]["challenge"]
        )
        promised(
            (then, now) in RENAMED
            or (now == "rolled_back" and key[1] in self.by_hand)
            or (then not in ("promoted", "rolled_back") and news),
            f"{key[0]}, version {key[1]}, was decided twice: {then}, then {now}",
        )

    def moved(self, journal: Journal, registry: WatchedRegistry, to: Version) -> None:
        """Production is about to move: from what a move that was begun says, to what it says."""
        begun = [move for move in journal.moves() if move.state == "begun" and move.to == to.number]
        if not begun:
            promised("partition" not in to.tags, f"production moves to {to.number}, and no move")
            return
        now = registry.version("production")
        promised(
            any(move.left == (now.number if now else None) for move in begun) or now is None,
            f"production moves from version {now.number if now else None} to {to.number}, and the "
            f"decision was made against {begun[-1].left}",
        )

    def registered_once(self, registry: WatchedRegistry) -> None:
        """No training is registered twice."""
        counts = Counter(version.tags[KEY] for version in registry.every())
        twice = [key for key, count in counts.items() if count > 1]
        promised(not twice, f"registered twice: {twice}")


_OF_A_DECISION = tuple(Decision.model_fields)
