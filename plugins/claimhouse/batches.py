"""Batches: what every stage reads of the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from claimhouse import warehouse


@dataclass(frozen=True)
class Batch:
    """One delivery of a file on its way into the star.

    Attributes:
        state: landed, verified, rejected, checked, held or loaded.
        file_name: the file's path below its source system's folder.
        archive_path: where its archived copy is.
        checksum: SHA-256 of the file that landed.
        size_bytes: its size.
        arrived_at: when it arrived; of a correction, when it was written.
        is_correction: whether a reviewer made the file.
    """

    batch_id: int
    source_system: str
    feed: str
    state: str
    file_name: str
    archive_path: str
    checksum: str
    size_bytes: int
    arrived_at: datetime
    is_correction: bool


def in_state(connection: Connection[Any], source: str, state: str) -> list[int]:
    """The batches of *source* in one state, in the order of their files."""
    rows = warehouse.query(connection, "batches/in_state", source, state)
    return [int(row["batch_id"]) for row in rows]


def locked(connection: Connection[Any], batch_id: int) -> Batch:
    """One batch, locked until the transaction ends.

    Raises:
        LookupError: there is no such batch.
    """
    rows = warehouse.query(connection, "batches/locked", batch_id)
    if not rows:
        raise LookupError(f"there is no batch {batch_id}")
    return Batch(**rows[0])
