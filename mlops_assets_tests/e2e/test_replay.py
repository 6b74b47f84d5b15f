"""A replay of the demo's own days beside what the daemon did, and its page in a real browser."""

import json
import subprocess
import sys

import pytest

from mlops_assets.data.store import Store
from mlops_assets.lifecycle.journal import Journal
from mlops_assets.local.demo import MODEL, STORY
from mlops_assets.settings import CHECKOUT
from mlops_assets_tests.e2e.conftest import environment_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def folder(demo, tmp_path_factory):
    """What a replay of the six days leaves, each retraining with a search of its own."""
    home = tmp_path_factory.mktemp("replay") / "home"
    days = list(STORY)
    command = [sys.executable, "-m", "mlops_assets.cli", "replay", MODEL, "--training", "full"]
    ended = subprocess.run(
        [*command, "--from", days[0], "--to", days[-1]],
        cwd=CHECKOUT,
        env=environment_for(home, PYTHONPATH=str(CHECKOUT)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (written,) = (home / "replays" / MODEL).iterdir()
    return written


@pytest.fixture(scope="module")
def configured(folder):
    found = json.loads((folder / "replay.json").read_text("utf-8"))
    return next(one for one in found["policies"] if one["name"] == "as configured")


def test_it_decides_what_the_daemon_decided_for_the_same_reasons(demo, configured):
    made = Journal(Store(url=str(demo.home / "data")), MODEL).every_decided()
    *decided, held = configured["decisions"]
    assert decided == [
        {
            "partition": one.record.partition,
            "day": one.record.partition,
            "decision": one.decision,
            "reasons": list(one.reasons),
        }
        for one in made
    ]
    assert [one["decision"] for one in decided] == ["promoted", "rejected"]
    assert (held["partition"], held["decision"]) == (list(STORY)[-1], "held")


def test_each_day_is_of_the_regime_that_its_report_said(demo, configured):
    reports = Journal(Store(url=str(demo.home / "data")), MODEL).reports()
    assert configured["regimes"] == {report.partition: report.regime for report in reports}


def test_each_day_was_scored_with_the_version_that_scored_it_then(demo, configured):
    days = json.loads((demo.home / "demo.json").read_text("utf-8"))["days"]
    after = [1, *(day["production_version"] for day in days)]
    assert configured["versions"] == {
        day["partition"]: before
        for day, before in zip(days, after, strict=False)
        if day["outcome"] != "quarantined"
    }


@pytest.mark.parametrize("width", [390, 1400])
def test_the_page_draws_itself_without_a_network_or_an_error(folder, page, width):
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": width, "height": 900})
    page.goto((folder / "index.html").as_uri())
    names = page.locator("#chart .legendtext, #chart .legend2text")
    names.nth(5).wait_for(state="attached")
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    told = set(names.all_text_contents())
    assert {"as configured", "every 7", "every 28", "never", "promoted", "rejected"} <= told
    # Nothing but the wide table scrolls sideways.
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
