"""Entitlement tables: the readers of the files, written to the schema ``security``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from psycopg import Connection

from claimhouse import warehouse
from claimhouse.reporting import pseudonyms
from claimhouse.reporting.readers import Reader

Rows = Iterable[dict[str, Any]]


def write(connection: Connection[Any], readers: list[Reader]) -> dict[str, int]:
    """Make the entitlement and subscription tables agree with *readers*.

    Returns:
        How many entitlements were ``opened`` and ``closed``.

    Raises:
        connections.MissingConnection: there is no master key of pseudonyms.
        pseudonyms.KeyChanged: the master key is not the one in use.
    """
    _write(connection, "reporting/entitlements/client", _client_rows(readers))
    _write(connection, "reporting/entitlements/login", _login_rows(readers))
    _write(connection, "reporting/entitlements/entitlement", _entitlement_rows(readers))
    pseudonyms.store_keys(connection, (reader.name for reader in readers))
    _write(connection, "delivery/subscription", _subscription_rows(readers))
    return warehouse.query(connection, "reporting/entitlements/history")[0]


def _write(connection: Connection[Any], path: str, rows: Rows) -> None:
    warehouse.query(connection, path, json.dumps(list(rows)))


def _client_rows(readers: list[Reader]) -> Rows:
    for reader in readers:
        yield {
            "name": reader.name,
            "title": reader.title,
            "is_internal": reader.is_internal,
            "privacy_level": reader.privacy_level,
            "reports": reader.reports,
            "schemas": reader.schemas,
            "hold_reason": reader.hold_reason,
        }


def _login_rows(readers: list[Reader]) -> Rows:
    for reader in readers:
        yield {"login": reader.role, "client": reader.name, "is_own_role": True}
        for login in reader.logins:
            yield {
                "login": login.role,
                "client": reader.name,
                "is_own_role": False,
                "specialty": login.specialty,
                "tableau_user": login.tableau_user,
            }


def _entitlement_rows(readers: list[Reader]) -> Rows:
    for reader in readers:
        for role in reader.roles:
            for entitlement in reader.entitlements_of(role):
                for value in entitlement.values:
                    yield {
                        "login": role,
                        "source_system": entitlement.source_system,
                        "kind": entitlement.kind,
                        "value": value,
                    }


def _subscription_rows(readers: list[Reader]) -> Rows:
    for reader in readers:
        for subscription in reader.subscriptions:
            yield vars(subscription) | {"client": reader.name}
