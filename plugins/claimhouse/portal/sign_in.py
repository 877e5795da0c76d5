"""Signing in with a name and a password.

Whoever tries learns nothing but that it failed: not whether there is such an account, nor whether it is locked.
An attempt is counted before its password is looked at, so that many at once are no more guesses than one after
another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from claimhouse import warehouse
from claimhouse.portal import accounts, database, hashing

# So many wrong passwords are free; each further one locks the account for twice as long as the one before.
FREE_ATTEMPTS = 5
FIRST_LOCK_SECONDS = 30
LONGEST_LOCK_SECONDS = 900


@dataclass(frozen=True)
class Attempt:
    """What came of an attempt.

    Attributes:
        account_id: of the account; None unless somebody is signed in.
        outcome: ``signed_in``, or why not, as ``portal.sign_in`` keeps it.
    """

    account_id: int | None
    outcome: str


def by_password(name: str, password: str) -> Attempt:
    """Whether *name* and *password* are those of a local account that may sign in. It takes half a second.

    Raises:
        claimhouse.warehouse.WarehouseError: the warehouse refuses something.
    """
    name = accounts.as_kept(accounts.LOCAL, name)
    with database.connected() as connection:
        found = warehouse.query(
            connection, "portal/attempt",
            _storable(name), FREE_ATTEMPTS, FIRST_LOCK_SECONDS, LONGEST_LOCK_SECONDS,
        )  # fmt: skip
    account = found[0] if found else {"password_hash": None}
    is_open = bool(found) and not account["is_locked"]
    is_right = hashing.is_of(account["password_hash"], password)
    if not found:
        outcome = "unknown"
    elif not is_open:
        outcome = "locked"
    elif not is_right:
        outcome = "wrong_password"
    else:
        outcome = "signed_in" if account["has_reader"] else "no_login"
    with database.connected() as connection:
        if is_open and is_right:
            warehouse.query(connection, "portal/succeeded", account["account_id"])
        note(connection, accounts.LOCAL, name if found else None, outcome)
    signed_in = outcome == "signed_in"
    return Attempt(account["account_id"] if signed_in else None, outcome)


def by_provider(name: str) -> Attempt:
    """Whether the person *name*, whom the provider has signed in, has an account."""
    name = accounts.as_kept(accounts.OIDC, name)
    with database.connected() as connection:
        found = warehouse.query(connection, "portal/of_provider", _storable(name))
        if not found:
            outcome = "unknown"
        elif not found[0]["has_reader"]:
            outcome = "no_login"
        else:
            outcome = "signed_in"
            warehouse.query(connection, "portal/succeeded", found[0]["account_id"])
        note(connection, accounts.OIDC, name if found else None, outcome)
    return Attempt(found[0]["account_id"] if outcome == "signed_in" else None, outcome)


def refused_by_provider() -> None:
    """Keep that the provider did not sign somebody in, or that what it said cannot be trusted."""
    with database.connected() as connection:
        note(connection, accounts.OIDC, None, "refused")


def note(connection: Connection[Any], kind: str, name: str | None, outcome: str) -> None:
    """Keep what came of an attempt: a row for each minute, so that a flood of them fills no disk."""
    warehouse.query(connection, "portal/note", kind, name, outcome)


def _storable(name: str) -> str:
    """*name*, or one that nobody has: the database stores no zero byte and no half character."""
    is_storable = "\0" not in name and name.isprintable() and len(name) <= accounts.LONGEST_NAME
    return name if is_storable else ""
