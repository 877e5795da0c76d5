"""Fixed width: one record a line, fields by their position; the contract gives their names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from claimhouse.reading.lines import check_header, frame_of, not_text, numbered_lines
from claimhouse.reading.notes import note_encoding
from claimhouse.reading.parts import Block, BrokenRow, Dialect, Reading, Table
from claimhouse.reading.text import Text, examine


def open_fixed(path: Path, dialect: Dialect, block_bytes: int) -> Reading:
    """Open a fixed width file, see :func:`claimhouse.reading.open_file`.

    Raises:
        Unreadable: the file as a whole cannot be trusted.
    """
    header = check_header([name for name, _, _ in dialect.widths], None)
    text = examine(path, dialect.encoding, dialect.compression, dialect.format)
    return note_encoding(
        text, dialect, Table(tuple(header)), _blocks(text, dialect, header, block_bytes)
    )


def check_widths(dialect: Dialect) -> None:
    """Raise ValueError for a dialect without widths, or with a position before the first."""
    if not dialect.widths or any(start < 1 or length < 1 for _, start, length in dialect.widths):
        raise ValueError(
            "a fixed width dialect names each field's first position (from 1) and length"
        )


def _blocks(text: Text, dialect: Dialect, header: list[str], block_bytes: int) -> Iterator[Block]:
    """The rows; fields keep their padding."""
    slices = [slice(start - 1, start - 1 + length) for _, start, length in dialect.widths]
    least = max(field.start for field in slices) + 1
    most = max(field.stop for field in slices)
    for lines in numbered_lines(text, block_bytes):
        rows: list[tuple[int, list[str]]] = []
        broken: list[BrokenRow] = []
        for number, raw in lines:
            if (fault := not_text(number, raw)) is not None:
                broken.append(fault)
                continue
            line = raw.decode()
            if len(line) < least or line[most:].strip():
                message = f"The line has {len(line)} characters, the fields need {least} to {most}."
                broken.append(
                    BrokenRow(number, "field_count", message, line, first_field=line[slices[0]])
                )
            else:
                rows.append((number, [line[field] for field in slices]))
        yield Block(frame_of(header, rows), broken)
