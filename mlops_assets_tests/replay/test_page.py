"""The page: one file, safe whatever the data holds, and all of ``replay.json`` to be seen."""

import json
import re
from collections import Counter

import pytest

from mlops_assets.replay.figures import compared
from mlops_assets.replay.history import History
from mlops_assets.replay.living import Decided, Log
from mlops_assets.replay.page import page
from mlops_assets.replay.result import result
from mlops_assets_tests.examples import iris_spec

EVIL = "</script><script>alert('<b>&\"')</script> {{title}}"
DAYS = tuple(f"2026-01-{n:02}" for n in range(1, 15))


@pytest.fixture(scope="module")
def found():
    spec = iris_spec()
    decisions = [
        Decided(DAYS[3], "promoted", (f"better: {EVIL}",), made_on=DAYS[8]),
        Decided(DAYS[5], "inconclusive", ("not credibly",), ("credibly_better",)),
    ]
    log = Log(
        scores={day: 0.5 + n / 100 for n, day in enumerate(DAYS)},
        versions=dict.fromkeys(DAYS, 1),
        regimes={day: "baseline" if day < DAYS[3] else DAYS[3] for day in DAYS},
        drifted={day: day >= DAYS[3] for day in DAYS},
        quarantined={DAYS[9]: EVIL},
        columns=Counter({EVIL: 9}),
        retrainings=2,
        decisions=decisions,
    )
    history = History(DAYS, DAYS[:-2], {DAYS[-1]: EVIL}, ("A note.",))
    never = Log(scores=dict.fromkeys(DAYS, 0.5))
    lived = compared({"as configured": log, EVIL: never, "never": never}, spec.metric_of())
    return result(spec, history, lived, "fast", 150.0)


@pytest.fixture(scope="module")
def html(found):
    return page(found)


def test_no_data_can_become_markup_or_script(html):
    own = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert "alert(" in own
    assert "<script>alert" not in own
    assert own.count("<script") == 1  # the data
    assert "<b>&" not in own


def test_only_the_two_scripts_of_the_page_may_run_and_nothing_is_loaded(html):
    import base64
    import hashlib

    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    assert re.findall(r"'sha256-([^']*)'", policy) == digests
    assert len(digests) == 2
    assert "default-src 'none'" in policy
    assert not re.findall(r"<(?:link|img|iframe)|<script[^>]* src", html)


def test_the_data_of_the_chart_is_what_was_found(found, html):
    (kept,) = re.findall(r'id="data">(.*?)</script>', html, re.DOTALL)
    drawn = json.loads(kept)
    assert [one["name"] for one in drawn["policies"]] == ["as configured", EVIL, "never"]
    assert drawn["policies"][0]["scores"] == found["policies"][0]["scores"]


def test_every_decision_has_its_reasons_in_words(html):
    assert "not credibly" in html
    assert "2 decisions" in html
    assert "never: no decision was made." in html


def test_days_that_were_left_out_are_listed(html):
    assert "In quarantine: 1 of 14 days" in html
    assert "Could not be read: 1 of 14 days" in html
    assert "Without a batch: 1 of 14 days" in html
    assert "A note." in html


def test_a_challenger_is_drawn_where_later_days_promoted_it(html, found):
    promoted, waits = found["policies"][0]["decisions"]
    assert (promoted["partition"], promoted["day"]) == (DAYS[3], DAYS[8])
    assert waits["day"] == waits["partition"] == DAYS[5]
    assert f"<td>{DAYS[3]}<br>on {DAYS[8]}</td>" in html
    assert f"<td>{DAYS[5]}</td>" in html


def test_the_result_has_what_was_agreed(found):
    assert {"model", "from", "to", "metric", "policies", "seconds"} <= set(found)
    agreed = {"name", "mean_score", "retrainings", "promotions", "rejections", "rollbacks", "held"}
    for policy in found["policies"]:
        assert agreed | {"scores", "decisions"} <= set(policy)
        for decision in policy["decisions"]:
            assert set(decision) == {"partition", "day", "decision", "reasons"}
    assert found["policies"][0]["promotions"] == 1
    assert found["policies"][0]["rejections"] == 1
    json.dumps(found, allow_nan=False)
