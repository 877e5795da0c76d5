"""Lists that are paged by key: a page begins beside a row, and costs the same wherever it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import HTTPException

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST = 2**62
ROWS = 50
# The key before all others: the page after it is the last one.
OLDEST = "0-0"


@dataclass(frozen=True)
class Beside:
    """Where a page of a list, newest first, begins.

    Attributes:
        moment: of the row beside it; None on the first page.
        number: of that row.
        upward: whether the page ends before that row, which is older; otherwise it begins after it.
    """

    moment: datetime | None = None
    number: int | None = None
    upward: bool = False


@dataclass(frozen=True)
class Listed:
    """A page of a list.

    Attributes:
        newer: the key that the page of newer rows ends before; None where there are none.
        older: the key that the page of older rows begins after; None where there are none.
    """

    rows: list[dict[str, Any]]
    newer: str | None
    older: str | None


def beside(before: str = "", after: str = "") -> Beside:
    """The place of a page from its address.

    Args:
        before: the key of the row whose older neighbors are asked for.
        after: the key of the row whose newer neighbors are asked for.

    Raises:
        HTTPException: 400, such a key is in no link of ours.
    """
    text = after or before
    if not text:
        return Beside()
    microseconds, _, number = text.partition("-")
    digits = (microseconds + number).isascii() and microseconds.isdigit() and number.isdigit()
    try:
        if not digits or max(int(microseconds), int(number)) > _LARGEST:
            raise ValueError
        moment = _EPOCH + timedelta(microseconds=int(microseconds))
    except (ValueError, OverflowError):
        raise HTTPException(400, "This address is not one of a page.") from None
    return Beside(moment, int(number), bool(after))


def listed(rows: list[dict[str, Any]], place: Beside, moment: str, number: str) -> Listed:
    """One page of rows, newest first, of which one more was asked for than a page has.

    Args:
        rows: :data:`ROWS` and one, if there are as many.
        place: where the page begins.
        moment: the column of a row's time.
        number: the column of its number.
    """
    is_more = len(rows) > ROWS
    shown = rows[-ROWS:] if place.upward else rows[:ROWS]
    if not shown:
        return Listed([], None, None)
    newer = is_more if place.upward else place.number is not None
    older = place.number != 0 if place.upward else is_more
    return Listed(
        shown,
        key(shown[0][moment], shown[0][number]) if newer else None,
        key(shown[-1][moment], shown[-1][number]) if older else None,
    )


def key(moment: datetime, number: int) -> str:
    """The key of a row with this time and number, as addresses have it."""
    return f"{(moment - _EPOCH) // timedelta(microseconds=1)}-{number}"
