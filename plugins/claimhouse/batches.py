"""Batches: what every stage asks of the manifest."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from claimhouse import warehouse


def in_state(connection: Connection[Any], source: str, state: str) -> list[int]:
    """The batches of *source* in one state, in the order in which their files were landed."""
    found = warehouse.query(connection, "batches/in_state", source, state)
    return [int(row["batch_id"]) for row in found]


def locked(connection: Connection[Any], batch_id: int) -> dict[str, Any]:
    """One batch with its file's name and place, locked until the transaction ends."""
    found = warehouse.query(connection, "batches/locked", batch_id)
    if not found:
        raise LookupError(f"there is no batch {batch_id}")
    return found[0]
