"""What counts as drift, and when drift is worth a retraining: the numbers of the YAML."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Correction = Literal["fdr_bh", "fdr_by", "holm", "bonferroni"]


class RetrainPolicy(BaseModel):
    """When to retrain whatever the drift reports say, and how often at the most."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: str | None = Field(
        default=None,
        pattern=r"^[1-9]\d*( days?)?$",
        coerce_numbers_to_str=True,
        description="Retrain where the last decision is so long ago, such as `28 days`, through "
        "the same gate; null: on drift only.",
    )
    max: str | None = Field(
        default="3 per 7 days",
        pattern=r"^[1-9]\d* per [1-9]\d* days?$",
        description="How many retrainings the sensor asks for at the most, such as `2 per 7 days`: "
        "a guard against a storm, which says so when it holds one back. null: no bound.",
    )

    @property
    def every_days(self) -> int | None:
        """The number of days of `every`."""
        return None if self.every is None else int(self.every.split()[0])

    @property
    def most(self) -> tuple[int, int] | None:
        """How many retrainings in how many days."""
        if self.max is None:
            return None
        count, _, days, _ = self.max.split()
        return int(count), int(days)


_BESIDE_TARGET = 40  # the target's own level leaves a batch's false alarms no more room than this


class DriftPolicy(BaseModel):
    """How a batch is compared with what production knows, and what follows from it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    significance: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="A feature column differs only where its p-value, corrected over the feature "
        "columns, is at most this (and its distance reaches the threshold).",
    )
    correction: Correction = Field(
        default="fdr_bh",
        description="How p-values are corrected over the feature columns: fdr_bh "
        "(Benjamini-Hochberg), fdr_by, holm or bonferroni.",
    )
    target_significance: float = Field(
        default=0.0047,
        gt=0,
        lt=1,
        description="The target is tested by itself, not as one column among many, and a batch "
        "differs when it does: so its p-value has to be at most this, which bounds the false "
        "alarms of a batch.",
    )
    prediction_significance: float = Field(
        default=0.004,
        ge=0,
        lt=1,
        description="What production predicts (the probability of the positive class, the class, "
        "or the number) is tested by itself as well, against what it predicts for rows of the "
        "reference that it has not learned from: without labels its p-value has to be at most "
        "this, and where the target is tested as well a fortieth of it, so that a batch has no "
        "more false alarms. 0: it is not compared.",
    )
    shift_significance: float = Field(
        default=0.003,
        gt=0,
        lt=1,
        description="Where the periods of the reference are known: how improbable it must be that "
        "so many columns, or the target, differ by chance, as periods do anyway (whatever the "
        "dependence between columns).",
    )
    drift_share: float = Field(
        default=0.3,
        gt=0,
        le=1,
        description="The batch differs when at least this share of its feature columns does.",
    )
    joint_significance: float = Field(
        default=0.0001,
        gt=0,
        le=1,
        description="How improbable so many differing columns must be by chance (binomial, as if "
        "columns were independent): with few columns, one or two differ by chance too often.",
    )
    numerical_threshold: float = Field(
        default=0.1,
        ge=0,
        description="The smallest difference of a numerical column that matters: Wasserstein "
        "distance in standard deviations of the reference.",
    )
    categorical_threshold: float = Field(
        default=0.1,
        ge=0,
        description="The smallest difference of a categorical column, or of a column's share of "
        "missing values, that matters: Jensen-Shannon distance.",
    )
    thresholds: dict[str, float] = Field(
        default={},
        description="Thresholds for single columns, in place of the two above, by column name.",
    )
    window: int = Field(
        default=7,
        ge=1,
        description="Where the periods of the reference are known: how many of the latest periods "
        "are compared as one, beside the last by itself.",
    )
    max_rows: int = Field(
        default=20_000,
        ge=100,
        description="Larger frames are compared on a sample of this many rows a side.",
    )
    min_rows: int = Field(
        default=20,
        ge=1,
        description="A batch of fewer rows, with those of the window where periods are known, is "
        "not judged where nothing was found: little could be. Batches of fewer rows than "
        "`contract.min_rows` never come so far.",
    )
    min_reference_rows: int = Field(
        default=150,
        ge=1,
        description="From how many rows on a regime is a reference that batches are compared with.",
    )
    regime_growth: float = Field(
        default=3.0,
        gt=1,
        description="A regime that was decided on is retrained on again when its labelled rows "
        "have grown this many times since.",
    )
    score_confidence: float = Field(
        default=0.999,
        gt=0.5,
        lt=1,
        description="Production's score has fallen when it is below its score on the baseline "
        "holdout with this one-sided confidence (two-sample bootstrap).",
    )
    score_days: int = Field(
        default=2,
        ge=1,
        description="Production's score has also fallen when it is below with the lower "
        "confidence of score_days_confidence on this many scored batches in a row.",
    )
    score_days_confidence: float = Field(
        default=0.99,
        gt=0.5,
        lt=1,
        description="The confidence that each of score_days batches needs.",
    )
    estimated_score: Literal["warn", "retrain", "off"] = Field(
        default="warn",
        description="What follows where production's score, as its own probabilities (of numbers: "
        "its errors so far) tell it "
        "without labels, is below that on the baseline holdout with score_confidence: `warn` makes "
        "a check yellow; `retrain` counts as a fallen score does, and waits for labels enough; "
        "`off` estimates nothing.",
    )
    patience: int = Field(
        default=1,
        ge=1,
        description="How many drifted batches in a row it takes to retrain; applied by the sensor.",
    )
    cooldown_days: int = Field(
        default=0,
        ge=0,
        description="How many days after a retraining the sensor asks for no other one.",
    )
    resamples: int = Field(
        default=2_000, ge=200, description="Bootstrap resamples of the score comparison."
    )
    seed: int = Field(default=0, description="Seed of the score comparison's bootstrap.")

    def prediction_level(self, *, labelled: bool) -> float:
        """The largest p-value at which what production predicts differs.

        Args:
            labelled: Whether the target is tested as well.
        """
        return self.prediction_significance / (_BESIDE_TARGET if labelled else 1)
