"""The processing log of a file: what became of its rows and amounts, and what was wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl
from fastapi import HTTPException
from psycopg import Connection

from claimhouse import contracts, warehouse
from claimhouse.pages import database, masking, records
from claimhouse.pages.rights import Person
from claimhouse.reading import SHEET_ROWS

# Up to so many rows the NULLs are counted when the page is opened; of more when a person asks for it.
MOST_COUNTED = 200_000
PARTS = ("read", "accepted", "quarantined", "dropped", "unreadable")
# States in which the accepted rows of a batch are in its source table.
WITH_ROWS = ("verified", "checked", "held", "loaded")


@dataclass(frozen=True)
class Stage:
    """What happened to a batch, and when."""

    name: str
    at: datetime


@dataclass(frozen=True)
class BatchLog:
    """What became of a batch.

    Attributes:
        row: its row of ``landing.batch``.
        stages: what happened to it and when, in order.
        amounts: a row for each amount column: the sums of :data:`PARTS`.
        nulls: accepted rows without a value, by column; None where they are not counted.
        issues: by column and rule, each with an example.
        readings: each time it was read, and under which version of its contract.
        will_be_read: what the next run reads of it again: ``all rows``, ``the file``, ``quarantined rows``; or
            nothing, empty.
    """

    row: dict[str, Any]
    stages: list[Stage]
    amounts: list[dict[str, Any]]
    nulls: dict[str, int] | None
    issues: list[dict[str, Any]]
    readings: list[dict[str, Any]]
    will_be_read: str


@dataclass(frozen=True)
class Log:
    """What became of a file: its row of ``landing.file`` with its neighbors, and its batches."""

    file: dict[str, Any]
    batches: list[BatchLog]

    @property
    def has_accepted(self) -> bool:
        """Whether it has accepted rows."""
        return any(batch.row["rows_accepted"] for batch in self.batches)

    @property
    def has_quarantined(self) -> bool:
        """Whether it has quarantined rows."""
        return any(batch.row["rows_quarantined"] for batch in self.batches)


def find(connection: Connection[Any], file_id: int, person: Person) -> dict[str, Any]:
    """A file that *person* may see.

    Raises:
        HTTPException: 404, there is none.
    """
    rows = warehouse.query(connection, "pages/file", file_id, list(person.sees))
    if not rows:
        raise HTTPException(404)
    return rows[0]


def batches(connection: Connection[Any], file_id: int) -> list[dict[str, Any]]:
    """The batches of a file."""
    return warehouse.query(connection, "pages/batches_of_file", file_id)


def read(file_id: int, person: Person, *, count_all_nulls: bool = False) -> Log:
    """The log of a file.

    Args:
        file_id: the file.
        person: who asks.
        count_all_nulls: whether to count NULLs also where that takes long.

    Raises:
        HTTPException: 404, there is no such file that the person may see.
    """
    with database.as_viewer() as connection:
        file = find(connection, file_id, person)
        rows = batches(connection, file_id)
        return Log(file, [_batch(connection, row, count_all_nulls) for row in rows])


def frame(log: Log) -> pl.DataFrame:
    """The log as one table: a line for each stage, count, amount, column and rule."""
    lines: list[tuple[Any, ...]] = []
    for batch in log.batches:
        number = batch.row["batch_id"]
        lines += [
            (number, "stage", stage.name, "at", f"{stage.at:%Y-%m-%dT%H:%M:%SZ}", None, None)
            for stage in batch.stages
        ]
        lines += [
            (
                number, "reading", f"{reading['read_at']:%Y-%m-%dT%H:%M:%SZ}", "contract version",
                reading["contract_hash"], None, None,
            )
            for reading in batch.readings
        ]  # fmt: skip
        lines += [
            (number, "rows", part, "count", batch.row[f"rows_{part}"], None, None)
            for part in PARTS[:-1]
            if batch.row[f"rows_{part}"] is not None
        ]
        lines += [
            (number, "amount", amount["column"], part, amount[part], None, None)
            for amount in batch.amounts
            for part in PARTS
        ]
        lines += [
            (number, "nulls", column, "count", count, None, None)
            for column, count in (batch.nulls or {}).items()
        ]
        lines += [
            (
                number, "issue", issue["column_name"], issue["rule"],
                issue["issues"], issue["sheet_row"], issue["message"],
            )
            for issue in batch.issues
        ]  # fmt: skip
    columns = ("batch", "about", "name", "measure", "value", "example_row", "message")
    texts = [[None if value is None else str(value) for value in line] for line in lines]
    return pl.DataFrame(texts, schema=dict.fromkeys(columns, pl.String), orient="row")


def facts(log: Log) -> dict[str, str]:
    """What the log is of."""
    file = log.file
    states = ", ".join(batch.row["state"] for batch in log.batches)
    return {
        "File": file["file_name"],
        "Source and feed": f"{file['source_system']}.{file['feed']}",
        "Arrived": f"{file['arrived_at']:%Y-%m-%d %H:%M} UTC",
        "State": states or f"repeats {file['same_as_name']}",
        "SHA-256": file["checksum"],
    }


def tables(log: Log) -> dict[str, pl.DataFrame]:
    """The log as the tables of a document."""
    tables: dict[str, pl.DataFrame] = {}
    for batch in log.batches:
        of = f" (batch {batch.row['batch_id']})" if len(log.batches) > 1 else ""
        tables[f"Rows{of}"] = _table(
            ("read", "accepted", "quarantined", "dropped"),
            [[batch.row[f"rows_{part}"] for part in PARTS[:-1]]],
        )
        tables[f"Stages{of}"] = _table(
            ("stage", "at"),
            [[stage.name, f"{stage.at:%Y-%m-%d %H:%M:%S} UTC"] for stage in batch.stages],
        )
        if batch.readings:
            tables[f"Readings{of}"] = _table(
                ("at", "contract version", "read", "accepted", "quarantined", "dropped"),
                [
                    [
                        f"{reading['read_at']:%Y-%m-%d %H:%M:%S} UTC",
                        (reading["contract_hash"] or "")[:12],
                        "the file" if reading["is_whole"] else "quarantined rows",
                        *(reading[f"rows_{part}"] for part in PARTS[1:-1]),
                    ]
                    for reading in batch.readings
                ],
            )
        if batch.amounts:
            tables[f"Amounts{of}"] = _table(
                ("column", *PARTS),
                [[amount["column"], *(amount[part] for part in PARTS)] for amount in batch.amounts],
            )
        if batch.issues:
            tables[f"Issues{of}"] = _table(
                ("severity", "column", "rule", "issues", "row", "message"),
                [
                    [issue[key] for key in ("severity", "column_name", "rule", "issues", "sheet_row", "message")]
                    for issue in batch.issues
                ],
            )  # fmt: skip
        if batch.nulls is not None:
            tables[f"Accepted rows without a value{of}"] = _table(
                ("column", "rows"), [list(pair) for pair in batch.nulls.items()]
            )
    return tables


def _table(columns: tuple[str, ...], rows: list[list[Any]]) -> pl.DataFrame:
    texts = [["" if value is None else _text(value) for value in row] for row in rows]
    return pl.DataFrame(texts, schema=dict.fromkeys(columns, pl.String), orient="row")


def _text(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _batch(connection: Connection[Any], row: dict[str, Any], count_all_nulls: bool) -> BatchLog:
    contract = records.contract_of(row["source_system"], row["feed"])
    mask = masking.Mask()
    issues = [
        _example(contract, issue, mask)
        for issue in warehouse.query(connection, "pages/issues_of_batch", row["batch_id"])
    ]
    is_counted = (
        contract is not None
        and row["state"] in WITH_ROWS
        and (count_all_nulls or row["rows_accepted"] <= MOST_COUNTED)
    )
    nulls = _nulls(connection, contract, row["batch_id"]) if contract and is_counted else None
    readings = warehouse.query(connection, "pages/readings_of_batch", row["batch_id"])
    again = _will_be_read(contract, row)
    return BatchLog(row, _stages(row), _amounts(row), nulls, issues, readings, again)


def _will_be_read(contract: contracts.Contract | None, row: dict[str, Any]) -> str:
    """What the next run reads of a batch again."""
    if row["is_to_be_reverified"]:
        return "all rows"
    if contract is None or row["newest_hash"] == contract.content_hash:
        return ""
    if row["state"] == "rejected":
        return "the file"
    return "quarantined rows" if row["state"] in WITH_ROWS and row["rows_quarantined"] else ""


def _stages(row: dict[str, Any]) -> list[Stage]:
    # One that has landed and was read is about to be read again.
    verified = "rejected" if row["state"] in ("rejected", "landed") else "verified"
    checked = "held" if row["state"] == "held" else "checked"
    stages = [
        ("landed", row["created_at"]),
        (verified, row["verified_at"]),
        (checked, row["checked_at"]),
        ("loaded", row["loaded_at"]),
    ]
    return [Stage(name, at) for name, at in stages if at is not None]


def _amounts(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"column": column, "unreadable": sums["unreadable"]}
        | {part: Decimal(sums[part]) for part in PARTS[:-1]}
        for column, sums in (row["amounts"] or {}).items()
    ]


def _nulls(
    connection: Connection[Any], contract: contracts.Contract, batch_id: int
) -> dict[str, int]:
    [counts] = warehouse.query(
        connection,
        "pages/nulls_of_batch",
        columns=contract.columns,
        schema=f"source_{contract.source_system}",
        feed=contract.feed,
        batch_id=batch_id,
    )
    return dict(zip((column.name for column in contract.columns), counts.values(), strict=True))


def _example(
    contract: contracts.Contract | None, issue: dict[str, Any], mask: masking.Mask
) -> dict[str, Any]:
    """An example with its row as the sheet counts it, and its value, masked where it tells who it is about."""
    number = issue["row_number"]
    return issue | {
        "sheet_row": number % SHEET_ROWS if number and issue["sheet_name"] else number,
        "value": mask.value(contract, issue["column_name"] or "", issue["raw_value"]),
    }
