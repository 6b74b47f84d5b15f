"""The HTTP side: ``/ping``, ``/version`` and ``/invocations``."""

import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from mlops_assets.data.columns import Columns
from mlops_assets.data.notes import notes_of
from mlops_assets.errors import UserError
from mlops_assets.predicted import Predicted
from mlops_assets.serving.follower import Follower, Served
from mlops_assets.serving.table import checked, parse

_LOG = logging.getLogger(__name__)
MAX_BYTES = 32 * 1024 * 1024


def make_app(follower: Follower) -> Starlette:
    """The application that answers with what ``follower`` holds; it starts and stops it.

    - ``GET /ping``: 200 while the server is alive, with a model or without one yet.
    - ``GET /version``: what is served, since when, and why not something newer; 503 without one.
      ``classes`` are those that it knows probabilities of, null where it knows none (of numbers,
      and of a version from before they were kept); ``positive`` is the positive one of them;
      ``interval_level`` the share of numbers that are to lie between ``lower`` and ``upper``.
    - ``POST /invocations``: a table in, ``{"predictions": [...], "version": n}`` out; with
      ``probabilities`` where the version knows them: for each row an object of class to
      probability, the class as text; of numbers with ``lower`` and ``upper``; with ``notes``
      where values were changed on their way in. 400 says what is wrong with the table, 413 that
      it is too big, 503 that there is no model yet.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        follower.start()
        yield
        follower.stop()

    async def ping(_: Request) -> JSONResponse:
        served = follower.served
        number = served.version.number if served else None
        return JSONResponse({"model": follower.registry.model, "version": number})

    async def version(_: Request) -> JSONResponse:
        served = follower.served
        if served is None:
            return _none_yet(follower)
        return JSONResponse(_about(follower, served))

    async def invocations(request: Request) -> JSONResponse:
        served = follower.served
        if served is None:
            return _none_yet(follower)
        try:
            body = await _body(request)
            content_type = request.headers.get("content-type", "application/json")
            answer = await run_in_threadpool(_predict, served, body, content_type)
        except _TooBigError as error:
            return JSONResponse({"error": str(error)}, status_code=413)
        except UserError as error:
            return JSONResponse({"error": _sendable(error)}, status_code=400)
        return JSONResponse(answer)

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/ping", ping),
            Route("/version", version),
            Route("/invocations", invocations, methods=["POST"]),
        ],
    )


class _TooBigError(UserError):
    """More was sent than is read into memory."""


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise _TooBigError(
                f"The body has more than {MAX_BYTES:,} bytes. Send fewer rows at a time."
            )
    return bytes(body)


def _predict(served: Served, body: bytes, content_type: str) -> dict[str, Any]:
    table = checked(parse(body, content_type), served.columns)
    try:
        # What overflows shows in the predictions.
        with np.errstate(all="ignore"):
            predicted = served.model.predict(table)
    except (ValueError, TypeError, ArithmeticError) as error:
        _LOG.exception("version %s cannot take a table that looks right", served.version.number)
        raise UserError(
            f"Version {served.version.number} cannot predict these rows "
            f"({type(error).__name__}: {str(error)[:200]}). Compare their values with what it was "
            "trained on."
        ) from error
    _refuse_without_end(predicted)
    answer: dict[str, Any] = {"predictions": predicted.labels.tolist()}
    if predicted.probabilities is not None and predicted.classes is not None:
        names = list(map(str, predicted.classes))
        rows = predicted.probabilities.tolist()
        answer["probabilities"] = [dict(zip(names, row, strict=True)) for row in rows]
    if predicted.interval is not None:
        said = predicted.columns()
        answer |= {name: said[name].tolist() for name in ("lower", "upper")}
    answer["version"] = served.version.number
    notes = notes_of(table, Columns(target=""))  # whoever sent the values may see them
    return answer | ({"notes": list(notes)} if notes else {})


def _refuse_without_end(predicted: Predicted) -> None:
    """Refuse what JSON cannot say."""
    for said in (predicted.labels, predicted.probabilities):
        if said is not None and said.dtype.kind == "f" and not np.isfinite(said).all():
            row = int(np.argwhere(~np.isfinite(said))[0][0])
            raise UserError(
                f"The prediction for row {row} is no finite number. Compare its values with what "
                "the model was trained on."
            )


def _sendable(error: UserError) -> str:
    """The message without half characters, which it may quote and UTF-8 cannot hold."""
    return str(error).encode("utf-8", "backslashreplace").decode()


def _about(follower: Follower, served: Served) -> dict[str, Any]:
    classes, interval = served.model.classes, served.model.interval
    return {
        "model": follower.registry.model,
        "version": served.version.number,
        "partition": served.version.tags.get("partition"),
        "columns": dict(served.columns),
        "classes": None if classes is None else classes.tolist(),
        "positive": served.positive,
        "interval_level": None if interval is None else interval.level,
        "since": served.since.isoformat(timespec="seconds"),
        "problem": follower.problem,
    }


def _none_yet(follower: Follower) -> JSONResponse:
    about = f"No version of {follower.registry.model!r} is served yet: {follower.problem}"
    return JSONResponse({"error": about}, status_code=503)
