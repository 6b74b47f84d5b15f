"""The records of what has happened: kept typed, read typed, and folded in the order of days."""

import datetime as dt

import pytest
from pydantic import ValidationError

from mlops_assets.drift.regimes import ReportRecord
from mlops_assets.errors import UserError
from mlops_assets.lifecycle.journal import (
    Augmented,
    BatchTaken,
    Journal,
    Mark,
    Move,
    Quarantined,
    Registered,
    Reported,
)
from mlops_assets.lifecycle.memory import MemoryStore
from mlops_assets.promotion.beside import Beside
from mlops_assets.promotion.registry import Version
from mlops_assets.training.model_format import Digest
from mlops_assets_tests.lifecycle import made

DIGEST = Digest("ab" * 32, 12)


@pytest.fixture
def journal():
    return Journal(MemoryStore(), "small")


@pytest.fixture(scope="module")
def decided():
    return made.promoted().journal.decided(made.DRIFTED)


def report(day, **more):
    record = ReportRecord(
        partition=day,
        drift_detected=False,
        retrain=False,
        regime="baseline",
        rows=9,
        labelled_rows=9,
    )
    return Reported(report=record, reasons=["none"], **more)


def move(name, begun, **more):
    return Move(id=name, kind="rollback", left=2, to=1, begun=begun, **more)


def test_what_is_kept_is_read_again(journal):
    batch = BatchTaken(rows=3, labelled_rows=2, notes=["n"], data_hash="h")
    journal.keep_batch("2026-01-02", batch)
    assert journal.batch("2026-01-02") == batch
    gone = Quarantined(partition="2026-01-03", rows=1, violation="v")
    journal.keep_quarantined(gone)
    assert journal.quarantined("2026-01-03") == gone
    journal.keep_report(report("2026-01-02", data_hash="h"))
    assert journal.reported("2026-01-02") == report("2026-01-02", data_hash="h")


def test_what_was_not_kept_is_none_or_says_what_to_materialize(journal):
    day = "2026-01-02"
    found = (journal.batch, journal.quarantined, journal.reported, journal.decided, journal.move)
    assert [find(day) for find in found] == [None] * 5
    assert (journal.find_augmented(day), journal.find_candidate(day)) == (None, None)
    assert (journal.reports(), journal.decisions(), list(journal.moves())) == ([], [], [])
    for needed in (journal.augmented, journal.candidate):
        with pytest.raises(UserError, match=f"of {day} first"):
            needed(day)
    with pytest.raises(UserError, match="Materialize small/baseline_data first"):
        journal.baseline()


def test_two_models_do_not_see_each_other(journal):
    journal.keep_batch("2026-01-02", BatchTaken(rows=1, labelled_rows=1, data_hash="h"))
    assert Journal(journal.store, "other").batch("2026-01-02") is None


def test_reports_come_in_the_order_of_their_days(journal):
    for day in ("2026-01-03", "2026-01-01", "2026-01-02"):
        journal.keep_report(report(day))
    assert [one.partition for one in journal.reports()] == [
        "2026-01-01",
        "2026-01-02",
        "2026-01-03",
    ]


def test_how_two_versions_compared_is_kept_with_the_report(journal):
    record = Beside(
        partition="2026-01-02", production=2, other=1, improvement=0.1, error=0.02, rows=300
    )
    journal.keep_report(report("2026-01-01"))
    journal.keep_report(report("2026-01-02", beside=[record]))
    assert [one.beside for one in journal.every_reported()] == [[], [record]]


def test_moves_come_in_the_order_they_were_begun(journal):
    begun = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    journal.keep_move(move("a", begun + dt.timedelta(hours=1)))
    journal.keep_move(move("b", begun))
    assert [one.id for one in journal.moves()] == ["b", "a"]
    journal.keep_move(move("b", begun, state="done"))
    assert journal.move("b").state == "done"
    assert len(journal.moves()) == 2
    assert [one.id for one in journal.begun()] == ["a"]


def test_a_decision_is_renamed_for_its_own_version_only(journal, decided):
    journal.keep_decided(decided)
    day, number = decided.record.partition, decided.candidate_version
    journal.rename_decided(Mark(version=number + 1, partition=day, decision="rolled_back"))
    assert journal.decided(day) == decided
    journal.rename_decided(Mark(version=number, partition="2026-01-09", decision="rolled_back"))
    assert journal.every_decided() == [decided]
    journal.rename_decided(Mark(version=number, partition=day, decision="rolled_back"))
    renamed = journal.decided(day)
    assert (renamed.decision, renamed.record.decision) == ("rolled_back", "rolled_back")
    assert renamed.evidence == decided.evidence


def test_a_decision_that_is_as_it_was_is_not_written_again(journal, decided, monkeypatch):
    journal.keep_decided(decided)

    def refuse(*_):
        raise AssertionError("it was written again")

    monkeypatch.setattr(MemoryStore, "write_record", refuse)
    journal.keep_decided(decided)
    with pytest.raises(AssertionError):
        journal.keep_decided(decided.renamed("rejected"))


def test_the_digest_of_a_version_is_the_one_of_its_own_record(journal):
    first = Version(1, "r1", DIGEST.tags())
    journal.keep_baseline_model(Registered.of(first))
    assert journal.digest(Version(1, "r1")) == DIGEST
    assert journal.digest(Version(2, "r2")) is None
    candidate = Version(2, "r2", {"partition": "2026-01-02", **DIGEST.tags()})
    journal.keep_candidate("2026-01-02", Registered.of(candidate))
    assert journal.digest(candidate) == DIGEST
    # A later training of the same day has taken the record's place.
    journal.keep_candidate("2026-01-02", Registered(version=3))
    assert journal.digest(candidate) is None


def test_a_version_of_before_digests_has_none(journal):
    journal.keep_baseline_model(Registered.of(Version(1, "r1")))
    assert journal.digest(Version(1, "r1")) is None


def test_records_of_before_a_field_are_read(journal):
    """As earlier versions of this project have written them."""
    store = journal.store
    store.write_record("small", "candidate_model", "2026-01-02", {"version": 2})
    assert journal.candidate("2026-01-02") == Registered(version=2)
    kept = report("2026-01-02").model_dump(mode="json")
    for later in ("beside", "data_hash"):
        del kept[later]
    for later in ("score_below", "production"):
        del kept["report"][later]
    store.write_record("small", "drift_report", "2026-01-02", kept)
    assert journal.reported("2026-01-02") == report("2026-01-02")


def test_a_record_that_lacks_what_it_must_have_is_no_record(journal):
    journal.store.write_record("small", "augmented_dataset", "2026-01-02", {"regime": "x"})
    with pytest.raises(ValidationError):
        journal.augmented("2026-01-02")


def test_records_do_not_change_under_ones_hands(journal):
    dataset = Augmented(
        already_known=None, regime="r", regime_partitions=["r"], regime_rows=1, data_hashes={}
    )
    with pytest.raises(ValidationError):
        dataset.regime = "other"
