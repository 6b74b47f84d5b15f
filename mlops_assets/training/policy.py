"""The numbers of the search for a model, as the YAML gives them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from mlops_assets.data.classes import class_text, positive_class
from mlops_assets.metrics import Metric, MetricName, Task, get_metric
from mlops_assets.own_code import PATH
from mlops_assets.training.engines import Engine

# The ids, written down here so that a mistake is told when the YAML is loaded, without the engine.
_ALGORITHMS: dict[Task, tuple[str, ...]] = {
    "classification": (
        *("lr", "knn", "nb", "dt", "svm", "rbfsvm", "gpc", "mlp", "ridge", "rf", "qda", "ada"),
        *("gbc", "lda", "et", "xgboost", "lightgbm", "catboost", "dummy"),
    ),
    "regression": (
        *("lr", "lasso", "ridge", "en", "lar", "llar", "omp", "br", "ard", "par", "ransac", "tr"),
        *("huber", "kr", "svm", "knn", "dt", "rf", "et", "ada", "gbr", "mlp"),
        *("xgboost", "lightgbm", "catboost", "dummy"),
    ),
}
_OF_PYCARET_ALONE = ("xgboost", "catboost")  # where their packages are

RARE = 0.2  # of the rows, for the rarer of two classes


def known_algorithms(task: Task, engine: Engine | None) -> list[str]:
    """The ids that the YAML may name: of an engine, or of any."""
    without = _OF_PYCARET_ALONE if engine == "sklearn" else ()
    return [name for name in _ALGORITHMS[task] if name not in without]


def default_metric(target: pd.Series, task: Task) -> str | None:
    """What ranks the algorithms for a target where nothing is asked for.

    ``average_precision`` where one of two classes has under 20 % of the rows: there a model may
    tell them apart well and yet find no row likelier than not of the rarer class, so that by their
    labels at a probability of 0.5 the best of models are level with a dummy. Else None, which is
    the first of :func:`mlops_assets.metrics.metrics_for`.
    """
    if task != "classification":
        return None
    shares = target.value_counts(normalize=True)
    shares = shares[shares > 0]
    return "average_precision" if len(shares) == 2 and shares.min() < RARE else None


class TrainingPolicy(BaseModel):
    """How AutoML searches."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: MetricName | None = Field(
        default=None,
        description="The cross-validated metric that ranks the algorithms. null: the model's "
        "`metric`; where that is not named either f1_macro, rmse for regression, and "
        "average_precision where one of two classes has under 20 % of the rows.",
    )
    engine: Engine | None = Field(
        default=None,
        description="Where the algorithms come from: pycaret, which needs Python 3.11, or sklearn, "
        "which has the same of scikit-learn and LightGBM. null: pycaret where it is installed.",
    )
    threshold: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="From which probability of the positive class on a row of a binary target is "
        "labelled as such. null: what does best by the metric (by f1_macro where that reads "
        "probabilities) on cross-validated predictions, where it credibly beats 0.5.",
    )
    features: str | None = Field(
        default=None,
        pattern=PATH,
        description="A scikit-learn transformer of yours, as `my_package.my_module:name`: an "
        "instance, a class or a function that returns one. It gets a DataFrame of the feature "
        "columns, and the algorithms get what it makes of them; it is fitted in every fold anew. "
        "null: the columns as they are.",
    )
    folds: int = Field(
        default=10,
        ge=2,
        description="Cross-validation folds; fewer where the smallest class has fewer rows.",
    )
    folds_in_time: bool = Field(
        default=False,
        description="Whether each fold is a stretch of time by `columns.timestamp`, in trainings "
        "that know no regime, such as the first model's. Else rows are dealt to folds at random.",
    )
    algorithms: list[str] | None = Field(
        default=None,
        description="The ids of the algorithms to compare, such as lr, rf, lightgbm; null takes "
        "all that do not count as slow.",
    )
    exclude: list[str] = Field(
        default=[], description="The ids of algorithms to leave out of the comparison."
    )
    budget_minutes: float | None = Field(
        default=None,
        gt=0,
        description="No further algorithm is begun after this many minutes; null is no limit.",
    )
    tune_minutes: float | None = Field(
        default=None,
        gt=0,
        description="For so many minutes after the comparison other parameters of the three best "
        "algorithms are tried, 60 at the most, and taken where that is credibly better on folds "
        "that had no part in choosing. null: the engine's defaults.",
    )
    regime_weight: float | None = Field(
        default=None,
        gt=0,
        description="How much a row of the regime that a candidate is for weighs beside an older "
        "one; 1: as much. null: what does best on left-out rows of the regime, of 1, equal halves "
        "of old and new, a step on either side of these, and the new rows alone, as far as the "
        "baseline is kept as gate.max_baseline_drop asks.",
    )
    quiet_days: bool = Field(
        default=True,
        description="Whether the adaptation parts of quiet days are learned from as well, where "
        "that does better on the regime's own rows; the latest first.",
    )
    max_rows: int | None = Field(
        default=100_000,
        ge=100,
        description="How many rows a candidate learns from at the most: those of its regime "
        "first, then those of promoted regimes, then those of quiet days, the latest days first. "
        "null: no bound. The first model learns from the whole train part of the baseline.",
    )
    baseline_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="The share of max_rows that is kept for rows of the baseline, where it has as "
        "many.",
    )
    class_weight: (
        Literal["balanced"] | dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] | None
    ) = Field(
        default=None,
        description="What a row weighs in a fit by its class: balanced (each class as much as any "
        'other), or such as {"yes": 5}, where a class that is not named weighs 1. Labels follow '
        "these weights, probabilities are put right again. null: all rows weigh the same.",
    )
    window_days: int | None = Field(
        default=None,
        ge=1,
        description="Only batches of the latest so many days are learned from, the candidate's "
        "own among them; the baseline always is. null: all.",
    )
    half_life_days: float | None = Field(
        default=None,
        gt=0,
        description="A row weighs half as much for each so many days of its age; the baseline is "
        "as old as start_date. null: age plays no part.",
    )
    seed: int = Field(default=0, ge=0, description="Seed of folds and algorithms.")
    n_jobs: int = Field(
        default=1,
        description="Processes that cross-validate one algorithm; -1 is one a core. 1 is fastest "
        "on small tables.",
    )

    @field_validator("class_weight", mode="before")
    @classmethod
    def _classes_are_texts(cls, value: Any) -> Any:
        """Names of classes as they are written, as JSON has no others."""
        if not isinstance(value, Mapping):
            return value
        named = {class_text(each): weight for each, weight in value.items()}
        if len(named) < len(value):
            raise ValueError("a class is named twice; name each once")
        return named

    def ranks_by(self, target: pd.Series, task: Task, positive: Any) -> Metric:
        """The metric that ranks the algorithms for a target.

        Args:
            target: The labels that are learned from.
            task: Classification or regression.
            positive: The positive class; None: the rarer of two, where there are two.
        """
        if task == "classification" and positive is None:
            positive = positive_class(target, None)
        return get_metric(self.metric or default_metric(target, task), task, positive)
