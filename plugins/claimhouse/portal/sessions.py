"""Who is signed in: a random text in a cookie, and its hash in the database."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from secrets import token_urlsafe

from claimhouse import settings, warehouse
from claimhouse.portal import accounts, database

LONGEST = 100


@dataclass(frozen=True)
class Session:
    """A person who is signed in.

    Attributes:
        key: what the tokens of its forms are bound to.
        name: the name of the account.
        login: as which the person reads.
        client: the reader; it and its title are None where nobody reads as the login any more.
        title: of the reader.
        reports: what the reader reads.
    """

    key: str
    kind: str
    name: str
    login: str
    client: str | None
    title: str | None
    reports: list[str]


def begin(account_id: int) -> str:
    """Begin a session.

    Returns:
        The text of its cookie, which is kept nowhere else.
    """
    text = token_urlsafe(32)
    hours = settings.portal_session_hours()
    with database.connected() as connection:
        warehouse.query(connection, "portal/begin", _hash(text), account_id, hours)
        warehouse.query(connection, "portal/forget_sessions")
    return text


def find(text: str) -> Session | None:
    """The session of a cookie; None for one that has ended, or never was."""
    if not text or len(text) > LONGEST:
        return None
    with database.connected() as connection:
        found = warehouse.query(
            connection, "portal/session", _hash(text), settings.portal_idle_minutes()
        )
    if not found or (found[0]["kind"] == accounts.LOCAL and not settings.has_local_accounts()):
        return None
    return Session(key=_hash(text).hex(), **found[0])


def end(text: str) -> None:
    """End the session of a cookie, for whoever else has it too."""
    with database.connected() as connection:
        warehouse.query(connection, "portal/end", _hash(text))


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
