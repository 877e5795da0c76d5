"""JSON lines: one object a line; every key of the file is a column."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Never

from claimhouse.reading.limits import block_rows, check_columns
from claimhouse.reading.lines import (
    MAX_LINES,
    check_header,
    frame_of,
    not_text,
    numbered_lines,
    show,
)
from claimhouse.reading.notes import note_encoding
from claimhouse.reading.parts import Block, BrokenRow, Dialect, Reading, Table, Unreadable
from claimhouse.reading.text import Text, examine


class _Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


def open_jsonl(path: Path, dialect: Dialect, block_bytes: int) -> Reading:
    """Open a file of JSON lines, see :func:`claimhouse.reading.open_file`.

    Raises:
        Unreadable: the file as a whole cannot be trusted, has too many keys to be columns, or a
            blank one.
    """
    text = examine(path, dialect.encoding, dialect.compression, dialect.format)
    return read_jsonl(text, dialect, block_bytes)


def read_jsonl(text: Text, dialect: Dialect, block_bytes: int) -> Reading:
    """Read JSON lines.

    Raises:
        Unreadable: it has too many keys to be columns, or a blank one.
    """
    keys = _keys(text, block_bytes)
    header = check_header(keys, None)
    return note_encoding(
        text, dialect, Table(tuple(header)), _blocks(text, keys, header, block_bytes)
    )


def _keys(text: Text, block_bytes: int) -> list[str]:
    """Every key of every line, in the order in which they first occur."""
    keys: dict[str, None] = {}
    for lines in numbered_lines(text, block_bytes):
        for number, raw in lines:
            record = _record(raw)
            if isinstance(record, dict):
                keys.update(dict.fromkeys(record))
            check_columns(len(keys), number)
    if not keys:
        raise Unreadable(
            "wrong_format",
            "No line of the file is a JSON object with a key; its contract says jsonl. Ask the sender"
            " for one object a line.",
        )
    return list(keys)


def _blocks(text: Text, keys: list[str], header: list[str], block_bytes: int) -> Iterator[Block]:
    """The rows, every value as its text."""
    most = block_rows(len(keys), MAX_LINES)
    for lines in numbered_lines(text, block_bytes):
        rows: list[tuple[int, list[str]]] = []
        broken: list[BrokenRow] = []
        for number, raw in lines:
            record = _record(raw)
            if (fault := not_text(number, raw)) is not None:
                broken.append(fault)
            elif isinstance(record, str):
                broken.append(BrokenRow(number, "json", record, show(raw)))
            else:
                rows.append((number, [_text(record[key]) if key in record else "" for key in keys]))
            if len(rows) + len(broken) >= most:
                yield Block(frame_of(header, rows), broken)
                rows, broken = [], []
        yield Block(frame_of(header, rows), broken)


def _record(raw: bytes) -> dict[str, Any] | str:
    """A line's object, or a sentence on why it is none."""
    try:
        record = json.loads(
            raw.decode(),
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
        if not isinstance(record, dict):
            return "The line is not a JSON object."
        _json(record).encode()  # fails for half a surrogate pair, which no text holds
    except KeyError:
        return "A key occurs twice."
    except RecursionError:
        return "The line is nested too deeply."
    except ValueError:
        return "The line is not valid JSON."
    if any("\0" in text for text in (*record, *map(_text, record.values()))):
        return "A value holds a NUL character."
    return record


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise KeyError
    return record


def _refuse_constant(_name: str) -> Never:
    """NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError


def _text(value: object) -> str:
    """A value as a field: text as it is, nothing for null, all else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value)


def _json(value: object) -> str:
    """JSON text with every number as it was written."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        pairs = (
            f"{json.dumps(key, ensure_ascii=False)}: {_json(item)}" for key, item in value.items()
        )
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
