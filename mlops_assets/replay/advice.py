"""What a history says about the settings, in words: each sentence follows from figures."""

from collections import Counter

from mlops_assets.drift.regimes import BASELINE
from mlops_assets.replay.figures import Lived, difference
from mlops_assets.replay.history import History
from mlops_assets.replay.policies import CONFIGURED, NEVER
from mlops_assets.spec import ModelSpec

_MOSTLY = 0.5  # of days or refusals
_FEW_DAYS = 28
_COLUMNS = 4
# What to try where a check of the gate refuses most candidates.
_TRY = {
    "baseline_kept": (
        "it lost too much on the baseline's holdout; where the baseline counts no more, replay "
        "--set gate.max_baseline_drop=null"
    ),
    "better": "it was not better than production on rows that neither had seen",
    "credibly_better": (
        "it was better, but not credibly, or not on later days as well; days with more labelled "
        "rows would tell, or a lower gate.confidence"
    ),
    "better_than_chance": "it was not better than chance",
    "enough_rows": (
        "there were too few labelled rows to tell; replay --set gate.min_evaluation_rows with fewer"
    ),
    "score_floor": "its score is below gate.min_score",
    "later_partition": "production was promoted on a later day",
}


def advice(spec: ModelSpec, history: History, lived: list[Lived]) -> list[str]:
    """The advice, the most important first; never empty."""
    ours = {one.name: one for one in lived}
    configured = ours[CONFIGURED]
    if configured.mean is None:
        return ["No day has labels, so nothing could be scored: give them, or replay other days."]
    told = [
        *_few_days(configured),
        *_does_retraining_pay(ours, spec),
        *_beside_the_calendar(ours, spec),
        *_alarms(configured, spec),
        *_refusals(configured),
        *_waiting(configured),
        *_variants(ours, spec),
        *_left_out(history, configured),
    ]
    return told or ["Nothing in this history speaks against the settings as they are."]


def _few_days(configured: Lived) -> list[str]:
    days = len(configured.log.scores)
    if days >= _FEW_DAYS:
        return []
    return [f"Only {days} days have a score: too few to tell policies apart. Replay more."]


def _does_retraining_pay(ours: dict[str, Lived], spec: ModelSpec) -> list[str]:
    trained = [one for one in ours.values() if one.gain and one.retrainings]
    paying = [one for one in trained if one.gain and one.gain.clear and one.gain.mean > 0]
    if not trained:
        return ["No policy retrained: there is nothing to compare with never retraining."]
    if not paying:
        return [
            "No policy is clearly better than never retraining (twice the standard error of weekly "
            "means): this history does not show that retraining pays."
        ]
    best = max(paying, key=lambda one: one.gain.mean if one.gain else 0.0)
    assert best.gain is not None, "it would not be among those that gain"
    never, metric = ours[NEVER], spec.metric_of().name
    return [
        f"Retraining pays here: `{best.name}` has a mean {metric} of {_score(best.mean)} "
        f"where never retraining has {_score(never.mean)}, and was better in "
        f"{best.gain.weeks_better} of {best.gain.weeks} weeks."
    ]


def _beside_the_calendar(ours: dict[str, Lived], spec: ModelSpec) -> list[str]:
    """The configured policy beside the simple ones that dominate it, or that it dominates."""
    configured = ours[CONFIGURED]
    simple = [one for one in ours.values() if one.name == NEVER or one.name.startswith("every ")]
    told = []
    beaten_by = [one for one in simple if one.name in configured.dominated_by]
    if beaten_by:
        cheapest = min(beaten_by, key=lambda one: one.retrainings)
        apart = difference(cheapest.log, configured.log, spec.metric_of())
        much = "better" if apart and apart.clear else "no worse"
        told.append(
            f"`{CONFIGURED}` retrained {_times(configured.retrainings)} for a mean of "
            f"{_score(configured.mean)}; `{cheapest.name}` is {much} ({_score(cheapest.mean)}) and "
            f"retrained {_times(cheapest.retrainings)}. These settings cost more than they bring."
        )
    beats = [one for one in simple if one.name in configured.dominates and one.name != NEVER]
    if beats:
        names = ", ".join(f"`{one.name}` ({_times(one.retrainings)})" for one in beats)
        told.append(
            f"`{CONFIGURED}` is at least as good as {names} with {_times(configured.retrainings)}."
        )
    if not beaten_by and not beats and configured.gain_share is not None:
        told.append(
            f"`{CONFIGURED}` has {configured.gain_share:.0%} of the gain of `every 7` at "
            f"{configured.training_share or 0:.0%} of its trainings."
        )
    return told


def _alarms(configured: Lived, spec: ModelSpec) -> list[str]:
    log = configured.log
    days, drifted = len(log.drifted), sum(log.drifted.values())
    if not days or drifted / days < _MOSTLY:
        return []
    regimes = len(set(log.regimes.values()) - {BASELINE})
    columns = [f"{name} ({count})" for name, count in log.columns.most_common(_COLUMNS)]
    told = (
        f"Drift was found on {drifted} of {days} days, in {regimes} regimes: an alarm that rings "
        f"so often tells nothing."
    )
    if columns:
        told += (
            f" The columns that differ from the baseline most often are {', '.join(columns)} days. "
            "Where that is their nature, as with weather or weekdays, raise their "
            "`drift.thresholds`, or ask for more columns: replay "
            f"--set drift.drift_share={min(1.0, spec.drift.drift_share + 0.3):g}."
        )
    return [told]


def _refusals(configured: Lived) -> list[str]:
    refused = configured.log.refused
    if not refused or len(refused) < _MOSTLY * configured.retrainings:
        return []
    # The first that did not hold: a candidate that is not better is not credibly better either.
    why = Counter(one.checks[0] for one in refused if one.checks)
    told = (
        f"The gate refused {len(refused)} of {configured.retrainings} candidates of `{CONFIGURED}`."
    )
    if why:
        (check, count), *_ = why.most_common(1)
        told += f" Most often ({count} times): {_TRY.get(check, check)}."
    return [told]


def _waiting(configured: Lived) -> list[str]:
    waiting = configured.counts["awaiting_approval"]
    if not waiting:
        return []
    return [
        f"{waiting} candidates of `{CONFIGURED}` passed the gate and wait for a person, who is not "
        "there in a replay: replay --set gate.approval=auto to see what approving them had brought."
    ]


def _variants(ours: dict[str, Lived], spec: ModelSpec) -> list[str]:
    configured = ours[CONFIGURED]
    told = []
    for one in ours.values():
        if "=" not in one.name:
            continue
        if one.log.decisions == configured.log.decisions:
            told.append(f"`{one.name}` changes no decision in this history.")
            continue
        apart = difference(one.log, configured.log, spec.metric_of())
        word = "no clear difference to"
        if apart and apart.clear:
            word = "clearly better than" if apart.mean > 0 else "clearly worse than"
        told.append(
            f"`{one.name}`: {word} `{CONFIGURED}` ({_score(one.mean)}, {_score(configured.mean)}), "
            f"retrained {_times(one.retrainings)} in place of {configured.retrainings}."
        )
    return told


def _left_out(history: History, configured: Lived) -> list[str]:
    told = []
    counts = (
        (len(history.missing), "had no batch"),
        (len(history.failed), "could not be read"),
        (len(configured.log.quarantined), "broke the data contract and went into quarantine"),
    )
    for count, what in counts:
        if count:
            told.append(f"{count} of {len(history.days)} days {what}; no policy saw them.")
    return told


def _score(mean: float | None) -> str:
    return "none" if mean is None else f"{mean:.3f}"


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
