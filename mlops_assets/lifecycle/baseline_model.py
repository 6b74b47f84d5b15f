"""``baseline_model``: the first production model."""

from dataclasses import dataclass

from mlops_assets.lifecycle.journal import Registered
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.outside import Trainer, Training
from mlops_assets.lifecycle.rows import baseline_parts
from mlops_assets.promotion.registry import Version


@dataclass(frozen=True)
class BaselineModelOutcome:
    """The first model, its score on the holdout, and the version in use afterwards."""

    training: Training
    score: float
    holdout_rows: int
    in_use: Version


def train_baseline_model(life: Life, trainer: Trainer) -> BaselineModelOutcome:
    """Train on the baseline's train part; the version is production where there is none."""
    spec, registry = life.spec, life.registry
    parts = baseline_parts(life)
    training = trainer(parts.learn, None, [])
    version = training.version
    predicted = life.load(version).predict(parts.judge)
    score = life.metric.score(parts.judge[spec.columns.target].to_numpy(), predicted)
    if registry.version("production") in (None, version):
        registry.promote(version, expected_production=None)
    registry.replace_lost_first(version)
    life.journal.keep_baseline_model(Registered.of(version))
    return BaselineModelOutcome(training, score, len(parts.judge), registry.in_use())
