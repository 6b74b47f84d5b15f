"""``replay.json``: all that a replay has found, for programs and for the page."""

from typing import Any

from mlops_assets.replay.advice import advice
from mlops_assets.replay.figures import Difference, Lived
from mlops_assets.replay.history import History
from mlops_assets.replay.models import Mode
from mlops_assets.spec import ModelSpec


def result(
    spec: ModelSpec, history: History, lived: list[Lived], mode: Mode, seconds: float
) -> dict[str, Any]:
    """The replay as JSON-able values.

    Args:
        spec: The model.
        history: Its days.
        lived: The policies, each beside the others.
        mode: How was trained again.
        seconds: How long it took.
    """
    quarantined = lived[0].log.quarantined
    return {
        "model": spec.name,
        "from": history.days[0],
        "to": history.days[-1],
        "metric": spec.metric_of().name,
        "greater_is_better": spec.metric_of().greater_is_better,
        "training": mode,
        "label_delay_days": spec.replay.label_delay_days,
        "days": len(history.days),
        "days_missing": list(history.missing),
        "days_failed": history.failed,
        "days_quarantined": quarantined,
        "notes": list(history.notes),
        "policies": [_policy(one) for one in lived],
        "advice": advice(spec, history, lived),
        "seconds": round(seconds, 1),
    }


def _policy(lived: Lived) -> dict[str, Any]:
    log = lived.log
    return {
        "name": lived.name,
        "mean_score": lived.mean,
        "worst_week": lived.worst_week,
        "retrainings": lived.retrainings,
        "promotions": lived.promotions,
        "rejections": lived.refusals,
        "rollbacks": lived.rollbacks,
        "held": lived.held,
        "failures": lived.failures,
        "gain_over_never": _difference(lived.gain),
        "share_of_gain_of_every_7": lived.gain_share,
        "share_of_trainings_of_every_7": lived.training_share,
        "dominates": list(lived.dominates),
        "dominated": bool(lived.dominated_by),
        "dominated_by": list(lived.dominated_by),
        "drifted_days": sum(log.drifted.values()),
        "regimes": log.regimes,
        "versions": log.versions,
        "drifted_columns": dict(log.columns.most_common()),
        "scores": log.scores,
        "decisions": [
            {
                "partition": decided.partition,
                "day": decided.day,
                "decision": decided.decision,
                "reasons": list(decided.reasons),
            }
            for decided in log.decisions
        ],
    }


def _difference(found: Difference | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "mean": found.mean,
        "standard_error": found.error,
        "weeks_better": found.weeks_better,
        "weeks": found.weeks,
        "clear": found.clear,
    }
