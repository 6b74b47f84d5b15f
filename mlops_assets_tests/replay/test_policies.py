"""Variants: what ``--set`` takes, and what it says of what it does not."""

import re

import pytest

from mlops_assets.errors import UserError
from mlops_assets.replay.policies import changed, policies
from mlops_assets_tests.examples import iris_spec

SPEC = iris_spec()


def test_the_simple_policies_live_beside_the_models_own_and_its_variants():
    names = [policy.name for policy in policies(SPEC, ["drift.regime_growth=2"])]
    assert names == ["as configured", "drift.regime_growth=2", "every 7", "every 28", "never"]
    assert [policy.loop for policy in policies(SPEC, [])] == [True, False, False, False]


def test_a_variant_differs_in_what_was_set_and_in_nothing_else():
    variant = changed(SPEC, "drift.regime_growth=2")
    assert variant.drift.regime_growth == 2
    drift = variant.drift.model_copy(update={"regime_growth": SPEC.drift.regime_growth})
    assert variant.model_copy(update={"drift": drift}) == SPEC


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("gate.max_baseline_drop=null", ("gate", "max_baseline_drop"), None),
        ("rollback.enabled=false", ("rollback", "enabled"), False),
        (
            "training.algorithms=[lr, lda]".replace(" ", ""),
            ("training", "algorithms"),
            ["lr", "lda"],
        ),
        ("drift.thresholds.petal_width=0.5", ("drift", "thresholds"), {"petal_width": 0.5}),
    ],
)
def test_values_are_written_as_in_yaml(text, path, value):
    found = changed(SPEC, text)
    for part in path:
        found = getattr(found, part)
    assert found == value


def test_one_variant_may_change_several_settings():
    variant = changed(SPEC, "drift.patience=2 gate.confidence=0.9")
    assert (variant.drift.patience, variant.gate.confidence) == (2, 0.9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("drift.regime_grwth=2", "no such setting. Did you mean drift.regime_growth?"),
        ("confidence=2", "no such setting."),
        ("gate=0.9", "--set gate: there is no such setting."),
        ("drift.regime_growth.x=2", "no such setting"),
        ("drift.regime_growth", "Write it as key.path=value"),
        ("", "Write it as key.path=value"),
        ("drift.regime_growth=0", "drift.regime_growth: Input should be greater than 1, not 0"),
        ("drift.regime_growth=[", "is no value as YAML writes it"),
        ("columns.target=petal_width", "would change which rows there are"),
        ("batches.seed=1", "would change which rows there are"),
        ("start_date=2026-01-01", "would change which rows there are"),
        ("training.algorithms=[lrr]", "there is no algorithm 'lrr'"),
    ],
)
def test_what_cannot_be_set_is_told_with_what_to_do(text, message):
    with pytest.raises(UserError, match=re.escape(message)):
        changed(SPEC, text)


@pytest.mark.parametrize("also", ["", " drift.patience=2"])
def test_a_value_may_have_spaces(also):
    variant = changed(SPEC, f"retrain.every=28 days{also}")
    assert variant.retrain.every == "28 days"
    assert variant.drift.patience == (2 if also else SPEC.drift.patience)


def test_a_variant_given_twice_is_refused():
    with pytest.raises(UserError, match=r"drift\.patience=2 is given twice"):
        policies(SPEC, ["drift.patience=2", "drift.patience=2"])
