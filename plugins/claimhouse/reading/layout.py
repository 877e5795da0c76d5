"""What stands where a csv's header should: a title, an instruction for Excel, another delimiter.

None of it is guessed around. A file with semicolons may write amounts with a decimal comma, and a
title may be a header of one column: whoever sends the file knows.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence

from claimhouse.counted import counted
from claimhouse.reading.parts import Dialect, Unreadable, fold

SEPARATOR_LINE = re.compile(rb'"?sep=([^"\r\n])"?[,;|\t]*', re.IGNORECASE)
DELIMITERS = {
    ",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes", "~": "tildes", "^": "carets",
}  # fmt: skip
LOOKED_AT = 50
LOOKED_AT_BYTES = 64 * 1024
# A title is a line of few fields above a table of at least so many.
LEAST_WIDTH = 3


def check_layout(header: Sequence[str], beginning: bytes, line: int, dialect: Dialect) -> None:
    """Refuse a file whose first line is not its header.

    Args:
        header: the fields of that line.
        beginning: the file from that line on, or some of it.
        line: the line's number.
        dialect: how the contract says the file is written.

    Raises:
        Unreadable: the fields are separated by something else, or the header is further down.
    """
    text = beginning[:LOOKED_AT_BYTES].decode("utf-8", "replace")
    _check_titles(header, _rows(text, dialect.delimiter), line)
    if len(header) == 1:
        _check_delimiter(text, line, dialect)


def check_first_row(fields: Sequence[str], beginning: bytes, line: int, dialect: Dialect) -> None:
    """Refuse a file that has a header though its contract says that it has none, or another delimiter.

    Args:
        fields: those of its first line.
        beginning: the file from that line on, or some of it.
        line: the line's number.
        dialect: how the contract says the file is written.

    Raises:
        Unreadable: the line has the names of columns, or is split by another delimiter.
    """
    names = [fold(name) for name in dialect.columns if name]
    same = sum(fold(field) in names for field in fields)
    if 2 * same > len(names):
        raise Unreadable(
            "header",
            f"Line {line} has the names of columns; the contract says that there is no header"
            " (header: none). Change the contract if all files of the feed have one.",
            line,
        )
    if len(fields) > 1 or len(dialect.columns) < LEAST_WIDTH:
        return
    text = beginning[:LOOKED_AT_BYTES].decode("utf-8", "replace")
    for delimiter in DELIMITERS:
        rows = [row for _, row in _rows(text, delimiter)]
        same = sum(len(row) == len(dialect.columns) for row in rows)
        if delimiter != dialect.delimiter and rows and same >= 0.8 * len(rows):
            raise other_delimiter(delimiter, line, dialect)


def other_delimiter(delimiter: str, line: int, dialect: Dialect) -> Unreadable:
    """The fault of a file whose fields are separated by *delimiter*."""
    used, stated = _named(delimiter), _named(dialect.delimiter)
    return Unreadable(
        "delimiter",
        f"The fields are separated by {used}, its contract says {stated}. Ask the sender for"
        f" {stated}, or change the delimiter in the contract if all its files come like this.",
        line,
    )


def _check_titles(header: Sequence[str], rows: list[tuple[int, list[str]]], line: int) -> None:
    names = sum(bool(name) for name in header)
    widths = Counter(len(row) for _, row in rows[1:])
    width, count = max(widths.items(), key=lambda item: item[1], default=(0, 0))
    if width < LEAST_WIDTH or names * 2 > width or count < max(2, len(rows) // 2):
        return
    tables = [
        before for before, row in rows[1:] if len(row) == width and sum(map(bool, row)) * 2 > width
    ]
    if not tables:
        return
    raise Unreadable(
        "header",
        f"Line {line} is no header: it has {counted(names, 'name')}, the lines below it have {width}"
        f" fields. The header seems to be line {line + tables[0]}. Say 'header: search' in the contract if"
        " all its files come like this, or ask the sender for the file without the lines above it.",
        line,
    )


def _check_delimiter(text: str, line: int, dialect: Dialect) -> None:
    for delimiter in DELIMITERS:
        if delimiter == dialect.delimiter:
            continue
        names, *rows = [row for _, row in _rows(text, delimiter)] or [[]]
        same = sum(len(row) == len(names) for row in rows)
        is_split = same >= 0.8 * len(rows) if rows else len(names) >= LEAST_WIDTH
        if len(names) > 1 and all(name.strip() for name in names) and is_split:
            raise other_delimiter(delimiter, line, dialect)


def _rows(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """The first rows that are not blank, with the count of lines before each."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[tuple[int, list[str]]] = []
    before = 0
    try:
        for row in reader:
            if row and len(rows) < LOOKED_AT:
                rows.append((before, row))
            before = reader.line_num
    except csv.Error:  # a NUL, or a field of more than 128 KiB
        pass
    return rows


def _named(delimiter: str) -> str:
    return DELIMITERS.get(delimiter, repr(delimiter))
