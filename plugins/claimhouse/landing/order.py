"""The order of a feed's deliveries: which of two is the newer one.

Each delivery has a text, its place, and the texts of a feed sort in its order: what the contract
declares (``fileOrder``), or else the second in which the file arrived, the dates and numbers in its
name, the rest of its arrival, its name, and the number of the delivery. A place depends on nothing
but the contract and the delivery itself, so it does not matter when or in which run a file lands.

A second is as exact as an arrival is: S3 keeps no fractions, and of files that are copied together
the fractions say only in which order the copying went.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from claimhouse.contracts import FileOrder, date_in
from claimhouse.landing import names

# Nothing sorts before it in a place: what is shorter comes first.
_GAP = " "
# How much later than now a clock elsewhere may be; and no file arrived before.
_AHEAD = timedelta(days=1)
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
# The last number in a name, before its extensions.
_LAST_NUMBER = re.compile(r"(\d+)(?=[^\d/]*$)")


@dataclass(frozen=True)
class Delivery:
    """A delivery as far as its place in the order goes.

    Attributes:
        number: the deliveries' own, in the order in which they landed.
        path: below the source's folder.
    """

    number: int
    path: str
    arrived_at: datetime


class NoNumber(ValueError):
    """The name of a file lacks the number that the contract orders its feed by."""


def place(order: FileOrder, delivery: Delivery) -> str:
    """The place of *delivery* among those of its feed.

    Raises:
        NoNumber: its name lacks the number that *order* asks for.
    """
    arrival = delivery.arrived_at.astimezone(UTC)
    parts = [
        _declared(order, delivery),
        f"{arrival:%Y-%m-%dT%H:%M:%S}",
        names.read(delivery.path.rpartition("/")[2]).values,
        f"{arrival:%f}",
        names.natural(delivery.path),
        f"{delivery.number:012}",
    ]
    return _GAP.join(parts)


def place_of_correction(corrected: str, delivery: Delivery) -> str:
    """The place of a reviewer's correction: directly after the delivery with the row it corrects."""
    arrival = delivery.arrived_at.astimezone(UTC)
    return _GAP.join([corrected, f"{arrival:%Y-%m-%dT%H:%M:%S.%f}", f"{delivery.number:012}"])


def lacks_date(order: FileOrder, path: str) -> bool:
    """Whether the contract orders the feed by a date that the file's name does not have."""
    return order.is_declared and order.kind == "date" and date_in(path, order.pattern) is None


def lacks_number(order: FileOrder, path: str) -> bool:
    """Whether the contract orders the feed by a number that the file's name does not have."""
    try:
        return order.kind == "number" and not _number_in(order, path)
    except NoNumber:
        return True


def credible(arrived_at: datetime, now: datetime) -> datetime:
    """When a file arrived; *now* where its modification time cannot be that of an arrival.

    A time in the future would make the file the newest for years, and a clock that was never set
    (1970, 1980) the oldest for ever.
    """
    return arrived_at if _EARLIEST <= arrived_at <= now + _AHEAD else now


def doubt(order: FileOrder, older: Delivery, newer: Delivery) -> str | None:
    """Why it is uncertain which of two neighbors is newer; None where it is not.

    Args:
        order: the feed's.
        older: the delivery that was taken as the older one.
        newer: the other.
    """
    if order.is_declared or older.path == newer.path or _is_fetched(order, older, newer):
        return None
    verdict = names.compare(older.path, newer.path)
    if verdict == -1:
        return "their arrivals say so, and their names the opposite"
    if verdict is None and older.arrived_at == newer.arrived_at:
        return "they arrived at the same time, and their names do not tell"
    return None


def _is_fetched(order: FileOrder, *deliveries: Delivery) -> bool:
    return order.kind == "date" and all(
        date_in(delivery.path, order.pattern) for delivery in deliveries
    )


def _declared(order: FileOrder, delivery: Delivery) -> str:
    if order.kind == "date":
        day = datetime.combine(delivery.arrived_at.astimezone(UTC).date(), datetime.min.time())
        return f"{date_in(delivery.path, order.pattern) or day:%Y-%m-%dT%H:%M:%S}"
    if order.kind == "number":
        return names.number(_number_in(order, delivery.path))
    return ""


def _number_in(order: FileOrder, path: str) -> str:
    found = (
        re.search(order.pattern, path)
        if order.pattern
        else _LAST_NUMBER.search(names.without_extension(path))
    )
    if found is None or not re.fullmatch(r"\d+", found.group(1) or ""):
        raise NoNumber(path)
    return found.group(1)
