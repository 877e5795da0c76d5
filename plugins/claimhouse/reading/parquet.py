"""Parquet files: typed values become text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from claimhouse.reading.kinds import AGAIN, refuse_other_kinds
from claimhouse.reading.lines import check_header, show
from claimhouse.reading.parts import Block, Dialect, Reading, Table, Unreadable, split_table
from claimhouse.reading.tables import BLOCK_ROWS, plain_time, split_nul


def open_parquet(path: Path, dialect: Dialect, block_bytes: int) -> Reading:
    """Open a Parquet file, see :func:`claimhouse.reading.open_file`; rows are numbered from 1.

    A block has :data:`~claimhouse.reading.tables.BLOCK_ROWS` rows, whatever *block_bytes*.

    Raises:
        Unreadable: it is no Parquet file, is cut off, or has no usable columns.
    """
    table, blocks = split_table(_parts(path, dialect))
    return Reading(list(table.header), [], blocks, (table,))


def _parts(path: Path, dialect: Dialect) -> Iterator[Table | Block]:
    """The table, then its rows."""
    _check_parquet(path)
    try:
        with pq.ParquetFile(path) as file:
            header = check_header(list(file.schema_arrow.names), None)
            if not header:
                raise Unreadable("header", "The file has no columns.")
            yield Table(tuple(header))
            first = 1
            for batch in file.iter_batches(batch_size=BLOCK_ROWS, use_threads=False):
                # Polars trusts that text is UTF-8, and panics later where it is not.
                batch.validate(full=True)
                columns = [
                    _as_text(column).alias(name)
                    for name, column in zip(header, batch.columns, strict=True)
                ]
                numbers = pl.int_range(first, first + batch.num_rows, dtype=pl.Int64, eager=True)
                frame = pl.DataFrame([numbers.alias("row_number"), *columns])
                first += batch.num_rows
                yield split_nul(frame, header, dialect)
            if first - 1 != file.metadata.num_rows:
                raise Unreadable("truncated", f"The Parquet file lacks rows it states. {AGAIN}")
    except (pa.ArrowException, OSError):
        raise Unreadable("truncated", f"The Parquet file is cut off or corrupt. {AGAIN}") from None


def _check_parquet(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(0, path.stat().st_size - 4))
        tail = file.read(4)
    if not head:
        raise Unreadable("empty_file", f"The file is empty. {AGAIN}")
    if not head.startswith(b"PAR1"):
        refuse_other_kinds(path, head, "parquet")
        raise Unreadable("wrong_format", "The file is not Parquet, as its contract says.")
    if tail != b"PAR1":
        raise Unreadable("truncated", f"The Parquet file is cut off. {AGAIN}")


def _as_text(column: pa.Array) -> pl.Series:
    """A column's values as text: nested values as JSON, missing ones empty."""
    try:
        text = column.cast(pa.large_string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        text = pa.array([_nested(value) for value in column.to_pylist()], pa.large_string())
    values = pl.Series(text, dtype=pl.String).fill_null("")
    if pa.types.is_timestamp(column.type):
        values = values.to_frame("").select(plain_time(pl.col(""))).to_series()
    return values


def _nested(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return show(value)
    return json.dumps(value, ensure_ascii=False, default=str)
