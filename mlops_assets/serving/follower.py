"""Keeps the production version of one model in memory, and follows the alias when it moves."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mlops_assets.errors import UserError
from mlops_assets.promotion.registry import Registry, Version
from mlops_assets.training.features import Model, SentType, stored_positive
from mlops_assets.training.model_format import ChangedModelError, stored_types

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """A loaded version, the columns that it takes (name to type), and the positive class."""

    version: Version
    model: Model
    columns: Mapping[str, SentType]
    positive: Any = None
    since: datetime = field(default_factory=lambda: datetime.now(tz=UTC))


class Follower:
    """Loads the production version, and loads again whenever the alias names another one.

    What was loaded stays in use until the next one is: while MLflow is away, and when a version
    cannot be loaded, the old one goes on answering.

    Args:
        registry: The versions and aliases of the model.
        seconds: Time between two looks at the alias.
    """

    def __init__(self, registry: Registry, seconds: float) -> None:
        self.registry = registry
        self.served: Served | None = None
        self.problem: str | None = "No version has been loaded yet."
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)

    def start(self) -> None:
        """Follow in the background from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no longer; a load that has begun is not waited for."""
        self._stop.set()

    def refresh(self) -> None:
        """Look at the alias once; load the version if it is another one. Never raises."""
        try:
            version = self.registry.in_use()
            if self.served is None or self.served.version != version:
                self.served = self._loaded(version)
                _LOG.info("version %s of %s is served", version.number, self.registry.model)
        # Whatever is wrong with MLflow or with a stored version, the old one has to go on serving.
        except Exception as error:  # noqa: BLE001
            problem = str(error) if isinstance(error, UserError) else repr(error)
            if problem != self.problem:
                trace = None if isinstance(error, UserError) else error
                _LOG.warning("nothing newer is served: %s", problem, exc_info=trace)
            self.problem = problem
        else:
            self.problem = None

    def _loaded(self, version: Version) -> Served:
        model = self.registry.load(version)
        assert isinstance(model, Model)  # as the registry of MLflow has them
        about = _about(self.registry, version)
        named = {str(one.name) for one in about.signature.inputs}
        if named != set(model.features):
            raise ChangedModelError(
                f"The signature that is stored with version {version.number} of "
                f"{self.registry.model!r} names other columns than the model takes: "
                f"{', '.join(sorted(named ^ set(model.features)))}. It was changed since, "
                "and the version is not served. Put its MLmodel back from a backup, roll back, or "
                "train again."
            )
        positive = stored_positive(about.metadata or {}, model)
        return Served(version, model, stored_types(about), positive)

    def _follow(self) -> None:
        while not self._stop.is_set():
            self.refresh()
            self._stop.wait(self._seconds)


def _about(registry: Registry, version: Version) -> Any:
    """MLflow's ``ModelInfo`` of a version, which has a signature."""
    import mlflow
    from mlflow.models import get_model_info

    mlflow.set_tracking_uri(registry.tracking_uri)
    mlflow.set_registry_uri(registry.tracking_uri)
    info = get_model_info(f"models:/{registry.model}/{version.number}")
    if info.signature is None:
        raise UserError(
            f"Version {version.number} of {registry.model!r} was stored without a signature, so "
            "what it is given cannot be checked. Train it again with mlops_assets."
        )
    return info
