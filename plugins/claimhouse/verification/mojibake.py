"""Text written as UTF-8 and read as another encoding: 'JosÃ©' or 'Jos√©' for 'José'.

It is repaired only where that is certain. Every non-ASCII character must belong to a misread
letter, all misread in the same encoding, and at least one of them must be a sequence that nobody
writes: 'Ã©' is no text in any language, but 'MANHÃ…' may be a word and an ellipsis, and '√π' a
formula.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# Windows-1252 leaves five bytes undefined; programs read them as control characters.
_WINDOWS = "".join(bytes([code]).decode("cp1252", "ignore") or chr(code) for code in range(256))
_ALPHABETS = {
    "Windows-1252": _WINDOWS,
    "Latin-1": bytes(range(256)).decode("latin-1"),
    "Mac Roman": bytes(range(256)).decode("mac_roman"),
}
# The characters to restore: letters of names in Latin script (including Vietnamese), and the
# punctuation of word processors.
_LETTERS = [
    chr(code)
    for code in (*range(0xC0, 0x180), 0x1A0, 0x1A1, 0x1AF, 0x1B0, *range(0x1EA0, 0x1EFA))
    if unicodedata.category(chr(code)).startswith("L")
]
_MARKS = list("\u2018\u2019\u201c\u201d\u2013\u2014\u2026")
# What may follow an accented capital, or a root sign, in genuine text.
_POSSIBLE_AFTER_CAPITAL = set(
    "\u2019\u201c\u201d\u2013\u2014\u2026®™«»\u2039\u203a\u201a\u201e\u00a0"
)
_POSSIBLE_AFTER_ROOT = set("πΩµ∞")
_ROOTS = set("√≈∆")


@dataclass(frozen=True)
class _Misreading:
    """What letters look like when read in one wrong encoding.

    Attributes:
        meant: each misread form and the character it was.
        telling: the forms that are not genuine text.
        forms: matches any of the forms.
    """

    meant: dict[str, str]
    telling: frozenset[str]
    forms: re.Pattern[str]


def _misreading(alphabet: str) -> _Misreading:
    meant = {
        "".join(alphabet[byte] for byte in character.encode()): character
        for character in (*_LETTERS, *_MARKS)
    }
    forms = re.compile("|".join(map(re.escape, meant)))
    return _Misreading(meant, frozenset(form for form in meant if _is_telling(form)), forms)


def _is_telling(form: str) -> bool:
    """Whether nobody writes *form* on purpose."""
    first, rest = form[0], form[1:]
    if first in _ROOTS:
        return not set(rest) <= _POSSIBLE_AFTER_ROOT
    return any(
        not unicodedata.category(character).startswith(("Lu", "Ll"))
        and character not in _POSSIBLE_AFTER_CAPITAL
        for character in rest
    )


_MISREADINGS = [_misreading(alphabet) for alphabet in _ALPHABETS.values()]
# Texts that may be misread, as a regular expression for both Python and Polars.
SUSPECT = (
    "["
    + "".join(sorted({form[0] for misreading in _MISREADINGS for form in misreading.meant}))
    + "][^\\x00-\\x7f]"
)


def repaired(text: str) -> str | None:
    """What *text* was before it was misread, or None where that is not certain."""
    readings = {_undone(text, misreading) for misreading in _MISREADINGS} - {None}
    return readings.pop() if len(readings) == 1 else None


def _undone(text: str, misreading: _Misreading) -> str | None:
    if not misreading.forms.sub("", text).isascii():
        return None
    if misreading.telling.isdisjoint(misreading.forms.findall(text)):
        return None
    return misreading.forms.sub(lambda form: misreading.meant[form.group()], text)
