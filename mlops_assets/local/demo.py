"""``make demo``: six days of `iris` through real servers, each with its known outcome."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mlops_assets import settings
from mlops_assets.drift.regimes import SUSPECTED_FAULT
from mlops_assets.errors import UserError
from mlops_assets.local.graphql import Run, Webserver
from mlops_assets.local.home import claimed, environment, logs, prepare
from mlops_assets.local.processes import Supervisor, free_port
from mlops_assets.local.progress import Progress
from mlops_assets.local.runs import end_orphaned_runs
from mlops_assets.local.servers import LOCATION, start_dagster

MODEL = "iris"
SENSOR = f"{MODEL}_retrain_on_drift"
STORY = {
    "2026-01-01": ("skipped", "data like the baseline"),
    "2026-01-02": ("promoted", "drift to a new regime"),
    "2026-01-03": ("skipped", "the same regime again"),
    "2026-01-04": ("rejected", "another new regime, with scrambled labels"),
    "2026-01-05": ("quarantined", "a batch without one of its columns"),
    "2026-01-06": ("held", "a column in millimetres in place of centimetres"),
}

_BASELINE_SECONDS = (
    600  # time-outs for machines much slower than the two cores it takes a minute on
)
_RUN_SECONDS = 900
_DECISION_SECONDS = 180
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Day:
    """One day of the demo, as ``demo.json`` tells it; None is what the day did not get to."""

    partition: str
    outcome: str
    drift_detected: bool | None = None
    retrain: bool | None = None
    drift_share: float | None = None
    decision: str | None = None
    candidate_score: float | None = None
    production_score: float | None = None
    production_version: int | None = None


def demo(console: Console) -> bool:
    """Runs the six days in the home, prints the table, writes ``demo.json``.

    Returns:
        Whether all six outcomes are as told.

    Raises:
        UserError: if the home was used before or is in use, or if a server or a run fails.
    """
    home = settings.home()
    with claimed(home, "make demo"):
        _require_fresh(home)
        prepare(home)
        started = time.monotonic()
        supervisor = Supervisor(logs(home), settings.CHECKOUT)
        try:
            days = _through_servers(supervisor, home, console)
        except (KeyboardInterrupt, UserError):
            end_orphaned_runs(home, supervisor.stopped)
            raise
        seconds = round(time.monotonic() - started, 1)
        result = {"days": [asdict(day) for day in days], "seconds": seconds}
        (home / "demo.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return report(console, home, days, seconds)


def _require_fresh(home: Path) -> None:
    traces = {
        "demo.json": "the result of a demo",
        "dagster/history": "Dagster's runs",
        "data": "stored tables",
        "mlflow.db": "MLflow's experiments and models",
    }
    found = [f"{what} ({name})" for name, what in traces.items() if (home / name).exists()]
    if found:
        message = (
            f"The state folder {home} was used before; it holds {', '.join(found)}. The demo tells "
            "its story from the first day. `make up` shows what is there. For another demo delete "
            "that folder, or take a new one: MLOPS_HOME=$(mktemp -d) make demo"
        )
        raise UserError(message)


def _through_servers(supervisor: Supervisor, home: Path, console: Console) -> list[Day]:
    port = free_port()
    # The schedule would ask for days outside of the story; the demo should not wait for sensors.
    settings_of_demo = {"MLOPS_SCHEDULES": "stopped", "MLOPS_SENSOR_SECONDS": "1"}
    servers = environment(home, settings_of_demo)
    with Progress(console) as progress, supervisor:
        progress.say("servers", "start code server, webserver and daemon")
        webserver = Webserver(port, LOCATION)
        start_dagster(supervisor, home, webserver, port, servers)
        progress.say("servers", f"Dagster serves on http://127.0.0.1:{port} while the demo runs")
        story = Story(supervisor, webserver, progress)
        story.first_start()
        return [story.day(partition) for partition in STORY]


class Story:
    """Takes the days through the servers, one after the other, as a user and the daemon would."""

    def __init__(self, supervisor: Supervisor, webserver: Webserver, progress: Progress) -> None:
        self._supervisor = supervisor
        self._webserver = webserver
        self._progress = progress
        self._version: int | None = None

    def first_start(self) -> None:
        """Waits until the daemon has made the baseline and its model by itself."""

        def made() -> bool:
            for run in self._webserver.runs():
                self._progress.show("baseline", run)
                if run.ended and run.status != "SUCCESS":
                    why = self._webserver.failure(run.id).message
                    raise UserError(f"The baseline could not be made: {why}")
            return self._webserver.metadata(MODEL, "baseline_model", None) is not None

        self._wait(made, "the daemon to make the baseline and its model", _BASELINE_SECONDS)
        found = self._webserver.metadata(MODEL, "baseline_model", None) or {}
        self._version = found.get("production_version")
        self._progress.outcome("baseline", f"version {self._version} is in production")

    def day(self, partition: str) -> Day:
        """One day: the daily job, then what the sensor makes of its drift report."""
        self._progress.say(partition, f"the day brings {STORY[partition][1]}")
        run = self._finished(self._webserver.launch(f"{MODEL}_daily", partition), partition)
        if run.status != "SUCCESS":
            return self._quarantined(run, partition)
        report = self._webserver.metadata(MODEL, "drift_report", partition)
        if report is None:
            raise UserError(f"The daily run of {partition} succeeded without a drift report.")
        measured = {key: report.get(key) for key in ("drift_detected", "retrain", "drift_share")}
        retrained, reason = self._decision_of_sensor(partition)
        if retrained is None:
            outcome = self._not_retrained(partition, report, reason)
            return Day(partition, outcome, **measured, production_version=self._version)
        run = self._finished(retrained, partition)
        if run.status != "SUCCESS":
            why = self._webserver.failure(run.id).message
            raise UserError(f"The retrain run of {partition} failed: {why}")
        return self._decided(partition, measured)

    def _not_retrained(self, partition: str, report: dict, reason: str | None) -> str:
        if report.get("state") != SUSPECTED_FAULT:
            self._progress.outcome(partition, f"skipped: {reason}")
            return "skipped"
        # What is suspected, what a person can do, and then what was measured: a line each.
        first, *others = report["reasons"]
        self._progress.outcome(partition, f"held: {first}")
        for other in others:
            self._progress.say(partition, other)
        return "held"

    def _decided(self, partition: str, measured: dict) -> Day:
        gate = self._webserver.metadata(MODEL, "production_model", partition) or {}
        decision = gate.get("decision")
        self._version = gate.get("production_version")
        self._progress.outcome(partition, f"{decision}: {' '.join(gate.get('reasons') or [])}")
        return Day(
            partition,
            str(decision),
            **measured,
            decision=decision,
            candidate_score=gate.get("candidate_score"),
            production_score=gate.get("production_score"),
            production_version=self._version,
        )

    def _quarantined(self, run: Run, partition: str) -> Day:
        failure = self._webserver.failure(run.id)
        if failure.check != "contract":
            raise UserError(f"The daily run of {partition} failed: {failure.message}")
        self._progress.outcome(partition, f"quarantined: {failure.message}")
        return Day(partition, "quarantined", production_version=self._version)

    def _finished(self, run_id: str, partition: str) -> Run:
        last: list[Run] = []

        def ended() -> bool:
            last[:] = [run for run in self._webserver.runs() if run.id == run_id]
            for run in last:
                self._progress.show(partition, run)
            return any(run.ended for run in last)

        self._wait(ended, f"run {run_id} of {partition} to end", _RUN_SECONDS)
        return last[0]

    def _decision_of_sensor(self, partition: str) -> tuple[str | None, str | None]:
        """The run that the daemon's own sensor requested, else the reason why it did not."""
        decided: list[tuple[str | None, str | None]] = []

        def found() -> bool:
            for run in self._webserver.runs():
                if run.partition == partition and run.tags.get("dagster/sensor_name") == SENSOR:
                    decided.append((run.id, None))
            for tick in self._webserver.ticks(SENSOR):
                if tick.error:
                    raise UserError(f"The sensor {SENSOR} failed: {tick.error}")
                if tick.status == "SKIPPED" and partition in (tick.reason or ""):
                    decided.append((None, tick.reason))
            return bool(decided)

        self._progress.waiting(partition, "the drift sensor")
        self._wait(found, f"the sensor {SENSOR} to decide on {partition}", _DECISION_SECONDS)
        return decided[0]

    def _wait(self, ready: Callable[[], bool], what: str, timeout: float) -> None:
        self._supervisor.wait_until(ready, what, timeout, _POLL_SECONDS)


def report(console: Console, home: Path, days: list[Day], seconds: float) -> bool:
    """Prints the table of the outcomes; returns whether all are as told."""
    table = Table(title=f"Six days of {MODEL}, in {seconds:.0f} s")
    for heading in ("day", "outcome", "drift", "candidate", "production", "version"):
        table.add_column(heading, no_wrap=True)
    wrong = [day for day in days if day.outcome != STORY[day.partition][0]]
    for day in days:
        table.add_row(
            day.partition,
            f"[red]{day.outcome}[/]" if day in wrong else f"[green]{day.outcome}[/]",
            _number(day.drift_share),
            _number(day.candidate_score),
            _number(day.production_score),
            str(day.production_version),
        )
    console.print(table)
    for day in wrong:
        expected, story = STORY[day.partition]
        console.print(
            f"[red]{day.partition} is {day.outcome}, not {expected}[/], and brought {story}. "
            f"The logs are in {logs(home)}",
            soft_wrap=True,
        )
    given = "" if home == settings.CHECKOUT / ".mlops" else f"MLOPS_HOME={home} "
    console.print(
        f"To look at it all: [bold]{given}make up[/], which tells the addresses.", soft_wrap=True
    )
    return not wrong


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
