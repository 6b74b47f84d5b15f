"""Leaves out what databases of tests do for power cuts, and does once what Dagster does each time.

What a killed process leaves is no other for it: what it has written is in the system's hands.
"""

import functools
from typing import Any

from alembic.script import ScriptDirectory
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool

_directories: dict[str | None, ScriptDirectory] = {}
_read_directory = ScriptDirectory.from_config


def make_databases_quick() -> None:
    """For this process, from now on. A crash point takes half as long, any other Dagster run less.

    SQLite waits for the disk at every commit; Dagster's storage reads all its migrations for each
    instance and each run, and makes an engine, which has to compile every statement, for each
    event.
    """
    if not event.contains(Engine, "connect", _does_not_wait_for_the_disk):
        event.listen(Engine, "connect", _does_not_wait_for_the_disk)
        ScriptDirectory.from_config = staticmethod(_directory)
        sqlite_event_log.create_engine = _engine


def _does_not_wait_for_the_disk(connection: Any, _: Any) -> None:
    if type(connection).__module__ == "sqlite3":
        connection.execute("PRAGMA synchronous = OFF")


def _engine(url: str, *, poolclass: type[NullPool], connect_args: dict[str, Any]) -> Engine:
    return _engine_of(url, poolclass, *connect_args.items())


@functools.lru_cache(maxsize=8)
def _engine_of(url: str, poolclass: type[NullPool], *arguments: tuple[str, Any]) -> Engine:
    return create_engine(url, poolclass=poolclass, connect_args=dict(arguments))


def _directory(config: Any) -> ScriptDirectory:
    place = config.get_main_option("script_location")
    if place not in _directories:
        _directories[place] = _read_directory(config)
    return _directories[place]
