"""Splits: derivable again from the rows alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_assets.data.columns import Columns
from mlops_assets.data.splits import (
    RowKeys,
    SplitPolicy,
    delivered_before,
    held_out,
    on_first_side,
)

PLAIN = Columns(target="y")
TABLES = st.lists(
    st.tuples(
        st.integers(0, 30), st.floats(-5, 5).map(lambda x: round(x, 1)), st.sampled_from("abc")
    ),
    min_size=1,
    max_size=60,
).map(lambda rows: pd.DataFrame(rows, columns=["k", "x", "y"]))
ROLES = st.sampled_from(
    [
        PLAIN,
        Columns(target="y", id=["k"]),
        Columns(target="y", timestamp="k"),
        Columns(target="y", timestamp="k", id=["x"]),
    ]
)


def rows_of(frame: pd.DataFrame, mask: np.ndarray) -> list[tuple]:
    return sorted(map(tuple, frame[mask].itertuples(index=False)))


@settings(max_examples=60)
@given(TABLES, ROLES, st.floats(0.1, 0.9), st.integers(0, 5), st.randoms())
def test_split_belongs_to_the_rows_and_not_to_their_order(frame, columns, share, seed, random):
    order = list(range(len(frame)))
    random.shuffle(order)
    shuffled = frame.iloc[order][["y", "k", "x"]]

    first = held_out(frame, columns, share, seed, "classification")
    second = held_out(shuffled, columns, share, seed, "classification")

    assert rows_of(frame, first) == rows_of(shuffled[["k", "x", "y"]], second)


@settings(max_examples=60)
@given(TABLES, ROLES, st.floats(0.1, 0.9))
def test_identical_rows_are_never_on_both_sides(frame, columns, share):
    mask = held_out(frame, columns, share, 0, "classification")

    assert not set(rows_of(frame, mask)) & set(rows_of(frame, ~mask))


@settings(max_examples=60)
@given(st.lists(TABLES, min_size=1, max_size=4), ROLES)
def test_a_row_that_is_delivered_again_is_on_one_side_in_all_tables(frames, columns):
    def split(frame, place):
        # The baseline, with its own share, and then batches.
        share, stratified = (0.3, True) if place == 0 else (0.4, False)
        return held_out(frame, columns, share, 0, "classification", stratified=stratified)

    tables = [(frame, split(frame, place)) for place, frame in enumerate(frames)]
    sides = on_first_side([(RowKeys.of(frame, columns), mask) for frame, mask in tables])

    assert (sides[0] == tables[0][1]).all()
    every = pd.concat(frames).assign(held=np.concatenate(sides))
    # An id is one row, whatever else the columns say.
    row = columns.id or ["k", "x", *([] if columns.timestamp else ["y"])]
    assert (every.groupby(row)["held"].nunique() == 1).all()
    # What was not delivered before is split as if it came alone.
    if len(frames) > 1:
        new = ~frames[1].set_index(row).index.isin(frames[0].set_index(row).index)
        assert (sides[1][new] == tables[1][1][new]).all()


@settings(max_examples=60)
@given(st.lists(TABLES, min_size=1, max_size=4), ROLES)
def test_a_row_was_delivered_before_where_a_time_tells_it_from_others(frames, columns):
    known: set[tuple] = set()
    for frame, again in zip(
        frames, delivered_before([RowKeys.of(f, columns) for f in frames]), strict=True
    ):
        rows = list(frame[["k", "x"]].itertuples(index=False, name=None))
        assert list(again) == [columns.timestamp is not None and row in known for row in rows]
        known |= set(rows)


AT = Columns(target="y", timestamp="t")


@pytest.mark.parametrize(
    ("columns", "first", "again"),
    [
        (PLAIN, {"x": [1, 2], "y": [0, 1]}, {"x": [2.0, 3.0], "y": [1.0, np.nan]}),
        (PLAIN, {"x": [True, False], "y": [0, 0]}, {"x": [False, None], "y": [0, 0]}),
        (
            AT,  # one date with a time, and a label that is still due
            {"t": pd.to_datetime(["2026-01-01", "2026-01-02"]), "y": [True, True]},
            {"t": pd.to_datetime(["2026-01-02 00:00", "2026-01-03 10:00"]), "y": [None, False]},
        ),
    ],
)
def test_a_row_is_known_again_where_its_columns_have_other_types(columns, first, again):
    masks = [np.array([True, True]), np.array([False, False])]
    frames = [pd.DataFrame(first), pd.DataFrame(again)]
    keys = [RowKeys.of(frame, columns) for frame in frames]
    sides = on_first_side(list(zip(keys, masks, strict=True)))
    assert [list(side) for side in sides] == [[True, True], [True, False]]


def test_a_row_that_comes_again_with_its_label_is_not_left_out():
    moments = pd.to_datetime(["2026-01-01", "2026-01-02"])
    first = pd.DataFrame({"t": moments, "y": [1.0, None]})
    again = pd.DataFrame({"t": moments, "y": [1.0, 0.0]})
    assert [
        list(mask) for mask in delivered_before([RowKeys.of(f, AT) for f in (first, again)])
    ] == [
        [False, False],
        [True, False],
    ]


@settings(max_examples=60)
@given(TABLES, st.floats(0.1, 0.9))
def test_rows_of_one_moment_stay_together_and_the_latest_are_held_out(frame, share):
    mask = held_out(frame, Columns(target="y", timestamp="k"), share, 0, "classification")

    one_moment = frame["k"].nunique() == 1
    assert one_moment or not mask.any() or frame["k"][~mask].max() < frame["k"][mask].min()


@settings(max_examples=60)
@given(TABLES, st.floats(0.1, 0.9))
def test_rows_of_one_id_stay_together_whether_or_not_there_is_a_timestamp(frame, share):
    for columns in (Columns(target="y", id=["k"]), Columns(target="y", id=["k"], timestamp="x")):
        mask = held_out(frame, columns, share, 0, "classification")

        assert (frame.assign(held=mask).groupby("k")["held"].nunique() == 1).all()


def test_each_class_gives_its_share():
    frame = pd.DataFrame({"x": np.arange(100.0), "y": ["a"] * 70 + ["b"] * 30})

    mask = held_out(frame, PLAIN, 0.3, 0, "classification")

    assert frame["y"][mask].value_counts().to_dict() == {"a": 21, "b": 9}


def test_a_class_of_one_row_is_trained_on_and_one_of_two_is_on_both_sides():
    frame = pd.DataFrame({"x": np.arange(13.0), "y": ["a"] * 10 + ["b"] * 2 + ["c"]})

    mask = held_out(frame, PLAIN, 0.4, 0, "classification")

    assert frame["y"][mask].value_counts().to_dict() == {"a": 4, "b": 1}


def test_regression_takes_the_share_over_all_rows():
    frame = pd.DataFrame({"x": np.arange(200.0), "y": np.arange(200.0)})

    mask = held_out(frame, PLAIN, 0.25, 0, "regression")

    assert mask.sum() == 50
    assert 60 < frame["y"][mask].mean() < 140  # spread over the range, not one end of it


def test_an_id_is_on_the_same_side_in_every_table_and_of_either_type():
    first = pd.DataFrame({"k": range(1000), "y": "a"})
    later = pd.DataFrame({"k": [str(k) for k in range(500, 1500)], "y": "b"})
    columns = Columns(target="y", id=["k"])

    one = dict(
        zip(first["k"].astype(str), held_out(first, columns, 0.4, 7, "classification"), strict=True)
    )
    two = dict(zip(later["k"], held_out(later, columns, 0.4, 7, "classification"), strict=True))

    assert all(one[k] == two[k] for k in set(one) & set(two))
    assert sum(one.values()) == pytest.approx(400, abs=60)  # four standard deviations


def test_seed_chooses_another_split():
    frame = pd.DataFrame({"x": np.arange(100.0), "y": ["a", "b"] * 50})

    splits = {tuple(held_out(frame, PLAIN, 0.5, seed, "classification")) for seed in range(4)}

    assert len(splits) == 4


def test_missing_moments_count_as_the_earliest():
    when = pd.to_datetime(["2026-01-04", None, "2026-01-02", "2026-01-03"])
    frame = pd.DataFrame({"when": when, "y": 1.0})

    mask = held_out(frame, Columns(target="y", timestamp="when"), 0.5, 0, "regression")

    assert mask.tolist() == [True, False, False, True]


def test_one_moment_for_all_rows_falls_back_to_the_content():
    frame = pd.DataFrame({"when": pd.Timestamp("2026-01-04"), "x": range(10), "y": 1.0})

    mask = held_out(frame, Columns(target="y", timestamp="when"), 0.4, 0, "regression")

    assert mask.sum() == 4


def test_no_rows_give_an_empty_mask():
    assert held_out(pd.DataFrame({"y": []}), PLAIN, 0.3, 0, "regression").tolist() == []


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_side_without_rows_is_refused(share):
    with pytest.raises(ValidationError):
        SplitPolicy(evaluation_share=share)


def test_labels_that_come_later_move_no_row_to_the_other_side():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"k": rng.normal(size=200), "y": rng.choice(["a", "b"], 200)})
    some = frame.assign(y=frame["y"].where(rng.random(200) < 0.3))
    split = [
        held_out(table, PLAIN, 0.4, 0, "classification", stratified=False)
        for table in (frame, some, some.assign(y=None))
    ]
    assert split[0].sum() == 80
    assert (split[0] == split[1]).all()
    assert (split[0] == split[2]).all()
