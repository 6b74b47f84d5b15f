"""How often a batch is flagged: without drift, with drift, and for trifles."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from bench.tables import EVEN, FEATURES, SHIFTED, TARGET, UNEVEN, labels, mixed
from bench.trials import Cell, Effort, clopper_pearson, rate, run
from mlops_assets.drift.policy import DriftPolicy
from mlops_assets.drift.side import Outputs, Side
from mlops_assets.drift.statistics import (
    Pooled,
    cramer_von_mises_of,
    homogeneity,
    jensen_shannon,
)
from mlops_assets.drift.two_sample import compare, compare_sides

POLICY = DriftPolicy()
TASK = "classification"
REFERENCES = (150, 1001, 20_000)
BATCHES = (30, 100, 300, 1000, 10_000)
CHECKED = 20  # target trials that are also made through `compare`, which must agree
NEAR = 0.003
EVIDENTLY_SHARE = 0.5


def no_drift(effort: Effort) -> Iterator[Cell]:
    """Nothing has changed: features and target together."""
    for reference in REFERENCES:
        for batch in BATCHES:
            target = target_trials(effort.trials(200_000), reference, batch, EVEN)
            # More where the target leaves little room below the bar: of 4,000 trials one that is
            # flagged, as in every other set of them, counts 0.025 %.
            enough = 5000 if target.mean() > NEAR else 1000
            features = run(feature_trial, effort.trials(enough), reference, batch, 0.0)
            evidently = run(evidently_trial, effort.trials(30), reference, batch, 0.0)
            # Of large ones the distance hardly ever matters.
            enough = 20_000 if min(reference, batch) < 1000 else 2000
            predicted = run(prediction_trial, effort.trials(enough), reference, batch)
            with_labels, without = (np.array(each) for each in zip(*predicted, strict=True))
            by_features, by_target = float(np.mean(features)), float(np.mean(target))
            by_prediction = float(with_labels.mean())
            # Features and target are drawn independently, so each is simulated by itself, the
            # target, on which nearly all of it depends, in more trials.
            low, high = clopper_pearson(int(target.sum()), len(target))
            low_features, high_features = clopper_pearson(sum(features), len(features))
            yield Cell(
                "flagged, no drift",
                f"batch {batch}, reference {reference}",
                100 * _either(by_features, by_target, by_prediction),
                100 * _either(low_features, low),
                100 * _either(high_features, high, by_prediction),
                len(features),
                "<=",
                0.5,
                beside={
                    "features alone": 100 * by_features,
                    "target alone": 100 * by_target,
                    "target trials": len(target),
                    "predictions alone": 100 * by_prediction,
                    "Evidently's defaults": 100 * float(np.mean([both[0] for both in evidently])),
                    "Evidently, a column": 100 * float(np.mean([both[1] for both in evidently])),
                },
            )
            low, high = clopper_pearson(int(without.sum()), len(without))
            yield Cell(
                "flagged, no drift, no labels",
                f"batch {batch}, reference {reference}",
                100 * _either(by_features, float(without.mean())),
                100 * _either(low_features, low),
                100 * _either(high_features, high),
                len(without),
                "<=",
                0.5,
                beside={"predictions alone": 100 * float(without.mean())},
            )


def half_shifted(effort: Effort) -> Iterator[Cell]:
    """Half of the columns moved by half a standard deviation."""
    for batch, reference in ((100, 150), (100, 1001), (100, 20_000), (300, 150), (1000, 1001)):
        found = run(feature_trial, effort.trials(400), reference, batch, 0.5)
        evidently = run(evidently_trial, effort.trials(30), reference, batch, 0.5)
        yield rate(
            "flagged, half the columns moved by 0.5 sd",
            f"batch {batch}, reference {reference}",
            found,
            ">=",
            95,
            **{"Evidently's defaults": 100 * float(np.mean([both[0] for both in evidently]))},
        )


def class_balance(effort: Effort) -> Iterator[Cell]:
    """The target's classes from a third each to 0.6, 0.2, 0.2."""
    sizes = ((100, 150), (100, 1001), (100, 20_000), (300, 150), (300, 1001), (1000, 150))
    for batch, reference in sizes:
        found = target_trials(effort.trials(200_000), reference, batch, UNEVEN)
        bar = 80 if (batch, reference) == (100, 150) else 98
        yield rate(
            "flagged, class balance moved",
            f"batch {batch}, reference {reference}",
            found,
            ">=",
            bar,
        )


def trifle(effort: Effort) -> Iterator[Cell]:
    """Every column moved by 0.02 standard deviations, in large tables."""
    found = run(trifle_trial, effort.trials(300))
    evidently = run(evidently_trial, effort.trials(10), 100_000, 100_000, 0.02)
    yield rate(
        "flagged, every column moved by 0.02 sd",
        "100,000 rows each side",
        found,
        "<=",
        1,
        **{"Evidently's defaults": 100 * float(np.mean([both[0] for both in evidently]))},
    )


def feature_trial(seed: int, reference: int, batch: int, shift: float) -> bool:
    """Whether a batch is flagged by its features."""
    rng = np.random.default_rng([1, seed, reference, batch])
    then, now = mixed(rng, reference), mixed(rng, batch, shift)
    return compare(then, now, FEATURES, None, TASK, POLICY).differs


def prediction_trial(seed: int, reference: int, batch: int) -> tuple[bool, bool]:
    """Whether a batch is flagged by what is predicted: beside a target, and without labels.

    The p-value depends on the ranks alone, so these are drawn. Where it is small enough, they are
    given values, and `compare_sides` judges, which has to find the same one.
    """
    rng = np.random.default_rng([5, seed, reference, batch])
    rows = reference + batch
    is_batch = np.zeros(rows, dtype=bool)
    is_batch[rng.choice(rows, batch, replace=False, shuffle=False)] = True
    gap = np.cumsum(~is_batch) / reference - np.cumsum(is_batch) / batch
    weight = np.full(rows, 1 / rows)
    ranked = Pooled((reference, batch), np.arange(rows), weight, gap)
    p_value = cramer_von_mises_of(ranked).p_value
    if p_value > POLICY.prediction_level(labelled=False):
        return False, False
    values = np.sort(rng.beta(0.5, 2.0, rows))
    outputs = [
        Outputs(pd.Series(values[those]), np.full(int(those.sum()), -1))
        for those in (~is_batch, is_batch)
    ]
    nothing = [Side(pd.DataFrame(index=range(1)), [], None, 100) for _ in range(2)]
    found = compare_sides(*nothing, TASK, POLICY, None, (outputs[0], outputs[1])).prediction
    assert found is not None
    assert math.isclose(found.p_value, p_value, rel_tol=1e-6)
    beside_target = found.p_value <= POLICY.prediction_level(labelled=True)
    return found.differs and beside_target, found.differs


def trifle_trial(seed: int) -> bool:
    """Whether a large batch is flagged for a trifle, by features or target."""
    rng = np.random.default_rng([2, seed])
    rows = 100_000
    moved = 1 / 3 + 0.02 * np.sqrt(2 / 9)
    balance = (moved, (1 - moved) / 2, (1 - moved) / 2)
    then = mixed(rng, rows).join(labels(rng, rows))
    now = mixed(rng, rows, 0.02, every_column=True).join(labels(rng, rows, balance))
    return compare(then, now, FEATURES, TARGET, TASK, POLICY).differs


def target_trials(
    seeds: range, reference: int, batch: int, balance: tuple[float, ...]
) -> np.ndarray:
    """Whether the target is flagged, in many trials.

    The verdict depends on the counts of the classes alone: these are drawn, and each table of
    counts is judged once, by the functions that `compare` uses.
    """
    rng, count = np.random.default_rng([3, seeds.start, reference, batch]), len(seeds)
    counts = np.hstack(
        [rng.multinomial(reference, EVEN, count), rng.multinomial(batch, balance, count)]
    )
    # The order of the classes is irrelevant.
    order = np.lexsort((counts[:, 3:], counts[:, :3]), axis=1)
    both = np.hstack([np.take_along_axis(counts[:, side], order, 1) for side in (_THEN, _NOW)])
    tables, places = np.unique(both, axis=0, return_inverse=True)
    flagged = np.array(run_tables(tables))
    for place in range(min(CHECKED, count)):
        assert _compared(counts[place]) == flagged[places[place]]
    return flagged[places]


_THEN, _NOW = slice(0, 3), slice(3, 6)


def run_tables(tables: np.ndarray) -> list[bool]:
    """The verdict on each table of counts."""
    parts = np.array_split(tables, 32)
    return [flagged for part in run(_judged, range(len(parts)), parts) for flagged in part]


def _judged(place: int, parts: list[np.ndarray]) -> list[bool]:
    return [
        homogeneity(table)[0] <= POLICY.target_significance
        and jensen_shannon(table) >= POLICY.categorical_threshold
        for table in parts[place].reshape(-1, 2, 3)
    ]


def _compared(counts: np.ndarray) -> bool:
    then, now = (
        pd.DataFrame({TARGET: np.repeat([0, 1, 2], counts[side])}) for side in (_THEN, _NOW)
    )
    return compare(then, now, [], TARGET, TASK, POLICY).differs


def evidently_trial(seed: int, reference: int, batch: int, shift: float) -> tuple[bool, bool]:
    """Evidently's default tests: whether the dataset, and whether any column, is flagged."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently.legacy.calculations.stattests import get_stattest
        from evidently.legacy.core import ColumnType

        rng = np.random.default_rng([4, seed, reference, batch])
        then = mixed(rng, reference).join(labels(rng, reference))
        now = mixed(rng, batch, shift).join(labels(rng, batch))
        drifted = []
        for name in (*FEATURES, TARGET):
            numerical = name in (*SHIFTED, "count", "gappy")
            kind = ColumnType.Numerical if numerical else ColumnType.Categorical
            ours, theirs = then[name].dropna(), now[name].dropna()
            drifted.append(get_stattest(ours, theirs, kind, None)(ours, theirs, kind, None).drifted)
    return bool(np.mean(drifted) >= EVIDENTLY_SHARE), bool(np.any(drifted))


def _either(*chances: float) -> float:
    return 1 - math.prod(1 - chance for chance in chances)
