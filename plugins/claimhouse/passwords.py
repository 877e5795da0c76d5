"""Passwords of extracts: which are too weak to protect a file that leaves the house.

Whoever has the file can try passwords without end, so length counts (NIST SP 800-63B, 3.1.1.2: at
least 8 characters, better 15; no names, repetitions or sequences).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

LEAST = 14
# A PDF takes no more (ISO 32000-2, 7.6.4.3.3).
MOST_BYTES = 127
# Of so many characters, none may follow from the one before it.
LEAST_UNFORESEEN = 8
# Shorter names occur in any text.
SHORTEST_NAME = 3
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertz", "azerty", "1234567890")


def problem(
    connection: str, client: str, password: str, names: Iterable[str], others: Mapping[str, str]
) -> str | None:
    """What is wrong with the password of a client's extracts, without quoting it; None where nothing is.

    Args:
        connection: the Airflow connection that has it.
        client: the client.
        password: the password.
        names: of the client, as :func:`weakness` takes them.
        others: the passwords of clients, by client; that of *client* may be among them.
    """
    found = weakness(password, names)
    same = sorted(other for other, known in others.items() if known == password and other != client)
    if not found and same:
        found = f"{', '.join(same)} has the same, and could open these extracts"
    if not found:
        return None
    return (
        f"the password of the connection {connection} is too weak for the extracts of {client}: "
        f"{found}"
    )


def weakness(
    password: str, names: Iterable[str], least: int = LEAST, most: int = MOST_BYTES
) -> str | None:
    """Why *password* is too weak, in words that do not quote it; None where it is not.

    Args:
        password: the password.
        names: of the client: its name, title and logins. A password that has one is guessed first.
        least: how many characters it must have; as many as for an extract when left out.
        most: how many bytes it may have.
    """
    if len(password) < least:
        return f"it has fewer than {least} characters"
    if len(password.encode()) > most:
        return f"it has more than {most} bytes, which not every program reads"
    if not password.isprintable() or password != password.strip():
        return "it has a control character, or a space at its beginning or end: nobody can type it"
    if any(_is_in(name, _folded(password)) for name in names):
        return "it contains a name, a title or a login, or another word that is guessed first"
    if _unforeseen(password.casefold()) < LEAST_UNFORESEEN:
        return "it is a repetition or a sequence, such as aaaa, abab, 1234 or qwerty"
    return None


def _folded(text: str) -> str:
    """*text* without case, accents and punctuation: ``Summit-Ortho`` is ``summitortho``."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return re.sub(r"[\W_]+", "", "".join(c for c in plain if not unicodedata.combining(c)))


def _is_in(name: str, folded: str) -> bool:
    bare = _folded(name)
    return len(bare) >= SHORTEST_NAME and (bare in folded or bare[::-1] in folded)


def _unforeseen(text: str) -> int:
    """How many characters of *text* neither continue a sequence nor repeat what stood before."""
    count = at = 0
    while at < len(text):
        repeated = _repeated(text, at)
        if repeated:
            at += repeated
        else:
            count += not (at and _is_next(text[at - 1], text[at]))
            at += 1
    return count


def _repeated(text: str, at: int) -> int:
    """The length, from 3 on, of the longest part at *at* that also occurs before it; else 0."""
    longest = 0
    for length in range(3, len(text) - at + 1):
        if text[at : at + length] not in text[:at]:
            break
        longest = length
    return longest


def _is_next(before: str, after: str) -> bool:
    """Whether *after* repeats or follows *before*: in the alphabet, in numbers or on a keyboard."""
    if abs(ord(after) - ord(before)) <= 1:
        return True
    return any(before + after in row or after + before in row for row in _ROWS)
