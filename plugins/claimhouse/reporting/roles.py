"""Database roles of readers: one for each reader's extracts, one for each person, one for Tableau."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import Connection, sql

from claimhouse import connections, warehouse

# The login that everybody who reads through Tableau shares.
TABLEAU = "tableau_service"


def create(connection: Connection[Any], roles: Mapping[str, bool]) -> None:
    """Create the roles of readers and that of Tableau.

    A person's role can log in once the connection ``claimhouse_login_<role>`` has a password.

    Args:
        connection: a connection of the warehouse's owner, who may create roles.
        roles: each role, and whether it is a reader's own (not a person's).
    """
    for role, is_own_role in roles.items():
        _create_role(connection, role, can_login=not is_own_role)
        allow_acting_as(connection, role)
        if is_own_role:
            warehouse.run(connection, "reporting/roles/deliver_as", role=role)
        else:
            _set_password(connection, role)
    _create_role(connection, TABLEAU, can_login=True)
    # security.bind runs as its owner and looks at sessions of this role: a member of it may.
    allow_acting_as(connection, TABLEAU, inherit=True)
    _set_password(connection, TABLEAU)


def allow_acting_as(connection: Connection[Any], role: str, *, inherit: bool = False) -> None:
    """Let the publisher act as a role: to give it views, and to write its extracts.

    Args:
        connection: a connection of the publisher.
        role: the role.
        inherit: whether the publisher also has the rights of the role without acting as it.
    """
    warehouse.run(connection, "reporting/roles/act_as", role=role, inherit=str(inherit).lower())


def _create_role(connection: Connection[Any], role: str, *, can_login: bool) -> None:
    warehouse.run(connection, "reporting/roles/role", role=role, can_login=str(can_login).lower())


def _set_password(connection: Connection[Any], role: str) -> None:
    """Set the password from the role's connection, as a SCRAM verifier: no log sees the plain text."""
    login = connections.find(f"claimhouse_login_{role.removeprefix('client_')}")
    if login is None or not login.password:
        return
    verifier = connection.pgconn.encrypt_password(
        login.password.encode(), role.encode(), b"scram-sha-256"
    )
    connection.execute(
        sql.SQL("alter role {} password {}").format(
            sql.Identifier(role), sql.Literal(verifier.decode())
        )
    )
