"""The HTTP side, asked over real HTTP."""

import json
import time

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from mlops_assets.local.processes import free_port
from mlops_assets.predicted import Interval
from mlops_assets.serving import app as app_module
from mlops_assets.serving.app import make_app
from mlops_assets.serving.follower import Follower
from mlops_assets.training.features import Model
from mlops_assets.training.intervals import keep_interval
from mlops_assets_tests.servers import asgi_server, asked
from mlops_assets_tests.serving.asked import Asked
from mlops_assets_tests.stored import file_of

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
        sure = {"one": 0, "two": 0} | {label: 1}
        answer = {"predictions": [label] * 2, "probabilities": [sure] * 2, "version": number}
        assert server("/invocations", json.dumps(ROWS)) == (200, answer)
        status, about = server("/version")
        assert status == 200
        assert (about["classes"], about["positive"]) == (["one", "two"], "two")
        assert (about["version"], about["partition"]) == (number, f"2026-01-0{number}")


def test_of_numbers_and_where_none_are_known_there_are_no_probabilities():
    for estimator, labels in (
        (LinearRegression(), [1.0, 2.0, 3.0]),
        (LinearSVC(dual="auto"), ["a", "b", "a"]),
    ):
        table = pd.DataFrame({"count": [1.0, 2.0, 3.0]})
        model = Model(Pipeline([("estimator", estimator)]).fit(table, labels))
        served = Asked(model, {"count": "float"})
        status, answer = served.post(b'{"dataframe_records": [{"count": 2}]}')
        served.close()
        assert (status, set(answer)) == (200, {"predictions", "version"})
        assert model.classes is None


def test_of_numbers_the_interval_is_told_where_the_model_has_one():
    table = pd.DataFrame({"count": [1.0, 2.0, 3.0]})
    pipeline = Pipeline([("estimator", LinearRegression())]).fit(table, [1.0, 2.0, 3.0])
    keep_interval(pipeline, Interval(0.9, 0.5))
    served = Asked(Model(pipeline), {"count": "float"})
    _, answer = served.post(b'{"dataframe_records": [{"count": 2}]}')
    served.close()
    assert set(answer) == {"predictions", "lower", "upper", "version"}
    assert (answer["lower"], answer["upper"]) == ([pytest.approx(1.5)], [pytest.approx(2.5)])


def test_a_version_from_before_the_positive_class_was_kept_names_none(server, registry):
    settings = file_of(registry, 1).parent / "MLmodel"
    text = settings.read_text("utf-8")
    assert "positive_class: 1" in text
    settings.write_text(text.replace("positive_class: 1", "earlier: 1"), "utf-8")
    registry.set_alias("production", registry.get(1))
    wait_for_version(server, 1)
    about = server("/version")[1]
    assert (about["classes"], about["positive"]) == (["one", "two"], None)
    assert server("/invocations", json.dumps(ROWS))[1]["probabilities"][0] == {"one": 1, "two": 0}


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
