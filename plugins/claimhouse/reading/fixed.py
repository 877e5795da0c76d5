"""Fixed width: one record a line, fields by their position; the contract gives their names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import repeat
from pathlib import Path

import numpy as np
import polars as pl

from claimhouse.reading.lines import Numbers, check_header, frame_of, not_text, numbered_lines, show
from claimhouse.reading.notes import note_encoding
from claimhouse.reading.parts import (
    Block,
    BrokenRow,
    Dialect,
    Reading,
    Records,
    Spot,
    Table,
    Trailer,
)
from claimhouse.reading.records import Frame, Role
from claimhouse.reading.text import Text, examine


def open_fixed(path: Path, dialect: Dialect, block_bytes: int) -> Reading:
    """Open a fixed width file, see :func:`claimhouse.reading.open_file`.

    Raises:
        Unreadable: the file as a whole cannot be trusted.
    """
    text = examine(path, dialect.encoding, dialect.compression, dialect.format)
    return read_fixed(text, dialect, block_bytes)


def read_fixed(text: Text, dialect: Dialect, block_bytes: int) -> Reading:
    """Read text of fixed width.

    Raises:
        Unreadable: two fields have one name.
    """
    taken = dialect.records.columns_taken if dialect.records else ()
    header = check_header([*(name for name, _, _ in dialect.widths), *taken], None)
    table = Table(tuple(header), taken=taken)
    trailers: list[Trailer] = []
    blocks = (
        _blocks_of_kinds(text, dialect, dialect.records, header, block_bytes, trailers)
        if dialect.records
        else _blocks(text, dialect, header, block_bytes)
    )
    reading = note_encoding(text, dialect, table, blocks)
    reading.trailers = trailers
    return reading


def check_widths(dialect: Dialect) -> None:
    """Raise ValueError for a dialect without widths, or with a position before the first."""
    if not dialect.widths or any(start < 1 or length < 1 for _, start, length in dialect.widths):
        raise ValueError(
            "a fixed width dialect names each field's first position (from 1) and length"
        )


def _blocks(text: Text, dialect: Dialect, header: list[str], block_bytes: int) -> Iterator[Block]:
    """The rows; fields keep their padding."""
    layout = _Layout(dialect)
    for lines in numbered_lines(text, block_bytes):
        rows: list[tuple[int, list[str]]] = []
        broken: list[BrokenRow] = []
        for number, raw in lines:
            fields = layout.split(number, raw)
            if isinstance(fields, BrokenRow):
                broken.append(fields)
            else:
                rows.append((number, fields))
        yield Block(frame_of(header, rows), broken)


def _blocks_of_kinds(
    text: Text,
    dialect: Dialect,
    records: Records,
    header: list[str],
    block_bytes: int,
    trailers: list[Trailer],
) -> Iterator[Block]:
    """The rows of a file with lines of several kinds; *trailers* is complete with the last block."""
    layout, frame = _Layout(dialect), Frame(records)
    for lines in numbered_lines(text, block_bytes):
        filled = [(number, raw) for number, raw in lines if raw.strip(b" \t\x1a")]
        texts = [None if not_text(number, raw) else raw.decode() for number, raw in filled]
        kinds = [_cut(show(raw), records.type).strip() for _, raw in filled]
        numbers = np.array([number for number, _ in filled], np.int64)
        found = pl.Series(kinds, dtype=pl.String)
        roles = frame.roles(found, numbers, partial(_text_at, texts))
        taken = frame.taken(roles, found, partial(_texts_at, texts))
        rows: list[tuple[int, list[str]]] = []
        broken: list[BrokenRow] = []
        of_rows = zip(*taken.values(), strict=True) if taken else repeat(())
        for (number, raw), role in zip(filled, roles, strict=True):
            others = next(of_rows) if role == Role.ROW else ()
            if role not in (Role.ROW, Role.UNKNOWN):
                continue
            fields = layout.split(number, raw) if role == Role.ROW else not_text(number, raw)
            if fields is None:
                broken.append(BrokenRow(number, "record_type", frame.message, show(raw)))
            elif isinstance(fields, BrokenRow):
                broken.append(fields)
            else:
                rows.append((number, [*fields, *others]))
        yield Block(frame_of(header, rows), broken)
    if (trailer := frame.end()) is not None:
        trailers.append(trailer)


class _Layout:
    """Where the fields of a row are in its line."""

    def __init__(self, dialect: Dialect) -> None:
        self._fields = [slice(start - 1, start - 1 + length) for _, start, length in dialect.widths]
        self._least = max(field.start for field in self._fields) + 1
        self._most = max(field.stop for field in self._fields)

    def split(self, number: int, raw: bytes) -> list[str] | BrokenRow:
        """The fields of a line, or why it has none."""
        if (fault := not_text(number, raw)) is not None:
            return fault
        line = raw.decode()
        if len(line) < self._least or line[self._most :].strip():
            message = f"The line has {len(line)} characters, the fields need {self._least} to {self._most}."
            return BrokenRow(
                number, "field_count", message, line, first_field=line[self._fields[0]]
            )
        return [line[field] for field in self._fields]


def _cut(line: str, spot: Spot) -> str:
    start, length = spot
    return line[start - 1 : start - 1 + length]


def _text_at(texts: list[str | None], index: int, spot: Spot) -> str | None:
    line = texts[index]
    return None if line is None else _cut(line, spot)


def _texts_at(texts: list[str | None], indices: Numbers, spot: Spot) -> list[str | None]:
    return [_text_at(texts, index, spot) for index in indices.tolist()]
