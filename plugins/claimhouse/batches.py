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
        was_read: whether it was verified or rejected before.
        contract_hash: the version of the contract under which its file was read as a whole; None
            where it was not, or an earlier release read it.
        newest_hash: the same of what was rejected or quarantined.
        is_to_be_reverified: whether somebody asked for its accepted rows to be read anew.
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
    was_read: bool
    contract_hash: str | None
    newest_hash: str | None
    is_to_be_reverified: bool


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
