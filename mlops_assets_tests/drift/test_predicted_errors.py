"""What the error of predicted numbers is likely to be without labels."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.drift.predicted_errors import Known, can_be_estimated, estimate_error
from mlops_assets.drift.score import Scored
from mlops_assets.metrics import get_metric
from mlops_assets.predicted import Predicted

RMSE, MAE = get_metric("rmse", "regression"), get_metric("mae", "regression")


def known(rows, seed, hard=0.3, period=-1, moved=0.0):
    """Rows of two kinds, of which one is predicted with an error that is five times as large."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "x": rng.normal(size=rows),
            "kind": np.where(rng.random(rows) < hard, "hard", "easy").astype(object),
        }
    )
    error = rng.normal(size=rows) * np.where(table["kind"] == "hard", 5.0, 1.0)
    said = 50 + 10 * table["x"].to_numpy()
    return Known(
        table, Scored(said + error + moved, Predicted(said)), np.full(rows, period, dtype=int)
    )


def together(*parts):
    return Known(
        pd.concat([part.rows for part in parts], ignore_index=True),
        Scored(
            np.concatenate([part.scored.y_true for part in parts]),
            Predicted.joined([part.scored.y_pred for part in parts]),
        ),
        np.concatenate([part.periods for part in parts]),
    )


def estimated(day, of, metric=RMSE):
    return estimate_error(day.rows, day.scored.y_pred, of, metric, 0)


def score(day, metric=RMSE):
    return metric.score(day.scored.y_true, day.scored.y_pred)


@pytest.mark.parametrize("name", ["rmse", "mae", "mape", "pinball(0.8)"])
def test_a_day_of_more_rows_that_are_hard_is_told_and_its_band_holds_the_score(name):
    metric = get_metric(name, "regression")
    inside = 0
    for seed in range(10):
        learned, day = known(2000, 100 + seed), known(300, seed, hard=0.8)
        found = estimated(day, learned, metric)
        inside += found.lower <= score(day, metric) <= found.upper
        assert found.score > 1.3 * score(learned, metric)
    assert inside >= 8  # of 10 at 95 %: fewer in one of 80


def test_where_nothing_tells_the_errors_apart_it_is_their_mean():
    learned = known(200, 0, hard=1.0)
    found = estimated(known(300, 1, hard=1.0), learned, MAE)
    assert found.score == pytest.approx(score(learned, MAE), rel=0.02)
    assert found.days == 0


def test_how_days_differ_is_in_the_band():
    # On every other day all values lie elsewhere, and no feature tells.
    days = [known(200, seed, period=seed, moved=6.0 * (seed % 2)) for seed in range(10)]
    by_days = estimated(known(200, 11), together(*days))
    unknown = [Known(day.rows, day.scored, np.full(200, -1)) for day in days]
    by_rows = estimated(known(200, 11), together(*unknown))
    assert (by_days.days, by_rows.days) == (10, 0)
    assert by_days.upper - by_days.lower > 3 * (by_rows.upper - by_rows.lower)
    assert by_days.lower >= 0


def test_what_later_days_have_cost_is_learned():
    # Rows of a third kind, which the holdout does not have.
    def of_third_kind(seed, period):
        day = known(200, seed, period=period, moved=20.0)
        return Known(day.rows.assign(kind="third"), day.scored, day.periods)

    day = of_third_kind(9, 9)
    before = estimated(day, known(2000, 0))
    after = estimated(day, together(known(2000, 0), of_third_kind(1, 1), of_third_kind(2, 2)))
    assert before.upper < score(day)
    assert (before.unlike, after.unlike < 0.1) == (1.0, True)
    assert after.score == pytest.approx(score(day), rel=0.1)


def test_the_order_of_the_rows_plays_no_part():
    learned, day = known(500, 0), known(100, 1)
    mixed, other = np.random.default_rng(2).permutation(500), np.random.default_rng(3)
    order = other.permutation(100)
    shuffled = Known(
        learned.rows.iloc[mixed].reset_index(drop=True),
        Scored(learned.scored.y_true[mixed], learned.scored.y_pred[mixed]),
        learned.periods[mixed],
    )
    again = estimate_error(day.rows.iloc[order], day.scored.y_pred[order], shuffled, RMSE, 0)
    assert again == estimated(day, learned)


def test_a_model_without_an_error_is_expected_to_have_none():
    learned = known(100, 0)
    right = Known(
        learned.rows, Scored(learned.scored.y_pred.labels, learned.scored.y_pred), learned.periods
    )
    for metric in (RMSE, MAE):
        assert estimated(known(100, 1), right, metric).score == 0


def test_there_is_none_of_other_metrics_nor_without_rows_or_labels_enough():
    assert not can_be_estimated(get_metric("r2", "regression"))
    assert not can_be_estimated(get_metric("log_loss", "classification"))
    day, learned = known(50, 1), known(100, 0)
    assert estimated(day, learned, get_metric("r2", "regression")) is None
    assert estimated(day, known(19, 0)) is None
    assert estimate_error(day.rows.iloc[:0], day.scored.y_pred[:0], learned, RMSE, 0) is None
