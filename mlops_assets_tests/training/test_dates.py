"""Parts of dates: pandas' own, within a pipeline that is stored without code of this package."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.data.columns import Columns
from mlops_assets.training.automl import train
from mlops_assets.training.dates import PARTS, part_of_date, varying_parts
from mlops_assets.training.features import Model, column_types, model_input
from mlops_assets.training.model_format import TRUSTED_TYPES
from mlops_assets.training.policy import TrainingPolicy

COLUMNS = Columns(target="y")
# As a client that has what the requirements name, and no mlops_assets.
PROGRAM = """
import json, sys
sys.modules["mlops_assets"] = None
import pandas as pd, skops.io
trusted, rows = json.loads(sys.argv[2])
model = skops.io.load(sys.argv[1], trusted=trusted)
print(json.dumps(model.predict_proba(pd.DataFrame(rows)).tolist()))
"""


def parts_of(moments: pd.Series) -> dict[str, list[float]]:
    days = model_input(pd.DataFrame({"d": moments}), ["d"])
    return {part: part_of_date(part).transform(days).ravel().tolist() for part in PARTS}


@given(
    st.lists(
        st.datetimes(
            min_value=pd.Timestamp("1900-03-01"), max_value=pd.Timestamp("2100-02-28 23:59:59")
        ),
        min_size=1,
    )
)
def test_parts_are_those_of_pandas(drawn):
    moments = pd.Series(pd.to_datetime(drawn)).dt.floor("s")
    assert parts_of(moments) == {
        "month": moments.dt.month.tolist(),
        "weekday": moments.dt.dayofweek.tolist(),
        "hour": moments.dt.hour.tolist(),
    }


def test_each_hour_of_four_years_and_each_first_of_a_month_has_its_own():
    hours = pd.Series(pd.date_range("2023-06-01", "2027-06-01", freq="h"))
    assert parts_of(hours)["hour"] == hours.dt.hour.tolist()
    firsts = pd.Series(pd.date_range("1900-03-01", "2100-02-01", freq="MS"))
    assert parts_of(firsts)["month"] == firsts.dt.month.tolist()


def test_a_date_that_is_missing_has_no_parts():
    assert np.isnan(parts_of(pd.Series([pd.NaT, pd.Timestamp(0)]))["month"][0])


def test_a_part_that_is_the_same_in_all_rows_is_left_out():
    frame = pd.DataFrame(
        {
            "mondays": pd.date_range("2026-01-05", periods=20, freq="7D"),
            "times": pd.date_range("2026-01-05", periods=20, freq="h"),
            "empty": pd.to_datetime([None] * 20),
        }
    )
    names = ["mondays", "times", "empty"]
    assert varying_parts(model_input(frame, names), names) == {
        "month": ["mondays"],
        "hour": ["times"],
    }


def orders(rows: int, seed: int) -> pd.DataFrame:
    """Orders, late (``y`` is yes) at weekends, in the evening and in December."""
    rng = np.random.default_rng(seed)
    minutes = rng.integers(0, 2 * 365 * 24 * 60, rows)
    moment = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(minutes, "min"))
    score = 2.0 * (moment.dt.dayofweek >= 5) + (moment.dt.hour >= 18) + (moment.dt.month == 12)
    late = rng.random(rows) < 1 / (1 + np.exp(1.5 - 2 * score))
    frame = pd.DataFrame({"ordered": moment, "size": rng.normal(size=rows)})
    return frame.assign(y=np.where(late, "yes", "no"))


@pytest.fixture(scope="module")
def trained():
    asked = {name: TrainingPolicy(algorithms=[name], folds=3) for name in ("lr", "lightgbm")}
    return {
        name: train(orders(1500, 0), COLUMNS, "classification", policy, lambda _: None)
        for name, policy in asked.items()
    }


def test_what_depends_on_weekday_hour_and_month_is_learned_and_that_is_said(trained):
    fresh = orders(3000, 1)
    fresh.loc[::50, "ordered"] = pd.NaT
    for name, found in trained.items():
        right = (found.model.predict(fresh).labels == fresh["y"]).mean()
        assert right > 0.74, name
        said = "The date 'ordered' is learned from as days since 1970, month, weekday, hour (UTC)."
        assert said in found.notes


def test_a_part_that_was_never_seen_is_predicted_all_the_same(trained):
    rows = orders(50, 2).assign(ordered=pd.Timestamp("2031-05-05 05:05"))
    for found in trained.values():
        assert len(found.model.predict(rows)) == 50
    january = orders(300, 0)
    january["ordered"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(range(300), "h")
    policy = TrainingPolicy(algorithms=["lr"], folds=2)
    found = train(january, COLUMNS, "classification", policy, lambda _: None)
    assert "no month, the same in all rows" in " ".join(found.notes)
    assert len(found.model.predict(rows)) == 50


def test_the_model_takes_the_date_as_one_column_of_its_own_type(trained):
    for found in trained.values():
        assert found.model.features == ["ordered", "size"]
        assert column_types(orders(5, 0), found.model.features)["ordered"] == "datetime"


def test_it_is_stored_and_loaded_without_this_package(trained, tmp_path):
    fresh = orders(40, 3)
    for name, found in trained.items():
        skops.io.dump(found.pipeline, tmp_path / name)
        content = (tmp_path / name).read_bytes()
        assert set(skops.io.get_untrusted_types(data=content)) <= set(TRUSTED_TYPES)
        again = Model.from_stored(skops.io.loads(content, trusted=list(TRUSTED_TYPES)))
        expected = found.model.predict(fresh).probabilities
        assert (again.predict(fresh).probabilities == expected).all()
        rows = model_input(fresh, found.model.features).to_dict("list")
        sent = json.dumps([TRUSTED_TYPES, rows])
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, tmp_path / name, sent],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1]) == expected.tolist()
