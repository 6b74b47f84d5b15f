"""Texts that are written differently, and categories that are called something else."""

import re
from collections.abc import Callable, Iterator

import pandas as pd

from mlops_assets.data.faults.suspicion import FEWEST_ROWS, Suspicion, Tables

_MOST_TEXTS = 1000  # different ones that are looked at
_REWRITTEN = 0.05  # share of rows
_RENAMED = 0.03
_CHANCE = 1e-4  # how improbable it has to be that the old name is in no row
_SHOWN = 3
_LOST = re.compile("[?\N{REPLACEMENT CHARACTER}]+")  # what a character becomes that is not known


def texts(tables: Tables, name: str) -> Iterator[Suspicion]:
    """The suspicion that texts came in another case or encoding, or that a category was renamed."""
    then, now = tables.both(name)
    if min(len(then), len(now)) < FEWEST_ROWS or then.dtype != object or now.dtype != object:
        return
    before, after = (values.astype(str).value_counts(normalize=True) for values in (then, now))
    if max(len(before), len(after)) > _MOST_TEXTS:
        return
    strange = after[~after.index.isin(before.index)]
    meant, how = _meant(before, strange)
    share = float(strange[list(meant)].sum()) if meant else 0.0
    if share >= _REWRITTEN:
        yield Suspicion(
            "rewritten",
            (name,),
            f"{name} is written differently in {share:.1%} of the rows, {how}"
            f"{_examples(tables, name, meant)}",
        )
        return
    pairs = dict(_renamed(before, after, len(now)))
    if pairs and not _changes_anyway(tables, name, pairs):
        shares = ", ".join(
            f"{before[old]:.1%} then and {after[new]:.1%} now" for old, new in pairs.items()
        )
        yield Suspicion(
            "renamed",
            (name,),
            f"{name} has {len(pairs)} categor{'y' if len(pairs) == 1 else 'ies'} no more and as "
            f"many new ones with the same share ({shares}), as if renamed"
            f"{_examples(tables, name, pairs)}",
        )


def _meant(before: pd.Series, strange: pd.Series) -> tuple[dict[str, str], str]:
    """What the unknown texts are, read another way; and which way explains most rows."""
    ways: dict[str, Callable[[str], str | None]] = {
        "in another case, or with other blanks": _by_key(
            before, lambda text: text.strip().casefold()
        ),
        "as UTF-8 that was read in another encoding": _by_key(before, _decoded),
        "in another encoding": {_decoded(text): text for text in before.index}.get,
        "with characters that were lost": _with_gaps(before),
    }
    found = {
        how: {text: meant for text in strange.index if (meant := way(text))}
        for how, way in ways.items()
    }
    how = max(found, key=lambda each: strange[list(found[each])].sum())
    return found[how], how


def _by_key(before: pd.Series, key: Callable[[str], str]) -> Callable[[str], str | None]:
    known = {key(text): text for text in before.index}
    return lambda text: known.get(key(text))


def _decoded(text: str) -> str:
    """A text that was UTF-8 and read as Latin-1 or Windows' code page, as it was meant."""
    for encoding in ("latin-1", "cp1252"):
        try:
            return text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return text


def _with_gaps(before: pd.Series) -> Callable[[str], str | None]:
    def meant(text: str) -> str | None:
        if not _LOST.search(text):
            return None
        pattern = ".{1,3}".join(map(re.escape, _LOST.split(text)))
        fitting = [known for known in before.index if re.fullmatch(pattern, known)]
        return fitting[0] if len(fitting) == 1 and not fitting[0].isascii() else None

    return meant


def _renamed(before: pd.Series, after: pd.Series, rows: int) -> Iterator[tuple[str, str]]:
    """Each category that is gone with the new one that has its share; the others as before."""
    gone = [old for old in before.index if old not in after.index]
    gone = [old for old in gone if (1 - before[old]) ** rows <= _CHANCE]
    new = [text for text in after.index if text not in before.index and after[text] >= _RENAMED]
    if len(gone) != len(new) or not gone:
        return
    staying = [text for text in before.index if text not in gone]
    others = [text for text in after.index if text not in new]
    pairs = list(zip(gone, new, strict=True))  # both by share, the most frequent first
    then, now = before.to_dict(), after.to_dict()
    within = all(_alike(then[old], now[text], rows) for old, text in pairs)
    rest = before[staying].sub(after[others], fill_value=0).abs().max() if staying else 0.0
    if within and (len(staying) == 0 or rest <= 0.1):
        yield from pairs


def _alike(before: float, after: float, rows: int) -> bool:
    error = (before * (1 - before) / rows) ** 0.5
    return abs(before - after) <= 3.5 * error + 0.1 * before


def _changes_anyway(tables: Tables, name: str, pairs: dict[str, str]) -> bool:
    """Whether periods have lacked that category before, or had the new one."""
    periods = [set(values.astype(str)) for values in tables.by_period(name)]
    return any(not ({*pairs} & found) or {*pairs.values()} & found for found in periods)


def _examples(tables: Tables, name: str, pairs: dict[str, str]) -> str:
    if name in tables.roles.sensitive:
        return " (values hidden)"
    shown = ", ".join(f"{one!r} / {other!r}" for one, other in [*pairs.items()][:_SHOWN])
    return f": {shown}"
