"""One landed file into blocks of raw text rows with line numbers.

Memory is bounded by the block, whatever the file's size, and nothing is lost: every line
of the file is in a row, in a broken row, or blank. CSV takes the fast path: a block is
parsed whole by pyarrow, after the few lines whose quotes are odd, or that hold what is no
text, have been looked at one by one (:mod:`reading_csv`).
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import polars as pl

from claimhouse.reading import csv, records, tables
from claimhouse.reading.lines import check_header, join_row
from claimhouse.reading.parts import Block, BrokenRow, Dialect, Note
from claimhouse.reading.text import Text, Unreadable, examine

WESTERN = ("cp1252", "iso8859-1")

__all__ = [
    "Block",
    "BrokenRow",
    "Dialect",
    "Note",
    "Reading",
    "Unreadable",
    "join_row",
    "open_file",
]


class Reading:
    """A file being read: its header, its blocks once, and then what was noticed about it.

    Attributes:
        header: the file's column names, in file order.
        notes: what was noticed; complete once the blocks have been read.
    """

    def __init__(self, header: list[str], notes: list[Note], blocks: Iterator[Block]) -> None:
        self.header = header
        self.notes = notes
        self._blocks = blocks

    def __iter__(self) -> Iterator[Block]:
        found = False
        for block in self._blocks:
            if block.rows.height or block.broken:
                found = True
                yield block
        if not found:
            self.notes.append(Note("no_rows", "The file holds no rows."))

    def __enter__(self) -> Reading:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        close = getattr(self._blocks, "close", None)
        if close is not None:
            close()


def open_file(path: Path, dialect: Dialect, block_bytes: int) -> Reading:
    """Open a landed file for reading.

    Args:
        path: a local file.
        dialect: how its contract says it is written.
        block_bytes: about how many bytes are read at a time.

    Raises:
        Unreadable: the file as a whole cannot be trusted.
    """
    return READERS[dialect.format](path, dialect, block_bytes)


def _open_csv(path: Path, dialect: Dialect, block_bytes: int) -> Reading:
    text = examine(path, dialect.encoding, dialect.compression, dialect.format)
    return _noted(text, dialect, *_split(csv.blocks(text, dialect, block_bytes)))


def _open_fixed(path: Path, dialect: Dialect, block_bytes: int) -> Reading:
    header = records.fixed_header(dialect)
    text = examine(path, dialect.encoding, dialect.compression, dialect.format)
    return _noted(text, dialect, header, records.fixed_blocks(text, dialect, block_bytes))


def _open_jsonl(path: Path, dialect: Dialect, block_bytes: int) -> Reading:
    text = examine(path, dialect.encoding, dialect.compression, dialect.format)
    keys = records.jsonl_header(text, block_bytes)
    header = check_header(keys, None)
    return _noted(text, dialect, header, records.jsonl_blocks(text, keys, block_bytes))


def _open_xlsx(path: Path, dialect: Dialect, block_bytes: int) -> Reading:
    header, blocks = _split(tables.xlsx_blocks(path, dialect))
    return Reading(header, [], blocks)


def _open_parquet(path: Path, dialect: Dialect, block_bytes: int) -> Reading:
    header, blocks = _split(tables.parquet_blocks(path, dialect))
    return Reading(header, [], blocks)


def _split(parts: Iterator[list[str] | Block]) -> tuple[list[str], Iterator[Block]]:
    """The header, which comes first, and the blocks that follow."""
    header = next(parts)
    assert isinstance(header, list)
    return header, (part for part in parts if isinstance(part, Block))


def _noted(text: Text, dialect: Dialect, header: list[str], blocks: Iterator[Block]) -> Reading:
    """A reading of text, with what is to be said of its encoding."""
    note = _encoding_note(text, dialect, header)
    notes = [] if note is None else [note]
    if text.encoding == "cp1252" and codecs.lookup(dialect.encoding).name not in WESTERN:
        blocks = _note_letters(blocks, header, notes)
    return Reading(header, notes, blocks)


def _encoding_note(text: Text, dialect: Dialect, header: list[str]) -> Note | None:
    """A note where the file's encoding is not the contract's, known from its first bytes."""
    stated = codecs.lookup(dialect.encoding).name
    if text.encoding.startswith(("utf-16", "utf-32")) and not stated.startswith("utf-16"):
        message = (
            f"The file is {text.encoding.upper()}, its contract says {stated}; it was read so."
        )
        return Note("encoding", message, 1, header[0] if header else None)
    if text.encoding == "utf-8" and text.mark_bytes and stated != "utf-8-sig":
        return Note(
            "encoding", "The file begins with a byte order mark; it was left out.", 1, header[0]
        )
    return None


def _note_letters(rows: Iterator[Block], header: list[str], notes: list[Note]) -> Iterator[Block]:
    """Hand the blocks on, and at the end note where a file read as Windows-1252 made a difference."""
    first: tuple[int, str | None] | None = None
    count = 0
    odd_name = next((name for name in header if not name.isascii()), None)
    if odd_name is not None:
        first, count = (1, odd_name), 1
    for block in rows:
        wide = pl.col(header).str.len_bytes() != pl.col(header).str.len_chars()
        odd = block.rows.filter(pl.any_horizontal(wide))
        broken = [row for row in block.broken if not row.raw_row.isascii()]
        count += odd.height + len(broken)
        if first is None and odd.height:
            name = next(name for name in header if not str(odd[name][0]).isascii())
            first = (int(odd["row_number"][0]), name)
            if broken and broken[0].row_number < first[0]:
                first = (broken[0].row_number, broken[0].column_name)
        elif first is None and broken:
            first = (broken[0].row_number, broken[0].column_name)
        yield block
    if first is not None:
        message = (
            f"The file is not UTF-8; it was read as Windows-1252, which matters on {count} lines."
        )
        notes.append(Note("encoding", message, *first))


READERS: dict[str, Callable[[Path, Dialect, int], Reading]] = {
    "csv": _open_csv,
    "fixed": _open_fixed,
    "jsonl": _open_jsonl,
    "xlsx": _open_xlsx,
    "parquet": _open_parquet,
}
