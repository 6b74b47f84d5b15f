"""What has happened to a model, as typed records; all else about its past is folded from them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.drift.estimate import Agreement, agreement
from mlops_assets.drift.nearest import BatchSummary
from mlops_assets.drift.regimes import DecisionRecord, ReportRecord
from mlops_assets.fairness import Fairness
from mlops_assets.lifecycle.outside import Store
from mlops_assets.promotion.beside import Beside
from mlops_assets.promotion.gate import Decision
from mlops_assets.promotion.registry import Version
from mlops_assets.slices import SliceScore
from mlops_assets.training.model_format import Digest

ALL = "all"  # the one partition, in the store, of what has none
_Record = TypeVar("_Record", bound=BaseModel)


class BaselineTaken(BaseModel):
    """The baseline as it was stored."""

    model_config = ConfigDict(frozen=True)

    rows: int
    unlabelled_rows_left_out: int
    train_rows: int
    holdout_rows: int
    data_hash: str
    periods: int = Field(default=0, description="How many its rows come from; 0: nobody knows.")
    contract: str = Field(description="The data contract for every batch, as YAML.")
    positive: str | int | float | bool | None = Field(
        default=None, description="The positive class; None: there is none, or none was kept."
    )
    notes: list[str] = []
    doubts: list[str] = Field(
        default=[],
        description="Those of the notes on the target that a person should look at.",
    )


class BatchTaken(BaseModel):
    """A day's batch as it was stored."""

    model_config = ConfigDict(frozen=True)

    rows: int
    labelled_rows: int
    notes: list[str] = []
    unusual: list[str] = Field(
        default=[], description="Those of the notes that a person should look at."
    )
    data_hash: str


class Summarized(BaseModel):
    """The summary of a day's batch: of values, so it stays beside the batch, as the batch does."""

    model_config = ConfigDict(frozen=True)

    partition: str
    data_hash: str | None = Field(description="Of the batch; None: it was not kept back then.")
    summary: BatchSummary


class Quarantined(BaseModel):
    """A batch that broke the data contract."""

    model_config = ConfigDict(frozen=True)

    partition: str
    rows: int
    violation: str


class Closed(BaseModel):
    """A day whose table was there and had no rows."""

    model_config = ConfigDict(frozen=True)

    partition: str
    why: str


class Fault(BaseModel):
    """A suspected fault of a day's delivery."""

    model_config = ConfigDict(frozen=True)

    kind: str
    columns: tuple[str, ...]
    evidence: str


class Estimated(BaseModel):
    """Production's score on a day as it was expected without labels; see `drift.estimate`."""

    model_config = ConfigDict(frozen=True)

    score: float
    lower: float
    upper: float
    expected: float = Field(description="By probabilities, or errors, alone.")
    rows: int
    days: int = Field(description="How many days have told how far off it is.")


class Reported(BaseModel):
    """A drift report: what later days need of it, its reasons, and the rows that it is about."""

    model_config = ConfigDict(frozen=True)

    report: ReportRecord
    reasons: list[str]
    data_hash: str | None = Field(default=None, description="Of the batch that was compared.")
    beside: list[Beside] = Field(
        default=[],
        description="Production beside the version before it, and a candidate that challenges it.",
    )
    faults: list[Fault] = Field(
        default=[], description="What the day is held for; none: it is not held."
    )
    slices: list[SliceScore] = Field(
        default=[], description="Production's score on each slice that the YAML names."
    )
    fairness: Fairness | None = Field(
        default=None, description="How production treats the groups that the YAML names."
    )
    estimated: Estimated | None = Field(
        default=None, description="The score to expect without labels; None: it was not estimated."
    )


class FaultsAccepted(BaseModel):
    """A person has looked at a day that was held: it is meant to be like this."""

    model_config = ConfigDict(frozen=True)

    partition: str
    rows_hash: str = Field(description="Of the batch without its labels, which may come later.")
    faults: list[Fault]
    asked_by: str = Field(description="The run that a person has asked for.")
    accepted: dt.datetime


class Augmented(BaseModel):
    """A day's augmented dataset."""

    model_config = ConfigDict(frozen=True)

    already_known: str | None = Field(description="Why there is none; None where there is.")
    regime: str
    regime_partitions: list[str]
    regime_rows: int = Field(description="Labelled rows that the regime has.")
    data_hashes: dict[str, str] = Field(
        description="Of the rows from the baseline and each day that may be learned from."
    )
    notes: list[str] = Field(
        default=[], description="What else is in it than its regime, and what was left out."
    )


class Registered(BaseModel):
    """The version that a training made."""

    model_config = ConfigDict(frozen=True)

    version: int
    model_digest: dict[str, str] = Field(
        default={}, description="Of the model's file; empty for versions of before it was kept."
    )

    @classmethod
    def of(cls, version: Version) -> Self:
        """What is kept of a version that was just registered."""
        digest = Digest.from_tags(version.tags)
        return cls(version=version.number, model_digest=digest.tags() if digest else {})


class Decided(Decision):
    """A decision on a candidate, with all that is needed to make it again."""

    regime: str
    regime_partitions: list[str]
    training_partitions: list[str]
    candidate_version: int
    production_version: int = Field(description="What the candidate was compared with.")
    data_hashes: dict[str, str]
    # A promotion that a person took back is told by another word than the gate has for it.
    decision: str  # pyright: ignore[reportIncompatibleVariableOverride]
    record: DecisionRecord = Field(description="What later days need of it.")

    def renamed(self, decision: str) -> "Decided":
        """The same decision, called something else since."""
        record = self.record.model_copy(update={"decision": decision})
        return self.model_copy(update={"decision": decision, "record": record})


class Mark(BaseModel):
    """What a version, and the decision on it, is called after a move."""

    model_config = ConfigDict(frozen=True)

    version: int
    partition: str = Field(description="The day that the version was trained on.")
    decision: str = Field(description="promoted or rolled_back")


class Move(BaseModel):
    """Production becomes another version.

    It is kept before anything moves, with all that has to be done: so whoever finds one that was
    begun and not done can finish it, as often as it takes.
    """

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="The same for the same wish, however often it is carried out.")
    kind: Literal["promotion", "approval", "rollback"]
    left: int | None = Field(description="Production before; None: there was none that exists.")
    to: int = Field(description="Production afterwards.")
    begun: dt.datetime
    state: Literal["begun", "done", "given up"] = "begun"
    marks: tuple[Mark, ...] = ()
    decided: Decided | None = Field(
        default=None, description="The decision that it follows from, to be kept once it is done."
    )
    why: str | None = Field(default=None, description="Why it was given up.")


@dataclass(frozen=True)
class Journal:
    """The records of one model; nobody else reads or writes them."""

    store: Store
    model: str

    def baseline(self) -> BaselineTaken:
        """The baseline that is stored.

        Raises:
            UserError: There is none.
        """
        return self._needed(BaselineTaken, "baseline_data", ALL)

    def keep_baseline(self, record: BaselineTaken) -> None:
        """The baseline was stored."""
        self._keep(record, "baseline_data", ALL)

    def keep_baseline_model(self, record: Registered) -> None:
        """The first model was trained."""
        self._keep(record, "baseline_model", ALL)

    def digest(self, version: Version) -> Digest | None:
        """What the file of a version's model was when it was registered; None: nobody knows."""
        day = version.tags.get("partition")
        asset = "candidate_model" if day else "baseline_model"
        kept = self._found(Registered, asset, day or ALL)
        if kept is None or kept.version != version.number:
            return None
        return Digest.from_tags(kept.model_digest)

    def batch(self, partition: str) -> BatchTaken | None:
        """The batch of a day that is stored; None where none is."""
        return self._found(BatchTaken, "drifted_batch", partition)

    def keep_batch(self, partition: str, record: BatchTaken) -> None:
        """A day's batch was stored."""
        self._keep(record, "drifted_batch", partition)

    def summarized(self) -> list[Summarized]:
        """The batches of which there is a summary so far, by day."""
        return self._all(Summarized, "batch_summary")

    def keep_summarized(self, record: Summarized) -> None:
        """A summary of a day's batch was made."""
        self._keep(record, "batch_summary", record.partition)

    def quarantined(self, partition: str) -> Quarantined | None:
        """The delivery of a day that broke the contract; None where none did."""
        return self._found(Quarantined, "quarantine", partition)

    def keep_quarantined(self, record: Quarantined) -> None:
        """A day's batch broke the contract."""
        self._keep(record, "quarantine", record.partition)

    def closed(self, partition: str) -> Closed | None:
        """That a day had no rows when it was read; None where it had, or was not there."""
        return self._found(Closed, "closed_days", partition)

    def keep_closed(self, record: Closed) -> None:
        """A day has no rows."""
        self._keep(record, "closed_days", record.partition)

    def reported(self, partition: str) -> Reported | None:
        """The drift report of a day; None where there is none."""
        return self._found(Reported, "drift_report", partition)

    def every_reported(self) -> list[Reported]:
        """The drift reports so far, by day."""
        return self._all(Reported, "drift_report")

    def reports(self) -> list[ReportRecord]:
        """What the drift reports have said so far, by day."""
        return [reported.report for reported in self.every_reported()]

    def estimates(self) -> Agreement | None:
        """How the estimated scores so far stood up to those realised; None: no day has both."""
        return agreement(
            [
                (known.score, known.lower, known.upper, reported.report.score)
                for reported in self.every_reported()
                if (known := reported.estimated) and reported.report.score is not None
            ]
        )

    def keep_report(self, record: Reported) -> None:
        """A drift report was made."""
        self._keep(record, "drift_report", record.report.partition)

    def accepted(self, partition: str) -> FaultsAccepted | None:
        """What a person has accepted of a day; None where nothing."""
        return self._found(FaultsAccepted, "faults_accepted", partition)

    def keep_accepted(self, record: FaultsAccepted) -> None:
        """A person has accepted a day that was held."""
        self._keep(record, "faults_accepted", record.partition)

    def augmented(self, partition: str) -> Augmented:
        """The augmented dataset of a day.

        Raises:
            UserError: There is none.
        """
        return self._needed(Augmented, "augmented_dataset", partition)

    def find_augmented(self, partition: str) -> Augmented | None:
        """The augmented dataset of a day; None where there is none."""
        return self._found(Augmented, "augmented_dataset", partition)

    def keep_augmented(self, partition: str, record: Augmented) -> None:
        """A day's augmented dataset was made."""
        self._keep(record, "augmented_dataset", partition)

    def candidate(self, partition: str) -> Registered:
        """The candidate of a day.

        Raises:
            UserError: There is none.
        """
        return self._needed(Registered, "candidate_model", partition)

    def find_candidate(self, partition: str) -> Registered | None:
        """The candidate of a day; None where there is none."""
        return self._found(Registered, "candidate_model", partition)

    def keep_candidate(self, partition: str, record: Registered) -> None:
        """A candidate was trained on a day's augmented dataset."""
        self._keep(record, "candidate_model", partition)

    def decided(self, partition: str) -> Decided | None:
        """The decision on a day's candidate; None where nothing was decided."""
        return self._found(Decided, "production_model", partition)

    def every_decided(self) -> list[Decided]:
        """The decisions so far, by day."""
        return self._all(Decided, "production_model")

    def decisions(self) -> list[DecisionRecord]:
        """What later days need of the decisions so far, by day."""
        return [decided.record for decided in self.every_decided()]

    def keep_decided(self, record: Decided) -> None:
        """A decision was made, or is called something else since."""
        if self.decided(record.record.partition) != record:
            self._keep(record, "production_model", record.record.partition)

    def rename_decided(self, mark: Mark) -> None:
        """Change what the decision on a version is called, if that is kept."""
        kept = self.decided(mark.partition)
        if kept is not None and kept.candidate_version == mark.version:
            self.keep_decided(kept.renamed(mark.decision))

    def moves(self) -> Sequence[Move]:
        """Every move of production, in the order in which they were begun."""
        return sorted(self._all(Move, "moves"), key=lambda move: move.begun)

    def begun(self) -> Sequence[Move]:
        """The moves that were begun and cut short, in their order; nearly always none."""
        kept = self.store.records(self.model, "moves")
        begun = [Move.model_validate(move) for move in kept if move.get("state") == "begun"]
        return sorted(begun, key=lambda move: move.begun)

    def move(self, name: str) -> Move | None:
        """One move; None where it was never begun."""
        return self._found(Move, "moves", name)

    def keep_move(self, move: Move) -> Move:
        """Keep a move as it is now."""
        self._keep(move, "moves", move.id)
        return move

    def _found(self, kind: type[_Record], asset: str, partition: str) -> _Record | None:
        kept = self.store.find_record(self.model, asset, partition)
        return None if kept is None else kind.model_validate(kept)

    def _needed(self, kind: type[_Record], asset: str, partition: str) -> _Record:
        return kind.model_validate(self.store.record(self.model, asset, partition))

    def _all(self, kind: type[_Record], asset: str) -> list[_Record]:
        return [kind.model_validate(kept) for kept in self.store.records(self.model, asset)]

    def _keep(self, record: BaseModel, asset: str, partition: str) -> None:
        kept: dict[str, Any] = record.model_dump(mode="json")
        self.store.write_record(self.model, asset, partition, kept)
