"""The rows of a file in the shape in which its sender wrote it: those accepted, and those rejected."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from fastapi import HTTPException
from psycopg import Connection

from claimhouse import storage, warehouse
from claimhouse.contracts import Contract
from claimhouse.delivery.extract import rows as streamed
from claimhouse.delivery.extract.model import Rows
from claimhouse.pages import processing_log, records
from claimhouse.reading import SHEET_ROWS, Dialect, Unreadable, split_row
from claimhouse.verification import dialect_of, open_tables

ROW, SHEET, CHANGED = "row of the file", "sheet", "what was corrected"
REASONS, OPEN = "why it was rejected", "still open"
UNSPLIT = "row as it came, where it cannot be split"


@dataclass(frozen=True)
class Table:
    """A table of the file: the file itself, or one of its sheets.

    Attributes:
        sheet: its name, where there are several.
        header: its columns as the sender names them, each name once.
        columns: the contract's columns that they are, and the sender's name for each.
    """

    sheet: str | None
    header: tuple[str, ...]
    columns: dict[str, str]


@dataclass(frozen=True)
class Shape:
    """How the sender wrote a file.

    Attributes:
        batch_ids: the batches of the file.
        tables: none where the file cannot be read any more.
    """

    contract: Contract
    dialect: Dialect
    batch_ids: tuple[int, ...]
    tables: tuple[Table, ...]


def shape(file: dict[str, Any], batches: Sequence[dict[str, Any]]) -> Shape:
    """The shape of a file, from its archived copy; where that is damaged, from its contract.

    Args:
        file: its row of ``landing.file``.
        batches: its rows of ``landing.batch``.

    Raises:
        HTTPException: 409, no row of it was read, or its feed has no contract any more.
    """
    read = [batch for batch in batches if batch["state"] in processing_log.WITH_ROWS]
    contract = records.contract_of(file["source_system"], file["feed"])
    if not read or contract is None:
        raise HTTPException(409, "No rows of this file were read.")
    if read[0]["is_correction"]:
        contract = replace(contract, dialect=Dialect(), other_dialects=())
    batch_ids = tuple(int(batch["batch_id"]) for batch in read)
    try:
        with storage.local_copy(file["archive_path"], file["checksum"], file["size_bytes"]) as path:
            contract = replace(contract, dialect=dialect_of(contract, path))
            plans = open_tables(contract, path, file["file_name"]).plans
    except (storage.Damaged, Unreadable):
        return Shape(contract, contract.dialect, batch_ids, ())
    tables = tuple(
        Table(
            plan.sheet,
            _unlike(plan.written),
            plan.renames | {name: name for name in (*plan.constants, *plan.taken)},
        )
        for plan in plans
    )
    return Shape(contract, contract.dialect, batch_ids, tables)


def accepted(connection: Connection[Any], shape: Shape) -> Rows:
    """The accepted rows as they are loaded, under the sender's names and in the sender's order."""
    names = _names(shape)
    columns = {column.name: column for column in shape.contract.columns}
    query = warehouse.sql(
        "pages/processed_rows",
        schema=f"source_{shape.contract.source_system}",
        feed=shape.contract.feed,
        columns=[columns[name] for name in names],
        batch_ids=shape.batch_ids,
    )
    found = streamed.stream(connection, query)
    titles = _unlike([*names.values(), ROW, CHANGED])
    kinds = dict(zip(titles, found.schema.values(), strict=True))
    sheets = _sheets(shape)
    if sheets:
        kinds = {SHEET: pl.String(), **kinds}

    def frames() -> Generator[pl.DataFrame]:
        for frame in found:
            frame.columns = list(titles)
            yield _placed(frame, sheets) if sheets else frame

    return Rows(kinds, frames())


def rejected(connection: Connection[Any], shape: Shape) -> Rows:
    """The quarantined rows as they came, with the reasons."""
    query = warehouse.sql("pages/rejected_rows", batch_ids=shape.batch_ids)
    found = streamed.stream(connection, query)
    header = tuple(dict.fromkeys(name for table in shape.tables for name in table.header))
    titles = _unlike([*header, UNSPLIT, SHEET, ROW, REASONS, OPEN])
    tables = {table.sheet: table.header for table in shape.tables}
    schema: dict[str, pl.DataType] = dict.fromkeys(titles, pl.String())

    def frames() -> Generator[pl.DataFrame]:
        for frame in found:
            lines = [
                _line(row, header, tables, shape.dialect) for row in frame.iter_rows(named=True)
            ]
            yield pl.DataFrame(lines, schema=schema, orient="row")

    return Rows(schema, frames())


def _line(
    row: dict[str, Any],
    header: tuple[str, ...],
    tables: dict[str | None, tuple[str, ...]],
    dialect: Dialect,
) -> list[str | None]:
    own = tables.get(row["sheet_name"], ())
    fields = split_row(row["raw_row"], dialect)
    is_split = own and len(fields) == len(own)
    values = dict(zip(own, fields, strict=True)) if is_split else {}
    return [
        *(values.get(name) for name in header),
        None if is_split else row["raw_row"],
        row["sheet_name"],
        str(_row_of_sheet(row["row_number"])),
        row["reasons"],
        "yes" if row["is_open"] else "no",
    ]


def _row_of_sheet(row_number: int) -> int:
    return row_number % SHEET_ROWS


def _names(shape: Shape) -> dict[str, str]:
    """The contract's columns that the file has, in its order, with the sender's names."""
    names: dict[str, str] = {}
    for table in shape.tables:
        by_title = {title: name for name, title in table.columns.items()}
        ordered = [by_title[title] for title in table.header if title in by_title]
        for name in (*ordered, *table.columns):
            names.setdefault(name, table.columns[name])
    return names or {column.name: column.name for column in shape.contract.columns}


def _sheets(shape: Shape) -> dict[int, str]:
    """The names of the sheets by number, where there are several."""
    return {
        number: table.sheet for number, table in enumerate(shape.tables) if table.sheet is not None
    }


def _placed(frame: pl.DataFrame, sheets: dict[int, str]) -> pl.DataFrame:
    number = pl.col(ROW)
    sheet = (number // SHEET_ROWS).replace_strict(sheets, default=None, return_dtype=pl.String)
    return frame.select(sheet.alias(SHEET), pl.all()).with_columns(number % SHEET_ROWS)


def _unlike(names: Iterable[str]) -> tuple[str, ...]:
    """*names*, each made unlike the others by a number behind it."""
    seen: dict[str, None] = {}
    for name in names:
        unlike, number = name, 1
        while unlike in seen:
            number += 1
            unlike = f"{name} ({number})"
        seen[unlike] = None
    return tuple(seen)
