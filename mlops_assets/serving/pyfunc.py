"""What a program has that loads a version with ``mlflow.pyfunc``: raw rows in, all it knows out.

A copy of this file, and of what it imports of this package, is stored with every version (see
:mod:`mlops_assets.training.model_code`). So a program needs nothing of mlops_assets, and a version
goes on reading rows as it did when it was trained.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.data.notes import notes_of
from mlops_assets.serving.table import Sent, checked
from mlops_assets.training.features import STORED_TYPES, Model, SentType, stored_positive
from mlops_assets.training.own_features import OwnFeatures

_LOG = logging.getLogger("mlops_assets")


@dataclass(frozen=True)
class RawModel:
    """A version that takes rows as they come, and reads them as the daily job does.

    Attributes:
        model: The model.
        columns: What it takes: name to type.
        positive: The positive class; None: there is none.
    """

    model: Model
    columns: Mapping[str, SentType]
    positive: Any = None

    def predict(self, rows: pd.DataFrame, params: Any = None) -> pd.DataFrame:  # noqa: ARG002
        """What it says of each row.

        Args:
            rows: At least one. Whole numbers may stand for floats and digits for texts, dates may
                be ISO texts; other columns are ignored. Where the columns of numbers are texts as
                well, all are taken for the fields of a CSV.
            params: MLflow's; there are none.

        Returns:
            ``prediction``; for a positive class its ``probability``; for more classes
            ``probability_<class>`` of each. The index is that of ``rows``.

        Raises:
            UserError: All that is wrong: missing columns, values of another kind.
        """
        texts = _are_texts(rows, self.columns)
        sent = Sent(_fields(rows) if texts else rows, is_csv=texts)
        table = checked(sent, self.columns, most=None)
        for note in notes_of(table, Columns(target="")):  # whoever has the values may see them
            _LOG.warning("%s", note)
        return pd.DataFrame(self.model.predict(table).columns(self.positive), index=rows.index)


def _are_texts(rows: pd.DataFrame, columns: Mapping[str, SentType]) -> bool:
    """Whether all that is there are texts, though the model takes numbers or truth values."""
    there = {name: rows[name].dropna() for name in columns if name in rows.columns}
    unlike = [n for n in there if columns[n] in ("float", "boolean") and len(there[n])]
    return bool(unlike) and all(
        values.map(lambda value: isinstance(value, str)).all() for values in there.values()
    )


def _fields(rows: pd.DataFrame) -> pd.DataFrame:
    """The texts of a CSV, whose only null is the empty one."""
    return rows.astype(object).where(rows.notna() & (rows != ""), None)


def _load_pyfunc(path: str) -> RawModel:
    """What MLflow calls, with the folder of a stored version."""
    import skops.io
    from mlflow.models import Model as Stored

    about = Stored.load(path)
    trusted = about.flavors["sklearn"]["skops_trusted_types"]
    kept: Any = about.metadata
    own = OwnFeatures.from_tags(kept)
    if own is not None:
        own.require("This version")
        if changed := own.changed():
            _LOG.warning("%s", changed)
    model = Model.from_stored(skops.io.load(Path(path) / "model.skops", trusted=trusted))
    columns = {name: kept[STORED_TYPES][name] for name in model.features}
    return RawModel(model, columns, stored_positive(kept, model))
