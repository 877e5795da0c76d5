"""Database roles of readers: one for each reader's extracts, one for each person, one for Tableau.

A role can change its own password and store settings for itself, and PostgreSQL has no right to
revoke: each publication and the guard (:mod:`claimhouse.reporting.guard`) undo it.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import hmac
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, conninfo, errors, sql

from claimhouse import connections, settings, warehouse

# The login that everybody who reads through Tableau shares.
TABLEAU = "tableau_service"


@dataclass(frozen=True)
class Name:
    """A login as the files name it, its database role, and the schema that is its own, if there is one."""

    login: str
    role_name: str
    schema_name: str | None


@dataclass(frozen=True)
class _Login:
    """A role that people log in with, and what is stored for it.

    Attributes:
        login: its name in the files.
        settings: stored for all databases, as ``name=value``; and those for this database alone.
        home: the schema that is its search path, if it has one.
        verifier: of its password; None where it has none, or the caller may not read it.
    """

    login: str
    role_name: str
    connection_limit: int
    settings: list[str]
    settings_here: list[str]
    home: str | None
    verifier: str | None

    @property
    def connection(self) -> str:
        """The connection that has its password."""
        return f"claimhouse_login_{self.login.removeprefix('client_')}"


def names(connection: Connection[Any]) -> list[Name]:
    """The logins of the warehouse, by name, and their database roles."""
    return warehouse.query_as(connection, Name, "reporting/roles/names")


def create(connection: Connection[Any], logins: Mapping[str, bool]) -> None:
    """Create the roles of readers and that of Tableau; roles that have the name of a login are renamed.

    A person's role can log in once the connection ``claimhouse_login_<login>`` has a password.

    Args:
        connection: a connection of the warehouse's owner, who may create roles.
        logins: each login, and whether it is a reader's own (not a person's).
    """
    warehouse.run(connection, "reporting/roles/rename")
    known = {name.login: name.role_name for name in names(connection)}
    # The order in which roles are created shows in their numbers: it must not be that of the files.
    for login, is_own_role in random.sample(list(logins.items()), len(logins)):
        role = known[login]
        _create_role(connection, role, can_login=not is_own_role)
        # The guard sees the sessions of roles whose rights its own role has, and may end them.
        allow_acting_as(connection, role, inherit=True)
        # A person's too: a dashboard that is mailed is read as whoever asked for it.
        warehouse.run(connection, "reporting/roles/deliver_as", role=role)
    _create_role(connection, TABLEAU, can_login=True)
    allow_acting_as(connection, TABLEAU, inherit=True)


def allow_acting_as(connection: Connection[Any], role: str, *, inherit: bool = False) -> None:
    """Let the publisher act as a role: to give it views, and to write its extracts.

    Args:
        connection: a connection of the publisher.
        role: the role.
        inherit: whether the publisher also has the rights of the role without acting as it.
    """
    warehouse.run(connection, "reporting/roles/act_as", role=role, inherit=str(inherit).lower())


def limit(connection: Connection[Any]) -> list[str]:
    """Store the limits of each login for its role, and no other setting.

    Returns:
        The roles for which something else was stored.
    """
    most = settings.session_limits()
    limits = most.stored()
    names = _server(connection, list(limits))["settings"]
    limits = {name: value for name, value in limits.items() if name in names}
    changed = []
    for login in _logins(connection):
        stored = limits | ({"search_path": login.home} if login.home else {})
        connections_ = most.tableau_connections if login.role_name == TABLEAU else most.connections
        wanted = {f"{name}={value}" for name, value in stored.items()}
        if (
            set(login.settings) == wanted
            and not login.settings_here
            and login.connection_limit == connections_
        ):
            continue
        warehouse.run(
            connection,
            "reporting/roles/limit",
            role=login.role_name,
            database=connection.info.dbname,
            settings=stored,
            connections=connections_,
        )
        changed.append(login.role_name)
    return changed


def restore_passwords(connection: Connection[Any], *, always: bool = False) -> list[str]:
    """Set the password of each login to that of its connection, where it is another one.

    A superuser compares verifiers. Anybody else tries to log in, as long as the server asks for a password.

    Args:
        connection: a connection of the warehouse's owner.
        always: whether to set also those that could not be compared.

    Returns:
        The roles that had another password.
    """
    is_superuser = _server(connection, [])["is_superuser"]
    changed = []
    for login in _logins(connection):
        if is_superuser and login.verifier is None and not always:
            continue  # no password: nobody logs in with one
        known = connections.find(login.connection)
        if known is None or not known.password:
            continue
        password = str(known.password)
        if is_superuser:
            is_other = not (login.verifier and _is_of(login.verifier, password))
        else:
            is_other = _is_refused(connection, login.role_name, password)
        if is_other or (always and not is_superuser):
            _set_password(connection, login.role_name, password)
        if is_other and (login.verifier or not is_superuser):
            changed.append(login.role_name)
    return changed


def _create_role(connection: Connection[Any], role: str, *, can_login: bool) -> None:
    warehouse.run(connection, "reporting/roles/role", role=role, can_login=str(can_login).lower())


def _server(connection: Connection[Any], names: list[str]) -> dict[str, Any]:
    return warehouse.query(connection, "reporting/roles/server", names)[0]


def _logins(connection: Connection[Any]) -> list[_Login]:
    is_superuser = _server(connection, [])["is_superuser"]
    return warehouse.query_as(
        connection, _Login, "reporting/roles/logins", is_superuser=is_superuser
    )


def _set_password(connection: Connection[Any], role: str, password: str) -> None:
    """Set the password of *role*, as a SCRAM verifier: no log sees the plain text."""
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    )
    connection.execute(
        sql.SQL("alter role {} password {}").format(
            sql.Identifier(role), sql.Literal(verifier.decode())
        )
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: ``claimhouse readers list``."""
    parser = argparse.ArgumentParser(
        prog="claimhouse readers", description="Who reads, and as which database role."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    commands.add_parser("list", help="print each login, its role and its schema as csv")
    parser.parse_args(arguments)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("login", "role", "schema"))
    with warehouse.connect() as connection:
        for name in names(connection):
            writer.writerow((name.login, name.role_name, name.schema_name or ""))


def _is_of(verifier: str, password: str) -> bool:
    """Whether *verifier* is that of *password* (RFC 5802, 3).

    One with characters beyond ASCII cannot be compared without SASLprep, and counts as right.
    """
    if not password.isascii():
        return True
    kind, _, rest = verifier.partition("$")
    if kind != "SCRAM-SHA-256":
        return False
    rounds_and_salt, _, keys = rest.partition("$")
    rounds, _, salt = rounds_and_salt.partition(":")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(rounds))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    own = (hashlib.sha256(client_key).digest(), server_key)
    return keys == ":".join(base64.b64encode(key).decode() for key in own)


def _is_refused(connection: Connection[Any], role: str, password: str) -> bool:
    """Whether the server refuses *password* as wrong."""
    try:
        psycopg.connect(
            conninfo.make_conninfo(
                connection.info.dsn, user=role, password=password, connect_timeout=5
            )
        ).close()
    except errors.InvalidPassword:
        return True
    except psycopg.OperationalError as error:
        return "password authentication failed" in str(error)
    return False
