"""The store and the registry in memory: the rules of the real ones, and nothing outlives them.

A simulation of many lives, or of a history lived again, needs no disk, no MLflow and no pickled
models. Both can be pickled, with all that they hold.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa

from mlops_assets.data.store import missing_record, missing_table
from mlops_assets.promotion.registry import Version, Versions
from mlops_assets.training.features import Predictor
from mlops_assets.training.model_format import ChangedModelError, Digest

_Key = tuple[str, str, str]  # model, asset, partition


@dataclass(frozen=True, eq=False)
class MemoryStore:
    """Keeps tables and records as :class:`mlops_assets.data.store.Store` does."""

    _tables: dict[_Key, pd.DataFrame] = field(default_factory=dict)
    _records: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def write(self, model: str, asset: str, partition: str, table: pd.DataFrame) -> str:
        """Keep ``table``, with the types that Parquet would give back; returns where."""
        self._tables[model, asset, partition] = self._kept(table)
        return f"memory:{model}/{asset}/{partition}"

    def read(self, model: str, asset: str, partition: str) -> pd.DataFrame:
        """A copy of the table that was kept.

        Raises:
            NotStoredError: There is none.
        """
        return self._there(model, asset, partition).copy()

    def write_record(
        self, model: str, asset: str, partition: str, record: Mapping[str, Any]
    ) -> None:
        """Keep a JSON record about a partition."""
        kept = self._records.setdefault((model, asset), {})
        kept[partition] = json.dumps(record, allow_nan=False)

    def record(self, model: str, asset: str, partition: str) -> dict[str, Any]:
        """One record.

        Raises:
            NotStoredError: There is none.
        """
        found = self.find_record(model, asset, partition)
        if found is None:
            raise missing_record(model, asset, partition, "memory")
        return found

    def find_record(self, model: str, asset: str, partition: str) -> dict[str, Any] | None:
        """One record; None where there is none."""
        kept = self._records.get((model, asset), {}).get(partition)
        return None if kept is None else json.loads(kept)

    def records(self, model: str, asset: str) -> list[dict[str, Any]]:
        """All records of an asset, in the order of their partitions; none where none is kept."""
        kept = self._records.get((model, asset), {})
        return [json.loads(kept[partition]) for partition in sorted(kept)]

    def _there(self, model: str, asset: str, partition: str) -> pd.DataFrame:
        kept = self._tables.get((model, asset, partition))
        if kept is None:
            raise missing_table(model, asset, partition, "memory")
        return kept

    def _kept(self, table: pd.DataFrame) -> pd.DataFrame:
        return pa.Table.from_pandas(table, preserve_index=False).to_pandas()


@dataclass(frozen=True, eq=False)
class MemoryRegistry(Versions):
    """Versions with their models, and their aliases.

    Attributes:
        model: The registered model's name.
    """

    kept_in: ClassVar[str] = "memory"

    model: str
    _models: dict[int, Predictor] = field(default_factory=dict)
    _versions: dict[int, Version] = field(default_factory=dict)
    _named: dict[str, str] = field(default_factory=dict)
    _tagged: dict[str, str] = field(default_factory=dict)
    _kept: dict[str, str] = field(default_factory=dict)  # evidence, by run

    def register(self, model: Predictor, tags: Mapping[str, str] | None = None) -> Version:
        """A new version; a number is never given twice, whatever was deleted."""
        number = len(self._versions) + 1
        self._models[number] = model
        self._versions[number] = Version(number, f"run-{number}", dict(tags or {}))
        return self.get(number)

    def every(self) -> list[Version]:
        """The versions that exist, by number."""
        return [self.get(number) for number in self._models]

    def delete(self, version: Version) -> None:
        """Delete a version, and the aliases that name it."""
        del self._models[self.get(version.number).number]
        for alias, number in list(self._named.items()):
            if number == str(version.number):
                del self._named[alias]

    def set_alias(self, alias: str, version: Version) -> None:
        """Point ``alias`` at ``version``; for production use :meth:`promote`."""
        self._named[alias] = str(self.get(version.number).number)

    def set_tags(self, version: Version, tags: dict[str, str]) -> None:
        """Add ``tags`` to ``version``."""
        self.get(version.number)
        self._versions[version.number].tags.update(tags)

    def keep_evidence(self, version: Version, decision: dict[str, Any]) -> None:
        """Keep a decision, JSON-able, with its candidate."""
        self._kept[version.run_id] = json.dumps(decision)

    def evidence(self, version: Version) -> dict[str, Any] | None:
        """What :meth:`keep_evidence` kept with ``version``; None where nothing was decided."""
        kept = self._kept.get(version.run_id)
        return None if kept is None else json.loads(kept)

    def _find(self, number: int) -> Version | None:
        if number not in self._models:
            return None
        found = self._versions[number]
        return Version(found.number, found.run_id, dict(found.tags))

    def _load(self, version: Version, what: str, digest: Digest | None) -> Predictor:  # noqa: ARG002
        if version.number not in self._models:
            raise ChangedModelError(f"The model of {what} is not there. Nothing was loaded.")
        return self._models[version.number]

    def _aliases(self) -> dict[str, str]:
        return self._named

    def delete_alias(self, alias: str) -> None:
        """Take an alias away, if it is there."""
        self._named.pop(alias, None)

    def _tags(self) -> dict[str, str]:
        return self._tagged

    def _set_tag(self, key: str, value: str) -> None:
        self._tagged[key] = value
