"""The loop, judged by metrics of each kind: in memory, from the baseline to the decision."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_assets.data.fingerprint import fingerprint
from mlops_assets.errors import UserError
from mlops_assets.lifecycle.augmented_dataset import augment
from mlops_assets.lifecycle.baseline_data import take_baseline
from mlops_assets.lifecycle.baseline_model import train_baseline_model
from mlops_assets.lifecycle.candidate_model import train_candidate
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.outside import Trainer, Training
from mlops_assets.lifecycle.production_model import decide_on_candidate
from mlops_assets.predicted import Predicted
from mlops_assets_tests.lifecycle.made import DRIFTED, USUAL, Small, baseline, life, report


def saved(truth: np.ndarray, label: np.ndarray, probability: np.ndarray) -> float:
    """Two for each ``high`` that is found, less one for each alarm."""
    found = (truth == "high") & (label == "high")
    return float((2 * found - (label == "high")).mean() + 0 * probability.sum())


@dataclass(frozen=True)
class Sure(Small):
    """The same with probabilities."""

    def predict(self, frame: pd.DataFrame) -> Predicted:
        known = frame[self.features]
        probabilities = np.asarray(self.tree.predict_proba(known))
        return Predicted(np.asarray(self.tree.predict(known)), probabilities, self.tree.classes_)


def trainer(one: Life) -> Trainer:
    def train(rows: pd.DataFrame, partition: str | None, files: Any, roles: Any = None) -> Training:
        tags = {"training_data_hash": fingerprint(rows)}
        tags |= {"partition": partition} if partition else {}
        return Training(one.registry.register(Sure.fit(rows), tags), len(rows))

    return train


METRICS = [
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier",
    "f1",
    "precision_at(0.3)",
    "recall_at(0.3)",
    "expected_cost(fp=1, fn=5)",
    f"function({__name__}:saved)",
]


@pytest.mark.parametrize("name", METRICS)
def test_a_candidate_that_has_learned_the_new_rule_is_promoted_by_each(name):
    one = life(metric=name, columns={"target": "y", "positive": "high"})
    take_baseline(one)
    train_baseline_model(one, trainer(one))
    assert not report(one, USUAL).verdict.retrain
    assert report(one, DRIFTED).verdict.retrain
    augment(one, DRIFTED, judge_again=True)
    train_candidate(one, DRIFTED, trainer(one))
    outcome = decide_on_candidate(one, DRIFTED)
    assert outcome.decided is not None
    evidence = outcome.decided.evidence
    assert evidence.metric == name
    assert outcome.decision == "promoted"


def test_a_version_without_probabilities_says_that_it_is_to_be_trained_again():
    one = life(metric="roc_auc")
    with pytest.raises(UserError, match=r"roc_auc reads probabilities.*Train again"):
        baseline(one)
