"""What line-based formats share: whole lines, their ends, rows that are not text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from claimhouse.reading.limits import Stream, check_columns
from claimhouse.reading.parts import BrokenRow, Dialect, Unreadable
from claimhouse.reading.text import NEWLINE, RETURN, Text, count_lines

# Lines in one block: rows of two bytes would be millions otherwise.
MAX_LINES = 300_000

MOST_BLANK_BYTES = 64 * 1024

Numbers = NDArray[np.int64]


class Lines:
    """A stream cut into runs of whole lines."""

    def __init__(self, stream: Stream, block_bytes: int) -> None:
        self._stream = stream
        self._block_bytes = max(block_bytes, 1)
        self._held = b""
        self._ended = False
        self._wanted = self._block_bytes
        self._given = 0
        self._too_short = 0
        self._is_cut = False

    def shorten(self, block_bytes: int) -> None:
        """Hand out runs of *block_bytes* from now on, if they were longer."""
        self._block_bytes = self._wanted = min(self._block_bytes, block_bytes)

    def next(self) -> tuple[bytes, int, bool]:
        """The next whole lines, how many, and whether the file ends; :meth:`take` moves on."""
        while not self._ended and (len(self._held) < self._wanted or not self._cut()):
            more = self._stream.read(max(self._block_bytes, len(self._held)))
            self._ended = not more
            self._held += more
        piece = self._held if self._ended else self._held[: self._cut()]
        is_last = self._ended
        self._is_cut = len(piece) > 2 * self._wanted
        if self._is_cut:
            piece = piece[: _line_end(piece, self._wanted, self._too_short)]
            is_last = len(piece) == len(self._held) and self._ended
        self._given = len(piece)
        count = count_lines(piece) + bool(piece and not piece.endswith((b"\n", b"\r")))
        if count > MAX_LINES:
            piece = _first_lines(piece, count)
            self._given = len(piece)
            return piece, MAX_LINES, False
        return piece, count, is_last

    def take(self, used: int) -> None:
        """Move past the first *used* bytes; 0 asks for a longer run of lines next time."""
        self._held = self._held[used:]
        longer = 2 * (self._given if self._is_cut else len(self._held))
        self._wanted = self._block_bytes if used else longer
        self._too_short = 0 if used else self._given

    def _cut(self) -> int:
        """Where the last whole line ends; a return at the very end may be half of a line ending."""
        return max(self._held.rfind(b"\n"), self._held.rfind(b"\r", 0, len(self._held) - 1)) + 1


def _line_end(piece: bytes, size: int, too_short: int) -> int:
    """Where the last line that ends within *size* bytes ends, or else the next line.

    That is beyond *too_short* bytes.
    """
    end = max(piece.rfind(b"\n", 0, size), piece.rfind(b"\r", 0, size - 1)) + 1
    if end > too_short:
        return end
    ends = [at for at in (piece.find(b"\n", size), piece.find(b"\r", size)) if at >= 0]
    if not ends:
        return len(piece)
    first = min(ends)
    return first + 2 if piece[first : first + 2] == b"\r\n" else first + 1


def _first_lines(piece: bytes, count: int) -> bytes:
    """The first :data:`MAX_LINES` of the *count* lines of a piece."""
    size = len(piece) * MAX_LINES // count
    # One line more, so that a return at the end is not taken for a whole line ending.
    while size < len(piece) and count_lines(piece[:size]) <= MAX_LINES:
        size *= 2
    return piece[: line_ends(piece[:size])[MAX_LINES - 1]]


def blank_bytes(piece: bytes) -> int:
    """The length of the blank lines with which a piece begins; 0 where they are few.

    Millions of them are skipped at once.
    """
    if piece[:1] not in (b"\n", b"\r"):
        return 0
    size = len(piece) - len(piece.lstrip(b"\r\n"))
    return size if size > MOST_BLANK_BYTES else 0


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
        Unreadable: a name is blank or occurs twice. It is not told: in a file without a header it would be a
            value of the first record.
    """
    check_columns(len(header), row_number)
    names = ["row_number_" if name == "row_number" else name for name in header]
    for place, name in enumerate(names, 1):
        if not name:
            raise Unreadable("header", f"Column {place} of the header has no name.", row_number)
        if name in names[: place - 1]:
            raise Unreadable(
                "duplicate_column",
                f"Column {place} of the header has the same name as an earlier one.",
                row_number,
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
    """Each run of whole lines as (line number, bytes without line ending), without blank lines."""
    with text.open() as stream:
        lines = Lines(stream, block_bytes)
        first = 1
        while True:
            piece, count, _ = lines.next()
            if not piece:
                return
            if (blank := blank_bytes(piece)) > 0:
                first += count_lines(piece[:blank])
                lines.take(blank)
                continue
            numbered, start = [], 0
            for number, end in enumerate(line_ends(piece), first):
                raw = strip_end(piece[start:end])
                start = end
                if raw.strip():
                    numbered.append((number, raw))
            lines.take(len(piece))
            first += count
            yield numbered


def not_text(number: int, raw: bytes) -> BrokenRow | None:
    """The broken row that line *number* makes, if it holds a NUL byte or is not UTF-8."""
    if b"\0" in raw:
        return BrokenRow(number, "nul_byte", "The row holds a NUL byte.", show(raw))
    if first_broken(raw) >= 0:
        return BrokenRow(number, "encoding", "The row is not valid UTF-8.", show(raw))
    return None


def frame_of(header: list[str], rows: list[tuple[int, list[str]]]) -> pl.DataFrame:
    """Rows of (line number, fields) as the frame of a block."""
    columns = [pl.Series("row_number", [number for number, _ in rows], dtype=pl.Int64)]
    for place, name in enumerate(header):
        values = [fields[place] for _, fields in rows]
        columns.append(pl.Series(name, values, dtype=pl.String))
    return pl.DataFrame(columns)
