"""A page of another site can neither act on the servers of ``make up`` nor read them."""

import http.server
import json
import threading
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from mlops_assets_tests.servers import asked

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

JSON = {"Content-Type": "application/json"}
ROLLBACK = """mutation Roll {launchRun(executionParams: {selector: {
repositoryLocationName: "mlops_assets", repositoryName: "__repository__",
jobName: "iris_rollback"}, runConfigData: {}}) {__typename}}"""
LAUNCH = json.dumps({"query": ROLLBACK})
IN_ADDRESS = f"/graphql?query={quote(ROLLBACK)}"
EXPERIMENT = json.dumps({"name": "of a foreign page"})
CREATE = "/api/2.0/mlflow/experiments/create"
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=100"


@pytest.fixture(scope="module")
def foreign():
    """The address of a page that another server on this machine serves."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = partial(Quiet, directory=Path(__file__).parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/foreign_page.html"
        server.shutdown()
        thread.join()


@pytest.fixture
def nothing_done(up):
    """What the servers know is the same after the test as before."""

    def known():
        status, experiments, _ = asked(urlsplit(up.mlflow).port, "GET", SEARCH)
        assert status == 200
        return {run.id for run in up.webserver.runs()}, json.loads(experiments)

    before = known()
    yield
    assert known() == before


ATTACKS = {
    "a query in the address": ("GET", IN_ADDRESS, None, {}),
    "a form": ("POST", IN_ADDRESS, "a=b", {"Content-Type": "application/x-www-form-urlencoded"}),
    "a form with a file": ("POST", IN_ADDRESS, "", {"Content-Type": "multipart/form-data"}),
    "plain text": ("POST", IN_ADDRESS, LAUNCH, {"Content-Type": "text/plain"}),
    "no type": ("POST", IN_ADDRESS, None, {}),
    "another origin": ("POST", "/graphql", LAUNCH, {**JSON, "Origin": "http://localhost:1"}),
    "another site": ("POST", "/graphql", LAUNCH, {**JSON, "Sec-Fetch-Site": "same-site"}),
    "another host": ("POST", "/graphql", LAUNCH, {**JSON, "Host": "evil.example"}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_dagster_launches_nothing_for(up, nothing_done, attack):
    port = urlsplit(up.dagster).port
    status, said, headers = asked(port, *ATTACKS[attack])
    assert status in (403, 405, 415, 421)
    assert headers["Content-Type"].startswith("text/plain")
    assert b"launchRun" not in said


def test_dagster_tells_nothing_live_to_another_origin(up):
    address = up.dagster.replace("http", "ws") + "/graphql"
    with (
        pytest.raises(InvalidStatus, match="HTTP 403"),
        connect(address, origin="http://localhost:1", subprotocols=["graphql-ws"]),
    ):
        pass


@pytest.mark.parametrize(
    "headers",
    [
        {**JSON, "Origin": "http://localhost:1"},
        {**JSON, "Origin": "null"},
        {**JSON, "Host": "evil.example"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {},
    ],
)
def test_mlflow_makes_no_experiment_for(up, nothing_done, headers):
    port = urlsplit(up.mlflow).port
    assert asked(port, "POST", CREATE, EXPERIMENT, headers)[0] in (403, 415, 421)


def test_mlflow_lets_no_other_page_of_this_machine_read(up):
    port = urlsplit(up.mlflow).port
    for path in (SEARCH, "/", "/health"):
        status, _, headers = asked(port, "GET", path, headers={"Origin": "http://localhost:1"})
        assert status == 403
        assert headers["Access-Control-Allow-Origin"] is None


def attacked(page, foreign, address, post, body, question):
    """What a foreign page could read of a server after it has tried everything."""
    page.goto(foreign)
    target = {
        "address": f"{address}/graphql",
        "query": ROLLBACK,
        "question": f"{address}{question}",
        "post": f"{address}{post}",
        "body": body,
    }
    seen = page.evaluate("target => attack(target)", target)
    framed = page.frame("framed")
    return {what: text for what, text in seen.items() if text}, framed.content()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_page_of_another_site_reaches_no_dagster(up, page, foreign, nothing_done, name):
    dagster = up.dagster.replace("127.0.0.1", name)
    read, framed = attacked(page, foreign, dagster, "/graphql", LAUNCH, "/server_info")
    assert not read
    assert "Dagster" not in framed


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_page_of_another_site_reaches_no_mlflow(up, page, foreign, nothing_done, name):
    mlflow = up.mlflow.replace("127.0.0.1", name)
    read, framed = attacked(page, foreign, mlflow, CREATE, EXPERIMENT, SEARCH)
    assert not read
    assert "MLflow" not in framed


def test_a_page_of_another_site_may_link_here(up, page, foreign):
    page.goto(foreign)
    page.evaluate("address => { location.href = address }", f"{up.dagster}/assets")
    page.wait_for_url(f"{up.dagster}/**")
    page.get_by_text("iris", exact=True).first.wait_for()
