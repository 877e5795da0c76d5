"""A file's header matched with the columns of its contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from claimhouse.contracts import Column, Contract
from claimhouse.reading import Note, Unreadable, fold
from claimhouse.severity import SEVERITIES

# The line of the header of a file that has no sheets, for issues about it.
HEADER_LINE = 1


@dataclass(frozen=True)
class Plan:
    """How the rows of one file become the columns of its contract.

    Attributes:
        header: the file's column names.
        renames: column of the contract to the header's name for it.
        notes: warnings about the header.
        constants: column of the contract to the value that the file's name gives every row.
        sheet: the sheet it is for, in a workbook of several.
        taken: the last names of the header, of values that are not in the row's own line.
    """

    contract: Contract
    header: tuple[str, ...]
    renames: dict[str, str]
    notes: tuple[Note, ...]
    constants: dict[str, str] = field(default_factory=dict)
    sheet: str | None = None
    taken: tuple[str, ...] = ()

    @property
    def written(self) -> list[str]:
        """The names of what is in the row's own line."""
        return list(self.header[: len(self.header) - len(self.taken)])


def make_plan(
    contract: Contract,
    header: Sequence[str],
    file_name: str = "",
    line: int = HEADER_LINE,
    sheet: str | None = None,
) -> Plan:
    """Match *header* with the contract's columns, by name or alias, in any order.

    A column that the header lacks is filled from *file_name* where the contract says how.

    Args:
        contract: the feed's.
        header: the file's column names.
        file_name: the file's name.
        line: where the header is, for issues about it.
        sheet: the sheet it is of, in a workbook of several.

    Raises:
        Unreadable: a required column is missing, or two names of the header mean one column.
    """
    renames, unknown = match_header(contract, header)
    notes = [_unknown(contract, renames, cell, line) for cell in unknown]
    of_file_name = contract.from_name(file_name)
    absent = [column for column in contract.columns if column.name not in renames]
    constants = {
        column.name: of_file_name[column.name] for column in absent if column.name in of_file_name
    }
    missing = [column for column in absent if column.name not in constants]
    _need(missing, line)
    notes += [
        Note(
            "missing_column",
            f"The column {column.name} is missing from the header; it is loaded as NULL.",
            line,
            column.name,
        )
        for column in missing
        if contract.dialect.header != "none"  # the contract says which columns there are
    ]
    placed = tuple(replace(note, sheet_name=sheet) for note in notes)
    return Plan(contract, tuple(header), renames, placed, constants, sheet)


def match_header(contract: Contract, header: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Which names of *header* mean which column of *contract*, and which mean none.

    Of two names that mean one column, the second means none.
    """
    if (
        contract.dialect.header == "none"
    ):  # names that the contract gives, and fields that it does not read
        stated = {column.name for column in contract.columns}
        return {name: name for name in header if name in stated}, []
    names = known_names(contract)
    renames: dict[str, str] = {}
    unknown: list[str] = []
    for cell in header:
        column = names.get(fold(cell))
        if column is None or column in renames:
            unknown.append(cell)
        else:
            renames[column] = cell
    return renames, unknown


def known_names(contract: Contract) -> dict[str, str]:
    """The columns of *contract* by each of their names and aliases, folded."""
    return {
        fold(alias): column.name
        for column in contract.columns
        for alias in (*column.aliases, column.name)
    }


def is_needed(column: Column) -> bool:
    """Whether a file without *column* is rejected: it would quarantine every row."""
    return column.required and SEVERITIES[column.missing].quarantines_row


def _unknown(contract: Contract, renames: dict[str, str], cell: str, line: int) -> Note:
    column = known_names(contract).get(fold(cell))
    if column is not None:
        message = f"The columns {renames[column]} and {cell} both mean {column}."
        raise Unreadable("duplicate_column", message, line, column)
    message = f"The column {cell} is not in the contract; it is not loaded."
    return Note("unknown_column", message, line, cell)


def _need(missing: Sequence[Column], line: int) -> None:
    """Refuse a header without columns that every row needs, and name all of them."""
    names = [column.name for column in missing if is_needed(column)]
    if len(names) == 1:
        message = f"The column {names[0]} is missing from the header."
        raise Unreadable("missing_column", message, line, names[0])
    if names:
        message = (
            f"The columns {', '.join(names[:-1])} and {names[-1]} are missing from the header."
        )
        raise Unreadable("missing_column", message, line, names[0])
