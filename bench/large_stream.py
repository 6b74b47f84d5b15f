"""What the weight of new rows is worth beside a large baseline: `python -m bench.large_stream`."""

import argparse
import datetime as dt
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

from bench.streams import HANDED_IN
from bench.tables import TARGET
from mlops_assets.data.columns import Columns
from mlops_assets.replay.history import read_history
from mlops_assets.replay.living import Living, Log
from mlops_assets.replay.policies import NEVER, Policy, changed
from mlops_assets.spec import ModelSpec

BASELINE, ROWS, DAYS = 50_000, 1_666, 30
CHANGE = 16  # the first day of the other regime, which stays
COLUMNS, MOVED, CLASSES = 10, 5, 3
TURN, NOISE = 0.5, 0.5  # how much of the rule is exchanged; the rest of what makes a label
SHIFTS = (1.0, 0.5, 0.0)  # standard deviations by which half of the columns move as well
FIRST_DAY = dt.date(2026, 1, 1)
ALIKE, CHOSEN = "all rows alike", "chosen weight"
AS_BEFORE = "training.regime_weight=1 training.quiet_days=false"
BAR = 1.5
SPEC = ModelSpec.model_validate(
    {
        "name": "large_stream",
        "columns": Columns(target=TARGET),
        "baseline": HANDED_IN,
        "batches": HANDED_IN,
        "start_date": FIRST_DAY.isoformat(),
        "training": {"algorithms": ["lightgbm"], "folds": 3},
    }
)


@dataclass(frozen=True)
class LargeStream:
    """Independent rows; on one day half of the rule changes, and half of the columns by ``shift``.

    Labels follow a noisy linear rule.
    """

    seed: int
    shift: float

    def baseline(self) -> pd.DataFrame:
        """The labelled snapshot."""
        return self._rows(0, BASELINE, changed=False)

    def batch(self, day: dt.date) -> pd.DataFrame:
        """The labelled rows of a day."""
        number = (day - FIRST_DAY).days + 1
        return self._rows(number, ROWS, changed=number >= CHANGE)

    def labels(self, day: dt.date) -> pd.DataFrame:
        """They come with the rows."""
        raise AssertionError(day)

    def _rows(self, number: int, count: int, *, changed: bool) -> pd.DataFrame:
        rng = np.random.default_rng([self.seed, number])
        rules = np.random.default_rng([self.seed, 10_000])
        old, new = rules.normal(size=(2, COLUMNS, CLASSES)) / np.sqrt(COLUMNS)
        rule = (1 - TURN) * old + TURN * new if changed else old
        values = rng.normal(size=(count, COLUMNS))
        scores = values @ rule + NOISE * rng.gumbel(size=(count, CLASSES))
        # The rule looks at where a row is in its day, so that classes stay as frequent.
        values[:, :MOVED] += self.shift if changed else 0.0
        table = pd.DataFrame(values, columns=[f"x{place}" for place in range(COLUMNS)])
        return table.assign(**{TARGET: np.argmax(scores, axis=1)})


def main() -> None:
    """Live the streams, and print what each way to learn comes to."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--streams", type=int, default=1, help="how many of each kind")
    asked.add_argument("--seed", type=int, default=0, help="of the first one")
    asked.add_argument("--shifts", type=float, nargs="*", default=SHIFTS)
    given = asked.parse_args()
    console = Console(width=150)
    console.print(f"Mean macro F1 from day {CHANGE + 1} on, and what came of each retraining")
    for shift in given.shifts:
        for seed in range(given.seed, given.seed + given.streams):
            logs = dict(lived(LargeStream(seed, shift)))
            console.print(f"half of the columns move by {shift:g} sd, seed {seed}:")
            for line in told(logs):
                console.print(f"  {line}", highlight=False)


def lived(stream: LargeStream) -> Iterator[tuple[str, Log]]:
    """The stream by each way to learn: its name, and what became of it."""
    ways = [
        Policy(NEVER, SPEC),
        Policy(ALIKE, changed(SPEC, AS_BEFORE), loop=True),
        Policy(CHOSEN, SPEC, loop=True),
    ]
    last = FIRST_DAY + dt.timedelta(days=DAYS - 1)
    with tempfile.TemporaryDirectory(prefix="large-stream-") as scratch:
        folder = Path(scratch)
        history = read_history(
            SPEC, stream, folder / "rows", FIRST_DAY, last, dt.date.max, lambda _: None
        )
        for way in ways:
            living = Living(way, folder, "fast", folder / way.name.replace(" ", "-"))
            living.begin()
            for _ in living.through(history):
                pass
            yield way.name, living.log


def after_change(log: Log) -> float:
    """The mean of the daily scores from the day after the change on."""
    first = (FIRST_DAY + dt.timedelta(days=CHANGE)).isoformat()
    return float(np.mean([score for day, score in log.scores.items() if day >= first]))


def told(logs: dict[str, Log]) -> Iterator[str]:
    """A line for each way to learn, and whether the bar is met."""
    scores = {name: after_change(log) for name, log in logs.items()}
    for name, log in logs.items():
        made = ", ".join(f"{one.partition[-2:]} {one.decision}" for one in log.decisions)
        yield f"{name:15} {scores[name]:.4f}  {log.retrainings} retrainings  {made}"
    before, now = (scores[name] - scores[NEVER] for name in (ALIKE, CHOSEN))
    met = now >= BAR * before and logs[CHOSEN].retrainings <= logs[ALIKE].retrainings
    yield (
        f"gain {before:.4f} -> {now:.4f}, {now / before:.2f} times; at least {BAR} times with no "
        f"more retrainings: {'met' if met else 'missed'}"
    )


if __name__ == "__main__":
    main()
