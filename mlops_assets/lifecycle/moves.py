"""What moves production: a promotion, an approval, a rollback; and finishing what was cut short."""

from contextlib import suppress

from mlops_assets.errors import UserError
from mlops_assets.lifecycle.journal import Decided, Mark, Move
from mlops_assets.lifecycle.life import Life
from mlops_assets.promotion.registry import NoSuchVersionError, ProductionChangedError, Version


def promote(life: Life, candidate: Version, production: Version, decided: Decided) -> Move:
    """A candidate becomes production, as was decided.

    Args:
        life: The model.
        candidate: The version to use from now on.
        production: The version that it was compared with.
        decided: The decision, which is kept once production has moved.

    Raises:
        ProductionChangedError: Production is another version by now. Nothing was moved.
    """
    if life.registry.in_use() != candidate:
        life.registry.expect(production)
    partition = decided.record.partition
    return _begin(
        life,
        Move(
            id=f"promotion-{partition}-version-{candidate.number}",
            kind="promotion",
            left=production.number,
            to=candidate.number,
            begun=life.clock(),
            marks=(_mark(candidate.number, partition, "promoted"),),
            decided=decided,
        ),
    )


def approve(life: Life, asked_by: str) -> Move:
    """The latest candidate that waits for a person becomes production.

    Args:
        life: The model.
        asked_by: Who asks, the same when asked again: an approval is given once.

    Raises:
        UserError: None waits.
        ProductionChangedError: Production is no longer what the candidate was compared with.
    """
    name = f"approval-{asked_by}"
    if known := _known(life, name):
        return known
    waiting = [d for d in life.journal.every_decided() if d.decision == "awaiting_approval"]
    if not waiting:
        raise UserError(f"No candidate of {life.spec.name} waits for approval. Nothing changed.")
    latest = waiting[-1]
    life.registry.expect(life.registry.get(latest.production_version))
    return _begin(
        life,
        Move(
            id=name,
            kind="approval",
            left=latest.production_version,
            to=latest.candidate_version,
            begun=life.clock(),
            marks=(_mark(latest.candidate_version, latest.record.partition, "promoted"),),
        ),
    )


def roll_back(life: Life, asked_by: str, expected: int | None = None) -> Move | None:
    """The version before production becomes production again.

    Args:
        life: The model.
        asked_by: Who asks, the same when asked again: what was rolled back stays so.
        expected: The version that should be left; None: whatever is in production.

    Returns:
        The move; None where ``expected`` is not in production any more.

    Raises:
        UserError: There is no other version to go back to.
    """
    name = f"rollback-{asked_by}"
    if known := _known(life, name):
        return known
    left = life.registry.version("production")
    if expected is not None and (left is None or left.number != expected):
        return None
    back_to = _before(life, left)
    return _begin(
        life,
        Move(
            id=name,
            kind="rollback",
            left=left.number if left else None,
            to=back_to.number,
            begun=life.clock(),
            marks=_marks_of_rollback(left, back_to),
        ),
    )


def finish_begun(life: Life) -> list[Move]:
    """Finish every move that was begun and cut short, or give it up where production has moved.

    Returns:
        Those that there were, as they are now.
    """
    return [_carry_out(life, move) for move in life.journal.begun()]


def _known(life: Life, name: str) -> Move | None:
    """What came of an earlier try of the same wish; None where there was none."""
    known = life.journal.move(name)
    if known and known.state == "begun":
        known = _carry_out(life, known)
    return _not_given_up(known) if known else None


def _begin(life: Life, move: Move) -> Move:
    return _not_given_up(_carry_out(life, life.journal.keep_move(move)))


def _not_given_up(move: Move) -> Move:
    if move.state == "given up":
        raise ProductionChangedError(move.why)
    return move


def _carry_out(life: Life, move: Move) -> Move:
    """All that a move consists of; each part can be done again without harm."""
    registry, journal = life.registry, life.journal
    try:
        to = registry.get(move.to)
        # Where it has moved already, what it has left may have been deleted since.
        moved = registry.version("production") == to
        registry.promote(to, registry.get(move.left) if move.left and not moved else None)
    except (ProductionChangedError, NoSuchVersionError) as error:
        _restore_previous(life)
        return journal.keep_move(move.model_copy(update={"state": "given up", "why": str(error)}))
    if move.decided:
        journal.keep_decided(move.decided)
    for mark in move.marks:
        journal.rename_decided(mark)
        with suppress(NoSuchVersionError):  # deleted since
            registry.set_tags(registry.get(mark.version), {"decision": mark.decision})
    return journal.keep_move(move.model_copy(update={"state": "done"}))


def _restore_previous(life: Life) -> None:
    """A promotion that is given up half way has made production its own `previous`."""
    registry = life.registry
    production = registry.version("production")
    if production is None or registry.previous() != production:
        return
    moves = [move for move in life.journal.moves() if move.state == "done"]
    left = next((move.left for move in reversed(moves) if move.to == production.number), None)
    try:
        before = registry.get(left) if left else None
    except NoSuchVersionError:
        before = None
    if before is None or before == production:
        registry.delete_alias("previous")
    else:
        registry.set_alias("previous", before)


def _before(life: Life, left: Version | None) -> Version:
    """The version to go back to."""
    previous = life.registry.previous()
    if previous is not None and previous != left:
        return previous
    # A version of this project that kept no record of its moves was cut between the two of them.
    compared_with = {
        decided.candidate_version: decided.production_version
        for decided in life.journal.every_decided()
        if decided.decision == "promoted"
    }
    if left and left == previous and left.number in compared_with:
        return life.registry.get(compared_with[left.number])
    now = life.registry.in_use()
    raise UserError(
        f"There is nothing to roll back to: {life.spec.name!r} version {now.number} is in "
        "production, and no other version was before it."
    )


def _marks_of_rollback(left: Version | None, back_to: Version) -> tuple[Mark, ...]:
    if back_to.tags.get("decision") == "rolled_back":
        # A person undoes a rollback: neither version has turned out to be bad.
        marked, decision = back_to, "promoted"
    elif left is not None:
        marked, decision = left, "rolled_back"
    else:
        return ()
    partition = marked.tags.get("partition")
    # The baseline's model was never decided on.
    return (_mark(marked.number, partition, decision),) if partition else ()


def _mark(version: int, partition: str, decision: str) -> Mark:
    return Mark(version=version, partition=partition, decision=decision)
