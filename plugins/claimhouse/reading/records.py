"""JSON lines and fixed width: one record a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Never

import polars as pl

from claimhouse.reading.lines import check_header, first_broken, numbered_lines, show
from claimhouse.reading.parts import Block, BrokenRow, Dialect
from claimhouse.reading.text import Text, Unreadable

MAX_COLUMNS = 2000


class _Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


def fixed_header(dialect: Dialect) -> list[str]:
    """The column names, which the contract gives.

    Raises:
        ValueError: the contract gives no widths, or a position before the first.
    """
    if not dialect.widths or any(start < 1 or length < 1 for _, start, length in dialect.widths):
        raise ValueError(
            "a fixed width dialect names each field's first position (from 1) and length"
        )
    return check_header([name for name, _, _ in dialect.widths], None)


def fixed_blocks(text: Text, dialect: Dialect, block_bytes: int) -> Iterator[Block]:
    """The rows of a fixed width file; fields keep their padding."""
    header = fixed_header(dialect)
    slices = [slice(start - 1, start - 1 + length) for _, start, length in dialect.widths]
    least = max(cut.start for cut in slices) + 1
    most = max(cut.stop for cut in slices)
    for lines in numbered_lines(text, block_bytes):
        rows: list[tuple[int, list[str]]] = []
        broken: list[BrokenRow] = []
        for number, raw in lines:
            fault = _not_text(number, raw)
            if fault is not None:
                broken.append(fault)
                continue
            line = raw.decode()
            if len(line) < least or line[most:].strip():
                message = f"The line has {len(line)} characters, the fields need {least} to {most}."
                broken.append(
                    BrokenRow(number, "field_count", message, line, first_field=line[slices[0]])
                )
            else:
                rows.append((number, [line[cut] for cut in slices]))
        yield Block(_frame(header, rows), broken)


def jsonl_header(text: Text, block_bytes: int) -> list[str]:
    """Every key of every line, in the order in which they first occur.

    Raises:
        Unreadable: there are too many to be columns, or one is blank.
    """
    keys: dict[str, None] = {}
    for lines in numbered_lines(text, block_bytes):
        for number, raw in lines:
            record = _record(raw)
            if isinstance(record, dict):
                keys.update(dict.fromkeys(record))
            if len(keys) > MAX_COLUMNS:
                raise Unreadable(
                    "header", f"There are more than {MAX_COLUMNS} different keys.", number
                )
    return list(keys)


def jsonl_blocks(text: Text, keys: list[str], block_bytes: int) -> Iterator[Block]:
    """The rows of a JSON lines file, every value as its text."""
    header = check_header(keys, None)
    for lines in numbered_lines(text, block_bytes):
        rows: list[tuple[int, list[str]]] = []
        broken: list[BrokenRow] = []
        for number, raw in lines:
            record = _record(raw)
            fault = _not_text(number, raw)
            if fault is not None:
                broken.append(fault)
            elif isinstance(record, str):
                broken.append(BrokenRow(number, "json", record, show(raw)))
            else:
                rows.append((number, [_text(record[key]) if key in record else "" for key in keys]))
        yield Block(_frame(header, rows), broken)


def _not_text(number: int, raw: bytes) -> BrokenRow | None:
    if b"\0" in raw:
        return BrokenRow(number, "nul_byte", "The row holds a NUL byte.", show(raw))
    if first_broken(raw) >= 0:
        return BrokenRow(number, "encoding", "The row is not valid UTF-8.", show(raw))
    return None


def _record(raw: bytes) -> dict[str, Any] | str:
    """A line's object, or a sentence on why it is none."""
    try:
        found = json.loads(
            raw.decode(),
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=_no_number,
            object_pairs_hook=_unique,
        )
        if not isinstance(found, dict):
            return "The line is not a JSON object."
        whole = _json(found)
        whole.encode()  # fails for half a surrogate pair, which no text holds
    except KeyError:
        return "A key is there twice."
    except RecursionError:
        return "The line is nested too deeply."
    except ValueError:
        return "The line is not valid JSON."
    if any("\0" in text for text in (*found, *map(_text, found.values()))):
        return "A value holds a NUL character."
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise KeyError
    return found


def _no_number(_name: str) -> Never:
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


def _frame(header: list[str], rows: list[tuple[int, list[str]]]) -> pl.DataFrame:
    columns = [pl.Series("row_number", [number for number, _ in rows], dtype=pl.Int64)]
    for place, name in enumerate(header):
        values = [fields[place] for _, fields in rows]
        columns.append(pl.Series(name, values, dtype=pl.String))
    return pl.DataFrame(columns)
