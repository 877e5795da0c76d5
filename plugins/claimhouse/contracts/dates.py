"""Date formats: as a contract writes them, as strptime patterns, and in words for messages."""

from __future__ import annotations

import re
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
