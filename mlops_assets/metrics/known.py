"""The metrics that there are."""

from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from mlops_assets.errors import UserError
from mlops_assets.metrics.function import imported
from mlops_assets.metrics.metric import Metric, Task
from mlops_assets.metrics.names import WRITTEN, Asked, asked


def get_metric(name: str | None, task: Task, positive: Any = None) -> Metric:
    """The metric called ``name``; by default ``f1_macro``, and ``rmse`` for regression.

    Args:
        name: As `Metric.name` has it, e.g. ``roc_auc`` or ``precision_at(0.1)``.
        task: What kind of target it is for.
        positive: The class that it is of, where it is of one.

    Raises:
        UserError: There is no such metric for this task, or its parameters are wrong.
    """
    if name is None:
        return replace(metrics_for(task)[0], positive=positive)
    wanted = asked(name)
    for metric in (*metrics_for(task), *_more_for(task)):
        if metric.name == wanted.name:
            return _bound(metric, wanted, positive)
    known = known_metrics(task)
    close = get_close_matches(wanted.name, [each.partition(":")[0] for each in known], n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    msg = f"There is no metric {wanted.name!r} for {task}. Use one of: {', '.join(known)}.{hint}"
    raise UserError(msg)


def check_metric(name: str | None, task: Task) -> None:
    """Whether there is such a metric; a function of the user's own is imported to see.

    Raises:
        UserError: There is none for this task, its parameters are wrong, or its function is not
            there.
    """
    metric = get_metric(name, task)
    if metric.formula == "function":
        imported(metric.parameters[0])


def metrics_for(task: Task) -> tuple[Metric, ...]:
    """The metrics of ``task`` that each algorithm of a search is measured by, the default first."""
    if task == "classification":
        return (
            Metric("f1_macro", task, True, "F1 macro", "classes"),
            Metric("accuracy", task, True, "Accuracy", "classes"),
            Metric("balanced_accuracy", task, True, "Balanced accuracy", "classes"),
            Metric("precision_macro", task, True, "Precision macro", "classes"),
            Metric("recall_macro", task, True, "Recall macro", "classes"),
        )
    return (
        Metric("rmse", task, False, "RMSE", "rows"),
        Metric("mae", task, False, "MAE", "rows"),
        Metric("r2", task, True, "R2", "table"),
    )


def known_metrics(task: Task) -> tuple[str, ...]:
    """Every metric of ``task`` as the YAML has it, those with parameters with an example."""
    metrics = (*metrics_for(task), *_more_for(task))
    return tuple(WRITTEN.get(metric.name, metric.name) for metric in metrics)


def _more_for(task: Task) -> tuple[Metric, ...]:
    """What a model can be judged by besides; of those with parameters, without them."""
    told = "probabilities"
    if task == "classification":
        return (
            Metric("roc_auc", task, True, "ROC AUC", "ranking", told),
            Metric("average_precision", task, True, "Average precision", "ranking", told),
            Metric("log_loss", task, False, "Log loss", "rows", told),
            Metric("brier", task, False, "Brier", "rows", told),
            Metric("f1", task, True, "F1", "classes", of_positive=True),
            Metric("precision_at", task, True, "", "ranking", told, of_positive=True),
            Metric("recall_at", task, True, "", "ranking", told, of_positive=True),
            Metric("expected_cost", task, False, "", "rows", of_positive=True),
            Metric("function", task, True, "", "table", told, of_positive=True),
        )
    return (
        Metric("mape", task, False, "MAPE", "rows"),
        Metric("pinball", task, False, "", "rows"),
        Metric("function", task, True, "", "table"),
    )


def _bound(metric: Metric, wanted: Asked, positive: Any) -> Metric:
    if metric.name not in WRITTEN:
        if wanted.parameters:
            raise UserError(
                f"The metric {metric.name} takes nothing behind its name; not {wanted}."
            )
        # Over several classes it is a mean, which is another where one of them is not there.
        several = metric.kind == "ranking" and positive is None
        return replace(metric, positive=positive, kind="classes" if several else metric.kind)
    return replace(
        metric,
        name=str(wanted),
        column=str(wanted),
        greater_is_better=metric.greater_is_better and wanted.greater_is_better,
        positive=positive,
        parameters=wanted.parameters,
    )
