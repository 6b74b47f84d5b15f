"""``mlops-assets replay``: a model's own history, lived again by several policies."""

import datetime as dt
import difflib
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from mlops_assets import settings
from mlops_assets.errors import UserError
from mlops_assets.lifecycle.sources import SpecSources
from mlops_assets.model_files import find_specs
from mlops_assets.replay.figures import Lived, compared
from mlops_assets.replay.history import History, read_history
from mlops_assets.replay.models import Mode
from mlops_assets.replay.page import page
from mlops_assets.replay.policies import policies
from mlops_assets.replay.result import result
from mlops_assets.replay.scratch import take
from mlops_assets.replay.workers import live
from mlops_assets.spec import ModelSpec

_PACKAGE = Path(__file__).resolve().parent.parent
_SCRATCH, _PLAN, _RESULT, _SECONDS = "scratch", "plan.json", "replay.json", "seconds"


@dataclass(frozen=True)
class Wish:
    """What was asked for.

    Attributes:
        name: The model.
        first: The first day; None: the model's own.
        last: The last day; None: the last that has a batch.
        settings: Variants of the model's policy, each as ``key.path=value``.
        mode: How is trained again.
        defs: The folder of the models; None: the package's own.
    """

    name: str
    first: str | None = None
    last: str | None = None
    settings: tuple[str, ...] = ()
    mode: Mode = "fast"
    defs: Path | None = None


def replay(wish: Wish, console: Console) -> Path:
    """Live a model's history again, and write what came of it.

    What is interrupted goes on with the same command. Nothing of the real store, registry or
    Dagster is read or written.

    Returns:
        The page; ``replay.json`` is beside it.

    Raises:
        UserError: There is no such model, day or setting, or the history cannot be lived.
    """
    spec = _spec(wish, console)
    asked = policies(spec, list(wish.settings))
    first, last = _between(spec, wish)
    _refuse_labels_too_late(spec)
    plan = _plan(spec, wish, first, last)
    folder = _folder(spec.name, plan, console)
    scratch = folder / _SCRATCH
    scratch.mkdir(mode=0o700, exist_ok=True)  # the rows of a history may be sensitive
    with _alone(scratch):
        started = time.monotonic() - _spent(scratch)
        try:
            history = _history(spec, scratch / "rows", first, last, console)
            logs = live(asked, history, scratch, wish.mode, console)
        finally:
            (scratch / _SECONDS).write_text(str(time.monotonic() - started), encoding="utf-8")
        lived = compared(logs, spec.metric_of())
        found = result(spec, history, lived, wish.mode, time.monotonic() - started)
        written = folder / "index.html"
        written.write_text(page(found), encoding="utf-8")
        (folder / _RESULT).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(scratch)
    _report(found, lived, console)
    return written


@contextmanager
def _alone(scratch: Path) -> Iterator[None]:
    """Keep a second process off the same replay."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(scratch / "lock", timeout=0):
            yield
    except Timeout:
        raise UserError(
            f"Another process lives this very replay, in {scratch.parent}. Wait for it, or ask for "
            "other days."
        ) from None


def _spec(wish: Wish, console: Console) -> ModelSpec:
    here = find_specs(wish.defs or _PACKAGE / "defs")
    if wish.name in here:
        return here[wish.name]
    ready = find_specs(_PACKAGE / "examples")
    ready.pop("my_model", None)
    if wish.name in ready:
        console.print(
            f"{wish.name} is no model here yet: the ready example of this name is replayed.",
            soft_wrap=True,
        )
        return ready[wish.name]
    close = difflib.get_close_matches(wish.name, [*here, *ready], n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise UserError(
        f"There is no model {wish.name!r}.{hint} There are {', '.join(sorted(here)) or 'none'}, "
        f"and the examples {', '.join(sorted(ready))}."
    )


def _between(spec: ModelSpec, wish: Wish) -> tuple[dt.date, dt.date | None]:
    first = _day("--from", wish.first) or dt.date.fromisoformat(spec.start_date)
    last = _day("--to", wish.last)
    yesterday = dt.datetime.now(tz=dt.UTC).date() - dt.timedelta(days=1)
    if last is not None and last < first:
        given = "--from" if wish.first else "the model's first day,"
        raise UserError(f"--to {last} is before {given} {first}. Give a later --to.")
    for option, day in (("--from", first), ("--to", last)):
        if day is not None and day > yesterday:
            raise UserError(
                f"{option} {day} has not ended yet: the last day that has is {yesterday}. Give an "
                "earlier one."
            )
    return first, last


def _day(option: str, text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{option} {text!r} is not a day; write it as YYYY-MM-DD.") from None


def _refuse_labels_too_late(spec: ModelSpec) -> None:
    delay = spec.replay.label_delay_days
    if spec.labels is not None and delay > spec.label_days:
        raise UserError(
            f"replay.label_delay_days is {delay}, and production asks for labels for "
            f"{spec.label_days} days only (label_days): it would never see them. Raise label_days."
        )


def _plan(spec: ModelSpec, wish: Wish, first: dt.date, last: dt.date | None) -> dict[str, Any]:
    return {
        "spec": spec.model_dump(mode="json"),
        "from": str(first),
        "to": str(last) if last else None,
        "settings": list(wish.settings),
        "training": wish.mode,
    }


def _folder(name: str, plan: dict[str, Any], console: Console) -> Path:
    """The folder of an interrupted replay of the same plan, else a new one."""
    of_model = settings.home() / "replays" / name
    for folder in sorted(of_model.glob("*/"), reverse=True):
        kept = folder / _PLAN
        if (folder / _RESULT).exists() or not kept.exists():
            continue
        if json.loads(kept.read_text(encoding="utf-8")) == plan:
            console.print(f"The replay that was begun in {folder} goes on.", soft_wrap=True)
            return folder
    now = dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H-%M-%S")
    folder = of_model / now
    try:
        folder.mkdir(parents=True)
        (folder / _PLAN).write_text(json.dumps(plan, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written: {error.strerror}. Set MLOPS_HOME to a folder that can be."
        ) from error
    return folder


def _spent(scratch: Path) -> float:
    """The seconds that earlier tries of the same replay took."""
    kept = scratch / _SECONDS
    return float(kept.read_text(encoding="utf-8")) if kept.exists() else 0.0


def _history(
    spec: ModelSpec, rows: Path, first: dt.date, last: dt.date | None, console: Console
) -> History:
    if (rows / "history").exists():
        history: History = take(rows / "history")
    else:
        today = dt.datetime.now(tz=dt.UTC).date()
        with console.status("Read the rows") as status:
            history = read_history(
                spec,
                SpecSources(spec),
                rows,
                first,
                last,
                today,
                lambda day: status.update(f"Read the rows of {day}"),
            )
    for note in _notes(history):
        console.print(note, soft_wrap=True, highlight=False)
    return history


def _notes(history: History) -> list[str]:
    """What is left out, in words."""
    notes = [
        f"{len(history.present)} of {len(history.days)} days have a batch, "
        f"{history.days[0]} to {history.days[-1]}.",
        *history.notes,
    ]
    if history.missing:
        notes.append(f"{len(history.missing)} have none and are skipped: {_some(history.missing)}.")
    if history.failed:
        day, why = next(iter(history.failed.items()))
        notes.append(
            f"{len(history.failed)} could not be read and are skipped: "
            f"{_some(tuple(history.failed))}. {day}: {why}"
        )
    return notes


def _some(days: tuple[str, ...]) -> str:
    shown = ", ".join(days[:5])
    return shown if len(days) <= 5 else f"{shown} and {len(days) - 5} more"


def _report(found: dict[str, Any], lived: list[Lived], console: Console) -> None:
    table = Table(
        title=f"{found['model']}, {found['from']} to {found['to']}, in {found['seconds']:.0f} s"
    )
    table.add_column("policy", overflow="fold")
    for heading in (f"mean {found['metric']}", "worst week", "retrained", "promoted", "refused"):
        table.add_column(heading, justify="right")
    for one in lived:
        numbers = (one.retrainings, one.promotions, one.refusals)
        scores = ("" if s is None else f"{s:.3f}" for s in (one.mean, one.worst_week))
        mark = " (dominated)" if one.dominated_by else ""
        table.add_row(f"{one.name}{mark}", *scores, *map(str, numbers))
    console.print(table)
    if found["days_quarantined"]:
        days = tuple(found["days_quarantined"])
        console.print(f"In quarantine: {_some(days)}.", soft_wrap=True, highlight=False)
    for sentence in found["advice"]:
        console.print(f"- {sentence}", soft_wrap=True, highlight=False, markup=False)
