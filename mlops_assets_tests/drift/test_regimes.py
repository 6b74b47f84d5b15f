"""Folding regimes from records."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.drift.regimes import (
    DecisionRecord,
    Regime,
    ReportRecord,
    fold_regimes,
    quiet_days,
    regimes_by_day,
)


def report(
    day: int, regime: str, rows: int = 300, labelled: int = 300, **more: Any
) -> ReportRecord:
    return ReportRecord(
        partition=f"2026-01-{day:02}",
        drift_detected=regime != "baseline",
        retrain=False,
        regime=regime,
        rows=rows,
        labelled_rows=labelled,
        **more,
    )


def decision(day: int, decided: str, regime: str, rows: int) -> DecisionRecord:
    return DecisionRecord(
        partition=f"2026-01-{day:02}", decision=decided, regime=regime, regime_rows=rows
    )


HISTORY = [
    report(1, "baseline"),
    report(2, "2026-01-02"),
    report(3, "2026-01-02", 300, 100),
    report(4, "2026-01-04"),
    report(5, "2026-01-02"),
]
DECISIONS = [
    decision(2, "rejected", "2026-01-02", 300),
    decision(3, "promoted", "2026-01-02", 400),
    decision(4, "already_known", "2026-01-04", 300),
]


def test_regimes_are_folded_from_reports_and_decisions():
    assert fold_regimes(HISTORY, DECISIONS, "2026-01-09") == (
        Regime(
            name="2026-01-02",
            partitions=("2026-01-02", "2026-01-03", "2026-01-05"),
            rows=900,
            labelled_rows=700,
            promoted=True,
            last_decision="promoted",
            decided_rows=400,
            decided_on="2026-01-03",
        ),
        Regime(name="2026-01-04", partitions=("2026-01-04",), rows=300, labelled_rows=300),
    )


def test_only_earlier_partitions_count():
    (regime,) = fold_regimes(HISTORY, DECISIONS, "2026-01-03")
    assert regime.partitions == ("2026-01-02",)
    assert (regime.last_decision, regime.decided_rows, regime.promoted) == ("rejected", 300, False)
    assert fold_regimes(HISTORY, DECISIONS, "2026-01-02") == ()


def test_a_promoted_regime_stays_promoted_whatever_is_decided_later():
    decisions = [*DECISIONS, decision(5, "rejected", "2026-01-02", 700)]
    regime = fold_regimes(HISTORY, decisions, "2026-01-09")[0]
    assert regime.promoted
    assert (regime.last_decision, regime.decided_rows) == ("rejected", 700)


def test_a_report_that_says_new_opens_its_own_regime():
    (regime,) = fold_regimes([report(2, "new")], [], "2026-01-09")
    assert regime.name == "2026-01-02"


@given(st.permutations(HISTORY), st.permutations(DECISIONS))
def test_the_order_of_records_changes_nothing(reports, decisions):
    expected = fold_regimes(HISTORY, DECISIONS, "2026-01-09")
    assert fold_regimes(reports, decisions, "2026-01-09") == expected


def test_days_that_shifted_together_are_of_one_regime():
    reports = [
        report(1, "baseline"),
        report(2, "baseline", unusual=True),
        report(3, "2026-01-03", window=("2026-01-02",)),
        report(4, "baseline"),
    ]
    (regime,) = fold_regimes(reports, [], before="2026-01-05")
    assert (regime.name, regime.partitions) == ("2026-01-03", ("2026-01-02", "2026-01-03"))
    assert quiet_days(reports, "2026-01-05") == ("2026-01-01", "2026-01-04")


def test_an_unusual_day_is_not_quiet_and_no_regime():
    reports = [report(1, "baseline"), report(2, "baseline", unusual=True)]
    assert quiet_days(reports, "2026-01-03") == ("2026-01-01",)
    assert quiet_days(reports, "2026-01-01") == ()
    assert fold_regimes(reports, [], before="2026-01-03") == ()


def test_a_day_that_has_a_regime_of_its_own_keeps_it():
    reports = [
        report(2, "2026-01-02"),
        report(3, "2026-01-03", window=("2026-01-02",)),
    ]
    assert regimes_by_day(reports) == {"2026-01-02": "2026-01-02", "2026-01-03": "2026-01-03"}


def test_a_day_that_is_held_is_in_no_regime_and_not_quiet():
    held = report(2, "baseline", state="suspected fault")
    shifted = report(3, "2026-01-03", window=("2026-01-02",))
    reports = [report(1, "baseline"), held, shifted]
    assert quiet_days(reports, "2026-01-04") == ("2026-01-01",)
    (regime,) = fold_regimes(reports, [], "2026-01-04")
    assert regime.partitions == ("2026-01-03",)
    assert "2026-01-02" not in regimes_by_day(reports)
