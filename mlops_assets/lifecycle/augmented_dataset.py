"""``augmented_dataset``: the baseline and what has been learned of drift since."""

from dataclasses import dataclass

import pandas as pd

from mlops_assets.lifecycle.journal import Augmented
from mlops_assets.lifecycle.learned import learned_rows
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.lineage import lineage


@dataclass(frozen=True)
class AugmentedOutcome:
    """The dataset as it is stored, and where; or only the record of why there is none."""

    record: Augmented
    table: pd.DataFrame | None = None
    path: str = ""


def augment(life: Life, partition: str, *, judge_again: bool) -> AugmentedOutcome:
    """The rows that a candidate of a day learns from.

    Args:
        life: The model.
        partition: The day.
        judge_again: Whether another retraining may have dealt with the regime since this one
            was asked for; a person who asks has decided.

    Raises:
        UserError: The day has no drift report.
    """
    known = lineage(life, partition)
    why_none = (known.already_known or _too_late(life, partition)) if judge_again else None
    learned = None if why_none else learned_rows(life, known, partition)
    record = Augmented(
        already_known=why_none,
        regime=known.regime,
        regime_partitions=list(known.regime_partitions),
        regime_rows=known.regime_rows,
        data_hashes={o: p.learned_hash for o, p in learned.parts.items()} if learned else {},
        notes=list(learned.notes) if learned else [],
    )
    if learned is None:
        life.journal.keep_augmented(partition, record)
        return AugmentedOutcome(record)
    path = life.store.write(life.spec.name, "augmented_dataset", partition, learned.table)
    life.journal.keep_augmented(partition, record)
    return AugmentedOutcome(record, learned.table, path)


def _too_late(life: Life, partition: str) -> str | None:
    """Why nothing that is trained on this day could be promoted; None where it could."""
    promoted_on = life.registry.in_use().tags.get("partition", "")
    if promoted_on <= partition or life.spec.gate.allow_older_partition:
        return None
    return (
        f"production was promoted on {promoted_on}, later than {partition}, so that no candidate "
        "of this day could take its place (`gate.allow_older_partition`)"
    )
