"""The summaries of days' batches, made when they are first asked for, and kept."""

from collections.abc import Mapping, Sequence

from mlops_assets.drift.nearest import BatchSummary, summarize
from mlops_assets.lifecycle.journal import Summarized
from mlops_assets.lifecycle.life import Life


def summaries(
    life: Life, days: Mapping[str, str | None], features: Sequence[str]
) -> dict[str, BatchSummary]:
    """The summary of each day's batch.

    A state of before there were any has them after the first time that they are needed.

    Args:
        life: The model.
        days: The hash of each day's batch, as its report has it; None: nobody knows.
        features: The feature columns.
    """
    kept = {each.partition: each for each in life.journal.summarized()} if days else {}
    found = {}
    for day, data_hash in days.items():
        there = kept.get(day)
        if there is None or there.data_hash != data_hash:
            there = _summarized(life, day, data_hash, features)
            life.journal.keep_summarized(there)
        found[day] = there.summary
    return found


def _summarized(life: Life, day: str, data_hash: str | None, features: Sequence[str]) -> Summarized:
    spec = life.spec
    batch = life.store.read(spec.name, "drifted_batch", day)
    summary = summarize(batch, features, spec.columns.target, spec.task)
    return Summarized(partition=day, data_hash=data_hash, summary=summary)
