"""The first rows of a file nobody has described: a workbook has a table for each layout of its sheets."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from claimhouse import settings
from claimhouse.drafting.header import names_columns
from claimhouse.drafting.words import numbered
from claimhouse.reading import Dialect, Place, Sheet, Unreadable, open_file, open_sheets, widest
from claimhouse.verification import fold

ROWS = 20_000
# Faults of a csv whose first line is no header; a table below titles has at least so many columns.
NO_HEADER, LEAST_WIDTH, LOOKED_AT = ("header", "duplicate_column"), 2, 500
# Lines that may stand above a header, as reading searches for it.
MOST_TITLES = 50
# Formats that name each value: what a name is, is no question.
SELF_NAMED = ("jsonl", "parquet", "fixed")


@dataclass(frozen=True)
class Table:
    """The beginning of a table.

    Attributes:
        rows: its first rows as text, with their ``row_number``.
        dialect: how to read it.
        sheets: the sheets it is on, in a workbook of several layouts.
        has_names: whether its columns have names; if not, they are numbered.
    """

    rows: pl.DataFrame
    dialect: Dialect
    sheets: tuple[str, ...] = ()
    has_names: bool = True

    @property
    def header(self) -> list[str]:
        """The names of its columns."""
        return self.rows.columns[1:]


def first_rows(path: Path, dialect: Dialect) -> pl.DataFrame:
    """The first :data:`ROWS` rows of the first table of the file, as text, with their ``row_number``.

    Raises:
        Unreadable: the file as a whole cannot be read.
    """
    return next(_tables(path, dialect)).rows


def tables(path: Path, dialect: Dialect, known: Collection[str]) -> list[Table]:
    """The beginning of each table of the file, the one with most columns first.

    Args:
        path: the file.
        dialect: how it is written.
        known: names that contracts know, folded.

    Raises:
        Unreadable: the file as a whole cannot be read.
    """
    found = [_named(table, known) for table in _tables(path, dialect)]
    return sorted(found, key=lambda table: -len(table.header))


def _tables(path: Path, dialect: Dialect) -> Iterator[Table]:
    layouts = _layouts(open_sheets(path, dialect)) or [()]
    for places in layouts:
        try:
            rows = _rows(path, dialect, places)
        except Unreadable as error:
            if dialect.format != "csv" or error.rule not in NO_HEADER:
                raise
            yield _found(path, dialect, error)
            return
        names = tuple(place.sheet for place in places)
        if len(layouts) == 1:
            yield Table(rows, dialect)
        else:
            yield Table(rows, replace(dialect, sheet=names[0]), names)


def _layouts(sheets: Sequence[Sheet]) -> list[tuple[Place, ...]]:
    """Where the tables of a workbook begin, those with the same header together."""
    layouts: dict[frozenset[str], list[Place]] = {}
    for sheet in sheets:
        for place in widest([sheet]):
            cells = dict(sheet.titles())[place.header_row]
            is_table = (
                sum(map(bool, cells)) > 1 and (sheet.rows["row_number"] > place.header_row).any()
            )
            if is_table:
                layouts.setdefault(frozenset(map(fold, cells)), []).append(place)
    if layouts:
        return [tuple(places) for places in layouts.values()]
    return [tuple(places)] if (places := widest(sheets)) else []


def _rows(path: Path, dialect: Dialect, places: Sequence[Place]) -> pl.DataFrame:
    blocks: list[pl.DataFrame] = []
    with open_file(path, dialect, settings.block_bytes(), places) as reading:
        header = reading.header
        for block in reading:
            # Sheets of one layout may spell their names otherwise, or have them in another order.
            if blocks and block.rows.columns != blocks[0].columns:
                names = {fold(name): name for name in blocks[0].columns[1:]}
                spelled = {
                    name: names[fold(name)]
                    for name in block.rows.columns[1:]
                    if fold(name) in names
                }
                rows = block.rows.rename(spelled).select(blocks[0].columns)
            else:
                rows = block.rows
            blocks.append(rows)
            if sum(map(len, blocks)) >= ROWS:
                break
    if not blocks:
        return pl.DataFrame(schema={"row_number": pl.Int64} | dict.fromkeys(header, pl.String))
    return pl.concat(blocks).head(ROWS)


def _found(path: Path, dialect: Dialect, fault: Unreadable) -> Table:
    """The table of a csv whose first line is no header: below titles, or without one.

    Raises:
        Unreadable: *fault*, where there is no such table.
    """
    width = _width(path, dialect)
    names = numbered(width)
    rows = _rows(path, replace(dialect, header="none", columns=tuple(names)), ())
    if width < LEAST_WIDTH or rows.is_empty():
        raise fault
    beginning = ([cell.strip() for cell in row[1:]] for row in rows.head(MOST_TITLES).iter_rows())
    # Programs that save a sheet as csv pad its titles to the width of the table: they have blank cells.
    full = ((at, cells) for at, cells in enumerate(beginning) if "" not in cells)
    at, cells = next(full, (0, [""] * width))
    if len(set(cells)) < width:
        return Table(rows, replace(dialect, header="none", columns=tuple(names)), has_names=False)
    below = rows.slice(at + 1).rename(dict(zip(names, cells, strict=True)))
    is_first = rows["row_number"][at] == 1
    return Table(below, dialect if is_first else replace(dialect, header="search"))


def _width(path: Path, dialect: Dialect) -> int:
    """How many fields most of the first lines have."""
    alone = replace(dialect, header="none", columns=tuple(numbered(1)))
    lines: list[str] = []
    undivided = 0
    with open_file(path, alone, settings.block_bytes()) as reading:
        for block in reading:
            lines += [row.raw_row for row in block.broken]
            undivided += block.rows.height
            if len(lines) + undivided >= LOOKED_AT:
                break
    quote = {"quotechar": dialect.quote} if dialect.quote else {"quoting": csv.QUOTE_NONE}
    widths = [
        len(next(csv.reader([line], delimiter=dialect.delimiter, **quote), []))
        for line in lines[:LOOKED_AT]
    ]
    # Where as many lines are not divided, it is no table: a letter may have commas.
    width = max(set(widths), key=widths.count) if widths else 0
    return width if widths.count(width) > undivided else 1


def _named(table: Table, known: Collection[str]) -> Table:
    """*table*, its columns numbered where the first row is a record."""
    header = table.header
    is_named = table.dialect.format in SELF_NAMED or not table.has_names
    if is_named or names_columns(header, table.rows, known):
        return table
    names = numbered(len(header))
    first = pl.DataFrame([[cell] for cell in header], schema=dict.fromkeys(names, pl.String))
    below = table.rows.drop("row_number").rename(dict(zip(header, names, strict=True)))
    rows = pl.concat([first, below]).with_row_index("row_number", 1).cast({"row_number": pl.Int64})
    dialect = table.dialect
    if dialect.format == "csv":
        dialect = replace(dialect, header="none", columns=tuple(names))
    return replace(table, rows=rows, dialect=dialect, has_names=False)
