"""The HTTP side, asked over real HTTP."""

import json
import time

import pytest

from mlops_assets.local.processes import free_port
from mlops_assets.serving import app as app_module
from mlops_assets.serving.app import make_app
from mlops_assets.serving.follower import Follower
from mlops_assets_tests.servers import asgi_server, asked

ROWS = {"dataframe_records": [{"count": 2, "colour": "red"}, {"count": None, "colour": "new"}]}


@pytest.fixture
def server(registry):
    """A server that follows `shop`; yields how to ask it."""
    port = free_port()

    def ask(path, body=None, content_type="application/json"):
        headers = {"Content-Type": content_type}
        status, content, _ = asked(port, "GET" if body is None else "POST", path, body, headers)
        return status, json.loads(content) if content[:1] == b"{" else content

    with asgi_server(make_app(Follower(registry, 0.1)), port):
        yield ask


def wait_for_version(ask, number):
    until = time.monotonic() + 60
    while ask("/ping")[1]["version"] != number:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_without_a_version_it_is_alive_and_says_what_is_missing(server):
    assert server("/ping") == (200, {"model": "shop", "version": None})
    for path, body in (("/version", None), ("/invocations", json.dumps(ROWS))):
        status, answer = server(path, body)
        assert status == 503
        assert "No version of 'shop' is served yet" in answer["error"]


def test_it_answers_with_production_and_follows_it(server, registry):
    for number, label in ((1, "one"), (2, "two")):
        registry.set_alias("production", registry.get(number))
        wait_for_version(server, number)
        answer = server("/invocations", json.dumps(ROWS))
        assert answer == (200, {"predictions": [label, label], "version": number})
        status, about = server("/version")
        assert status == 200
        assert (about["version"], about["partition"]) == (number, f"2026-01-0{number}")


def test_a_wrong_request_is_told_why(server, registry, monkeypatch):
    registry.set_alias("production", registry.get(1))
    wait_for_version(server, 1)
    status, answer = server("/invocations", '{"dataframe_records": [{"count": 1}]}')
    assert (status, "missing: colour" in answer["error"]) == (400, True)
    status, answer = server("/invocations", "count,colour\n1, red\n", "text/csv")
    assert (status, answer["predictions"]) == (200, ["one"])
    (note,) = answer["notes"]
    assert note == "colour: blanks around the text of 1 row taken off (for example ' red')."
    assert server("/invocations")[0] == 405
    assert server("/elsewhere")[0] == 404
    monkeypatch.setattr(app_module, "MAX_BYTES", 10)
    status, answer = server("/invocations", json.dumps(ROWS))
    assert (status, "more than 10 bytes" in answer["error"]) == (413, True)
