"""Dagster's own application behind the guard, made of the internals that the module relies on."""

import json
from urllib.parse import urlencode

import dagster as dg
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from mlops_assets.local.processes import free_port
from mlops_assets.local.webserver import guarded_webserver
from mlops_assets_tests.servers import asgi_server, asked

# It acts, needs no code location, and can be seen.
MUTATION = "mutation A {setAutoMaterializePaused(paused: false)}"
STATE = "{instance {autoMaterializePaused}}"
IN_ADDRESS = f"/graphql?{urlencode({'query': MUTATION})}"
ONE_OF_TWO = urlencode({"query": f"query B {STATE} {MUTATION}", "operationName": "A"})
JSON = {"Content-Type": "application/json"}
BODY = json.dumps({"query": MUTATION})


@pytest.fixture(scope="module")
def instance():
    with dg.DagsterInstance.local_temp() as instance:
        yield instance


@pytest.fixture(scope="module")
def served(instance, tmp_path_factory):
    """Where the webserver of an instance without code locations is served."""
    workspace = tmp_path_factory.mktemp("webserver") / "workspace.yaml"
    workspace.write_text("load_from: []\n")
    port = free_port()
    with guarded_webserver(instance, workspace, port) as app, asgi_server(app, port):
        yield port


@pytest.fixture
def port(served):
    pause = json.dumps({"query": MUTATION.replace("false", "true")})
    assert asked(served, "POST", "/graphql", pause, JSON)[0] == 200
    return served


def paused(port):
    _, content, _ = asked(port, "POST", "/graphql", json.dumps({"query": STATE}), JSON)
    return json.loads(content)["data"]["instance"]["autoMaterializePaused"]


def test_its_own_pages_and_programs_may_ask_and_act(port):
    assert paused(port)
    own = {"Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}
    status, content, _ = asked(port, "POST", "/graphql", BODY, {**JSON, **own})
    assert (status, json.loads(content)) == (200, {"data": {"setAutoMaterializePaused": False}})
    assert not paused(port)
    assert asked(port, "GET", "/server_info")[0] == 200
    _, page, headers = asked(port, "GET", "/assets")
    assert b"</html>" in page
    policies = headers.get_all("Content-Security-Policy")
    assert "script-src" in policies[0]
    assert policies[1] == "frame-ancestors 'self'"
    assert b"GraphiQL" in asked(port, "GET", "/graphql", headers={"Accept": "text/html"})[1]


ATTACKS = {
    "an image": ("GET", IN_ADDRESS, None, {}),
    "an image of one of two operations": ("GET", f"/graphql?{ONE_OF_TWO}", None, {}),
    "an encoded path": ("GET", IN_ADDRESS.replace("/g", "/%67"), None, {}),
    "a form": ("POST", IN_ADDRESS, "a=b", {"Content-Type": "application/x-www-form-urlencoded"}),
    "a form with a file": ("POST", IN_ADDRESS, "", {"Content-Type": "multipart/form-data"}),
    "plain text": ("POST", IN_ADDRESS, "{}", {"Content-Type": "text/plain"}),
    "plain text that says JSON too": (
        *("POST", "/graphql", BODY, {"Content-Type": "text/plain; application/json"}),
    ),
    "GraphQL": ("POST", "/graphql", MUTATION, {"Content-Type": "application/graphql"}),
    "nothing but the address": ("POST", IN_ADDRESS, None, {}),
    "a page of another port": (
        *("POST", "/graphql", BODY, {**JSON, "Origin": "http://127.0.0.1:1"}),
    ),
    "a page without an origin": ("POST", "/graphql", BODY, {**JSON, "Origin": "null"}),
    "another host": ("POST", "/graphql", BODY, {**JSON, "Host": "evil.example"}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_is_changed_by(port, attack):
    assert asked(port, *ATTACKS[attack])[0] in (403, 405, 415, 421)
    assert paused(port)


def test_no_event_is_recorded_for_a_foreign_page(port, instance):
    path = "/report_asset_materialization/iris/baseline_model"
    assert asked(port, "POST", path, "{}", {**JSON, "Origin": "null"})[0] == 403
    assert asked(port, "POST", path)[0] == 415
    assert not instance.all_asset_keys()
    assert asked(port, "POST", path, "{}", JSON)[0] == 200
    assert instance.all_asset_keys()


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1"])
def test_a_foreign_page_gets_no_live_data(port, origin):
    with (
        pytest.raises(InvalidStatus, match="HTTP 403"),
        connect(f"ws://127.0.0.1:{port}/graphql", origin=origin, subprotocols=["graphql-ws"]),
    ):
        pass


def test_its_own_pages_get_live_data(port):
    address = f"//127.0.0.1:{port}"
    own = {"origin": f"http:{address}", "subprotocols": ["graphql-ws"]}
    with connect(f"ws:{address}/graphql", **own) as live:
        live.send(json.dumps({"type": "connection_init"}))
        assert json.loads(live.recv()) == {"type": "connection_ack"}
