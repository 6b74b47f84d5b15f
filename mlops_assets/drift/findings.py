"""What a verdict is made from: the batch, and what was measured of it."""

from collections.abc import Callable
from dataclasses import dataclass

from mlops_assets.drift.score import ScoreFall
from mlops_assets.drift.two_sample import Comparison


@dataclass(frozen=True)
class Batch:
    """What the verdict needs to know of the batch itself."""

    partition: str
    rows: int
    labelled_rows: int
    production: str | None = None
    """The production version that scored it."""


@dataclass(frozen=True)
class ScoreCheck:
    """Production's score on the batch against that on the baseline holdout, at two confidences.

    ``fall`` is judged by itself (``score_confidence``), ``fall_of_days`` together with earlier
    days (``score_days_confidence``).
    """

    fall: ScoreFall
    fall_of_days: ScoreFall


@dataclass(frozen=True)
class EstimatedScore:
    """Production's score as it is expected without labels, in words.

    ``fallen`` says whether it is credibly below that on the baseline holdout, ``counts`` whether
    that is drift.
    """

    text: str
    fallen: bool = False
    counts: bool = False


@dataclass(frozen=True)
class DaysScore:
    """Production's scores on the latest days against those on the reference's, day by day.

    ``days`` are those that speak, this one included; ``fall`` is credible where they, without
    the worst of them, are below by more than days vary.
    """

    fall: ScoreFall
    days: int


@dataclass(frozen=True)
class Together:
    """What is asked of several days at once, where the periods of the reference are known.

    ``compare`` holds the batch and some earlier days, as one, against the reference.
    ``at_once`` is the batch against the baseline by its rows, where days are hardly more
    different from each other than rows explain: then one day is enough. None where they are.
    """

    compare: Callable[[tuple[str, ...]], Comparison]
    at_once: Comparison | None


@dataclass(frozen=True)
class RegimeMatch:
    """The batch beside an earlier regime: its columns and, with labels, production's score."""

    comparison: Comparison
    fall: ScoreFall | None = None

    @property
    def differs(self) -> bool:
        """Whether the batch is of another distribution than the regime."""
        return self.comparison.differs or (self.fall is not None and self.fall.credible)
