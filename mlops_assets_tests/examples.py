"""Models for tests: small, real, and quick to train; and the loop, driven in this process."""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import chdir, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

import mlops_assets
from mlops_assets.component import ModelLifecycle
from mlops_assets.data.store import Store
from mlops_assets.jobs import DAILY, RETRAIN
from mlops_assets.lifecycle.life import Life
from mlops_assets.promotion.registry import Registry
from mlops_assets.spec import ModelSpec

QUICK = {"algorithms": ["lr", "lda", "dt"], "folds": 3}
BASELINE = ("baseline_data", "baseline_model")
DAYS = tuple(f"2026-01-0{day}" for day in range(1, 7))
RETRAINED = ("2026-01-02", "2026-01-04")
ARTIFACT_PATHS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
BY_SENSOR = {"dagster/sensor_name": "iris_retrain_on_drift"}


def forget_mlflow() -> None:
    """As at the end of a process: no open run, and no address that a later process inherits."""
    import mlflow

    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(None)  # pyright: ignore[reportArgumentType] - unsets its variable too
    mlflow.set_registry_uri(None)  # pyright: ignore[reportArgumentType]
    os.environ.pop("MLFLOW_REGISTRY_URI", None)
    forget_artifact_folders()


def forget_artifact_folders() -> None:
    """MLflow remembers them by the run's id, which a fork has in common with its original."""
    from mlflow.tracking._tracking_service import utils

    utils._artifact_repos_cache.clear()


def name_artifacts_anew(home: Path, original: Path) -> None:
    """MLflow names artifacts by absolute paths, and a copy must not write into the original's."""
    with closing(sqlite3.connect(home / "mlflow.db")) as database, database:
        for table, column in ARTIFACT_PATHS:
            database.execute(
                f"UPDATE {table} SET {column} = replace({column}, ?, ?)",
                (str(original), str(home)),
            )


def iris_yaml() -> dict[str, Any]:
    """The attributes of the demo's own YAML."""
    path = Path(mlops_assets.__file__).parent / "defs" / "iris" / "defs.yaml"
    return yaml.safe_load(path.read_text("utf-8"))["attributes"]


def iris_spec(**changes: Any) -> ModelSpec:
    """The demo's model with a quick AutoML search."""
    return ModelSpec.model_validate(iris_yaml() | {"training": QUICK} | changes)


def definitions_of(spec: ModelSpec) -> dg.Definitions:
    """What the component makes of a YAML, run in one process as the code location does."""
    made = ModelLifecycle(**dict(spec)).build_defs(dg.ComponentTree.for_test().load_context)
    return dg.Definitions.merge(made, dg.Definitions(executor=dg.in_process_executor))


@dataclass
class Loop:
    """One model on one MLOPS_HOME: real store, real sqlite MLflow, real Dagster instance.

    Attributes:
        home: Its MLOPS_HOME.
        instance: Dagster's instance.
        spec: The model.
        runs: Every run so far by its first asset and partition.
        unreachable_mlflow: An MLFLOW_TRACKING_URI to use instead of the home's own.
        patience: Seconds that a run waits for it.
    """

    home: Path
    instance: dg.DagsterInstance
    spec: ModelSpec = field(default_factory=iris_spec)
    runs: dict[tuple[str, str | None], "Run"] = field(default_factory=dict)
    unreachable_mlflow: str = ""
    patience: float = 1

    def fork(self, home: Path, instance: dg.DagsterInstance, **changes: Any) -> "Loop":
        """A copy of all state that can be changed alone; the spec with ``changes``."""
        shutil.copytree(self.home, home, dirs_exist_ok=True)
        name_artifacts_anew(home, self.home)
        return Loop(home, instance, iris_spec(**changes) if changes else self.spec)

    def baseline(self) -> "Run":
        return self.run(*BASELINE)

    def daily(self, partition: str) -> "Run":
        return self.run(*DAILY, partition=partition)

    def retrain(self, partition: str, *, by_sensor: bool = True) -> "Run":
        return self.run(*RETRAIN, partition=partition, tags=BY_SENSOR if by_sensor else {})

    def run(
        self,
        *assets: str,
        partition: str | None = None,
        tags: Mapping[str, str] | None = None,
        retry_of: str | None = None,
    ) -> "Run":
        """Materialize assets in one Dagster run."""
        job = definitions_of(self.spec).resolve_implicit_global_asset_job_def()
        keys = [dg.AssetKey([self.spec.name, asset]) for asset in assets]
        with self.environment():
            if retry_of:
                day = {"dagster/partition": partition} if partition else {}
                run = self._retry(job, keys, day, retry_of, retry_of)
            else:
                run = Run(
                    job.execute_in_process(
                        instance=self.instance,
                        partition_key=partition,
                        asset_selection=keys,
                        raise_on_error=False,
                        tags=tags,
                    )
                )
        self.runs[assets[0], partition] = run
        return run

    def job(
        self, name: str, partition: str | None = None, tags: Mapping[str, str] | None = None
    ) -> "Run":
        """Run a job."""
        job = definitions_of(self.spec).resolve_job_def(name)
        with self.environment():
            return Run(
                job.execute_in_process(
                    instance=self.instance,
                    partition_key=partition,
                    tags=tags,
                    raise_on_error=False,
                )
            )

    def try_again(self, lost: dg.DagsterRun) -> "Run":
        """A lost run once more, after its last step that succeeded, as the daemon does it."""
        job = definitions_of(self.spec).resolve_job_def(lost.job_name)
        steps = self.instance.get_run_step_stats(lost.run_id)
        done = {step.step_key for step in steps if step.status and step.status.value == "SUCCESS"}
        asked = lost.asset_selection or job.asset_layer.executable_asset_keys
        left = [key for key in asked if "__".join(key.path) not in done]
        with self.environment():
            return self._retry(job, left, lost.tags, lost.root_run_id or lost.run_id, lost.run_id)

    def _retry(
        self,
        job: Any,
        keys: list[dg.AssetKey],
        tags: Mapping[str, str],
        root: str,
        parent: str,
    ) -> "Run":
        """As the daemon makes a retry of a run: the same assets, told of its root run."""
        from dagster._core.definitions.job_base import InMemoryJob
        from dagster._core.execution.api import execute_run

        subset = job.get_subset(asset_selection=set(keys)) if keys else job
        made = self.instance.create_run_for_job(
            subset,
            tags=tags,
            root_run_id=root,
            parent_run_id=parent,
            asset_selection=frozenset(keys) or None,
        )
        return Run(execute_run(InMemoryJob(subset), made, self.instance))

    @contextmanager
    def environment(self) -> Iterator[None]:
        """This home, and an empty working folder, for as long as a process would live."""
        forget_artifact_folders()
        elsewhere = self.home.parent / f"{self.home.name}-cwd"
        elsewhere.mkdir(exist_ok=True)
        with pytest.MonkeyPatch.context() as patch, chdir(elsewhere):
            patch.setenv("MLOPS_HOME", str(self.home))
            patch.setenv("MLFLOW_TRACKING_URI", self.unreachable_mlflow)
            patch.setenv("MLOPS_MLFLOW_PATIENCE_SECONDS", str(self.patience))
            patch.setenv("MLOPS_DATA_URL", "")
            try:
                yield
            finally:
                forget_mlflow()

    @property
    def store(self) -> Store:
        return Store(url=str(self.home / "data"))

    @property
    def life(self) -> Life:
        """The model as its steps take it."""
        return Life(self.spec, self.store, self.registry, self.home / "reports" / self.spec.name)

    @property
    def registry(self) -> Registry:
        return Registry(self.spec.name, self.mlflow_uri, self.home / "locks")

    @property
    def mlflow_uri(self) -> str:
        return f"sqlite:///{self.home / 'mlflow.db'}"

    @property
    def mlflow(self) -> Any:
        from mlflow import MlflowClient

        forget_artifact_folders()
        return MlflowClient(self.mlflow_uri, self.mlflow_uri)

    def aliases(self) -> dict[str, int]:
        found = self.mlflow.get_registered_model(self.spec.name).aliases
        return {alias: int(number) for alias, number in found.items()}

    def mlflow_runs(self, dagster_run: str) -> list[Any]:
        """The MLflow runs of a Dagster run: by contract, one."""
        experiment = self.mlflow.get_experiment_by_name(self.spec.name)
        return self.mlflow.search_runs(
            [experiment.experiment_id], f"tags.dagster_run_id = '{dagster_run}'"
        )

    def nested_runs(self, parent: str) -> list[Any]:
        experiment = self.mlflow.get_experiment_by_name(self.spec.name)
        return self.mlflow.search_runs(
            [experiment.experiment_id], f"tags.`mlflow.parentRunId` = '{parent}'"
        )

    def files(self) -> dict[str, bytes]:
        """Everything that is stored, to compare it with itself later."""
        kept = self.home / "data"
        return {str(p.relative_to(kept)): p.read_bytes() for p in kept.rglob("*") if p.is_file()}


@dataclass(frozen=True)
class Run:
    """What a run has shown in Dagster's UI."""

    result: Any

    @property
    def success(self) -> bool:
        return self.result.success

    @property
    def run_id(self) -> str:
        return self.result.run_id

    @property
    def materialized(self) -> list[str]:
        return [event.asset_key.path[-1] for event in self._materializations()]

    def raw(self, asset: str) -> Mapping[str, dg.MetadataValue]:
        """Metadata of an asset as Dagster's typed values."""
        for event in self._materializations():
            if event.asset_key.path[-1] == asset:
                return event.event_specific_data.materialization.metadata
        raise AssertionError(f"{asset} was not materialized; {self.message}")

    def metadata(self, asset: str) -> dict[str, Any]:
        return {name: value.value for name, value in self.raw(asset).items()}

    @property
    def message(self) -> str:
        """What a failed run tells the user, without any traceback."""
        told = []
        for event in self._events():
            if event.event_type_value == "STEP_FAILURE":
                data = event.event_specific_data
                told.append(
                    data.user_failure_data.description
                    if data.user_failure_data
                    else data.error.message
                )
            elif event.event_type_value == "RESOURCE_INIT_FAILURE":
                error = event.event_specific_data.error
                while error:
                    told.append(error.message)
                    error = error.cause
        return "\n".join(told)

    def check(self, name: str) -> dg.AssetCheckEvaluation:
        return next(
            event.event_specific_data
            for event in self._events()
            if event.event_type_value == "ASSET_CHECK_EVALUATION"
            and event.event_specific_data.check_name == name
        )

    def observations(self) -> list[dg.AssetObservation]:
        return [
            event.event_specific_data.asset_observation
            for event in self._events()
            if event.event_type_value == "ASSET_OBSERVATION"
        ]

    def _events(self) -> list[Any]:
        return list(getattr(self.result, "all_events", None) or self.result.all_node_events)

    def _materializations(self) -> list[Any]:
        return [
            event for event in self._events() if event.event_type_value == "ASSET_MATERIALIZATION"
        ]
