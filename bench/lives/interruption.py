"""A store and a registry that something happens to, at one of their calls."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self

import pandas as pd

from mlops_assets.errors import AwayError
from mlops_assets.lifecycle.memory import MemoryRegistry, MemoryStore
from mlops_assets.promotion.registry import Version
from mlops_assets.training.features import Predictor


class Killed(BaseException):
    """The process ends here, without a word."""


@dataclass
class Plan:
    """What is to happen, and at which write (or call, for ``away``) from now on.

    ``before`` and ``after``: the process is killed. ``away``: the call fails; with a name, the
    first one of that name. ``meanwhile``: a person does something.
    """

    kind: Literal["before", "after", "away", "meanwhile"]
    at: int
    act: Callable[[], None] | None = None
    happened: str | None = None
    name: str | None = None


@dataclass
class Watch:
    """Counts calls and writes, and carries out a plan."""

    seen: Counter[str] = field(default_factory=Counter)
    plan: Plan | None = None
    calls: int = 0
    writes: int = 0

    def arm(self, plan: Plan | None) -> None:
        """From here on."""
        self.plan, self.calls, self.writes = plan, 0, 0

    def call(self, name: str) -> None:
        """Something is read or written."""
        self.calls += 1
        plan = self.plan
        if plan is None or plan.kind != "away":
            return
        if plan.at == self.calls if plan.name is None else plan.name == name:
            self._happens(plan, f"away: {name}")
            raise AwayError(f"drawn: {name} failed")

    def write(self, name: str, do: Callable[[], Any]) -> Any:
        """Something is written."""
        self.call(name)
        self.writes += 1
        plan = self.plan if self.plan and self.plan.at == self.writes else None
        if plan and plan.kind == "meanwhile" and plan.act and "alias" not in name:
            self._happens(plan, "meanwhile a person moves production")
            plan.act()
        if plan and plan.kind == "before":
            self._happens(plan, f"killed before {name}")
            raise Killed
        done = do()
        if plan and plan.kind == "after":
            self._happens(plan, f"killed after {name}")
            raise Killed
        return done

    def _happens(self, plan: Plan, what: str) -> None:
        plan.happened = what
        self.plan = None
        self.seen[what] += 1


@dataclass(frozen=True, eq=False)
class WatchedStore(MemoryStore):
    """A store in memory; ``wrote`` is told of each record before it is kept."""

    watch: Watch = field(default_factory=Watch)
    wrote: Callable[[str, Mapping[str, Any]], None] = lambda *_: None

    def copied(self, watch: Watch) -> "WatchedStore":
        """With the same content; nobody is told of what is written."""
        records = {asset: dict(kept) for asset, kept in self._records.items()}
        return WatchedStore(dict(self._tables), records, watch)

    def write(self, model: str, asset: str, partition: str, table: pd.DataFrame) -> str:
        """Keep a table."""
        told = super().write
        return self.watch.write(f"{asset} table", lambda: told(model, asset, partition, table))

    def read(self, model: str, asset: str, partition: str) -> pd.DataFrame:
        """The table itself: no step may change one in place."""
        self.watch.call(f"reading {asset} table")
        return self._there(model, asset, partition)

    def write_record(
        self, model: str, asset: str, partition: str, record: Mapping[str, Any]
    ) -> None:
        """Keep a record."""
        told = super().write_record
        state = f", {record['state']}" if asset == "moves" else ""

        def do() -> None:
            self.wrote(asset, record)
            told(model, asset, partition, record)

        self.watch.write(f"{asset} record{state}", do)

    def find_record(self, model: str, asset: str, partition: str) -> dict[str, Any] | None:
        """One record."""
        self.watch.call(f"reading {asset} record")
        return super().find_record(model, asset, partition)

    def records(self, model: str, asset: str) -> list[dict[str, Any]]:
        """All records of an asset."""
        self.watch.call(f"reading {asset} records")
        return super().records(model, asset)

    def _kept(self, table: pd.DataFrame) -> pd.DataFrame:
        # Of numbers and times, which come back as they are.
        plain = isinstance(table.index, pd.RangeIndex) and table.index.start == 0
        return table if plain else table.reset_index(drop=True)

    def text(self, model: str, asset: str, partition: str) -> str | None:
        """One record as it is kept; None where there is none."""
        self.watch.call(f"reading {asset} record")
        return self._records.get((model, asset), {}).get(partition)

    def texts(self, model: str, asset: str) -> list[str]:
        """All records of an asset as they are kept."""
        self.watch.call(f"reading {asset} records")
        kept = self._records.get((model, asset), {})
        return [kept[partition] for partition in sorted(kept)]

    def differs(self, other: "WatchedStore") -> list[str]:
        """What two stores hold that is not alike."""
        tables = [
            "/".join(key)
            for key in {**self._tables, **other._tables}
            if not _alike(self._tables.get(key), other._tables.get(key))
        ]
        return tables + [
            found
            for asset in {**self._records, **other._records}
            for found in _different(self._records.get(asset, {}), other._records.get(asset, {}))
        ]


@dataclass(frozen=True, eq=False)
class WatchedRegistry(MemoryRegistry):
    """A registry in memory.

    ``moves`` is told of a version before it becomes production, ``proves`` of one whose evidence
    is kept.
    """

    watch: Watch = field(default_factory=Watch)
    moves: Callable[[Version], None] = lambda _: None
    proves: Callable[[Version], None] = lambda _: None

    def copied(self, watch: Watch) -> Self:
        """With the same content; nobody is told of what is written."""
        kept: dict[str, Any] = {
            each.name: dict(getattr(self, each.name))
            for each in fields(MemoryRegistry)
            if each.name != "model"
        }
        kept["_versions"] = {
            number: Version(version.number, version.run_id, dict(version.tags))
            for number, version in self._versions.items()
        }
        return type(self)(self.model, **kept, watch=watch)

    def register(self, model: Predictor, tags: Mapping[str, str] | None = None) -> Version:
        """A new version."""
        told = super().register
        return self.watch.write("a version", lambda: told(model, tags))

    def set_alias(self, alias: str, version: Version) -> None:
        """Point an alias at a version."""
        told = super().set_alias

        def do() -> None:
            if alias == "production":
                self.moves(version)
            told(alias, version)

        self.watch.write(f"alias {alias}", do)

    def set_tags(self, version: Version, tags: dict[str, str]) -> None:
        """Add tags to a version."""
        told = super().set_tags
        self.watch.write("a version's tags", lambda: told(version, tags))

    def keep_evidence(self, version: Version, decision: dict[str, Any]) -> None:
        """Keep a decision with its candidate."""
        told = super().keep_evidence
        self.watch.write("evidence", lambda: told(version, decision))
        self.proves(version)

    def evidence(self, version: Version) -> dict[str, Any] | None:
        """The decision that was kept with a version."""
        self.watch.call("reading evidence")
        return super().evidence(version)

    def differs(self, other: MemoryRegistry) -> list[str]:
        """What two registries hold that is not alike."""
        return [
            f"{each.name.strip('_')}: {found}"
            for each in fields(MemoryRegistry)
            if each.name not in ("model", "_models")
            for found in _different(getattr(self, each.name), getattr(other, each.name))
        ] + _different(
            {number: version.tags for number, version in self._versions.items()},
            {number: version.tags for number, version in other._versions.items()},
        )

    def _aliases(self) -> dict[str, str]:
        self.watch.call("reading aliases")
        return super()._aliases()

    def _find(self, number: int) -> Version | None:
        self.watch.call("reading a version")
        return super()._find(number)

    def _tags(self) -> dict[str, str]:
        self.watch.call("reading the model's tags")
        return super()._tags()

    def delete_alias(self, alias: str) -> None:
        """Take an alias away."""
        told = super().delete_alias
        self.watch.write("an alias that is deleted", lambda: told(alias))

    def _set_tag(self, key: str, value: str) -> None:
        told = super()._set_tag
        self.watch.write("the first version's tag", lambda: told(key, value))


def _alike(one: pd.DataFrame | None, other: pd.DataFrame | None) -> bool:
    return one is other or (one is not None and other is not None and one.equals(other))


def _different(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> list[str]:
    return [
        f"{key}: {one.get(key)} and {other.get(key)}"
        for key in {**one, **other}
        if one.get(key) != other.get(key)
    ]
