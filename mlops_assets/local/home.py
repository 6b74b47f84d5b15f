"""One home, one owner: prepares the folder of all state and keeps others out while it is in use."""

import json
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mlops_assets import settings
from mlops_assets.errors import UserError

# A local code server that is asked to stop has nothing to wait for: its callers stop as well.
_GRPC_GRACE_SECONDS = "1"


class HomeInUseError(UserError):
    """Another process works on this home."""


def prepare(home: Path) -> None:
    """Makes the folders of a home that is held, and writes Dagster's instance settings into it."""
    for folder in (dagster_home(home), logs(home)):
        folder.mkdir(parents=True, exist_ok=True)
    template = resources.files("mlops_assets.local") / "dagster.yaml"
    text = template.read_text(encoding="utf-8")
    (dagster_home(home) / "dagster.yaml").write_text(text, encoding="utf-8")


def dagster_home(home: Path) -> Path:
    """Where Dagster keeps its instance (``DAGSTER_HOME``)."""
    return home / "dagster"


def logs(home: Path) -> Path:
    """Where every server that is started writes its log."""
    return home / "logs"


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of the processes that work on a home, for `subprocess`.

    Settings that move a part of the state elsewhere (``MLFLOW_TRACKING_URI``…) are passed on;
    without them the parts are in the home.
    """
    return {
        **os.environ,
        "MLOPS_HOME": str(home),
        "DAGSTER_HOME": str(dagster_home(home)),
        "MLFLOW_TRACKING_URI": settings.mlflow_uri(),
        "DAGSTER_GRPC_SHUTDOWN_GRACE_PERIOD": _GRPC_GRACE_SECONDS,
        "DO_NOT_TRACK": "true",
        "PYTHONUNBUFFERED": "1",
        **(extra or {}),
    }


@contextmanager
def claimed(home: Path, command: str) -> Iterator[None]:
    """Holds a home for this process alone.

    The kernel releases the lock of a process that was killed, so its note of who it was
    (``lock.json``) is believed only while the lock is held.

    Args:
        home: The folder of all state.
        command: What the holder runs, in the words that its user typed, e.g. ``make up``.

    Raises:
        HomeInUseError: if another process holds it; says which one, and since when.
        UserError: if the folder cannot be made or written.
    """
    lock = _locked(home, command)
    try:
        yield
    finally:
        _note(home).unlink(missing_ok=True)
        lock.release()


def claimed_by_daemon(home: Path) -> FileLock | None:
    """Holds a home for a daemon as long as what is returned lives; None where its parent holds it.

    Raises:
        HomeInUseError: if any other process holds it, as `make up` does, or another daemon.
    """
    try:
        return _locked(home, "dagster-daemon run")
    except HomeInUseError:
        if _holder(home).get("pid") == os.getppid():
            return None
        raise


def _locked(home: Path, command: str) -> FileLock:
    lock = FileLock(home / "lock")
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise HomeInUseError(_who_holds(home)) from error
    except OSError as error:
        message = (
            f"The state folder {home} cannot be used: {error.strerror}. "
            "Set MLOPS_HOME to a folder that can be written, then try again."
        )
        raise UserError(message) from error
    since = datetime.now(UTC).isoformat(timespec="seconds")
    holder = {"pid": os.getpid(), "command": command, "since": since}
    _note(home).write_text(json.dumps(holder), encoding="utf-8")
    return lock


def _note(home: Path) -> Path:
    return home / "lock.json"


def _holder(home: Path) -> dict[str, Any]:
    """Who holds a home that is held; empty while the holder is just starting."""
    try:
        return json.loads(_note(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _who_holds(home: Path) -> str:
    holder = _holder(home)
    who = (
        f"`{holder['command']}` (process {holder['pid']}, since {holder['since']})"
        if holder
        else "another process that is just starting"
    )
    other = shlex.quote(f"{home}-2")
    return (
        f"The state folder {home} is in use by {who}. Stop that first (Ctrl-C where it runs), "
        f"or work on another folder: MLOPS_HOME={other}."
    )
