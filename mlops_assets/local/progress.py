"""What a waiting person sees: a line for every asset that is done, and what runs right now."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape

from mlops_assets.local.graphql import Run

_DONE = {"SUCCESS": "[green]done[/]", "FAILURE": "[red]failed[/]", "SKIPPED": "not run"}


class Progress:
    """Live progress in a terminal; the same lines without the live one anywhere else."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("start")
        self._told: set[tuple[str, str]] = set()
        self._start = time.monotonic()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._status.stop()

    def say(self, part: str, text: str) -> None:
        """One line that stays."""
        self._line(part, escape(text))

    def outcome(self, part: str, text: str) -> None:
        """How a day ended."""
        self._line(part, f"[bold]{escape(text)}[/]")

    def waiting(self, part: str, what: str) -> None:
        """What is being waited for now; only a terminal shows it."""
        self._status.update(f"{part}: waiting for {escape(what)}")

    def show(self, part: str, run: Run) -> None:
        """A run as it is now: a line for each asset that has newly ended."""
        for step in run.steps:
            word = _DONE.get(step.status or "")
            if word is None and step.status == "IN_PROGRESS":
                taken = f" for {time.time() - step.started:.0f} s" if step.started else ""
                self._status.update(f"{part}: [bold]{step.asset}[/] is running{taken}")
            elif word is not None and (run.id, step.asset) not in self._told:
                self._told.add((run.id, step.asset))
                taken = (
                    f" in {step.ended - step.started:.1f} s" if step.ended and step.started else ""
                )
                self._line(part, f"{step.asset:<18} {word}{taken}")
        if not run.steps and not run.ended:
            self._status.update(f"{part}: {run.job} is {run.status.lower()}")

    def _line(self, part: str, text: str) -> None:
        seconds = time.monotonic() - self._start
        self._console.print(f"[dim]{seconds:4.0f} s[/]  {part:<10}  {text}", soft_wrap=True)
