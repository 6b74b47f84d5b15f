"""What a version was made from, as it is kept with it."""

import numpy as np
import pytest

from mlops_assets.data.fingerprint import row_hashes
from mlops_assets.errors import UserError
from mlops_assets.lifecycle.recipe import TRAINED_ON, Kept, made_with, make_recipe
from mlops_assets.lifecycle.rows import ORIGIN, baseline_parts, lineage_parts
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets.training.weights import Roles
from mlops_assets_tests.lifecycle import made


@pytest.fixture
def life():
    return made.promoted()


def dataset(life):
    return life.store.read("small", "augmented_dataset", made.DRIFTED).drop(columns=ORIGIN)


def hashes(kept, name, use):
    rows = kept.rows
    return list(rows.loc[(rows["table"] == name) & (rows["use"] == use), "hash"])


def test_every_row_of_every_table_has_its_hash_and_its_use(life):
    table = dataset(life)
    kept = make_recipe(life, table, made.DRIFTED)
    assert hashes(kept, TRAINED_ON, "learn") == list(row_hashes(table))
    for origin, parts in lineage_parts(life, [made.USUAL, made.DRIFTED]).items():
        assert hashes(kept, origin, "learn") == list(row_hashes(parts.learn))
        assert hashes(kept, origin, "judge") == list(row_hashes(parts.judge))
    assert kept.recipe.judged_on == [made.DRIFTED]
    assert kept.recipe.partition == made.DRIFTED


def test_the_first_model_is_judged_on_the_holdout(life):
    parts = baseline_parts(life)
    kept = make_recipe(life, parts.learn, None)
    assert kept.recipe.judged_on == ["baseline"]
    assert hashes(kept, "baseline", "judge") == list(row_hashes(parts.judge))
    assert set(kept.recipe.types) == {TRAINED_ON, "baseline"}


def test_it_is_read_as_it_was_written(life, tmp_path):
    kept = make_recipe(life, dataset(life), made.DRIFTED)
    again = Kept.read(*(file.read_bytes() for file in kept.write(tmp_path)))
    assert again.recipe == kept.recipe
    assert list(again.recipe.types) == [TRAINED_ON, "baseline", made.USUAL, made.DRIFTED]
    assert again.rows.astype(str).equals(kept.rows.astype(str))


def test_a_row_that_was_left_out_has_no_use():
    one = made.promoted(training={"max_rows": 250})
    kept = make_recipe(one, dataset(one), made.DRIFTED)
    used = [len(hashes(kept, name, "learn")) for name in (TRAINED_ON, "baseline", made.DRIFTED)]
    assert used == [250, 125, 125]


def test_what_the_rows_are_to_the_candidate_is_read_as_it_was_written(life, tmp_path):
    table = dataset(life)
    regime = np.arange(len(table)) % 3 == 0
    roles = Roles(regime, ~regime, np.linspace(0.5, 1, len(table)), "f1_macro", 0.05, 0.87)
    kept = make_recipe(life, table, made.DRIFTED, roles)
    again = Kept.read(*(file.read_bytes() for file in kept.write(tmp_path))).roles
    assert again.digest() == roles.digest()
    assert again.floor == 0.87
    assert make_recipe(life, table, made.DRIFTED).roles is None


def test_a_table_that_is_missing_is_told_before_anything_is_trained(life):
    table = dataset(life)
    del life.store._tables["small", "drifted_batch", made.DRIFTED]
    with pytest.raises(UserError, match=f"no small/drifted_batch of {made.DRIFTED}"):
        make_recipe(life, table, made.DRIFTED)


def test_what_trains_is_named_with_its_versions():
    found = made_with(TrainingPolicy())
    named = {"python", "engine", "scikit-learn", "lightgbm", "numpy", "mlops_assets.training"}
    assert named <= set(found)
    assert ("pycaret" in found) == (found["engine"] == "pycaret")
    assert all(found.values())
