"""The numbers of the search for a model, as the YAML gives them."""

from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.metrics import MetricName, Task

# PyCaret's ids, written down here so that a mistake is told when the YAML is loaded, without
# PyCaret. xgboost and catboost are there where their packages are.
ALGORITHMS: dict[Task, tuple[str, ...]] = {
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


class TrainingPolicy(BaseModel):
    """How AutoML searches."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: MetricName | None = Field(
        default=None,
        description="The cross-validated metric that ranks the algorithms. null: the model's "
        "`metric`.",
    )
    folds: int = Field(
        default=10,
        ge=2,
        description="Cross-validation folds; fewer where the smallest class has fewer rows.",
    )
    algorithms: list[str] | None = Field(
        default=None,
        description="PyCaret's ids of the algorithms to compare, such as lr, rf, lightgbm; null "
        "takes PyCaret's default ones (all that it does not count as slow).",
    )
    exclude: list[str] = Field(
        default=[], description="PyCaret's ids of algorithms to leave out of the comparison."
    )
    budget_minutes: float | None = Field(
        default=None,
        gt=0,
        description="No further algorithm is begun after this many minutes; null is no limit.",
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
