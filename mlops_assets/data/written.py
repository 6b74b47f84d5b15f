"""How a text writes a number, a date, or that there is no value."""

import datetime
import re
from collections.abc import Callable

import pandas as pd

MISSING_WORDS = frozenset(
    {"na", "n/a", "#n/a", "#na", "nan", "-nan", "<na>", "null", "none", "nil", "nat", "\\n"}
)
"""Words that stand for no value where all else of a column is numbers, dates or true and false."""

_FIRST_YEAR, _LAST_YEAR = pd.Timestamp.min.year, pd.Timestamp.max.year  # slow to ask for

_NUMERAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?", re.DOTALL)
_LEADING_ZERO = re.compile(r"[+-]?0\d+")
_SIGN = (
    r"[$€£¥₹₽₩%]|R\$|kr|zł|USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN"
    r"|ZAR|KRW|SGD|HKD|TRY|RUB|ILS"
)
"""What stands before or after an amount; ``%`` too."""

_AMOUNT = re.compile(
    rf"(?P<minus>[+-]?)\s?(?:{_SIGN})?\s?(?P<inner>[+-]?)"
    r"(?P<number>\d[\d.,' \u00a0\u202f]*\d|\d|[.,]\d+)"
    rf"\s?(?:{_SIGN})?"
)
_GROUPED = re.compile(r"\d{1,3}(,\d{3})*")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_TIME = r"(?P<time>[ T]\d{1,2}:\d{2}(?P<seconds>:\d{2})?)?"
_YEAR = r"(?P<year>\d{4}|\d{2})"
_LOCAL_DATES = (
    re.compile(rf"(?P<first>\d{{1,2}})(?P<by>[./-])(?P<second>\d{{1,2}})(?P=by){_YEAR}{_TIME}"),
    re.compile(
        rf"(?P<year>\d{{4}})(?P<by>[./])(?P<first>\d{{1,2}})(?P=by)(?P<second>\d{{1,2}}){_TIME}"
    ),
    re.compile(
        rf"(?P<first>\d{{1,2}})(?P<by>[ -])(?P<second>{_MONTH})(?P=by){_YEAR}{_TIME}",
        re.IGNORECASE,
    ),
)


def is_missing_word(text: str) -> bool:
    """Whether the text is a usual word for no value."""
    return text.lower() in MISSING_WORDS


def is_numeral(text: str) -> bool:
    """Whether the text is a number as programs write it, such as ``-1.5e3``."""
    return _NUMERAL.fullmatch(text) is not None


def is_infinite(text: str) -> bool:
    """Whether the text is an infinite number."""
    return _INFINITE.fullmatch(text) is not None


def is_iso_date(text: str) -> bool:
    """Whether the text begins with a date like 2026-01-31, and holds no more than a time."""
    return _ISO_DATE.fullmatch(text) is not None


def has_leading_zero(text: str) -> bool:
    """Whether the text is digits with a zero before them, which no number keeps."""
    return _LEADING_ZERO.fullmatch(text) is not None


def is_beyond(text: str) -> bool:
    """Whether the text is a real date that nanoseconds since 1970 cannot hold (9999-12-31)."""
    if not is_iso_date(text):
        return False
    try:
        day = datetime.date.fromisoformat(text[:10])
    except ValueError:
        return False
    return not fits_nanoseconds(day.year)


def fits_nanoseconds(year: int) -> bool:
    """Whether every moment of that year fits into nanoseconds since 1970."""
    return _FIRST_YEAR < year < _LAST_YEAR


def amount(decimal: str, thousands: str | None) -> Callable[[str], float | None]:
    """A reader of numbers that are written with these marks, with a sign or none; None: no number.

    A per cent is kept as it is written: ``12.5 %`` is 12.5.
    """
    by = re.escape(decimal)
    grouped = rf"|\d{{1,3}}(?:{_any_blank(thousands)}\d{{3}})+" if thousands else ""
    form = re.compile(rf"(?:\d+{grouped})?(?:{by}\d*)?(?:[eE][+-]?\d+)?")

    def number(text: str) -> float | None:
        if is_infinite(text):
            return float(text)
        found = _AMOUNT.fullmatch(text)
        bare = found["minus"] + found["inner"] + found["number"] if found else text
        digits = bare.lstrip("+-")
        if not form.fullmatch(digits) or not any(c.isdigit() for c in digits):
            return None
        if thousands:
            digits = re.sub(_any_blank(thousands), "", digits)
        value = float(digits.replace(decimal, "."))
        return -value if "-" in bare[: len(bare) - len(bare.lstrip("+-"))] else value

    return number


def _any_blank(mark: str) -> str:
    """The mark as a pattern; a blank stands for the narrow and the unbreakable ones as well."""
    return "[ \u00a0\u202f]" if mark.isspace() else re.escape(mark)


def to_set(texts: pd.Series) -> str | None:
    """What to write into the YAML so that these texts are read as the numbers or dates they are.

    Args:
        texts: those of a column that has no numbers and no ISO dates.

    Returns:
        For example ``decimal: ','`` and ``thousands: '.'``; None where they are neither amounts
        nor dates (nine of ten have to be, of those that are not a word for no value).
    """
    said = texts.drop_duplicates().head(2000)
    said = [text for text in said if not is_missing_word(text)]
    if not said:
        return None
    dates = [match for text in said if (match := _local_date(text))]
    if len(dates) >= 0.9 * len(said):
        return _date_format(dates)
    amounts = [match for text in said if (match := _AMOUNT.fullmatch(text))]
    plain = all(is_numeral(match[0]) for match in amounts)
    if plain or len(amounts) < 0.9 * len(said):
        return None
    return _marks([match["number"] for match in amounts])


def _local_date(text: str) -> re.Match[str] | None:
    return next((m for form in _LOCAL_DATES if (m := form.fullmatch(text))), None)


def _date_format(dates: list[re.Match[str]]) -> str:
    """``date_format`` for these dates; both where the day and the month cannot be told apart."""
    one = dates[0]
    by, time = one["by"], ""
    if any(m["time"] for m in dates):
        time = " %H:%M:%S" if any(m["seconds"] for m in dates) else " %H:%M"
        time = time.replace(" ", "T") if "T" in (one["time"] or "") else time
    year = "%Y" if len(one["year"]) == 4 else "%y"
    if not one["second"].isdigit():
        month = "%b" if len(one["second"]) == 3 else "%B"
        return f"date_format: '%d{by}{month}{by}{year}{time}'"
    if one.re is _LOCAL_DATES[1]:
        return f"date_format: '{year}{by}%m{by}%d{time}'"
    day_first = f"'%d{by}%m{by}{year}{time}'"
    month_first = f"'%m{by}%d{by}{year}{time}'"
    if by == "." or any(int(m["first"]) > 12 for m in dates):
        return f"date_format: {day_first}"
    if any(int(m["second"]) > 12 for m in dates):
        return f"date_format: {month_first}"
    return f"date_format: {day_first} (or {month_first}, if the month is written first)"


def _marks(numbers: list[str]) -> str | None:
    """``decimal`` and ``thousands`` that all these numbers can be read by."""
    used = {mark for text in numbers for mark in text if not mark.isdigit()}
    if all(_GROUPED.fullmatch(text) for text in numbers) and "," in used:
        return "decimal: '.' and thousands: ',' (or decimal: ',', if these are decimals)"
    blank = next((mark for mark in (" ", "\u00a0", "\u202f", "'") if mark in used), None)
    grouping = [" " if blank and blank.isspace() else blank] if blank else [None, ",", "."]
    for thousands in grouping:
        for decimal in (".", ","):
            if thousands == decimal:
                continue
            reads = amount(decimal, thousands)
            if all(reads(text) is not None for text in numbers):
                set_to = f"decimal: {decimal!r}"
                return set_to + (f" and thousands: {_quoted(thousands)}" if thousands else "")
    return None


def _quoted(mark: str) -> str:
    return '"\'"' if mark == "'" else f"'{mark}'"
