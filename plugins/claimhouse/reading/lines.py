"""What every line-based format shares: whole lines, their ends, how odd bytes are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from claimhouse.reading.parts import Dialect
from claimhouse.reading.text import NEWLINE, RETURN, Stream, Text, Unreadable, count_lines

MAX_LINES = 300_000  # of one block: rows of two bytes would be millions otherwise

Numbers = NDArray[np.int64]


class Lines:
    """A stream cut into runs of whole lines."""

    def __init__(self, stream: Stream, block_bytes: int) -> None:
        self._stream = stream
        self._block_bytes = max(block_bytes, 1)
        self._held = b""
        self._ended = False
        self._wanted = self._block_bytes

    def next(self) -> tuple[bytes, int, bool]:
        """The next whole lines, their number, and whether the file ends; nothing is taken yet."""
        while not self._ended and (len(self._held) < self._wanted or not self._cut()):
            more = self._stream.read(max(self._block_bytes, len(self._held)))
            self._ended = not more
            self._held += more
        piece = self._held if self._ended else self._held[: self._cut()]
        count = count_lines(piece) + bool(piece and not piece.endswith((b"\n", b"\r")))
        if count > MAX_LINES:
            return piece[: line_ends(piece)[MAX_LINES - 1]], MAX_LINES, False
        return piece, count, self._ended

    def take(self, used: int) -> None:
        """Let go of the first *used* bytes; of none, to be given more of them next time."""
        self._held = self._held[used:]
        self._wanted = self._block_bytes if used else 2 * len(self._held)

    def _cut(self) -> int:
        """Where the last whole line ends; a return at the very end may yet meet its newline."""
        return max(self._held.rfind(b"\n"), self._held.rfind(b"\r", 0, len(self._held) - 1)) + 1


def line_ends(piece: bytes) -> Numbers:
    """Where each line ends, its line ending included: newline, return, or both."""
    codes = np.frombuffer(piece, np.uint8)
    is_end = codes == NEWLINE
    if b"\r" in piece:
        lone = codes == RETURN
        lone[:-1] &= codes[1:] != NEWLINE
        is_end |= lone
    ends = np.flatnonzero(is_end) + 1
    if not piece.endswith((b"\n", b"\r")):
        ends = np.append(ends, len(piece))
    return ends


def show(raw: bytes) -> str:
    """Raw bytes as text that a database can hold."""
    return raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def strip_end(raw: bytes) -> bytes:
    """A line without its line ending."""
    if raw.endswith(b"\r\n"):
        return raw[:-2]
    return raw[:-1] if raw.endswith((b"\n", b"\r")) else raw


def first_broken(raw: bytes) -> int:
    """Where bytes stop being UTF-8, or -1."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.start
    return -1


def check_header(header: list[str], row_number: int | None) -> list[str]:
    """The column names, checked; one called ``row_number`` becomes ``row_number_``.

    Raises:
        Unreadable: a name is blank or there twice.
    """
    names = ["row_number_" if name == "row_number" else name for name in header]
    for place, name in enumerate(names, 1):
        if not name:
            raise Unreadable("header", f"Column {place} of the header has no name.", row_number)
        if name in names[: place - 1]:
            raise Unreadable(
                "duplicate_column",
                f"Column {place} of the header has the same name as an earlier one.",
                row_number,
                name,
            )
    return names


def join_row(frame: pl.DataFrame, header: list[str], dialect: Dialect) -> pl.Series:
    """Each row's fields joined as the file would write them, quoted where necessary."""
    delimiter, quote = dialect.delimiter, dialect.quote
    columns = []
    for name in header:
        value = pl.col(name).fill_null("")
        if quote:
            special = f"[{re.escape(delimiter)}{re.escape(quote)}\r\n]"
            inner = value.str.replace_all(quote, quote * 2, literal=True)
            value = (
                pl.when(value.str.contains(special))
                .then(pl.concat_str(pl.lit(quote), inner, pl.lit(quote)))
                .otherwise(value)
            )
        columns.append(value)
    return frame.select(pl.concat_str(columns, separator=delimiter).alias("raw_row")).to_series()


def numbered_lines(text: Text, block_bytes: int) -> Iterator[list[tuple[int, bytes]]]:
    """Each run of whole lines as (line number, bytes without line ending), blank ones left out."""
    with text.open() as stream:
        lines = Lines(stream, block_bytes)
        first = 1
        while True:
            piece, count, _ = lines.next()
            if not piece:
                return
            found, start = [], 0
            for number, end in enumerate(line_ends(piece), first):
                raw = strip_end(piece[start:end])
                start = end
                if raw.strip():
                    found.append((number, raw))
            lines.take(len(piece))
            first += count
            yield found
