"""What workbooks and Parquet files share: tables whose values become text."""

from __future__ import annotations

import polars as pl

from claimhouse.reading.lines import join_row
from claimhouse.reading.parts import Block, BrokenRow, Dialect

BLOCK_ROWS = 50_000
NO_FRACTION = r"^(\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(?:\.\d*[1-9])?)\.?0+$"
MIDNIGHT = r"^(\d{4}-\d{2}-\d{2})[ T]00:00:00$"


def plain_time(values: pl.Expr) -> pl.Expr:
    """Times without trailing zeros of the fraction; a time at midnight is a date alone."""
    return values.str.replace(NO_FRACTION, "${1}").str.replace(MIDNIGHT, "${1}")


def split_nul(frame: pl.DataFrame, header: list[str], dialect: Dialect) -> Block:
    """The rows of *frame*; those with a NUL character are broken, as no text column can hold it."""
    has_nul = pl.any_horizontal(pl.col(header).str.contains("\0", literal=True))
    bad = frame.filter(has_nul)
    broken: list[BrokenRow] = []
    for row, raw in zip(bad.rows(), join_row(bad, header, dialect), strict=True):
        name = next(name for name, value in zip(header, row[1:], strict=True) if "\0" in value)
        text = raw.replace("\0", "\\x00")
        first = row[1].replace("\0", "\\x00")
        broken.append(
            BrokenRow(row[0], "nul_byte", "A value holds a NUL character.", text, name, first)
        )
    return Block(frame.filter(~has_nul), broken)
