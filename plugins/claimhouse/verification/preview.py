"""The first rows of a file as they would load: for a person who decides whether to process it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from claimhouse.contracts import Contract
from claimhouse.reading import Block
from claimhouse.severity import SEVERITIES
from claimhouse.verification.header import Plan
from claimhouse.verification.recognize import dialect_of
from claimhouse.verification.sheets import open_tables
from claimhouse.verification.verify import Verified, verify

ROWS = 20
LONGEST = 200  # characters of a value that are shown


@dataclass(frozen=True)
class Field:
    """One field of a row.

    Attributes:
        text: what would load; of a row that would not, what came.
        raw: what came, where something was wrong with it and something else loads.
        problems: what is wrong with it, in sentences.
        is_bad: whether it keeps its row out.
    """

    text: str
    raw: str
    problems: tuple[str, ...]
    is_bad: bool


@dataclass(frozen=True)
class Row:
    """One row of the file, or a line that is none.

    Attributes:
        problems: what is wrong with the row as a whole.
        loads: whether it would load; otherwise it would be quarantined.
    """

    number: int
    fields: tuple[Field, ...]
    problems: tuple[str, ...]
    loads: bool


@dataclass(frozen=True)
class Preview:
    """The beginning of a file as *contract* reads it.

    Attributes:
        columns: the contract's.
        rows: the first ones, in the order of the file.
        notes: what is noted about the file.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def preview(contract: Contract, path: Path, file_name: str) -> Preview:
    """The first :data:`ROWS` rows of the local file *path*, judged as verification does.

    Raises:
        claimhouse.reading.Unreadable: the file as a whole would be rejected.
    """
    contract = replace(
        contract,
        dialect=dialect_of(contract, path),
        latest_version=(datetime.now(UTC) + timedelta(days=1)).date(),
    )
    opened = open_tables(contract, path, file_name)
    rows: list[Row] = []
    with opened.reading as reading:
        for block in reading:
            part = _beginning(block, ROWS - len(rows))
            rows += _rows(part, verify(part, opened.plans[block.table]), opened.plans[block.table])
            if len(rows) >= ROWS:
                break
    notes = [note.message for plan in opened.plans for note in plan.notes]
    notes += [note.message for note in (*opened.notes, *opened.reading.notes)]
    return Preview(
        tuple(column.name for column in contract.columns), tuple(rows), tuple(dict.fromkeys(notes))
    )


def _beginning(block: Block, most: int) -> Block:
    """The first rows of *block*, those that could not be split among them."""
    numbers = sorted([*block.rows["row_number"], *(row.row_number for row in block.broken)])[:most]
    last = numbers[-1]
    return Block(
        block.rows.filter(pl.col("row_number") <= last),
        [row for row in block.broken if row.row_number <= last],
        block.table,
        tuple((row, name) for row, name in block.lost_digits if row <= last),
    )


def _rows(block: Block, verified: Verified, plan: Plan) -> list[Row]:
    loaded = {row["row_number"]: row for row in verified.accepted.iter_rows(named=True)}
    issues: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for issue in verified.issues.iter_rows(named=True):
        issues[issue["row_number"]].append(issue)
    rows = [
        _row(raw, loaded.get(raw["row_number"]), issues[raw["row_number"]], plan)
        for raw in block.rows.iter_rows(named=True)
    ]
    for broken in block.broken:
        fields = (Field(_shortened(broken.raw_row), "", (), is_bad=True),)
        rows.append(Row(broken.row_number, fields, (broken.message,), loads=False))
    return sorted(rows, key=lambda row: row.number)


def _row(
    raw: dict[str, Any], loaded: dict[str, Any] | None, issues: list[dict[str, Any]], plan: Plan
) -> Row:
    fields, names = [], {column.name for column in plan.contract.columns}
    for column in plan.contract.columns:
        own = [issue for issue in issues if column.name in (issue["column_name"] or "").split("|")]
        came = _came(raw, column.name, plan)
        text = came if loaded is None else _text(loaded[column.name])
        fields.append(
            Field(
                _shortened(text),
                _shortened(came) if own and came.strip() != text else "",
                tuple(dict.fromkeys(issue["message"] for issue in own)),
                any(SEVERITIES[issue["severity"]].quarantines_row for issue in own),
            )
        )
    others = [issue for issue in issues if not names & set((issue["column_name"] or "").split("|"))]
    problems = tuple(dict.fromkeys(issue["message"] for issue in others))
    return Row(raw["row_number"], tuple(fields), problems, loaded is not None)


def _came(raw: dict[str, Any], column: str, plan: Plan) -> str:
    if column in plan.renames:
        return raw[plan.renames[column]] or ""
    return plan.constants.get(column, "")


def _text(value: object) -> str:
    """A value as it loads, for reading."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\N{HORIZONTAL ELLIPSIS}"
