"""Feature columns as models take them: numbers and text, whatever types a table holds."""

import warnings
from collections.abc import Mapping
from copy import copy
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Protocol, Self

import numpy as np
import pandas as pd

from mlops_assets.errors import UserError
from mlops_assets.predicted import Interval, Predicted, Threshold
from mlops_assets.training.own_features import STEP, OwnFeatures, transformed

# Attributes of a stored pipeline.
_THRESHOLD, _OWN = "threshold_", "transformer_"
CLASS_WEIGHTS = "class_weights_"  # in the order of its classes
_NUMBERS = {"integer", "floating", "mixed-integer-float", "decimal"}


def model_input(frame: pd.DataFrame, features: list[str], *, dates: bool = False) -> pd.DataFrame:
    """The ``features`` of ``frame``, in that order, as float64 and text columns.

    PyCaret looks at the types alone, so a column must have the same type on every day: booleans
    become 0 and 1, dates become days since 1970 (UTC), categories their own values, anything
    else text. What is missing is NaN everywhere, and imputed by the model.

    Args:
        frame: A table that holds all ``features``.
        features: Names of the columns to take.
        dates: Whether dates stay dates (UTC), as a transformer of the user's gets them.

    Returns:
        A new table with the index of ``frame``.
    """
    return pd.DataFrame(
        {name: _plain(frame[name], dates=dates) for name in features}, index=frame.index
    )


FeatureType = Literal["float", "boolean", "datetime", "string"]


SentType = Literal[FeatureType, "double", "text"]
"""What is sent for a column of a model.

``double`` and ``text`` stand where a model was stored before types were kept: a number, true and
false as 1 and 0, or a date as its days since 1970; and a text with the blanks around it, which that
model may know.
"""

# In what MLflow keeps of a stored model: what its columns were, and the place of the positive class
# among its classes, whose names may be nobody's business.
STORED_TYPES, STORED_POSITIVE = "column_types", "positive_class"


def column_types(frame: pd.DataFrame, features: list[str]) -> dict[str, FeatureType]:
    """What ``model_input`` takes the ``features`` of ``frame`` for: the type of each.

    ``float`` (of whole numbers too), ``boolean``, ``datetime`` or ``string``: what has to be known
    to bring other rows, which may be text, into the types of this table.
    """
    return {name: _type_of(_without_codes(frame[name])) for name in features}


def _type_of(values: pd.Series) -> FeatureType:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return "datetime"
    if pd.api.types.is_bool_dtype(values.dtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(values.dtype):
        return "float"
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind == "boolean":
        return "boolean"
    return "float" if kind in _NUMBERS else "string"


def _without_codes(values: pd.Series) -> pd.Series:
    """A column of categories with their own values."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.astype(values.dtype.categories.dtype)
    return values


def _plain(values: pd.Series, *, dates: bool) -> pd.Series:
    values = _without_codes(values)
    kind = _type_of(values)
    if kind == "datetime":
        moments = pd.to_datetime(values, utc=True)
        if dates:
            return moments
        return (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
    if kind == "string":
        texts = values.astype(object).where(values.isna(), values.astype(str))
        return texts.where(values.notna(), np.nan)
    if values.dtype == object:
        values = values.where(values.notna(), np.nan)
    return values.astype("float64")


class Predictor(Protocol):
    """What the loop asks of a model: :class:`Model`, or anything like it in a simulation."""

    @property
    def features(self) -> list[str]:
        """The columns it was trained on, in their order."""
        ...

    def predict(self, frame: pd.DataFrame) -> Predicted:
        """What it says of each row; other columns are ignored."""
        ...


@dataclass(frozen=True)
class Model:
    """A fitted pipeline that takes tables as they are stored.

    Attributes:
        pipeline: Of scikit-learn.
        threshold: From which probability on a row is of the positive class; None: the labels are
            those of the pipeline.
        own: The transformer of the user's in the pipeline; None: there is none.
    """

    pipeline: Any
    threshold: Threshold | None = None
    own: OwnFeatures | None = None

    @classmethod
    def from_stored(cls, pipeline: Any) -> Self:
        """The model whose :meth:`to_store` this is; one of an earlier version has no threshold."""
        kept, own = getattr(pipeline, _THRESHOLD, None), getattr(pipeline, _OWN, None)
        return cls(pipeline, kept and Threshold(**kept), own and OwnFeatures(**own))

    def to_store(self) -> Any:
        """The pipeline with all else in it, so that one digest covers it."""
        pipeline = copy(self.pipeline)
        for name, value in ((_THRESHOLD, self.threshold), (_OWN, self.own)):
            if value is not None:
                setattr(pipeline, name, asdict(value))
        return pipeline

    @property
    def features(self) -> list[str]:
        """The columns it was trained on, in their order."""
        return [str(name) for name in self.pipeline.feature_names_in_]

    @property
    def classes(self) -> np.ndarray | None:
        """The classes that its probabilities are of, in their order; None: it knows none."""
        estimator = self.pipeline[-1]
        return estimator.classes_ if hasattr(estimator, "predict_proba") else None

    @property
    def class_weights(self) -> dict[Any, float] | None:
        """What the classes weighed in its fit; None: all the same."""
        kept = getattr(self.pipeline, CLASS_WEIGHTS, None)
        classes = self.pipeline[-1].classes_.tolist() if kept else []
        return dict(zip(classes, kept, strict=True)) if kept else None

    @property
    def interval(self) -> Interval | None:
        """What is around each number that it predicts; None: it was given none."""
        kept = getattr(self.pipeline, "interval_", None)
        return None if kept is None else Interval(**kept)

    def predict(self, frame: pd.DataFrame) -> Predicted:
        """What it says of each row of ``frame``; other columns are ignored.

        Raises:
            UserError: A column it was trained on is missing; or the user's transformer fails.
        """
        missing = [name for name in self.features if name not in frame.columns]
        if missing:
            raise UserError(
                f"The model needs {len(missing)} columns that the table does not have: "
                f"{', '.join(missing)}. Give them, or train a model without them."
            )
        if frame.empty:
            return Predicted(np.array([]))
        with warnings.catch_warnings():
            # That a text was never seen is for the data contract and the drift report to say.
            warnings.filterwarnings("ignore", "Found unknown categories", UserWarning)
            table = model_input(frame, self.features, dates=self.own is not None)
            said = predicted_by(self.pipeline, table, self.own)
        said = said if self.threshold is None else self.threshold.applied(said)
        return replace(said, interval=self.interval)


def stored_positive(kept: Mapping[str, Any], model: Model) -> Any:
    """The positive class of a stored model.

    Args:
        kept: What MLflow keeps of it.
        model: The model itself.

    Returns:
        A plain value; None where it has none, or was stored before that was kept.
    """
    place = kept.get(STORED_POSITIVE)
    return None if place is None or model.classes is None else model.classes.tolist()[place]


def predicted_by(pipeline: Any, table: pd.DataFrame, own: OwnFeatures | None = None) -> Predicted:
    """What a fitted pipeline says of rows as it takes them, with probabilities where it has any.

    Where classes weighed in the fit, labels are by these weights, and probabilities are not.

    Args:
        pipeline: With a transformer of the user's as its second step, or without.
        table: The rows.
        own: Which transformer, for messages.

    Raises:
        UserError: The transformer fails on the rows.
    """
    encoded, left = table, pipeline[:-1]
    if STEP in pipeline.named_steps:
        encoded, left = transformed(pipeline, table, own and own.path), pipeline[2:-1]
    encoded = left.transform(encoded) if len(left) else encoded
    estimator = pipeline[-1]
    labels = np.asarray(estimator.predict(encoded))
    if not hasattr(estimator, "predict_proba"):
        return Predicted(labels)
    probabilities = np.asarray(estimator.predict_proba(encoded))
    weights = getattr(pipeline, CLASS_WEIGHTS, None)
    if weights is not None:
        probabilities = _put_right(probabilities, np.asarray(weights))
    return Predicted(labels, probabilities, estimator.classes_)


def _put_right(probabilities: np.ndarray, class_weights: np.ndarray) -> np.ndarray:
    """How frequent each class is, by a fit to which its rows weighed more or less.

    Such a fit sees a class as that much more frequent, which is undone exactly where its
    probabilities are right for what it saw (Elkan 2001; Saerens, Latinne and Decaestecker 2002).
    """
    right = probabilities / class_weights
    return right / right.sum(axis=1, keepdims=True)
