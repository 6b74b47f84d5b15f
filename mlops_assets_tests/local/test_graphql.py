"""The questions to the webserver fit its schema, and its answers are understood."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from graphql import parse, validate

from mlops_assets.errors import UserError
from mlops_assets.local import graphql
from mlops_assets.local.graphql import Webserver


@pytest.fixture(scope="module")
def schema():
    from dagster_graphql.schema import create_schema

    return create_schema().graphql_schema


@pytest.mark.parametrize("name", sorted(name for name in dir(graphql) if name.endswith("_QUERY")))
def test_every_question_fits_the_schema_of_the_installed_webserver(schema, name):
    assert validate(schema, parse(getattr(graphql, name))) == []


@pytest.fixture
def answering():
    """A server on the loopback address that gives one answer to every question."""
    servers = []

    def answer(data):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(data).encode())

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return Webserver(server.server_port, "mlops_assets")

    yield answer
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_failed_asset_check_is_why_a_run_failed(answering):
    events = [
        {},
        {"evaluation": {"checkName": "contract", "success": False, "description": "no petals"}},
        {"stepKey": "iris__drifted_batch", "error": {"message": "outer", "causes": []}},
    ]
    failure = answering({"data": {"runOrError": {"eventConnection": {"events": events}}}}).failure(
        "x"
    )
    assert (failure.check, failure.message) == ("contract", "no petals")


def test_without_a_check_the_innermost_error_is_why_a_run_failed(answering):
    error = {"message": "outer", "causes": [{"message": "middle"}, {"message": "KeyError: 1\n"}]}
    events = [{"stepKey": "iris__drift_report", "error": error}]
    failure = answering({"data": {"runOrError": {"eventConnection": {"events": events}}}}).failure(
        "x"
    )
    assert (failure.check, failure.message) == (None, "KeyError: 1")


def test_metadata_become_python_values(answering):
    entries = [
        {"label": "retrain", "boolValue": False},
        {"label": "rows", "intValue": 0},
        {"label": "drift_share", "floatValue": 0.25},
        {"label": "regime", "text": "new"},
        {"label": "reasons", "jsonString": '["a", "b"]'},
        {"label": "report"},
    ]
    webserver = answering(
        {"data": {"assetOrError": {"assetMaterializations": [{"metadataEntries": entries}]}}}
    )
    assert webserver.metadata("iris", "drift_report", "2026-01-01") == {
        "retrain": False,
        "rows": 0,
        "drift_share": 0.25,
        "regime": "new",
        "reasons": ["a", "b"],
        "report": None,
    }


def test_steps_are_told_by_asset_in_the_order_in_which_they_started(answering):
    steps = [
        {"stepKey": "iris__b", "status": None, "startTime": None, "endTime": None},
        {"stepKey": "iris__a", "status": "SUCCESS", "startTime": 1.0, "endTime": 2.5},
    ]
    tags = [{"key": "dagster/partition", "value": "2026-01-02"}]
    run = {"id": "1", "jobName": "j", "status": "FAILURE", "tags": tags, "stepStats": steps}
    [found] = answering({"data": {"runsOrError": {"results": [run]}}}).runs()
    assert [step.asset for step in found.steps] == ["a", "b"]
    assert found.partition == "2026-01-02"
    assert found.ended


def test_a_code_location_that_does_not_load_is_an_error_with_its_message(answering):
    entry = {
        "loadStatus": "LOADED",
        "locationOrLoadError": {
            "__typename": "PythonError",
            "message": "defs.yaml:3: no such field",
        },
    }
    webserver = answering({"data": {"workspaceOrError": {"locationEntries": [entry]}}})
    with pytest.raises(UserError, match=r"defs\.yaml:3"):
        webserver.location_loaded()


@pytest.mark.parametrize(
    ("location", "reached"),
    [
        (None, False),
        ({"__typename": "PythonError", "className": "DagsterUserCodeUnreachableError"}, False),
        ({"__typename": "PythonError", "className": "UserError"}, True),
        ({"__typename": "RepositoryLocation"}, True),
    ],
)
def test_a_code_location_counts_as_reached_once_its_server_answers(answering, location, reached):
    entry = {"loadStatus": "LOADED", "locationOrLoadError": location}
    webserver = answering({"data": {"workspaceOrError": {"locationEntries": [entry]}}})
    assert webserver.location_reached() is reached


def test_a_refused_launch_says_why(answering):
    webserver = answering({"data": {"launchRun": {"__typename": "X", "message": "no such job"}}})
    with pytest.raises(UserError, match="iris_daily for 2026-01-01: no such job"):
        webserver.launch("iris_daily", "2026-01-01")


def test_a_webserver_that_is_gone_is_an_error_that_names_its_address():
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9 does not answer"):
        Webserver(9, "mlops_assets").runs()
