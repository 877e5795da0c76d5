"""A zip archive of several files: each is a part of one delivery, and its lines are numbered like a sheet's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from claimhouse import settings
from claimhouse.reading.archives import Members
from claimhouse.reading.limits import at, unpacks_to_more
from claimhouse.reading.parts import Block, Dialect, Note, Reading, Trailer, Unreadable
from claimhouse.reading.sheets import SHEET_ROWS
from claimhouse.reading.text import Text, examine

Read = Callable[[Text, Dialect, int], Reading]


def open_members(
    path: Path, dialect: Dialect, block_bytes: int, members: Members, read: Read
) -> Reading:
    """Open all files of a zip archive as one; each is a table, called like the file.

    Args:
        path: the archive.
        dialect: how each of its files is written.
        block_bytes: about how many bytes are read at a time.
        members: its files.
        read: reads one of them.

    Raises:
        Unreadable: a file as a whole cannot be trusted, or together they are too large.
    """
    most = settings.reader_unpacked_bytes()
    if sum(member.file_size for member in members.data) > most:
        raise unpacks_to_more(most)
    parts, tables = [], []
    for member, name in zip(members.data, members.names, strict=True):
        try:
            text = examine(path, dialect.encoding, dialect.compression, dialect.format, member)
            with read(text, dialect, block_bytes) as reading:
                tables.append(replace(reading.tables[0], sheet=name))
        except Unreadable as fault:
            raise in_member(fault, name) from None
        parts.append((name, text))
    notes = list(members.notes)
    trailers: list[Trailer] = []
    blocks = _blocks(parts, dialect, block_bytes, read, notes, trailers)
    return Reading(list(tables[0].header), notes, blocks, tuple(tables), trailers)


def in_member(fault: Unreadable, name: str) -> Unreadable:
    """The fault of one file of several."""
    message = f"In {name}: {fault.message}"
    return Unreadable(fault.rule, message, fault.row_number, fault.column_name)


def _blocks(
    parts: Sequence[tuple[str, Text]],
    dialect: Dialect,
    block_bytes: int,
    read: Read,
    notes: list[Note],
    trailers: list[Trailer],
) -> Iterator[Block]:
    """The blocks of each file in turn; *notes* and *trailers* are complete with the last one."""
    for number, (name, text) in enumerate(parts):
        at(f"the file {name}")
        offset = number * SHEET_ROWS
        try:
            with read(text, dialect, block_bytes) as reading:
                for block in reading.blocks:
                    yield _shifted(block, number, name)
        except Unreadable as fault:
            raise in_member(fault, name) from None
        for note in reading.notes:
            row = None if note.row_number is None else note.row_number + offset
            notes.append(replace(note, row_number=row, sheet_name=name))
        trailers += [
            replace(trailer, row_number=trailer.row_number + offset, table=number)
            for trailer in reading.trailers
        ]


def _shifted(block: Block, number: int, name: str) -> Block:
    """A block of the *number*-th file, from 0."""
    last = max(
        [*block.rows["row_number"].tail(1), *(row.row_number for row in block.broken[-1:])],
        default=0,
    )
    if last >= SHEET_ROWS:
        raise Unreadable(
            "too_large",
            f"It has more than {SHEET_ROWS:,} lines. Ask the sender for each file by itself.",
        )
    offset = number * SHEET_ROWS
    broken = [replace(row, row_number=row.row_number + offset) for row in block.broken]
    return Block(block.rows.with_columns(pl.col("row_number") + offset), broken, number)
