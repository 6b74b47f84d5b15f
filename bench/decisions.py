"""Measure how often the decisions are right: ``python -m bench.decisions``.

Prints the tables, writes ``$MLOPS_HOME/bench-decisions.json``, and says in its last line how many
bars are met. With ``CHECK=1`` it exits with 1 where one is not. ``README.md`` beside this file
explains each number.
"""

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.table import Table

from bench import alarms, days, faults, moving_days, probabilities, promotions, quiet_lives
from bench.trials import Cell, Effort
from mlops_assets import settings

QUESTIONS: tuple[Callable[[Effort], Iterator[Cell]], ...] = (
    alarms.no_drift,
    alarms.half_shifted,
    alarms.class_balance,
    alarms.trifle,
    promotions.random_labels,
    promotions.better_candidate,
    days.regime_and_return,
    days.retraining_that_pays,
    days.no_change,
    days.concept_drift,
    promotions.rollbacks,
    promotions.challengers,
    probabilities.scores_of_probabilities,
    moving_days.nothing_changes,
    moving_days.a_shift_that_stays,
    moving_days.one_storm,
    moving_days.weekends,
    moving_days.a_slow_trend,
    moving_days.prevalence,
    quiet_lives.quiet_lives,
    faults.faults,
)


def main() -> int:
    """Run all simulations; the exit code says whether the bars are met (with CHECK=1)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of the trials, for a quick look"
    )
    parser.add_argument("--seed", type=int, default=0, help="another one draws other trials")
    parser.add_argument("--only", help="only questions whose name contains this")
    arguments = parser.parse_args()
    effort = Effort(arguments.scale, arguments.seed)
    asked = [question for question in QUESTIONS if (arguments.only or "") in question.__name__]
    if not asked:
        names = ", ".join(question.__name__ for question in QUESTIONS)
        parser.error(f"no question contains {arguments.only!r}; there are {names}")
    console = Console(width=None if sys.stdout.isatty() else 200)
    started = time.monotonic()
    cells: list[Cell] = []
    for question in asked:
        begun = time.monotonic()
        answered = list(question(effort))
        console.print(table(answered, question.__doc__ or ""))
        console.print(f"{time.monotonic() - begun:.0f} s\n")
        cells += answered
    seconds = time.monotonic() - started
    path = settings.home() / "bench-decisions.json"
    write(cells, seconds, effort)
    met = sum(cell.met for cell in cells)
    console.print(f"{seconds:.0f} s; written to {path}")
    console.print(f"{met} of {len(cells)} bars met")
    return 1 if os.environ.get("CHECK") == "1" and met < len(cells) else 0


def table(cells: list[Cell], title: str) -> Table:
    """The cells of one question."""
    shown = Table(title=title, title_justify="left")
    for heading in ("question", "cell", "measured", "95 % interval", "trials", "bar", "", "beside"):
        shown.add_column(heading, justify="right" if heading == "measured" else "left")
    for cell in cells:
        beside = ", ".join(f"{name} {value:.4g}" for name, value in cell.beside.items())
        shown.add_row(
            cell.question,
            cell.cell,
            f"{cell.value:.3g} {cell.unit}",
            f"{cell.low:.3g} to {cell.high:.3g}",
            f"{cell.trials}",
            f"{cell.sense} {cell.bar:g}",
            "[green]met[/]" if cell.met else "[red]missed[/]",
            beside,
        )
    return shown


def write(cells: list[Cell], seconds: float, effort: Effort) -> None:
    """Keep the cells as JSON, written aside and renamed."""
    path = settings.home() / "bench-decisions.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "cells": [dataclasses.asdict(cell) | {"met": cell.met} for cell in cells],
        "met": sum(cell.met for cell in cells),
        "of": len(cells),
        "scale": effort.scale,
        "seed": effort.seed,
        "seconds": round(seconds),
    }
    aside = path.with_name(f".{path.name}.new")
    aside.write_text(json.dumps(content, indent=1), encoding="utf-8")
    aside.replace(path)


if __name__ == "__main__":
    sys.exit(main())
