"""What the guard of the local servers passes on, and what it refuses."""

import asyncio

import pytest

from mlops_assets.guard import Guard, loopback_hosts

HOST = "127.0.0.1:3000"
OWN = ("origin", f"http://{HOST}")
JSON = ("content-type", "application/json")
LINK = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]


async def application(scope, receive, send):
    """What is guarded: says yes to everything, and lets every origin read and frame it."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    headers = [(b"x-frame-options", b"ALLOWALL"), (b"content-security-policy", b"base-uri 'none'")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"done"})


def ask(method="GET", path="/", *headers, query="", host=HOST, kind="http", **guard):
    """Status, text and headers of the answer; a websocket that is accepted has status 101."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": f"{kind}.request"}

    given = [*([("host", host)] if host else []), *headers]
    scope = {
        "type": kind,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given],
        "extensions": {"websocket.http.response": {}},
    }
    if kind == "http":
        scope["method"] = method
    guarded = Guard(application, loopback_hosts(3000), **guard)
    asyncio.run(guarded(scope, receive, send))
    if sent[0]["type"] == "websocket.accept":
        return 101, "", {}
    text = b"".join(message.get("body", b"") for message in sent[1:]).decode()
    return (
        sent[0]["status"],
        text,
        [(n.decode().lower(), v.decode()) for n, v in sent[0]["headers"]],
    )


@pytest.mark.parametrize("host", [HOST, "localhost:3000", "LocalHost:3000", "[::1]:3000"])
def test_the_hosts_that_are_served(host):
    assert ask(host=host)[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:3000", "127.0.0.1", "127.0.0.1:3001", "localhost.:3000"),
        *(
            "127.0.0.1:3000.evil.example",
            "127.0.0.1:3000@evil.example",
            "0.0.0.0:3000",
            "2130706433",
        ),
        *("127.1:3000", "127.0.0.1:3000,evil.example", "127.0.0.1:03000", " ", ""),
    ],
)
def test_any_other_host_is_refused(host):
    for kind in ("http", "websocket"):
        status, text, _ = ask(host=host, kind=kind)
        assert status == 421
        assert "127.0.0.1:3000, [::1]:3000, localhost:3000" in text


@pytest.mark.parametrize("second", ["evil.example", HOST])
def test_two_hosts_are_refused(second):
    assert ask("GET", "/", ("host", second))[0] == 421


def test_port_80_is_what_a_browser_leaves_out():
    assert {"localhost", "localhost:80", "[::1]"} <= loopback_hosts(80)
    assert "localhost" not in loopback_hosts(3000)


def test_programs_and_the_servers_own_pages_get_through():
    for origin in (
        [],
        [OWN],
        [OWN, ("sec-fetch-site", "same-origin")],
        [("sec-fetch-site", "none")],
    ):
        assert ask("GET", "/", *origin)[0] == 200
        assert ask("POST", "/graphql", JSON, *origin)[0] == 200
        assert ask("GET", "/graphql", *origin, kind="websocket")[0] == 101


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "null", "", "http://localhost:3000", "https://127.0.0.1:3000"),
        *("http://127.0.0.1:3001", "http://127.0.0.1", "http://127.0.0.1:3000.evil.example"),
        *("http://127.0.0.1:3000/", "HTTP://127.0.0.1:3000", "http://127.0.0.1:3000 null"),
    ],
)
def test_another_origin_is_refused_whatever_it_does(origin):
    foreign = ("origin", origin)
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        for path in ("/", "/graphql"):
            status, text, headers = ask(method, path, JSON, foreign)
            assert status == 403
            assert "another's" in text
            assert not [name for name, _ in headers if name.startswith("access-control")]
    assert ask("GET", "/graphql", foreign, kind="websocket")[0] == 403
    assert ask("POST", "/graphql", JSON, OWN, foreign)[0] == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Same-Origin", "anything"])
def test_another_site_may_link_here_and_no_more(site):
    foreign = ("sec-fetch-site", site)
    assert ask("GET", "/runs", foreign, *LINK)[0] == 200
    for method, headers in (
        ("GET", []),
        ("GET", [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")]),
        ("GET", [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")]),
        ("GET", [*LINK, ("sec-fetch-dest", "iframe")]),
        ("POST", [*LINK, JSON]),
        ("POST", [JSON]),
    ):
        assert ask(method, "/runs", foreign, *headers)[0] == 403
    assert ask("GET", "/graphql", foreign, *LINK, kind="websocket")[0] == 403


@pytest.mark.parametrize(
    "query",
    [
        "query=mutation{x}",
        "query=%23%0Amutation A{x} query B{y}&operationName=A",
        "query={version}",
        "%71uery=mutation{x}",
        "x",
    ],
)
def test_no_query_is_taken_by_get(query):
    for accept in ([], [("accept", "text/html")], LINK):
        status, text, _ = ask("GET", "/graphql", *accept, query=query)
        assert status == 405
        assert "POST" in text
        assert ask("HEAD", "/graphql", *accept, query=query)[0] == 405
    assert ask("GET", "/runs", query=query)[0] == 200
    assert ask("GET", "/graphql", ("accept", "text/html"))[0] == 200


@pytest.mark.parametrize(
    "kind",
    [
        *("text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded"),
        *("multipart/form-data; boundary=x", "text/plain; application/json", "application/jsonp"),
        *("text/plain, application/json", "application/json, text/plain", "application/graphql"),
        *("", ";application/json", "x application/json"),
    ],
)
def test_only_json_is_taken_by_post(kind):
    for origin in ([], [OWN]):
        status, text, _ = ask("POST", "/anything", ("content-type", kind), *origin)
        assert status == 415
        assert "application/json" in text


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON ; charset=utf-8"])
def test_json_is_taken_however_it_is_written(kind):
    assert ask("POST", "/anything", ("content-type", kind))[0] == 200
    assert ask("POST", "/anything", ("content-type", kind), ("content-type", kind))[0] == 415


def test_a_post_without_a_type_has_to_say_where_it_comes_from():
    assert ask("POST", "/anything")[0] == 415
    assert ask("POST", "/anything", OWN)[0] == 200


def test_other_types_can_be_taken_where_a_server_has_them():
    traces = ("content-type", "application/x-protobuf")
    assert ask("POST", "/v1/traces", traces)[0] == 415
    assert ask("POST", "/v1/traces", traces, types=("application/x-protobuf",))[0] == 200


def test_no_answer_may_be_framed_or_read_by_another_origin():
    _, _, headers = ask()
    assert headers.count(("x-frame-options", "SAMEORIGIN")) == 1
    assert ("x-frame-options", "ALLOWALL") not in headers
    assert ("cross-origin-resource-policy", "same-origin") in headers
    policies = [value for name, value in headers if name == "content-security-policy"]
    assert policies == ["base-uri 'none'", "frame-ancestors 'self'"]


def test_what_is_no_request_is_passed_on():
    seen = []

    async def application(scope, receive, send):
        seen.append(scope["type"])

    asyncio.run(Guard(application, loopback_hosts(3000))({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]
