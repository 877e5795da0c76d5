"""Which sheets of a workbook hold the rows of a contract, and where their headers are.

A sheet fits if the best of its first rows, as a header, lacks no required column and has at least
half as many of the contract's names as the best sheet. All visible sheets that fit are read; of any
other visible sheet with a value, and of every hidden one, a note says that it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from claimhouse import contracts, settings
from claimhouse.contracts import Contract
from claimhouse.counted import counted
from claimhouse.reading import (
    HEADER_ROWS,
    SHEET_ROWS,
    Note,
    Place,
    Reading,
    Sheet,
    Table,
    Unreadable,
    open_file,
    open_sheets,
    title_note,
)
from claimhouse.verification.header import Plan, is_needed, make_plan, match_header

# With fewer known names a row may be anybody's data, and is not shown.
FEWEST_NAMES = 2
MOST_NAMES = 12  # listed in a message


@dataclass(frozen=True)
class Candidate:
    """A sheet with the row that is most like a contract's header.

    Attributes:
        known: how many columns of the contract the row names.
        missing: required columns that it lacks.
        extra: its names that the contract does not have.
        trouble: why the rows below it cannot be read, a sentence; empty where they can.
    """

    sheet: Sheet
    header_row: int
    known: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    trouble: str = ""

    @property
    def place(self) -> Place:
        """Where the table begins."""
        return Place(self.sheet.name, self.header_row)

    @property
    def is_complete(self) -> bool:
        """Whether its rows can be read, and no required column is missing."""
        return not self.missing and not self.trouble


@dataclass(frozen=True)
class Opened:
    """A file being read, with the plan of each of its tables and notes about its sheets."""

    reading: Reading
    plans: tuple[Plan, ...]
    notes: tuple[Note, ...] = ()


def open_tables(contract: Contract, path: Path, file_name: str = "") -> Opened:
    """Open a landed file in the contract's own dialect: all that is the contract's in it.

    Raises:
        Unreadable: the file as a whole cannot be trusted, or nothing in it fits.
    """
    sheets = open_sheets(path, contract.dialect)
    places, notes = choose(contract, sheets)
    if contract.dialect.sheet is not None:
        notes = [note for note in notes if note.sheet_name not in _of_other_feeds(contract)]
    reading = open_file(path, contract.dialect, settings.block_bytes(), places)
    plans = tuple(
        _plan(contract, table, number, file_name) for number, table in enumerate(reading.tables)
    )
    return Opened(reading, plans, tuple(notes))


def _plan(contract: Contract, table: Table, number: int, file_name: str) -> Plan:
    """The plan of the *number*-th table, from 0: a sheet, or a file of an archive."""
    line = number * SHEET_ROWS + table.header_row
    try:
        plan = make_plan(contract, table.header, file_name, line, table.sheet)
    except Unreadable as fault:
        if table.sheet is None or contract.dialect.format == "xlsx":
            raise
        message = f"In {table.sheet}: {fault.message}"
        raise Unreadable(fault.rule, message, fault.row_number, fault.column_name) from None
    return replace(plan, taken=table.taken)


def choose(contract: Contract, sheets: Sequence[Sheet]) -> tuple[list[Place], list[Note]]:
    """The tables to read of a workbook, and notes about what is not read.

    Without *sheets* (the file is no workbook) there is nothing to choose.

    Raises:
        Unreadable: no sheet fits; the reason is that of the closest.
    """
    if not sheets:
        return [], []
    found = candidates(contract, sheets)
    if not found:
        if contract.dialect.sheet is not None:
            return [], []  # the reader says what is wrong with it
        raise Unreadable("empty_file", _nothing_visible(sheets))
    most = max(candidate.known for candidate in found)
    fitting = [
        candidate for candidate in found if candidate.is_complete and 2 * candidate.known >= most
    ]
    if not fitting:
        return _closest(contract, sheets, found)
    notes = [_title_note(candidate, at, sheets) for at, candidate in enumerate(fitting)]
    notes += [_unread(contract, found, sheet) for sheet in sheets]
    others = [candidate for candidate in found if candidate not in fitting]
    notes += [_unfit(contract, candidate) for candidate in others]
    return [candidate.place for candidate in fitting], [note for note in notes if note]


def _of_other_feeds(contract: Contract) -> set[str | None]:
    """The sheets that other feeds read of the same workbooks."""
    return {
        other.dialect.sheet
        for other in contracts.sound([contract.source_system])
        if other.file_pattern == contract.file_pattern and other.feed != contract.feed
    } - {None}


def candidates(contract: Contract, sheets: Sequence[Sheet]) -> list[Candidate]:
    """The sheets that may be read, each with its best header; a contract may name the only one."""
    named = contract.dialect.sheet
    readable = [
        sheet for sheet in sheets if (sheet.is_visible if named is None else sheet.name == named)
    ]
    return [candidate(contract, sheet) for sheet in readable if not sheet.rows.is_empty()]


def candidate(contract: Contract, sheet: Sheet) -> Candidate:
    """The row of *sheet* that names most columns of *contract*, of equal ones the first."""
    rows = sheet.titles()
    row, titles = max(rows, key=lambda row: (len(_matched(contract, row[1])[0]), -row[0]))
    renames, extra = _matched(contract, titles)
    missing = [
        column.name
        for column in contract.columns
        if column.name not in renames and is_needed(column) and not column.from_file_name
    ]
    trouble = ""
    try:
        sheet.below(row)
    except Unreadable as error:
        trouble = error.message
    if twice := _twice(contract, renames, extra):
        trouble = f"Two columns of its header mean {twice}."
    return Candidate(sheet, row, len(renames), tuple(missing), tuple(extra), trouble)


def listed(names: Sequence[str]) -> str:
    """Names for a sentence; of more than :data:`MOST_NAMES`, the first."""
    shown = ", ".join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"


def _matched(contract: Contract, titles: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    return match_header(contract, [title for title in titles if title])


def _twice(contract: Contract, renames: dict[str, str], extra: Sequence[str]) -> str:
    """A column that two names of a header mean; empty where there is none."""
    known, _ = match_header(contract, extra)
    return next((column for column in known if column in renames), "")


def _closest(
    contract: Contract, sheets: Sequence[Sheet], found: Sequence[Candidate]
) -> tuple[list[Place], list[Note]]:
    """The sheet to reject the file by: reading it says what is wrong."""
    best = max(found, key=lambda candidate: candidate.known)
    hidden = [sheet.name for sheet in sheets if not sheet.is_visible and not sheet.is_empty]
    if len(found) == 1 and not hidden:
        return [best.place], []
    parts = ["No visible sheet of the workbook fits the contract.", *_why(contract, best)]
    if hidden:
        parts.append(f"Hidden sheets are not read: {listed(hidden)}.")
    raise Unreadable(
        "no_fitting_sheet",
        " ".join(parts),
        best.header_row,
        best.missing[0] if best.missing else None,
    )


def _why(contract: Contract, candidate: Candidate) -> list[str]:
    """What keeps a sheet from being read, in sentences; never a value of it."""
    name = candidate.sheet.name
    if candidate.known < min(FEWEST_NAMES, len(contract.columns)):
        return [
            f"The sheet {name} has no header of {contract.feed} in its first"
            f" {counted(min(HEADER_ROWS, len(candidate.sheet.rows)), 'row')}."
        ]
    parts = [f"The header of the sheet {name} is in row {candidate.header_row}."]
    if candidate.missing:
        parts.append(f"It lacks the required columns: {listed(candidate.missing)}.")
    if candidate.extra and candidate.known >= len(candidate.extra):
        parts.append(f"Columns the contract does not know: {listed(candidate.extra)}.")
    if candidate.trouble:
        parts.append(candidate.trouble)
    if candidate.is_complete:
        parts.append("It has too few of the contract's columns.")
    return parts


def _unfit(contract: Contract, candidate: Candidate) -> Note:
    """The note on a visible sheet that fits nothing; an error where it looks like lost rows."""
    needed = sum(map(is_needed, contract.columns))
    is_close = candidate.known >= max(FEWEST_NAMES, needed / 2)
    message = " ".join([
        "The sheet is visible and is not read.",
        *_why(contract, candidate),
        "Correct its header and send the file again, or waive this if it holds no records.",
    ])  # fmt: skip
    row = candidate.header_row if is_close else None
    return Note("unread_sheet", message, row, None, candidate.sheet.name, is_error=is_close)


def _unread(contract: Contract, found: Sequence[Candidate], sheet: Sheet) -> Note | None:
    """The note on a sheet that was not looked at: hidden, not the contract's, or blank at its top."""
    named = contract.dialect.sheet
    if any(candidate.sheet is sheet for candidate in found) or sheet.is_empty:
        return None
    if not sheet.is_visible:
        message = f"The sheet {sheet.name} is hidden and is not read. Show it if it holds records."
        return Note("hidden_sheet", message, sheet_name=sheet.name)
    if named is None:
        message = f"The sheet {sheet.name} is not read: it has no header in its first rows."
        return Note("unread_sheet", message, sheet_name=sheet.name)
    if sheet.rows.is_empty() or not candidate(contract, sheet).is_complete:
        return None
    message = f"The sheet {sheet.name} fits too; it is not read, as the contract names {named}."
    return Note("unread_sheet", message, sheet_name=sheet.name)


def _title_note(candidate: Candidate, number: int, sheets: Sequence[Sheet]) -> Note | None:
    """The note on rows above the header of the *number*-th table, which are not records."""
    above = sum(1 for row, _ in candidate.sheet.titles() if row < candidate.header_row)
    if not above:
        return None
    name = candidate.sheet.name if len(sheets) > 1 else None
    row = number * SHEET_ROWS + candidate.header_row
    return replace(title_note(candidate.header_row, above), row_number=row, sheet_name=name)


def _nothing_visible(sheets: Sequence[Sheet]) -> str:
    if all(sheet.is_empty for sheet in sheets):
        return "The workbook is empty."
    if any(not sheet.is_empty and not sheet.is_visible for sheet in sheets):
        return "No visible sheet of the workbook has a value; hidden sheets are not read."
    return "No sheet of the workbook has a header in its first rows."
