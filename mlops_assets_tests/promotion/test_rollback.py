"""Going back by itself: the gate with the roles swapped, and its patience."""

import numpy as np
import pytest

from mlops_assets.metrics import get_metric
from mlops_assets.promotion.policy import GatePolicy
from mlops_assets.promotion.rollback import (
    RollbackPolicy,
    RollbackRecord,
    previous_is_better,
    rollback_due,
)

F1 = get_metric(None, "classification")
POLICY = RollbackPolicy()


def predictions(y: np.ndarray, accuracy: float, seed: int) -> np.ndarray:
    wrong = np.random.default_rng(seed).random(len(y)) >= accuracy
    return np.where(wrong, (y + 1) % 3, y)


def decided(production: float, previous: float, rows: int = 300, gate: GatePolicy | None = None):
    y = np.arange(rows) % 3
    return previous_is_better(
        y,
        predictions(y, production, 1),
        predictions(y, previous, 2),
        F1,
        gate or GatePolicy(),
        POLICY,
        "2026-01-02",
    ).decision


def test_a_credibly_better_previous_version_would_be_promoted():
    assert decided(production=0.7, previous=0.9) == "promoted"


def test_a_worse_or_equal_one_would_not():
    assert decided(production=0.9, previous=0.7) == "rejected"
    assert decided(production=0.8, previous=0.8) != "promoted"


def test_few_rows_prove_nothing():
    assert decided(production=0.3, previous=0.9, rows=40) == "inconclusive"


def test_the_gates_other_conditions_do_not_keep_a_bad_version_in_use():
    gate = GatePolicy(approval="manual", min_score=0.99, max_baseline_drop=0.0)
    assert decided(production=0.7, previous=0.9, gate=gate) == "promoted"


def record(day: int, better: bool, production: str = "3", previous: str = "2") -> RollbackRecord:
    return RollbackRecord(
        partition=f"2026-01-{day:02}",
        production=production,
        previous=previous,
        previous_better=better,
    )


@pytest.mark.parametrize(
    ("records", "due"),
    [
        ([], False),
        ([record(2, True)], False),
        ([record(2, True), record(3, True)], True),
        ([record(3, True), record(2, True)], True),
        ([record(2, True), record(3, False)], False),
        ([record(2, True), record(3, False), record(4, True)], False),
        ([record(2, True), record(5, True)], True),  # days without labels between them
        ([record(2, True, production="2", previous="1"), record(3, True)], False),
        # One day of an earlier reign of the same two versions is not in a row with today's.
        ([record(2, True), record(3, False, production="2", previous="3"), record(4, True)], False),
    ],
)
def test_patience_counts_batches_in_a_row_of_the_same_two_versions(records, due):
    assert bool(rollback_due(records, "3", "2", POLICY)) == due


def test_the_reason_names_versions_and_days():
    assert rollback_due([record(2, True), record(3, True)], "3", "2", POLICY) == (
        "version 2 is better than version 3 in production with 0.99 confidence on 2 labelled "
        "batches in a row (2026-01-02, 2026-01-03)"
    )


def test_it_can_be_switched_off():
    off = RollbackPolicy(enabled=False)
    assert rollback_due([record(2, True), record(3, True)], "3", "2", off) is None
