"""Late labels find their rows by id."""

import datetime as dt
from decimal import Decimal

import pandas as pd
import pytest

from mlops_assets.data.columns import Columns
from mlops_assets.data.labels import join_labels, latest_labels
from mlops_assets.data.notes import notes_of
from mlops_assets.errors import UserError

COLUMNS = Columns(target="y", id=["shop", "order"])
WAYS_OUT = (
    "where they were corrected, set `labels.latest_by` to the column that says when, and the "
    "latest counts; where an id comes again on another day, name the day as a second id. Then run "
    "the day again."
)


def batch() -> pd.DataFrame:
    return pd.DataFrame({"shop": ["a", "a", "b"], "order": [1, 2, 1], "x": [0.1, 0.2, 0.3]})


def test_labels_are_joined_on_the_ids_and_unknown_rows_stay_unlabelled():
    labels = pd.DataFrame(
        {"order": [1, 1, 9], "shop": ["b", "a", "a"], "y": ["late", "soon", "?"], "z": 1}
    )

    joined = join_labels(batch(), labels, COLUMNS)

    assert joined["y"].tolist()[::2] == ["soon", "late"]
    assert joined["y"].isna().tolist() == [False, True, False]
    assert joined.columns.tolist() == ["shop", "order", "x", "y"]


def test_ids_may_be_numbers_in_one_source_and_text_in_the_other():
    labels = pd.DataFrame({"order": ["1", "2"], "shop": "a", "y": [10.5, 20.5]})

    assert join_labels(batch(), labels, COLUMNS)["y"].tolist()[:2] == [10.5, 20.5]


LARGE = 1234567890123456789


def test_long_numbers_are_not_taken_for_their_neighbours():
    ids = [Decimal(LARGE + place) for place in range(3)]
    rows, by = pd.DataFrame({"id": ids}), Columns(target="y", id=["id"])
    labels = pd.DataFrame({"id": [LARGE], "y": ["a"]})
    assert join_labels(rows, labels, by)["y"].isna().tolist() == [False, True, True]
    with pytest.raises(UserError, match="16 digits or more came as a float"):
        join_labels(rows, labels.astype({"id": float}), by)


def test_texts_that_look_like_one_number_are_different_ids():
    rows, by = pd.DataFrame({"id": ["10", "10.0"]}), Columns(target="y", id=["id"])
    labels = pd.DataFrame({"id": ["10.0"], "y": ["a"]})
    assert join_labels(rows, labels, by)["y"].isna().tolist() == [True, False]


def test_labels_that_the_batch_brought_stay_where_no_other_is_known():
    labels = pd.DataFrame({"order": [1, 2], "shop": ["a", "a"], "y": [7.0, None]})

    joined = join_labels(batch().assign(y=[1.0, 2.0, 3.0]), labels, COLUMNS)

    assert joined["y"].tolist() == [7.0, 2.0, 3.0]


def test_days_as_ids_are_the_same_in_any_type():
    """Text in the source is a moment once it is stored."""
    rows = pd.DataFrame({"day": pd.to_datetime(["2026-01-01", "2026-01-02"])})
    for days in (["2026-01-02"], [dt.date(2026, 1, 2)], pd.to_datetime(["2026-01-02"])):
        joined = join_labels(
            rows, pd.DataFrame({"day": days, "y": ["a"]}), Columns(target="y", id=["day"])
        )
        assert joined["y"].isna().tolist() == [True, False]


def test_labels_of_other_rows_play_no_part():
    labels = pd.DataFrame({"order": [8, 8], "shop": ["a", "a"], "y": ["soon", "late"]})
    rows = batch()
    assert join_labels(rows, labels, COLUMNS) is rows


def test_the_index_and_order_of_the_rows_stay():
    shuffled = batch().sample(frac=1, random_state=1)
    labels = pd.DataFrame({"order": [1], "shop": ["b"], "y": [5]})

    joined = join_labels(shuffled, labels, COLUMNS)

    assert joined.index.tolist() == shuffled.index.tolist()
    assert joined.loc[2, "y"] == 5


@pytest.mark.parametrize(
    ("columns", "labels", "message"),
    [
        (
            Columns(target="y"),
            {"y": [1]},
            "labels of a second source are joined on ids. Name them as `columns.id`.",
        ),
        (
            COLUMNS,
            {"order": [1], "y": [1]},
            "the labels lack 1 column(s) that labels are joined by: shop. Their columns are order, "
            "y. Correct the source, or `columns`; then run the day again.",
        ),
        (
            COLUMNS,
            {"shop": ["a", "a", "a"], "order": [1, 1, 2], "y": ["soon", "late", "late"]},
            "the labels give 1 id(s) of this batch two labels or more (for example a/1). Leave one "
            "y for each shop/order; " + WAYS_OUT,
        ),
        (
            COLUMNS.model_copy(update={"sensitive": ["order"]}),
            {"shop": ["a", "a"], "order": [1, 1], "y": ["soon", "late"]},
            "the labels give 1 id(s) of this batch two labels or more (values hidden). Leave one y "
            "for each shop/order; " + WAYS_OUT,
        ),
    ],
)
def test_labels_that_cannot_be_joined_are_an_error(columns, labels, message):
    with pytest.raises(UserError) as caught:
        join_labels(batch(), pd.DataFrame(labels), columns)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    "when",
    [
        [3, 1, 2, 9],
        ["2026-01-31", "2026-01-02 23:00", "2026-01-09T10:00:00", "2026-02-01"],
        pd.to_datetime(["2026-01-31", "2026-01-02", "2026-01-09", None]),
        [dt.date(2026, 1, 31), dt.date(2026, 1, 2), dt.date(2026, 1, 9), dt.date(2026, 2, 1)],
        [0.5, None, 0.4, None],
    ],
    ids=["number", "text", "time", "date", "gaps"],
)
def test_of_labels_that_were_corrected_the_latest_counts(when):
    labels = pd.DataFrame(
        {"shop": ["a", "a", "a", "b"], "order": [1, 1, 1, 1], "y": ["new", "old", "older", "one"]}
    ).assign(written=when)

    latest = latest_labels(labels, COLUMNS, "written")

    assert latest["y"].tolist() == ["new", "one"]
    assert notes_of(latest, COLUMNS) == (
        "2 row(s) are left out, as a later one by written has a label of the same id.",
    )
    assert join_labels(batch(), latest, COLUMNS)["y"].tolist()[::2] == ["new", "one"]


def test_a_later_row_without_a_label_takes_none_away():
    labels = pd.DataFrame({"shop": "a", "order": 1, "y": ["is", None], "written": [1, 2]})
    assert latest_labels(labels, COLUMNS, "written")["y"].tolist() == ["is", None]
    assert join_labels(batch(), labels, COLUMNS)["y"].tolist()[0] == "is"


def test_two_labels_of_the_same_moment_are_still_two():
    labels = pd.DataFrame({"shop": "a", "order": 1, "y": ["one", "two", "old"], "at": [2, 2, 1]})
    with pytest.raises(UserError, match="two labels or more"):
        join_labels(batch(), latest_labels(labels, COLUMNS, "at"), COLUMNS)


@pytest.mark.parametrize("word", ["today", "now", "soon"])
def test_a_word_is_no_moment(word):
    labels = pd.DataFrame({"shop": "a", "order": 1, "y": "x", "at": [word, "2026-01-31"]})
    with pytest.raises(UserError, match="holds no date or time"):
        latest_labels(labels, COLUMNS, "at")


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("when", r"no column when. Set `labels.latest_by` to one of shop, order, y, at"),
        ("at", r"the labels' at holds no date or time like 2026-01-31 10:00 in every row"),
    ],
)
def test_what_does_not_say_when_is_an_error(by, message):
    labels = pd.DataFrame({"shop": "a", "order": 1, "y": ["one"], "at": ["31.01.2026"]})
    with pytest.raises(UserError, match=message):
        latest_labels(labels, COLUMNS, by)
