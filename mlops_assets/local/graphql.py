"""Dagster's webserver as its own UI uses it: launches runs, and reads what has happened."""

import http.client
import json
from dataclasses import dataclass
from typing import Any

from mlops_assets.errors import UserError

RUN_ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
_TIMEOUT_SECONDS = 60
_UNREACHABLE = "DagsterUserCodeUnreachableError"

LOCATION_QUERY = """query Location { workspaceOrError {
  ... on Workspace { locationEntries { loadStatus locationOrLoadError {
    __typename ... on PythonError { message className } } } }
  ... on PythonError { message }
} }"""
DAEMON_QUERY = """query Daemons { instance { daemonHealth { allDaemonStatuses {
  required healthy } } } }"""
LAUNCH_QUERY = """mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename
  ... on LaunchRunSuccess { run { id } }
  ... on Error { message }
  ... on RunConfigValidationInvalid { errors { message } }
} }"""
RUNS_QUERY = """query Runs { runsOrError {
  ... on Runs { results { id jobName status tags { key value }
    stepStats { stepKey status startTime endTime } } }
  ... on Error { message }
} }"""
MATERIALIZATION_QUERY = """query Materialization($path: [String!]!, $partitions: [String!]) {
  assetOrError(assetKey: {path: $path}) {
    ... on Asset { assetMaterializations(partitions: $partitions, limit: 1) {
      metadataEntries { label
        ... on BoolMetadataEntry { boolValue }
        ... on IntMetadataEntry { intValue }
        ... on FloatMetadataEntry { floatValue }
        ... on TextMetadataEntry { text }
        ... on JsonMetadataEntry { jsonString }
      } } }
  } }"""
TICKS_QUERY = """query Ticks($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) {
  ... on Sensor { sensorState { ticks(limit: 50) { status skipReason runIds error { message } } } }
  ... on SensorNotFoundError { message }
  ... on PythonError { message }
} }"""
FAILURE_QUERY = """query Failure($id: ID!) { runOrError(runId: $id) {
  ... on Run { eventConnection { events {
    ... on AssetCheckEvaluationEvent { evaluation { checkName success description } }
    ... on ExecutionStepFailureEvent { stepKey error { message causes { message } } }
    ... on EngineEvent { error { message causes { message } } }
    ... on RunFailureEvent { message error { message causes { message } } }
  } } }
} }"""


@dataclass(frozen=True)
class Step:
    """One asset of a run: its name, its state in Dagster's words, how long it has taken so far."""

    asset: str
    status: str | None
    started: float | None
    ended: float | None


@dataclass(frozen=True)
class Run:
    """A Dagster run and its assets, in the order in which they started."""

    id: str
    job: str
    status: str
    tags: dict[str, str]
    steps: tuple[Step, ...]

    @property
    def partition(self) -> str | None:
        """The day that it works on; None for the baseline."""
        return self.tags.get("dagster/partition")

    @property
    def ended(self) -> bool:
        """Whether it has ended, well or not."""
        return self.status in RUN_ENDED


@dataclass(frozen=True)
class Tick:
    """One look of a sensor: what it decided, and why where it requested nothing."""

    status: str
    reason: str | None
    run_ids: tuple[str, ...]
    error: str | None


@dataclass(frozen=True)
class Failure:
    """Why a run failed: the failed asset check, if one did, and the innermost error message."""

    check: str | None
    message: str


class Webserver:
    """The GraphQL API of a webserver on this machine, for one code location.

    Args:
        port: The port that it serves on, at 127.0.0.1.
        location: The name of the code location.
    """

    def __init__(self, port: int, location: str) -> None:
        self._port = port
        self._repository = {
            "repositoryLocationName": location,
            "repositoryName": "__repository__",
        }

    def location_loaded(self) -> bool:
        """Whether the code location is there and sound.

        Raises:
            UserError: if it has been loaded with an error, which the message tells.
        """
        workspace = self._ask(LOCATION_QUERY)["workspaceOrError"]
        entries = workspace.get("locationEntries") or []
        for entry in entries:
            location = entry["locationOrLoadError"] or {}
            if location.get("__typename") == "PythonError":
                raise UserError(f"The code location does not load: {location['message']}")
        return bool(entries) and all(
            entry["loadStatus"] == "LOADED" and entry["locationOrLoadError"] for entry in entries
        )

    def location_reached(self) -> bool:
        """Whether it has the code location as its server answers now, be it sound or not.

        When a code server comes back while it still loads, the webserver may keep for some seconds
        that nobody answers; meanwhile it knows no job.
        """
        entries = self._ask(LOCATION_QUERY)["workspaceOrError"].get("locationEntries") or []
        known = [entry["locationOrLoadError"] for entry in entries]
        return bool(known) and all(
            location and location.get("className") != _UNREACHABLE for location in known
        )

    def daemon_healthy(self) -> bool:
        """Whether every part of the daemon that is needed has lately reported to be well."""
        statuses = self._ask(DAEMON_QUERY)["instance"]["daemonHealth"]["allDaemonStatuses"]
        needed = [status for status in statuses if status["required"]]
        return bool(needed) and all(status["healthy"] for status in needed)

    def launch(self, job: str, partition: str) -> str:
        """Launches a job for one partition; returns the run's id.

        Raises:
            UserError: if Dagster refuses; says why.
        """
        params = {
            "selector": {**self._repository, "jobName": job},
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": partition}]},
        }
        answer = self._ask(LAUNCH_QUERY, {"params": params})["launchRun"]
        if "run" not in answer:
            why = answer.get("message") or answer.get("errors") or answer["__typename"]
            raise UserError(f"Dagster did not launch {job} for {partition}: {why}")
        return answer["run"]["id"]

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        answer = self._ask(RUNS_QUERY)["runsOrError"]
        return [_run(found) for found in reversed(answer["results"])]

    def metadata(self, model: str, asset: str, partition: str | None) -> dict[str, Any] | None:
        """What the latest materialization of an asset says; None while there is none."""
        variables = {
            "path": [model, asset],
            "partitions": None if partition is None else [partition],
        }
        answer = self._ask(MATERIALIZATION_QUERY, variables)["assetOrError"]
        found = answer.get("assetMaterializations") or []
        if not found:
            return None
        return {entry["label"]: _value(entry) for entry in found[0]["metadataEntries"]}

    def ticks(self, sensor: str) -> list[Tick]:
        """The last ticks of a sensor, latest first."""
        selector = {**self._repository, "sensorName": sensor}
        answer = self._ask(TICKS_QUERY, {"sensor": selector})["sensorOrError"]
        if "sensorState" not in answer:
            raise UserError(f"Dagster does not know the sensor {sensor}: {answer.get('message')}")
        return [
            Tick(
                tick["status"],
                tick["skipReason"],
                tuple(tick["runIds"]),
                (tick["error"] or {}).get("message"),
            )
            for tick in answer["sensorState"]["ticks"]
        ]

    def failure(self, run_id: str) -> Failure:
        """Why a run failed."""
        answer = self._ask(FAILURE_QUERY, {"id": run_id})["runOrError"]
        events = (answer.get("eventConnection") or {}).get("events") or []
        for event in events:
            evaluation = event.get("evaluation")
            if evaluation and not evaluation["success"]:
                return Failure(evaluation["checkName"], evaluation["description"] or "")
        errors = [event["error"] for event in events if event.get("error")]
        if not errors:
            said = [event["message"] for event in events if event.get("message")]
            return Failure(None, said[0] if said else "Dagster has not recorded why")
        innermost = ([errors[0], *errors[0]["causes"]])[-1]
        return Failure(None, innermost["message"].strip())

    def _ask(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)
        body = json.dumps({"query": query, "variables": variables or {}})
        try:
            connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            message = (
                f"The webserver on 127.0.0.1:{self._port} does not answer as it should: {error!r}"
            )
            raise UserError(message) from error
        finally:
            connection.close()
        if answer.get("errors"):
            said = "; ".join(error["message"] for error in answer["errors"])
            raise UserError(f"The webserver on 127.0.0.1:{self._port} refuses a question: {said}")
        return answer["data"]


def _run(found: dict[str, Any]) -> Run:
    steps = [
        # An asset's step is called as its key, with two underscores between the parts.
        Step(step["stepKey"].split("__")[-1], step["status"], step["startTime"], step["endTime"])
        for step in found["stepStats"]
    ]
    steps.sort(key=lambda step: step.started or float("inf"))
    tags = {tag["key"]: tag["value"] for tag in found["tags"]}
    return Run(found["id"], found["jobName"], found["status"], tags, tuple(steps))


def _value(entry: dict[str, Any]) -> Any:
    if "jsonString" in entry:
        return json.loads(entry["jsonString"])
    kinds = ("boolValue", "intValue", "floatValue", "text")
    return next((entry[kind] for kind in kinds if kind in entry), None)
