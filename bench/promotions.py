"""How often a candidate is promoted, and production is rolled back."""

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd

from bench.streams import METRIC, SPEC
from bench.tables import TARGET
from bench.trials import Cell, Effort, rate, run
from bench.world import World
from mlops_assets.data.splits import SplitPolicy, held_out
from mlops_assets.promotion.beside import Beside, standing
from mlops_assets.promotion.evaluation import beside, measure
from mlops_assets.promotion.gate import decide, may_be_better
from mlops_assets.promotion.policy import GatePolicy, RollbackPolicy

GATE = GatePolicy()
SPLIT = SplitPolicy()
ROLLBACK = RollbackPolicy()
CORRELATION = 0.3  # of the errors of two models
HOLDOUT = 1000


def random_labels(effort: Effort) -> Iterator[Cell]:
    """A drifted batch whose labels are random: nothing can be learned from it."""
    found = np.array(run(random_labels_trial, effort.trials(500)))
    yield rate(
        "promoted, trained on random labels",
        "batch 300, evaluation part 120, default gate",
        found[:, 0],
        "<=",
        5,
        **{
            "without the baseline's check": 100 * float(found[:, 1].mean()),
            "any improvement on unseen rows": 100 * float(found[:, 2].mean()),
            "score on training rows": 100 * float(found[:, 3].mean()),
        },
    )


def better_candidate(effort: Effort) -> Iterator[Cell]:
    """A candidate that is better by 0.1 macro F1."""
    for rows, bar in ((300, 85), (500, 95)):
        found = run(better_trial, effort.trials(400), rows)
        yield rate(
            "promoted, better by 0.1 macro F1 (0.7 to 0.8)",
            f"evaluation part {rows}",
            found,
            ">=",
            bar,
        )


def rollbacks(effort: Effort) -> Iterator[Cell]:
    """Production beside the version before it."""
    healthy = run(rollback_trial, effort.trials(400), 0.75, 0.75, 30)
    yield rate(
        "rolled back, healthy production",
        "30 days of 300 rows, previous equally good (0.75)",
        healthy,
        "<=",
        2,
    )
    worse = run(rollback_trial, effort.trials(200), 0.65, 0.80, 5)
    yield rate(
        "rolled back within 5 days, production worse by 0.15 macro F1",
        "300 rows a day, 0.65 against 0.80",
        worse,
        ">=",
        90,
    )


def challengers(effort: Effort) -> Iterator[Cell]:
    """A candidate that lives on: 120 evaluation rows of its day, then 14 days of 300 rows."""
    for what, candidate, sense, bar in (
        ("better by 0.03 macro F1 (0.75 to 0.78)", 0.78, ">=", 90),
        ("equally good (0.75)", 0.75, "<=", 5),
    ):
        for effect, fallen in itertools.product((0.0, 0.05), (True, False)):
            found = np.array(run(challenger_trial, effort.trials(200), candidate, effect, fallen))
            yield rate(
                f"promoted within 14 days, {what}",
                f"300 rows a day, day effect {effect:g}{'' if fallen else ', no fall, later days'}",
                found >= 0,
                sense,
                bar,
                **{
                    "at once": 100 * float(np.mean(found == 0)),
                    "median day": float(np.median(found[found > 0])) if (found > 0).any() else 0,
                },
            )


def random_labels_trial(seed: int) -> tuple[bool, bool, bool, bool]:
    """Promoted by the gate; by the gate without the baseline; by two simpler rules."""
    from sklearn.tree import DecisionTreeClassifier

    world = World(seed, 500, 300, change=lambda _: 1.0)
    rng = np.random.default_rng([5, seed])
    baseline = world.baseline()
    batch = world.day(1).assign(**{TARGET: rng.integers(0, 3, 300)})
    train, holdout = _parts(baseline, SPLIT.holdout_share)
    learn, unseen = _parts(batch, SPLIT.evaluation_share)

    def fitted(rows: pd.DataFrame) -> DecisionTreeClassifier:
        return DecisionTreeClassifier(random_state=0).fit(rows.drop(columns=TARGET), rows[TARGET])

    def predicted(model: DecisionTreeClassifier, rows: pd.DataFrame) -> np.ndarray:
        return model.predict(rows.drop(columns=TARGET))

    production, candidate = fitted(train), fitted(pd.concat([train, learn]))
    evidence = measure(
        unseen[TARGET],
        predicted(candidate, unseen),
        predicted(production, unseen),
        holdout[TARGET],
        predicted(candidate, holdout),
        predicted(production, holdout),
        METRIC,
        GATE,
        "2026-01-01",
        None,
    )
    free = GATE.model_copy(update={"max_baseline_drop": None})
    # The common rule: train on the whole batch, and score on it.
    seen = fitted(pd.concat([train, batch]))
    on_seen = METRIC.score(batch[TARGET], predicted(seen, batch))
    on_production = METRIC.score(batch[TARGET], predicted(production, batch))
    return (
        decide(evidence, GATE).decision == "promoted",
        decide(evidence, free).decision == "promoted",
        (evidence.improvement or 0.0) > 0,
        on_seen > on_production,
    )


def better_trial(seed: int, rows: int) -> bool:
    """Whether a candidate of 0.8 is promoted over a production of 0.7."""
    rng = np.random.default_rng([6, seed, rows])
    y, production, candidate = two_models(rng, rows, 0.7, 0.8)
    baseline_y, first, on_baseline = two_models(rng, HOLDOUT, 0.8, 0.8)
    evidence = measure(
        y, candidate, production, baseline_y, on_baseline, first, METRIC, GATE, "2026-01-01", None
    )
    return decide(evidence, GATE).decision == "promoted"


def challenger_trial(seed: int, candidate: float, effect: float, fallen: bool) -> int:
    """The day on which a candidate is promoted over a production of 0.75; -1: on none.

    Where production's score has not ``fallen``, the first day by itself is not enough.
    The day effect is the share of the variation of being right that lies between days, the same
    for both models: some days are harder.
    """
    rng = np.random.default_rng([8, seed, round(1000 * candidate), round(1000 * effect)])

    def day(rows: int, first: float, second: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        harder = np.sqrt(effect * first * (1 - first)) * rng.normal()
        return two_models(rng, rows, *np.clip([first + harder, second + harder], 0.05, 0.95))

    days = [day(HOLDOUT // 28, 0.8, 0.8) for _ in range(28)]
    baseline_y, first, on_baseline = map(np.concatenate, zip(*days, strict=True))
    y, production, ours = day(120, 0.75, candidate)
    evidence = measure(
        y,
        ours,
        production,
        baseline_y,
        on_baseline,
        first,
        METRIC,
        GATE,
        "2026-01-01",
        None,
        periods=np.zeros(len(y), int),
        baseline_periods=np.repeat(np.arange(28), HOLDOUT // 28),
    ).model_copy(update={"score_fallen": fallen})
    decision = decide(evidence, GATE)
    since: list[Beside] = []
    while decision.decision != "promoted":
        if len(since) == GATE.challenge_periods or not may_be_better(decision):
            return -1
        y, production, ours = day(300, 0.75, candidate)
        partition = f"2026-01-{2 + len(since):02}"
        since.append(beside(y, ours, production, METRIC, partition, 1, 2, GATE.seed))
        later = evidence.model_copy(update={"challenge": tuple(since)})
        decision = decide(later, GATE)
    return len(since)


def rollback_trial(seed: int, production: float, previous: float, days: int) -> bool:
    """Whether production goes back within so many days of 300 labelled rows."""
    rng = np.random.default_rng([7, seed, days])
    records: list[Beside] = []
    for day in range(1, days + 1):
        y, ours, theirs = two_models(rng, 300, production, previous)
        partition = f"2026-01-{day:02}"
        records.append(beside(y, theirs, ours, METRIC, partition, 2, 1, GATE.seed))
        stands = standing(
            records, 2, 1, ROLLBACK.confidence, ROLLBACK.periods, fewest=ROLLBACK.patience
        )
        if stands and stands.credible:
            return True
    return False


def two_models(
    rng: np.random.Generator, rows: int, first: float, second: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth and two models' predictions: three even classes, so many right, errors correlated.

    An error is one of the other classes, evenly, so that accuracy and macro F1 are about equal.
    """
    y = rng.integers(0, 3, rows)
    both = first * second + CORRELATION * np.sqrt(
        first * (1 - first) * second * (1 - second)
    )  # both right
    draw = rng.random(rows)
    right = draw < both
    first_right = right | ((draw >= both) & (draw < first))
    second_right = right | ((draw >= first) & (draw < first + second - both))
    wrong = (y[None, :] + rng.integers(1, 3, (2, rows))) % 3
    return y, np.where(first_right, y, wrong[0]), np.where(second_right, y, wrong[1])


def _parts(rows: pd.DataFrame, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    judged = held_out(rows, SPEC.columns, share, SPLIT.seed, SPEC.task)
    return rows[~judged], rows[judged]
