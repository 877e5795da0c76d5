"""Who may see what: client files and roles into entitlements, secured views and grants.

Deny by default. A client's roles may use the schema ``reporting`` alone, and there the views
their file names; roles inside the house may read source tables, star or metrics where the roles
file says so. The views belong to roles that own no table and cannot bypass row-level security;
the policies on the star show them the rows to which the caller is entitled. :func:`publish` ends
with an audit and fails, undoing itself, where any of this does not hold.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from claimhouse import connections, contracts, reference, settings, warehouse
from claimhouse.contracts import Column
from claimhouse.reporting import readers, small_cells
from claimhouse.reporting.readers import Client

log = logging.getLogger(__name__)

TABLEAU = "tableau_service"
# Who owns a secured view, by the beginning of its name; of any other, the last.
VIEW_OWNERS = {"identified_": "identified_owner", "raw_": "raw_owner", "": "reporting_owner"}

# From which privacy level on a column of a feed is shown as it came, by what it gives away.
_FROM_LIMITED = {"city", "zipcode", "date", "birth_date"}
_FROM_SAFE_HARBOR = {"public", "state", "clinical", "financial"}


class ReportingError(RuntimeError):
    """A publication that would not be safe; the message says what is in the way."""


@dataclass(frozen=True)
class Publication:
    """What a publication did: how much is in force, and what changed."""

    clients: int
    roles: int
    views: int
    subscriptions: int
    entitlements_opened: int
    entitlements_closed: int


def publish(
    connection: Connection[Any], folder: Path | None = None, roles: Path | None = None
) -> Publication:
    """Make the database agree with the client files and the roles file: all of it, or nothing.

    Roles and entitlements that the files no longer name lose their access in the same
    transaction; the secured views are laid anew. Safe to repeat.

    Args:
        connection: a connection of the warehouse's owner.
        folder: the client files' folder; ``include/clients`` when left out.
        roles: the file of the roles inside the house; ``include/roles.yaml`` when left out.

    Raises:
        clients.ClientError: a file says something it may not.
        connections.MissingConnection: the key of the pseudonyms is not there.
        ReportingError: the result would let somebody see more than they may.
    """
    known = readers.load_everyone(folder, roles)
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext('claimhouse.publish'))")
        reference.lay(connection)
        changed = _apply_clients(connection, known)
        _apply_roles(connection, known)
        warehouse.run(connection, "reporting/security/row_policies")
        small_cells.refresh(connection)
        views = _lay_views(connection, known)
        warehouse.run(connection, "reporting/security/access")
        _hand_over(connection, views)
        warehouse.run(
            connection, "reporting/security/act_as", role="metrics_owner", inherit="false"
        )
        warehouse.run(connection, "reporting/security/metrics")
        warehouse.query(connection, "delivery/published")
        _audit(connection)
    result = Publication(
        clients=len(known),
        roles=sum(len(client.roles) for client in known),
        views=len(views),
        subscriptions=sum(len(client.subscriptions) for client in known),
        entitlements_opened=changed["opened"],
        entitlements_closed=changed["closed"],
    )
    log.info("published: %s", result)
    return result


def pseudonym(master: str, client: str, kind: str, source_system: str, identifier: str) -> str:
    """The pseudonym the secured views show *client*, by another route than SQL.

    Args:
        master: the key of the connection ``claimhouse_pseudonym``.
        client: the client's name.
        kind: ``patient`` or ``claim``.
        source_system: the source that gave out the identifier.
        identifier: the source's own identifier.

    Returns:
        32 hexadecimal digits: the first 128 bits of the HMAC-SHA256.
    """
    message = "\x1f".join((kind, source_system, identifier))
    return hmac.digest(_client_key(master, client), message.encode(), "sha256").hex()[:32]


def _client_key(master: str, client: str) -> bytes:
    return hmac.digest(master.encode(), f"claimhouse pseudonym\x1f{client}".encode(), "sha256")


def _padded_keys(key: bytes) -> tuple[bytes, bytes]:
    """The inner and the outer key of HMAC-SHA256 (RFC 2104), so that SQL needs sha256() alone."""
    block = key.ljust(hashlib.sha256().block_size, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def _apply_clients(connection: Connection[Any], known: Iterable[Client]) -> dict[str, Any]:
    """Write the security and subscription tables; returns how many entitlements changed."""
    known = list(known)
    warehouse.query(connection, "reporting/security/client", _json(_client_rows(known)))
    warehouse.query(connection, "reporting/security/login", _json(_login_rows(known)))
    warehouse.query(connection, "reporting/security/entitlement", _json(_entitlement_rows(known)))
    _apply_keys(connection, known)
    warehouse.query(connection, "delivery/subscription", _json(_subscription_rows(known)))
    return warehouse.query(connection, "reporting/security/entitlement_history")[0]


def _json(rows: Iterable[dict[str, Any]]) -> str:
    return json.dumps(list(rows))


def _client_rows(known: list[Client]) -> Iterable[dict[str, Any]]:
    for client in known:
        yield {
            "name": client.name,
            "title": client.title,
            "is_internal": client.is_internal,
            "privacy_level": client.privacy_level,
            "reports": client.reports,
            "schemas": client.schemas,
        }


def _login_rows(known: list[Client]) -> Iterable[dict[str, Any]]:
    for client in known:
        yield {"login": client.role, "client": client.name, "is_own_role": True}
        for login in client.logins:
            yield {
                "login": login.role,
                "client": client.name,
                "is_own_role": False,
                "specialty": login.specialty,
                "tableau_user": login.tableau_user,
            }


def _entitlement_rows(known: list[Client]) -> Iterable[dict[str, Any]]:
    for client in known:
        for role in client.roles:
            for entitlement in client.entitlements_of(role):
                for value in entitlement.values:
                    yield {
                        "login": role,
                        "source_system": entitlement.source_system,
                        "kind": entitlement.kind,
                        "value": value,
                    }


def _subscription_rows(known: list[Client]) -> Iterable[dict[str, Any]]:
    for client in known:
        for subscription in client.subscriptions:
            yield vars(subscription) | {"client": client.name}


def _apply_keys(connection: Connection[Any], known: list[Client]) -> None:
    """Keep each client's pseudonym keys; refuse a change that nobody decided on."""
    master = connections.password(settings.PSEUDONYM_CONNECTION) if known else ""
    for client in known:
        keys = _padded_keys(_client_key(master, client.name))
        warehouse.query(connection, "reporting/security/pseudonym_key", client.name, *keys)
        if warehouse.query(
            connection, "reporting/security/pseudonym_key_differs", client.name, *keys
        ):
            raise ReportingError(
                f"the key in the connection {settings.PSEUDONYM_CONNECTION} is not the one with "
                f"which the pseudonyms of {client.name} were made: they would all change. "
                "Restore the key, or, to change it on purpose, delete the client's row in "
                "security.pseudonym_key first."
            )


def _apply_roles(connection: Connection[Any], known: Iterable[Client]) -> None:
    """Create each client's roles. A person's role can log in once its connection has a password."""
    for client in known:
        for role, is_own_role in client.roles.items():
            can_login = "false" if is_own_role else "true"
            warehouse.run(connection, "reporting/security/role", role=role, can_login=can_login)
            warehouse.run(connection, "reporting/security/act_as", role=role, inherit="false")
            if not is_own_role:
                _apply_password(connection, role)
    warehouse.run(connection, "reporting/security/role", role=TABLEAU, can_login="true")
    # security.bind looks at sessions of this role as its owner, who may look at its own roles'.
    warehouse.run(connection, "reporting/security/act_as", role=TABLEAU, inherit="true")
    _apply_password(connection, TABLEAU)


def _apply_password(connection: Connection[Any], role: str) -> None:
    """Set the role's password from its connection, as a SCRAM verifier: logs never see it plain."""
    found = connections.find(f"claimhouse_login_{role.removeprefix('client_')}")
    if found is None or not found.password:
        return
    verifier = connection.pgconn.encrypt_password(
        found.password.encode(), role.encode(), b"scram-sha-256"
    )
    connection.execute(
        sql.SQL("alter role {} password {}").format(
            sql.Identifier(role), sql.Literal(verifier.decode())
        )
    )


def _lay_views(connection: Connection[Any], known: Iterable[Client]) -> list[str]:
    """Drop the secured views, create those that have a file and the raw ones; returns their names."""
    for row in warehouse.query(connection, "reporting/security/views"):
        connection.execute(
            sql.SQL("drop view reporting.{}").format(sql.Identifier(row["view_name"]))
        )
    names = readers.reports()
    for name in names:
        warehouse.run(connection, f"reporting/{name}/view")
    feeds = {
        (one.source_system, feed)
        for client in known
        for one in client.entitlements
        if one.kind == "feed"
        for feed in one.values
    }
    laid = [_lay_raw_view(connection, source, feed) for source, feed in sorted(feeds)]
    return names + [name for name in laid if name]


def _lay_raw_view(connection: Connection[Any], source: str, feed: str) -> str | None:
    """Lay the view of a feed's rows as they came; None where nothing of it has arrived yet."""
    found = connection.execute("select to_regclass(%s)", (f"source_{source}.{feed}",)).fetchone()
    if found is None or found[0] is None:
        return None
    described = contracts.of(source, feed)
    view = readers.raw_view(source, feed)
    warehouse.run(
        connection,
        "reporting/security/raw_view",
        view=view,
        source=source,
        schema=f"source_{source}",
        feed=feed,
        description=described.description,
        columns=[
            {"name": one.name, "description": one.description, "levels": _levels(one)}
            for one in described.columns
        ],
    )
    return view


def _levels(column: Column) -> str | None:
    """The privacy levels that see a column of a feed, as SQL; None for all that see rows."""
    if column.classification in _FROM_SAFE_HARBOR:
        return None
    return "'limited', 'identified'" if column.classification in _FROM_LIMITED else "'identified'"


def _hand_over(connection: Connection[Any], views: list[str]) -> None:
    """Give the views, with the grants just laid, to owners whom row-level security binds."""
    for owner in VIEW_OWNERS.values():
        warehouse.run(connection, "reporting/security/act_as", role=owner, inherit="false")
    for name in views:
        owner = next(owner for start, owner in VIEW_OWNERS.items() if name.startswith(start))
        connection.execute(
            sql.SQL("alter view reporting.{} owner to {}").format(
                sql.Identifier(name), sql.Identifier(owner)
            )
        )


def _audit(connection: Connection[Any]) -> None:
    """Fail where a reader could see more than it may.

    Raises:
        ReportingError: the message lists every way found.
    """
    problems = [row["problem"] for row in warehouse.query(connection, "reporting/security/audit")]
    if problems:
        raise ReportingError("not published, for it would not be safe: " + "; ".join(problems))
