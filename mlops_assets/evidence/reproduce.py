"""Train a version again from what is stored, and say whether it is the same."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ValidationError

from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.drift.regimes import BASELINE
from mlops_assets.errors import UserError
from mlops_assets.evidence.differences import differences
from mlops_assets.evidence.recovered import Recovered, StoredTable, recover
from mlops_assets.lifecycle.journal import ALL
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.recipe import (
    RECIPE,
    ROWS,
    TRAINED_ON,
    Kept,
    Recipe,
    Settings,
    made_with,
    recipe_of,
)
from mlops_assets.lifecycle.rows import ORIGIN, baseline_parts, lineage_parts
from mlops_assets.promotion.registry import Version
from mlops_assets.spec import ModelSpec
from mlops_assets.training.engines import chosen_engine, packages
from mlops_assets.training.features import Predictor
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.tracking import (
    IDEMPOTENCY_TAG,
    Recorded,
    idempotency_key,
)
from mlops_assets.training.tuning import TUNING, Tuning
from mlops_assets.training.weights import Roles

_NOT_TRAINED = "Nothing was trained."
_NO_DAYS = {BASELINE, "evaluation", "holdout"}  # what else a decision keeps a hash of
_LACKS = (
    "It was trained before versions kept what they are made from: no hash of each row, no settings "
    "and few package versions. What is stored now is held against the hash of all its rows."
)
# `changed`: not as then, which does no harm where all else is the same. `unknown`: nobody can tell.
Outcome = Literal["same", "changed", "differs", "unknown"]


@dataclass(frozen=True)
class Finding:
    """How one aspect of a version compares with it as it was: in a word, and in words."""

    aspect: str
    outcome: Outcome
    told: tuple[str, ...]


@dataclass(frozen=True)
class Remade:
    """What a training again has made."""

    recorded: Recorded
    model: Predictor


@dataclass(frozen=True)
class Reproduction:
    """What came of it, aspect by aspect."""

    version: Version
    findings: tuple[Finding, ...]

    @property
    def exact(self) -> bool:
        """Whether nothing differs, and all could be told."""
        return all(finding.outcome in ("same", "changed") for finding in self.findings)


Again = Callable[[ModelSpec, pd.DataFrame, str | None, Roles | None, Tuning | None], Remade]


def reproduce(life: Life, version: Version, recorded: Recorded, again: Again) -> Reproduction:
    """Train a version again, from the rows, the settings and the seed of then.

    Nothing of the model is written.

    Args:
        life: The model as it is now.
        version: Which one.
        recorded: What was recorded of its training, with the files of its recipe.
        again: Trains, somewhere else: with these settings, on these rows, for this day, with
            what each row is to it, and with what came of tuning then, which time had bounded.
    """
    evidence = _evidence(life, version, recorded)
    try:
        kept, others = _kept(recorded) or _derived(life, version, evidence)
    except UserError as error:
        return Reproduction(version, (Finding("rows", "unknown", (str(error), _NOT_TRAINED)),))
    rows = recover(kept, _stored(life, kept.recipe))
    had_recipe = RECIPE in recorded.files
    findings = [
        _rows(kept, rows, version, [*others, *rows.changes]),
        *(_as_now(life, kept) if had_recipe else _by_key(life, kept, rows, version)),
    ]
    if rows.trained_on is None or not _are_those_of(version, rows.trained_on):
        return Reproduction(version, tuple(findings))
    spec = life.spec.model_copy(update=dict(kept.recipe.settings))
    tuned = Tuning.model_validate_json(recorded.files[TUNING]) if TUNING in recorded.files else None
    remade = again(spec, rows.trained_on, kept.recipe.partition, kept.roles, tuned)
    findings += [
        _parameters(recorded.parameters, remade.recorded.parameters),
        _scores(recorded.leaderboard, remade.recorded.leaderboard, spec.training),
        _predictions(replace(life, spec=spec), version, rows, remade.model, evidence),
    ]
    return Reproduction(version, tuple(findings))


def _evidence(life: Life, version: Version, recorded: Recorded) -> dict[str, Any]:
    """The decision on a version; empty where there was none, or its run is gone."""
    return (life.registry.evidence(version) if recorded.parameters else None) or {}


def _kept(recorded: Recorded) -> tuple[Kept, list[str]] | None:
    if RECIPE not in recorded.files or ROWS not in recorded.files:
        return None
    try:
        return Kept.read(recorded.files[RECIPE], recorded.files[ROWS]), []
    except ValidationError as error:
        raise UserError(
            f"Its {RECIPE} is of another version of mlops_assets: {error.error_count()} fields "
            "are not as expected. Reproduce it with the version that trained it."
        ) from None


def _derived(life: Life, version: Version, evidence: Mapping[str, Any]) -> tuple[Kept, list[str]]:
    """The recipe of a version that has none, of before there were any; and what it lacks.

    Its rows are known by the hashes of all rows of a table, which versions have always kept.
    """
    spec, partition = life.spec, version.tags.get("partition")
    if partition is None:
        parts = baseline_parts(life)
        kept = recipe_of(life, parts.learn, None, {BASELINE: parts}, [BASELINE])
        return kept, [_LACKS]
    dataset = life.journal.augmented(partition).model_dump() | dict(evidence)
    every = lineage_parts(life, set(dataset["data_hashes"]) - _NO_DAYS)
    judged_on = dataset["regime_partitions"]
    judged = pd.concat([every[day].judge for day in judged_on], ignore_index=True)
    now = {name: parts.learned_hash for name, parts in every.items()}
    now["evaluation"] = fingerprint(judged)
    others = [
        f"The rows of {name} are others than those that it was made from; which ones was not kept."
        for name, digest in dataset["data_hashes"].items()
        if now.get(name, digest) != digest
    ]
    derived = pd.concat([parts.learned for parts in every.values()], ignore_index=True)
    try:
        stored = life.store.read(spec.name, "augmented_dataset", partition)
    except UserError:  # `recover` says so
        stored = derived
    tables = [table.drop(columns=ORIGIN) for table in (stored, derived)]
    table = next((one for one in tables if _are_those_of(version, one)), tables[0])
    return recipe_of(life, table, partition, every, judged_on), [_LACKS, *others]


def _stored(life: Life, recipe: Recipe) -> dict[str, StoredTable]:
    """The tables of a recipe as they are stored now."""
    places = {BASELINE: ("baseline_data", ALL)}
    if recipe.partition is not None:
        places[TRAINED_ON] = ("augmented_dataset", recipe.partition)
    for name in recipe.types:
        if name not in (TRAINED_ON, BASELINE):
            places[name] = ("drifted_batch", name)
    found = {}
    for name, (asset, partition) in places.items():
        called = f"{asset}{'' if partition == ALL else f' of {partition}'}"
        try:
            table = life.store.read(life.spec.name, asset, partition)
        except UserError as error:
            found[name] = StoredTable(f"{called} ({error})", None)
        else:
            found[name] = StoredTable(called, table.drop(columns=ORIGIN, errors="ignore"))
    return found


def _are_those_of(version: Version, rows: pd.DataFrame) -> bool:
    return fingerprint(rows) == version.tags.get("training_data_hash")


def _rows(kept: Kept, rows: Recovered, version: Version, changes: Sequence[str]) -> Finding:
    """Whether the rows of then are there, to learn from and to judge on."""
    learned = int((kept.rows["table"] == TRAINED_ON).sum())
    if rows.trained_on is None:
        lost = f"{rows.lost} of the {learned} rows that it learned from are nowhere any more."
        return Finding("rows", "differs", (*changes, lost, _NOT_TRAINED))
    if not _are_those_of(version, rows.trained_on):
        other = f"The {learned} rows that are stored to learn from are not those of then."
        return Finding("rows", "differs", (*changes, other, _NOT_TRAINED))
    if set(changes) - {_LACKS}:
        found = f"All {learned} rows that it learned from are still found, and were used."
        return Finding("rows", "differs", (*changes, found))
    told = f"{learned} that it learned from, {rows.judged_then} that it is judged on"
    return Finding("rows", "same", (told, *changes, *rows.besides))


def _as_now(life: Life, kept: Kept) -> Iterator[Finding]:
    """Settings and packages of then beside those of now."""
    changed = differences(_flat(kept.recipe.settings), _flat(Settings.of(life.spec)))
    used = "Those of then were used to train again."
    yield _changed("settings", changed, used, "as in the model's defs.yaml")
    then = kept.recipe.made_with
    same = ", ".join(f"{name} {number}" for name, number in then.items())
    now = made_with(kept.recipe.settings.training)
    yield _changed("packages", differences(then, now), "Those of now were used.", same)


def _by_key(life: Life, kept: Kept, rows: Recovered, version: Version) -> Iterator[Finding]:
    """What the key tells, under which a version of before recipes was registered."""
    spec = life.spec
    partition, table = kept.recipe.partition, rows.trained_on
    key = table is not None and idempotency_key(
        spec.name, partition, table, spec.columns, spec.task, spec.training
    )
    trains = ", ".join(packages(chosen_engine(spec.training.engine)))
    if key == version.tags.get(IDEMPOTENCY_TAG):
        yield Finding("settings", "same", ("as in the model's defs.yaml",))
        yield Finding("packages", "same", (f"{trains}; of others none is kept",))
        return
    lacking = (
        "They were not kept. Rows, settings or one of the packages "
        f"{trains} are others now than then."
    )
    yield Finding("settings", "unknown", (lacking,))


def _parameters(then: Mapping[str, str], now: Mapping[str, str]) -> Finding:
    if not then:
        return Finding("parameters", "unknown", ("The version's MLflow run is gone.",))
    of_model = sum(name.startswith("model.") for name in then)
    told = f"{then.get('algorithm')} with {of_model} parameters"
    return _compared("parameters", differences(then, now), told)


def _scores(then: pd.DataFrame | None, now: pd.DataFrame | None, policy: TrainingPolicy) -> Finding:
    if then is None or now is None:
        return Finding("scores", "unknown", ("The version's leaderboard is gone.",))
    before, after = _by_algorithm(then), _by_algorithm(now)
    different = differences(before, after)
    if different and policy.budget_minutes is not None:
        different.append("How much the budget_minutes are enough for depends on the machine.")
    measured = then.shape[1] - 3  # beside id, name and seconds
    return _compared("scores", different, f"{len(then)} algorithms by {measured} metrics")


def _by_algorithm(leaderboard: pd.DataFrame) -> dict[str, Any]:
    scores = leaderboard.set_index("id").drop(columns=["Algorithm", "Seconds"])
    return {
        f"{algorithm}, {metric}": value
        for algorithm, row in scores.to_dict("index").items()
        for metric, value in row.items()
    }


def _predictions(
    life: Life, version: Version, rows: Recovered, model: Predictor, evidence: Mapping[str, Any]
) -> Finding:
    """The model that is stored and the one that was made again, on the evaluation rows."""
    judged = rows.judged
    if judged.empty:
        return Finding("predictions", "unknown", ("None of its evaluation rows is there.",))
    try:
        then = life.load(version).predict(judged)
    except UserError as error:
        return Finding("predictions", "unknown", (str(error),))
    now = model.predict(judged)
    other = np.flatnonzero(then.labels != now.labels)
    metric, truth = life.metric, judged[life.spec.columns.target].to_numpy()
    score = metric.score(truth, now)
    different = (
        [f"{len(other)} of {len(judged)} rows, such as row {other[0]}"] if len(other) else []
    )
    decided = evidence.get("evidence", {})
    complete = len(judged) == rows.judged_then
    # A decision leaves out what production of then has learned from.
    scored = complete and decided.get("evaluation_rows") == len(judged)
    if scored and decided.get("metric") == metric.name and decided["candidate_score"] != score:
        different.append(
            f"{metric.name} is {score:.6f}, and was {decided['candidate_score']:.6f} when it was "
            "decided on"
        )
    of = "" if complete else f" that are left of {rows.judged_then}"
    told = f"{len(judged)} evaluation rows{of}, {metric.name} {score:.4f}"
    return _compared("predictions", different, told)


def _compared(aspect: str, different: Sequence[str], same: str) -> Finding:
    return Finding(aspect, "differs" if different else "same", tuple(different) or (same,))


def _changed(aspect: str, different: Sequence[str], used: str, same: str) -> Finding:
    if different:
        return Finding(aspect, "changed", (*different, used))
    return Finding(aspect, "same", (same,))


def _flat(settings: BaseModel) -> dict[str, Any]:
    return {
        f"{name}.{field}" if isinstance(value, dict) else name: leaf
        for name, value in settings.model_dump(mode="json").items()
        for field, leaf in (value.items() if isinstance(value, dict) else [("", value)])
    }
