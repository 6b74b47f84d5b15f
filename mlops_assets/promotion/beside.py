"""Two versions side by side, day by day: until one is credibly better, or the time is over."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.random_effects import Mean, Measured, Spread, spread_of

FEWEST = 3  # days; with two, 5 % were promoted where 2 % were allowed and days vary much
_ONCE_A_DAY = 0.583  # of the step of a day, that a sum exceeds a bound by when it first does so


class Beside(BaseModel):
    """Another version beside production on the labelled rows of a day that neither has seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partition: str = Field(description="The day, as its partition key; keys sort by time.")
    production: int = Field(description="The version in production.")
    other: int = Field(description="The one beside it.")
    improvement: float = Field(description="Positive: the other one is better.")
    error: float = Field(ge=0, description="Its standard error, as far as rows explain it.")
    rows: int = Field(ge=1, description="How many rows.")


@dataclass(frozen=True)
class Standing:
    """How another version stands beside production after some days.

    Attributes:
        days: Those that count.
        most: How many will count at the most.
        rows: Labelled rows on these days.
        improvement: The mean, by rows. Positive: the other one is better.
        lower: Its lower bound, which holds however often one looks.
        confidence: Of the bound.
        enough: Whether there are enough days and rows to say anything.
    """

    days: tuple[str, ...]
    most: int
    rows: int
    improvement: float
    lower: float
    confidence: float
    enough: bool

    @property
    def credible(self) -> bool:
        """Whether the other one is credibly better."""
        return self.enough and self.lower > 0

    @property
    def over(self) -> bool:
        """Whether no further day will count."""
        return len(self.days) >= self.most

    @property
    def text(self) -> str:
        """It in words."""
        days = f"{len(self.days)} of {self.most} days" if self.days else "no day yet"
        bound = "" if self.enough else ", which is too few to tell"
        return (
            f"{self.improvement:+.4f} on {self.rows} rows of {days}, at least {self.lower:+.4f} "
            f"with {self.confidence:.4g} confidence over all of them{bound}"
        )


def standing(
    records: Iterable[Beside],
    production: int,
    other: int,
    confidence: float,
    most: int,
    fewest: int = FEWEST,
    fewest_rows: int = 1,
) -> Standing | None:
    """How another version stands beside production; None where it never was.

    The bound is looked at every day, and holds for all looks together: for a sum of independent
    symmetric terms, the probability that it ever exceeds c by the last day is at most twice the
    probability that it does on that day (Lévy's inequality; for Brownian motion the reflection
    principle). So the sum has to exceed, on any day, what half the level asks for at the end:
    early looks need much, the last one hardly more than a single look would. That holds for
    looks without a pause; one a day needs somewhat less (Siegmund 1985, chapter III.5).

    Args:
        records: The comparisons so far, of any versions and days in any order.
        production: The version in production.
        other: The one beside it.
        confidence: That of all looks together.
        most: The first so many days count.
        fewest: With fewer days nothing is credible: they do not tell how much days vary.
        fewest_rows: With fewer rows neither.
    """
    pair = [r for r in records if (r.production, r.other) == (production, other)]
    pair = sorted(pair, key=lambda record: record.partition)[:most]
    if not pair:
        return None
    mean, spread = _mean(pair)
    rows_part, days_part = spread.per_row / mean.rows, spread.between * mean.squares
    variance = rows_part + days_part
    # What lies between days is known from these few alone.
    freedom = spread.freedom if days_part > 0 else math.inf
    critical = _critical(freedom, (1 - confidence) / 2) - _ONCE_A_DAY / math.sqrt(most)
    critical *= math.sqrt(most / len(pair))
    return Standing(
        days=tuple(record.partition for record in pair),
        most=most,
        rows=mean.rows,
        improvement=mean.value,
        lower=mean.value - critical * math.sqrt(variance),
        confidence=confidence,
        enough=len(pair) >= fewest and mean.rows >= fewest_rows,
    )


def _mean(pair: Sequence[Beside]) -> tuple[Mean, Spread]:
    days = [Measured(record.improvement, record.rows) for record in pair]
    mean = Mean.of(days)
    per_row = sum((record.rows * record.error) ** 2 for record in pair) / mean.rows
    return mean, spread_of([days], per_row)


def _critical(freedom: float, significance: float) -> float:
    from scipy.special import ndtri, stdtrit

    if math.isinf(freedom):
        return float(ndtri(1 - significance))
    return float(stdtrit(max(1.0, freedom), 1 - significance))
