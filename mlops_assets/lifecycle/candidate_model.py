"""``candidate_model``: AutoML on the augmented dataset."""

from dataclasses import dataclass

from mlops_assets.lifecycle.journal import Registered
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.outside import Trainer, Training
from mlops_assets.lifecycle.rows import ORIGIN, keep_learned


@dataclass(frozen=True)
class CandidateOutcome:
    """The candidate's training; or why none was needed."""

    training: Training | None
    already_known: str | None = None


def train_candidate(life: Life, partition: str, trainer: Trainer) -> CandidateOutcome:
    """Train on a day's augmented dataset; the version gets the alias `staging`.

    Raises:
        UserError: There is no such dataset, or nothing could be trained on it.
    """
    already_known = life.journal.augmented(partition).already_known
    if already_known:
        return CandidateOutcome(None, already_known)
    dataset = life.store.read(life.spec.name, "augmented_dataset", partition)
    table = dataset.drop(columns=ORIGIN)
    page = life.pages / f"{partition}.html" if life.pages else None
    training = trainer(table, partition, [page] if page and page.exists() else [])
    keep_learned(life, training.version, partition, dataset)
    life.registry.set_alias("staging", training.version)
    life.journal.keep_candidate(partition, Registered.of(training.version))
    return CandidateOutcome(training)
