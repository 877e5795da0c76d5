"""The first rows of a file nobody has described: a workbook has a table for each layout of its sheets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from claimhouse import settings
from claimhouse.drafting.fixed import Piece, first_of, is_fixed, kinds_of_fixed, pieces_of
from claimhouse.drafting.header import names_columns
from claimhouse.drafting.kinds import Kinds, Lines, fields_of, kinds_of, lines_of
from claimhouse.drafting.layout import Field
from claimhouse.drafting.words import numbered
from claimhouse.reading import (
    Dialect,
    Place,
    Sheet,
    Spot,
    Unreadable,
    open_file,
    open_sheets,
    split_row,
    widest,
)
from claimhouse.reading.guess import DELIMITERS
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
        kinds: the kinds of lines of its file, if there are several.
        kind: that of its rows; empty where rows have none.
        doubts: for columns by their header, why they may begin elsewhere in lines of fixed width.
        is_whole: whether *rows* are all rows of the file.
    """

    rows: pl.DataFrame
    dialect: Dialect
    sheets: tuple[str, ...] = ()
    has_names: bool = True
    kinds: Kinds | None = None
    kind: str = ""
    doubts: Mapping[str, str] = field(default_factory=dict)
    is_whole: bool = True

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


def tables(
    path: Path, dialect: Dialect, known: Collection[str], layout: Sequence[Field] = ()
) -> list[Table]:
    """The beginning of each table of the file: kinds of lines in their order, else the widest sheet first.

    Args:
        path: the file.
        dialect: how it is written, as far as its first bytes show.
        known: names that contracts know, folded.
        layout: where its fields are, if it is of fixed width and its sender says so.

    Raises:
        Unreadable: the file as a whole cannot be read.
    """
    if dialect.format == "csv" and (found := _of_kinds(path, dialect, known, layout)):
        return found
    found = [_named(table, known) for table in _tables(path, dialect)]
    return sorted(found, key=lambda table: -len(table.header))


def _of_kinds(
    path: Path, dialect: Dialect, known: Collection[str], layout: Sequence[Field]
) -> list[Table]:
    """The tables of a text of several kinds of lines, or of fixed width; none where it is a plain csv."""
    lines = lines_of(path, dialect)
    if not lines.texts:
        return []
    for divided in () if layout else _divided(lines, dialect):
        if (kinds := kinds_of(lines, divided)) is not None:
            return [
                _of_kind(path, divided, lines, kinds, kind, known) for kind in kinds.rows or ("",)
            ]
    kinds = kinds_of_fixed(lines, {item.record for item in layout})
    between = first_of(lines.texts, kinds, "")
    if not layout and not is_fixed(between, dialect):
        return []
    return [
        _of_fixed(path, dialect, lines, kinds, kind, layout)
        for kind in (kinds and kinds.rows) or ("",)
    ]


def _divided(lines: Lines, dialect: Dialect) -> list[Dialect]:
    """*dialect* where its delimiter divides most lines; else with each delimiter that does."""
    found = [
        replace(dialect, delimiter=delimiter)
        for delimiter in dict.fromkeys((dialect.delimiter, *DELIMITERS))
        if sum(delimiter in text for text in lines.texts) > len(lines.texts) / 2
    ]
    return found[:1] if found and found[0] == dialect else found


def _of_kind(
    path: Path, dialect: Dialect, lines: Lines, kinds: Kinds, kind: str, known: Collection[str]
) -> Table:
    """The rows of a kind of a csv."""
    rows = [fields_of(line, dialect) for line in lines.texts]
    is_row = {kind}.__contains__ if kind else lambda word: word not in (kinds.header, kinds.trailer)
    widths = Counter(len(row) for row in rows if is_row(row[0]))
    names = numbered(widths.most_common(1)[0][0])
    dialect = replace(dialect, records=kinds.records(kind))
    columns = ("", *names[1:]) if kind else tuple(names)
    unnamed = replace(dialect, header="none", columns=columns)
    table = _whole(
        Table(_rows(path, unnamed, ()), unnamed, has_names=False, kinds=kinds, kind=kind)
    )
    if kind or not len(table.rows):
        return table
    cells = [cell.strip() for cell in table.rows.row(0)[1:]]
    if len(set(cells)) < len(cells) or "" in cells:
        return table
    below = table.rows.slice(1).rename(dict(zip(names, cells, strict=True)))
    if not names_columns(cells, below, known):
        return table
    return replace(table, rows=below, dialect=replace(dialect, header="first"), has_names=True)


def _of_fixed(
    path: Path,
    dialect: Dialect,
    lines: Lines,
    kinds: Kinds | None,
    kind: str,
    layout: Sequence[Field],
) -> Table:
    """The rows of a kind of a file of fixed width."""
    first = kinds.type[1] if kinds and kind else 0
    if layout:
        own = [item for item in layout if item.record in ("", kind)]
        pieces = [Piece(item.start, item.length) for item in own]
        names = [item.name for item in own]
        end = max(item.start + item.length for item in own)
        most = max(len(text.rstrip()) for text in first_of(lines.texts, kinds, kind))
        if most >= end:  # a line that is longer than its fields is broken
            pieces.append(
                Piece(end, most + 1 - end, f"The layout says nothing of what follows {end - 1}.")
            )
            names.append("rest")
    else:
        pieces = pieces_of(first_of(lines.texts, kinds, kind), first)
        names = numbered(len(pieces))
    widths = tuple(
        (name, piece.start, piece.length) for name, piece in zip(names, pieces, strict=True)
    )
    fixed = Dialect(
        format="fixed",
        encoding=dialect.encoding,
        widths=widths,
        records=kinds.records(kind) if kinds else None,
    )
    doubts = {name: piece.doubt for name, piece in zip(names, pieces, strict=True) if piece.doubt}
    table = Table(
        _rows(path, fixed, ()),
        fixed,
        has_names=bool(layout),
        kinds=kinds,
        kind=kind,
        doubts=doubts,
    )
    return _whole(table)


def _whole(table: Table) -> Table:
    return replace(table, is_whole=len(table.rows) < ROWS)


def with_taken(path: Path, table: Table, taken: Sequence[tuple[str, str, Spot]]) -> Table:
    """*table* with columns whose values are in lines above its rows.

    Args:
        path: the file.
        table: of a file of several kinds of lines.
        taken: the kind of the line, the column's name, and where in the line it is.
    """
    assert table.dialect.records is not None
    dialect = replace(table.dialect, records=replace(table.dialect.records, taken=tuple(taken)))
    return replace(table, rows=_rows(path, dialect, ()), dialect=dialect)


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
    taken = dialect.records.columns_taken if dialect.records else ()
    with open_file(path, dialect, settings.block_bytes(), places) as reading:
        header = reading.header
        for block in reading:
            rows = block.rows
            if "" in dialect.columns:  # a field that is not read has a name all the same
                rows = rows.select("row_number", *filter(None, dialect.columns), *taken)
            # Sheets of one layout may spell their names otherwise, or have them in another order.
            if blocks and rows.columns != blocks[0].columns:
                names = {fold(name): name for name in blocks[0].columns[1:]}
                spelled = {
                    name: names[fold(name)] for name in rows.columns[1:] if fold(name) in names
                }
                rows = rows.rename(spelled).select(blocks[0].columns)
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
    widths = [len(split_row(line, dialect)) for line in lines[:LOOKED_AT]]
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
