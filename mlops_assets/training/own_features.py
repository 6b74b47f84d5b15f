"""A transformer of the user's own: what makes features of the columns, in front of the search."""

import hashlib
import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from mlops_assets.errors import UserError
from mlops_assets.own_code import imported, place

STEP = "own"  # in a pipeline, behind the step that knows the names of the columns
_COLUMNS = "columns"
_FIELD = "training.features"
_WHAT_IT_IS = (
    "Name an instance, a class or a function that returns one, of a class that derives from "
    "scikit-learn's TransformerMixin and BaseEstimator"
)
_TAG, _SHA256 = "transformer", "transformer_sha256"


@dataclass(frozen=True)
class OwnFeatures:
    """Which transformer a model was trained with.

    Attributes:
        path: Module and name, as in ``my_package.my_module:name``.
        sha256: Of the module's source text, in hexadecimal.
    """

    path: str
    sha256: str

    @classmethod
    def of(cls, path: str) -> Self:
        """The transformer as its code is now."""
        return cls(path, hashlib.sha256(source_of(path).encode()).hexdigest())

    @classmethod
    def from_tags(cls, tags: Mapping[str, Any]) -> Self | None:
        """What :meth:`tags` has made; None where a version has no transformer."""
        return cls(str(tags[_TAG]), str(tags.get(_SHA256))) if _TAG in tags else None

    def tags(self) -> dict[str, str]:
        """As tags of a registered version, or in the metadata of its file."""
        return {_TAG: self.path, _SHA256: self.sha256}

    @property
    def module(self) -> str:
        """The module that it is in."""
        return self.path.partition(":")[0]

    def trusts(self, kind: str) -> bool:
        """Whether a type or function in a stored model is of the transformer's own package."""
        return kind.partition(".")[0] == self.module.partition(".")[0]

    def require(self, what: str) -> None:
        """Make sure that its module is there.

        Args:
            what: The model that needs it, for the message.

        Raises:
            UserError: It cannot be imported.
        """
        try:
            importlib.import_module(self.module)
        except Exception as error:  # whatever its own code raises
            raise UserError(
                f"{what} was trained with the transformer {self.path} (`{_FIELD}`), and the module "
                f"{self.module} cannot be imported here ({error}). Nothing was loaded. Install its "
                "package, or put its folder on PYTHONPATH. Its source is an artifact of the "
                "version's MLflow run."
            ) from error

    def changed(self) -> str | None:
        """That its code is another one than the version was trained with, in words; else None."""
        now = type(self).of(self.path)
        if now == self:
            return None
        return (
            f"The code of the transformer {self.path} was changed since the version was trained "
            f"with it (SHA-256 {self.sha256[:12]} then, {now.sha256[:12]} now): what it predicts "
            "may be other than what it was judged by. Train again, or put the code back, which is "
            "an artifact of the version's MLflow run."
        )


def source_of(path: str) -> str:
    """The source text of the module of a transformer; of other modules that it uses nothing.

    Raises:
        UserError: It cannot be imported, or there is no text.
    """
    module = path.partition(":")[0]
    imported(path, "transformer", _FIELD)
    file = getattr(sys.modules[module], "__file__", None)
    if file is None or not file.endswith(".py"):
        raise UserError(
            f"The source of the transformer {path} cannot be read, and it is to be kept with each "
            f"version. Put it into a .py file, and name that in `{_FIELD}`."
        )
    return Path(file).read_text("utf-8")


def transformer_of(path: str) -> Any:
    """A new transformer, not fitted.

    Raises:
        UserError: It cannot be imported, or is none.
    """
    from sklearn.base import clone

    if path.partition(":")[0].partition(".")[0] in sys.stdlib_module_names:
        raise UserError(f"The transformer {path} is of Python itself. {_WHAT_IT_IS}.")
    found = imported(path, "transformer", _FIELD)
    if isinstance(found, type) or not hasattr(found, "transform"):
        if not callable(found):
            raise UserError(
                f"The transformer {path} is of type {type(found).__name__}. {_WHAT_IT_IS}."
            )
        found = _called(path, "when it was made without arguments", found)
    lacking = [name for name in ("fit", "transform") if not callable(getattr(found, name, None))]
    if lacking:
        raise UserError(
            f"The transformer {path} is of type {type(found).__name__} and has no method "
            f"{' and no '.join(lacking)}. {_WHAT_IT_IS}."
        )
    return _called(path, "when it was copied", lambda: clone(found, safe=False))


@dataclass(frozen=True)
class Prepared:
    """A transformer that was tried on the training table.

    Attributes:
        own: Which one.
        transformer: Not fitted.
        made: What it makes of the training table.
        notes: What is to be known of it, in words.
    """

    own: OwnFeatures
    transformer: Any
    made: pd.DataFrame | np.ndarray
    notes: tuple[str, ...]

    def steps(self) -> list[tuple[str, Any]]:
        """The first steps of a pipeline, not fitted."""
        return _front(self.transformer).steps


def prepare(path: str, table: pd.DataFrame, target: pd.Series, seed: int) -> Prepared:
    """Try a transformer as the search, a later day and a server will use it.

    Args:
        path: Module and name.
        table: The feature columns, of shape (n_rows, n_columns).
        target: The labels, which its ``fit`` is given as well.
        seed: For a ``random_state`` that is None.

    Raises:
        UserError: It is none, fails on the rows, or makes something that no model can take.
    """
    own, transformer = OwnFeatures.of(path), transformer_of(path)
    seeded = _seed(transformer, seed)
    front, name = _front(transformer), path
    made = checked(name, front.fit_transform, table, target)
    _try_on_unseen_rows(name, transformer, table, target)
    columns = made.shape[1]
    notes = [
        f"The transformer {path} (SHA-256 {own.sha256[:12]}) makes {columns} columns of "
        f"{table.shape[1]}."
    ]
    if seeded:
        notes.append(f"Its {', '.join(seeded)} is the seed, {seed}: it was None.")
    among, alone = checked(name, front.transform, table), checked(name, front.transform, table[:1])
    if not _alike(among[:1], alone):
        notes.append(
            f"The transformer {path} gives other values for a row alone than among others: what is "
            "predicted for a row depends on those that are sent with it. Learn in `fit` what "
            "`transform` uses."
        )
    return Prepared(own, transformer, made, tuple(notes))


def _front(transformer: Any) -> Any:
    """The transformer behind a step of scikit-learn's that knows the columns' names."""
    from sklearn.base import clone
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    return Pipeline([(_COLUMNS, FunctionTransformer()), (STEP, clone(transformer, safe=False))])


def _seed(transformer: Any, seed: int) -> list[str]:
    """Give it the seed where it has none; the names of these parameters."""
    if not hasattr(transformer, "get_params"):
        return []
    unset = [
        name
        for name, value in transformer.get_params().items()
        if value is None and name.rpartition("__")[2] == "random_state"
    ]
    if unset:
        transformer.set_params(**dict.fromkeys(unset, seed))
    return unset


def _try_on_unseen_rows(
    name: str, transformer: Any, table: pd.DataFrame, target: pd.Series
) -> None:
    """Every other row is fitted on, and the rest must come out with the same columns."""
    front = _front(transformer)
    seen = np.arange(len(table)) % 2 == 0
    first = checked(name, front.fit_transform, table[seen], target[seen])
    second = checked(name, front.transform, table[~seen])
    if list(pd.DataFrame(first)) != list(pd.DataFrame(second)):
        raise UserError(
            f"The transformer {name} makes {first.shape[1]} columns of the rows that it was fitted "
            f"on and {second.shape[1]}, or others, of further ones. Let `fit` decide on them."
        )


def transformed(pipeline: Any, table: pd.DataFrame, path: str | None = None) -> Any:
    """What the transformer in a fitted pipeline makes of rows.

    Args:
        pipeline: Its first two steps are those of :meth:`Prepared.steps`.
        table: The feature columns.
        path: Its name, for messages; None: that of its class.

    Raises:
        UserError: It fails on the rows, or makes something that no model can take.
    """
    kind = type(pipeline.named_steps[STEP])
    return checked(path or f"{kind.__module__}.{kind.__name__}", pipeline[:2].transform, table)


def checked(name: str, function: Callable[..., Any], table: pd.DataFrame, *more: Any) -> Any:
    """What a transformer makes of a table, which is one that models take."""
    made = _called(name, f"on {len(table)} rows", function, table, *more)
    wrong = _wrong(made, len(table))
    if wrong:
        raise UserError(f"The transformer {name} {wrong}.")
    return made


def _called(name: str, when: str, function: Callable[..., Any], *given: Any) -> Any:
    try:
        return function(*given)
    except Exception as error:
        # Not what the error says: it may hold values of the table.
        told = (
            " It gets a DataFrame of the feature columns: numbers, true and false as 1 and 0, "
            "texts, dates in UTC; what is missing is NaN or NaT."
            if given
            else f" {_WHAT_IT_IS}."
        )
        raise UserError(
            f"The transformer {name} failed {when} with {type(error).__name__}, {place(error)}."
            f"{told}"
        ) from error


def _wrong(made: Any, rows: int) -> str | None:
    """What is wrong with what a transformer has made; None: nothing."""
    if not isinstance(made, pd.DataFrame | np.ndarray) or made.ndim != 2:
        kind = f"{made.ndim}-dimensional array" if isinstance(made, np.ndarray) else type(made)
        kind = kind if isinstance(kind, str) else kind.__name__
        return f"returned {kind}: return a DataFrame, or an array of numbers with two dimensions"
    if len(made) != rows:
        return (
            f"returned {len(made)} rows for {rows}: each row needs its own, so return as many. "
            "Leave rows out where the table is read"
        )
    if made.shape[1] == 0:
        return "returned no column: return at least one"
    if isinstance(made, np.ndarray):
        if made.dtype.kind not in "iuf":
            return f"returned an array of {made.dtype}: return numbers, or a DataFrame"
        return _endless(pd.DataFrame(made))
    return _wrong_columns(made) or _endless(made.select_dtypes("number"))


def _wrong_columns(made: pd.DataFrame) -> str | None:
    if not made.columns.is_unique or not all(isinstance(name, str) for name in made.columns):
        return "returned columns that have no names of their own: give each a different text"
    strange = {
        str(name): str(kind)
        for name, kind in made.dtypes.items()
        if not (isinstance(kind, np.dtype) and kind.kind in "iufbO")
        and not isinstance(kind, pd.CategoricalDtype)
    }
    if not strange:
        return None
    told = ", ".join(f"{name} ({kind})" for name, kind in list(strange.items())[:5])
    return (
        f"returned {len(strange)} columns of types that no model takes: {told}. Return numbers "
        "(int or float), texts or booleans: of a date numbers such as its hour"
    )


def _endless(numbers: pd.DataFrame) -> str | None:
    endless = np.isinf(numbers.to_numpy(float)).any(axis=0)
    if not endless.any():
        return None
    names = ", ".join(map(str, numbers.columns[endless][:5]))
    return f"returned infinite numbers in {names}: return NaN for what has no value"


def _alike(one: Any, other: Any) -> bool:
    """Whether two results are the same but for rounding."""
    tables = [pd.DataFrame(each).reset_index(drop=True) for each in (one, other)]
    try:
        pd.testing.assert_frame_equal(*tables, check_dtype=False, check_categorical=False)
    except AssertionError:
        return False
    return True
