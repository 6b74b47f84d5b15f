"""The rows of a recipe, looked for in what is stored now."""

import pandas as pd
import pytest

from mlops_assets.data.columns import Columns
from mlops_assets.evidence.recovered import StoredTable, recover
from mlops_assets.lifecycle.recipe import TRAINED_ON, make_recipe, recipe_of
from mlops_assets.lifecycle.rows import ORIGIN, lineage_parts
from mlops_assets_tests.lifecycle import made

DAY = made.DRIFTED


@pytest.fixture(scope="module")
def life():
    return made.promoted()


@pytest.fixture(scope="module")
def trained_on(life):
    return life.store.read("small", "augmented_dataset", DAY).drop(columns=ORIGIN)


@pytest.fixture(scope="module")
def kept(life, trained_on):
    return make_recipe(life, trained_on, DAY)


@pytest.fixture
def tables(life, trained_on):
    return {
        TRAINED_ON: trained_on.copy(),
        "baseline": life.store.read("small", "baseline_data", "all"),
        made.USUAL: life.store.read("small", "drifted_batch", made.USUAL),
        DAY: life.store.read("small", "drifted_batch", DAY),
    }


def look(kept, tables):
    return recover(kept, {name: StoredTable(name, table) for name, table in tables.items()})


def position(kept, name, use, nth=5):
    """The position, in its table, of a row that is of some use."""
    rows = kept.rows[kept.rows["table"] == name].reset_index(drop=True)
    return int(rows.index[rows["use"] == use][nth])


def test_untouched_tables_give_back_all_of_it(kept, tables, trained_on):
    found = look(kept, tables)
    assert found.changes == ()
    pd.testing.assert_frame_equal(found.trained_on, trained_on)
    assert len(found.judged) == found.judged_then == 120


def test_a_row_changed_in_the_copy_is_named_and_taken_from_where_it_came(kept, tables, trained_on):
    was = tables[TRAINED_ON].loc[150, "x"]
    tables[TRAINED_ON].loc[150, "x"] = 99.0
    found = look(kept, tables)
    assert found.changes == (f"trained_on: row 150 of 440 was changed: x was {was} and is 99.0",)
    pd.testing.assert_frame_equal(found.trained_on, trained_on)


def test_a_row_changed_at_its_origin_is_named_and_taken_from_the_copy(kept, tables, trained_on):
    row = position(kept, DAY, "learn")
    was = tables[DAY].loc[row, "z"]
    tables[DAY].loc[row, "z"] = -99.0
    found = look(kept, tables)
    assert found.changes == (f"{DAY}: row {row} of 300 was changed: z was {was} and is -99.0",)
    pd.testing.assert_frame_equal(found.trained_on, trained_on)


def test_a_row_changed_in_both_is_lost(kept, tables):
    row = position(kept, "baseline", "learn")
    same = (tables[TRAINED_ON][["x", "z"]] == tables["baseline"].loc[row, ["x", "z"]]).all(axis=1)
    tables["baseline"].loc[row, "x"] = 50.0
    tables[TRAINED_ON].loc[same, "x"] = 51.0
    found = look(kept, tables)
    assert (found.trained_on, found.lost) == (None, 1)
    assert found.changes[0].startswith("trained_on: row ")
    assert found.changes[1] == f"baseline: row {row} of 200 was changed"


def test_an_evaluation_row_that_was_changed_is_left_out_and_named(kept, tables, trained_on):
    row = position(kept, DAY, "judge")
    tables[DAY].loc[row, "y"] = "other"
    found = look(kept, tables)
    assert found.changes == (f"{DAY}: row {row} of 300 was changed",)
    assert (len(found.judged), found.judged_then) == (119, 120)
    assert "other" not in set(found.judged["y"])
    pd.testing.assert_frame_equal(found.trained_on, trained_on)


def test_the_order_of_then_is_found_again(kept, tables, trained_on):
    shuffled = {name: table.sample(frac=1, random_state=1) for name, table in tables.items()}
    found = look(kept, {name: one.reset_index(drop=True) for name, one in shuffled.items()})
    assert found.changes == ()
    pd.testing.assert_frame_equal(found.trained_on, trained_on)


def test_equal_rows_are_counted(kept, tables):
    twice = pd.concat([tables[DAY], tables[DAY].iloc[[7]]], ignore_index=True)
    found = look(kept, tables | {DAY: twice})
    assert found.changes == ()
    assert found.besides == (f"{DAY}: row 300 of the 301 of now is new",)


def test_labels_that_came_later_are_told_and_change_nothing(life, tables, trained_on):
    late = tables[DAY].assign(y=tables[DAY]["y"].where(tables[DAY].index >= 2))
    life.store.write("small", "drifted_batch", DAY, late)
    parts = lineage_parts(life, [DAY])
    table = pd.concat([one.learn for one in parts.values()], ignore_index=True)
    kept = recipe_of(life, table, DAY, parts, [DAY])
    life.store.write("small", "drifted_batch", DAY, tables[DAY])
    of_then = {name: tables[name] for name in ("baseline", DAY)}
    found = look(kept, of_then | {TRAINED_ON: table})
    assert found.changes == ()
    assert found.besides == (f"{DAY}: rows 0, 1, which it was not made from, are not as then",)
    pd.testing.assert_frame_equal(found.trained_on, table)


def test_rows_that_are_gone_are_named(kept, tables):
    found = look(kept, tables | {DAY: tables[DAY].drop(index=[3, 9]).reset_index(drop=True)})
    assert found.changes == (f"{DAY}: rows 3, 9 of the 300 of then are not there any more",)


def test_many_changed_rows_are_counted(kept, tables):
    tables[DAY].loc[0:29, "x"] = 77.0
    *named, rest = look(kept, tables).changes
    assert len(named) == 10
    assert rest == f"{DAY}: 20 more rows of 300 were changed"


def test_a_missing_table_is_named_and_the_others_stand_in(kept, tables, trained_on):
    found = look(kept, tables | {TRAINED_ON: None})
    assert found.changes == ("trained_on is missing",)
    pd.testing.assert_frame_equal(found.trained_on, trained_on)


def test_without_any_table_all_is_lost(kept, tables):
    found = look(kept, dict.fromkeys(tables))
    assert (found.trained_on, found.lost, len(found.judged)) == (None, 440, 0)


def test_a_column_of_another_type_is_told_and_not_taken_for_other_rows(kept, tables, trained_on):
    tables[DAY]["x"] = tables[DAY]["x"].astype("float32").round(3)
    tables[DAY]["z"] = tables[DAY]["z"].astype(str)
    found = look(kept, tables)
    told = " ".join(found.changes)
    assert "the column x is of the type float32, and was float64" in told
    assert "the column z is of the type object, and was float64" in told
    pd.testing.assert_frame_equal(found.trained_on, trained_on)


def test_a_type_that_holds_the_same_values_is_told_and_changes_nothing(kept, tables):
    found = look(kept, tables | {DAY: tables[DAY].astype({"y": "category"})})
    assert found.changes == ()
    assert found.besides == (f"{DAY}: the column y is of the type category, and was object",)


def test_a_column_that_is_gone_is_told_once(kept, tables):
    found = look(kept, tables | {DAY: tables[DAY].drop(columns="z")})
    assert found.changes == (f"{DAY}: the column z is gone",)


def test_a_row_is_told_by_its_id_and_sensitive_values_are_not_told(kept, tables):
    columns = Columns(target="y", id=["z"], sensitive=["x"])
    settings = kept.recipe.settings.model_copy(update={"columns": columns})
    other = type(kept)(kept.recipe.model_copy(update={"settings": settings}), kept.rows)
    tables[TRAINED_ON].loc[150, "x"] = 99.0
    (told,) = look(other, tables).changes
    number = tables[TRAINED_ON].loc[150, "z"]
    assert told == (
        f"trained_on: row 150 of 440 was changed (z {number}): x is another value (sensitive)"
    )
