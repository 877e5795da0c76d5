"""Deliveries in the manifest: each has its place in the order of its feed, and a batch if it says something new.

A delivery says nothing new where its bytes are those of the one directly before it in the order:
then it is noted, without a batch. If they are those of an earlier one (a snapshot A, B, then A
again), the source says that state again, and it has a batch. Rows that are transactions add up, so
that no content of such a feed lands twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

import claimhouse
from claimhouse import warehouse
from claimhouse.contracts import Contract, FileOrder
from claimhouse.landing import order
from claimhouse.landing.order import Delivery, NoNumber

# What review calls a correction: the batch and row that it corrects.
_CORRECTION = re.compile(r"batch(\d+)_row\d+_")


@dataclass(frozen=True)
class Content:
    """A delivered file.

    Attributes:
        path: below the source's folder.
        size: in bytes.
        store: moves the file to the archive, and returns its address there.
    """

    path: str
    size: int
    checksum: str
    arrived_at: datetime
    store: Callable[[], str]
    is_correction: bool = False


@dataclass(frozen=True)
class Entered:
    """What became of a delivery.

    Attributes:
        number: its number.
        repeats: the delivery whose content it repeats, if it says nothing new.
        doubt: why its place in the order is uncertain, as a sentence; None where it is not.
    """

    number: int
    repeats: int | None = None
    doubt: str | None = None


def enter(connection: Connection[Any], contract: Contract, content: Content) -> Entered:
    """Enter a delivery, with a batch unless it says nothing new; one at a time of a feed."""
    number = warehouse.query(connection, "landing/delivery_number")[0]["file_id"]
    delivery = Delivery(int(number), content.path, content.arrived_at)
    place = _place(connection, contract, delivery, content.is_correction)
    before = _neighbor(connection, contract, "before", place)
    same = _same(connection, contract, content, before)
    warehouse.query(
        connection, "landing/delivery", delivery.number, content.checksum,
        contract.told_by_name(content.path), content.size, contract.source_system, contract.feed,
        content.path, same["archive_path"] if same else content.store(), content.arrived_at, place,
        contract.file_order.text, same["content_file_id"] if same else None,
    )  # fmt: skip
    if same:
        return Entered(delivery.number, repeats=same["content_file_id"])
    _open_batch(connection, delivery.number, content.is_correction)
    doubt = None
    if not content.is_correction:
        after = _neighbor(connection, contract, "after", place)
        _wake(connection, contract, (content.checksum, contract.told_by_name(content.path)), after)
        doubt = _doubt(contract, delivery, before, after)
    return Entered(delivery.number, doubt=doubt)


def reorder(connection: Connection[Any], contract: Contract) -> int:
    """Reorder a feed's deliveries where the contract's order of files has changed.

    Returns:
        How many there were.
    """
    feed = (contract.source_system, contract.feed)
    text = contract.file_order.text
    deliveries = warehouse.query(connection, "landing/outdated_places", *feed, text)
    if not deliveries:
        return 0
    for row in deliveries:
        delivery = Delivery(row["file_id"], row["file_name"], row["arrived_at"])
        place = _place(connection, contract, delivery, row["is_correction"])
        warehouse.query(connection, "landing/set_place", delivery.number, place, text)
    previous: dict[str, Any] | None = None
    for row in warehouse.query(connection, "landing/deliveries_in_order", *feed):
        if previous:
            _wake(connection, contract, _content(previous), row)
        previous = row
    return len(deliveries)


def repeated(connection: Connection[Any], contract: Contract, row: dict[str, Any]) -> int | None:
    """The delivery whose content a rejected one repeats: one beside it, or any one where rows add up.

    Args:
        connection: to the warehouse.
        contract: the feed's.
        row: the delivery's name, place, checksum and whether it is a correction.
    """
    content = (row["checksum"], contract.told_by_name(row["file_name"]))
    if contract.rows_are_transactions:
        feed = (contract.source_system, contract.feed)
        same = warehouse.query(connection, "landing/same_content", *feed, *content)
        return same[0]["content_file_id"] if same else None
    if row["is_correction"]:
        return None
    for side in ("before", "after"):
        beside = _neighbor(connection, contract, side, row["file_order"])
        if beside is not None and _content(beside) == content:
            return int(beside["content_file_id"])
    return None


def wake_next(connection: Connection[Any], contract: Contract, row: dict[str, Any]) -> None:
    """Open a batch for the delivery after one that lands again, if it repeats the one before it no more."""
    if not row["is_correction"]:
        content = (row["checksum"], contract.told_by_name(row["file_name"]))
        _wake(
            connection,
            contract,
            content,
            _neighbor(connection, contract, "after", row["file_order"]),
        )


def _place(
    connection: Connection[Any], contract: Contract, delivery: Delivery, is_correction: bool
) -> str:
    named = _CORRECTION.match(delivery.path) if is_correction else None
    if named:
        rows = warehouse.query(connection, "landing/corrected_place", int(named.group(1)))
        if rows:
            return order.place_of_correction(rows[0]["file_order"], delivery)
    if is_correction:
        return order.place(FileOrder(), delivery)
    return place_of(contract, delivery)


def place_of(contract: Contract, delivery: Delivery) -> str:
    """The place of a delivery, which is no correction, in the order of its feed."""
    try:
        return order.place(contract.file_order, delivery)
    except NoNumber:  # it landed before the contract asked for one: the oldest
        return order.place(FileOrder(), delivery)


def _neighbor(
    connection: Connection[Any], contract: Contract, side: str, place: str
) -> dict[str, Any] | None:
    rows = warehouse.query(
        connection, f"landing/{side}", contract.source_system, contract.feed, place
    )
    return rows[0] if rows else None


def _same(
    connection: Connection[Any],
    contract: Contract,
    content: Content,
    before: dict[str, Any] | None,
) -> dict[str, Any] | None:
    """The delivery that says the same already."""
    checksum, from_name = content.checksum, contract.told_by_name(content.path)
    if contract.rows_are_transactions:
        feed = (contract.source_system, contract.feed)
        rows = warehouse.query(connection, "landing/same_content", *feed, checksum, from_name)
        return rows[0] if rows else None
    if content.is_correction or before is None or _content(before) != (checksum, from_name):
        return None
    return before


def _content(row: dict[str, Any]) -> tuple[str, str]:
    return row["checksum"], row["told_by_name"]


def _wake(
    connection: Connection[Any],
    contract: Contract,
    before: tuple[str, str],
    noted: dict[str, Any] | None,
) -> None:
    """Open a batch for a noted delivery that does not repeat the one *before* it any more."""
    if contract.rows_are_transactions or noted is None or noted["same_as_file_id"] is None:
        return
    if _content(noted) != before:
        warehouse.query(connection, "landing/wake", noted["file_id"])
        _open_batch(connection, noted["file_id"], is_correction=False)


def _open_batch(connection: Connection[Any], number: int, is_correction: bool) -> None:
    warehouse.query(connection, "landing/batch", number, is_correction, claimhouse.__version__)


def _doubt(
    contract: Contract,
    delivery: Delivery,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> str | None:
    """Why it is uncertain that *delivery* stands between its neighbors."""
    decides = f"If that is wrong, say in the contract of {contract.name} what decides (fileOrder)."
    if before and (why := order.doubt(contract.file_order, _delivery(before), delivery)):
        return f"The file is taken as newer than file {before['file_id']}: {why}. {decides}"
    if after and (why := order.doubt(contract.file_order, delivery, _delivery(after))):
        return f"The file is taken as older than file {after['file_id']}: {why}. {decides}"
    return None


def _delivery(row: dict[str, Any]) -> Delivery:
    return Delivery(row["file_id"], row["file_name"], row["arrived_at"])
