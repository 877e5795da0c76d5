"""What reading hands out: a reading of blocks, broken rows, notes; and the dialect it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import polars as pl

# Where a value is in a line: the place of its field, from 1, or its first character and its length.
Spot = tuple[int, ...]


@dataclass(frozen=True)
class Records:
    """The kinds of lines of a file that has several, and which of them are the rows of a feed.

    Attributes:
        type: where a line says its kind.
        rows: the kinds that are rows; none for every kind that is nothing else.
        header: the kind of the line that may stand first; empty for none.
        trailer: the kind of the line that must stand last; empty for none.
        others: kinds that are rows of other feeds.
        count: where the trailer has the number of lines; empty for nowhere.
        counted: which lines it counts: the ``rows``, the ``records`` of any kind between header and
            trailer, or all ``lines``.
        sums: columns, and where the trailer has the sum of each.
        taken: columns whose value is in the last line of another kind above the row: that kind, the
            column, and where in that line.
    """

    type: Spot
    rows: tuple[str, ...] = ()
    header: str = ""
    trailer: str = ""
    others: tuple[str, ...] = ()
    count: Spot = ()
    counted: str = "rows"
    sums: tuple[tuple[str, Spot], ...] = ()
    taken: tuple[tuple[str, str, Spot], ...] = ()

    @property
    def columns_taken(self) -> tuple[str, ...]:
        """The columns whose value is in another line."""
        return tuple(column for _, column, _ in self.taken)


@dataclass(frozen=True)
class Dialect:
    """How a feed's files are written.

    Attributes:
        format: a name in :data:`claimhouse.reading.FORMATS`; ``csv`` is any delimited text.
        delimiter: one character between fields of a csv.
        quote: one character around fields of a csv; empty where quotes have no meaning.
        encoding: the encoding the contract expects.
        compression: gzip, zip, or None to go by the content.
        widths: for fixed width, each field's name, first position (from 1) and length in
            characters; a file has no header line.
        sheet: for xlsx, the name of the only sheet to read; None for every sheet that fits.
        header: for csv, where its column names are: on the ``first`` line, on ``none``, or on one of
            the first lines, for which to ``search``.
        columns: without a header, the name of each field by its place; empty for one not read.
        names: to search for a header, the names of columns it may have, folded.
        records: the kinds of its lines, for a csv or fixed width file of several.
    """

    format: str = "csv"
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    compression: str | None = None
    widths: tuple[tuple[str, int, int], ...] = ()
    sheet: str | None = None
    header: str = "first"
    columns: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    records: Records | None = None

    @classmethod
    def of(cls, options: dict[str, Any]) -> Dialect:
        """The dialect that was sent as JSON, whose tuples are lists."""
        records = options.get("records")
        return cls(
            **_with_tuples(options) | {"records": records and Records(**_with_tuples(records))}
        )


def _with_tuples(options: dict[str, Any]) -> dict[str, Any]:
    return {name: _as_tuples(value) for name, value in options.items()}


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def fold(name: str) -> str:
    """A header's name without case and separators: 'Claim ID' and claim_id are one column."""
    return "".join(character for character in name.lower() if character.isalnum())


def unread(place: int) -> str:
    """The name in a block of the field at *place*, from 1, which a dialect without header leaves unnamed."""
    return f"({place})"


@dataclass(frozen=True)
class Note:
    """A remark about a file that is read anyway; the message holds no value of the file.

    Attributes:
        sheet_name: the sheet it is about, in a workbook of several.
        is_error: whether rows are kept out for it.
    """

    rule: str
    message: str
    row_number: int | None = None
    column_name: str | None = None
    sheet_name: str | None = None
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that cannot be split into the header's fields; its raw text goes to quarantine."""

    row_number: int
    rule: str
    message: str
    raw_row: str
    column_name: str | None = None
    first_field: str | None = None


class Unreadable(Exception):
    """The file as a whole cannot be trusted; nothing of it is loaded.

    Attributes:
        rule: the name of the fault: ``truncated``, ``encoding``, ...
        message: a sentence for a person, without any value of the file.
        row_number: the line it is on, where there is one.
        column_name: the column it is in, where there is one.
    """

    def __init__(
        self,
        rule: str,
        message: str,
        row_number: int | None = None,
        column_name: str | None = None,
    ) -> None:
        super().__init__(f"{rule}: {message}")
        self.rule = rule
        self.message = message
        self.row_number = row_number
        self.column_name = column_name


@dataclass(frozen=True)
class Block:
    """Some rows of a file.

    Attributes:
        rows: ``row_number`` (the line on which the row begins; the header is line 1), then one
            text column for each name of the header, values as written.
        broken: the rows among them that could not be split, by row number.
        table: which of the reading's tables they are of.
        lost_digits: (row number, column name) of each cell whose number has more digits than a
            workbook keeps.
    """

    rows: pl.DataFrame
    broken: list[BrokenRow]
    table: int = 0
    lost_digits: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Trailer:
    """What a trailer says, compared already with the number of rows.

    Attributes:
        row_number: its line.
        sums: columns, and the sum of each, as it is written.
        table: which of the reading's tables it ends.
    """

    row_number: int
    sums: tuple[tuple[str, str], ...]
    table: int = 0


@dataclass(frozen=True)
class Place:
    """Where a table of a workbook begins: a sheet, and the row of the header as the sheet counts."""

    sheet: str
    header_row: int


@dataclass(frozen=True)
class Table:
    """One table of a file: a workbook may have one on each sheet, any other file is one.

    Attributes:
        header: its column names, in file order.
        header_row: the line of the header, from 1, as the file or the sheet counts.
        sheet: the name of its sheet, in a workbook of several.
        taken: the last names of the header, of values that are not in the row's own line.
    """

    header: tuple[str, ...]
    header_row: int = 1
    sheet: str | None = None
    taken: tuple[str, ...] = ()

    @property
    def written(self) -> tuple[str, ...]:
        """The names of what is in the row's own line."""
        return self.header[: len(self.header) - len(self.taken)]


class Reading:
    """A file being read. Its blocks can be iterated over once.

    Attributes:
        header: the column names of the file, or of its first table, in file order.
        notes: remarks about the file; complete once all blocks have been read.
        tables: what its blocks are of; one, unless it is a workbook.
        blocks: what iteration goes through, blocks without a row among them.
        trailers: what the trailers say; complete once all blocks have been read.
    """

    def __init__(
        self,
        header: list[str],
        notes: list[Note],
        blocks: Iterator[Block],
        tables: tuple[Table, ...] = (),
        trailers: list[Trailer] | None = None,
    ) -> None:
        self.header = header
        self.notes = notes
        self.trailers = [] if trailers is None else trailers
        self.tables = tables or (Table(tuple(header)),)
        self.blocks = blocks

    def __iter__(self) -> Iterator[Block]:
        is_empty = True
        for block in self.blocks:
            if block.rows.height or block.broken:
                is_empty = False
                yield block
        if is_empty:
            self.notes.append(Note("no_rows", "The file holds no rows."))

    def __enter__(self) -> Reading:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Read no further."""
        close = getattr(self.blocks, "close", None)
        if close is not None:
            close()


def split_table(parts: Iterator[Table | Block]) -> tuple[Table, Iterator[Block]]:
    """The table, which comes first, and the blocks that follow."""
    table = next(parts)
    assert isinstance(table, Table)
    return table, _blocks(parts)


def _blocks(parts: Iterator[Table | Block]) -> Iterator[Block]:
    for part in parts:
        assert isinstance(part, Block)
        yield part
