"""Secrets: every password and key comes from an Airflow connection, through this module only."""

from __future__ import annotations

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
