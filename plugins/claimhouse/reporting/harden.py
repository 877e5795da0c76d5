"""Take from readers what PostgreSQL lets everybody do, and what its catalogs tell of others.

Most of it needs a superuser. docs/security.md says what stays open where the owner of the warehouse is
none; docker/warehouse/ does it for the servers of docker-compose.yaml.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from claimhouse import warehouse


def harden(connection: Connection[Any]) -> None:
    """Revoke it from the public, as far as the caller may. Cheap where it is done already.

    Args:
        connection: a connection of the warehouse's owner.
    """
    warehouse.run(connection, "reporting/harden/functions")
    warehouse.run(connection, "reporting/harden/extensions")
