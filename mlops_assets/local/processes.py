"""Starts processes together, watches them, and leaves none behind."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import psutil

from mlops_assets.errors import UserError

GRACE_SECONDS = 6.0  # a run that trains has been seen to take 3
REVIVALS = 3  # of a process, within
REVIVED_WITHIN_SECONDS = 600.0
_ASK_SECONDS = 1.0
_POLL_SECONDS = 0.1
_LOG_LINES = 30

# Leads the processes' group and outlives them: when the pipe to its owner closes, even because that
# was killed with -9, it stops whatever is left of the group.
_GUARD = 'trap "" HUP INT TERM; read -r _; kill -TERM 0; sleep 6; kill -KILL 0'


class ProcessDiedError(UserError):
    """A process that should serve has ended."""


class StoppedError(KeyboardInterrupt):
    """A signal asked this process to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


@contextmanager
def stop_signals_raise() -> Iterator[None]:
    """Lets SIGINT, SIGTERM and SIGHUP raise `StoppedError` while this lasts.

    A shell starts background jobs with SIGINT ignored, and children inherit that: here it counts
    again, here and in the processes that are started. Where `nohup` wants SIGHUP ignored, it is.
    """
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, _raise_stopped) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise_stopped(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    # Once is enough: what follows is the orderly end, which a second Ctrl-C must not cut short.
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise StoppedError(number)


def _without_frames(lines: Sequence[str]) -> list[str]:
    """A log without the frames of tracebacks, whose number hides the messages between them."""
    kept, in_frame = [], False
    for line in lines:
        in_frame = line.startswith('  File "') or (in_frame and line.startswith("    "))
        if not in_frame:
            kept.append(line)
    return kept


def free_port() -> int:
    """A TCP port on the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def require_free(port: int, what: str, variable: str) -> None:
    """Makes sure that a port can be served on.

    Raises:
        UserError: if it is taken; names the port and the variable that changes it.
    """
    with socket.socket() as probe:
        # As the servers do, so that a port just left by one counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            message = (
                f"Port {port} on 127.0.0.1, for {what}, cannot be used: {error.strerror}. "
                f"Stop what uses it, or choose another: {variable}={port + 1}."
            )
            raise UserError(message) from error


def listening(port: int) -> bool:
    """Whether somebody accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Supervisor:
    """Processes that live and end together; a context manager.

    Leaving it ends them all, with whatever they started themselves: first with SIGTERM, and what is
    left after a grace with SIGKILL. The same happens when this process is killed.

    Args:
        logs: The folder in which every process writes ``<name>.log``.
        cwd: The folder in which they run.
        grace: Seconds that a stopped process gets to end by itself.

    Attributes:
        stopped: When it began to end them; None before.
    """

    def __init__(self, logs: Path, cwd: Path, grace: float = GRACE_SECONDS) -> None:
        self._logs = logs
        self._cwd = cwd
        self._grace = grace
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {}
        self._revived: dict[str, list[float]] = {}
        self.stopped: datetime | None = None

    def __enter__(self) -> Self:
        guard = ["/bin/sh", "-c", _GUARD]
        self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, process_group=0)  # noqa: S603
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopped = datetime.now(tz=UTC)
        self._stop()

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts a process; what it prints goes to its log."""
        again = name in self._started
        self._started[name] = (command, environment)
        with self._log(name).open("ab" if again else "wb") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603 (commands of this package)
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=self._cwd,
                process_group=self._guard.pid,
            )

    def ended(self) -> str | None:
        """The name of a process that has ended by itself; None while all are running."""
        return next((name for name, one in self._running.items() if one.poll() is not None), None)

    def revive(self, name: str) -> None:
        """Ends what is left of a process and of what it has started, and starts it anew.

        Raises:
            ProcessDiedError: if that has been in vain too often; with the last lines of its log.
        """
        now = time.monotonic()
        lately = [at for at in self._revived.get(name, []) if now - at < REVIVED_WITHIN_SECONDS]
        if len(lately) >= REVIVALS:
            often = (
                f"{name} has ended {len(lately) + 1} times in {REVIVED_WITHIN_SECONDS / 60:.0f} "
                "minutes, and is not started again"
            )
            raise ProcessDiedError(f"{often}. {self._last_lines(name)}")
        self._revived[name] = [*lately, now]
        self._end(self._left_of(name))
        self._running[name].wait()
        self.start(name, *self._started[name])

    def _left_of(self, name: str) -> list[psutil.Process]:
        """A process and all that it has started, also what has lost its parent since.

        In the group, that is everything that no other process of this supervisor has started.
        """
        others: set[int] = {self._guard.pid}
        for other, process in self._running.items():
            if other != name:
                others.add(process.pid)
                with contextlib.suppress(psutil.NoSuchProcess):
                    below = psutil.Process(process.pid).children(recursive=True)
                    others.update(child.pid for child in below)
        return [one for one in self._group() if one.pid not in others]

    def _group(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getpgid(process.pid) == self._guard.pid:
                    found.append(process)
        return found

    def _end(self, processes: list[psutil.Process]) -> None:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, left = psutil.wait_procs(processes, timeout=self._grace)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def wait_until(
        self,
        ready: Callable[[], bool],
        what: str,
        timeout: float,
        poll: float = 0.25,
    ) -> None:
        """Waits until something is so, while all processes keep running.

        Args:
            ready: Asked again and again.
            what: What is waited for, for the message, e.g. "the daemon to report for work".
            timeout: Seconds.
            poll: Seconds between two questions.

        Raises:
            ProcessDiedError: if one of the processes ends meanwhile.
            UserError: after the time-out.
        """
        end = time.monotonic() + timeout
        while not ready():
            self.check()
            if time.monotonic() > end:
                message = (
                    f"Waited {timeout:.0f} s for {what}, in vain. The logs in {self._logs} say "
                    "what happened; on a slow machine just try again."
                )
                raise UserError(message)
            time.sleep(poll)

    def check(self) -> None:
        """Makes sure that every process is still running.

        Raises:
            ProcessDiedError: names the one that ended, with the last lines of its log.
        """
        if name := self.ended():
            code = self._running[name].returncode
            how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
            raise ProcessDiedError(f"{name} has ended by itself ({how}). {self._last_lines(name)}")

    def _last_lines(self, name: str) -> str:
        tail = self._log(name).read_text(encoding="utf-8", errors="replace")
        last = "\n".join(_without_frames(tail.splitlines())[-_LOG_LINES:])
        return f"The end of {self._log(name)}:\n{last}"

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _stop(self) -> None:
        end = time.monotonic() + self._grace
        asked = 0.0
        while time.monotonic() < end and any(p.poll() is None for p in self._running.values()):
            # Python drops an interrupt that comes while it collects garbage, which a training
            # does much of the time: so ask again.
            if time.monotonic() - asked > _ASK_SECONDS:
                self._signal(signal.SIGTERM)
                asked = time.monotonic()
            time.sleep(_POLL_SECONDS)
        self._signal(signal.SIGKILL)
        for process in (*self._running.values(), self._guard):
            process.wait()
        if self._guard.stdin:
            self._guard.stdin.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._guard.pid, number)
