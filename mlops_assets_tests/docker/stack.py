"""The stack of docker/, as people and programs use it: by its script, and through the one port."""

import base64
import http.client
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlops_assets.errors import UserError
from mlops_assets.local.graphql import RUN_ENDED, Run, Webserver
from mlops_assets.resources.mlflow import FIRST_TRY_TAG
from mlops_assets.training.tracking import IDEMPOTENCY_TAG

CHECKOUT = Path(__file__).parents[2]
# What names the first try of a run: Dagster's own retry, and the sensor for what was interrupted.
_TRIES = ("dagster/root_run_id", FIRST_TRY_TAG)
ASKED_AGAIN_SECONDS = 90  # in which a run that failed is asked for again, if ever
LAUNCH = """mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { id } } } }"""


class Stack:
    """One running stack, with settings and volumes of its own."""

    def __init__(self, folder: Path, project: str, port: int) -> None:
        self.env_file = folder / "env"
        self.port = port
        self.environment = {
            **os.environ,
            "STACK_ENV": str(self.env_file),
            "COMPOSE_PROJECT_NAME": project,
            "PORT": str(port),
            # Days outside of the story must not come in between.
            "MLOPS_SCHEDULES": "stopped",
            "MLOPS_SENSOR_SECONDS": "5",
        }

    def run(self, *arguments: str, check: bool = True) -> str:
        """``docker/stack`` with these arguments; returns everything that it says."""
        command = [str(CHECKOUT / "docker" / "stack"), *arguments]
        done = subprocess.run(
            command, env=self.environment, text=True, capture_output=True, timeout=1800
        )
        said = done.stdout + done.stderr
        if check and done.returncode:
            logs = self.run("compose", "logs", "--tail", "40", check=False)
            raise AssertionError(f"{' '.join(command)} failed: {said[-3000:]}\n{logs[-8000:]}")
        return said

    def compose(self, *arguments: str) -> str:
        return self.run("compose", *arguments)

    def secret(self, name: str) -> str:
        lines = self.env_file.read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)[name]

    def ask(
        self,
        path: str,
        body: Any = None,
        *,
        user: str | None = "admin",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Status and body of a request through the proxy, as one of its users or as nobody."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        if user:
            password = self.secret(f"{user.upper()}_PASSWORD")
            sent["Authorization"] = (
                "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
            )
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            content = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", path, content, sent)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def json(self, path: str, body: Any = None, **more: Any) -> Any:
        status, content = self.ask(path, body, **more)
        assert status == 200, (status, content[:500])
        return json.loads(content)

    def versions(self) -> list[dict[str, Any]]:
        """The registered versions of iris, oldest first."""
        found = self.json("/mlflow/api/2.0/mlflow/model-versions/search?max_results=200")
        versions = found.get("model_versions", [])
        return sorted(versions, key=lambda version: int(version["version"]))

    def forget_trainings(self) -> None:
        """Let no version be known as what its rows and settings came to: they are trained again."""
        for version in self.versions():
            number = version["version"]
            tag = {"key": IDEMPOTENCY_TAG, "value": f"forgotten {number}"}
            body = {"name": "iris", "version": number, **tag}
            self.json("/mlflow/api/2.0/mlflow/model-versions/set-tag", body)

    def production(self) -> int:
        """The version that the alias names, in the registry."""
        alias = "/mlflow/api/2.0/mlflow/registered-models/alias?name=iris&alias=production"
        return int(self.json(alias)["model_version"]["version"])

    def predicted(self) -> dict[str, Any]:
        """What `serving` answers to one flower."""
        flower = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
        return self.json("/serving/invocations", {"dataframe_records": [flower]}, user="client")


class Dagster(Webserver):
    """Dagster behind the proxy; patient while services come and go."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack.port, "mlops_assets")
        self._stack = stack

    def _ask(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        status, content = self._stack.ask(
            "/dagster/graphql", {"query": query, "variables": variables or {}}
        )
        if status != 200:
            raise UserError(f"{status}: {content[:300]!r}")
        answer = json.loads(content)
        if answer.get("errors"):
            raise UserError(str(answer["errors"])[:500])
        return answer["data"]

    def of_partition(self, job: str, partition: str) -> list[Run]:
        return [run for run in self.runs() if run.job == job and run.partition == partition]

    def finished(self, run_id: str) -> Run:
        """A run and all that is asked for in its place, to the end; fails unless that succeeds."""
        seen: dict[str, float] = {}

        def ended() -> Run | None:
            family = [run for run in self.runs() if run_id in (run.id, *map(run.tags.get, _TRIES))]
            last = family[-1]
            if last.status == "SUCCESS":
                return last
            if last.status in RUN_ENDED:
                since = seen.setdefault(last.id, time.monotonic())
                if time.monotonic() - since > ASKED_AGAIN_SECONDS:
                    raise AssertionError(f"{last.status} {last.tags} {self.failure(last.id)}")
            return None

        return wait_for(ended, f"run {run_id} to succeed", 900)


def wait_for(look: Callable[[], Any], what: str, seconds: float = 300) -> Any:
    """What ``look`` returns as soon as that is true; a service that does not answer is no."""
    until = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < until:
        try:
            found = look()
        except (OSError, http.client.HTTPException, UserError, ValueError) as error:
            found, last = None, error
        if found:
            return found
        time.sleep(2)
    raise AssertionError(f"Waited {seconds} s for {what}; last: {last!r}")
