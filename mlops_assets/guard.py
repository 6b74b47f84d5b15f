"""Keeps the pages of other sites off a local server: what stands in front of every one of them.

A browser lets any page send requests to this machine, and a server that has no login takes them
for its user's. So each local server answers only requests for its own address, that come from no
page or from one of its own, and in a form that no other page can send without asking first.
"""

import logging
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

JSON = "application/json"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_HTTP_PORT = 80  # which browsers leave out
_OWN_SITE = {"same-origin", "none"}  # "none" is what a person types

_log = logging.getLogger(__name__)


def loopback_hosts(port: int) -> frozenset[str]:
    """What the ``Host`` header of a request to this machine's own address may be."""
    hosts = {f"{name}:{port}" for name in _LOOPBACK}
    return frozenset(hosts.union(_LOOPBACK) if port == _HTTP_PORT else hosts)


class Guard:
    """An ASGI application in front of another: passes on what is not another site's doing.

    Refused are, with a plain text that says why:

    - 421: any host that is not served, such as a DNS name that was bent to point here.
    - 403: any request or websocket from a page of another origin. Following a link is none: that
      shows a page to its reader, and to nobody else.
    - 405: a query in the address of a path that takes queries by POST. An image can send that, and
      some browsers do not say for whom.
    - 415: a POST of a type that a form can send. Without a type, which is without a body, it has to
      say that it comes from a page of this server.

    No answer may be put into a frame of, or be read by, another origin.

    Args:
        app: What is guarded.
        hosts: The hosts that are served, in small letters, as in a ``Host`` header.
        types: The types that the body of a POST may have.
        by_post: The paths that take queries, by POST alone.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Collection[str],
        types: Collection[str] = (JSON,),
        by_post: Collection[str] = ("/graphql",),
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._types = types
        self._by_post = by_post

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or has the application answer it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, _kept_to_this_origin(send))
            return
        status, why = refusal
        _log.warning("Refused %s %r: %s", scope.get("method", "websocket"), scope["path"], why)
        await PlainTextResponse(f"{why}\n", status)(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        method = scope.get("method", "websocket")
        hosts = [host.lower() for host in headers.getlist("host")]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            served, given = ", ".join(sorted(self._hosts)), " and ".join(hosts) or "without a name"
            return 421, f"This server is {served}; not {given}."
        if _of_another_site(headers, method, f"http://{hosts[0]}"):
            return 403, "Only pages of this server itself may ask or act here; this is another's."
        if scope["path"] in self._by_post and method != "POST" and scope.get("query_string"):
            return 405, f"Queries are taken by POST as {JSON}, not in the address."
        if method == "POST" and not self._type_is_right(headers):
            return 415, f"Only {' or '.join(self._types)} is taken here; set the Content-Type."
        return None

    def _type_is_right(self, headers: Headers) -> bool:
        types = headers.getlist("content-type")
        if not types:
            return "origin" in headers
        return len(types) == 1 and types[0].partition(";")[0].strip().lower() in self._types


def _of_another_site(headers: Headers, method: str, origin: str) -> bool:
    if any(given != origin for given in headers.getlist("origin")):
        return True
    if _OWN_SITE.issuperset(headers.getlist("sec-fetch-site")):
        return False
    followed = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    is_link = all(headers.getlist(name) == [value] for name, value in followed.items())
    return method not in ("GET", "HEAD") or not is_link


def _kept_to_this_origin(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Frame-Options"] = "SAMEORIGIN"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            headers.append("Content-Security-Policy", "frame-ancestors 'self'")
        await send(message)

    return sending
