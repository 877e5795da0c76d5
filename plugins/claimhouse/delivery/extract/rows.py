"""The rows of a query, streamed from the server as typed frames: never all of them at once."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from psycopg import Connection
from pyarrow import ArrowInvalid, csv

from claimhouse import warehouse

# Bytes of COPY text that become one frame: what bounds the memory that a row's way takes.
CHUNK_BYTES = 2 * 1024 * 1024

# The server's types, by name, and what each is in a frame; any other is taken as its text.
TYPES: dict[str, pl.DataType] = {
    "bool": pl.Boolean(),
    "int2": pl.Int64(),
    "int4": pl.Int64(),
    "int8": pl.Int64(),
    "float4": pl.Float64(),
    "float8": pl.Float64(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us"),
    "timestamptz": pl.Datetime("us", "UTC"),
}
MOST_DIGITS = 38


class UnreadableRow(ValueError):
    """A value that has no place in a file; the message does not quote it."""


@dataclass
class Rows:
    """A query's columns with their types, and its rows in frames; to be read once.

    ``count`` is how many rows have been read so far.
    """

    schema: dict[str, pl.DataType]
    frames: Generator[pl.DataFrame]
    count: int = field(default=0)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """The frames, counted as they go by."""
        for frame in self.frames:
            self.count += frame.height
            yield frame

    def close(self) -> None:
        """Stop the server where rows are left: before that its connection can do nothing else."""
        self.frames.close()


def stream(connection: Connection[Any], query: str) -> Rows:
    """Ask *query* and let its rows come one frame at a time.

    The server sends them as it finds them (COPY), so that neither side holds them all. Times
    with a zone come in UTC.

    Args:
        connection: inside a transaction, as the role that may see the rows.
        query: one SELECT.
    """
    text = query.strip().rstrip(";")
    columns = warehouse.sql("delivery/columns", query=text)
    described = connection.execute(columns.encode()).description
    schema = {column.name: _type(connection, column) for column in described or ()}
    return Rows(schema, _frames(connection, text, schema))


def _type(connection: Connection[Any], column: Any) -> pl.DataType:
    known = connection.adapters.types.get(column.type_code)
    name = known.name if known and known.oid == column.type_code else "text"  # else: an array
    if name == "numeric":
        # Without a scale of its own a numeric may have any number of digits: a double shows it.
        precision, scale = column.precision, column.scale
        fits = precision is not None and precision <= MOST_DIGITS
        return pl.Decimal(MOST_DIGITS, scale or 0) if fits else pl.Float64()
    return TYPES.get(name, pl.String())


def _frames(
    connection: Connection[Any], query: str, schema: dict[str, pl.DataType]
) -> Generator[pl.DataFrame]:
    copy = warehouse.sql("delivery/copy", query=query).encode()
    part, size = bytearray(), 0
    connection.execute("set local datestyle = 'ISO'")
    connection.execute("set local timezone = 'UTC'")
    with connection.cursor() as cursor, cursor.copy(copy) as lines:
        for line in lines:  # one message for each row, whatever line ends its texts hold
            part += line
            size += len(line)
            if size >= CHUNK_BYTES:
                yield _frame(bytes(part), schema)
                part, size = bytearray(), 0
    if part:
        yield _frame(bytes(part), schema)


def _frame(lines: bytes, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """CSV of the server as a typed frame: an empty field is NULL, a quoted one an empty text."""
    try:
        table = csv.read_csv(
            io.BytesIO(lines),
            read_options=csv.ReadOptions(column_names=list(schema), block_size=len(lines) + 1),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types=pl.DataFrame(schema=schema).to_arrow().schema,
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except ArrowInvalid:  # its message quotes the value
        raise UnreadableRow(
            "the report has a value that no file can hold, such as the date infinity"
        ) from None
    return pl.DataFrame(pl.from_arrow(table))
