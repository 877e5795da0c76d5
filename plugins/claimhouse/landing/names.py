"""What the name of a file says about its place in a series: the dates and numbers in it.

Nobody has declared these names, so the dates are those that a person would recognize:
``Jan2026``, ``2026-01-31``, ``01312026``, ``1-31-2026``, ``31Jan2026``, ``2026Q1``. Where month and
day can be read both ways, the month comes first, as in the United States.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

# Years that a file of a claims system can be of; a number outside of them is no year.
YEARS = range(1990, 2080)
# The years that two digits can be: they can be no month.
SHORT_YEARS = range(15, 40)
# A year without a month.
LONE_YEAR = re.compile(r"20[0-4]\d$", re.ASCII)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# A month's name, short or long; not the beginning of another word, such as 'marketing'.
MONTH_NAME = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_SEPARATOR = r"[-_. /]"
_EXTENSION = re.compile(r"(?:\.(?:[a-z]{1,7}|bz2|7z))+$", re.IGNORECASE)
# What is put behind the name of a later copy or version of a file: 'patients (1)', 'patients_v2'.
_REVISION = re.compile(
    r"[-_. ]*(?:\((?P<copy>\d{1,4})\)|(?<![a-z])(?:copy|rev|ver|version|v)[-_. ]?(?P<version>\d{1,4}))$"
)


@dataclass(frozen=True)
class Name:
    """The dates and numbers in a name, and the words between them.

    Attributes:
        words: the name without them; two names of one series have the same.
        dates: each as ISO, as exact as the name has it: ``2026-01``, ``2026-01-31``.
        numbers: each so that its text sorts like the number, the number of a copy or version last.
    """

    words: str
    dates: tuple[str, ...] = field(default=())
    numbers: tuple[str, ...] = field(default=())

    @property
    def values(self) -> str:
        """Text that sorts names of one series: by their dates, then by their numbers."""
        return ",".join((*self.dates, *self.numbers))


class Reading(Enum):
    """How to read a date that can be read in several ways."""

    MONTH_FIRST = 1
    DAY_FIRST = 2
    NUMBER = 3  # six digits are a number: 010126 is no date


def read(name: str, reading: Reading = Reading.MONTH_FIRST) -> Name:
    """What *name*, a file's name without its folders, says."""
    text = without_extension(folded(name))
    revision = _REVISION.search(text)
    if revision:
        text = text[: revision.start()]
    dates, rest = _without_dates(text, reading)
    # A year counts before any other number: 12_patients_2025 is older than 1_patients_2026.
    numbers = [
        number(digits)
        for digits in sorted(
            re.findall(r"\d+", rest), key=lambda digits: not LONE_YEAR.match(digits)
        )
    ]
    words = " ".join(re.findall(r"[^\W\d_]+|\d+|\0", rest))
    words = re.sub(r"\d+|\0", "#", words)
    last = number(revision.group("copy") or revision.group("version") or "0") if revision else ""
    return Name(words, tuple(dates), (*numbers, last))


def without_extension(name: str) -> str:
    """*name* without ``.csv``, ``.csv.gz`` and the like."""
    return _EXTENSION.sub("", name)


def folded(name: str) -> str:
    """*name* in lower case, each letter in one spelling, without control characters."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter if letter.isprintable() else "_" for letter in text)


def natural(name: str) -> str:
    """*name* as text in whose order ``_9`` comes before ``_10``; blanks are written as ``_``."""
    return re.sub(r"\d+", lambda digits: number(digits.group()), folded(name)).replace(" ", "_")


def number(digits: str) -> str:
    """A number as text that sorts like it, however long: how many digits, and the digits."""
    digits = "".join(str(unicodedata.digit(digit)) for digit in digits).lstrip("0") or "0"
    return f"{len(digits):03}{digits}"


def compare(older: str, newer: str) -> int | None:
    """What the names of two files say of their order.

    Args:
        older: the path below its source's folder of the file that was taken as the older one.
        newer: that of the other.

    Returns:
        1 where the names agree, -1 where they say the opposite, None where they say nothing, or
        different things for a date that can be read in two ways.
    """
    verdicts = {_compare_paths(older, newer, reading) for reading in Reading}
    return verdicts.pop() if len(verdicts) == 1 else None


def _compare_paths(older: str, newer: str, reading: Reading) -> int | None:
    """Compare the names; where they are the same, the folders from the inside out."""
    pairs = zip(reversed(older.split("/")), reversed(newer.split("/")), strict=False)
    for name, other in pairs:
        if name != other:
            return _compare(read(name, reading), read(other, reading))
    return None


def _compare(older: Name, newer: Name) -> int | None:
    # Dates mean the same in any name; numbers only in names that are otherwise the same.
    if older.dates != newer.dates:
        if not older.dates or len(older.dates) != len(newer.dates):
            return None
        pairs = zip(older.dates, newer.dates, strict=True)
        earlier, later = next((first, second) for first, second in pairs if first != second)
        if earlier.startswith(later) or later.startswith(earlier):  # a month and a day in it
            return None
        return 1 if earlier < later else -1
    is_one_series = older.words == newer.words and len(older.numbers) == len(newer.numbers)
    if older.numbers == newer.numbers or not is_one_series:
        return None
    return 1 if older.numbers < newer.numbers else -1


# --- dates that a person would recognize ----------------------------------------------------------

# How the parts of a form are read: each a group of the expression, in order.
_Reader = Callable[..., "str | None"]


def _without_dates(text: str, reading: Reading) -> tuple[list[str], str]:
    """The dates of *text*, and the text with a NUL in the place of each."""
    dates, rest, place = [], "", 0
    while place < len(text):
        found = _date_at(text, place, reading)
        if found is None:
            rest += text[place]
            place += 1
        else:
            day, place = found
            dates.append(day)
            rest += "\0"
    return dates, rest


def _date_at(text: str, place: int, reading: Reading) -> tuple[str, int] | None:
    """The date that begins at *place*, as ISO, and where it ends."""
    if place and text[place].isdigit() and text[place - 1].isdigit():
        return None
    for form, reader in _FORMS:
        if (match := form.match(text, place)) and (found := reader(*match.groups(), reading)):
            return found, match.end()
    return None


def _iso(year: str, month: str, day: str | None = None) -> str | None:
    """A date as ISO; None where there is no such day."""
    try:
        month_number = int(month) if month.isdigit() else MONTHS.index(month[:3]) + 1
        found = date(int(year), month_number, int(day or 1))
    except ValueError:
        return None
    if found.year not in YEARS:
        return None
    return found.isoformat() if day else f"{found:%Y-%m}"


def _year_first(year: str, month: str, day: str, time: str | None, _: Reading) -> str | None:
    found, clock = _iso(year, month, day), re.sub(r"\D", "", time or "")
    return found and found + (f"t{clock:0<6}" if clock else "")


def _year_last(first: str, second: str, year: str, reading: Reading) -> str | None:
    month_first, day_first = _iso(year, first, second), _iso(year, second, first)
    if reading is Reading.DAY_FIRST:
        return day_first or month_first
    return month_first or day_first


def _short_year(first: str, second: str, third: str, reading: Reading) -> str | None:
    """Six digits: the year first where it can be no month, or else last."""
    if reading is Reading.NUMBER:
        return None
    if int(first) in SHORT_YEARS and (found := _iso(f"20{first}", second, third)):
        return found
    return _year_last(first, second, f"20{third}", reading) if int(third) in SHORT_YEARS else None


def _separated_short_year(first: str, second: str, third: str, reading: Reading) -> str | None:
    return _year_last(first, second, f"20{third}", reading) if int(third) in SHORT_YEARS else None


def _quarter(year: str, quarter: str) -> str | None:
    return _iso(year, str(int(quarter) * 3 - 2))


def _week(year: str, week: str) -> str | None:
    return f"{year}-w{int(week):02}" if int(year) in YEARS and 1 <= int(week) <= 53 else None


def _forms() -> Iterator[tuple[re.Pattern[str], _Reader]]:
    """Each way to write a date, and how its parts are read; the first that makes a date counts."""
    year, two, some = r"((?:19|20)\d\d)", r"(\d\d)", r"(\d\d?)"
    name = rf"(?<![a-z])({MONTH_NAME})"
    separator, maybe = _SEPARATOR, rf"{_SEPARATOR}{{0,2}}"
    time = r"(?:[-_. t]?((?:[01]\d|2[0-3])[-_.:]?[0-5]\d(?:[-_.:]?[0-5]\d)?)z?(?![-_.:]?\d))?"
    week = r"(?<![a-z])w(?:(?:ee)?k)?"
    forms: list[tuple[str, _Reader]] = [
        # week1_2026, 2026W01: before others, for week10_2026 is not October
        (week + maybe + some + maybe + year, lambda number, year, _: _week(year, number)),
        (year + maybe + week + maybe + some, lambda year, number, _: _week(year, number)),
        # 2026-01-31, 20260131, and the time of the day behind them
        (year + separator + some + separator + some + time, _year_first),
        (year + two + two + time, _year_first),
        # 01-31-2026, 01312026, 1-31-26, 013126
        (some + separator + some + separator + year, _year_last),
        (two + two + year, _year_last),
        (some + separator + some + separator + two, _separated_short_year),
        (two + two + two, _short_year),
        # 31Jan2026, Jan 31 2026, 2026Jan31
        (some + maybe + name + maybe + year, lambda day, month, year, _: _iso(year, month, day)),
        (
            name + maybe + some + r"(?:st|nd|rd|th)?,?" + separator + maybe + year,
            lambda month, day, year, _: _iso(year, month, day),
        ),
        (year + maybe + name + maybe + some, lambda year, month, day, _: _iso(year, month, day)),
        # Jan2026, 2026Jan, 2026-01, 202601, 01-2026, 012026
        (name + maybe + year, lambda month, year, _: _iso(year, month)),
        (year + maybe + name, lambda year, month, _: _iso(year, month)),
        (year + separator + "?" + two, lambda year, month, _: _iso(year, month)),
        (two + separator + "?" + year, lambda month, year, _: _iso(year, month)),
        # 2026Q1, Q1_2026
        (year + maybe + "q([1-4])", lambda year, quarter, _: _quarter(year, quarter)),
        (r"(?<![a-z])q([1-4])" + maybe + year, lambda quarter, year, _: _quarter(year, quarter)),
    ]
    for expression, reader in forms:
        yield re.compile(expression + r"(?!\d)", re.ASCII), reader


_FORMS = tuple(_forms())
