"""Secrets: every password and key comes from an Airflow connection, through this module only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class MissingConnection(RuntimeError):
    """A connection that is required does not exist or has no password; the message names it."""


def find(name: str) -> Any | None:
    """The Airflow connection *name*, or None if it does not exist."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return None


def password(name: str) -> str:
    """The password of the connection *name*.

    Raises:
        MissingConnection: there is no such connection, or it has no password.
    """
    connection = find(name)
    if connection is None or not connection.password:
        raise MissingConnection(f"the connection {name} has no password, or does not exist")
    return str(connection.password)


def passwords(names: Mapping[str, str]) -> dict[str, str]:
    """The passwords of several connections, where they have one.

    Args:
        names: connections, by what their passwords are looked up by.
    """
    found = {key: find(name) for key, name in names.items()}
    return {key: str(known.password) for key, known in found.items() if known and known.password}
