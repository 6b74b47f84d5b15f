"""Tables to learn from."""

import numpy as np
import pandas as pd
from sklearn.datasets import load_iris


def iris() -> pd.DataFrame:
    """Iris with the species as text, 150 rows."""
    data = load_iris(as_frame=True)
    frame = data.frame.drop(columns="target")
    return frame.assign(species=np.asarray(data.target_names)[data.target])


def mixed(rows: int = 120, task: str = "classification") -> pd.DataFrame:
    """Every kind of column, with gaps: 120 rows, target ``y`` of three classes or a number."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size [cm]": rng.normal(size=rows),
            "count": rng.integers(0, 50, rows),
            "colour": pd.Categorical(rng.choice(["red", "green", "blue"], rows)),
            "shop": rng.choice([f"shop {i}" for i in range(40)], rows),
            "open": rng.random(rows) < 0.5,
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 300, rows), "D"),
            "grade": pd.array(rng.choice(["p", "q"], rows), dtype="string"),
            "member": pd.array(rng.random(rows) < 0.5, dtype="boolean"),
        }
    )
    number = frame["size [cm]"] + (frame["colour"] == "red") + rng.normal(size=rows) * 0.3
    frame.loc[::7, "size [cm]"] = np.nan
    frame.loc[::9, "shop"] = None
    frame.loc[::11, "member"] = pd.NA
    frame.loc[::13, "day"] = pd.NaT
    frame.loc[::5, "colour"] = np.nan
    if task == "classification":
        return frame.assign(y=np.where(number > 0.5, "high", np.where(number > -0.3, "mid", "low")))
    return frame.assign(y=number)


def churn(rows: int, seed: int) -> pd.DataFrame:
    """Customers of which 9 % leave (``y`` is yes), by a rule that is linear in their columns."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "tenure": rng.integers(1, 72, rows),
            "charges": rng.gamma(4, 20, rows).round(2),
            "calls": rng.poisson(2, rows),
            "income": rng.lognormal(10.3, 0.5, rows).round(),
            "plan": rng.choice(["small", "large"], rows),
        }
    )
    score = (36 - frame["tenure"]) / 20 + (frame["charges"] - 80) / 100 + 0.3 * frame["calls"]
    leaves = rng.random(rows) < 1 / (1 + np.exp(3.6 - score - 0.3 * (frame["plan"] == "small")))
    return frame.assign(y=np.where(leaves, "yes", "no"))


def loans(rows: int = 900) -> pd.DataFrame:
    """Loans with columns of sizes from 1 to 50,000; ``y`` says whether they are paid back."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "income": rng.normal(50_000, 15_000, rows),
            "amount": rng.normal(9_000, 3_000, rows),
            "age": rng.normal(40, 10, rows),
            "rate": rng.normal(0.1, 0.03, rows),
            "share": rng.random(rows),
        }
    )
    by_size = (frame - frame.mean()) / frame.std()
    score = 2 * by_size["share"] + 2 * by_size["rate"] - by_size["age"] + rng.normal(size=rows)
    return frame.assign(y=np.where(score > 0, "default", "paid"))
