"""Review: what a person does about an issue that no later file resolves.

``waive`` an issue, ``correct`` a quarantined row, or ``release`` a batch that a check holds. A
correction is a small file that goes through landing and verification like any other. Each act is kept
in ``quality.review_act``, and ``undo`` undoes it while nothing loaded depends on it. The command is
``claimhouse review``; it reads values from standard input, so that none gets into a shell's history or
a process list. The pages call the same functions.
"""

from __future__ import annotations

import argparse
import csv
import getpass
import io
import sys
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl
from psycopg import Connection

from claimhouse import checks, contracts, storage, warehouse
from claimhouse.landing import corrections
from claimhouse.reading import split_row
from claimhouse.verification import Opened, dialect_of, open_tables

# Opens a transaction in the warehouse: pages have a role of their own.
Connect = Callable[[], AbstractContextManager[Connection[Any]]]


class ReviewError(ValueError):
    """The request cannot be fulfilled; the message says why, without a value of the row."""


def waive(
    issue_id: int,
    reviewer: str,
    reason: str,
    *,
    seen: int | None = None,
    connect: Connect = warehouse.connect,
) -> None:
    """Close an issue without a change.

    Args:
        issue_id: an open issue.
        reviewer: the login of whoever decides it.
        reason: why.
        seen: the newest act on the issue or its row that the reviewer was shown; None where nothing was shown.
        connect: opens a transaction in the warehouse.

    Raises:
        ReviewError: no reason was given, the issue is not open, or somebody has acted on it meanwhile.
    """
    reason = needed(reason)
    with connect() as connection:
        waive_open(connection, [issue_id], reviewer, reason, seen=seen)


def waive_open(
    connection: Connection[Any],
    issue_ids: Sequence[int],
    reviewer: str,
    reason: str,
    selection: str | None = None,
    seen: int | None = None,
) -> list[int]:
    """Close issues without a change: all of them, or none.

    Args:
        connection: of a transaction that the error must roll back.
        issue_ids: open issues.
        reviewer: the login of whoever decides it.
        reason: why.
        selection: the filters that chose them, in words.
        seen: of a single issue, see :func:`waive`.

    Returns:
        The acts: one for each source system.

    Raises:
        ReviewError: no reason was given, one of the issues is not open, or somebody has acted on it meanwhile.
    """
    waived = warehouse.query(
        connection, "review/waive", list(issue_ids), reviewer, needed(reason), selection
    )
    if len(waived) < len(set(issue_ids)):
        left = min(set(issue_ids) - {row["issue_id"] for row in waived})
        raise ReviewError(f"issue {left} is not open{_closed(connection, left)}")
    acts = sorted({row["act_id"] for row in waived})
    if seen is not None:
        _refuse_outdated(connection, issue_ids[0], seen, acts)
    return acts


def release(
    batch_id: int, reviewer: str, reason: str, *, connect: Connect = warehouse.connect
) -> None:
    """Release a batch that a check holds; it loads in the next run of its source.

    Raises:
        ReviewError: no reason was given, or the batch is not held.
    """
    try:
        checks.release(batch_id, reviewer, needed(reason), connect)
    except ValueError as error:
        raise ReviewError(f"{error}{_rejected(batch_id, connect)}") from error


def _rejected(batch_id: int, connect: Connect) -> str:
    """What to do about a batch that is rejected, as the end of a sentence; empty for another one."""
    with connect() as connection:
        rows = warehouse.query(connection, "review/rejected", batch_id)
    if not rows:
        return ""
    return (
        f": its file was rejected ({rows[0]['message']}). Nothing of it can be released. Mend the contract, and "
        "the next run reads the file again by itself; or have the file delivered as the contract says"
    )


def correct(
    issue_id: int,
    changes: dict[str, str],
    reviewer: str | None = None,
    reason: str = "",
    *,
    seen: int | None = None,
    connect: Connect = warehouse.connect,
) -> str:
    """Write a corrected copy of an issue's quarantined row to the corrections folder.

    The next run of the source loads it, and closes the issue as corrected. The warehouse keeps it first:
    if this process ends before the file is there, that run writes it.

    Args:
        issue_id: an open issue of a quarantined row.
        changes: the right values by the contract's column names; all values, where the row could
            not be split into fields.
        reviewer: the login of whoever corrects it; the account of this process, where left out.
        reason: why.
        seen: see :func:`waive`.
        connect: opens a transaction in the warehouse.

    Returns:
        The file's address.

    Raises:
        ReviewError: there is no such open issue with a quarantined row, or no such column; a correction of
            the row waits already; or the row is a transaction and has been corrected, and a second
            correction would count it twice.
    """
    row = quarantined_row(issue_id, connect)
    contract = contracts.of(row["source_system"], row["feed"])
    names = [column.name for column in contract.columns]
    if unknown := set(changes) - set(names):
        raise ReviewError(f"{contract.name} has no column {', '.join(sorted(unknown))}")
    is_whole = set(names) <= set(changes)
    values = changes if is_whole else {**fields(contract, row), **changes}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerow([values.get(name, "") for name in names])
    corrected = _corrected_row(row)
    path = corrections.address(
        contract.source_system, contract.feed, f"{corrected}_{uuid.uuid4().hex[:8]}.csv"
    )
    with connect() as connection:
        warehouse.query(connection, "review/not_reread", row["batch_id"])
        warehouse.query(connection, "review/alone", corrected)
        _quarantined(connection, issue_id)
        if seen is not None:
            _refuse_outdated(connection, issue_id, seen)
        _refuse_second(connection, contract, corrected)
        act = warehouse.query(
            connection, "review/correct", contract.source_system, row["batch_id"], row["row_number"],
            reviewer or getpass.getuser(), reason, path, text.getvalue(),
        )[0]["act_id"]  # fmt: skip
    with connect() as connection:
        act = warehouse.query(connection, "review/act", act)[0]
        if act["undone_at"] is None:
            storage.write(path, act["content"].encode())
    return path


def undo(act_id: int, reviewer: str, reason: str, *, connect: Connect = warehouse.connect) -> None:
    """Undo what was decided, while nothing loaded depends on it.

    Waived issues are open again, a released batch is held again, a correction that has not landed is taken back.

    Args:
        act_id: the act.
        reviewer: the login of whoever undoes it.
        reason: why.
        connect: opens a transaction in the warehouse.

    Raises:
        ReviewError: no reason was given, there is no such act, it is undone already, or something that was
            loaded, or is about to be, depends on it.
    """
    reason = needed(reason)
    with connect() as connection:
        acts = warehouse.query(connection, "review/act", act_id)
        if not acts:
            raise ReviewError(f"there is no act {act_id}")
        act = acts[0]
        if act["undone_at"] is not None:
            raise ReviewError(
                f"act {act_id} was undone by {act['undone_by']} at {_moment(act['undone_at'])}"
            )
        if act["kind"] == "correct":
            _take_back(connection, act)
        else:
            _reopen(connection, act_id)
        warehouse.query(connection, "review/undo", act_id, reviewer, reason)


def quarantined_row(issue_id: int, connect: Connect = warehouse.connect) -> dict[str, Any]:
    """The quarantined row of an open issue, as received, and its file.

    Raises:
        ReviewError: the issue is not open, or its row is not quarantined.
    """
    with connect() as connection:
        return _quarantined(connection, issue_id)


def _quarantined(connection: Connection[Any], issue_id: int) -> dict[str, Any]:
    rows = warehouse.query(connection, "review/quarantined_row", issue_id)
    if not rows:
        why = _closed(connection, issue_id)
        raise ReviewError(f"issue {issue_id} is not open, or its row is not quarantined{why}")
    return rows[0]


def _closed(connection: Connection[Any], issue_id: int) -> str:
    """Who closed an issue, as the end of a sentence."""
    rows = warehouse.query(connection, "review/issue", issue_id)
    if not rows or rows[0]["status"] == "open":
        return ""
    row = rows[0]
    return f": {row['status']} by {row['closed_by']} at {_moment(row['closed_at'])}"


def _refuse_outdated(
    connection: Connection[Any], issue_id: int, seen: int, own: Sequence[int] = ()
) -> None:
    """Refuse an act by somebody who was not shown the newest one; *own* are the acts of this transaction.

    Raises:
        ReviewError: somebody has acted on the issue, or its row, since.
    """
    for act in warehouse.query(connection, "review/act_since", issue_id, seen, list(own)):
        raise ReviewError(
            f"meanwhile {act['acted_by']} has acted on it ({act['kind']}, {_moment(act['acted_at'])}); "
            "look at the issue again"
        )


def _reopen(connection: Connection[Any], act_id: int) -> None:
    """Open the issues of an act again, and hold its batches again.

    Raises:
        ReviewError: one of the batches is loaded, or is being loaded.
    """
    let_go = warehouse.query(connection, "review/batches_let_go", act_id, checks.HOLDING)
    for batch in let_go:
        if batch["is_loaded"]:
            raise ReviewError(
                f"batch {batch['batch_id']} is loaded, or is being loaded, because of it"
            )
    warehouse.query(connection, "review/hold", [batch["batch_id"] for batch in let_go])
    warehouse.query(connection, "review/reopen", act_id)


def _take_back(connection: Connection[Any], act: dict[str, Any]) -> None:
    """Remove the file of a correction that has not landed.

    Raises:
        ReviewError: it has landed, or a run may be landing it just now.
    """
    alone = warehouse.query(connection, "review/landing_alone", act["source_system"])
    if not alone[0]["is_alone"]:
        raise ReviewError(
            f"a run of {act['source_system']} lands files just now; try again when it has"
        )
    # Landing may have ended between the two queries.
    if warehouse.query(connection, "review/act", act["act_id"])[0]["has_landed"]:
        raise ReviewError("the correction has landed; correct the row again, or waive its issues")
    corrections.take_back(act["path"])


def _moment(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _corrected_row(row: dict[str, Any]) -> str:
    """The row that a correction stands for; a correction of a correction stands for the same."""
    earlier = contracts.CORRECTED_ROW.search(row["file_name"]) if row["is_correction"] else None
    return earlier[0] if earlier else f"batch{row['batch_id']}_row{row['row_number']}"


def _refuse_second(
    connection: Connection[Any], contract: contracts.Contract, corrected: str
) -> None:
    """Refuse a second correction while the first one waits, and of a transaction after it: both would be added.

    Raises:
        ReviewError: another correction of the row waits, or was accepted.
    """
    source, feed = contract.source_system, contract.feed
    for act in warehouse.query(connection, "review/waiting_correction", source, corrected):
        raise ReviewError(
            f"the row has a correction already, by {act['acted_by']} at {_moment(act['acted_at'])}: "
            "wait for the next run, or take it back"
        )
    if not contract.rows_are_transactions:
        return
    # One that was written before acts were kept may wait too.
    waiting = [
        str(path)
        for path in storage.at(corrections.folder(source, feed)).iterdir()
        if path.name.startswith(f"{corrected}_")
    ]
    if warehouse.query(
        connection, "review/corrections_of_row", source, feed, corrected
    ) or warehouse.query(connection, "review/waiting_corrections", waiting):
        raise ReviewError("the row has a correction already, and a second one would be added to it")


def needed(reason: str) -> str:
    """A reason.

    Raises:
        ReviewError: it is empty.
    """
    if not reason.strip():
        raise ReviewError("a reason is required")
    return reason


def fields(contract: contracts.Contract, row: dict[str, Any]) -> dict[str, str]:
    """A quarantined row's values by column; none where it cannot be split into the header's fields."""
    try:
        with storage.local_copy(row["archive_path"], row["checksum"], row["size_bytes"]) as file:
            dialect = dialect_of(contract, file)
            opened = open_tables(replace(contract, dialect=dialect), file, row["file_name"])
            taken = _taken(opened, row["row_number"]) if dialect.records else {}
    except storage.Damaged:
        raise ReviewError(
            f"the archived file of batch {row['batch_id']} is not the file that landed; "
            "give the values of all columns, or have the file delivered again"
        ) from None
    plan = next((plan for plan in opened.plans if plan.sheet == row["sheet_name"]), None)
    fields = split_row(row["raw_row"], dialect)
    if plan is None or len(fields) != len(plan.written):
        return {}
    raw = dict(zip(plan.written, fields, strict=True)) | taken
    return {**plan.constants, **{name: raw[cell] for name, cell in plan.renames.items()}}


def _taken(opened: Opened, row_number: int) -> dict[str, str]:
    """What a row has from lines above it."""
    names = [*dict.fromkeys(name for plan in opened.plans for name in plan.taken)]
    if not names:
        return {}
    with opened.reading as reading:
        for block in reading:
            found = block.rows.filter(pl.col("row_number") == row_number)
            if found.height:
                values: dict[str, str] = found.select(names).row(0, named=True)
                return values
    return {}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: ``waive ISSUE``, ``correct ISSUE``, ``release BATCH``, ``undo ACT``."""
    parser = argparse.ArgumentParser(prog="claimhouse review", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    targets = {"waive": "issue", "correct": "issue", "release": "batch", "undo": "act"}
    for command, target in targets.items():
        subparser = commands.add_parser(command)
        subparser.add_argument(target, type=int)
        if command == "correct":
            subparser.add_argument("--reason", default="")
            subparser.epilog = "Give the right values on standard input, one column=value per line."
        else:
            subparser.add_argument("--reason", required=True)
    options = parser.parse_args(arguments)
    try:
        if options.command == "waive":
            waive(options.issue, getpass.getuser(), options.reason)
        elif options.command == "release":
            release(options.batch, getpass.getuser(), options.reason)
        elif options.command == "undo":
            undo(options.act, getpass.getuser(), options.reason)
        else:
            changes = dict(_pairs(sys.stdin.read()))
            print(correct(options.issue, changes, reason=options.reason))
    except ReviewError as error:
        parser.exit(1, f"{error}\n")


def _pairs(text: str) -> list[tuple[str, str]]:
    lines = [line.partition("=") for line in text.splitlines() if line.strip()]
    return [(column.strip(), value) for column, _, value in lines]


if __name__ == "__main__":
    main()
