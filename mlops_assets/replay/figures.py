"""What the policies of a replay come to, side by side, as numbers."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops_assets.metrics import Metric
from mlops_assets.replay.living import FAILED, HELD, ROLLED_BACK, Log
from mlops_assets.replay.policies import NEVER

WEEK = 7
_CLEAR = 2.0  # standard errors from which a difference counts: about 95 %
_FEWEST_WEEKS = 4


@dataclass(frozen=True)
class Difference:
    """How much better one policy scored than another, on the same days.

    Attributes:
        mean: Of all days; positive is better, whatever the metric's direction.
        error: Its standard error, from the variation between weeks: days of one week are alike.
            None for fewer than four weeks.
        weeks_better: In how many weeks it was better, of ``weeks``.
        weeks: How many weeks there were.
    """

    mean: float
    error: float | None
    weeks_better: int
    weeks: int

    @property
    def clear(self) -> bool:
        """Whether it is more than chance explains."""
        return self.error is not None and abs(self.mean) > _CLEAR * self.error


@dataclass(frozen=True)
class Lived:
    """What a policy came to.

    Attributes:
        name: The policy.
        log: Day by day.
        mean: The mean of the daily scores; None without any.
        worst_week: The worst mean of seven scored days in a row; None where there are fewer.
        counts: How often each decision was made.
        gain: Over never retraining.
        gain_share: The share of the gain over `never` that retraining every 7 periods has; None
            where that has none, or this is it.
        training_share: At what share of its trainings.
        dominates: Which policies score no better with no fewer trainings, one of the two strictly.
        dominated_by: The other way round.
    """

    name: str
    log: Log
    mean: float | None
    worst_week: float | None
    counts: Counter[str]
    gain: Difference | None = None
    gain_share: float | None = None
    training_share: float | None = None
    dominates: tuple[str, ...] = ()
    dominated_by: tuple[str, ...] = ()

    @property
    def retrainings(self) -> int:
        """Trainings after the first."""
        return self.log.retrainings

    @property
    def promotions(self) -> int:
        """Versions that became production after the first."""
        return self.counts["promoted"]

    @property
    def refusals(self) -> int:
        """Candidates that the gate did not let through: rejected, or inconclusive for good."""
        return len(self.log.refused)

    @property
    def held(self) -> int:
        """Retrainings that were put off, and candidates that wait for a person."""
        return self.counts[HELD] + self.counts["awaiting_approval"]

    @property
    def rollbacks(self) -> int:
        """How often production went back."""
        return self.counts[ROLLED_BACK]

    @property
    def failures(self) -> int:
        """Retrainings that came to nothing."""
        return self.counts[FAILED]


def compared(logs: dict[str, Log], metric: Metric) -> list[Lived]:
    """The policies of a replay, each beside the others, in their order."""
    alone = {name: _alone(name, log, metric) for name, log in logs.items()}
    return [_among(lived, alone, metric) for lived in alone.values()]


def weekly(scores: dict[str, float]) -> pd.Series:
    """The mean of the last seven scored days, by day; from the seventh on."""
    return pd.Series(scores, dtype=float).sort_index().rolling(WEEK).mean().dropna()


def difference(ours: Log, theirs: Log, metric: Metric) -> Difference | None:
    """How much better ``ours`` scored; None where no day is scored in both."""
    days = sorted(ours.scores.keys() & theirs.scores.keys())
    if not days:
        return None
    better = np.array([metric.improvement(ours.scores[d], theirs.scores[d]) for d in days])
    weeks = [float(better[at : at + WEEK].mean()) for at in range(0, len(better), WEEK)]
    enough = len(weeks) >= _FEWEST_WEEKS
    error = float(np.std(weeks, ddof=1) / np.sqrt(len(weeks))) if enough else None
    return Difference(float(better.mean()), error, sum(w > 0 for w in weeks), len(weeks))


def _alone(name: str, log: Log, metric: Metric) -> Lived:
    weeks = weekly(log.scores)
    worst = weeks.min() if metric.greater_is_better else weeks.max()
    return Lived(
        name=name,
        log=log,
        mean=float(np.mean(list(log.scores.values()))) if log.scores else None,
        worst_week=float(worst) if len(weeks) else None,
        counts=Counter(decided.decision for decided in log.decisions),
    )


def _among(lived: Lived, others: dict[str, Lived], metric: Metric) -> Lived:
    gain = gain_share = training_share = None
    if NEVER in others and lived.name != NEVER:
        gain = difference(lived.log, others[NEVER].log, metric)
    weekly_policy = others.get("every 7")
    if weekly_policy and lived.name not in (NEVER, weekly_policy.name) and NEVER in others:
        whole = difference(weekly_policy.log, others[NEVER].log, metric)
        if gain and whole and whole.clear and whole.mean > 0:
            gain_share = gain.mean / whole.mean
        if weekly_policy.retrainings:
            training_share = lived.retrainings / weekly_policy.retrainings
    return Lived(
        name=lived.name,
        log=lived.log,
        mean=lived.mean,
        worst_week=lived.worst_week,
        counts=lived.counts,
        gain=gain,
        gain_share=gain_share,
        training_share=training_share,
        dominates=tuple(n for n, other in others.items() if _dominates(lived, other, metric)),
        dominated_by=tuple(n for n, other in others.items() if _dominates(other, lived, metric)),
    )


def _dominates(one: Lived, other: Lived, metric: Metric) -> bool:
    if one.mean is None or other.mean is None or one.name == other.name:
        return False
    better = metric.improvement(one.mean, other.mean)
    fewer = other.retrainings - one.retrainings
    return better >= 0 and fewer >= 0 and (better > 0 or fewer > 0)
