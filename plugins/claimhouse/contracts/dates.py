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
    DateToken("YY", "%y", "two-digit year"),
    DateToken("MM", "%m", "month"),
    DateToken("M", "%m", "month"),
    DateToken("Month", "%B", "month name"),
    DateToken("Mon", "%b", "month name"),
    DateToken("DDD", "%j", "day of the year"),
    DateToken("DD", "%d", "day"),
    DateToken("D", "%d", "day"),
    DateToken("HH", "%H", "hour"),
    DateToken("H", "%H", "hour"),
    DateToken("MI", "%M", "minute"),
    DateToken("SS", "%S", "second"),
    DateToken(".FF", "%.f", " and fraction"),
    DateToken("AM", "%p", "AM or PM"),
    DateToken("TZ", "%z", "offset from UTC"),
)
# A day counted from 1900, as spreadsheets keep dates; the time is its fraction.
EXCEL = "Excel"
_PATTERNS = {part.token: part.pattern for part in DATE_TOKENS}
_TOKENS = {part.pattern: part.token for part in reversed(DATE_TOKENS)} | {"%I": "HH"}
_WORDS = {part.pattern: part.words for part in DATE_TOKENS} | {"%I": "hour"}
# The longest first, so that MM is not read as M twice.
_TOKEN = re.compile("|".join(map(re.escape, sorted(_PATTERNS, key=len, reverse=True))))
_PATTERN = re.compile("|".join(map(re.escape, _WORDS)))
# What stands between tokens: no letter but the T and Z of ISO 8601 stands for itself.
_BETWEEN = re.compile(r'"[^"%]*"|T(?=H)|Z$|[^A-Za-z0-9"%]')


def strptime(date_format: str) -> str:
    """A contract's date format as a strptime pattern: ``M/D/YYYY`` is ``%m/%d/%Y``.

    Raises:
        ValueError: a letter of it is no part of a date, or a part occurs twice; the message says so.
    """
    if date_format == EXCEL:
        return EXCEL
    pattern, place = "", 0
    while place < len(date_format):
        if token := _TOKEN.match(date_format, place):
            pattern += _PATTERNS[token[0]]
        elif token := _BETWEEN.match(date_format, place):
            pattern += token[0].strip('"')
        else:
            known = ", ".join(part.token for part in DATE_TOKENS)
            raise ValueError(
                f"'{date_format[place:]}' of '{date_format}' is no part of a date; known: {known}, "
                f"{EXCEL}; other letters stand in double quotes"
            )
        place = token.end()
    if "%p" in pattern:
        pattern = pattern.replace("%H", "%I")
    parts = _PATTERN.findall(pattern)
    if repeated := next((part for part in parts if parts.count(part) > 1), None):
        raise ValueError(f"'{date_format}' has the {_WORDS[repeated]} twice")
    return pattern


def lacks(pattern: str, *, is_time: bool) -> str:
    """What a strptime pattern lacks to be a day, or a moment; empty for nothing.

    Args:
        pattern: the pattern. Without a day it means the first of the month.
        is_time: whether it is of a moment; the hour may be missing all the same, and means midnight.
    """
    if pattern == EXCEL:
        return ""
    parts = set(_PATTERN.findall(pattern))
    if not parts & {"%Y", "%y"}:
        return "a year"
    if not parts & {"%m", "%b", "%B", "%j"}:
        return "a month"
    if is_time and parts & {"%M", "%S", "%p"} and not parts & {"%H", "%I"}:
        return "an hour"
    return ""


def has_day(pattern: str) -> bool:
    """Whether a strptime pattern tells the day of the month."""
    return pattern == EXCEL or "%d" in pattern or "%j" in pattern


def date_format(pattern: str) -> str:
    """A strptime pattern as a contract's date format: ``%m/%d/%Y`` is ``MM/DD/YYYY``."""
    text, place = "", 0
    for match in _PATTERN.finditer(pattern):
        text += _quoted(pattern[place : match.start()]) + _TOKENS[match[0]]
        place = match.end()
    rest = pattern[place:]
    return text + (rest if rest == EXCEL else _quoted(rest))


def _quoted(text: str) -> str:
    """What stands between tokens, as a contract writes it."""
    return re.sub(r"[A-SU-Ya-z][A-Za-z]*", r'"\g<0>"', text)


def date_words(pattern: str) -> str:
    """A strptime pattern in words: ``%m/%d/%Y`` is ``month/day/year``."""
    if pattern == EXCEL:
        return "the number that a spreadsheet has for it"
    return _PATTERN.sub(lambda match: _WORDS[match.group()], pattern)


# The abbreviations of the months, whatever the machine's language.
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Each part of a date in the name of a file.
_IN_NAMES = {
    "%Y": r"(?P<year>\d{4})",
    "%y": r"(?P<short>\d{2})",
    "%m": r"(?P<month>\d{1,2})",
    "%b": rf"(?P<name>{'|'.join(MONTHS)})[a-z]*?",
    "%B": rf"(?P<name>{'|'.join(MONTHS)})[a-z]*",
    "%d": r"(?P<day>\d{1,2})",
    "%j": r"(?P<of_year>\d{3})",
    "%H": r"(?P<hour>\d{2})",
    "%M": r"(?P<minute>\d{2})",
    "%S": r"(?P<second>\d{2})",
}
_TWO_DIGITS = {"MM": r"(?P<month>\d{2})", "DD": r"(?P<day>\d{2})"}


def name_pattern(date_format: str) -> str:
    """The regular expression of a date in the name of a file: of ``MMDDYYYY``, eight digits.

    Raises:
        ValueError: a letter of the format is no part of a date, it has no year and month, or a part twice; the
            message says so.
    """
    parts = set(_PATTERN.findall(strptime(date_format).replace("%b", "%m").replace("%B", "%m")))
    if not parts & {"%Y", "%y"} or not parts & {"%m", "%j"}:
        raise ValueError("needs a year and a month, such as YYYY-MM-DD or MonYYYY")
    if unfit := [part for part in parts if part not in _IN_NAMES]:
        raise ValueError(f"a name has no {_WORDS[unfit[0]]}")
    expression, place = "", 0
    for match in _TOKEN.finditer(date_format):
        between = date_format[place : match.start()].replace('"', "")
        expression += re.escape(between)
        expression += _TWO_DIGITS.get(match[0]) or _IN_NAMES[_PATTERNS[match[0]]]
        place = match.end()
    rest = date_format[place:].replace('"', "")
    return rf"(?<!\d){expression}{re.escape(rest)}(?!\d)"


def date_in(name: str, pattern: str) -> datetime | None:
    """The last date in the name of a file that *pattern*, a :func:`name_pattern`, finds."""
    dates = [_date(match) for match in re.finditer(pattern, name, re.IGNORECASE | re.ASCII)]
    return next((found for found in reversed(dates) if found), None)


def _date(match: re.Match[str]) -> datetime | None:
    part = match.groupdict()
    # A file of this century: two digits of its year are enough.
    year = int(part.get("year") or 2000 + int(part.get("short") or 0))
    hour, minute, second = (int(part.get(unit) or 0) for unit in ("hour", "minute", "second"))
    try:
        if part.get("of_year"):
            return datetime.strptime(f"{year}{part['of_year']}", "%Y%j").replace(
                hour=hour, minute=minute, second=second
            )
        month = part.get("month") or MONTHS.index(part["name"][:3].lower()) + 1
        return datetime(year, int(month), int(part.get("day") or 1), hour, minute, second)
    except ValueError:
        return None
