"""Publication: the database is made to agree with the files about readers, and audited.

Access is denied by default. A client's roles may use the schema ``reporting`` only, and there the
views that its file lists; roles inside the house may read source tables, star or metrics if the
roles file says so. The views belong to roles that own no table and cannot bypass row-level
security; the policies on the star show them the rows to which the caller is entitled.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

from claimhouse import addresses, connections, passwords, reference, settings, warehouse
from claimhouse.reporting import (
    entitlements,
    guard,
    harden,
    readers,
    reports,
    roles,
    small_cells,
)
from claimhouse.reporting.readers import Reader

log = logging.getLogger(__name__)


class ReportingError(RuntimeError):
    """A publication that would not be safe; the message says why."""


@dataclass(frozen=True)
class Publication:
    """The outcome of a publication: what is in force, and what changed."""

    clients: int
    roles: int
    views: int
    subscriptions: int
    entitlements_opened: int
    entitlements_closed: int


def publish(
    connection: Connection[Any], folder: Path | None = None, roles_file: Path | None = None
) -> Publication:
    """Make the database agree with the client files and the roles file, in one transaction.

    Roles and entitlements that the files no longer list lose their access; the views of the
    reports are created again. Safe to repeat.

    Args:
        connection: a connection of the warehouse's owner.
        folder: the client files; ``include/clients`` by default.
        roles_file: the roles inside the house; ``include/roles.yaml`` by default.

    Raises:
        readers.ReaderError: a file cannot be used.
        connections.MissingConnection: there is no master key of pseudonyms.
        pseudonyms.KeyChanged: the master key is not the one in use.
        ReportingError: somebody could see more than they may, the password of an extract is too
            weak, or the owner's address is none.
    """
    everyone = readers.load_all(folder, roles_file)
    _check_secrets(everyone)
    with guard.clear_the_way(connection), connection.transaction():
        # One at a time: a lock that no reader can take, and that keeps nobody from reading or writing it.
        connection.execute("lock table security.client in share update exclusive mode")
        harden.harden(connection)
        reference.fill(connection)
        changes = entitlements.write(connection, everyone)
        roles.create(connection, _roles(everyone))
        warehouse.run(connection, "reporting/publish/row_policies")
        small_cells.refresh(connection)
        views = reports.create_views(connection, _feeds(everyone))
        _grant(connection, views)
        roles.limit(connection)
        others = roles.restore_passwords(connection, always=True)
        warehouse.query(connection, "delivery/published")
        _audit(connection)
    guard.end_sessions_of(connection, others)
    publication = Publication(
        clients=len(everyone),
        roles=len(_roles(everyone)),
        views=len(views),
        subscriptions=sum(len(reader.subscriptions) for reader in everyone),
        entitlements_opened=changes["opened"],
        entitlements_closed=changes["closed"],
    )
    log.info("published: %s", publication)
    return publication


def _check_secrets(everyone: list[Reader]) -> None:
    """Refuse passwords that do not protect extracts, and an owner whom no notice reaches.

    A connection that is missing stops its own client's deliveries only.

    Raises:
        ReportingError: the message names the connections and the clients, and no password.
    """
    problems = []
    try:
        addresses.parse(settings.owner_address())
    except addresses.AddressError as error:
        problems.append(f"CLAIMHOUSE_OWNER_EMAIL: {error}")
    sent_to = {reader.name: reader for reader in everyone if reader.subscriptions}
    known = connections.passwords({name: settings.extract_connection(name) for name in sent_to})
    for name, password in known.items():
        reader = sent_to[name]
        people = [login.role.rpartition("__")[2] for login in reader.logins]
        names = [name, reader.title, *people]
        connection = settings.extract_connection(name)
        if problem := passwords.problem(connection, name, password, names, known):
            problems.append(problem)
    if problems:
        raise ReportingError("not published: " + "; ".join(problems))


def _roles(everyone: list[Reader]) -> dict[str, bool]:
    """Every role, and whether it is a reader's own (not a person's)."""
    return {role: is_own for reader in everyone for role, is_own in reader.roles.items()}


def _feeds(everyone: list[Reader]) -> set[tuple[str, str]]:
    """The feeds, as (source system, feed), whose accepted rows somebody may see."""
    return {feed for reader in everyone for feed in reader.feeds}


def _grant(connection: Connection[Any], views: list[str]) -> None:
    """Grant each reader what it may read, and give the views to owners without power."""
    warehouse.run(connection, "reporting/publish/access")
    reports.set_owners(connection, views)
    roles.allow_acting_as(connection, "metrics_owner")
    warehouse.run(connection, "reporting/publish/metrics")


def _audit(connection: Connection[Any]) -> None:
    """Fail if a reader could see more than it may.

    Raises:
        ReportingError: the message lists every problem.
    """
    problems = [row["problem"] for row in warehouse.query(connection, "reporting/publish/audit")]
    if problems:
        raise ReportingError("not published, because it would not be safe: " + "; ".join(problems))
