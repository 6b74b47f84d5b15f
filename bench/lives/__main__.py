"""Live many lives: ``python -m bench.lives --lives 2000 --seed 0``.

Prints what has happened in them and how often, and every promise that did not hold with the seed
of its life: ``--lives 1 --seed <that>`` lives it again. Writes ``$MLOPS_HOME/bench-lives.json``.
Exits with 1 where a promise was broken and, with ``CHECK=1``, where something that can happen did
not.
"""

import argparse
import gc
import json
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.lives.life import DAYS, BrokenPromiseError, SimulatedLife
from bench.lives.sometimes import SOMETIMES
from bench.trials import cores
from mlops_assets import settings

SHOWN = 20


@dataclass(frozen=True)
class Lived:
    """One life: what happened in it, and the promise that it broke."""

    seed: int
    happened: Counter[str]
    broken: str | None


def live(seed: int, days: int) -> Lived:
    """The life of a seed."""
    _collect_after_some_lives_only(seed)
    life = SimulatedLife(seed)
    try:
        life.live(days)
    except BrokenPromiseError as error:
        return Lived(seed, life.happened, f"on day {life.source.now}: {error}")
    except Exception as error:  # noqa: BLE001 - no life may end with any other error either
        told = "".join(traceback.format_exception(error)[-3:])
        return Lived(seed, life.happened, f"on day {life.source.now}, it ended with {told}")
    return Lived(seed, life.happened, None)


def _collect_after_some_lives_only(seed: int) -> None:
    """Looking for garbage all the time would take a sixth of it."""
    if gc.isenabled():
        gc.disable()
        gc.freeze()
    if seed % 4 == 0:
        gc.collect()


def main() -> int:
    """Live them all; the exit code says whether the promises held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lives", type=int, default=2000, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="of the first; the others follow it")
    parser.add_argument("--days", type=int, default=DAYS, help="of each")
    arguments = parser.parse_args()
    if arguments.lives < 1 or arguments.days < 1:
        parser.error("--lives and --days are 1 or more")
    console = Console(width=None if sys.stdout.isatty() else 120)
    last = arguments.seed + arguments.lives - 1
    console.print(
        f"{arguments.lives:,} lives of {arguments.days} days, seeds {arguments.seed} to {last}"
    )
    started = time.monotonic()
    happened: Counter[str] = Counter()
    broken: list[Lived] = []
    for lived in track(
        _lived(range(arguments.seed, last + 1), arguments.days),
        "lives",
        arguments.lives,
        console=console,
        disable=not console.is_terminal,
    ):
        happened += lived.happened
        if lived.broken:
            broken.append(lived)
            _tell(console, lived, len(broken), arguments.days)
    never = [what for what in SOMETIMES if not happened[what]]
    console.print(_table(happened))
    seconds = time.monotonic() - started
    path = settings.home() / "bench-lives.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "lives": arguments.lives,
        "days": arguments.days,
        "seed": arguments.seed,
        "broken": {lived.seed: lived.broken for lived in broken},
        "never": never,
        "happened": dict(sorted(happened.items())),
        "seconds": round(seconds),
    }
    aside = path.with_name(f".{path.name}.new")
    aside.write_text(json.dumps(content, indent=1), encoding="utf-8")
    aside.replace(path)
    console.print(f"{seconds:.0f} s; written to {path}")
    if never:
        console.print(f"{len(never)} of {len(SOMETIMES)} things never happened: {'; '.join(never)}")
    console.print(
        f"{len(broken)} of {arguments.lives:,} lives broke a promise; "
        f"{len(SOMETIMES) - len(never)} of {len(SOMETIMES)} things happened at least once"
    )
    return 1 if broken or (never and os.environ.get("CHECK") == "1") else 0


def _lived(seeds: range, days: int) -> Iterator[Lived]:
    from joblib import Parallel, delayed

    if len(seeds) == 1:
        return iter([live(seeds[0], days)])
    found = Parallel(n_jobs=cores(), return_as="generator", batch_size=4)(
        delayed(live)(seed, days) for seed in seeds
    )
    return iter(found)  # pyright: ignore[reportArgumentType, reportReturnType]


def _tell(console: Console, lived: Lived, count: int, days: int) -> None:
    if count > SHOWN:
        return
    again = f"python -m bench.lives --lives 1 --seed {lived.seed} --days {days}"
    console.print(f"seed {lived.seed}, {lived.broken}\n  live it again: {again}", markup=False)


def _table(happened: Counter[str]) -> Table:
    shown = Table("what has happened", "times")
    for what in sorted({*happened, *SOMETIMES}):
        shown.add_row(what, f"{happened[what]:,}" if happened[what] else "[red]never[/]")
    return shown


if __name__ == "__main__":
    sys.exit(main())
