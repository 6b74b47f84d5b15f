"""Synthetic tables of known distributions: ten mixed columns and a target of three classes."""

import numpy as np
import pandas as pd

FEATURES = [
    "normal",
    "skewed",
    "uniform",
    "heavy",
    "rounded",
    "count",
    "flag",
    "colour",
    "city",
    "gappy",
]
SHIFTED = FEATURES[:5]  # half the columns
TARGET = "label"
EVEN = (1 / 3, 1 / 3, 1 / 3)
UNEVEN = (0.6, 0.2, 0.2)
_CITIES = np.array([f"city {number}" for number in range(12)])
_CITY_SHARES = 0.75 ** np.arange(12) / np.sum(0.75 ** np.arange(12))
_COLOUR_SHARES = np.array([0.5, 0.3, 0.2])
_COLOURS = np.array(["red", "green", "blue"])


def mixed(
    rng: np.random.Generator, rows: int, shift: float = 0.0, *, every_column: bool = False
) -> pd.DataFrame:
    """Ten columns: numerical (one rounded, one of counts, one with gaps), boolean, categorical.

    The first five, or all of them, are moved by ``shift`` of their own standard deviations (a
    category: its share by so many standard deviations of its indicator).
    """
    rest = shift if every_column else 0.0
    gappy = rng.normal(size=rows) + rest
    gappy[rng.random(rows) < _moved(0.1, rest)] = np.nan
    return pd.DataFrame(
        {
            "normal": rng.normal(size=rows) + shift,
            "skewed": rng.gamma(2.0, size=rows) + shift * np.sqrt(2.0),
            "uniform": rng.random(rows) + shift / np.sqrt(12.0),
            "heavy": rng.standard_t(5, size=rows) + shift * np.sqrt(5 / 3),
            "rounded": (rng.normal(size=rows) + shift).round(1),
            "count": rng.poisson(3.0 + rest * np.sqrt(3.0), size=rows),
            "flag": rng.random(rows) < _moved(0.3, rest),
            "colour": _COLOURS[rng.choice(3, size=rows, p=_first_moved(_COLOUR_SHARES, rest))],
            "city": _CITIES[rng.choice(12, size=rows, p=_first_moved(_CITY_SHARES, rest))],
            "gappy": gappy,
        }
    )


def _moved(share: float, shift: float) -> float:
    return share + shift * np.sqrt(share * (1 - share))


def _first_moved(shares: np.ndarray, shift: float) -> np.ndarray:
    first = _moved(shares[0], shift)
    return np.r_[first, shares[1:] * (1 - first) / (1 - shares[0])]


def labels(rng: np.random.Generator, rows: int, balance: tuple[float, ...] = EVEN) -> pd.DataFrame:
    """The target alone, its classes of the given balance."""
    return pd.DataFrame({TARGET: rng.choice(len(balance), size=rows, p=balance)})
