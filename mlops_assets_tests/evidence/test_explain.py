"""A decision told again from the journal, and what happened where there was none."""

import copy
import dataclasses

import pytest

from mlops_assets.errors import UserError
from mlops_assets.evidence.explain import explain
from mlops_assets.lifecycle.augmented_dataset import augment
from mlops_assets.lifecycle.candidate_model import train_candidate
from mlops_assets.lifecycle.drifted_batch import take_batch
from mlops_assets.lifecycle.moves import approve, roll_back
from mlops_assets_tests.lifecycle import made

DAY = made.DRIFTED


@pytest.fixture
def life():
    return made.promoted()


@pytest.fixture
def due():
    """A retraining was asked for, and nothing has come of it."""
    one = made.life()
    made.baseline(one)
    made.report(one, DAY)
    return one


def besides(life, day):
    return "\n".join(explain(life, day).besides)


def changed(life, **values):
    """The decision of the day as if the journal had kept another one."""
    kept = life.store.record("small", "production_model", DAY)
    for path, value in values.items():
        *way, last = path.split("__")
        inner = kept
        for step in way:
            inner = inner[step]
        inner[last] = value
    life.store.write_record("small", "production_model", DAY, kept)


def test_a_decision_is_told_with_its_checks_in_numbers(life):
    told = explain(life, DAY)
    decided = life.journal.decided(DAY)
    assert told.headline == "promoted: version 2, compared with version 1 in production"
    assert told.reasons == decided.reasons
    numbers = {check.name: (check.passed, check.needed, check.measured) for check in told.checks}
    evidence = decided.evidence
    assert list(numbers) == [check.name for check in decided.checks]
    assert numbers["better"] == (True, "above 0", f"{evidence.improvement:+.4f}")
    assert numbers["credibly_better"][1] == "above 0 at 0.97"
    assert numbers["better_than_chance"][1] == f"above {evidence.chance_score:.4f}"
    assert numbers["baseline_kept"] == (True, "at most 0.05", "0.0000")
    assert numbers["enough_rows"] == (True, "at least 50", "120")
    assert numbers["score_floor"][:2] == (True, "-")
    assert numbers["later_partition"] == (True, "not before any", DAY)
    assert told.sound


def test_versions_regime_and_hashes_are_told(life):
    facts = dict(explain(life, DAY).facts)
    hashes = life.journal.decided(DAY).data_hashes
    assert facts["version 2"].endswith("on 120 evaluation rows")
    assert facts["regime"] == f"{DAY} (judged on {DAY}; 300 labels)"
    assert facts["learned from"] == f"the baseline, {made.USUAL}, {DAY}"
    assert {name: facts[f"hash of {name}"] for name in hashes} == hashes


def test_the_same_evidence_and_policy_give_the_same(life):
    assert explain(life, DAY).again == (
        "The gate says the same to the stored evidence and policy.",
        "The gate's policy in the model's defs.yaml is the one of then.",
    )


def test_evidence_that_does_not_give_the_decision_any_more_is_told(life):
    changed(life, evidence__improvement=-0.5)
    told = explain(life, DAY)
    assert not told.sound
    assert "rejected in place of promoted" in told.again
    assert "better passed and fails" in told.again


def test_other_words_for_the_same_are_no_other_decision(life):
    changed(life, reasons=["It was better."])
    told = explain(life, DAY)
    assert told.sound
    assert told.again[0].endswith("in other words.")


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ({"min_improvement": 0.9}, "would decide otherwise: rejected. The candidate is not better"),
        ({"approval": "manual"}, "would decide otherwise: awaiting_approval."),
        ({"min_evaluation_rows": 20}, "would decide the same: promoted."),
    ],
)
def test_what_todays_policy_would_decide_is_told(life, gate, said):
    now = made.spec(gate=made.SETTINGS["gate"] | gate)
    told = explain(dataclasses.replace(life, spec=now), DAY)
    ((name, value),) = gate.items()
    assert any(f"{name}: " in line and f"then, {value} now" in line for line in told.again)
    assert any(said in line for line in told.again)
    assert not any("by the numbers of then" in line for line in told.again)
    assert told.sound


@pytest.mark.parametrize(
    ("gate", "which"),
    [
        ({"metric": "accuracy"}, "another metric"),
        ({"confidence": 0.99}, "another confidence"),
        ({"seed": 7}, "other resamples"),
    ],
)
def test_a_policy_that_would_measure_otherwise_says_that_it_cannot_tell(life, gate, which):
    now = made.spec(gate=made.SETTINGS["gate"] | gate)
    *_, last = explain(dataclasses.replace(life, spec=now), DAY).again
    assert f"by the numbers of then; {which} would" in last


def test_a_rollback_is_told_and_leaves_the_decision_sound(life):
    roll_back(life, "a person")
    told = explain(life, DAY)
    assert told.headline.startswith("rolled_back: version 2")
    assert told.sound
    promotion, rollback = told.besides[-2:]
    assert promotion.startswith("Promotion of 2026-02-01")
    assert promotion.endswith("production moved from version 1 to version 2.")
    assert rollback.startswith("Rollback of 2026-02-01")
    assert rollback.endswith("production moved from version 2 to version 1.")


def test_an_approval_is_told_and_leaves_the_decision_sound():
    life = made.life(gate=made.SETTINGS["gate"] | {"approval": "manual"})
    made.baseline(life)
    made.report(life, DAY)
    assert made.retrain(life, DAY).decision == "awaiting_approval"
    waiting = explain(life, DAY)
    assert waiting.headline.startswith("awaiting_approval: version 2")
    assert waiting.sound
    approve(life, "a person")
    told = explain(life, DAY)
    assert told.headline.startswith("promoted: version 2")
    assert told.sound
    assert "Approval of 2026-02-01" in told.besides[-1]


def test_a_move_that_was_cut_short_is_told(life):
    (move,) = life.journal.moves()
    life.journal.keep_move(move.model_copy(update={"state": "begun"}))
    assert "was cut short, and the next step of any kind finishes it" in besides(life, DAY)
    given_up = {"state": "given up", "why": "Production is version 7 by now."}
    life.journal.keep_move(move.model_copy(update=given_up))
    assert "was given up: Production is version 7 by now." in besides(life, DAY)


def test_a_move_of_another_day_is_not_told(life):
    assert besides(life, made.USUAL) == ""


def test_a_day_without_drift_was_skipped(life):
    told = explain(life, made.USUAL)
    assert told.headline == (
        "skipped: no drift; 200 of 200 rows with a label; version 1 in production"
    )
    assert told.reasons == tuple(life.journal.reported(made.USUAL).reasons)
    assert told.checks == ()


def test_drift_that_is_known_was_skipped_and_previous_is_compared(life):
    made.report(life, made.AGAIN)
    told = explain(life, made.AGAIN)
    assert told.headline.startswith(f"skipped: drift, regime {DAY}; 300 of 300 rows")
    assert any("the regime" in reason and "is known" in reason for reason in told.reasons)
    said = "Version 1 was not better on the batch than version 2 in production"
    assert said in besides(life, made.AGAIN)


def test_a_retraining_that_was_dealt_with_is_already_known(life):
    made.report(life, made.AGAIN)
    augment(life, made.AGAIN, judge_again=True)
    told = explain(life, made.AGAIN)
    assert told.headline == "already known: nothing was trained"
    assert told.reasons == (life.journal.augmented(made.AGAIN).already_known,)


def test_a_decision_that_was_asked_for_again_says_so(life):
    augment(life, DAY, judge_again=True)
    assert "When it was asked for again, nothing was trained:" in besides(life, DAY)


def test_a_retraining_that_is_due_says_how_far_it_has_come(due):
    assert explain(due, DAY).headline == "a retraining is due: it has not begun"
    augment(due, DAY, judge_again=True)
    assert "rows were put together, and nothing was trained" in explain(due, DAY).headline
    train_candidate(due, DAY, made.trainer(due))
    told = explain(due, DAY)
    assert "version 2 was trained, and not decided on" in told.headline
    assert "run the job small_retrain" in told.reasons[-1]


def test_a_closed_day_says_so_until_it_has_rows(due):
    due.source.tables[made.AGAIN] = made.table(100, 4).head(0)
    assert take_batch(due, made.AGAIN).closed
    told = explain(due, made.AGAIN)
    assert told.headline == "closed: there were no rows when it was read"
    assert told.reasons == (f"{made.AGAIN} has no rows",)
    due.source.tables[made.AGAIN] = made.table(100, 4)
    assert take_batch(due, made.AGAIN).record
    assert explain(due, made.AGAIN).headline.startswith("no drift report yet: 100 rows are stored")
    due.source.tables[made.AGAIN] = made.table(100, 4).head(0)
    taken = take_batch(due, made.AGAIN)
    assert taken.awaited is not None  # what is stored stays


def test_a_quarantined_day_says_what_was_wrong(due):
    due.source.tables[made.AGAIN] = made.table(100, 4).drop(columns="x")
    assert take_batch(due, made.AGAIN).violation
    told = explain(due, made.AGAIN)
    assert told.headline == "quarantined: 100 rows"
    assert "x: the column is missing" in told.reasons[0]
    # And later, when it came as it should:
    due.source.tables[made.AGAIN] = made.table(100, 4)
    made.report(due, made.AGAIN)
    assert explain(due, made.AGAIN).headline.startswith("skipped: no drift")
    assert "A delivery of the day was quarantined" in besides(due, made.AGAIN)


def test_a_batch_without_a_report_says_what_to_run(due):
    take_batch(due, made.AGAIN)
    told = explain(due, made.AGAIN)
    assert told.headline == "no drift report yet: 300 rows are stored, 300 of them with a label"
    assert "Materialize small/drift_report of 2026-01-03" in told.reasons[0]


def test_a_delivery_after_the_report_is_told(life):
    life.source.tables[DAY] = made.table(300, 9, shift=6)
    take_batch(life, DAY)
    assert "delivered again, with other rows, after its drift report" in besides(life, DAY)


def test_a_candidate_after_the_decision_is_told(life):
    train_candidate(life, DAY, made.trainer(life))
    assert "Version 3 was trained for the day, and is not decided on." in besides(life, DAY)


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2025-12-31", "before the model's first day, 2026-01-01"),
        ("2026-02-01", "has not ended yet (today is 2026-02-01 UTC)"),
        ("2026-01-20", "No batch of it was taken"),
    ],
)
def test_a_day_of_which_nothing_is_known_says_why(life, day, why):
    told = explain(life, day)
    assert told.headline == f"nothing is known of {day}"
    assert why in told.reasons[0]


def test_what_is_no_day_is_refused(life):
    with pytest.raises(UserError, match="'tomorrow' is not a day; write it as YYYY-MM-DD"):
        explain(life, "tomorrow")


def test_it_only_reads(life):
    before = copy.deepcopy((life.store._records, life.registry._named, life.registry._tagged))
    for day in (made.USUAL, DAY, made.AGAIN):
        explain(life, day)
    assert (life.store._records, life.registry._named, life.registry._tagged) == before
