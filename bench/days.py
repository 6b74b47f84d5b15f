"""What the whole loop does over thirty days."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.streams import Outcome, Simple, live, simple_rules
from bench.trials import Cell, Effort, rate, run
from bench.world import World
from mlops_assets.promotion.policy import GatePolicy

BASELINE, ROWS = 2000, 300
LARGE_BASELINE, MANY_ROWS = 20_000, 1000
FIRST_CHANGED = 11  # of the streams on which retraining should pay
WAYS = {"abrupt": (80, 4), "gradual": (70, 10)}


@dataclass(frozen=True)
class Paid:
    """One stream's outcome beside that of the simple rules."""

    ours: Outcome
    simple: Simple


def regime_and_return(effort: Effort) -> Iterator[Cell]:
    """Another regime from day 10 to day 19, then the baseline again."""
    outcomes = run(returning, effort.trials(120))
    yield rate(
        "retrained on day 10, three times in all, never from day 20 on",
        "30 days of 300 rows, baseline 2,000",
        [_as_told(outcome.retrained) for outcome in outcomes],
        ">=",
        90,
        **{"mean retrainings": float(np.mean([len(outcome.retrained) for outcome in outcomes]))},
    )
    yield _baseline_kept("regime that returns", outcomes)


def retraining_that_pays(effort: Effort) -> Iterator[Cell]:
    """How much of daily retraining's gain the loop has, with how many retrainings."""
    for way, (share, most) in WAYS.items():
        streams: list[Paid] = run(paying, effort.trials(60), way)
        learnable = [stream.simple.daily for stream in streams]
        every = [stream.simple.daily_all_rows for stream in streams]
        yield _gain(streams, every, f"{way}, beside daily on all rows", share)
        yield _gain(streams, learnable, f"{way}, beside daily on the learnable rows", share)
        counts = [len(stream.ours.retrained) for stream in streams]
        mean, error = float(np.mean(counts)), 1.96 * float(np.std(counts)) / np.sqrt(len(counts))
        yield Cell(
            "retraining that pays: retrainings in 30 days",
            f"{way}, mean of the streams",
            mean,
            mean - error,
            mean + error,
            len(counts),
            "<=",
            most,
            unit="",
            beside={"most in a stream": float(np.max(counts)), "every day": 30.0},
        )
        yield _baseline_kept(way, [stream.ours for stream in streams])


def no_change(effort: Effort) -> Iterator[Cell]:
    """Thirty days on which nothing happens."""
    outcomes = run(quiet, effort.trials(120))
    yield rate(
        "no retraining where nothing changes",
        "30 days of 300 rows, baseline 2,000",
        [not outcome.retrained for outcome in outcomes],
        ">=",
        90,
    )


def concept_drift(effort: Effort) -> Iterator[Cell]:
    """The same features from day 11 on, their labels exchanged."""
    outcomes = run(remapped, effort.trials(120))
    yield rate(
        "retrained within 2 days of concept drift",
        "300 labelled rows a day, baseline 2,000",
        [bool({11, 12} & set(outcome.retrained)) for outcome in outcomes],
        ">=",
        95,
    )


def returning(seed: int) -> Outcome:
    """A regime that comes on day 10 and goes on day 20."""
    return live(World(seed, BASELINE, ROWS, change=lambda day: float(10 <= day < 20)))


def quiet(seed: int) -> Outcome:
    """Nothing happens."""
    return live(World(1_000_000 + seed, BASELINE, ROWS))


def remapped(seed: int) -> Outcome:
    """Concept drift on day 11, watched for two days."""
    world = World(2_000_000 + seed, BASELINE, ROWS, remapped=lambda day: day >= 11)
    return live(world, days=12)


def paying(seed: int, way: str) -> Paid:
    """A large stream that changes from day 11 on: at once, or by a twentieth a day."""
    world = World(
        3_000_000 + seed, LARGE_BASELINE, MANY_ROWS, change=_abrupt if way == "abrupt" else _gradual
    )
    return Paid(live(world), simple_rules(world))


def _abrupt(day: int) -> float:
    return float(day >= FIRST_CHANGED)


def _gradual(day: int) -> float:
    return max(day - FIRST_CHANGED + 1, 0) / 20


def _as_told(retrained: list[int]) -> bool:
    return len(retrained) == 3 and retrained[0] == 10 and max(retrained) < 20


def _gain(streams: list[Paid], daily_scores: list[float], cell: str, bar: float) -> Cell:
    """The loop's gain over never retraining, as a share of that of daily retraining."""
    ours = np.array([np.mean(stream.ours.scores) for stream in streams])
    never = np.array([stream.simple.never for stream in streams])
    daily = np.array(daily_scores)

    def share(places: np.ndarray) -> float:
        gained = np.mean(ours[places] - never[places])
        return 100 * float(gained / np.mean(daily[places] - never[places]))

    everything = np.arange(len(streams))
    rng = np.random.default_rng(8)
    drawn = [share(rng.integers(0, len(ours), len(ours))) for _ in range(1000)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Cell(
        "retraining that pays: share of daily retraining's gain",
        cell,
        share(everything),
        float(low),
        float(high),
        len(streams),
        ">=",
        bar,
        beside={
            "macro F1 never": float(never.mean()),
            "macro F1 ours": float(ours.mean()),
            "macro F1 daily": float(daily.mean()),
        },
    )


def _baseline_kept(where: str, outcomes: list[Outcome]) -> Cell:
    drops = [drop for outcome in outcomes for drop in outcome.baseline_drops]
    allowed = GatePolicy().max_baseline_drop or 0.0
    return rate(
        "promoted although the baseline holdout fell by more than allowed",
        f"{where}, promotions",
        [drop > allowed for drop in drops] or [False],
        "<=",
        0,
        **{"largest drop": float(np.max(drops, initial=0.0))},
    )
