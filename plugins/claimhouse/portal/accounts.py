"""Accounts: who may sign in, and as which login each reads. They are made by the owner of the warehouse."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from claimhouse import passwords, warehouse
from claimhouse.portal import database, hashing

LOCAL, OIDC, AIRFLOW = "local", "oidc", "airflow"
KINDS = (LOCAL, OIDC, AIRFLOW)
# NIST SP 800-63B-4, 3.1.1.2, asks for 8 beside something else, and for 15 where the password is all there is. Here
# wrong ones lock the account.
LEAST = 12
MOST = 256
LONGEST_NAME = 200
# What is guessed first, beside the names.
GUESSED = ("password", "claimhouse", "letmein", "welcome", "administrator")


class AccountError(RuntimeError):
    """An account cannot be made or changed; the message says why, and has no password."""


@dataclass(frozen=True)
class Account:
    """An account as it is listed.

    Attributes:
        has_reader: whether its login is still one.
    """

    kind: str
    name: str
    login: str
    has_reader: bool
    failed_count: int
    locked_until: datetime | None
    signed_in_at: datetime | None


def listed(connection: Connection[Any]) -> list[Account]:
    """All accounts, by kind and name."""
    return warehouse.query_as(connection, Account, "portal/accounts")


def logins_of(user: str) -> list[str]:
    """The logins as which a user of Airflow may read, by name.

    Args:
        user: the name of the user, as Airflow has it.
    """
    with database.connected() as connection:
        return [row["login"] for row in warehouse.query(connection, "portal/logins_of", user)]


def add(
    connection: Connection[Any], kind: str, name: str, login: str, password: str | None = None
) -> None:
    """Make an account.

    Args:
        connection: of the owner of the warehouse.
        kind: one of :data:`KINDS`.
        name: what the person signs in with; of kind ``airflow``, the user name there.
        login: as which the person reads.
        password: of kind ``local``.

    Raises:
        AccountError: there is one already, there is no such login, or the password is too weak.
    """
    name = as_kept(kind, name)
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise AccountError(f"a name has 1 to {LONGEST_NAME} printable characters")
    titles = [row["title"] for row in warehouse.query(connection, "portal/reader", login)]
    if not titles:
        raise AccountError(
            f"nobody reads as {login}: `claimhouse readers list` prints the logins of people"
        )
    known = [
        account for account in listed(connection) if (account.kind, account.name) == (kind, name)
    ]
    if known and (kind != AIRFLOW or login in {account.login for account in known}):
        raise AccountError(f"there is an account of kind {kind} for {name} already")
    hashed = None
    if kind == LOCAL:
        _check(password or "", [name, login, *titles])
        hashed = hashing.hash_of(password or "")
    warehouse.query(connection, "portal/add", kind, name, login, hashed)


def set_password(connection: Connection[Any], name: str, password: str) -> None:
    """Give a local account another password, unlock it, and end its sessions.

    Raises:
        AccountError: there is no such account, or the password is too weak.
    """
    found = [a for a in listed(connection) if (a.kind, a.name) == (LOCAL, as_kept(LOCAL, name))]
    if not found:
        raise AccountError(f"there is no local account for {name}")
    _check(password, [found[0].name, found[0].login])
    hashed = hashing.hash_of(password)
    warehouse.query(connection, "portal/set_password", found[0].name, hashed)


def remove(connection: Connection[Any], kind: str, name: str, login: str | None = None) -> None:
    """Remove an account; its sessions end.

    Args:
        connection: of the owner of the warehouse.
        kind: its kind.
        name: its name.
        login: of a user of Airflow, the login that is taken away; all of them when left out.

    Raises:
        AccountError: there is no such account.
    """
    if not warehouse.query(connection, "portal/remove", kind, as_kept(kind, name), login):
        raise AccountError(f"there is no such account of kind {kind} for {name}")


def unlock(connection: Connection[Any], name: str) -> None:
    """Take passwords of a local account at once again.

    Raises:
        AccountError: there is no such account.
    """
    if not warehouse.query(connection, "portal/unlock", as_kept(LOCAL, name)):
        raise AccountError(f"there is no local account for {name}")


def as_kept(kind: str, name: str) -> str:
    """*name* as it is kept: case does not count, but for users of Airflow."""
    plain = unicodedata.normalize("NFKC", name).strip()
    return plain if kind == AIRFLOW else plain.lower()


def _check(password: str, names: list[str]) -> None:
    parts = [part for name in names for part in name.replace("@", " ").replace("__", " ").split()]
    problem = passwords.weakness(password, [*names, *parts, *GUESSED], least=LEAST, most=MOST)
    if problem:
        raise AccountError(f"the password is too weak: {problem}")
