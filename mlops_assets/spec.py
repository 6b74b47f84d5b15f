"""One monitored model, as its YAML describes it."""

import datetime as dt
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from mlops_assets.data.columns import Columns
from mlops_assets.data.contract import ContractOverrides
from mlops_assets.data.sources import Source
from mlops_assets.data.splits import SplitPolicy
from mlops_assets.drift.policy import DriftPolicy, RetrainPolicy
from mlops_assets.errors import UserError
from mlops_assets.fairness import FairnessPolicy
from mlops_assets.metrics import Metric, MetricName, Task, check_metric, get_metric, known_metrics
from mlops_assets.promotion.policy import GatePolicy, RollbackPolicy
from mlops_assets.training.own_features import transformer_of
from mlops_assets.training.policy import TrainingPolicy, known_algorithms

NAME = r"^[a-z][a-z0-9_]{0,62}$"
OWNER = r"^(team:.+|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7})$"  # as Dagster demands it
_Policy = TypeVar("_Policy", TrainingPolicy, GatePolicy)


class ReplayPolicy(BaseModel):
    """How the model's past is lived again by ``mlops-assets replay``; nothing else uses it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label_delay_days: int = Field(
        default=0,
        ge=0,
        description="How many days after a batch its labels came; the history does not tell.",
    )


class PredictionPolicy(BaseModel):
    """What is said beside a prediction."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: float | None = Field(
        default=0.9,
        gt=0,
        lt=1,
        description="Regression: the share of true values that are to lie between `lower` and "
        "`upper` of their predictions, for versions that are trained from now on. null: without.",
    )


class ModelSpec(BaseModel):
    """What runs for one model: its data, and every number that its decisions depend on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        pattern=NAME,
        description="The model's name: the group in the UI, the registered model, the experiment.",
    )
    owners: list[Annotated[str, Field(pattern=OWNER)]] = Field(
        default=[], description="Who answers for the model: e-mail addresses, or `team:<name>`."
    )
    task: Task = Field(default="classification", description="`classification` or `regression`.")
    metric: MetricName | None = Field(
        default=None,
        description="What the search, the gate, the drift report and going back judge by; "
        "`training.metric` and `gate.metric` are others for one of them. For classification: "
        f"{', '.join(known_metrics('classification'))}; for regression: "
        f"{', '.join(known_metrics('regression'))}. null: f1_macro, and rmse for regression.",
    )
    columns: Columns = Field(description="Which column plays which role.")
    baseline: Source = Field(
        description="The labelled table that the first production model is trained on."
    )
    batches: Source = Field(description="Where each day's batch comes from.")
    labels: Source | None = Field(
        default=None,
        description="Where labels come from that are not in the batch; joined on `columns.id`. A "
        "table a day, as in `batches`, or one table of all labels.",
    )
    start_date: str = Field(description="The first day with a batch, as YYYY-MM-DD (UTC).")
    late_days: int = Field(
        default=7,
        ge=0,
        description="For how many days a batch that was not there yet is asked for again, after 1, "
        "3, 7, 15 ... hours, and one that was there is read again where its files have changed "
        "since. A query or function is asked again after 1, 2 and 4 days, as only asking tells.",
    )
    label_days: int = Field(
        default=30,
        ge=0,
        description="For how many days `labels` is asked again, once a day, while rows of a batch "
        "have no label.",
    )
    contract: ContractOverrides = Field(
        default_factory=ContractOverrides,
        description="What to change in the data contract that is derived from the baseline.",
    )
    split: SplitPolicy = Field(
        default_factory=SplitPolicy,
        description="What is held out of the baseline and of each batch for honest evaluation.",
    )
    drift: DriftPolicy = Field(
        default_factory=DriftPolicy, description="When a batch has drifted, and when that matters."
    )
    retrain: RetrainPolicy = Field(
        default_factory=RetrainPolicy,
        description="When to retrain without drift, and how often at the most.",
    )
    training: TrainingPolicy = Field(
        default_factory=TrainingPolicy, validate_default=True, description="How AutoML searches."
    )
    gate: GatePolicy = Field(
        default_factory=GatePolicy,
        validate_default=True,
        description="What a candidate must prove to be promoted.",
    )
    rollback: RollbackPolicy = Field(
        default_factory=RollbackPolicy,
        description="When production goes back to the version before it by itself.",
    )
    slices: list[str] = Field(
        default=[],
        description="Parts of the rows that are scored by themselves in every report and "
        "comparison: a column, each value of which is one, or a condition such as `age < 30`.",
    )
    fairness: FairnessPolicy | None = Field(
        default=None,
        description="Groups between which differences in what the model says are reported, and "
        "may be bounded.",
    )
    predictions: PredictionPolicy = Field(
        default_factory=PredictionPolicy, description="What is said beside a prediction."
    )
    replay: ReplayPolicy = Field(
        default_factory=ReplayPolicy, description="How the model's past is lived again."
    )

    @field_validator("start_date", mode="before")
    @classmethod
    def _may_be_written_without_quotes(cls, value: Any) -> Any:
        """YAML reads 2026-01-31 without quotes as a date."""
        return value.isoformat() if isinstance(value, dt.date) else value

    @field_validator("start_date")
    @classmethod
    def _is_a_past_day(cls, value: str) -> str:
        try:
            day = dt.date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a day; write it as YYYY-MM-DD") from None
        today = dt.datetime.now(tz=dt.UTC).date()
        if day > today:
            raise ValueError(
                f"{value} is in the future (today is {today} UTC), so there would be no day to "
                "check; give the first day that has a batch"
            )
        return value

    @field_validator("metric")
    @classmethod
    def _fits_the_task(cls, metric: str | None, info: ValidationInfo) -> str | None:
        _check_metric(metric, info)
        return metric

    @field_validator("training", "gate")
    @classmethod
    def _is_judged_by_the_metric(cls, policy: _Policy, info: ValidationInfo) -> _Policy:
        if policy.metric is not None:
            _check_metric(policy.metric, info)
            return policy
        return policy.model_copy(update={"metric": info.data.get("metric")})

    @field_validator("training")
    @classmethod
    def _algorithms_exist(cls, policy: TrainingPolicy, info: ValidationInfo) -> TrainingPolicy:
        task = info.data.get("task")
        if task is None:
            return policy
        known = known_algorithms(task, policy.engine)
        unknown = sorted({*(policy.algorithms or []), *policy.exclude} - set(known))
        if unknown:
            alike = [get_close_matches(name, known, n=1, cutoff=0.5) for name in unknown]
            hints = sorted({name for names in alike for name in names})
            raise ValueError(
                f"there is no algorithm {', '.join(map(repr, unknown))} for {task}"
                f"{' in the engine sklearn' if policy.engine == 'sklearn' else ''}"
                f"{' (is it ' + ', '.join(hints) + '?)' if hints else ''}; there are "
                f"{', '.join(known)}"
            )
        return policy

    @field_validator("training")
    @classmethod
    def _numbers_have_no_classes(
        cls, policy: TrainingPolicy, info: ValidationInfo
    ) -> TrainingPolicy:
        if policy.class_weight is not None and info.data.get("task") == "regression":
            raise ValueError(
                "`class_weight` is of classes, and the target of a regression has none; leave it "
                "out, or say `task: classification`"
            )
        return policy

    @field_validator("training")
    @classmethod
    def _transformer_is_there(cls, policy: TrainingPolicy) -> TrainingPolicy:
        if policy.features is not None:
            try:
                transformer_of(policy.features)
            except UserError as error:  # pydantic adds the file, line and field to a ValueError
                raise ValueError(str(error)) from None
        return policy

    def metric_of(self, positive: Any = None) -> Metric:
        """The metric that the gate and the drift report judge by, of a positive class."""
        return get_metric(self.gate.metric, self.task, positive)


def _check_metric(name: str | None, info: ValidationInfo) -> None:
    task = info.data.get("task")
    if task is None:  # the task is wrong itself
        return
    try:
        check_metric(name, task)
    except UserError as error:  # pydantic adds the file, line and field to a ValueError only
        raise ValueError(str(error)) from None
