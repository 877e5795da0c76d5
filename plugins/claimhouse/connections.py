"""Secrets: every password and key comes from an Airflow connection, here and nowhere else."""

from __future__ import annotations

from typing import Any


class MissingConnection(RuntimeError):
    """A connection that is needed and not there, or has no password; the message names it."""


def find(name: str) -> Any | None:
    """The Airflow connection *name*, or None where nobody made it."""
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
    found = find(name)
    if found is None or not found.password:
        raise MissingConnection(f"the connection {name} has no password, or does not exist")
    return str(found.password)
