"""The server's application, asked in this process: no socket, so thousands of times."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

from mlops_assets.serving.app import make_app
from mlops_assets.serving.follower import Served


class Asked:
    """An application over one model; an error inside of it is raised here."""

    def __init__(self, model: Any, columns: dict[str, str]) -> None:
        version: Any = SimpleNamespace(number=7, tags={})
        follower: Any = SimpleNamespace(served=Served(version, model, columns))
        self._app = make_app(follower)
        self._runner = asyncio.Runner()

    def post(self, body: bytes, content_type: str | bytes | None = None) -> tuple[int, Any]:
        """Status and JSON of what ``/invocations`` answers."""
        kind = content_type.encode() if isinstance(content_type, str) else content_type
        return self._runner.run(self._post(body, kind))

    def close(self) -> None:
        self._runner.close()

    async def _post(self, body: bytes, content_type: bytes | None) -> tuple[int, Any]:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/invocations",
            "query_string": b"",
            "headers": [] if content_type is None else [(b"content-type", content_type)],
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], json.loads(content)
