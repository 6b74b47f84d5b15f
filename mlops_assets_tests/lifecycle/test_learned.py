"""What a candidate learns from beside its regime, and what is left out."""

import pytest

from mlops_assets.lifecycle.augmented_dataset import augment
from mlops_assets.lifecycle.candidate_model import train_candidate
from mlops_assets.lifecycle.rows import ORIGIN, lineage_parts
from mlops_assets_tests.lifecycle import made

QUIET, DAY = made.USUAL, made.DRIFTED
SECOND, THIRD = "2026-01-03", "2026-01-04"


def quiet_then_drift(**training):
    """Three quiet days of 200 rows, then one of 300 that has drifted."""
    one = made.life(training=training)
    made.baseline(one)
    drifted = "2026-01-05"
    for seed, day in enumerate((QUIET, DAY, SECOND), start=11):
        one.source.tables[day] = made.table(200, seed)
        assert made.report(one, day).verdict.state == "stable"
    one.source.tables[drifted] = made.table(300, 20, shift=6)
    assert made.report(one, drifted).verdict.retrain
    outcome = augment(one, drifted, judge_again=True)
    return one, drifted, outcome


def counts(outcome):
    return outcome.table[ORIGIN].value_counts(sort=False).to_dict()


def test_quiet_days_are_learned_from_as_well_and_it_is_said():
    _, drifted, outcome = quiet_then_drift()
    assert counts(outcome) == {"baseline": 140, QUIET: 120, DAY: 120, SECOND: 120, drifted: 180}
    (note,) = outcome.record.notes
    assert note == (
        "Quiet days are learned from as well: 3 quiet days, 2026-01-01 to 2026-01-03 (360 rows)."
    )


def test_they_can_be_left_alone():
    _, drifted, outcome = quiet_then_drift(quiet_days=False)
    assert counts(outcome) == {"baseline": 140, drifted: 180}
    assert outcome.record.notes == []


def test_as_many_as_there_is_room_for_the_latest_first():
    _, drifted, outcome = quiet_then_drift(max_rows=500)
    assert counts(outcome) == {"baseline": 140, DAY: 60, SECOND: 120, drifted: 180}
    assert outcome.record.notes[1] == (
        f"60 rows are left out, training.max_rows 500: 60 of 120 of {DAY}."
    )


def test_a_share_is_kept_for_the_baseline_and_the_regime_comes_next():
    _, drifted, outcome = quiet_then_drift(max_rows=200, baseline_share=0.25)
    assert counts(outcome) == {"baseline": 50, drifted: 150}
    (note,) = outcome.record.notes
    assert note == (
        "120 rows are left out, training.max_rows 200: 90 of 140 of baseline, "
        f"30 of 180 of {drifted}."
    )


def test_no_evaluation_row_is_learned_from():
    one, drifted, outcome = quiet_then_drift()
    learned = set(outcome.table.drop(columns=ORIGIN).itertuples(index=False, name=None))
    for part in lineage_parts(one, [QUIET, DAY, SECOND, drifted]).values():
        assert not learned & set(part.judge.itertuples(index=False, name=None))


def test_the_same_rows_are_cut_again():
    one, drifted, outcome = quiet_then_drift(max_rows=200)
    assert augment(one, drifted, judge_again=True).table.equals(outcome.table)


@pytest.mark.parametrize("max_rows", [None, 200])
def test_a_candidate_of_it_is_decided_on(max_rows):
    one, drifted, _ = quiet_then_drift(max_rows=max_rows)
    assert made.retrain(one, drifted).decided


def test_what_production_learned_on_a_quiet_day_is_still_bounded():
    one = made.promoted(training={"max_rows": 250})
    evidence = one.registry.evidence(one.registry.in_use())
    assert evidence["training_partitions"] == [DAY]
    one.source.tables[THIRD] = made.table(300, 8, shift=-8)
    made.report(one, THIRD)
    assert counts(augment(one, THIRD, judge_again=True)) == {"baseline": 125, THIRD: 125}


def test_only_the_latest_days_are_learned_from_where_that_is_asked_for():
    _, drifted, outcome = quiet_then_drift(window_days=3)
    assert counts(outcome) == {"baseline": 140, SECOND: 120, drifted: 180}


def test_a_day_of_the_regime_that_is_too_old_judges_and_teaches_nothing():
    one = made.promoted(training={"window_days": 1})
    made.report(one, made.AGAIN)
    outcome = augment(one, made.AGAIN, judge_again=False)
    assert counts(outcome) == {"baseline": 140, made.AGAIN: 180}
    assert outcome.record.regime_partitions == [DAY, made.AGAIN]
    assert DAY in outcome.record.data_hashes
    (note,) = outcome.record.notes
    assert note == "1 days before 2026-01-03 are not learned from: training.window_days 1."


def test_rows_weigh_less_with_age_where_that_is_asked_for():
    one, drifted, outcome = quiet_then_drift(half_life_days=2)
    assert outcome.record.notes[-1].startswith("A row weighs half as much for each 2 days")
    seen = []

    def trainer(rows, partition, files, roles):
        seen.append(roles)
        return made.trainer(one)(rows, partition, files)

    train_candidate(one, drifted, trainer)
    by_origin = dict(zip(outcome.table[ORIGIN], seen[0].importance, strict=True))
    assert by_origin == {"baseline": 0.25, QUIET: 0.25, DAY: 0.5**1.5, SECOND: 0.5, drifted: 1}
    assert list(outcome.table[ORIGIN][seen[0].regime].unique()) == [drifted]
    assert list(outcome.table[ORIGIN][seen[0].baseline].unique()) == ["baseline"]
    assert (seen[0].metric, seen[0].max_drop) == ("f1_macro", 0.05)
    assert set(outcome.table[ORIGIN][seen[0].quiet]) == {QUIET, DAY, SECOND}
    assert seen[0].period[seen[0].regime].tolist() == [0] * int(seen[0].regime.sum())
