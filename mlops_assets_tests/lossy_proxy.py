"""A proxy on loopback that loses answers, refuses, holds requests, and goes away, as it is told."""

import http.client
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Self

SECONDS = 120  # after which nothing here waits any longer
# Those of one connection, which each side sets for itself; the server has a name of its own, too.
_HOP = {"host", "connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"}


@dataclass
class Fault:
    """What is done to some requests.

    - ``lose``: it is carried out, and the connection closed without an answer.
    - ``refuse``: it is answered with 503 and not carried out.
    - ``hold``: it waits until ``release`` is set, and is carried out then.
    - ``leave``: it is not carried out, and nothing listens any more until ``release`` is set, or
      for ``seconds``.

    Attributes:
        does: One of these.
        method: The request's method.
        path: A regular expression that is searched for in its path.
        nth: The first of such requests that it is done to, counted from 1.
        times: How many in a row.
        seconds: How long the proxy is away at most.
        met: Set when it is done for the first time.
        release: Ends the holding, or brings the proxy back.
        over: Set when the proxy is back.
    """

    does: Literal["lose", "refuse", "hold", "leave"]
    method: str
    path: str
    nth: int = 1
    times: int = 1
    seconds: float = SECONDS
    met: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    seen: int = 0

    def meets(self, method: str, path: str) -> bool:
        """Count the request if it is such a one; whether it is one of those meant."""
        if method != self.method or not re.search(self.path, path):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


class LossyProxy:
    """A proxy before the HTTP server on a loopback port; a context manager.

    Attributes:
        url: Where it listens.
        requests: Method and path of all that has come, in order.
    """

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self.requests: list[tuple[str, str]] = []
        self._listen(0)
        self._port = self._server.server_port
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.heal()
        with self._lock:
            self._hang_up()

    def add(self, fault: Fault) -> Fault:
        """Do this from now on."""
        self._faults.append(fault)
        return fault

    def heal(self) -> None:
        """Do nothing to any request from now on; what is held goes on."""
        for fault in self._faults:
            fault.release.set()
        self._faults.clear()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nothing listens while this lasts."""
        with self._lock:
            self._hang_up()
        try:
            yield
        finally:
            with self._lock:
                self._listen(self._port)

    def _leave(self, fault: Fault) -> None:
        gone = threading.Event()

        def stay_away() -> None:
            with self.away():
                gone.set()
                fault.release.wait(fault.seconds)
            fault.over.set()

        threading.Thread(target=stay_away, daemon=True).start()
        gone.wait(SECONDS)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request, or not."""
        method, path = handler.command, handler.path
        body = _body_of(handler)
        with self._lock:
            self.requests.append((method, path))
            met = [fault for fault in list(self._faults) if fault.meets(method, path)]
        for fault in met:
            fault.met.set()
            if fault.does == "hold":
                fault.release.wait(SECONDS)
        does = {fault.does for fault in met}
        if "leave" in does:
            handler.close_connection = True
            self._leave(next(fault for fault in met if fault.does == "leave"))
        elif "refuse" in does:
            _send(handler, 503, {}, b"not now")
        else:
            status, headers, content = self._ask(handler, body)
            if "lose" in does:
                handler.close_connection = True
            else:
                _send(handler, status, headers, content)

    def _ask(
        self, handler: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        upstream = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=SECONDS)
        try:
            kept = {n: v for n, v in handler.headers.items() if n.lower() not in _HOP}
            upstream.request(handler.command, handler.path, body or None, kept)
            answer = upstream.getresponse()
            headers = {n: v for n, v in answer.getheaders() if n.lower() not in _HOP}
            return answer.status, headers, answer.read()
        finally:
            upstream.close()

    def _listen(self, port: int) -> None:
        if self._ended.is_set():
            return
        self._server = _Server(("127.0.0.1", port), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _hang_up(self) -> None:
        self._server.gone = True
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    gone = False  # so that connections that were open before are closed as well

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever hangs up on it is no news."""


def _handler(proxy: LossyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = SECONDS

        def __getattr__(self, name: str) -> Callable[[], None]:
            if not name.startswith("do_"):
                raise AttributeError(name)
            return self._answer  # whatever the method

        def _answer(self) -> None:
            if self.server.gone:
                self.close_connection = True
            else:
                proxy.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def _body_of(handler: BaseHTTPRequestHandler) -> bytes:
    """All of it: what is left unread would be taken for the next request of the connection."""
    if handler.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    body = b""  # an empty file is sent in chunks, of which there are none
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    while handler.rfile.readline().strip():
        pass
    return body


def _send(
    handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], content: bytes
) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)
