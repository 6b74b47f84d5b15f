"""Which version is in use: the aliases of one registered model, moved one at a time."""

import json
import logging
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar

from mlops_assets.errors import UserError
from mlops_assets.training.features import Model, Predictor
from mlops_assets.training.mlflow_server import Client, connect
from mlops_assets.training.model_format import ChangedModelError, Digest, load_model
from mlops_assets.training.own_features import OwnFeatures

_FIRST = "first_production_version"
_LOCK_SECONDS = 60
_LOG = logging.getLogger(__name__)


class ProductionChangedError(UserError):
    """Production is no longer the version that the decision was made against."""


class NoSuchVersionError(UserError):
    """A version that was registered once does not exist any more."""


@dataclass(frozen=True)
class Version:
    """One registered version: its number, the MLflow run that made it, its tags then."""

    number: int
    run_id: str
    tags: dict[str, str] = field(default_factory=dict, compare=False)


class Versions(ABC):
    """The rules of versions and aliases, whatever keeps them.

    Attributes:
        model: The registered model's name.
        kept_in: What keeps the versions, for messages.
    """

    model: str
    kept_in: ClassVar[str]

    def version(self, alias: str) -> Version | None:
        """The version with ``alias``; None where there is none, or it was deleted."""
        number = self._aliases().get(alias)
        return None if number is None else self._find(int(number))

    def in_use(self) -> Version:
        """The version in production.

        Raises:
            UserError: There is none yet, or it was deleted.
        """
        production = self.version("production")
        if production is None:
            raise UserError(self._why_none_in_use())
        return production

    def previous(self) -> Version | None:
        """The version that was in production before; None where there was none."""
        return self.version("previous")

    def get(self, number: int) -> Version:
        """Version ``number``.

        Raises:
            NoSuchVersionError: It does not exist.
        """
        found = self._find(number)
        if found is None:
            raise NoSuchVersionError(
                f"There is no version {number} of {self.model!r} in {self.kept_in}. It may have "
                "been deleted; materialize the asset that registers it again."
            )
        return found

    def first(self) -> Version:
        """The version that was the first in production.

        Raises:
            UserError: None has been in production yet.
        """
        number = self._tags().get(_FIRST)
        if number is None:
            return self.in_use()
        try:
            return self.get(int(number))
        except NoSuchVersionError:
            raise UserError(
                f"Version {number} of {self.model!r}, the first in production, was deleted from "
                f"{self.kept_in}, and candidates are held against it on the baseline. Materialize "
                f"{self.model}/baseline_model again: its new version takes that place."
            ) from None

    def replace_lost_first(self, version: Version) -> None:
        """Let ``version`` stand for the first in production if that was deleted."""
        number = self._tags().get(_FIRST)
        if number is None or self._find(int(number)) is None:
            self._set_tag(_FIRST, str(version.number))

    def load(self, version: Version, recorded: Digest | None = None) -> Predictor:
        """The model of ``version``, after its file was compared with what was registered.

        Args:
            version: Which one.
            recorded: The digest that was kept of it elsewhere, to be compared as well.

        Raises:
            ChangedModelError: It is not what was registered, is missing, or damaged.
            UnsafeModelError: It holds types that are not trusted.
            UserError: The module of its transformer is not there.
        """
        what = f"version {version.number} of {self.model!r}"
        tagged = Digest.from_tags(version.tags)
        if tagged and recorded and tagged != recorded:
            raise ChangedModelError(
                f"The tags of {what} ({tagged}) are not what was recorded when it was "
                f"trained ({recorded}). Nothing was loaded. Find out who has changed them."
            )
        return self._load(version, what, tagged or recorded)

    @abstractmethod
    def set_alias(self, alias: str, version: Version) -> None:
        """Point ``alias`` at ``version``; for production use :meth:`promote`."""

    @abstractmethod
    def delete_alias(self, alias: str) -> None:
        """Take an alias away, if it is there."""

    @abstractmethod
    def set_tags(self, version: Version, tags: dict[str, str]) -> None:
        """Add ``tags`` to ``version``."""

    @abstractmethod
    def keep_evidence(self, version: Version, decision: dict[str, Any]) -> None:
        """Keep a decision, JSON-able, with its candidate."""

    @abstractmethod
    def evidence(self, version: Version) -> dict[str, Any] | None:
        """What :meth:`keep_evidence` kept with ``version``; None where nothing was decided."""

    def expect(self, production: Version | None) -> None:
        """Make sure that production is still what a decision was made against.

        Raises:
            ProductionChangedError: It is another version by now.
        """
        self._compare(self.version("production"), production)

    def promote(self, candidate: Version, expected_production: Version | None) -> None:
        """Make ``candidate`` production, and what it replaces ``previous``.

        ``previous`` is moved first, so that ``production`` names a version that loads whenever
        this is interrupted. Done again, it finishes what was begun and changes nothing else.

        Args:
            candidate: The version to use from now on.
            expected_production: What the decision was made against; None for the first version.

        Raises:
            ProductionChangedError: Production is another version by now.
        """
        with self._locked():
            production = self.version("production")
            if production != candidate:
                self._compare(production, expected_production)
                if production is not None:
                    self.set_alias("previous", production)
                self.set_alias("production", candidate)
            if self.previous() == candidate:  # what it replaced does not exist any more
                self.delete_alias("previous")
            if _FIRST not in self._tags():
                self._set_tag(_FIRST, str(candidate.number))

    def _compare(self, production: Version | None, expected: Version | None) -> None:
        if production == expected:
            return
        now = f"version {production.number}" if production else "none"
        then = f"version {expected.number}" if expected else "none"
        raise ProductionChangedError(
            f"Production of {self.model!r} is {now} by now, and the decision was made against "
            f"{then}. Nothing was changed. Decide again: materialize {self.model}/production_model."
        )

    def _why_none_in_use(self) -> str:
        if _FIRST not in self._tags():
            return (
                f"There is no production version of {self.model!r} yet. Materialize "
                f"{self.model}/baseline_model first."
            )
        lost = (
            f"The version of {self.model!r} that was in production is not in {self.kept_in} any "
            "more; it may have been deleted."
        )
        previous = self.previous()
        if previous is None:
            return (
                f"{lost} There is no version before it. Set the alias `production` in "
                f"{self.kept_in} to a version that you trust, or materialize "
                f"{self.model}/baseline_model again."
            )
        return (
            f"{lost} Version {previous.number} was in production before it: run the job "
            f"{self.model}_rollback to put it back into production."
        )

    @abstractmethod
    def _find(self, number: int) -> Version | None: ...

    @abstractmethod
    def _load(self, version: Version, what: str, digest: Digest | None) -> Predictor: ...

    @abstractmethod
    def _aliases(self) -> dict[str, str]: ...

    @abstractmethod
    def _tags(self) -> dict[str, str]: ...

    @abstractmethod
    def _set_tag(self, key: str, value: str) -> None: ...

    def _locked(self) -> AbstractContextManager[None]:
        """Keeps others from moving aliases meanwhile."""
        return nullcontext()


@dataclass(frozen=True)
class Registry(Versions):
    """The versions and aliases of one model in MLflow.

    Attributes:
        model: The registered model's name.
        tracking_uri: MLflow's tracking and registry URI.
        lock_folder: Where a lock file keeps two processes on this machine from moving aliases
            at the same time; None where something else does.
        patience: Seconds to go on trying while MLflow is away; then any method raises
            ``AwayError``.
    """

    kept_in: ClassVar[str] = "MLflow"

    model: str
    tracking_uri: str
    lock_folder: Path | None = None
    patience: float = 0

    def set_alias(self, alias: str, version: Version) -> None:
        """Point ``alias`` at ``version``; for production use :meth:`promote`."""
        self._client.set_registered_model_alias(self.model, alias, str(version.number))

    def set_tags(self, version: Version, tags: dict[str, str]) -> None:
        """Add ``tags`` to ``version``."""
        for key, value in tags.items():
            self._client.set_model_version_tag(self.model, str(version.number), key, value)

    def keep_evidence(self, version: Version, decision: dict[str, Any]) -> None:
        """Keep a decision, JSON-able, with its candidate: ``decision.json`` in its run."""
        self._client.log_dict(version.run_id, decision, "decision.json")

    def evidence(self, version: Version) -> dict[str, Any] | None:
        """What :meth:`keep_evidence` kept with ``version``; None where nothing was decided."""
        kept = self._client.list_artifacts(version.run_id) if version.run_id else []
        if "decision.json" not in {file.path for file in kept}:
            return None
        with tempfile.TemporaryDirectory() as folder:
            path = self._client.download_artifacts(version.run_id, "decision.json", folder)
            return json.loads(Path(path).read_text(encoding="utf-8"))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if self.lock_folder is None:
            yield
            return
        from filelock import FileLock, Timeout

        self.lock_folder.mkdir(parents=True, exist_ok=True)
        path = self.lock_folder / f"{self.model}.lock"
        seconds = _LOCK_SECONDS + self.patience  # who holds it may be waiting for MLflow
        try:
            with FileLock(path, timeout=seconds):
                yield
        except Timeout:
            raise UserError(
                f"Another process has been moving the aliases of {self.model!r} for "
                f"{seconds:.0f} seconds (lock file {path}). Try again when it has ended."
            ) from None

    @cached_property
    def _client(self) -> Client:
        return connect(self.tracking_uri, self.patience)

    def _find(self, number: int) -> Version | None:
        from mlflow.exceptions import MlflowException

        try:
            found = self._client.get_model_version(self.model, str(number))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        return Version(int(found.version), found.run_id or "", dict(found.tags))

    def _registered(self) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            return self._client.get_registered_model(self.model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    def _aliases(self) -> dict[str, str]:
        registered = self._registered()
        return dict(registered.aliases) if registered else {}

    def _tags(self) -> dict[str, str]:
        registered = self._registered()
        return dict(registered.tags) if registered else {}

    def _set_tag(self, key: str, value: str) -> None:
        self._client.set_registered_model_tag(self.model, key, value)

    def delete_alias(self, alias: str) -> None:
        """Take an alias away, if it is there."""
        self._client.delete_registered_model_alias(self.model, alias)

    def _load(self, version: Version, what: str, digest: Digest | None) -> Model:
        if digest is None:
            _warn_without_digest(what)
        source = self._client.get_model_version_download_uri(self.model, str(version.number))
        own = OwnFeatures.from_tags(version.tags)
        return load_model(source, self._client, what, digest, own)


@cache  # said once
def _warn_without_digest(what: str) -> None:
    _LOG.warning(
        "No digest of the file of %s was kept when it was registered, so whether it was changed "
        "since cannot be told. A version that is trained now has one.",
        what,
    )
