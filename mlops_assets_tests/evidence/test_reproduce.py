"""A version trained again beside itself: what is the same, and what is said where it is not.

The search is a stand-in here; ``local/test_reproduce.py`` has the real one.
"""

import dataclasses

import pandas as pd
import pytest

from mlops_assets.evidence.reproduce import Remade, reproduce
from mlops_assets.lifecycle import recipe
from mlops_assets.training.model_format import ChangedModelError
from mlops_assets.training.tracking import Recorded, idempotency_key
from mlops_assets.training.tuning import TUNING, Tuning
from mlops_assets_tests.lifecycle import made

DAY = made.DRIFTED


@pytest.fixture
def life():
    return made.promoted()


@pytest.fixture
def recorded(life, tmp_path):
    return made.with_recipe(life, DAY, tmp_path)


def again(spec, rows, partition, roles, tuned):
    return Remade(made.recorded(rows), made.Small.fit(rows))


def never(spec, rows, partition, roles, tuned):
    raise AssertionError("it was trained again, on other rows than then")


def outcomes(found):
    return {finding.aspect: finding.outcome for finding in found.findings}


def told(found, aspect):
    return "\n".join(next(f.told for f in found.findings if f.aspect == aspect))


def change(life, asset, partition, row, **values):
    table = life.store.read("small", asset, partition)
    for name, value in values.items():
        table.loc[row, name] = value
    life.store.write("small", asset, partition, table)


ALL_THE_SAME = dict.fromkeys(
    ("rows", "settings", "packages", "parameters", "scores", "predictions"), "same"
)


def test_a_candidate_is_the_same_again(life, recorded):
    found = reproduce(life, life.registry.get(2), recorded, again)
    assert found.exact
    assert outcomes(found) == ALL_THE_SAME
    assert told(found, "rows") == "440 that it learned from, 120 that it is judged on"
    assert told(found, "predictions").startswith("120 evaluation rows, f1_macro 0.99")


def test_the_first_model_is_the_same_again(life, tmp_path):
    recorded = made.with_recipe(life, None, tmp_path)
    found = reproduce(life, life.registry.get(1), recorded, again)
    assert found.exact
    assert outcomes(found) == ALL_THE_SAME


def test_it_is_trained_for_its_day_with_the_settings_of_then(life, recorded):
    asked = []

    def remember(spec, rows, partition, roles, tuned):
        asked.append((spec.training.seed, spec.split.seed, partition, len(rows)))
        return again(spec, rows, partition, roles, tuned)

    spec = made.spec(training={"seed": 5}, split={"seed": 3, "evaluation_share": 0.3})
    changed = dataclasses.replace(life, spec=spec)
    found = reproduce(changed, life.registry.get(2), recorded, remember)
    assert asked == [(0, 0, DAY, 440)]
    assert found.exact
    assert outcomes(found)["settings"] == "changed"
    said = told(found, "settings")
    assert "training.seed: 0 then, 5 now" in said
    assert "split.evaluation_share: 0.4 then, 0.3 now" in said


def test_what_tuning_has_found_is_taken_as_it_was(life, recorded):
    tuning = Tuning(trials=3, algorithm="dt", parameters={"max_depth": 4}, gain=0.1)
    with_it = dataclasses.replace(
        recorded, files={**recorded.files, TUNING: tuning.model_dump_json().encode()}
    )
    given = []

    def remember(spec, rows, partition, roles, tuned):
        given.append(tuned)
        return again(spec, rows, partition, roles, tuned)

    assert reproduce(life, life.registry.get(2), with_it, remember).exact
    assert reproduce(life, life.registry.get(2), recorded, remember).exact
    assert given == [tuning, None]


def test_a_changed_row_is_named_and_it_is_not_exact(life, recorded):
    change(life, "augmented_dataset", DAY, 17, z=99.0)
    found = reproduce(life, life.registry.get(2), recorded, again)
    assert not found.exact
    # What it learned from is found in the baseline, where it came from.
    assert outcomes(found) == ALL_THE_SAME | {"rows": "differs"}
    assert f"augmented_dataset of {DAY}: row 17 of 440 was changed: z was" in told(found, "rows")


def test_where_rows_are_lost_nothing_is_trained(life, tmp_path):
    recorded = made.with_recipe(life, None, tmp_path)
    kept = pd.read_parquet(tmp_path / recipe.ROWS)
    baseline = kept[kept["table"] == "baseline"].reset_index(drop=True)
    row = int(baseline.index[baseline["use"] == "learn"][4])
    change(life, "baseline_data", "all", row, x=99.0)
    found = reproduce(life, life.registry.get(1), recorded, never)
    assert not found.exact
    assert told(found, "rows").splitlines() == [
        f"baseline_data: row {row} of 200 was changed",
        "1 of the 140 rows that it learned from are nowhere any more.",
        "Nothing was trained.",
    ]
    assert "predictions" not in outcomes(found)


def test_a_missing_table_is_named_with_its_place(life, recorded):
    del life.store._tables["small", "drifted_batch", DAY]
    found = reproduce(life, life.registry.get(2), recorded, again)
    assert not found.exact
    assert f"drifted_batch of {DAY} (There is no small/drifted_batch of {DAY}" in told(
        found, "rows"
    )
    # The rows to learn from have a copy; those to judge on have none.
    assert outcomes(found) == ALL_THE_SAME | {"rows": "differs", "predictions": "unknown"}


def test_another_package_is_named_and_does_no_harm_by_itself(life, recorded, monkeypatch):
    then = recipe.version
    monkeypatch.setattr(recipe, "version", lambda name: "9.9" if name == "scipy" else then(name))
    found = reproduce(life, life.registry.get(2), recorded, again)
    assert found.exact
    assert outcomes(found)["packages"] == "changed"
    assert told(found, "packages").splitlines() == [
        f"scipy: {then('scipy')} then, 9.9 now",
        "Those of now were used.",
    ]


def test_other_parameters_scores_and_predictions_are_told(life, recorded):
    def otherwise(spec, rows, partition, roles, tuned):
        board = pd.DataFrame(
            {"id": ["small"], "Algorithm": ["Small"], "F1 macro": [0.8], "Seconds": [9.0]}
        )
        turned = rows.assign(y=rows["y"].map({"high": "low", "low": "high"}))
        parameters = {"algorithm": "small", "model.depth": "3"}
        return Remade(Recorded(parameters, board, {}), made.Small.fit(turned))

    found = reproduce(life, life.registry.get(2), recorded, otherwise)
    assert not found.exact
    differing = dict.fromkeys(("parameters", "scores", "predictions"), "differs")
    assert outcomes(found) == ALL_THE_SAME | differing
    assert "model.depth: not there then, 3 now" in told(found, "parameters")
    assert told(found, "scores") == "small, F1 macro: 0.9 then, 0.8 now"
    assert "120 of 120 rows, such as row 0" in told(found, "predictions")
    assert "when it was decided on" in told(found, "predictions")


def test_seconds_are_no_scores(life, recorded):
    def slowly(spec, rows, partition, roles, tuned):
        kept = again(spec, rows, partition, roles, tuned)
        slow = kept.recorded.leaderboard.assign(Seconds=99.0)
        return Remade(dataclasses.replace(kept.recorded, leaderboard=slow), kept.model)

    assert reproduce(life, life.registry.get(2), recorded, slowly).exact


def test_a_budget_is_named_where_scores_differ(tmp_path):
    life = made.promoted(training={"budget_minutes": 1.5})

    def fewer(spec, rows, partition, roles, tuned):
        kept = again(spec, rows, partition, roles, tuned)
        none = kept.recorded.leaderboard.iloc[:0]
        return Remade(dataclasses.replace(kept.recorded, leaderboard=none), kept.model)

    recorded = made.with_recipe(life, DAY, tmp_path)
    found = reproduce(life, life.registry.get(2), recorded, fewer)
    assert "budget_minutes" in told(found, "scores")
    assert not found.exact


def test_a_model_that_does_not_load_is_told_and_is_not_exact(life, recorded, monkeypatch):
    def changed(*_):
        raise ChangedModelError("The file is not the one that was registered.")

    monkeypatch.setattr(type(life.registry), "_load", changed)
    found = reproduce(life, life.registry.get(2), recorded, again)
    assert not found.exact
    assert told(found, "predictions") == "The file is not the one that was registered."


def test_a_version_whose_run_is_gone_says_what_is_gone_with_it(life):
    found = reproduce(life, life.registry.get(2), Recorded({}, None, {}), again)
    assert not found.exact
    assert "MLflow run is gone" in told(found, "parameters")
    assert "leaderboard is gone" in told(found, "scores")
    assert outcomes(found)["predictions"] == "same"


def test_a_recipe_of_another_version_of_the_project_is_told(life, recorded):
    files = recorded.files | {recipe.RECIPE: b'{"partition": 3}'}
    found = reproduce(life, life.registry.get(2), Recorded({}, None, files), never)
    assert outcomes(found) == {"rows": "unknown"}
    assert "of another version of mlops_assets" in told(found, "rows")


class TestOfBeforeRecipes:
    """Versions that have none."""

    @pytest.fixture
    def recorded(self, recorded):
        return dataclasses.replace(recorded, files={})

    @pytest.fixture
    def key(self, life):
        """Lets version 2 have the key that it was registered under."""
        rows = life.store.read("small", "augmented_dataset", DAY)
        rows = rows.drop(columns="mlops_assets_partition")
        spec = life.spec
        key = idempotency_key(spec.name, DAY, rows, spec.columns, spec.task, spec.training)
        life.registry.set_tags(life.registry.get(2), {"idempotency_key": key})

    def test_by_its_key_it_is_known_to_be_the_same(self, life, recorded, key):
        found = reproduce(life, life.registry.get(2), recorded, again)
        assert found.exact
        assert "no hash of each row" in told(found, "rows")
        assert "of others none is kept" in told(found, "packages")

    def test_where_its_key_is_another_one_it_says_what_it_lacks(self, life, recorded, key):
        changed = dataclasses.replace(life, spec=made.spec(training={"seed": 5}))
        found = reproduce(changed, life.registry.get(2), recorded, again)
        assert not found.exact
        assert outcomes(found)["settings"] == "unknown"
        assert "Rows, settings or one of the packages" in told(found, "settings")

    def test_a_row_changed_in_the_copy_is_named_all_the_same(self, life, recorded, key):
        change(life, "augmented_dataset", DAY, 17, z=99.0)
        found = reproduce(life, life.registry.get(2), recorded, again)
        assert not found.exact
        assert "row 17 of 440 was changed: z was" in told(found, "rows")
        assert outcomes(found)["predictions"] == "same"

    def test_a_changed_batch_is_named_without_its_row(self, life, recorded, key):
        change(life, "drifted_batch", DAY, 17, z=99.0)
        found = reproduce(life, life.registry.get(2), recorded, again)
        assert not found.exact
        assert "others than those that it was made from; which ones was not kept" in told(
            found, "rows"
        )

    def test_a_changed_baseline_ends_it_for_the_first_model(self, life, recorded):
        table = life.store.read("small", "baseline_data", "all")
        life.store.write("small", "baseline_data", "all", table.assign(x=table["x"] + 1))
        found = reproduce(life, life.registry.get(1), recorded, never)
        assert not found.exact
        assert "not those of then" in told(found, "rows")

    def test_without_its_tables_it_says_which_is_missing(self, life, recorded):
        del life.store._tables["small", "baseline_data", "all"]
        found = reproduce(life, life.registry.get(2), recorded, never)
        assert outcomes(found) == {"rows": "unknown"}
        assert "no small/baseline_data" in told(found, "rows")
