"""What a model says: the same columns wherever someone is answered."""

import numpy as np
import pytest

from mlops_assets.predicted import Predicted

TWO = Predicted(
    np.array(["no", "yes"]), np.array([[0.9, 0.1], [0.2, 0.8]]), np.array(["no", "yes"])
)
ODD = np.array(["", "a,b", "prediction"], dtype=object)
THREE = Predicted(ODD, np.full((3, 3), 1 / 3), ODD)


def test_of_two_classes_the_probability_of_the_positive_one_is_told():
    made = TWO.columns("yes")
    assert list(made) == ["prediction", "probability"]
    assert made["probability"].tolist() == [0.1, 0.8]
    assert TWO.columns("no", hidden=True)["probability"].tolist() == [0.9, 0.2]


def test_of_a_positive_class_that_a_model_has_never_seen_the_probability_is_none():
    assert TWO.columns("perhaps")["probability"].tolist() == [0, 0]


def test_of_more_classes_that_of_each_is_told_whatever_they_are_called():
    each = ["probability_", "probability_a,b", "probability_prediction"]
    assert list(THREE.columns()) == ["prediction", *each]
    assert list(THREE.columns("a,b")) == ["prediction", "probability", *each]
    hidden = ["probability_1", "probability_2", "probability_3"]
    assert list(THREE.columns(hidden=True)) == ["prediction", *hidden]


@pytest.mark.parametrize("classes", [[0, 1], [False, True], [0.0, 1.0]])
def test_classes_need_not_be_texts(classes):
    said = Predicted(np.array(classes), TWO.probabilities, np.array(classes))
    assert said.columns(1)["probability"].tolist() == [0.1, 0.8]
    assert list(said.columns())[1:] == [f"probability_{one}" for one in np.array(classes)]


def test_without_probabilities_there_is_the_prediction_alone():
    assert list(Predicted(np.array([1.5])).columns()) == ["prediction"]
    assert list(Predicted(np.array(["no"])).columns("no")) == ["prediction"]
