"""The plain things that reading passes on: dialect, note, broken row, block."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Dialect:
    """How a feed's files are written.

    Attributes:
        format: csv (any delimiter), fixed, xlsx, jsonl or parquet.
        delimiter: one character between fields of a csv.
        quote: one character around fields of a csv, or empty where quotes mean nothing.
        encoding: the encoding the contract expects.
        compression: gzip, zip (holding one file), or None for whatever the content is.
        widths: for fixed width, each field's name, first position (from 1) and length in
            characters; a file has no header line.
        sheet: for xlsx, the sheet's name; the first sheet when left out.
    """

    format: str = "csv"
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    compression: str | None = None
    widths: tuple[tuple[str, int, int], ...] = ()
    sheet: str | None = None


@dataclass(frozen=True)
class Note:
    """Something about a file that does not stop it; the message holds no value of the file."""

    rule: str
    message: str
    row_number: int | None = None
    column_name: str | None = None


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that cannot be split into the header's fields; its raw text goes to quarantine."""

    row_number: int
    rule: str
    message: str
    raw_row: str
    column_name: str | None = None
    first_field: str | None = None


@dataclass(frozen=True)
class Block:
    """Some rows of a file.

    Attributes:
        rows: ``row_number`` (the line on which the row begins; the header is line 1), then one
            text column for each name of the header, values as written.
        broken: the rows among them that could not be split, by row number.
    """

    rows: pl.DataFrame
    broken: list[BrokenRow]
