"""Rejected files whose contract has changed: they are read again, from the archive.

A rejected file was never landed. Once its contract says something else (or a list that it uses), it
lands as if it had just been delivered, in its old place in the order of the feed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from claimhouse import warehouse
from claimhouse.contracts import Contract
from claimhouse.landing import deliveries
from claimhouse.landing.order import Delivery

log = logging.getLogger(__name__)


def move(connection: Connection[Any], source: str, known: Sequence[Contract]) -> None:
    """Move the rejected files of a source to the feeds that claim their names now.

    Args:
        connection: to the warehouse.
        source: the source system.
        known: its contracts.
    """
    for row in warehouse.query(connection, "landing/rejected_names", source):
        name = row["file_name"].rpartition("/")[2]
        own = next((contract for contract in known if contract.feed == row["feed"]), None)
        if own is not None and (own.is_by_content or own.claims(name)):
            continue
        claiming = [contract for contract in known if contract.claims(name)]
        if len(claiming) == 1:
            delivery = Delivery(row["file_id"], row["file_name"], row["arrived_at"])
            place = deliveries.place_of(claiming[0], delivery)
            warehouse.query(
                connection, "landing/move_rejected",
                row["batch_id"], claiming[0].feed, place, claiming[0].file_order.text,
            )  # fmt: skip
            log.info("batch %s is now of %s", row["batch_id"], claiming[0].name)


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
