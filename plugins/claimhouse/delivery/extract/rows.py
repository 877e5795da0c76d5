"""The rows of a query, streamed from the server as typed frames: never all of them at once."""

from __future__ import annotations

import io
import re
from collections.abc import Generator
from typing import Any

import polars as pl
from psycopg import Connection
from pyarrow import ArrowInvalid, csv

from claimhouse import warehouse
from claimhouse.delivery.extract.model import Rows, UnreadableRow

# Bytes of COPY text that become one frame: bounds the memory of an extract.
CHUNK_BYTES = 2 * 1024 * 1024

# The server's types by name, and their types in a frame; any other type comes as text.
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
# The order at the end of a query, where nothing after it selects rows or could be a text or a bracket.
ORDER = re.compile(
    r"\border\s+by\s(?:(?!\b(?:fetch|for|limit|offset)\b)[^()'\"])*\Z", re.IGNORECASE
)


def stream(connection: Connection[Any], query: str) -> Rows:
    """Run *query* and stream its rows one frame at a time.

    The server sends rows as it finds them (COPY), so neither side holds them all. Times with a
    zone come in UTC.

    Args:
        connection: inside a transaction, as the role that may see the rows.
        query: one SELECT.

    Raises:
        UnreadableRow: while reading, where a value fits no format.
    """
    text = bare(query)
    schema = columns(connection, text)
    return Rows(schema, _frames(connection, text, schema))


def columns(connection: Connection[Any], query: str) -> dict[str, pl.DataType]:
    """The columns that *query* yields, and their types in a frame; reads no row."""
    text = warehouse.sql("delivery/columns", query=bare(query))
    described = connection.execute(text.encode()).description
    return {column.name: type_of(connection, column) for column in described or ()}


def count(connection: Connection[Any], query: str) -> int:
    """How many rows *query* yields. They are not put in order: that takes ten times as long."""
    text = ORDER.sub("", bare(query))
    return int(warehouse.query(connection, "delivery/count", query=text)[0]["row_count"])


def bare(query: str) -> str:
    """*query* without the semicolon at its end."""
    return query.strip().rstrip(";")


def type_of(connection: Connection[Any], column: Any) -> pl.DataType:
    """The type of a column in a frame.

    Args:
        connection: of which it is.
        column: as a cursor describes it.
    """
    known = connection.adapters.types.get(column.type_code)
    # Another oid: an array of that type.
    name = known.name if known and known.oid == column.type_code else "text"
    if name == "numeric":
        # A numeric without a declared scale has any number of digits: it comes as a double.
        precision, scale = column.precision, column.scale
        fits = precision is not None and precision <= MOST_DIGITS
        return pl.Decimal(MOST_DIGITS, scale or 0) if fits else pl.Float64()
    return TYPES.get(name, pl.String())


def _frames(
    connection: Connection[Any], query: str, schema: dict[str, pl.DataType]
) -> Generator[pl.DataFrame]:
    copy = warehouse.sql("delivery/copy", query=query).encode()
    chunk, size = bytearray(), 0
    connection.execute("set local datestyle = 'ISO'")
    connection.execute("set local timezone = 'UTC'")
    with connection.cursor() as cursor, cursor.copy(copy) as lines:
        for line in lines:  # one message for each row, whatever line ends its text holds
            chunk += line
            size += len(line)
            if size >= CHUNK_BYTES:
                yield _frame(bytes(chunk), schema)
                chunk, size = bytearray(), 0
    if chunk:
        yield _frame(bytes(chunk), schema)


def _frame(lines: bytes, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Parse the server's CSV: an empty field is NULL, a quoted empty field an empty text."""
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
