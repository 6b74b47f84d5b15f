"""The verdict, its regimes and its reasons."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.drift.findings import Batch, DaysScore, RegimeMatch, ScoreCheck, Together
from mlops_assets.drift.policy import DriftPolicy
from mlops_assets.drift.regimes import Regime, ReportRecord
from mlops_assets.drift.retraining import (
    known_already,
)
from mlops_assets.drift.score import ScoreFall
from mlops_assets.drift.two_sample import ColumnDrift, Comparison, Role
from mlops_assets.drift.verdict import hold, judge
from mlops_assets_tests.drift.made import regime, report

POLICY = DriftPolicy()
DAY = "2026-01-10"
BATCH = Batch(DAY, rows=300, labelled_rows=300, production="1")


def column(name: str, differs: bool, role: Role = "feature") -> ColumnDrift:
    distance = 1.42 if differs else 0.05
    p_value = 1e-9 if differs else 0.5
    return ColumnDrift(name, "numerical", p_value, p_value, distance, "D", 0.1, differs, role=role)


def comparison(differing: int, *, target: bool | None = False) -> Comparison:
    """Four features, of which so many differ, and a target (None: no labels)."""
    columns = [column(f"f{place}", place < differing) for place in range(4)]
    if target is not None:
        columns.append(column("label", target, "target"))
    return Comparison(tuple(columns), 0.3, 1000, 300)


ALIKE, DRIFTED = comparison(0), comparison(3)


def fall(credible: bool, confidence: float = 0.999) -> ScoreFall:
    lower = 0.11 if credible else -0.02
    return ScoreFall(0.7, 0.9, 0.2, lower, confidence, 300, 400, credible)


def score(*, now: bool, days: bool) -> ScoreCheck:
    return ScoreCheck(fall(now), fall(days, 0.98))


def never(_: Regime) -> RegimeMatch:
    pytest.fail("no regime was to be compared with")


def like(*names: str):
    """A comparison in which the batch is like the regimes of these names."""
    return lambda known: RegimeMatch(ALIKE if known.name in names else DRIFTED)


def verdict_of(
    baseline=DRIFTED, scored=None, regimes=(), compare_with=never, reports=(), batch=BATCH, **more
):
    return judge(batch, baseline, scored, regimes, compare_with, reports, POLICY, **more)


def test_a_batch_like_the_baseline_is_no_drift():
    verdict = verdict_of(ALIKE, score(now=False, days=False), [regime(2)])
    assert (verdict.drift_detected, verdict.retrain, verdict.regime) == (False, False, "baseline")
    assert verdict.reasons == (
        "none of 4 feature columns differs from the baseline",
        "production's score 0.700 is not credibly below its 0.900 on the baseline holdout (300 "
        "rows against 400, fall +0.200, at least -0.020 at confidence 0.999)",
    )


@pytest.mark.parametrize(
    ("rows", "together", "state"),
    [
        (19, False, "not judged"),
        (20, False, "stable"),
        (1, True, "not judged"),
        (2, True, "stable"),
    ],
)
def test_a_handful_of_rows_in_which_nothing_is_found_is_not_judged(rows, together, state):
    """By itself, or with the six days before where days are known; here of three rows each."""
    days = [report(day).model_copy(update={"rows": 3}) for day in range(2, 9)]
    found = judge(
        Batch("2026-01-09", rows, rows),
        ALIKE,
        None,
        [],
        never,
        days,
        DriftPolicy(),
        together=Together(lambda _: ALIKE, ALIKE) if together else None,
    )
    assert found.state == state
    assert (f"not judged: {18 * together + rows} row" in found.reasons[-1]) == (
        state == "not judged"
    )


def test_a_handful_of_rows_that_are_another_population_is_drift_all_the_same():
    found = judge(Batch("2026-01-09", 5, 5), DRIFTED, None, [], never, [], DriftPolicy())
    assert (found.state, found.drift_detected) == ("shift, new", True)


def test_a_new_regime_is_retrained_on():
    verdict = verdict_of()
    assert (verdict.drift_detected, verdict.retrain, verdict.regime) == (True, True, "new")
    assert verdict.regime_name == DAY
    assert verdict.regime_labelled_rows == 300
    assert verdict.reasons == (
        "3 of 4 feature columns differ from the baseline: a share of 0.75, drift from 0.3 "
        "(f0 1.42 >= 0.1, p 1e-09, f1 1.42 >= 0.1, p 1e-09, f2 1.42 >= 0.1, p 1e-09)",
        "the regime is new, named 2026-01-10, 300 labelled rows: retrain",
    )


def test_a_target_that_differs_is_drift():
    verdict = verdict_of(comparison(0, target=True))
    assert verdict.retrain
    assert "the target differs from the baseline (label 1.42 >= 0.1, p 1e-09)" in verdict.reasons


@pytest.mark.parametrize(
    ("decided", "rows", "retrain"),
    [(300, 300, False), (300, 599, False), (300, 600, True), (None, 300, True), (900, 2399, False)],
)
def test_a_known_regime_is_retrained_on_when_it_has_grown_threefold(decided, rows, retrain):
    verdict = verdict_of(
        regimes=[regime(2, rows=rows, decided=decided)], compare_with=like("2026-01-02")
    )
    assert verdict.regime == "2026-01-02"
    assert verdict.regime_labelled_rows == rows + 300
    assert verdict.retrain == retrain


def test_the_reason_to_wait_has_the_numbers():
    verdict = verdict_of(regimes=[regime(2, decided=300)], compare_with=like("2026-01-02"))
    assert verdict.reasons[-1] == (
        "the regime of 2026-01-02 is known: 600 labelled rows, decided at 300 (promoted); "
        "retraining again from 900"
    )


def test_days_of_equal_size_are_dealt_with_on_the_1st_3rd_9th_and_27th():
    decided, asked = None, []
    for day in range(1, 29):
        before = [] if day == 1 else [regime(2, rows=300 * (day - 1), decided=decided)]
        if verdict_of(regimes=before, compare_with=like("2026-01-02")).retrain:
            asked.append(day)
            decided = 300 * day
    assert asked == [1, 3, 9, 27]


def test_the_most_recent_regime_that_the_batch_is_like_is_its():
    regimes = [regime(2), regime(3), regime(4)]
    both = like("2026-01-02", "2026-01-03")
    assert verdict_of(regimes=regimes, compare_with=both).regime == "2026-01-03"


def test_a_regime_whose_score_is_credibly_better_is_another_one():
    def compare_with(known):
        return RegimeMatch(ALIKE, fall(known.name == "2026-01-03"))

    verdict = verdict_of(regimes=[regime(2), regime(3)], compare_with=compare_with)
    assert verdict.regime == "2026-01-02"


def test_a_young_regime_takes_only_what_no_other_claims():
    old, young = regime(2, rows=300), regime(4, rows=30)
    everything = like("2026-01-02", "2026-01-04")
    assert verdict_of(regimes=[old, young], compare_with=everything).regime == "2026-01-02"
    only_young = like("2026-01-04")
    assert verdict_of(regimes=[old, young], compare_with=only_young).regime == "2026-01-04"
    # Also where regimes alternate: else neither would ever grow.
    later = regime(5, rows=300)
    regimes = [old, young, later]
    assert verdict_of(regimes=regimes, compare_with=only_young).regime == "2026-01-04"
    also_young = regime(5, rows=40)
    either = like("2026-01-04", "2026-01-05")
    assert verdict_of(regimes=[young, also_young], compare_with=either).regime == "2026-01-05"


def test_a_credible_fall_of_the_score_is_drift():
    verdict = verdict_of(ALIKE, score(now=True, days=True))
    assert verdict.retrain
    assert verdict.score_below
    assert verdict.reasons[1].startswith("production's score 0.700 is credibly below its 0.900")


@pytest.mark.parametrize(
    ("reports", "drifted"),
    [
        ([], False),
        ([report(9, below=False)], False),
        ([report(9, below=True)], True),
        ([report(7, below=True), report(9, below=None)], True),  # a day without labels between
        ([report(9, below=True, production="0")], False),  # of another production
        ([report(8, below=True), report(9, below=False)], False),
        ([report(11, below=True)], False),  # a later day
    ],
)
def test_two_lower_days_in_a_row_are_drift(reports, drifted):
    verdict = verdict_of(ALIKE, score(now=False, days=True), reports=reports)
    assert verdict.drift_detected == drifted
    assert verdict.score_below
    if drifted:
        assert verdict.reasons[1].endswith("2 scored batches in a row")


def test_one_lower_day_suffices_where_the_policy_says_so():
    policy = DriftPolicy(score_days=1)
    verdict = judge(BATCH, ALIKE, score(now=False, days=True), [], never, [], policy)
    assert verdict.drift_detected


@pytest.mark.parametrize(
    ("labelled", "retrain"), [(0, False), (124, False), (125, True), (300, True)]
)
def test_late_labels_are_waited_for(labelled, retrain):
    batch = dataclasses.replace(BATCH, labelled_rows=labelled)
    verdict = verdict_of(comparison(3, target=None), batch=batch, needed_labels=125)
    assert (verdict.drift_detected, verdict.retrain) == (True, retrain)
    if not retrain:
        assert verdict.reasons[-1] == (
            f"the regime is new, named 2026-01-10: {labelled} labelled rows ({labelled} of this "
            "batch's 300), and at least 125 are needed to retrain; materialize 2026-01-10 again "
            "when its labels are there"
        )


def test_a_regime_without_a_decision_is_retrained_on_once_it_has_the_labels():
    young = regime(9, rows=100)
    batch = Batch(DAY, 30, 30)
    more = {"regimes": [young], "compare_with": like("2026-01-09"), "batch": batch}
    assert verdict_of(**more, needed_labels=130).retrain
    assert not verdict_of(**more, needed_labels=131).retrain


def test_the_record_of_a_new_regime_has_its_name():
    batch = dataclasses.replace(BATCH, production="7")
    record = verdict_of(ALIKE, score(now=True, days=True), batch=batch).record()
    assert (record.partition, record.regime, record.retrain) == (DAY, DAY, True)
    assert (record.score_below, record.production) == (True, "7")


@given(
    differing=st.integers(0, 4),
    target=st.sampled_from([None, False, True]),
    labelled=st.integers(0, 300),
    fallen=st.booleans(),
    decided=st.none() | st.integers(0, 2000),
    same=st.booleans(),
)
def test_there_is_no_retraining_without_drift_nor_without_labels(
    differing, target, labelled, fallen, decided, same
):
    verdict = verdict_of(
        comparison(differing, target=target),
        score(now=fallen, days=fallen) if labelled else None,
        [regime(2, decided=decided)],
        like("2026-01-02") if same else like(),
        batch=Batch(DAY, 300, labelled),
    )
    assert not verdict.retrain or (verdict.drift_detected and labelled > 0)
    assert (verdict.regime == "baseline") == (not verdict.drift_detected)
    assert verdict.reasons


def test_a_day_that_is_held_keeps_what_was_measured_and_nothing_that_follows():
    verdict = verdict_of(due="retrain.every asks for one")
    assert hold(verdict, [], "look at it") is verdict
    held = hold(verdict, ["x is 10 times the baseline"], "look at it")
    assert (held.state, held.held, held.retrain, held.regime) == (
        "suspected fault",
        True,
        False,
        "baseline",
    )
    assert held.drift_detected
    assert held.reasons == (
        "suspected fault: x is 10 times the baseline",
        "look at it",
        verdict.reasons[0],
    )
    assert held.record().held


# ---------------------------------------------------------------- several days at once


def known_day(day: int, **more):
    """A day that was reported on while periods were known; as usual unless told otherwise."""
    return report(day, drifted="regime" in more).model_copy(
        update={"state": "stable", "unusual": False, "distance": 0.05} | more
    )


def together(*differing: tuple[int, ...], at_once: Comparison | None = None) -> Together:
    """Days that differ from the reference when taken together with this one."""
    windows = [tuple(f"2026-01-{day:02}" for day in days) for days in differing]
    return Together(lambda window: DRIFTED if window in windows else ALIKE, at_once)


QUIET = [known_day(day) for day in range(1, 10)]


def test_one_day_beyond_what_days_do_is_unusual_and_no_shift():
    verdict = verdict_of(DRIFTED, reports=QUIET, together=together())
    assert (verdict.state, verdict.drift_detected, verdict.retrain) == ("unusual day", False, False)
    assert (verdict.unusual, verdict.regime, verdict.window) == (True, "baseline", ())
    assert "one day by itself is no shift" in verdict.reasons[-1]
    assert verdict.record().unusual


def test_a_storm_of_one_day_is_over_on_the_next():
    reports = [*QUIET[:-1], known_day(9, unusual=True, state="unusual day")]
    verdict = verdict_of(ALIKE, reports=reports, together=together((8, 9)))
    assert (verdict.state, verdict.drift_detected) == ("stable", False)


def test_two_such_days_in_a_row_are_a_shift_of_both():
    reports = [
        *QUIET[:-1],
        known_day(9, unusual=True, state="unusual day", distance=DRIFTED.distance),
    ]
    verdict = verdict_of(DRIFTED, reports=reports, together=together((9,)))
    assert (verdict.state, verdict.retrain, verdict.regime) == ("shift, new", True, "new")
    assert verdict.window == ("2026-01-09",)
    assert (verdict.regime_rows, verdict.regime_labelled_rows) == (600, 600)
    assert "from the baseline, the last 2 days taken together" in verdict.reasons[0]


def test_a_storm_and_a_day_that_is_hardly_unusual_after_it_are_no_shift():
    storm = known_day(9, unusual=True, state="unusual day", distance=3 * DRIFTED.distance)
    verdict = verdict_of(DRIFTED, reports=[*QUIET[:-1], storm], together=together((9,)))
    assert (verdict.state, verdict.retrain) == ("unusual day", False)


def test_a_week_that_differs_though_none_of_its_days_does_is_a_shift():
    week = (4, 5, 6, 7, 8, 9)
    verdict = verdict_of(ALIKE, reports=QUIET, together=together(week))
    assert verdict.state == "shift, new"
    assert verdict.window == tuple(f"2026-01-{day:02}" for day in week)
    assert verdict.regime_rows == 7 * 300


def test_an_unusual_day_has_a_part_in_the_week_around_it_unless_it_is_far_from_its_other_days():
    unusual = {"unusual": True, "state": "unusual day"}
    reports = [*QUIET[:-2], known_day(8, **unusual), QUIET[-1]]
    week = verdict_of(ALIKE, reports=reports, together=together((4, 5, 6, 7, 8, 9)))
    assert week.window == tuple(f"2026-01-{day:02}" for day in (4, 5, 6, 7, 8, 9))
    storm = [*QUIET[:-2], known_day(8, distance=3.0, **unusual), QUIET[-1]]
    around = verdict_of(ALIKE, reports=storm, together=together((4, 5, 6, 7, 9)))
    assert around.window == tuple(f"2026-01-{day:02}" for day in (4, 5, 6, 7, 9))


def test_a_week_that_differs_is_a_shift_also_where_its_last_day_is_unusual():
    week = (4, 5, 6, 7, 8, 9)
    drifting = [known_day(day, distance=DRIFTED.distance) for day in range(1, 10)]
    verdict = verdict_of(DRIFTED, reports=drifting, together=together(week))
    assert verdict.window == tuple(f"2026-01-{day:02}" for day in week)


def test_no_single_day_makes_a_shift_of_a_week():
    far = [*QUIET[:-3], known_day(7, distance=0.9), *QUIET[-2:]]
    storm = together((4, 5, 6, 7, 8, 9), (5, 6, 7, 8, 9))
    assert verdict_of(ALIKE, reports=far, together=storm).state == "stable"
    itself = [known_day(day, distance=0.01) for day in range(1, 10)]
    assert verdict_of(ALIKE, reports=itself, together=storm).state == "stable"


def test_where_days_differ_a_score_must_be_lower_for_a_day_more():
    lower = [known_day(day, score_below=day >= 9, distance=0.05) for day in range(1, 10)]
    scored = score(now=True, days=True)
    assert verdict_of(ALIKE, scored, reports=lower, together=together()).state == "stable"
    lower[-2] = known_day(8, score_below=True)
    verdict = verdict_of(ALIKE, scored, reports=lower, together=together())
    assert verdict.state == "shift, new"
    assert any("3 scored batches in a row" in reason for reason in verdict.reasons)


def test_where_days_hardly_differ_one_is_enough():
    verdict = verdict_of(DRIFTED, reports=QUIET, together=together(at_once=DRIFTED))
    assert (verdict.state, verdict.retrain, verdict.window) == ("shift, new", True, ())


def in_regime(*days: int, of: int = 8) -> list[ReportRecord]:
    named = f"2026-01-{of:02}"
    return [known_day(day, regime=named, state="shift, new", unusual=True) for day in days]


def test_a_day_that_may_be_of_the_latest_regime_counts_with_its_days():
    state = {"reports": in_regime(8, 9), "regimes": [regime(8, decided=300)]}
    alike = like("2026-01-08")
    verdict = verdict_of(ALIKE, **state, compare_with=alike, together=together((8, 9)))
    assert (verdict.state, verdict.regime, verdict.learned) == ("shift, known", "2026-01-08", True)
    assert not verdict.retrain
    # Not where it is another one; and by rows it is known at once to be over.
    over = verdict_of(ALIKE, **state, compare_with=like(), together=together((8, 9)))
    assert over.state == "stable"
    by_rows = together((8, 9), at_once=ALIKE)
    assert verdict_of(ALIKE, **state, compare_with=alike, together=by_rows).state == "stable"


def test_a_candidate_that_was_refused_leaves_its_regime_unlearned():
    refused = dataclasses.replace(regime(8, decided=300), promoted=False)
    verdict = verdict_of(
        ALIKE,
        reports=in_regime(8, 9),
        regimes=[refused],
        compare_with=like("2026-01-08"),
        together=together((8, 9)),
    )
    assert (verdict.state, verdict.learned) == ("shift, known", False)


def days_score(credible: bool) -> DaysScore:
    return DaysScore(fall(credible), 7)


@pytest.mark.parametrize(("credible", "state"), [(True, "shift, new"), (False, "stable")])
def test_a_score_that_days_say_has_fallen_is_a_shift(credible, state):
    verdict = verdict_of(ALIKE, days_score(credible), reports=QUIET, together=together())
    assert verdict.state == state
    assert f"is {'' if credible else 'not '}credibly below its 0.900 on the days" in " ".join(
        verdict.reasons
    )
    assert verdict.score_below is None


def test_a_retraining_that_is_due_needs_no_drift():
    verdict = verdict_of(ALIKE, due="the last decision was made 28 days ago")
    assert (verdict.retrain, verdict.drift_detected, verdict.scheduled) == (True, False, True)
    assert verdict.reasons[-1] == "the last decision was made 28 days ago: retrain"
    assert known_already(verdict.record(), [regime(8, decided=10_000)], POLICY) is None
    drifted = verdict_of(DRIFTED, due="the last decision was made 28 days ago")
    assert (drifted.retrain, drifted.scheduled) == (True, False)
