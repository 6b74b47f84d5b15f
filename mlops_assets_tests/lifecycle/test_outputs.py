"""What production predicts is compared as well: it needs no labels, and days may vary."""

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from mlops_assets.drift.two_sample import PREDICTION
from mlops_assets.lifecycle.day import Day
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.rows import baseline_parts, evaluation_rows
from mlops_assets.predicted import Predicted
from mlops_assets_tests.lifecycle import made

WIDE = ["x", *(f"noise{place}" for place in range(11))]
FIRST = dt.date(2026, 1, 1)


@dataclass(frozen=True)
class Probable:
    """A model that knows probabilities."""

    fitted: LogisticRegression
    features: list[str] = field(default_factory=lambda: WIDE)

    def predict(self, frame: pd.DataFrame) -> Predicted:
        rows = frame[self.features]
        classes = np.asarray(self.fitted.classes_)
        return Predicted(self.fitted.predict(rows), self.fitted.predict_proba(rows), classes)


def wide(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Twelve columns, of which one tells the class, and moves."""
    rng = np.random.default_rng(seed)
    made_of = {name: rng.normal(size=rows).round(3) for name in WIDE}
    made_of["x"] = (made_of["x"] + shift).round(3)
    high = rng.random(rows) < 1 / (1 + np.exp(-3 * made_of["x"]))
    return pd.DataFrame(made_of | {"y": np.where(high, "high", "low")})


def without_labels(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(y=pd.Series([None] * len(rows), dtype=object))


def life(baseline: pd.DataFrame, **changes) -> Life:
    one = made.life(**changes)
    one.source.tables["baseline"] = baseline
    made.take_baseline(one)
    learned = baseline_parts(one).learn
    model = Probable(LogisticRegression().fit(learned[WIDE], learned["y"]))
    version = one.registry.register(model, {})
    one.registry.set_alias("production", version)
    return one


def of_day(one: Life, day: str, rows: pd.DataFrame):
    one.source.tables[day] = rows
    return made.report(one, day)


def test_a_column_that_matters_moves_what_is_predicted_before_there_are_labels():
    one = life(wide(1000, 0))
    usual = of_day(one, made.USUAL, without_labels(wide(300, 1)))
    assert usual.verdict.state == "stable"
    assert usual.comparison.columns[0].name == PREDICTION
    assert not usual.comparison.prediction.differs
    moved = of_day(one, made.DRIFTED, without_labels(wide(300, 2, shift=1.0)))
    assert not moved.comparison.features_differ
    assert moved.comparison.target is None
    assert moved.comparison.prediction.kind == "numerical"
    assert moved.verdict.state == "shift, new"
    assert (
        "what production predicts differs from what it does for the baseline"
        in (moved.verdict.reasons[0])
    )


def test_it_is_not_compared_where_it_is_switched_off():
    one = life(wide(1000, 0), drift={"prediction_significance": 0})
    moved = of_day(one, made.DRIFTED, without_labels(wide(300, 2, shift=1.0)))
    assert moved.comparison.prediction is None
    assert not moved.verdict.drift_detected


def test_without_probabilities_the_classes_are_compared():
    one = made.life()
    made.baseline(one)
    found = made.report(one, made.DRIFTED).comparison
    assert found.prediction.kind == "categorical"


def test_classes_that_are_numbers_are_no_amounts():
    one = made.life()
    tables = one.source.tables
    for day, rows in tables.items():
        tables[day] = rows.assign(y=(rows["y"] == "high").astype(int))
    made.baseline(one)
    assert made.report(one, made.DRIFTED).comparison.prediction.kind == "categorical"


def test_rows_that_production_has_learned_from_say_nothing():
    one = made.promoted()
    made.report(one, made.AGAIN)
    day = Day(one, made.AGAIN)
    assert day.production.number == 2
    judged = evaluation_rows(one, [made.DRIFTED])
    assert day.outputs.on_days([made.DRIFTED]).values.rows == len(judged) < 300
    assert day.outputs.on_days([made.USUAL]).values.rows < 200


def by_days(days: int, seed: int, vary: float) -> pd.DataFrame:
    """Days whose rows move together, as the weather moves them."""
    rng = np.random.default_rng(seed)
    tables = [
        wide(100, seed * 1000 + place, rng.normal(0, vary)).assign(
            at=pd.Timestamp(FIRST) + pd.Timedelta(days=place - days)
        )
        for place in range(days)
    ]
    return pd.concat(tables, ignore_index=True)


def lived(one: Life, days: int, seed: int, vary: float, shift: float = 0.0):
    rng = np.random.default_rng(seed)
    found = []
    for place in range(days):
        day = str(FIRST + dt.timedelta(days=place))
        rows = wide(100, seed * 1000 + place, shift + rng.normal(0, vary))
        found.append(of_day(one, day, without_labels(rows.assign(at=pd.Timestamp(day)))))
    return found


COLUMNS = {"columns": {"target": "y", "timestamp": "at"}}


def test_where_days_vary_so_does_what_is_predicted():
    one = life(by_days(28, 1, 0.7), **COLUMNS)
    found = lived(one, 14, 2, 0.7)
    assert not any(each.verdict.drift_detected for each in found)
    assert sum(each.comparison.prediction.differs for each in found) <= 1
    assert Day(one, "2026-01-14").outputs.on_reference().periods.known > 7


def test_a_lasting_change_is_found_though_days_vary():
    one = life(by_days(28, 1, 0.3), **COLUMNS)
    found = lived(one, 7, 3, 0.3, shift=1.5)
    assert any(each.verdict.drift_detected for each in found)
    assert not any(each.comparison.features_differ for each in found)


def test_every_quiet_day_has_its_share_however_large_it_is():
    one = life(by_days(28, 1, 0.3), **COLUMNS, drift={"max_rows": 280, "resamples": 200})
    lived(one, 14, 4, 0.3)
    found = Day(one, "2026-01-14").outputs.on_reference()
    rows = found.values.rows - len(Day(one, "2026-01-14").holdout.y_true)
    quiet = len(Day(one, "2026-01-14").reference.quiet)
    assert quiet >= 7
    assert rows == 10 * quiet


def test_it_is_not_held_against_rows_where_nobody_knows_how_it_varies():
    # Of eight days two or so are in the holdout: too few to tell.
    one = life(by_days(8, 1, 0.7), **COLUMNS)
    found = lived(one, 3, 2, 0.7)
    assert all(each.comparison.prediction is None for each in found)
    assert not any(each.verdict.drift_detected for each in found)


def test_a_days_rows_are_predicted_once_though_windows_and_page_ask_again():
    one = life(wide(1000, 0))
    of_day(one, made.USUAL, without_labels(wide(300, 1)))
    day = Day(one, made.USUAL)
    assert not one.sides.keeps
    first, again = (day.outputs._said(made.USUAL, 20_000) for _ in range(2))
    assert first is again
