"""A class that the baseline does not have: refused, then known, learned, and in production."""

from dataclasses import replace

import numpy as np
import pandas as pd
import yaml
from sklearn.metrics import f1_score

from mlops_assets.data.contract import Contract
from mlops_assets.lifecycle.baseline_data import take_baseline
from mlops_assets.lifecycle.drifted_batch import take_batch
from mlops_assets.lifecycle.life import Life
from mlops_assets_tests.lifecycle import made

DAY = made.DRIFTED


def with_a_new_class(seed: int) -> pd.DataFrame:
    """A day of the usual rows, and as many of a kind that never came before."""
    new = made.table(150, seed + 1, shift=6).assign(y="top")
    return pd.concat([made.table(150, seed), new], ignore_index=True)


def told_of_it() -> tuple[Life, str]:
    one = made.life()
    one.source.tables[DAY] = with_a_new_class(20)
    made.baseline(one)
    made.report(one, made.USUAL)
    refused = take_batch(one, DAY).violation
    assert refused is not None
    return one, str(refused)


def with_the_lines_added(one: Life, told: str) -> Life:
    """Once the message's lines are in the YAML, and baseline_data was materialized again."""
    _, _, lines = told.partition("run the day again:\n")
    said = yaml.safe_load(lines)
    changed = replace(one, spec=made.spec(**said))
    take_baseline(changed)
    return changed


def test_it_is_refused_with_the_lines_that_make_it_known():
    one, told = told_of_it()
    assert "y: 150 of 300 rows are none of the known categories high, low (for example 'top')" in (
        told
    )
    assert told.endswith(
        "  contract:\n    columns:\n      y:\n        categories: [high, low, top]"
    )
    known = with_the_lines_added(one, told)
    contract = Contract.from_yaml(known.journal.baseline().contract)
    assert contract.columns["y"].categories == ["high", "low", "top"]


def test_once_known_the_day_drifts_and_a_candidate_that_knows_it_wins():
    one = with_the_lines_added(*told_of_it())
    found = made.report(one, DAY)
    assert any(reason.startswith("the target differs") for reason in found.verdict.reasons)
    assert found.verdict.retrain
    outcome = made.retrain(one, DAY)
    assert outcome.decision == "promoted"
    production = one.registry.load(one.registry.in_use())
    later = with_a_new_class(30)
    assert "top" in set(production.predict(later))


def test_the_scores_of_both_models_count_the_new_class():
    one = with_the_lines_added(*told_of_it())
    made.report(one, DAY)
    before = one.registry.load(one.registry.in_use())
    evidence = made.retrain(one, DAY).decided.evidence
    classes = ["high", "low", "top"]
    # The old model knows two of three classes well, and the third not at all.
    truth, known = with_a_new_class(20), before.predict(with_a_new_class(20))
    all_three = f1_score(truth["y"], known, labels=classes, average="macro", zero_division=0)
    assert evidence.production_score < 2 / 3
    assert abs(evidence.production_score - all_three) < 0.1
    assert evidence.candidate_score > 0.9
    # On the baseline, which has no such row, the candidate is as good as the first model.
    assert abs(evidence.baseline_drop) < 0.1


def test_what_is_unusual_is_kept_with_the_day_and_goes_on_to_the_report():
    one = made.life()
    made.baseline(one)
    day = made.table(200, 1)
    day.loc[:4, "x"] = np.nan
    one.source.tables[made.USUAL] = day
    record = take_batch(one, made.USUAL).record
    assert record.unusual == [
        "x: 5 of 200 rows have no value, where every row of the baseline has one."
    ]
    assert record.notes == record.unusual
    assert made.report(one, made.USUAL).verdict.state == "stable"
