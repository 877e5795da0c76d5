"""Corrections: small files that review writes and landing takes in.

What a reviewer decided is in ``quality.review_act`` first, with the content; the file follows. One whose
writer was killed in between is written by the next run.
"""

from __future__ import annotations

import logging
from typing import Any

from psycopg import Connection

from claimhouse import settings, storage, warehouse

log = logging.getLogger(__name__)


def address(source: str, feed: str, name: str) -> str:
    """Where the correction *name* of a feed is, or will be; its folder is made."""
    return f"{folder(source, feed)}/{name}"


def folder(source: str, feed: str) -> str:
    """The folder of a feed's corrections, which only its owner can read."""
    return storage.private_folder(settings.corrections_root(), source, feed)


def write_missing(connection: Connection[Any], source: str) -> None:
    """Write the files of corrections that wait and have none.

    The caller holds the lock of the source's landing: none of them is taken back meanwhile.
    """
    for row in warehouse.query(connection, "landing/waiting_corrections", source):
        if not storage.at(row["path"]).exists():
            folder(source, row["feed"])
            storage.write(row["path"], row["content"].encode())
            log.warning("%s: the file of correction %s was missing", source, row["act_id"])


def take_back(path: str) -> None:
    """Remove the file of a correction, if it is there; the caller holds the lock of its source's landing."""
    storage.at(path).unlink(missing_ok=True)
