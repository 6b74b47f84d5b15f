"""Ends a real process at the n-th of its writes, and goes on as the daemon would."""

import functools
import multiprocessing
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from mlops_assets.local.home import dagster_home
from mlops_assets.local.runs import end_orphaned_runs
from mlops_assets.spec import ModelSpec
from mlops_assets_tests.examples import BY_SENSOR, Loop, definitions_of
from mlops_assets_tests.quick_databases import make_databases_quick

HEAVY = ["mlops_assets_tests.crash", "mlflow.sklearn", "dagster_mlflow", "evidently", "skops.io"]
# Of Dagster's many events, those that others act on or that people see.
EVENTS = (
    "RUN_START",
    "ASSET_MATERIALIZATION",
    "ASSET_OBSERVATION",
    "ASSET_CHECK_EVALUATION",
    "STEP_SUCCESS",
    "RUN_SUCCESS",
)
_PATIENCE = 120  # seconds that one process may take
_NEVER = 0  # writes are counted from 1 on
_DONE, _KILLED = 0, -signal.SIGKILL

Work = Callable[[Loop], Any]
Meanwhile = Callable[[int], None]


@contextmanager
def opened(home: Path, spec: ModelSpec) -> Iterator[Loop]:
    """The loop on a home whose Dagster instance outlives the process."""
    folder = dagster_home(home)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        yield Loop(home, instance, spec)


def killed_at(
    write: int, work: Work, home: Path, spec: ModelSpec, copies: Path | None = None
) -> bool:
    """Do the work in a process of its own that ends without a word before its n-th write.

    Args:
        write: The n, from 1 on.
        work: What is done.
        home: The MLOPS_HOME to do it in.
        spec: The model.
        copies: An empty folder; the home is copied into it before each write, the n-th too.

    Returns:
        Whether it came to that; else the work has so few writes, and is done.
    """
    meanwhile = functools.partial(_copy_or_be_killed, home, copies, write)
    return _ended(meanwhile, work, home, spec) == _KILLED


def left_before_each_write(work: Work, home: Path, spec: ModelSpec, copies: Path) -> list[Path]:
    """What the work would leave behind if its process ended before its first write, its second...

    The process is not ended: each time, what is on the disk is copied, and that is all that is left
    of one that is. So the work is done once, and not once for each of its writes.

    Returns:
        A copy of the home for each write, in their order, in the folder ``copies``. In ``home`` the
        work is done.
    """
    copies.mkdir()
    assert not killed_at(_NEVER, work, home, spec, copies)
    return sorted(copies.iterdir(), key=lambda copy: int(copy.name))


def _ended(meanwhile: Meanwhile, work: Work, home: Path, spec: ModelSpec) -> int | None:
    """The exit code of a process that does the work, and something else before each write."""
    # A server that has imported what takes seconds, and nothing else; each child is a fork of it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(HEAVY)
    process = context.Process(target=_work, args=(meanwhile, work, home, spec))
    process.start()
    process.join(_PATIENCE)
    if process.is_alive():
        process.kill()
        process.join()
        raise AssertionError(f"the process has not ended within {_PATIENCE} s")
    assert process.exitcode in (_DONE, _KILLED), f"it ended with {process.exitcode}"
    return process.exitcode


def _copy_or_be_killed(home: Path, copies: Path | None, write: int, now: int) -> None:
    if copies:
        # Not by this process: one that closes a file of SQLite's loses its locks on it.
        subprocess.run(["cp", "--archive", home, copies / str(now)], check=True)
    if now == write:
        os.kill(os.getpid(), signal.SIGKILL)


def go_on(loop: Loop) -> None:
    """What the daemon does next, until there is nothing more to do.

    It ends lost runs, tries them again after their last step that succeeded, and runs what the
    sensor asks for.
    """
    with loop.environment():
        end_orphaned_runs(loop.home)
    failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])
    for lost in reversed(loop.instance.get_runs(failed)):
        again = loop.try_again(lost)
        assert again.success, again.message
    for request in asked_for(loop):
        run = loop.job("iris_retrain", request.partition_key, {**request.tags, **BY_SENSOR})
        assert run.success, run.message


def asked_for(loop: Loop) -> Iterator[dg.RunRequest]:
    """What the sensor asks for, from the first report on; each is to be run before the next."""
    repository = definitions_of(loop.spec).get_repository_def()
    sensor = repository.get_sensor_def("iris_retrain_on_drift")
    cursor: str | None = None
    while True:
        with loop.environment():
            context = dg.build_sensor_context(
                loop.instance, cursor=cursor, repository_def=repository, sensor_name="s"
            )
            result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        if result.cursor == cursor:
            return
        cursor = result.cursor
        yield from result.run_requests or ()


def _work(meanwhile: Meanwhile, work: Work, home: Path, spec: ModelSpec) -> None:
    make_databases_quick()
    with opened(home, spec) as loop, loop.environment():
        _before_each_write(home, meanwhile)
        done = work(loop)
        assert done.success, done.message


def _before_each_write(home: Path, act: Meanwhile) -> None:
    """Act before the n-th write to the store, to MLflow's database, to Dagster's; told the n."""
    from dagster._core.storage.event_log import SqliteEventLogStorage
    from sqlalchemy import Engine, event

    from mlops_assets.data.store import Store

    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        act(done)

    def counted(original: Callable[..., Any], counts: Callable[..., bool]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            if counts(*args):
                count()
            return original(*args, **named)

        return call

    def is_shown(_: Any, entry: Any) -> bool:
        return entry.is_dagster_event and entry.dagster_event_type.value in EVENTS

    Store._replace = counted(Store._replace, lambda *_: True)
    SqliteEventLogStorage.store_event = counted(SqliteEventLogStorage.store_event, is_shown)

    @event.listens_for(Engine, "before_cursor_execute")
    def _changes(connection: Any, _: Any, statement: str, *__: Any) -> None:
        if statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            connection.info["mlops_assets_tests.changed"] = True

    @event.listens_for(Engine, "commit")
    def _commits(connection: Any) -> None:
        changed = connection.info.pop("mlops_assets_tests.changed", False)
        if changed and connection.engine.url.database == str(home / "mlflow.db"):
            count()
