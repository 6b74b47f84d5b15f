"""Policies over a stream of fifteen days, held against what can be counted by hand.

Days 1 to 3 are like the baseline. From day 4 on all features are moved, and labels with them. Day 9
has no batch, and day 10 breaks the data contract.
"""

import dataclasses

import pytest

from mlops_assets.replay.living import Living
from mlops_assets.replay.policies import CONFIGURED, NEVER, policies
from mlops_assets_tests.replay.streams import (
    BROKEN,
    CHANGE,
    DAYS,
    MISSING,
    day,
    history_of,
    lived,
    spec_of,
)

SCORED = [day(n) for n in range(1, DAYS + 1) if n not in (MISSING, BROKEN)]


@pytest.fixture
def spec(tmp_path):
    return spec_of(tmp_path)


def decisions(living: Living) -> list[tuple[str, str]]:
    return [(one.partition, one.decision) for one in living.log.decisions]


def test_never_retraining_scores_every_day_with_the_first_model(spec, tmp_path):
    log = lived(NEVER, spec, tmp_path).log
    assert (log.retrainings, log.decisions) == (0, [])
    assert set(log.versions.values()) == {1}
    assert list(log.scores) == SCORED
    assert all(log.scores[day(n)] > 0.95 for n in (1, 2, 3))
    assert all(log.scores[at] < 0.5 for at in SCORED[3:])  # all that it says is `up`
    assert list(log.quarantined) == [day(BROKEN)]


def test_the_loop_retrains_on_the_first_third_and_ninth_day_of_the_new_regime(spec, tmp_path):
    log = lived(CONFIGURED, spec, tmp_path).log
    # Days 4, 5, 6, 7, 8, 11, 12, 13, 14: its ninth is the 14th.
    assert [one.partition for one in log.decisions] == [day(4), day(6), day(14)]
    assert log.decisions[0].decision == "promoted"
    assert log.retrainings == 3
    assert {at: log.regimes[at] for at in SCORED} == {
        at: "baseline" if at < day(CHANGE) else day(CHANGE) for at in SCORED
    }
    assert sum(log.drifted.values()) == len(SCORED) - 3


def test_a_day_is_scored_before_anything_is_learned_from_it(spec, tmp_path):
    log = lived(CONFIGURED, spec, tmp_path).log
    assert [log.versions[day(n)] for n in (3, 4, 5)] == [1, 1, 2]
    assert log.scores[day(4)] < 0.5 < 0.9 < log.scores[day(5)]


def test_every_seven_retrains_on_the_seventh_and_fourteenth_day_and_uses_it(spec, tmp_path):
    living = lived("every 7", spec, tmp_path)
    assert decisions(living) == [(day(7), "promoted"), (day(14), "promoted")]
    assert living.log.retrainings == 2
    # 140 of the baseline's 200 rows, and 120 of each of seven batches.
    assert living.log.decisions[0].reasons == (
        "every 7 periods: trained on 980 rows, and used without a gate.",
    )
    # Of days 8 to 14 the 9th and the 10th were never taken.
    assert "trained on 1580 rows" in living.log.decisions[1].reasons[0]
    assert [living.log.versions[day(n)] for n in (7, 8, 14, 15)] == [1, 2, 2, 3]
    assert living.log.scores[day(7)] < 0.5 < 0.9 < living.log.scores[day(8)]


def test_every_twenty_eight_has_not_come_to_it(spec, tmp_path):
    assert lived("every 28", spec, tmp_path).log.retrainings == 0


def test_the_calendar_does_not_train_again_where_nothing_came_since(tmp_path):
    spec = spec_of(tmp_path)
    (daily,) = [one for one in policies(spec, []) if one.name == "every 7"]
    daily = dataclasses.replace(daily, every=1)
    history = history_of(spec, tmp_path)
    living = Living(daily, tmp_path, "fast", tmp_path / "kept")
    living.begin()
    list(living.through(history))
    assert [at for at, _ in decisions(living)] == SCORED  # neither the 9th nor the 10th day
    assert living.log.retrainings == len(SCORED)


def test_labels_are_learned_from_only_when_they_have_come(tmp_path):
    spec = spec_of(tmp_path, replay={"label_delay_days": 2})
    log = lived(CONFIGURED, spec, tmp_path).log
    first = log.decisions[0]
    # Day 4's own labels come after day 6: until then there is nothing to retrain on.
    assert (first.partition, first.decision) == (day(4), "promoted")
    assert [log.versions[day(n)] for n in (4, 5, 6, 7)] == [1, 1, 1, 2]
    assert list(log.scores) == SCORED  # each day's score is known all the same
    prompt = lived(CONFIGURED, spec_of(tmp_path), tmp_path / "prompt").log
    assert [log.scores[day(n)] for n in (1, 2, 3, 4)] == [
        prompt.scores[day(n)] for n in (1, 2, 3, 4)
    ]


def test_the_calendar_learns_what_has_a_label_by_then(tmp_path):
    spec = spec_of(tmp_path, replay={"label_delay_days": 2})
    log = lived("every 7", spec, tmp_path).log
    assert "trained on 740 rows" in log.decisions[0].reasons[0]  # of days 1 to 5


def test_what_the_policy_holds_back_is_told(tmp_path):
    spec = spec_of(tmp_path)
    setting = "drift.patience=3"
    living = lived(setting, spec, tmp_path, (setting,))
    assert decisions(living)[:3] == [(day(4), "held"), (day(5), "held"), (day(6), "promoted")]
    assert "patience asks for 3" in living.log.decisions[0].reasons[0]


@pytest.mark.parametrize("name", [CONFIGURED, "every 7"])
def test_a_life_that_was_kept_goes_on_to_the_same_end(spec, tmp_path, name):
    whole = lived(name, spec, tmp_path / "whole").log
    folder = tmp_path / "parts"
    history = history_of(spec, folder)
    (policy,) = [one for one in policies(spec, []) if one.name == name]
    for stop in (3, 4, 9, DAYS):  # before and after the first decision, and on the missing day
        living = Living(policy, folder, "fast", folder / "kept")
        living.begin()
        for at in living.through(history):
            if at == day(stop):
                break
        living.keep()
    assert living.log == whole


def test_policies_share_what_was_fitted_on_equal_rows(spec, tmp_path):
    lived("every 7", spec, tmp_path)
    fitted = len(list((tmp_path / "models").iterdir()))
    assert fitted == 3  # the first search, and two more
    lived("every 7", spec, tmp_path)
    lived(NEVER, spec, tmp_path)
    assert len(list((tmp_path / "models").iterdir())) == fitted
