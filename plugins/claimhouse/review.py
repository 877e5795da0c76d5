"""Review: what a person does about an issue that no later file resolves.

``waive`` an issue, ``correct`` a quarantined row, or ``release`` a batch that a check holds. A
correction is a small file that goes through landing and verification like any other. The command
is ``claimhouse review``; it reads values from standard input, so that none gets into a shell's
history or a process list.
"""

from __future__ import annotations

import argparse
import csv
import getpass
import io
import sys
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from claimhouse import checks, contracts, settings, storage, warehouse
from claimhouse.verification import dialect_of, open_tables


class ReviewError(ValueError):
    """The request cannot be fulfilled; the message says why, without a value of the row."""


def waive(issue_id: int, reviewer: str, reason: str) -> None:
    """Close an issue without a change.

    Raises:
        ReviewError: no reason was given, or the issue is not open.
    """
    with warehouse.connect() as connection:
        if not _reason(reason) or not warehouse.query(
            connection, "review/waive_issue", issue_id, reviewer, reason
        ):
            raise ReviewError(f"issue {issue_id} is not open")


def release(batch_id: int, reviewer: str, reason: str) -> None:
    """Release a batch that a check holds; it loads in the next run of its source.

    Raises:
        ReviewError: no reason was given, or the batch is not held.
    """
    try:
        checks.release(batch_id, reviewer, _reason(reason))
    except ValueError as error:
        raise ReviewError(str(error)) from error


def correct(issue_id: int, changes: dict[str, str]) -> str:
    """Write a corrected copy of an issue's quarantined row to the corrections folder.

    The next run of the source loads it, and closes the issue as corrected.

    Args:
        issue_id: an open issue of a quarantined row.
        changes: the right values by the contract's column names; all values, where the row could
            not be split into fields.

    Returns:
        The file's address.

    Raises:
        ReviewError: there is no such open issue with a quarantined row, or no such column; or the row
            is a transaction and has been corrected, and a second correction would count it twice.
    """
    with warehouse.connect() as connection:
        rows = warehouse.query(connection, "review/quarantined_row", issue_id)
    if not rows:
        raise ReviewError(f"issue {issue_id} is not open, or its row is not quarantined")
    row = rows[0]
    contract = contracts.of(row["source_system"], row["feed"])
    names = [column.name for column in contract.columns]
    if unknown := set(changes) - set(names):
        raise ReviewError(f"{contract.name} has no column {', '.join(sorted(unknown))}")
    is_whole = set(names) <= set(changes)
    values = changes if is_whole else {**_values(contract, row), **changes}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerow([values.get(name, "") for name in names])
    folder = storage.private_folder(
        settings.corrections_root(), contract.source_system, contract.feed
    )
    corrected = _corrected_row(row)
    if contract.rows_are_transactions:
        _refuse_second(contract, str(folder), corrected)
    name = f"{corrected}_{uuid.uuid4().hex[:8]}.csv"
    storage.write(f"{folder}/{name}", text.getvalue().encode())
    return f"{folder}/{name}"


def _corrected_row(row: dict[str, Any]) -> str:
    """The row that a correction stands for; a correction of a correction stands for the same."""
    earlier = contracts.CORRECTED_ROW.search(row["file_name"]) if row["is_correction"] else None
    return earlier[0] if earlier else f"batch{row['batch_id']}_row{row['row_number']}"


def _refuse_second(contract: contracts.Contract, folder: str, corrected: str) -> None:
    """Refuse to correct a transaction twice: both corrections would be added.

    Raises:
        ReviewError: another correction of the row waits, or was accepted.
    """
    with warehouse.connect() as connection:
        landed = warehouse.query(
            connection,
            "review/corrections_of_row",
            contract.source_system,
            contract.feed,
            corrected,
        )
        waiting = warehouse.query(
            connection,
            "review/waiting_corrections",
            [
                str(path)
                for path in storage.at(folder).iterdir()
                if path.name.startswith(f"{corrected}_")
            ],
        )
    if landed or waiting:
        raise ReviewError("the row has a correction already, and a second one would be added to it")


def _reason(reason: str) -> str:
    if not reason.strip():
        raise ReviewError("a reason is required")
    return reason


def _values(contract: contracts.Contract, row: dict[str, Any]) -> dict[str, str]:
    """The row's values by column; none where it cannot be split into the header's fields."""
    try:
        with storage.local_copy(row["archive_path"], row["checksum"], row["size_bytes"]) as file:
            dialect = dialect_of(contract, file)
            opened = open_tables(replace(contract, dialect=dialect), file, row["file_name"])
    except storage.Damaged:
        raise ReviewError(
            f"the archived file of batch {row['batch_id']} is not the file that landed; "
            "give the values of all columns, or have the file delivered again"
        ) from None
    plan = next((plan for plan in opened.plans if plan.sheet == row["sheet_name"]), None)
    fields = next(csv.reader([row["raw_row"]], delimiter=dialect.delimiter), [])
    if plan is None or len(fields) != len(plan.header):
        return {}
    raw = dict(zip(plan.header, fields, strict=True))
    return {**plan.constants, **{name: raw[cell] for name, cell in plan.renames.items()}}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: ``waive ISSUE``, ``correct ISSUE``, ``release BATCH``."""
    parser = argparse.ArgumentParser(prog="claimhouse review", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, target in (("waive", "issue"), ("correct", "issue"), ("release", "batch")):
        subparser = commands.add_parser(command)
        subparser.add_argument(target, type=int)
        if command == "correct":
            subparser.epilog = "Give the right values on standard input, one column=value per line."
        else:
            subparser.add_argument("--reason", required=True)
    options = parser.parse_args(arguments)
    try:
        if options.command == "waive":
            waive(options.issue, getpass.getuser(), options.reason)
        elif options.command == "release":
            release(options.batch, getpass.getuser(), options.reason)
        else:
            print(correct(options.issue, dict(_pairs(sys.stdin.read()))))
    except ReviewError as error:
        parser.exit(1, f"{error}\n")


def _pairs(text: str) -> list[tuple[str, str]]:
    lines = [line.partition("=") for line in text.splitlines() if line.strip()]
    return [(column.strip(), value) for column, _, value in lines]


if __name__ == "__main__":
    main()
