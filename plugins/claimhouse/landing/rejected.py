"""Rejected files whose contract has changed: they are read again, from the archive.

A rejected file was never landed. Once its contract says something else (or a list that it uses), it
lands as if it had just been delivered, in its old place in the order of the feed.
"""

from __future__ import annotations

import logging
from typing import Any

from psycopg import Connection

from claimhouse import warehouse
from claimhouse.contracts import Contract
from claimhouse.landing import deliveries

log = logging.getLogger(__name__)


def reopen(connection: Connection[Any], contract: Contract) -> int:
    """Let the rejected files of a feed land again, each once for a version of its contract.

    One that says what a file beside it says already is noted instead.

    Returns:
        How many are to be verified again.
    """
    feed = (contract.source_system, contract.feed)
    count = 0
    # In the order of the feed: the first of several deliveries of the same bytes is the one that lands.
    for row in warehouse.query(connection, "landing/rejected", *feed, contract.content_hash):
        same = deliveries.repeated(connection, contract, row)
        if same is not None:
            warehouse.query(connection, "landing/note_rejected", row["file_id"], same)
            continue
        told_by_name = contract.told_by_name(row["file_name"])
        warehouse.query(connection, "landing/reopen", row["batch_id"], told_by_name)
        deliveries.wake_next(connection, contract, row)
        count += 1
    return count
