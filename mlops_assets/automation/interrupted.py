"""What was interrupted is asked for again, so that no work is lost because its process was."""

import datetime as dt
from collections.abc import Sequence
from functools import cached_property

import dagster as dg

from mlops_assets import settings
from mlops_assets.assets.shared import ASKED_BY_TAG, PERSON, asked_by
from mlops_assets.automation.days import Clock, utc_now
from mlops_assets.jobs import AssetJob
from mlops_assets.resources.mlflow import AWAY_TAG, FIRST_TRY_TAG, MODEL_TAG, first_try
from mlops_assets.runs import STOPPED_TAG, end_well, every_step_is_done
from mlops_assets.spec import ModelSpec

DAYS = 31  # that an interrupted run is looked for
RUNS = 100  # failed ones that a tick looks at
# Asks for one piece of work. What stopped with the servers is no try; what waits for something that
# is away costs little: 72 are about three days.
MOST = {"lost": 3, "away": 72}
LONGEST_WAIT = 60  # minutes between two asks
BECAUSE_TAG = "mlops_assets/asked_again"
GIVEN_UP_TAG = "mlops_assets/given_up"
COUNT_TAG = "mlops_assets/asked_again_{}"
_PARTITION_TAG = "dagster/partition"
# Failures that tell of the work itself: another try would end the same way.
_FOR_A_REASON = ("STEP_FAILURE", "JOB_INITIALIZATION_FAILURE")
_ASSETS_WITHOUT_A_JOB = "__ASSET_JOB"  # of runs that the sensor of the first start asks for
_TEXT_LENGTH = 250


def interrupted(
    spec: ModelSpec, jobs: Sequence[AssetJob | dg.JobDefinition], clock: Clock = utc_now
) -> dg.SensorDefinition:
    """Asks again for what ended because its process did, or because something was away.

    Dagster's own retry comes first, where the instance has it: it is quicker, and goes on after the
    last step that succeeded. But every end is a try for it, a stop of the servers too, and when
    none is left nothing asks again. This sensor goes by the runs and not by a cursor, so that
    nothing passes it by. What failed for a reason of its own is not asked for again, nor what a
    person has cancelled.
    """

    @dg.sensor(
        name=f"{spec.name}_interrupted",
        jobs=jobs,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=settings.sensor_seconds(),
        description="Runs again what was interrupted, "
        f"{MOST['lost']} times at the most; a stop of the servers does not count.",
    )
    def _interrupted(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now = clock()
        requests, told = [], []
        for lost in _interruptions(spec, context.instance, now):
            if every_step_is_done(context.instance, lost.run):
                end_well(context.instance, lost.run)
            elif lost.asks > lost.most:
                told.append(lost.give_up())
            elif now < lost.due:
                told.append(f"{lost.work} waits until {lost.due:%H:%M:%S} UTC, {lost.because}")
            else:
                requests.append(lost.request())
        if requests:
            return dg.SensorResult(run_requests=requests)
        return dg.SensorResult(skip_reason="\n".join(told) or "Nothing was interrupted.")

    return _interrupted


class _Interruption:
    """A run that ended without an end of its work, and what is to be done about it."""

    def __init__(self, spec: ModelSpec, instance: dg.DagsterInstance, record: dg.RunRecord) -> None:
        self._spec, self._instance = spec, instance
        self.run = record.dagster_run
        self.ended = dt.datetime.fromtimestamp(record.end_time or 0, tz=dt.UTC)
        self.job = _job(spec, self.run)
        of_days = [
            f"{spec.name}_{name}" for name in ("daily", "retrain", "challenge", "accept_day")
        ]
        by_day = self.job in of_days
        self.partition = self.run.tags.get(_PARTITION_TAG) if by_day else None
        self.work = f"{self.job} of {self.partition}" if self.partition else self.job

    @cached_property
    def kind(self) -> str | None:
        """`stopped` with the servers, `away` for what it needs, `lost`; None is no interruption."""
        if self.run.tags.get(STOPPED_TAG) == self.run.run_id:
            return "stopped"
        if AWAY_TAG in self.run.tags:
            return "away"
        return None if self.run.tags.get("dagster/failure_reason") in _FOR_A_REASON else "lost"

    @property
    def most(self) -> int:
        """How often it is asked for again; a stop does not count."""
        return MOST.get(str(self.kind), 0)

    @property
    def asks(self) -> int:
        """The number of the next ask of its kind."""
        if self.kind == "stopped":
            return 0
        return 1 + int(self.run.tags.get(COUNT_TAG.format(self.kind), 0))

    @property
    def due(self) -> dt.datetime:
        """When it is asked for again: at once, then after 1, 2, 4 minutes and so on."""
        if self.asks < 2:
            return self.ended
        return self.ended + dt.timedelta(minutes=min(2 ** (self.asks - 2), LONGEST_WAIT))

    @property
    def because(self) -> str:
        """Why it is asked for again, and which ask that is."""
        count = "" if self.kind == "stopped" else f", {self.asks} of {self.most}"
        return f"asked for again{count}: {self.why}"[:_TEXT_LENGTH]

    @cached_property
    def why(self) -> str:
        """What ended the run."""
        if self.kind == "stopped":
            return "The servers were stopped while it ran."
        if self.kind == "away":
            return self.run.tags[AWAY_TAG]
        failed = self._instance.all_logs(self.run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
        said = failed[-1].dagster_event.message if failed and failed[-1].dagster_event else None
        return said or "Its process ended."

    def is_open(self) -> bool:
        """Whether nobody has asked for the work since, nor is about to."""
        if self._instance.run_retries_enabled and self.run.is_complete_and_waiting_to_retry:
            return False
        if self.partition and self.partition < self._spec.start_date:
            return False
        jobs = {self.run.job_name}
        if self.job == first_start_name(self._spec):
            model = dg.AssetKey([self._spec.name, "baseline_model"])
            if self._instance.get_latest_materialization_event(model) is not None:
                return False
            jobs = {self.job, _ASSETS_WITHOUT_A_JOB}
        tags = {MODEL_TAG: self._spec.name}
        tags |= {_PARTITION_TAG: self.partition} if self.partition else {}
        latest = [
            record
            for job in jobs
            for record in self._instance.get_run_records(dg.RunsFilter(job_name=job, tags=tags), 1)
        ]
        return max(latest, key=lambda r: r.storage_id).dagster_run.run_id == self.run.run_id

    def request(self) -> dg.RunRequest:
        """The same work once more, as whoever asked for it first would have it."""
        left = (AWAY_TAG, STOPPED_TAG, GIVEN_UP_TAG)  # they tell of that run alone
        dagsters = ("dagster/", ".dagster/")
        kept = {
            name: value
            for name, value in self.run.tags.items()
            if name not in left and not name.startswith(dagsters)
        }
        tags = {
            FIRST_TRY_TAG: first_try(self.run),
            ASKED_BY_TAG: asked_by(self.run) or PERSON,
            BECAUSE_TAG: self.because,
            "dagster/max_retries": "0",  # else each ask would be two tries
        }
        count = {COUNT_TAG.format(self.kind): str(self.asks)} if self.asks else {}
        assets = self.run.asset_selection if self.job != self.run.job_name else None
        return dg.RunRequest(
            run_key=f"{self.run.run_id}-again",
            job_name=self.job,
            partition_key=self.partition,
            asset_selection=sorted(assets) if assets else None,
            tags=kept | tags | count,
        )

    def give_up(self) -> str:
        """Say in the asset graph, once, that the work is not asked for any more; with the words."""
        said = (
            f"{self.work} was interrupted and asked for again {self.most} times, and is not asked "
            f"for any more: {self.why} Look into its last run, {self.run.run_id}, then launch "
            f"{self.work} by hand."
        )
        if self.run.tags.get(GIVEN_UP_TAG) != self.run.run_id:
            self._instance.report_runless_asset_event(self._seen_in_the_graph(said))
            self._instance.add_run_tags(self.run.run_id, {GIVEN_UP_TAG: self.run.run_id})
        return said

    def _seen_in_the_graph(self, said: str) -> dg.AssetCheckEvaluation | dg.AssetObservation:
        name = self._spec.name
        if self.job == first_start_name(self._spec):
            return dg.AssetObservation([name, "baseline_model"], description=said)
        daily = self.job in (f"{name}_daily", f"{name}_accept_day")
        asset, check = ("drift_report", "verdict") if daily else ("production_model", "gate")
        return dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey([name, asset]),
            check_name=check,
            passed=False,
            severity=dg.AssetCheckSeverity.ERROR,
            description=said,
        )


def first_start_name(spec: ModelSpec) -> str:
    """The job that makes the baseline and its model, under its own name."""
    return f"{spec.name}_first_start"


def _job(spec: ModelSpec, run: dg.DagsterRun) -> str:
    without_a_job = run.job_name == _ASSETS_WITHOUT_A_JOB
    return first_start_name(spec) if without_a_job else run.job_name


def _interruptions(
    spec: ModelSpec, instance: dg.DagsterInstance, now: dt.datetime
) -> list[_Interruption]:
    """The runs whose work nobody has asked for since, the oldest first."""
    failed = instance.get_run_records(
        dg.RunsFilter(
            tags={MODEL_TAG: spec.name},
            statuses=[dg.DagsterRunStatus.FAILURE],
            created_after=now - dt.timedelta(days=DAYS),
        ),
        limit=RUNS,
    )
    latest: dict[str, _Interruption] = {}
    for record in failed:
        found = _Interruption(spec, instance, record)
        latest.setdefault(found.work, found)
    return [found for found in reversed(latest.values()) if found.kind and found.is_open()]
