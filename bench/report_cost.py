"""What a report costs after 300 days with 30 regimes, beside after 10: ``make bench-report-cost``.

Both states are on disk, in the local store, and each report is a process of its own. Seconds are
those of the processor, which other programs hardly change.
"""

import argparse
import datetime as dt
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from mlops_assets.data.columns import Columns
from mlops_assets.data.contract import ColumnOverrides, ContractOverrides
from mlops_assets.data.sources import PythonSource
from mlops_assets.data.store import Store
from mlops_assets.drift.regimes import BASELINE, DecisionRecord, ReportRecord
from mlops_assets.drift.verdict import Verdict
from mlops_assets.lifecycle.baseline_data import take_baseline
from mlops_assets.lifecycle.drift_report import report_drift
from mlops_assets.lifecycle.drifted_batch import take_batch
from mlops_assets.lifecycle.journal import Decided, Registered, Reported
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.memory import MemoryRegistry
from mlops_assets.predicted import Predicted
from mlops_assets.promotion.evaluation import Evidence
from mlops_assets.promotion.gate import decide
from mlops_assets.promotion.policy import GatePolicy
from mlops_assets.spec import ModelSpec

FEW, MANY = 10, 300  # periods
QUIET, DRIFTED = 5, 5  # of ten days: as the baseline's, and of a regime of their own
BASELINE_DAYS = 28
FIRST_DAY = dt.date(2026, 1, 1)
NUMBERS = [f"number_{place}" for place in range(9)]
COLOURS = np.array(["red", "green", "blue", "black"])
DAY_EFFECT = 0.2  # standard deviations that a whole day moves by
APART = 1.5  # standard deviations that a regime's columns are from the baseline's
TIMES = 5
BAR = 1.2
# What comes on the day that is reported on, by the number of its regime; 0 is the baseline's.
DAYS = {"as the baseline": 0, "as the first regime": 1, "as none before": 1_000_000}
_NOWHERE = PythonSource(kind="python", function="bench.report_cost:read_nowhere")


@dataclass(frozen=True)
class Threshold:
    """A model that costs next to nothing, so that the rest is seen."""

    features: list[str]

    def predict(self, frame: pd.DataFrame) -> Predicted:
        """Whether the first number is above zero."""
        return Predicted(np.where(frame[self.features[0]] > 0, "yes", "no"))


@dataclass(frozen=True)
class Days:
    """Days of which each ten bring five of a new regime; ``last`` is of a regime as told."""

    rows: int
    last: tuple[int, int] | None = None

    def regime(self, period: int) -> int:
        """The number of a period's regime; 0 is the baseline's."""
        if self.last and period == self.last[0]:
            return self.last[1]
        return period // (QUIET + DRIFTED) + 1 if period % (QUIET + DRIFTED) >= QUIET else 0

    def table(self, period: int, regime: int) -> pd.DataFrame:
        """The labelled rows of a period."""
        rng = np.random.default_rng([period + BASELINE_DAYS, regime])
        place = np.random.default_rng(regime).normal(0, APART, len(NUMBERS) + 1)
        place = place if regime else 0 * place
        moved = place[:-1] + DAY_EFFECT * rng.normal()
        numbers = rng.normal(size=(self.rows, len(NUMBERS))) + moved
        shares = np.exp(place[-1] * np.arange(len(COLOURS)) / len(COLOURS))
        says = numbers[:, 0] + rng.normal(size=self.rows) > 0
        midnight = pd.Timestamp(FIRST_DAY) + pd.Timedelta(days=period)
        return pd.DataFrame(numbers, columns=NUMBERS).assign(
            colour=rng.choice(COLOURS, self.rows, p=shares / shares.sum()),
            flag=rng.random(self.rows) < 0.3,
            count=rng.poisson(3.0, self.rows),
            target=np.where(says, "yes", "no"),
            at=midnight + pd.to_timedelta(np.arange(self.rows), unit="s"),
        )

    def baseline(self) -> pd.DataFrame:
        """Four weeks."""
        tables = [self.table(day - BASELINE_DAYS, 0) for day in range(BASELINE_DAYS)]
        return pd.concat(tables, ignore_index=True)

    def batch(self, day: dt.date) -> pd.DataFrame:
        """A day's rows."""
        period = (day - FIRST_DAY).days
        return self.table(period, self.regime(period))

    def labels(self, day: dt.date) -> pd.DataFrame:
        """They come with the rows."""
        raise AssertionError(day)


def name_of(period: int) -> str:
    """The partition key of a period, from 0 on."""
    return (FIRST_DAY + dt.timedelta(days=period)).isoformat()


def life_of(folder: Path, days: Days) -> Life:
    """The model over a folder, with its first version in production."""
    any_number = ColumnOverrides(minimum=None, maximum=None)
    spec = ModelSpec(
        name="cost",
        columns=Columns(target="target", timestamp="at"),
        baseline=_NOWHERE,
        batches=_NOWHERE,
        start_date=FIRST_DAY.isoformat(),
        contract=ContractOverrides(columns=dict.fromkeys([*NUMBERS, "count"], any_number)),
    )
    registry = MemoryRegistry(spec.name)
    first = registry.register(Threshold(NUMBERS))
    registry.promote(first, expected_production=None)
    return Life(spec, Store(str(folder)), registry, source=days)


def make_state(folder: Path, rows: int, periods: int) -> None:
    """So many days, taken as they are in production; what was said of them is written down."""
    days = Days(rows)
    life = life_of(folder, days)
    take_baseline(life)
    life.journal.keep_baseline_model(Registered(version=1))
    for period in range(periods):
        taken = take_batch(life, name_of(period)).record
        assert taken, f"{name_of(period)} breaks the contract"
        regime = days.regime(period)
        report = _report(period, regime, rows)
        life.journal.keep_report(
            Reported(report=report, reasons=["made up"] * 3, data_hash=taken.data_hash)
        )
        if regime and not days.regime(period - 1):
            life.journal.keep_decided(_decided(name_of(period), rows))


def _report(period: int, regime: int, rows: int) -> ReportRecord:
    first = (regime - 1) * (QUIET + DRIFTED) + QUIET
    return ReportRecord(
        partition=name_of(period),
        drift_detected=regime > 0,
        retrain=period == first,
        regime=name_of(first) if regime else BASELINE,
        rows=rows,
        labelled_rows=rows,
        production="1",
        unusual=regime > 0,
        score=0.75,
        score_rows=rows,
    )


def _decided(partition: str, rows: int) -> Decided:
    evidence = Evidence(
        metric="f1_macro",
        candidate_score=0.8,
        production_score=0.8,
        improvement=0.0,
        improvement_lower=-0.02,
        evaluation_rows=rows,
        candidate_baseline_score=0.8,
        first_baseline_score=0.8,
        baseline_drop=0.0,
        baseline_rows=rows,
        partition=partition,
        production_partition=None,
    )
    decision = decide(evidence, GatePolicy())
    return Decided(
        **decision.model_dump(),
        regime=partition,
        regime_partitions=[partition],
        training_partitions=[partition],
        candidate_version=2,
        production_version=1,
        data_hashes={partition: "0" * 64},
        record=DecisionRecord(
            partition=partition, decision=decision.decision, regime=partition, regime_rows=rows
        ),
    )


@dataclass(frozen=True)
class Cost:
    """What a report took, and what it says.

    ``whole`` is as it is in production: a process of its own, with its page. ``judging`` is the
    same without the page, nor what is imported on first use.
    """

    whole: float
    judging: float
    says: str


def report_here(folder: Path, rows: int, periods: int, regime: int) -> Cost:
    """Report on the day after the last in this process: with its page, then without."""
    life = life_of(folder, Days(rows, last=(periods, regime)))
    assert take_batch(life, name_of(periods)).record
    with tempfile.TemporaryDirectory() as pages:
        whole, found = _timed(replace(life, pages=Path(pages)), name_of(periods))
    judging, found = _timed(life, name_of(periods))
    return Cost(whole, judging, f"{found.state} ({found.regime})")


def _timed(life: Life, partition: str) -> tuple[float, Verdict]:
    begun = time.process_time()
    found = report_drift(life, partition)
    return time.process_time() - begun, found.verdict


def report(folder: Path, rows: int, periods: int, regime: int) -> Cost:
    """The same in a process of its own."""
    arguments = [str(folder / str(periods)), str(rows), str(periods), str(regime)]
    command = [sys.executable, "-W", "ignore", "-m", "bench.report_cost", "--here", *arguments]
    done = subprocess.run(  # noqa: S603
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "DO_NOT_TRACK": "true"},
    )
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def in_turn(folder: Path, rows: int, regime: int, times: int) -> list[list[Cost]]:
    """Reports after few periods and after many, so many of each.

    In turn, so that whatever else the machine does is the same to both.
    """
    pairs = [[report(folder, rows, n, regime) for n in (FEW, MANY)] for _ in range(times)]
    return [list(each) for each in zip(*pairs, strict=True)]


def table_of(folder: Path, rows: int, times: int, shown: Table) -> float:
    """Measure each kind of day over states of so many rows a day; returns the largest ratio."""
    for periods in (FEW, MANY):
        make_state(folder / str(periods), rows, periods)
    worst = 0.0
    for kind, regime in DAYS.items():
        # The first one makes whatever is kept from then on, as after an upgrade.
        first = report(folder, rows, MANY, regime).whole
        costs = in_turn(folder, rows, regime, times)
        whole = [statistics.median(each.whole for each in both) for both in costs]
        judging = [statistics.median(each.judging for each in both) for both in costs]
        worst = max(worst, whole[1] / whole[0])
        cells = [*_cells(whole), *_cells(judging)]
        shown.add_row(f"{rows}", kind, *cells, f"{first:.2f}", costs[1][-1].says)
    return worst


def _cells(pair: list[float]) -> list[str]:
    few, many = pair
    return [f"{few:.2f}", f"{many:.2f}", f"{many / few:.2f}"]


def main() -> int:
    """Measure and tell; the exit code says whether the bar is met (with CHECK=1)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[300, 5_000], help="rows a day")
    parser.add_argument("--times", type=int, default=TIMES, help="reports that a median is of")
    parser.add_argument("--here", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 150)
    if arguments.here:
        folder, *numbers = arguments.here
        cost = report_here(Path(folder), *map(int, numbers))
        console.out(json.dumps(asdict(cost)), highlight=False)
        return 0
    shown = Table("rows a day", "a day", title="seconds of a report", title_justify="left")
    for heading in (f"after {FEW}", f"after {MANY}", "ratio", "judging", "", "ratio", "first"):
        shown.add_column(heading, justify="right")
    shown.add_column("it says")
    worst = 0.0
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory() as folder:
            worst = max(worst, table_of(Path(folder), rows, arguments.times, shown))
    console.print(shown)
    console.print(f"the largest ratio of a whole report is {worst:.2f}; the bar is {BAR:g}")
    return 1 if os.environ.get("CHECK") == "1" and worst > BAR else 0


if __name__ == "__main__":
    sys.exit(main())
