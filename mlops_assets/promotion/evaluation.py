"""What is measured before a promotion: both models on the same rows that neither has seen."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.fairness import Fairness
from mlops_assets.metrics import Metric
from mlops_assets.predicted import Predicted
from mlops_assets.promotion.beside import Beside
from mlops_assets.promotion.policy import GatePolicy
from mlops_assets.random_effects import Mean, Measured, spread_of
from mlops_assets.slices import SliceCompared

# More rows narrow the bound hardly at all, and cost time and memory in proportion.
MAX_BOOTSTRAP_ROWS = 20_000
# Row positions drawn at a time: 4 million int64 are 32 MB.
_BATCH_CELLS = 4_000_000
# Enough for a quantile of 0.95 to 0.99.
_PERMUTATIONS = 400
# Of a standard error: within about 4 % of that of all resamples there are.
_RESAMPLES_OF_A_DAY = 300
# What the bound is reported at where the policy asks for none.
_DEFAULT_CONFIDENCE = 0.95


class Evidence(BaseModel):
    """All that the gate decides on; scores are None where there were no rows to score."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str = Field(description="The metric's name.")
    greater_is_better: bool = Field(default=True, description="False for errors such as rmse.")
    candidate_score: float | None = Field(description="On the drifted evaluation rows.")
    production_score: float | None = Field(description="On the same rows.")
    improvement: float | None = Field(description="Positive: the candidate is better.")
    improvement_lower: float | None = Field(
        description="One-sided lower bound of the improvement: paired bootstrap, and what "
        "periods vary beyond what rows explain."
    )
    confidence: float = Field(default=_DEFAULT_CONFIDENCE, description="The bound's confidence.")
    chance_score: float | None = Field(
        default=None,
        description="The score that the candidate's predictions stay below, at this confidence, "
        "when they are dealt to the evaluation rows at random.",
    )
    evaluation_rows: int = Field(ge=0, description="Labelled rows that neither model has seen.")
    candidate_baseline_score: float | None = Field(description="On the baseline holdout.")
    first_baseline_score: float | None = Field(
        description="The first production model's, on the same rows."
    )
    baseline_drop: float | None = Field(
        description="How far the candidate is below the first production on the baseline "
        "holdout; a share of the first production's error for metrics that are errors."
    )
    baseline_rows: int = Field(ge=0, description="Labelled rows of the baseline holdout.")
    partition: str = Field(description="The day the candidate was trained on.")
    production_partition: str | None = Field(
        description="The day production was promoted on; None for the baseline's model."
    )
    between_periods: float = Field(
        default=0.0,
        description="The standard deviation of the improvement between periods, beyond what their "
        "rows explain; 0 where it is not known to be any.",
    )
    score_fallen: bool | None = Field(
        default=None,
        description="Whether production's score had fallen where the candidate is judged; None "
        "where nobody asks: after a schedule, and where rows count as independent.",
    )
    slices: tuple[SliceCompared, ...] = Field(
        default=(), description="Both models on the slices that the YAML names."
    )
    fairness: Fairness | None = Field(
        default=None, description="How the candidate treats the groups that the YAML names."
    )
    challenge: tuple[Beside, ...] = Field(
        default=(),
        description="The candidate beside production on later days, where it was not credible.",
    )


def measure(
    y: ArrayLike,
    candidate_pred: ArrayLike,
    production_pred: ArrayLike,
    baseline_y: ArrayLike,
    candidate_baseline_pred: ArrayLike,
    first_baseline_pred: ArrayLike,
    metric: Metric,
    policy: GatePolicy,
    partition: str,
    production_partition: str | None,
    periods: np.ndarray | None = None,
    baseline_periods: np.ndarray | None = None,
    challenge: Sequence[Beside] = (),
) -> Evidence:
    """Score candidate and production, and how sure the difference is.

    Args:
        y: True target of the drifted evaluation rows, of shape (n_rows,).
        candidate_pred: The candidate's predictions for these rows.
        production_pred: Production's predictions for these rows.
        baseline_y: True target of the baseline holdout; may be empty.
        candidate_baseline_pred: The candidate's predictions for the holdout.
        first_baseline_pred: The first production model's predictions for the holdout.
        metric: What to score by.
        policy: Confidence, number of resamples and seed of the bootstrap.
        partition: The day the candidate was trained on.
        production_partition: The day production was promoted on, if it was.
        periods: The number of the period of each evaluation row, from 0 on, of shape (n_rows,);
            None where that is not known.
        baseline_periods: The same of the holdout, -1 where it is not known.
        challenge: How the two have compared on later days.

    Returns:
        The evidence; it does not depend on the order of the rows.
    """
    confidence = policy.first_confidence or _DEFAULT_CONFIDENCE
    y = np.asarray(y)
    candidate_pred, production_pred = map(Predicted.of, (candidate_pred, production_pred))
    candidate = _score(metric, y, candidate_pred)
    production = _score(metric, y, production_pred)
    # By the baseline's own classes: a class that came later cannot be right there.
    on_baseline = _score_of_known(metric, baseline_y, candidate_baseline_pred)
    first = _score_of_known(metric, baseline_y, first_baseline_pred)
    improvement = _improvement(metric, candidate, production)
    lower = improvement_lower(
        y, candidate_pred, production_pred, metric, confidence, policy.resamples, policy.seed
    )
    between = 0.0
    if periods is not None and improvement is not None and lower is not None:
        known = (
            by_period(metric, y, candidate_pred, production_pred, periods),
            _of_the_holdout(
                metric, baseline_y, candidate_baseline_pred, first_baseline_pred, baseline_periods
            ),
        )
        lower, between = _as_periods_vary(improvement, lower, confidence, known)
    return Evidence(
        metric=metric.name,
        greater_is_better=metric.greater_is_better,
        candidate_score=candidate,
        production_score=production,
        improvement=improvement,
        improvement_lower=lower,
        between_periods=between,
        confidence=confidence,
        chance_score=chance_score(
            y, candidate_pred, metric, policy.confidence or _DEFAULT_CONFIDENCE, policy.seed
        ),
        evaluation_rows=len(y),
        candidate_baseline_score=on_baseline,
        first_baseline_score=first,
        baseline_drop=_drop(metric, on_baseline, first),
        baseline_rows=len(np.asarray(baseline_y)),
        partition=partition,
        production_partition=production_partition,
        challenge=tuple(challenge),
    )


def beside(
    y: ArrayLike,
    other_pred: ArrayLike,
    production_pred: ArrayLike,
    metric: Metric,
    partition: str,
    production: int,
    other: int,
    seed: int,
) -> Beside:
    """Another version beside production on a day's rows that neither has seen, at least two.

    Args:
        y: The true target, of shape (n_rows,).
        other_pred: The other version's predictions for these rows.
        production_pred: Production's.
        metric: What to score by.
        partition: The day.
        production: Production's number.
        other: The other's.
        seed: Of the bootstrap, which says how much of the difference rows explain.
    """
    from scipy.special import ndtri

    y = np.asarray(y)
    other_pred, production_pred = map(Predicted.of, (other_pred, production_pred))
    improvement = metric.improvement(metric.score(y, other_pred), metric.score(y, production_pred))
    sure = float(ndtri(_DEFAULT_CONFIDENCE))
    lower = improvement_lower(
        y, other_pred, production_pred, metric, _DEFAULT_CONFIDENCE, _RESAMPLES_OF_A_DAY, seed
    )
    error = 0.0 if lower is None else max(0.0, improvement - lower) / sure
    return Beside(
        partition=partition,
        production=production,
        other=other,
        improvement=improvement,
        error=error,
        rows=len(y),
    )


def lower_as_periods_vary(
    y: np.ndarray,
    one: Predicted,
    other: Predicted,
    metric: Metric,
    confidence: float,
    policy: GatePolicy,
    periods: np.ndarray | None,
) -> float | None:
    """The one-sided lower bound of how much better ``one`` is than ``other`` on some rows.

    As `improvement_lower` has it, and as periods vary; None where it is not defined.
    """
    lower = improvement_lower(y, one, other, metric, confidence, policy.resamples, policy.seed)
    improvement = metric.improvement(metric.score(y, one), metric.score(y, other))
    if lower is None or not math.isfinite(improvement) or not math.isfinite(lower):
        return None
    days = [] if periods is None else by_period(metric, y, one, other, periods)
    return _as_periods_vary(improvement, lower, confidence, [days])[0] if days else lower


def by_period(
    metric: Metric, y: np.ndarray, one: Predicted, other: Predicted, periods: np.ndarray
) -> list[Measured]:
    """How much better ``one`` is than ``other``, period by period; -1 is none.

    A period on which the score is not defined, as for want of a class, says nothing.
    """
    found = []
    for period in np.unique(periods[periods >= 0]):
        rows = periods == period
        scores = metric.score(y[rows], one[rows]), metric.score(y[rows], other[rows])
        if np.isfinite(scores).all():
            found.append(Measured(metric.improvement(*scores), int(rows.sum())))
    return found


def _of_the_holdout(
    metric: Metric,
    y: ArrayLike,
    candidate_pred: ArrayLike,
    first_pred: ArrayLike,
    periods: np.ndarray | None,
) -> list[Measured]:
    if periods is None:
        return []
    one, other = Predicted.of(candidate_pred), Predicted.of(first_pred)
    return by_period(metric, np.asarray(y), one, other, periods)


def _as_periods_vary(
    improvement: float, lower: float, confidence: float, known: Sequence[list[Measured]]
) -> tuple[float, float]:
    """The bound where periods vary by more than rows explain, and by how much they do."""
    from scipy.special import ndtri

    judged = Mean.of(known[0])
    error = max(0.0, improvement - lower) / float(ndtri(confidence))
    spread = spread_of(known, error**2 * judged.rows)
    if not spread.matters(judged.rows / len(known[0])):
        return lower, 0.0
    deviation = math.sqrt(error**2 + spread.between * judged.squares)
    return improvement - spread.quantile(1 - confidence) * deviation, math.sqrt(spread.between)


def _improvement(metric: Metric, candidate: float | None, production: float | None) -> float | None:
    if candidate is None or production is None:
        return None
    return metric.improvement(candidate, production)


def improvement_lower(
    y: np.ndarray,
    candidate_pred: Predicted | np.ndarray,
    production_pred: Predicted | np.ndarray,
    metric: Metric,
    confidence: float,
    resamples: int,
    seed: int,
) -> float | None:
    """The one-sided lower bound of the candidate's improvement at ``confidence``.

    Percentile bootstrap (Efron and Tibshirani 1993, chapter 13) with ``alternative='greater'``,
    that is the (1 - confidence) quantile. It is paired: each resample takes the same rows for
    both models. Of more than 20,000 rows that many are sampled. None for fewer than two rows, and
    where the score is not defined on them.
    """
    from scipy.stats import bootstrap

    if len(y) < 2 or not _defined(metric, y, candidate_pred, production_pred):
        return None
    candidate, production = metric.looks_at(candidate_pred), metric.looks_at(production_pred)
    rows = _rows((production, candidate), y, seed)
    true, candidate, production = y[rows], candidate[rows], production[rows]

    def improvement(positions: np.ndarray, axis: int = -1) -> np.ndarray:  # noqa: ARG001
        candidates = metric.resampled(true, candidate, positions)
        productions = metric.resampled(true, production, positions)
        return candidates - productions if metric.greater_is_better else productions - candidates

    result = bootstrap(
        (np.arange(len(rows)),),
        improvement,
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, _BATCH_CELLS // len(rows)),
        confidence_level=confidence,
        alternative="greater",
        method="percentile",
        random_state=np.random.default_rng(seed),
    )
    # Where a resample lacks a class, some metrics are not defined.
    return float(np.nanquantile(result.bootstrap_distribution, 1 - confidence))


def chance_score(
    y: np.ndarray,
    predicted: Predicted | np.ndarray,
    metric: Metric,
    confidence: float,
    seed: int,
) -> float | None:
    """What the predictions score without knowing the rows: a quantile over permutations.

    Where the labels are random, the model whose predictions are the more evenly spread has the
    better macro F1, and would be promoted too often for a merit that is none. A permutation test
    (Ojala and Garriga 2010) tells it from a model that has learned something. None for fewer than
    two rows, and where the score is not defined on them.
    """
    if len(y) < 2 or not _defined(metric, y, predicted):
        return None
    dealt = metric.looks_at(predicted)
    rows = _rows((dealt,), y, seed)
    true, dealt = y[rows], dealt[rows]
    rng = np.random.default_rng(seed)
    scores = _dealt_scores(true, dealt, metric, rng)
    return float(np.nanquantile(scores, confidence if metric.greater_is_better else 1 - confidence))


def _dealt_scores(
    true: np.ndarray, dealt: Predicted, metric: Metric, rng: np.random.Generator
) -> np.ndarray:
    from pandas import factorize

    if not metric.by_counts:
        deals = (rng.permutation(len(true)) for _ in range(_PERMUTATIONS))
        return np.array([metric.score(true, dealt[deal]) for deal in deals])
    true_codes, classes = factorize(true)  # pyright: ignore[reportCallIssue, reportArgumentType]
    codes, predicted = factorize(dealt.labels)  # pyright: ignore[reportCallIssue, reportArgumentType]
    # A deal is told by how often each class meets each prediction.
    first = true_codes * len(predicted)
    cells = len(classes) * len(predicted)
    counts = np.stack(
        [np.bincount(first + rng.permutation(codes), minlength=cells) for _ in range(_PERMUTATIONS)]
    )
    return metric.of_counts(
        np.repeat(classes, len(predicted)), np.tile(predicted, len(classes)), counts
    )


def _rows(predicted: tuple[Predicted, ...], y: np.ndarray, seed: int) -> np.ndarray:
    """The rows to resample, in an order that does not depend on how they were stored."""
    rows = np.lexsort([*(key for each in predicted for key in each.sort_keys()), y.astype(str)])
    if len(rows) > MAX_BOOTSTRAP_ROWS:
        chosen = np.random.default_rng(seed).choice(len(rows), MAX_BOOTSTRAP_ROWS, replace=False)
        rows = rows[np.sort(chosen)]
    return rows


def _score(metric: Metric, y: ArrayLike, predictions: ArrayLike) -> float | None:
    return _finite(metric.score(y, predictions)) if len(np.asarray(y)) else None


def _score_of_known(metric: Metric, y: ArrayLike, predictions: ArrayLike) -> float | None:
    return _finite(metric.score_of_known(y, predictions)) if len(np.asarray(y)) else None


def _defined(metric: Metric, y: np.ndarray, *predicted: Predicted | np.ndarray) -> bool:
    """Whether the score is, on these rows: of a ranking it is not where all are of one class."""
    return all(np.isfinite(metric.score(y, each)) for each in predicted)


def _finite(score: float) -> float | None:
    """The score; None where it is not defined, as on rows of one class."""
    return score if np.isfinite(score) else None


def _drop(metric: Metric, candidate: float | None, first: float | None) -> float | None:
    if candidate is None or first is None:
        return None
    drop = metric.improvement(first, candidate)
    # Errors have the target's scale, so only a share of them means the same for every model.
    return drop if metric.greater_is_better or first == 0 else drop / abs(first)
