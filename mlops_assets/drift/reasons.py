"""The reasons of a verdict, in words with numbers."""

from collections.abc import Sequence

from mlops_assets.drift.findings import DaysScore, ScoreCheck
from mlops_assets.drift.policy import DriftPolicy
from mlops_assets.drift.regimes import ReportRecord
from mlops_assets.drift.two_sample import ColumnDrift, Comparison

SHOWN_COLUMNS = 5


def score_reason(
    score: ScoreCheck | DaysScore | None,
    earlier: Sequence[ReportRecord],
    production: str | None,
    policy: DriftPolicy,
    one_is_enough: bool,
) -> str | None:
    """Why production's score counts as fallen; None where it does not."""
    if score is None:
        return None
    if score.fall.credible and (one_is_enough or isinstance(score, DaysScore)):
        return score_text(score, "credibly below")
    if isinstance(score, DaysScore):
        return None
    if not score.fall_of_days.credible:
        return None
    # Where days are different, the first of them may be a storm, and the next its echo.
    days = policy.score_days if one_is_enough else policy.score_days + 1
    # Days of another production version say nothing about this one.
    scored = [report for report in earlier if report.score_below is not None]
    last = scored[len(scored) - (days - 1) :] if days > 1 else []
    in_a_row = len(last) == days - 1 and all(
        report.score_below and report.production == production for report in last
    )
    if not in_a_row:
        return None
    text = score_text(ScoreCheck(score.fall_of_days, score.fall_of_days), "credibly below")
    return f"{text}, {days} scored batches in a row"


def score_text(score: ScoreCheck | DaysScore, relation: str) -> str:
    """Production's score beside what it is known by; ``relation`` such as `credibly below`."""
    fall = score.fall
    numbers = (
        f"{fall.rows_now} rows against {fall.rows_then}, fall {fall.fall:+.3f}, "
        f"at least {fall.fall_lower:+.3f} at confidence {fall.confidence:g}"
    )
    if isinstance(score, ScoreCheck):
        what = "score"
        if fall.absent_classes:
            none_of = plural(fall.absent_classes, "1 class", f"{fall.absent_classes} classes")
            what = f"balanced accuracy (without {none_of} that the batch has no row of)"
        return (
            f"production's {what} {fall.score_now:.3f} is {relation} its {fall.score_then:.3f} on "
            f"the baseline holdout ({numbers})"
        )
    return (
        f"production's score {fall.score_now:.3f} on {score.days} "
        f"{plural(score.days, 'day', 'days')} is {relation} its {fall.score_then:.3f} on the "
        f"days that it is known by, as days vary ({numbers})"
    )


def comparison_reasons(comparison: Comparison, reference: str, days: int = 1) -> list[str]:
    """What a batch, or some days together, differ from the reference in."""
    reasons = []
    if days > 1:
        reference = f"{reference}, the last {days} days taken together"
    predicted = comparison.prediction
    if predicted is not None and predicted.differs:
        reasons.append(
            f"what production predicts differs from what it does for {reference} "
            f"({_column_text(predicted)})"
        )
    differing = [column for column in comparison.features if column.differs]
    total = len(comparison.features)
    if differing:
        differing.sort(key=lambda column: -_excess(column))
        shown = ", ".join(_column_text(column) for column in differing[:SHOWN_COLUMNS])
        more = len(differing) - SHOWN_COLUMNS
        reasons.append(
            f"{len(differing)} of {total} feature columns "
            f"{plural(len(differing), 'differs', 'differ')} from {reference}: "
            f"a share of {comparison.drift_share:.2f}, drift from "
            f"{comparison.needed_share:g} ({shown}{f', and {more} more' if more > 0 else ''})"
        )
        if comparison.share_reached and not comparison.features_differ:
            by_chance = "by chance" if comparison.inflation == 1 else "between days"
            reasons.append(
                f"so many columns differ {by_chance} with p {comparison.joint_p:.2g}, which must "
                f"be at most {comparison.joint_significance:g} to call it drift"
            )
    else:
        reasons.append(f"none of {total} feature columns differs from {reference}")
    target = comparison.target
    if target is None:
        reasons.append("the target was not compared: no labels")
    elif target.differs:
        reasons.append(f"the target differs from {reference} ({_column_text(target)})")
    return reasons


def _column_text(column: ColumnDrift) -> str:
    note = f" [{column.note}]" if column.note else ""
    return (
        f"{column.name} {column.distance:.2f} >= {column.threshold:g}, "
        f"p {column.p_adjusted:.1g}{note}"
    )


def _excess(column: ColumnDrift) -> float:
    return column.distance / column.threshold if column.threshold else float("inf")


def plural(count: int, one: str, many: str) -> str:
    """The word for so many."""
    return one if count == 1 else many
