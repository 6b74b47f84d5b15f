"""Policies lived in processes of their own, side by side, with their progress in one place."""

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import Empty
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mlops_assets.errors import UserError
from mlops_assets.replay.history import History
from mlops_assets.replay.living import Living, Log
from mlops_assets.replay.models import Mode
from mlops_assets.replay.policies import Policy
from mlops_assets.replay.scratch import take

_KEEP_SECONDS = 5  # between two times that a policy's life is kept
_STOP_SECONDS = 20  # for the day that is being lived, after Ctrl-C


@dataclass(frozen=True)
class Told:
    """What a worker says: a day is over; without a day it has ended, well unless ``error``."""

    place: int
    lived: int
    day: str | None = None
    error: str | None = None


def live(
    policies: list[Policy], history: History, folder: Path, mode: Mode, console: Console
) -> dict[str, Log]:
    """Live every policy to the end of the history, going on where each was kept.

    Args:
        policies: The policies; those that take longest first.
        history: The days.
        folder: The replay's scratch folder.
        mode: How is trained again.
        console: Where the progress is shown.

    Returns:
        What became of each, by its name.

    Raises:
        UserError: A policy could not be lived to the end. What is done of all is kept.
    """
    _first_models(policies, folder, mode, console)
    crew = _Crew(policies, history, folder, mode)
    try:
        with _Shown(policies, history, console) as shown:
            crew.work(shown)
    finally:
        crew.stop()
    return {policy.name: take(_kept(folder, place))[1] for place, policy in enumerate(policies)}


def _kept(folder: Path, place: int) -> Path:
    return folder / "policies" / str(place)


def _first_models(policies: list[Policy], folder: Path, mode: Mode, console: Console) -> None:
    """The first search of each training policy, once: every policy begins with its model."""
    done: list[Any] = []
    for place, policy in enumerate(policies):
        kept = _kept(folder, place)
        if policy.spec.training in done or kept.exists():
            continue
        done.append(policy.spec.training)
        with console.status(f"{policy.name}: the first search, on the baseline"):
            living = Living(policy, folder, mode, kept)
            living.begin()
            living.keep()


class _Crew:
    """One process a policy, as many at a time as there are cores."""

    def __init__(self, policies: list[Policy], history: History, folder: Path, mode: Mode) -> None:
        # Not forked: the first search has started threads.
        context = multiprocessing.get_context("spawn")
        self._told: Any = context.Queue()
        self._stop = context.Event()
        self._waiting: list[BaseProcess] = [
            context.Process(
                target=_work,
                args=(place, policy, history, folder, mode, self._told, self._stop),
                daemon=True,
            )
            for place, policy in enumerate(policies)
        ]
        self._running: dict[int, BaseProcess] = {}
        self._names = [policy.name for policy in policies]

    def work(self, shown: "_Shown") -> None:
        """Until every policy has ended.

        Raises:
            UserError: One has failed.
        """
        cores = len(os.sched_getaffinity(0))
        place = 0
        while self._waiting or self._running:
            while self._waiting and len(self._running) < cores:
                process = self._waiting.pop(0)
                process.start()
                self._running[place] = process
                place += 1
            try:
                told: Told = self._told.get(timeout=1)
            except Empty:
                self._look_for_the_dead()
                continue
            if told.error is not None:
                raise UserError(
                    f"{self._names[told.place]} could not be replayed: {told.error} What is done "
                    "is kept: the same command goes on from there."
                )
            if told.day is None:
                self._running.pop(told.place).join()
            shown.advance(told)

    def stop(self) -> None:
        """End what still runs, after the day that it lives."""
        self._stop.set()
        end = time.monotonic() + _STOP_SECONDS
        for process in self._running.values():
            process.join(max(0.0, end - time.monotonic()))
            if process.is_alive():
                process.terminate()
                process.join()

    def _look_for_the_dead(self) -> None:
        for place, process in self._running.items():
            if process.exitcode:
                raise UserError(
                    f"{self._names[place]}: its process was ended (exit code {process.exitcode}; "
                    "-9 is often too little memory). What is done is kept: the same command goes "
                    "on from there."
                )


def _work(
    place: int, policy: Policy, history: History, folder: Path, mode: Mode, told: Any, stop: Any
) -> None:
    """Live one policy, in a process of its own."""
    from threadpoolctl import threadpool_limits

    # Ctrl-C reaches every process of a terminal; the first of them tells the others to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    with threadpool_limits(1):  # there is a process a core
        try:
            living = Living(policy, folder, mode, _kept(folder, place))
            living.begin()
            kept = time.monotonic()
            for day in living.through(history):
                told.put(Told(place, living.lived, day))
                gone = parent is not None and not parent.is_alive()
                if stop.is_set() or gone:
                    told.cancel_join_thread()  # nobody may be listening any more
                    break
                if time.monotonic() - kept > _KEEP_SECONDS:
                    living.keep()
                    kept = time.monotonic()
            living.keep()
        except UserError as error:
            told.put(Told(place, 0, error=str(error)))
            return
    told.put(Told(place, living.lived))


class _Shown:
    """The progress of all policies: bars in a terminal, else a line at each quarter."""

    def __init__(self, policies: list[Policy], history: History, console: Console) -> None:
        self._console, self._days = console, len(history.days)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[day]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._names = [policy.name for policy in policies]
        self._tasks = [
            self._progress.add_task(name, total=self._days, day="waits", start=False)
            for name in self._names
        ]
        self._quarters = [0] * len(policies)
        self._started = time.monotonic()

    def __enter__(self) -> "_Shown":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def advance(self, told: Told) -> None:
        """A day of a policy is over, or all of its days are."""
        task = self._tasks[told.place]
        if not self._progress.tasks[task].started:
            self._progress.start_task(task)
        self._progress.update(task, completed=told.lived, day=told.day or "done")
        quarter = 4 * told.lived // self._days
        if not self._console.is_terminal and quarter > self._quarters[told.place]:
            self._quarters[told.place] = quarter
            seconds = time.monotonic() - self._started
            self._console.print(
                f"{seconds:4.0f} s  {self._names[told.place]:<14}  {told.lived} of {self._days} "
                f"days{f', {told.day}' if told.day else ''}",
                soft_wrap=True,
                highlight=False,
            )
