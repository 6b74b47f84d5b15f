"""The proxy that other tests rely on does what it is told, and nothing else."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from mlops_assets_tests.lossy_proxy import Fault, LossyProxy


class Counter(BaseHTTPRequestHandler):
    """Answers with how many POSTs it has carried out."""

    carried_out = 0

    def do_POST(self):
        type(self).carried_out += 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(self.carried_out).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def proxy():
    Counter.carried_out = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Counter) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        with LossyProxy(server.server_port) as made:
            yield made
        server.shutdown()


def post(proxy, path="/x"):
    return requests.post(proxy.url + path, data=b"body", timeout=30)


def test_it_passes_on_and_notes_what_comes(proxy):
    assert post(proxy).text == "1"
    assert post(proxy, "/y").text == "2"
    assert proxy.requests == [("POST", "/x"), ("POST", "/y")]


def test_a_lost_answer_is_of_a_request_that_was_carried_out(proxy):
    proxy.add(Fault("lose", "POST", "/x$", nth=2))
    assert post(proxy).text == "1"
    assert post(proxy, "/y").text == "2"
    with pytest.raises(requests.ConnectionError):
        post(proxy)
    assert post(proxy).text == "4"


def test_a_refused_request_is_not_carried_out(proxy):
    proxy.add(Fault("refuse", "POST", "/x", times=2))
    assert [post(proxy).status_code for _ in range(3)] == [503, 503, 200]
    assert Counter.carried_out == 1


def test_a_held_request_is_carried_out_when_it_is_released(proxy):
    held = proxy.add(Fault("hold", "POST", "/x"))
    asking = threading.Thread(target=post, args=(proxy,))
    asking.start()
    assert held.met.wait(10)
    assert Counter.carried_out == 0
    held.release.set()
    asking.join(10)
    assert Counter.carried_out == 1


def test_it_leaves_at_a_request_and_comes_back(proxy):
    away = proxy.add(Fault("leave", "POST", "/x"))
    with requests.Session() as session:
        for _ in range(3):
            with pytest.raises(requests.ConnectionError):
                session.post(proxy.url + "/x", timeout=10)
    away.release.set()
    assert away.over.wait(10)
    assert post(proxy).text == "1"


def test_connections_that_were_open_are_away_as_well(proxy):
    with requests.Session() as session:
        assert session.post(proxy.url, timeout=10).text == "1"
        with proxy.away(), pytest.raises(requests.ConnectionError):
            session.post(proxy.url, timeout=10)
        assert session.post(proxy.url, timeout=10).text == "2"
