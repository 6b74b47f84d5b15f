"""The model server as it is started: guarded where it is for this machine alone."""

import json
from contextlib import ExitStack

import pytest

from mlops_assets.local.processes import free_port
from mlops_assets.serving.__main__ import application
from mlops_assets.serving.follower import Follower
from mlops_assets_tests.servers import asgi_server, asked

JSON = {"Content-Type": "application/json"}
ROW = json.dumps({"dataframe_records": [{"count": 2, "colour": "red"}]})
NOT_YET = 503  # the version is still being loaded


@pytest.fixture
def served(registry):
    """Serves as with ``--host``; returns the port."""
    with ExitStack() as servers:

        def serve(host):
            port = free_port()
            app = application(Follower(registry, 60), host, port)
            servers.enter_context(asgi_server(app, port))
            return port

        yield serve


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_loopback_no_page_of_another_site_uses_it(served, host):
    port = served(host)
    assert asked(port, "GET", "/ping")[0] == 200
    for kind, body in (("application/json", ROW), ("text/csv", "count,colour\n2,red\n")):
        status = asked(port, "POST", "/invocations", body, {"Content-Type": kind})[0]
        assert status in (200, 400, NOT_YET)
    assert asked(port, "GET", "/version", headers={"Host": "evil.example"})[0] == 421
    assert asked(port, "POST", "/invocations", ROW, {**JSON, "Origin": "null"})[0] == 403
    plain = {"Content-Type": "text/plain"}
    assert asked(port, "POST", "/invocations", ROW, plain)[0] == 415


def test_behind_a_proxy_it_answers_to_the_name_that_the_proxy_knows(served):
    port = served("0.0.0.0")
    assert asked(port, "GET", "/ping", headers={"Host": "serving:8000"})[0] == 200
