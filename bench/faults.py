"""How often a broken delivery is held, and how often a change of the world is taken for one."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from bench.tables import labels, mixed
from bench.trials import Cell, Effort, rate, run
from mlops_assets.data.columns import Columns
from mlops_assets.data.faults.find import find_faults

ROLES = Columns(target="label", timestamp="at")
REFERENCE, ROWS = 1000, 300
USUAL = 1500  # rows of other days, where the delivery is cut off
UNITS = (10, 100, 1000, 60, 2.54, 25.4, 1 / 2.204623, 3.28084, 3.6, 1.609344)
POSITIVE = ("income", "age", "height", "weight", "distance", "minutes")
ROUNDED = ("age", "height", "distance")  # a factor near 1 shows in the last decimal place alone
TEXTS = ("plan", "city")
_CITIES = np.array(["Köln", "Málaga", "Łódź", "Besançon", "Oslo", "Rome", "Paris", "Bern"])
_CITY_SHARES = np.array([0.25, 0.2, 0.15, 0.12, 0.1, 0.08, 0.06, 0.04])
_PLANS = np.array(["basic", "plus", "premium"])


def faults(effort: Effort) -> Iterator[Cell]:
    """A fault of the delivery, 300 rows a day: is it held? And a change of the world?"""
    for kind in FAULTS:
        found = run(fault_trial, effort.trials(400), kind)
        yield rate("held, a fault", kind, found, ">=", 95)
    for change in CHANGES:
        for table in ("customers", "mixed"):
            found = run(change_trial, effort.trials(1000), change, table)
            yield rate("held, a change", f"{change}, {table}", found, "<=", 1)


def customers(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    """A table of the kind that pipelines break: rounded and skewed numbers, texts, times."""
    hours = 7 + (rng.normal(6, 3, rows)) % 14  # open from 7 to 21, most at 13
    return pd.DataFrame(
        {
            "at": pd.Timestamp("2026-01-01")
            + pd.to_timedelta(rng.integers(0, 28, rows), "D")
            + pd.to_timedelta((hours * 3600).astype(int), "s"),
            "income": rng.lognormal(10, 0.5, rows).round(2),
            "age": rng.normal(45, 12, rows).round().clip(18, 95),
            "height": rng.normal(172, 9, rows).round(1),
            "weight": rng.normal(75, 13, rows),
            "temperature": rng.normal(12, 8, rows),
            "distance": rng.gamma(2.0, 8.0, rows).round(1),
            "minutes": rng.exponential(20.0, rows),
            "balance": rng.normal(0, 300, rows),
            "visits": rng.poisson(3.0, rows),
            "plan": _PLANS[rng.choice(3, rows, p=[0.5, 0.3, 0.2])],
            "city": _CITIES[rng.choice(8, rows, p=_CITY_SHARES)],
            "member": rng.random(rows) < 0.3,
        }
    ).join(labels(rng, rows))


def fault_trial(seed: int, kind: str) -> bool:
    """Whether a fault is found, as what it is."""
    rng = np.random.default_rng([20, seed])
    then, now = customers(rng, REFERENCE), customers(rng, ROWS)
    broken = FAULTS[kind](rng, now)
    earlier = {"yesterday": customers(rng, ROWS), "before": now.sample(frac=1, random_state=seed)}
    usual = [round(USUAL * each) for each in rng.uniform(0.9, 1.1, 28)]
    found = find_faults(
        then,
        broken,
        ROLES,
        earlier=earlier if kind == "a delivery again" else None,
        usual_rows=usual if kind == "cut off" else (),
    )
    return any(each.kind == KINDS[kind] for each in found)


def change_trial(seed: int, change: str, table: str) -> bool:
    """Whether anything is suspected of a day on which only the world has changed."""
    rng = np.random.default_rng([21, seed])
    if table == "customers":
        then, now, earlier = (customers(rng, n) for n in (REFERENCE, ROWS, ROWS))
    else:
        then, now, earlier = (mixed(rng, n).join(labels(rng, n)) for n in (REFERENCE, ROWS, ROWS))
    now = CHANGES[change](rng, now)
    roles = ROLES if table == "customers" else Columns(target="label")
    usual = [round(ROWS * each) for each in rng.uniform(0.6, 1.4, 28)]
    return bool(find_faults(then, now, roles, earlier={"1": earlier}, usual_rows=usual))


# ------------------------------------------------------------------ faults


def _unit(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    factor = float(rng.choice(UNITS))
    names = ROUNDED if 0.5 < factor < 2 else POSITIVE if factor < 1 else (*POSITIVE, "balance")
    name = str(rng.choice(names))
    return rows.assign(**{name: rows[name] * factor})


def _fahrenheit(_: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(temperature=rows["temperature"] * 1.8 + 32)


def _swapped(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    one, other = rng.choice(["income", "age", "height", "weight", "minutes"], 2, replace=False)
    return rows.assign(**{one: rows[other], other: rows[one]})


def _stuck(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    name = str(rng.choice([*POSITIVE, *TEXTS, "member"]))
    return rows.assign(**{name: rows[name].iloc[0]})


def _default(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    name = str(rng.choice([*POSITIVE, *TEXTS]))
    value = rng.choice(["", "unknown"]) if name in TEXTS else rng.choice([0, -1, 999])
    flooded = rows[name].astype(object if name in TEXTS else float)
    flooded[rng.random(len(rows)) < rng.uniform(0.2, 0.9)] = value
    return rows.assign(**{name: flooded})


def _times(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    hours = int(rng.choice([-8, -5, -2, -1, 1, 2, 5, 9]))
    return rows.assign(at=rows["at"] + pd.Timedelta(hours=hours))


def _renamed(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    name = str(rng.choice(TEXTS))
    old = str(rng.choice(_PLANS if name == "plan" else _CITIES[:5]))
    return rows.assign(**{name: rows[name].replace(old, "elsewhere")})


def _rewritten(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    how = rng.integers(4)
    if how < 3:
        name = str(rng.choice(TEXTS))
        change = (str.upper, str.title if name == "plan" else str.lower, lambda t: f" {t}")[how]
        return rows.assign(**{name: rows[name].map(change)})
    return rows.assign(city=[text.encode().decode("latin-1") for text in rows["city"]])


def _as_it_is(_: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    return rows


# ------------------------------------------------------------------ changes of the world


def _shifted(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    names = [*rows.select_dtypes("number").columns.drop("label")]
    half = rng.choice(names, len(names) // 2, replace=False)
    by = {name: rng.uniform(0.25, 1.0) * rng.choice([-1, 1]) for name in half}
    return rows.assign(**{name: rows[name] + by[name] * rows[name].std() for name in half})


def _scaled(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    name = str(rng.choice(rows.select_dtypes("number").columns.drop("label")))
    noise = rng.normal(0, rng.uniform(0.02, 0.2) * rows[name].std(), len(rows))
    return rows.assign(**{name: rows[name] * np.exp(rng.uniform(-1, 1) * np.log(2)) + noise})


def _regime(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    changed = rows.copy()
    for name in rows.select_dtypes("number").columns.drop("label"):
        if rng.random() < 0.7:
            spread, middle = rows[name].std(), rows[name].mean()
            away = rng.uniform(-2.5, 2.5) * spread
            moved = middle + (rows[name] - middle) * rng.uniform(0.5, 2.0) + away
            changed[name] = moved.round(1) if (rows[name] == rows[name].round(1)).all() else moved
    for name in rows.select_dtypes("object").columns:
        texts = rows[name].unique()
        changed[name] = rng.choice(texts, len(rows), p=rng.dirichlet(np.ones(len(texts))))
    return changed


def _balance(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    """Other frequencies of the classes, and of the rows that go with them."""
    number = rows.select_dtypes("number").columns[0]
    group = pd.qcut(rows[number].rank(method="first"), 3, labels=False).to_numpy()
    weights = rng.dirichlet(np.ones(3))[group] + 0.02
    drawn = rows.iloc[rng.choice(len(rows), len(rows), p=weights / weights.sum())]
    label = rng.choice(3, len(rows), p=rng.dirichlet(np.ones(3)))
    return drawn.assign(label=label).reset_index(drop=True)


def _nothing(_: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    return rows


Changed = Callable[[np.random.Generator, pd.DataFrame], pd.DataFrame]
FAULTS: dict[str, Changed] = {
    "a unit or currency": _unit,
    "Fahrenheit for Celsius": _fahrenheit,
    "two columns swapped": _swapped,
    "stuck at one value": _stuck,
    "a flood of a default": _default,
    "times moved by hours": _times,
    "a delivery again": _as_it_is,
    "cut off": _as_it_is,
    "a category renamed": _renamed,
    "another case or encoding": _rewritten,
}
KINDS = {
    "a unit or currency": "unit",
    "Fahrenheit for Celsius": "unit",
    "two columns swapped": "swapped",
    "stuck at one value": "stuck",
    "a flood of a default": "default",
    "times moved by hours": "times",
    "a delivery again": "repeated",
    "cut off": "cut off",
    "a category renamed": "renamed",
    "another case or encoding": "rewritten",
}
CHANGES: dict[str, Changed] = {
    "nothing": _nothing,
    "half the columns by 0.25 to 1 sd": _shifted,
    "one column by 0.5 to 2, with noise": _scaled,
    "a new regime": _regime,
    "class balance": _balance,
}
