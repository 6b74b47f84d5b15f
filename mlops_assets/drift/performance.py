"""How production does, as a part of a day's page: over the latest days, and on parts of the rows.

No scripts, and nothing that has to be loaded: a drawing that stretches to the screen it is on.
"""

import datetime as dt
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from mlops_assets.drift.estimate import agreement
from mlops_assets.drift.weakest import FEWEST_ROWS, WeakSlice
from mlops_assets.fairness import Fairness
from mlops_assets.metrics import Metric
from mlops_assets.slices import SliceScore

MOST_DAYS = 60  # that are drawn
_FEWEST_PLACES = 14  # on the axis, so that a few days are not drawn as wide as many
_TICKS = 4
_NAMED_DAYS = 4  # of the axis: as many as there is room for on a phone
_STYLE = "performance.css"


@dataclass(frozen=True)
class ScoredDay:
    """What is known of production's score on a day.

    Attributes:
        partition: The day.
        production: The version that it is of; None: an old report does not say.
        score: The score, once labels have come.
        estimate: What was expected without them, and the lower and the upper end of its band.
    """

    partition: str
    production: str | None
    score: float | None = None
    estimate: tuple[float, float, float] | None = None

    @property
    def values(self) -> tuple[float, ...]:
        """All that is drawn of it."""
        return (*(self.estimate or ()), *(() if self.score is None else (self.score,)))

    @property
    def outside(self) -> bool:
        """Whether the score is outside of the band."""
        if self.score is None or self.estimate is None:
            return False
        return not self.estimate[1] <= self.score <= self.estimate[2]


@dataclass(frozen=True)
class Performance:
    """How production does, for people.

    Attributes:
        metric: What it is scored by.
        days: The days up to the one that the page is of.
        score: The score on that day's labelled rows; None: it is not known.
        rows: How many these are.
        slices: The score on each slice that the YAML names.
        fairness: How the groups that it names are treated; None: none, or there are no labels.
        weakest: The part that errs most; None: there is none.
        named: Whether the YAML names slices or groups.
    """

    metric: Metric
    days: Sequence[ScoredDay]
    score: float | None
    rows: int
    slices: Sequence[SliceScore] = ()
    fairness: Fairness | None = None
    weakest: WeakSlice | None = None
    named: bool = False


def performance_html(found: Performance) -> str:
    """A section of a page: the score over time beside the estimate, slices, groups, weakest part.

    Sensitive columns are in it by what `slices.Slice` calls their groups, by place.
    """
    style = (resources.files("mlops_assets.drift") / _STYLE).read_text(encoding="utf-8")
    parts = [_over_time(found), *_of_parts(found)]
    return f'<section id="performance"><style>{style}</style>{"".join(parts)}</section>'


def _over_time(found: Performance) -> str:
    days = [day for day in found.days if day.values][-MOST_DAYS:]
    heading = "<h3>Production's score over time</h3>"
    if not days:
        return f"{heading}<p>Neither a score nor an estimate of it is known so far.</p>"
    better = "more is better" if found.metric.greater_is_better else "less is better"
    told = f"{html.escape(found.metric.name)}, {better}; the latest {_count(len(days), 'day')} "
    told += "of which a score or an estimate is known."
    return (
        f'{heading}<p class="muted">{told} {_agreement(days)}</p>'
        f"{_legend(days)}{_Chart(days).drawn()}"
    )


def _agreement(days: Sequence[ScoredDay]) -> str:
    pairs = [(*day.estimate, day.score) for day in days if day.estimate and day.score is not None]
    stood = agreement(pairs)  # pyright: ignore[reportArgumentType]
    if stood is None:
        estimated = any(day.estimate for day in days)
        return "No day has both an estimate and a score so far." if estimated else ""
    error = _text(stood.error, _decimals([*days[-1].values]))
    return (
        f"On {_count(stood.days, 'day')} with both the estimate was off by {error} on average, "
        f"and {100 * stood.covered:.0f} % of the scores were inside of its 95 % band."
    )


def _legend(days: Sequence[ScoredDay]) -> str:
    told = []
    if any(day.score is not None for day in days):
        told.append('<span><i class="of-score"></i>realised score</span>')
    if any(day.estimate for day in days):
        told.append('<span><i class="of-band"></i>estimate without labels, 95 % band</span>')
    if any(day.outside for day in days):
        told.append('<span><i class="of-outside"></i>score outside of its band</span>')
    return f'<div class="legend">{"".join(told)}</div>'


class _Chart:
    """Days from left to right, at places of one unit a day; 0 to 100 from top to bottom."""

    def __init__(self, days: Sequence[ScoredDay]) -> None:
        dates = [dt.date.fromisoformat(day.partition) for day in days]
        self._days = list(zip((date.toordinal() for date in dates), days, strict=True))
        self._first = self._days[0][0]
        steps = [b[0] - a[0] for a, b in zip(self._days, self._days[1:], strict=False)]
        self._step = max(1, min(steps, default=1))  # weeks are seven days wide
        self._width = max(self._days[-1][0] - self._first + self._step, _FEWEST_PLACES * self._step)
        values = [value for day in days for value in day.values]
        self._ticks, self._tick_decimals = _ticks(min(values), max(values))
        room = 0.05 * (max(values) - min(values)) or 0.05 * (abs(values[0]) or 1)
        self._low = min(min(values) - room, self._ticks[0])
        self._high = max(max(values) + room, self._ticks[-1])
        self._decimals = _decimals(values)

    def drawn(self) -> str:
        """The drawing, with its axes."""
        shapes = [self._line("grid", 0, self._y(tick), self._width) for tick in self._ticks]
        labels = [
            f'<span class="y" style="top:{self._y(tick):.2f}%">'
            f"{_text(tick, self._tick_decimals)}</span>"
            for tick in self._ticks
        ]
        for place, version in self._changes():
            shapes.append(f'<path class="change" d="M{place} 0V100"/>')
            left = 100 * place / self._width
            labels.append(f'<span class="version" style="left:{left:.2f}%">v{version}</span>')
        for at, text in self._dates():
            left = 100 * (at + self._step / 2) / self._width
            labels.append(f'<span class="x" style="left:{left:.2f}%">{text}</span>')
        shapes += [*self._estimates(), *self._scores(), *self._told()]
        said = f"Production's score and its estimate on {_count(len(self._days), 'day')}"
        return (
            f'<div class="plot"><svg viewBox="0 0 {self._width} 100" preserveAspectRatio="none" '
            f'role="img" aria-label="{said}">{"".join(shapes)}</svg>{"".join(labels)}</div>'
        )

    def _y(self, value: float) -> float:
        return 100 * (self._high - value) / (self._high - self._low)

    def _line(self, kind: str, x: float, y: float, length: float) -> str:
        return f'<path class="{kind}" d="M{x:g} {y:.2f}h{length:g}"/>'

    def _changes(self) -> list[tuple[int, str]]:
        """Where another version was in production than on the day before."""
        pairs = zip(self._days, self._days[1:], strict=False)
        return [
            (at - self._first, html.escape(day.production))
            for (_, before), (at, day) in pairs
            if before.production and day.production and day.production != before.production
        ]

    def _dates(self) -> list[tuple[int, str]]:
        """The days that are named, evenly from the first to the last."""
        steps = (self._days[-1][0] - self._first) // self._step
        named = min(_NAMED_DAYS, 1 + steps * _NAMED_DAYS * self._step // self._width)
        shown = [round(steps * at / max(1, named - 1)) * self._step for at in range(named)]
        dates = [dt.date.fromordinal(self._first + place) for place in shown]
        return [(place, f"{date:%b} {date.day}") for place, date in zip(shown, dates, strict=True)]

    def _estimates(self) -> list[str]:
        bands, lines = [], []
        for at, day in self._days:
            if day.estimate is None:
                continue
            x = at - self._first
            middle, low, high = (self._y(value) for value in day.estimate)
            top, height = min(low, high), max(abs(high - low), 0.5)
            bands.append(
                f'<rect class="band" x="{x}" y="{top:.2f}" width="{self._step}" '
                f'height="{height:.2f}"/>'
            )
            lines.append(self._line("estimate", x, middle, self._step))
        return bands + lines

    def _scores(self) -> list[str]:
        line, dots, before = [], [], None
        for at, day in self._days:
            if day.score is None:
                continue
            x, y = at - self._first + self._step / 2, self._y(day.score)
            joined = before is not None and at - before <= 3 * self._step
            line.append(f"{'L' if joined else 'M'}{x:g} {y:.2f}")
            kind = "dot outside" if day.outside else "dot"
            dots.append(f'<path class="{kind}" d="M{x:g} {y:.2f}h0"/>')
            before = at
        return [f'<path class="score" d="{"".join(line)}"/>', *dots] if line else []

    def _told(self) -> list[str]:
        """What a pointer over a day is told."""
        found = []
        for at, day in self._days:
            of_version = f", version {day.production}" if day.production else ""
            said = [f"{day.partition}{of_version}"]
            if day.score is not None:
                said.append(f"score {_text(day.score, self._decimals)}")
            if day.estimate is not None:
                middle, low, high = (_text(value, self._decimals) for value in day.estimate)
                said.append(f"estimated at {middle}, 95 % from {low} to {high}")
            title = html.escape("; ".join(said))
            found.append(
                f'<rect class="day" x="{at - self._first}" y="0" width="{self._step}" '
                f'height="100"><title>{title}</title></rect>'
            )
        return found


def _of_parts(found: Performance) -> list[str]:
    """How production does on parts of the day's rows."""
    if not found.rows:
        if not found.named:
            return []
        return [
            "<h3>Slices and groups of this day</h3><p>The day has no labels yet that production "
            "has not learned from, so that nothing is known of its slices and groups.</p>"
        ]
    told = []
    if found.slices:
        told.append(f"<h3>Slices of this day</h3>{_slices(found)}")
    if found.fairness and found.fairness.groups:
        told.append(f"<h3>Groups of this day</h3>{_groups(found.fairness)}")
    if found.weakest:
        told.append(
            "<h3>Where it errs most, though nobody has named it</h3>"
            f"<p>{html.escape(_sentence(found.weakest.text))}</p>"
        )
    else:
        why = (
            "no part of the rows errs credibly more than the rest"
            if found.rows >= FEWEST_ROWS
            else f"that is looked for from {FEWEST_ROWS} labelled rows on, and there are "
            f"{found.rows}"
        )
        told.append(
            f'<h3>Where it errs most</h3><p class="muted">{html.escape(_sentence(why))}</p>'
        )
    return told


def _slices(found: Performance) -> str:
    known = [each.score for each in found.slices if each.score is not None]
    decimals = _decimals([*known, *([] if found.score is None else [found.score])])
    rows = [("all rows", found.rows, found.score)]
    rows += [(each.name, each.rows, each.score) for each in found.slices]
    lines = [
        (
            name,
            f"{count:,}",
            "not defined" if score is None else _text(score, decimals),
            _beside(found, score, decimals) if place else "",
        )
        for place, (name, count, score) in enumerate(rows)
    ]
    return _table(("slice", "rows", html.escape(found.metric.name), "beside all rows"), lines)


def _beside(found: Performance, score: float | None, decimals: int) -> str:
    if score is None or found.score is None:
        return ""
    text = f"{score - found.score:+.{decimals}f}"
    if float(text) == 0:
        return text
    worse = found.metric.improvement(score, found.score) < 0
    return f'<span class="{"worse" if worse else "better"}">{text}</span>'


def _groups(fairness: Fairness) -> str:
    lines = [
        (
            group.name,
            f"{group.rows:,}",
            _percent(group.selection_rate),
            f"{group.positives:,}",
            "" if group.true_positive_rate is None else _percent(group.true_positive_rate),
        )
        for group in fairness.groups
    ]
    header = ("group", "rows", "predicted positive", "positives", "of these found")
    most = fairness.max_difference
    allowed = "" if most is None else f"; a candidate is refused beyond {100 * most:g} points"
    told = [
        f"{each.column}: the {each.rate} is {100 * each.difference:.1f} points higher in "
        f"{each.highest} than in {each.lowest}{allowed}."
        for each in fairness.differences()
    ] or [f"No two groups of a column have {fairness.min_rows} rows, as a comparison needs."]
    return _table(header, lines) + "".join(f"<p>{html.escape(line)}</p>" for line in told)


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table whose first column is of data; the other cells are made here."""
    head = "".join(f"<th>{cell}</th>" for cell in header)
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        f"{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for name, *cells in lines
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _ticks(low: float, high: float) -> tuple[list[float], int]:
    """Round numbers between two, and how many decimals they have."""
    span = (high - low) or abs(high) or 1.0
    size = 10.0 ** math.floor(math.log10(span / _TICKS))
    step = next(each * size for each in (1, 2, 5, 10) if each * size >= span / _TICKS)
    first = math.ceil(low / step - 1e-9)
    ticks = [place * step for place in range(first, math.floor(high / step + 1e-9) + 1)]
    return ticks or [low], max(0, -math.floor(math.log10(step) + 1e-9))


def _decimals(values: Sequence[float]) -> int:
    """So many that the largest value has three digits that count, and small ones are seen."""
    largest = max((abs(value) for value in values), default=0.0)
    return min(9, max(0, 2 - math.floor(math.log10(largest)))) if largest > 0 else 3


def _text(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
