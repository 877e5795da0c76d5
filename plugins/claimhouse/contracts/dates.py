"""Date formats: as a contract writes them, as strptime patterns, and in words for messages."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple


class DateToken(NamedTuple):
    """One part of a date format.

    Attributes:
        token: as a contract writes it.
        pattern: as strptime reads it. ``MM`` and ``M`` share one: it reads both ``3`` and ``03``.
        words: as a message names it.
    """

    token: str
    pattern: str
    words: str


# Where two tokens share a pattern, the first is the one that date_format() gives.
DATE_TOKENS = (
    DateToken("YYYY", "%Y", "year"),
    DateToken("MM", "%m", "month"),
    DateToken("M", "%m", "month"),
    DateToken("Mon", "%b", "month name"),
    DateToken("DD", "%d", "day"),
    DateToken("D", "%d", "day"),
    DateToken("HH", "%H", "hour"),
    DateToken("MI", "%M", "minute"),
    DateToken("SS", "%S", "second"),
)
_PATTERNS = {part.token: part.pattern for part in DATE_TOKENS}
_TOKENS = {part.pattern: part.token for part in reversed(DATE_TOKENS)}
_WORDS = {part.pattern: part.words for part in DATE_TOKENS}
# The longest first, so that MM is not read as M twice.
_TOKEN = re.compile("|".join(sorted(_PATTERNS, key=len, reverse=True)))
_PATTERN = re.compile("|".join(_WORDS))


def strptime(date_format: str) -> str:
    """A contract's date format as a strptime pattern: ``M/D/YYYY`` is ``%m/%d/%Y``."""
    return _TOKEN.sub(lambda match: _PATTERNS[match.group()], date_format)


def date_format(pattern: str) -> str:
    """A strptime pattern as a contract's date format: ``%m/%d/%Y`` is ``MM/DD/YYYY``."""
    return _PATTERN.sub(lambda match: _TOKENS[match.group()], pattern)


def date_words(pattern: str) -> str:
    """A strptime pattern in words: ``%m/%d/%Y`` is ``month/day/year``."""
    return _PATTERN.sub(lambda match: _WORDS[match.group()], pattern)


# The abbreviations of the months, whatever the machine's language.
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Each part of a date in the name of a file.
_IN_NAMES = {
    "YYYY": r"(?P<year>\d{4})",
    "MM": r"(?P<month>\d{2})",
    "M": r"(?P<month>\d{1,2})",
    "Mon": rf"(?P<name>{'|'.join(MONTHS)})[a-z]*?",
    "DD": r"(?P<day>\d{2})",
    "D": r"(?P<day>\d{1,2})",
    "HH": r"(?P<hour>\d{2})",
    "MI": r"(?P<minute>\d{2})",
    "SS": r"(?P<second>\d{2})",
}


def name_pattern(date_format: str) -> str:
    """The regular expression of a date in the name of a file: of ``MMDDYYYY``, eight digits.

    Raises:
        ValueError: the format has no year and month, or a part twice; the message says so.
    """
    tokens = _TOKEN.findall(date_format)
    parts = [_PATTERNS[token].replace("%b", "%m") for token in tokens]
    if "%Y" not in parts or "%m" not in parts:
        raise ValueError("needs a year and a month, such as YYYY-MM-DD or MonYYYY")
    if len(set(parts)) < len(parts):
        raise ValueError("has a part twice")
    expression, place = "", 0
    for match in _TOKEN.finditer(date_format):
        expression += re.escape(date_format[place : match.start()]) + _IN_NAMES[match.group()]
        place = match.end()
    return rf"(?<!\d){expression}{re.escape(date_format[place:])}(?!\d)"


def date_in(name: str, pattern: str) -> datetime | None:
    """The last date in the name of a file that *pattern*, a :func:`name_pattern`, finds."""
    dates = [_date(match) for match in re.finditer(pattern, name, re.IGNORECASE | re.ASCII)]
    return next((found for found in reversed(dates) if found), None)


def _date(match: re.Match[str]) -> datetime | None:
    part = match.groupdict()
    month = part.get("month") or MONTHS.index(part["name"].lower()) + 1
    hour, minute, second = (int(part.get(unit) or 0) for unit in ("hour", "minute", "second"))
    try:
        return datetime(
            int(part["year"]), int(month), int(part.get("day") or 1), hour, minute, second
        )
    except ValueError:
        return None
