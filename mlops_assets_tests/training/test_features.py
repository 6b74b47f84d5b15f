"""Feature columns: one plain type each, on every day."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.errors import UserError
from mlops_assets.training.features import Model, column_types, model_input
from mlops_assets_tests.training.tables import mixed


def test_every_kind_of_column_becomes_floats_or_text_with_nan_for_what_is_missing():
    plain = model_input(mixed(), [name for name in mixed() if name != "y"])
    assert plain.dtypes.astype(str).to_dict() == {
        "size [cm]": "float64",
        "count": "float64",
        "colour": "object",
        "shop": "object",
        "open": "float64",
        "day": "float64",
        "grade": "object",
        "member": "float64",
    }
    assert plain["day"].iloc[1] == (mixed()["day"].iloc[1] - pd.Timestamp(0)).days
    assert np.isnan(plain["shop"].iloc[0])
    assert np.isnan(plain["member"].iloc[0])


def test_the_type_of_a_column_is_what_its_values_are_taken_for():
    names = [name for name in mixed() if name != "y"]
    assert column_types(mixed(), names) == {
        "size [cm]": "float",
        "count": "float",
        "colour": "string",
        "shop": "string",
        "open": "boolean",
        "day": "datetime",
        "grade": "string",
        "member": "boolean",
    }
    made_of_codes = pd.DataFrame({"a": pd.Categorical([1, 2]), "b": [True, None]})
    assert column_types(made_of_codes, ["a", "b"]) == {"a": "float", "b": "boolean"}


def test_a_column_has_the_same_type_with_and_without_gaps():
    whole = pd.DataFrame({"flag": [True, False], "n": [1, 2]})
    gaps = pd.DataFrame({"flag": [True, None], "n": pd.array([1, None], dtype="Int64")})
    assert (
        model_input(whole, ["flag", "n"]).dtypes == model_input(gaps, ["flag", "n"]).dtypes
    ).all()


def test_text_and_numbers_mixed_are_text():
    plain = model_input(pd.DataFrame({"a": ["x", 1, None]}, dtype=object), ["a"])
    assert plain["a"].tolist()[:2] == ["x", "1"]
    assert plain["a"].isna().tolist() == [False, False, True]


def test_a_missing_column_is_named():
    class Fitted:
        feature_names_in_ = np.array(["a", "b"])

    with pytest.raises(UserError, match="1 columns that the table does not have: b"):
        Model(Fitted()).predict(pd.DataFrame({"a": [1]}))
