"""Notes on a file whose encoding is not the one its contract states."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import polars as pl

from claimhouse.counted import counted
from claimhouse.reading.parts import Block, Dialect, Note, Reading, Table
from claimhouse.reading.text import Text

WESTERN = ("cp1252", "iso8859-1")


def note_encoding(text: Text, dialect: Dialect, table: Table, blocks: Iterator[Block]) -> Reading:
    """A reading of *text*, with a note if its encoding is not that of *dialect*."""
    header = list(table.header)
    note = _stated_note(text, dialect, header)
    notes = [] if note is None else [note]
    if text.encoding == "cp1252" and codecs.lookup(dialect.encoding).name not in WESTERN:
        blocks = _note_letters(blocks, header, notes)
    return Reading(header, notes, blocks, (table,))


def title_note(header_row: int, above: int) -> Note:
    """The note on *above* lines of titles above the header, which are not records."""
    message = (
        f"The header is in row {header_row};"
        f" {counted(above, 'row')} of titles above it {'is' if above == 1 else 'are'} not read."
    )
    return Note("title_rows", message, header_row)


def _stated_note(text: Text, dialect: Dialect, header: list[str]) -> Note | None:
    """A note on an encoding that shows in the first bytes."""
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


def _note_letters(blocks: Iterator[Block], header: list[str], notes: list[Note]) -> Iterator[Block]:
    """Pass the blocks on; at the end, note on which lines Windows-1252 differs from UTF-8."""
    first: tuple[int, str | None] | None = None
    count = 0
    odd_name = next((name for name in header if not name.isascii()), None)
    if odd_name is not None:
        first, count = (1, odd_name), 1
    for block in blocks:
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
        message = f"The file is not UTF-8; it was read as Windows-1252, which matters on {counted(count, 'line')}."
        notes.append(Note("encoding", message, *first))
