"""Reaching MLflow: waiting while it is away, and then saying so plainly."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from mlops_assets.errors import AwayError, UserError

_LOG = logging.getLogger(__name__)
_LONGEST_PAUSE = 15.0
_UNAVAILABLE = (502, 503, 504)
# What is left of an error in a thread of MLflow's that downloads: its text.
_NO_ANSWER = ("Max retries exceeded", "Connection broken", "Connection aborted", "Read timed out")


class Client:
    """An ``MlflowClient`` that waits and tries again while MLflow is away.

    Every method of ``MlflowClient`` is there. One that makes something may have made it when its
    answer is lost, and is tried again all the same: whoever makes a thing looks afterwards for
    twins of it.

    Args:
        uri: MLflow's tracking and registry URI.
        patience: Seconds to go on trying a call.
    """

    def __init__(self, uri: str, patience: float = 0) -> None:
        # The only one to try again is the one below, which says so and knows when to give up.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        from mlflow import MlflowClient

        self.uri = uri
        self.patience = patience
        self._client = self.patiently(MlflowClient, tracking_uri=uri, registry_uri=uri)

    def __getattr__(self, name: str) -> Any:
        return partial(self.patiently, getattr(self._client, name))

    def patiently(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call what reaches MLflow, and again while MLflow is away.

        Raises:
            AwayError: It has been away for all of the patience.
        """
        began = time.monotonic()
        pause = 1.0
        while True:
            try:
                return call(*args, **kwargs)
            except Exception as error:
                if not is_away(error):
                    raise
                left = began + self.patience - time.monotonic()
                if left <= 0:
                    raise AwayError(self._told(error, time.monotonic() - began)) from error
                _LOG.warning(
                    "MLflow does not answer at %s (%s). Trying again, for %.0f s more.",
                    masked(self.uri),
                    _innermost(error),
                    left,
                )
                time.sleep(min(pause, left))
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _told(self, error: Exception, seconds: float) -> str:
        return (
            f"MLflow cannot be reached at {masked(self.uri)} ({_innermost(error)}), tried for "
            f"{seconds:.0f} s. Start it, or set MLFLOW_TRACKING_URI to where it is; what was begun "
            "is finished by the next run."
        )


def connect(uri: str, patience: float = 0) -> Client:
    """A client for tracking and registry at ``uri``, which has just answered.

    Args:
        uri: MLflow's tracking and registry URI.
        patience: Seconds for which the client goes on trying, each call and now.

    Raises:
        AwayError: Nothing answers there.
        UserError: What answers there is not an MLflow that can be used.
    """
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        client = Client(uri, patience)
        client.search_experiments(max_results=1)
    except (MlflowException, RequestException, SQLAlchemyError, OSError) as error:
        raise UserError(
            f"MLflow cannot be reached at {masked(uri)} ({type(error).__name__}). Nothing was "
            "changed. Set MLFLOW_TRACKING_URI to where it is."
        ) from error
    return client


def is_away(error: BaseException) -> bool:
    """Whether an error says that MLflow, or its database, does not answer just now."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import ConnectionError as NoConnectionError
    from requests.exceptions import RetryError, Timeout
    from sqlalchemy.exc import OperationalError

    for one in _chain(error):
        if isinstance(one, NoConnectionError | Timeout | RetryError | OperationalError):
            return True
        if isinstance(one, MlflowException) and (
            one.get_http_status_code() in _UNAVAILABLE
            or any(text in str(one) for text in _NO_ANSWER)
        ):
            return True
    return False


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that it was raised from or while handling."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _innermost(error: Exception) -> str:
    """What an error came from, by the name of its type."""
    return type(list(_chain(error))[-1]).__name__


def masked(uri: str) -> str:
    """``uri`` without a password or query, as it may be shown."""
    parts = urlsplit(uri)
    if parts.password is None and not parts.query:
        return uri
    user, _, host = parts.netloc.rpartition("@")
    shown = f"{user.partition(':')[0]}:***@{host}" if parts.password is not None else parts.netloc
    return parts._replace(netloc=shown, query="").geturl()
