"""What one file may cost, and what its reader is at; both hold in the process that reads it.

A reader tells :func:`at` which part of a file comes next, so that the issue of a file that takes too
long, or too much memory, can say where.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from claimhouse import settings
from claimhouse.reading.parts import Unreadable

# Postgres ends at 1,600 columns; the widest real feed has 81.
MAX_COLUMNS = 4096
# Fields of a block in memory, where a format does not bound a block by its bytes.
MAX_BLOCK_FIELDS = 4_000_000

_listeners: list[Callable[[str], None]] = []


class Stream(Protocol):
    """A source of bytes; an empty result means the end."""

    def read(self, size: int, /) -> bytes:
        """The next *size* bytes, or fewer."""


class Unpacked:
    """A stream of unpacked bytes that are counted, whatever the archive says of their number."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._most = settings.reader_unpacked_bytes()
        self._count = 0

    def read(self, size: int, /) -> bytes:
        """The next *size* bytes, or fewer; an empty result means the end."""
        data = self._stream.read(size)
        self._count += len(data)
        if self._count > self._most:
            raise unpacks_to_more(self._most)
        return data


def unpacks_to_more(most: int) -> Unreadable:
    """The fault of a file that unpacks to more than *most* bytes."""
    return Unreadable(
        "too_large",
        f"The file unpacks to more than {most // 1024 // 1024:,} MiB. If it is genuine, ask the"
        " sender for several smaller files.",
    )


def check_columns(count: int, row_number: int | None = None) -> None:
    """Refuse a file of *count* columns.

    Raises:
        Unreadable: there are more than :data:`MAX_COLUMNS`.
    """
    if count > MAX_COLUMNS:
        raise Unreadable(
            "too_many_columns",
            f"The file has more than {MAX_COLUMNS:,} columns. Ask the sender for a file with the"
            " columns of the contract.",
            row_number,
        )


def block_rows(columns: int, most: int) -> int:
    """How many rows of so many columns a block may have: *most*, or fewer where there are many."""
    return max(1, min(most, MAX_BLOCK_FIELDS // max(columns, 1)))


def listen(listener: Callable[[str], None]) -> None:
    """Call *listener* with each part of a file that a reader comes to."""
    _listeners[:] = [listener]


def at(part: str) -> None:
    """Say which part of the file is read next, as words for a sentence: ``the sheet Claims``."""
    for listener in _listeners:
        listener(part)
