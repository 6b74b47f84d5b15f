"""``production_model``: the candidate against production, and the version in use afterwards."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.drift.regimes import BASELINE, DecisionRecord
from mlops_assets.errors import UserError
from mlops_assets.lifecycle.journal import Augmented, Decided
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.moves import promote
from mlops_assets.lifecycle.reference import baseline_periods
from mlops_assets.lifecycle.rows import Parts, lineage_parts, not_learned
from mlops_assets.lifecycle.slices import compared_by_slice, fairness_on
from mlops_assets.promotion.beside import Beside
from mlops_assets.promotion.gate import Decision, decide
from mlops_assets.promotion.registry import Version


@dataclass(frozen=True)
class DecisionOutcome:
    """What was decided on a day's candidate, why, and the version in use afterwards.

    ``decided`` has the numbers; it is None where nothing was trained (`already_known`).
    """

    decision: str
    reasons: tuple[str, ...]
    in_use: Version
    decided: Decided | None = None


def decide_on_candidate(life: Life, partition: str) -> DecisionOutcome:
    """Score candidate and production on the same rows, decide, and move production if so decided.

    Raises:
        UserError: There is no candidate, or the rows that it was trained on have changed.
        ProductionChangedError: Production became another version meanwhile.
    """
    dataset = life.journal.augmented(partition)
    if dataset.already_known:
        in_use = life.registry.in_use()
        return DecisionOutcome("already_known", (dataset.already_known,), in_use)
    candidate = life.registry.get(life.journal.candidate(partition).version)
    settled = _settled(life, partition, candidate)
    if settled:
        return settled
    decision, production, judged_on = _decide(life, partition, dataset, candidate)
    decided = _with_what_it_was_made_from(decision, dataset, candidate, production, judged_on)
    evidence = decided.model_dump(mode="json", exclude={"record"})
    life.registry.keep_evidence(candidate, evidence)
    if decided.decision == "promoted":
        promote(life, candidate, production, decided)
    else:
        life.registry.set_tags(candidate, {"decision": decided.decision})
        life.journal.keep_decided(decided)
    return DecisionOutcome(decided.decision, decided.reasons, life.registry.in_use(), decided)


def _settled(life: Life, partition: str, candidate: Version) -> DecisionOutcome | None:
    """Nothing is decided twice: a candidate that was promoted stays so, whatever came after it."""
    kept = life.journal.decided(partition)
    if kept is None or kept.candidate_version != candidate.number:
        return None
    if kept.decision not in ("promoted", "rolled_back"):
        return None
    since = ("It was rolled back since.",) if kept.decision == "rolled_back" else ()
    return DecisionOutcome("promoted", (*kept.reasons, *since), life.registry.in_use(), kept)


def _decide(
    life: Life, partition: str, dataset: Augmented, candidate: Version
) -> tuple[Decision, Version, dict[str, str]]:
    """The decision, the version that the candidate was compared with, the hashes of the rows."""
    spec, registry = life.spec, life.registry
    production = registry.in_use()
    if production == candidate:
        # Promoted by a version of this project that kept no record before it moved an alias.
        production = registry.previous() or production
    parts = lineage_parts(life, _training_partitions(dataset))
    _refuse_changed(life, partition, parts, dataset.data_hashes)
    regime = [parts[day].judge for day in dataset.regime_partitions]
    days = np.repeat(np.arange(len(regime)), [len(rows) for rows in regime])
    # Production may have learned from what is judged on since a day was delivered again.
    drifted = not_learned(life, pd.concat(regime, ignore_index=True), production)
    days = days[drifted.index]
    drifted = drifted.reset_index(drop=True)
    holdout = parts[BASELINE].judge
    target = spec.columns.target
    challenger, truth = life.load(candidate), drifted[target].to_numpy()
    ours, theirs = challenger.predict(drifted), life.load(production).predict(drifted)
    evidence = life.comparing.measure(
        truth,
        ours,
        theirs,
        holdout[target].to_numpy(),
        challenger.predict(holdout),
        life.load(registry.first()).predict(holdout),
        metric=life.metric,
        policy=spec.gate,
        partition=partition,
        production_partition=production.tags.get("partition"),
        periods=days,
        baseline_periods=baseline_periods(life, holdout, parts[BASELINE].judge_places),
        challenge=_challenge(life, candidate, production),
    )
    of_parts: dict[str, Any] = {
        "slices": compared_by_slice(life, drifted, truth, ours, theirs, days),
        "fairness": fairness_on(life, drifted, truth, ours),
    }
    of_parts["score_fallen"] = _score_fallen(life, partition, dataset, production)
    evidence = evidence.model_copy(update=of_parts)
    judged_on = {"evaluation": fingerprint(drifted), "holdout": fingerprint(holdout)}
    return decide(evidence, spec.gate), production, judged_on


def _score_fallen(
    life: Life, partition: str, dataset: Augmented, production: Version
) -> bool | None:
    """Whether production's score has fallen on a day of the regime.

    None where that does not matter: after a schedule, and where rows count as independent.
    """
    reports = {report.partition: report for report in life.journal.reports()}
    asked = reports.get(partition)
    if asked is None or asked.scheduled or asked.score_fallen is None:
        return None
    days = (reports[day] for day in dataset.regime_partitions if day in reports)
    of_production = [day for day in days if day.production == str(production.number)]
    return any(day.score_fallen for day in of_production)


def _challenge(life: Life, candidate: Version, production: Version) -> list[Beside]:
    """How the two have stood beside each other since, where nothing was credible at first."""
    pair = (production.number, candidate.number)
    found = [record for each in life.journal.every_reported() for record in each.beside]
    return [record for record in found if (record.production, record.other) == pair]


def _with_what_it_was_made_from(
    decision: Decision,
    dataset: Augmented,
    candidate: Version,
    production: Version,
    judged_on: dict[str, str],
) -> Decided:
    made_from: dict[str, Any] = {
        "regime": dataset.regime,
        "regime_partitions": dataset.regime_partitions,
        "training_partitions": _training_partitions(dataset),
        "candidate_version": candidate.number,
        "production_version": production.number,
        "data_hashes": dataset.data_hashes | judged_on,
    }
    record = DecisionRecord(
        partition=decision.evidence.partition,
        decision=decision.decision,
        regime=dataset.regime,
        regime_rows=dataset.regime_rows,
        enough_rows=all(c.passed for c in decision.checks if c.name == "enough_rows"),
    )
    return Decided(**dict(decision), **made_from, record=record)


def _training_partitions(dataset: Augmented) -> list[str]:
    return sorted(set(dataset.data_hashes) - {BASELINE})


def _refuse_changed(
    life: Life, partition: str, parts: dict[str, Parts], hashes: dict[str, str]
) -> None:
    """Rows that changed since the training may be on the other side of the split by now."""
    changed = [origin for origin, part in parts.items() if part.learned_hash != hashes[origin]]
    if changed:
        raise UserError(
            f"The rows of {len(changed)} of {len(parts)} tables ({', '.join(changed)}) are others "
            f"than those that the candidate of {partition} was trained on: the data or `split` in "
            "the model's defs.yaml has changed since, and the candidate would be judged on rows "
            f"that it knows. Nothing was decided. Materialize {life.spec.name}/augmented_dataset "
            "and what follows it again."
        )
