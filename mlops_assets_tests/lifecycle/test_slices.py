"""Slices and groups in the loop: told at the baseline, scored each day, compared at the gate."""

import pytest

from mlops_assets.errors import UserError
from mlops_assets_tests.lifecycle import made

ASKED = {
    "slices": ["x > 0", "z > 0"],
    "fairness": {"columns": ["sex"]},
    "columns": {"target": "y", "sensitive": ["sex"], "ignore": ["sex"]},
}


def with_groups(**changes):
    """A life whose tables tell groups, which nothing is learned from."""
    one = made.life(**{**ASKED, **changes})
    tables = one.source.tables
    for day, table in tables.items():
        tables[day] = table.assign(sex=["f", "m"] * (len(table) // 2))
    return one


def test_each_report_and_each_decision_tells_them():
    one = with_groups()
    made.baseline(one)
    made.report(one, made.USUAL)
    found = made.report(one, made.DRIFTED)
    assert [each.name for each in found.slices] == ["x > 0", "z > 0"]
    assert all(each.score is not None and each.rows for each in found.slices)
    assert found.fairness
    assert [group.name for group in found.fairness.groups] == ["sex, group 1", "sex, group 2"]
    kept = one.journal.reported(made.DRIFTED)
    assert kept
    assert (tuple(kept.slices), kept.fairness) == (found.slices, found.fairness)
    decided = made.retrain(one, made.DRIFTED).decided
    assert decided
    assert [each.name for each in decided.evidence.slices] == ["x > 0", "z > 0"]
    assert "slices_kept" in {check.name for check in decided.checks}
    groups = decided.evidence.fairness
    assert groups
    assert sum(group.rows for group in groups.groups) == decided.evidence.evaluation_rows


def test_groups_that_are_treated_too_differently_refuse_a_candidate():
    one = with_groups(fairness={"columns": ["sex"], "max_difference": 0.05})
    for day, table in one.source.tables.items():
        one.source.tables[day] = table.assign(sex=table["y"].map({"low": "f", "high": "m"}))
    made.baseline(one)
    made.report(one, made.USUAL)
    made.report(one, made.DRIFTED)
    outcome = made.retrain(one, made.DRIFTED)
    assert outcome.decision == "rejected"
    assert "treats groups too differently" in outcome.reasons[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"slices": ["colour"]}, "`slices` has 'colour'"),
        ({"fairness": {"columns": ["colour"]}}, r"`fairness.columns` has 'colour'"),
    ],
)
def test_what_the_baseline_does_not_have_is_told_before_anything_is_stored(changes, says):
    one = with_groups(**changes)
    with pytest.raises(UserError, match=says):
        made.baseline(one)
    assert not one.store.records("made", "baseline_data")
