"""Which rows a candidate learns from: the baseline's, its regime's, and those of other days."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops_assets.data.fingerprint import row_hashes
from mlops_assets.drift.regimes import BASELINE, quiet_days
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.lineage import Lineage
from mlops_assets.lifecycle.rows import Parts, baseline_parts, lineage_parts
from mlops_assets.training.policy import TrainingPolicy


@dataclass(frozen=True)
class Learned:
    """What a candidate learns from.

    Attributes:
        parts: Of the baseline and of every day that was looked at, by origin.
        table: The rows that are taken, each with its origin.
        notes: What else than its regime is in it, and what was left out, in words.
    """

    parts: dict[str, Parts]
    table: pd.DataFrame
    notes: tuple[str, ...]


def learned_rows(life: Life, known: Lineage, partition: str) -> Learned:
    """The rows that a candidate of a day learns from.

    First its regime's, then those of promoted regimes, then those of quiet days, the latest days
    first, as many as `training.max_rows` leaves room for beside the baseline's share of it.
    """
    since = _since(life, partition)
    quiet = [day for day in _quiet_days(life, partition) if day >= since]
    needed, too_old = _needed_days(life, known, partition, quiet, since)
    taken = _as_many_as_fit(life, needed, quiet)
    parts = lineage_parts(life, {*needed, *taken})
    order = [
        *sorted(known.regime_partitions, reverse=True),
        *sorted(set(needed) - set(known.regime_partitions), reverse=True),
        *taken,
    ]
    sizes = {o: len(part.learned) if o >= since else 0 for o, part in parts.items()}
    policy = life.spec.training
    counts = _counts(sizes, order, policy.max_rows, policy.baseline_share)
    rows = [_cut(part.learned, counts[origin]) for origin, part in parts.items()]
    notes = (
        *_of_quiet(taken, counts),
        *_of_left_out(sizes, counts, policy.max_rows),
        *_of_age(policy, too_old, since),
    )
    return Learned(parts, pd.concat(rows, ignore_index=True), notes)


def _since(life: Life, partition: str) -> str:
    """The first day that is learned from; empty: there is none, and `baseline` sorts after all."""
    window = life.spec.training.window_days
    if window is None:
        return ""
    return str(dt.date.fromisoformat(partition) - dt.timedelta(days=window - 1))


def _needed_days(
    life: Life, known: Lineage, partition: str, quiet: Sequence[str], since: str
) -> tuple[list[str], list[str]]:
    """The days of its regime and of promoted ones, and those that are too old, in their order.

    What production was trained on is among them whatever the records say by now: a decision that
    was made again, or a regime that has another name, must not make a candidate forget it. Days
    of the regime that are too old stay: the candidate is judged on them.
    """
    registry = life.registry
    learned = (registry.evidence(registry.in_use()) or {}).get("training_partitions", [])
    earlier = {day for day in learned if day <= partition} - set(quiet)
    every = sorted({*known.training_partitions, *earlier})
    too_old = [day for day in every if day < since]
    return [day for day in every if day >= since or day in known.regime_partitions], too_old


def _quiet_days(life: Life, partition: str) -> tuple[str, ...]:
    """The days before a partition whose report called them stable, the latest first."""
    if not life.spec.training.quiet_days:
        return ()
    reports = life.journal.reports()
    stable = {report.partition for report in reports if report.state in (None, "stable")}
    return tuple(day for day in reversed(quiet_days(reports, partition)) if day in stable)


def _as_many_as_fit(life: Life, needed: Sequence[str], quiet: Sequence[str]) -> list[str]:
    """Of the quiet days the latest, by what the reports say of their rows: none is read yet."""
    policy, share = life.spec.training, 1 - life.spec.split.evaluation_share
    others = [day for day in quiet if day not in needed]
    if policy.max_rows is None or not others:
        return others
    expected = {r.partition: share * r.labelled_rows for r in life.journal.reports()}
    room = policy.max_rows - sum(expected.get(day, 0) for day in needed)
    room -= min(len(baseline_parts(life).learn), policy.baseline_share * policy.max_rows)
    before = np.cumsum([0, *(expected[day] for day in others)])[:-1]
    return [day for day, rows in zip(others, before, strict=True) if rows < room]


def _counts(
    sizes: dict[str, int], order: Sequence[str], most: int | None, share: float
) -> dict[str, int]:
    """How many rows are taken of each origin."""
    if most is None:
        return sizes
    kept = min(sizes[BASELINE], round(share * most))
    room, counts = most - kept, {}
    for origin in order:
        counts[origin] = min(sizes[origin], room)
        room -= counts[origin]
    return counts | {BASELINE: min(sizes[BASELINE], kept + room)}


def _cut(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """So many of the rows, in their order; the same ones of the same rows."""
    if count >= len(rows):
        return rows
    chosen = np.argsort(row_hashes(rows), kind="stable")[:count]
    return rows.iloc[np.sort(chosen)]


def _of_quiet(taken: Sequence[str], counts: dict[str, int]) -> list[str]:
    used = sorted(day for day in taken if counts[day])
    if not used:
        return []
    days = used[0] if len(used) == 1 else f"{len(used)} quiet days, {used[0]} to {used[-1]}"
    rows = sum(counts[day] for day in used)
    return [f"Quiet days are learned from as well: {days} ({rows} rows)."]


def _of_left_out(sizes: dict[str, int], counts: dict[str, int], most: int | None) -> list[str]:
    left = {origin: sizes[origin] - counts[origin] for origin in sizes}
    told = [f"{rows} of {sizes[origin]} of {origin}" for origin, rows in left.items() if rows]
    if not told:
        return []
    return [f"{sum(left.values())} rows are left out, training.max_rows {most}: {', '.join(told)}."]


def _of_age(policy: TrainingPolicy, too_old: Sequence[str], since: str) -> list[str]:
    told = []
    if too_old:
        told.append(
            f"{len(too_old)} days before {since} are not learned from: training.window_days "
            f"{policy.window_days}."
        )
    if policy.half_life_days is not None:
        told.append(
            f"A row weighs half as much for each {policy.half_life_days:g} days of its age: "
            "training.half_life_days."
        )
    return told
