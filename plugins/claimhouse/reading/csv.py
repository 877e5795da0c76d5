"""Delimited text: its header found, its lines handed to the parser in runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from claimhouse.counted import counted
from claimhouse.reading.layout import (
    SEPARATOR_LINE,
    check_first_row,
    check_layout,
    other_delimiter,
)
from claimhouse.reading.limits import check_columns
from claimhouse.reading.lines import (
    Lines,
    blank_bytes,
    check_header,
    line_ends,
    show,
    strip_end,
)
from claimhouse.reading.notes import note_encoding, title_note
from claimhouse.reading.parser import MAX_RECORD_LINES, Parser, Walker, has_content
from claimhouse.reading.parts import (
    Block,
    Dialect,
    Note,
    Reading,
    Table,
    Trailer,
    Unreadable,
    fold,
    split_table,
    unread,
)
from claimhouse.reading.record_parser import RecordParser
from claimhouse.reading.records import Frame
from claimhouse.reading.text import RECORD_LIMIT, Text, count_lines, examine

# A header that is searched for stands among the first lines that are not blank.
HEADER_LINES, TITLE_BYTES = 50, 1024 * 1024
PARSER_BYTES, LEAST_BLOCK_BYTES = 512 * 1024 * 1024, 64 * 1024
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def open_csv(path: Path, dialect: Dialect, block_bytes: int) -> Reading:
    """Open a delimited file, see :func:`claimhouse.reading.open_file`.

    Raises:
        Unreadable: the file as a whole cannot be trusted, or has no usable header.
    """
    text = examine(path, dialect.encoding, dialect.compression, dialect.format)
    return read_csv(text, dialect, block_bytes)


def read_csv(text: Text, dialect: Dialect, block_bytes: int) -> Reading:
    """Read delimited text.

    Raises:
        Unreadable: it has no usable header.
    """
    notes: list[Note] = []
    trailers: list[Trailer] = []
    parts = _parts(text, dialect, block_bytes, notes, trailers)
    reading = note_encoding(text, dialect, *split_table(parts))
    reading.notes[:0] = notes
    reading.trailers = trailers
    return reading


def _parts(
    text: Text, dialect: Dialect, block_bytes: int, notes: list[Note], trailers: list[Trailer]
) -> Iterator[Table | Block]:
    """The table, then its blocks; *notes* are complete with the table, *trailers* with the last block."""
    frame = None if dialect.records is None else Frame(dialect.records)
    with text.open() as stream:
        lines = Lines(stream, block_bytes)
        walker = Walker(dialect)
        line = _skip_separator_line(lines, dialect, notes)
        if frame is not None and dialect.header != "none":
            line = _skip_header_record(lines, walker, dialect, frame, line)
        table, line = _table(lines, walker, dialect, line, notes)
        if frame is not None and dialect.header != "none":
            frame.name_columns()
        yield table
        # The parser sets aside the bytes of a block once for each column.
        lines.shorten(max(LEAST_BLOCK_BYTES, PARSER_BYTES // len(table.header)))
        written = list(table.written)
        parser = (
            Parser(written, dialect, text.has_broken)
            if frame is None
            else RecordParser(written, dialect, text.has_broken, frame)
        )
        while True:
            piece, count, is_last = lines.next()
            if not piece:
                break
            if (blank := blank_bytes(piece)) > 0:
                line += count_lines(piece[:blank])
                lines.take(blank)
                continue
            block, used, count = parser.parse(piece, count, line, is_last)
            lines.take(used)
            line += count
            yield block
    if frame is not None and (trailer := frame.end()) is not None:
        trailers.append(trailer)


def _table(
    lines: Lines, walker: Walker, dialect: Dialect, line: int, notes: list[Note]
) -> tuple[Table, int]:
    """The table, and the line after its header; *line* is the first that is left."""
    taken = () if dialect.records is None else dialect.records.columns_taken
    if dialect.header == "none":
        header = check_header([*_stated_header(lines, walker, dialect, line), *taken], None)
        return Table(tuple(header), line, taken=taken), line
    above = 0
    if dialect.header == "search":
        line, above = _skip_titles(lines, walker, dialect, line)
    header, place, line = _read_header(lines, walker, dialect, line)
    if above:
        notes.append(title_note(place, above))
    return Table(tuple(check_header([*header, *taken], place)), place, taken=taken), line


def _skip_separator_line(lines: Lines, dialect: Dialect, notes: list[Note]) -> int:
    """Move past an instruction for Excel before the header, and return the line that follows."""
    piece, _, _ = lines.next()
    first = strip_end(piece[: piece.find(b"\n") + 1] or piece[:100])
    separator = SEPARATOR_LINE.fullmatch(first)
    if separator is None:
        return 1
    if separator[1].decode("latin-1") != dialect.delimiter:
        raise other_delimiter(separator[1].decode("latin-1"), 1, dialect)
    lines.take(int(line_ends(piece)[0]))
    message = "The first line is an instruction for Excel (sep=), not the header; it was left out."
    notes.append(Note("separator_line", message, 1))
    return 2


def _skip_header_record(
    lines: Lines, walker: Walker, dialect: Dialect, frame: Frame, line: int
) -> int:
    """Move past a header record that stands above the names of the columns; return the line that follows."""
    piece, _, _ = lines.next()
    ends = line_ends(piece)
    filled = np.flatnonzero(has_content(piece, ends)).tolist() if piece else []
    if not filled:
        return line
    first = int(filled[0])
    start, stop = int(ends[first - 1]) if first else 0, int(ends[first])
    assert dialect.records is not None
    kind = walker.field(piece[start:stop], dialect.records.type)
    if kind is None or kind.strip() != dialect.records.header or not kind.strip():
        return line
    frame.begin(partial(walker.field, piece[start:stop]))
    lines.take(stop)
    return line + first + 1


def _read_header(
    lines: Lines, walker: Walker, dialect: Dialect, line: int
) -> tuple[list[str], int, int]:
    """The column names, their line and the line after them; *line* is the first that is left."""
    while True:
        piece, _, is_last = lines.next()
        if (blank := blank_bytes(piece)) > 0 and not (is_last and blank == len(piece)):
            line += count_lines(piece[:blank])
            lines.take(blank)
            continue
        start = len(piece) - len(piece.lstrip(b"\r\n"))
        record = walker.walk(piece, start, len(piece))
        if is_last or not (record.is_open or start == len(piece)) or len(piece) > RECORD_LIMIT:
            break
        lines.take(0)
    if start == len(piece):
        raise Unreadable("empty_file", "The file holds nothing but blank lines.")
    line -= 1  # the lines of the piece are counted from 0
    ends = line_ends(piece[: record.stop + 2])
    first = int(np.searchsorted(ends, start, "right"))
    last = int(np.searchsorted(ends, record.stop, "right"))
    if record.is_open or last - first >= MAX_RECORD_LINES:
        raise Unreadable("header", "A quote in the header is left open.", line + first + 1)
    check_columns(len(record.spans), line + first + 1)
    if b"\0" in piece[start : record.stop] or CONTROL.search(show(piece[start : record.stop])):
        raise Unreadable(
            "wrong_format",
            f"The header is not text; the contract says {dialect.format}.",
            line + first + 1,
        )
    header = [walker.value(piece[a:b]).strip().lstrip("\ufeff").strip() for a, b in record.spans]
    check_layout(header, piece[start:], line + first + 1, dialect)
    header = check_header(header, line + first + 1)
    try:
        piece[start : record.stop].decode()
    except UnicodeDecodeError:
        raise Unreadable("encoding", "The header is not valid UTF-8.", line + first + 1) from None
    used = int(ends[last]) if last < len(ends) else len(piece)
    lines.take(used)
    return header, line + first + 1, line + last + 2


def _stated_header(lines: Lines, walker: Walker, dialect: Dialect, line: int) -> list[str]:
    """The names of the fields where the file has none, once its first row is looked at."""
    piece, _, _ = lines.next()
    start = len(piece) - len(piece.lstrip(b"\r\n"))
    record = walker.walk(piece, start, len(piece))
    check_columns(len(record.spans), line)
    fields = [walker.value(piece[a:b]).strip() for a, b in record.spans]
    check_first_row(fields, piece[start:], line + count_lines(piece[:start]), dialect)
    return [name or unread(place) for place, name in enumerate(dialect.columns, 1)]


def _skip_titles(lines: Lines, walker: Walker, dialect: Dialect, line: int) -> tuple[int, int]:
    """Move to the line that names most columns among the first ones.

    Returns:
        Its number, and how many lines above it are not blank.

    Raises:
        Unreadable: none names a column.
    """
    while True:
        piece, _, is_last = lines.next()
        ends = line_ends(piece)
        filled = np.flatnonzero(has_content(piece, ends))[:HEADER_LINES].tolist() if piece else []
        if is_last or len(filled) >= HEADER_LINES or len(piece) > TITLE_BYTES:
            break
        lines.take(0)
    best, most, above = 0, 0, 0
    for count, at in enumerate(filled):
        start, stop = int(ends[at - 1]) if at else 0, int(ends[at])
        spans = walker.walk(piece, start, stop).spans
        names = {fold(walker.value(piece[a:b])) for a, b in spans} & set(dialect.names)
        if len(names) > most:
            best, most, above = at, len(names), count
    if not most and piece:
        raise Unreadable(
            "header",
            f"None of the first {counted(len(filled), 'line')} names a column of the contract.",
            line,
        )
    if best:
        lines.take(int(ends[best - 1]))
    return line + best, above
