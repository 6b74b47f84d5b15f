"""Reaching MLflow, or saying plainly that it cannot be reached."""

import os
from typing import Any
from urllib.parse import urlsplit

from mlops_assets.errors import UserError


def connect(uri: str) -> Any:
    """An ``MlflowClient`` for tracking and registry at ``uri``, which has just answered.

    Raises:
        UserError: Nothing answers there.
    """
    # MLflow would retry for minutes before it says that a server is down.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
    except (MlflowException, RequestException, SQLAlchemyError, OSError) as error:
        raise UserError(
            f"MLflow cannot be reached at {masked(uri)} ({type(error).__name__}). Nothing was "
            "changed. Start it, or set MLFLOW_TRACKING_URI to where it is."
        ) from error
    return client


def masked(uri: str) -> str:
    """``uri`` without a password or query, as it may be shown."""
    parts = urlsplit(uri)
    if parts.password is None and not parts.query:
        return uri
    user, _, host = parts.netloc.rpartition("@")
    shown = f"{user.partition(':')[0]}:***@{host}" if parts.password is not None else parts.netloc
    return parts._replace(netloc=shown, query="").geturl()
