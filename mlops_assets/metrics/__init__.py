"""The scores a model is judged by: scikit-learn's values, vectorised over bootstrap resamples."""

from mlops_assets.metrics.known import check_metric, get_metric, known_metrics, metrics_for
from mlops_assets.metrics.metric import Kind, Metric, Task
from mlops_assets.metrics.names import MetricName

__all__ = [
    "Kind",
    "Metric",
    "MetricName",
    "Task",
    "check_metric",
    "get_metric",
    "known_metrics",
    "metrics_for",
]
