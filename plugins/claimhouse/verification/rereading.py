"""Batches that are read again, from the archive, because their contract says something else than it did.

:func:`verify_batch` is what a run calls for each batch. One that has just landed is verified as a whole.
Of one that was verified under another version of its contract, the quarantined rows are read again, and
its issues are closed where there is nothing wrong any more; accepted rows stay as they are until somebody
asks for them (:func:`reverify`, :func:`would_change`). A row for which a reviewer's correction stands
stays in quarantine. All of it is one transaction: whoever is killed leaves the batch as it was.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from psycopg import Connection
from psycopg.types.json import Jsonb

from claimhouse import batches, contracts, warehouse
from claimhouse.batches import Batch
from claimhouse.contracts import CORRECTED_ROW, Contract
from claimhouse.reading import Block, Unreadable
from claimhouse.verification import source_tables
from claimhouse.verification.recognize import dialect_of
from claimhouse.verification.sheets import Opened, open_tables
from claimhouse.verification.source_tables import OutOfBalance, names
from claimhouse.verification.trailers import Trailers
from claimhouse.verification.verify import Verified, verify

log = logging.getLogger(__name__)

# The states of batches that have rows.
READ = ("verified", "checked", "held", "loaded")


@dataclass(frozen=True)
class Change:
    """What reading a batch again changes, or has changed.

    Attributes:
        batch_id: the batch.
        file_name: its file.
        state: the batch's state afterwards.
        before: rows and amounts of the batch as they were (``verification/counts.sql``).
        after: the same afterwards.
        values: for each column, in how many rows that stay accepted its value is another one.
        rows_left: rows that were accepted and are not.
        rows_added: rows that are accepted and were not.
        problem: why the batch keeps what it has, or is rejected; empty where it is read.
    """

    batch_id: int
    file_name: str
    state: str
    before: dict[str, Any]
    after: dict[str, Any]
    values: dict[str, int] = field(default_factory=dict)
    rows_left: int = 0
    rows_added: int = 0
    problem: str = ""

    @property
    def is_any(self) -> bool:
        """Whether rows or values are others."""
        return bool(self.rows_left or self.rows_added or any(self.values.values()))


def verify_batch(batch_id: int) -> str:
    """Verify one batch and load the rows it accepts.

    A batch that was verified before is left as it is, unless its contract has changed or somebody
    asked for it to be read anew.

    Returns:
        The batch's state afterwards: ``verified``, or ``rejected`` when the file cannot be read
        as a whole; of a batch that was verified before and did not change, the state it had.

    Raises:
        OutOfBalance: rows or money are missing; nothing of the batch is changed.
        claimhouse.storage.Damaged: the archived file is not the one that landed.
    """
    with warehouse.connect() as connection:
        batch = batches.locked(connection, batch_id)
        if batch.state == "landed":
            return source_tables.verify_landed(connection, batch)
        if batch.state not in READ:
            return batch.state
        contract = source_tables.contract_of(batch)
        if batch.is_to_be_reverified:
            state = reverify(connection, batch, contract).state
        elif batch.newest_hash == contract.content_hash:
            return batch.state
        else:
            state = _retry(connection, batch, contract)
    if (
        state == batch.state != "verified"
    ):  # no check stage follows for it, and it may have new issues
        source_tables.close_issues([batch_id])
    return state


def to_read_again(source: str) -> list[int]:
    """The batches of a source that a run has to read again, in the order of their files.

    Those with quarantined rows or open issues whose contract has changed since, and those that
    somebody asked for.
    """
    known = contracts.of_source(source)
    with warehouse.connect() as connection:
        rows = warehouse.query(
            connection, "verification/to_read_again", source,
            [contract.feed for contract in known],
            [contract.content_hash for contract in known],
        )  # fmt: skip
    return [int(row["batch_id"]) for row in rows]


def keep_unread(batch_id: int, why: str) -> str:
    """Let a batch keep what it has that cannot be read again; an issue of it says why.

    Returns:
        The batch's state.
    """
    with warehouse.connect() as connection:
        batch = batches.locked(connection, batch_id)
        if batch.state in READ:
            contract = source_tables.contract_of(batch)
            # Of a batch that an earlier release read, nobody knows whether its contract has changed.
            if batch.newest_hash is not None or batch.is_to_be_reverified:
                warehouse.query(
                    connection, "verification/not_read_again", batch_id, "archive_damaged", why
                )
            source_tables.note_version(connection, contract)
            warehouse.query(
                connection, "verification/not_tried_again", batch_id, contract.content_hash
            )
        return batch.state


def reverify(connection: Connection[Any], batch: Batch, contract: Contract) -> Change:
    """Read all rows of a batch again; the caller commits or rolls back.

    Args:
        connection: of a transaction in which the batch is locked.
        batch: one that was verified before.
        contract: its contract now.

    Raises:
        OutOfBalance: rows or money are missing; the transaction must be rolled back.
        claimhouse.storage.Damaged: the archived file is not the one that landed.
    """
    warehouse.query(connection, "verification/alone", batch.batch_id)
    (before,) = warehouse.query(connection, "verification/counts", batch.batch_id)
    found, started = _named(contract, batch), time.perf_counter()
    try:
        with connection.transaction(), source_tables.archived(batch) as path:
            ready = replace(contract, dialect=dialect_of(contract, path))
            for step in ("issues_before", "tried_row", "take_out", "take_all_out"):
                warehouse.run(connection, f"verification/{step}", **found)
            tally = source_tables.load(connection, ready, batch, path, _corrected(connection))
            warehouse.run(connection, "verification/see_all", **found)
            warehouse.run(connection, "verification/put_back", **found)
            warehouse.run(connection, "verification/withdraw_again", **found)
            (difference,) = warehouse.query(connection, "verification/difference", **found)
            left, added = difference.pop("rows_left__"), difference.pop("rows_added__")
            seconds = time.perf_counter() - started
            source_tables.close(connection, ready, batch.batch_id, tally, seconds)
            is_other = bool(left or added or any(difference.values()))
            warehouse.query(
                connection, "verification/reopen_batch", batch.batch_id,
                batch.state, is_other, bool(left or any(difference.values())),
            )  # fmt: skip
            _settle(connection, batch, contract, is_whole=True)
    except Unreadable as error:
        return _reject(connection, batch, contract, error, before)
    (after,) = warehouse.query(connection, "verification/counts", batch.batch_id)
    return Change(
        batch.batch_id, batch.file_name, after["state"], before, after, difference, left, added
    )


def _reject(
    connection: Connection[Any],
    batch: Batch,
    contract: Contract,
    error: Unreadable,
    before: dict[str, Any],
) -> Change:
    """Reject a batch that was verified before, and take its rows out."""
    warehouse.query(
        connection, "verification/empty_batch", batch.batch_id, contract.content_hash, **names(contract)
    )  # fmt: skip
    source_tables.enter_rejection(connection, replace(batch, was_read=False), error)
    (after,) = warehouse.query(connection, "verification/counts", batch.batch_id)
    return Change(
        batch.batch_id, batch.file_name, "rejected", before, after,
        rows_left=before["rows_accepted"], problem=error.message,
    )  # fmt: skip


def _retry(connection: Connection[Any], batch: Batch, contract: Contract) -> str:
    """Read the quarantined rows of a batch again, and those with open issues."""
    warehouse.query(connection, "verification/alone", batch.batch_id)
    found = _named(contract, batch)
    for step in ("issues_before", "tried_row", "flagged_row"):
        warehouse.run(connection, f"verification/{step}", **found)
    try:
        # A contract that has become stricter may not read the file at all: the batch keeps what it has.
        with connection.transaction(), source_tables.archived(batch) as path:
            ready = replace(contract, dialect=dialect_of(contract, path))
            _read_part(connection, ready, batch, path)
    except Unreadable as error:
        log.warning(
            "%s: batch %s cannot be read under the contract as it is now, and keeps what it has: %s",
            contract.name, batch.batch_id, error.rule,
        )  # fmt: skip
        why = (
            "Under its contract as it is now the file would be rejected; the batch keeps what it has."
            f" {error.message}"
        )
        warehouse.query(
            connection, "verification/not_read_again", batch.batch_id, "not_read_again", why
        )
        source_tables.note_version(connection, contract)
        warehouse.query(
            connection, "verification/not_tried_again", batch.batch_id, contract.content_hash
        )
        return batch.state
    (after,) = warehouse.query(connection, "verification/counts", batch.batch_id)
    return str(after["state"])


def _read_part(connection: Connection[Any], contract: Contract, batch: Batch, path: Path) -> None:
    """Read the quarantined rows of a batch again, and look at the accepted ones with open issues."""
    found = _named(contract, batch)
    _look_at_flagged(connection, batch, open_tables(contract, path, batch.file_name))
    tried, corrected = _rows(connection, "tried_row"), _corrected(connection)
    warehouse.run(connection, "verification/take_out", **found)
    opened = open_tables(contract, path, batch.file_name)
    tally, trailers = source_tables.Tally(), Trailers(contract)
    seen: list[int] = []
    for block, rows in source_tables.write_blocks(
        connection, contract, batch, _part(opened, tried, corrected, seen, trailers)
    ):
        tally.add(block, rows)
    source_tables.copy_notes(connection, batch, trailers.check(opened.reading))
    source_tables.copy_frame(
        connection, ("seen_row",), pl.DataFrame({"row_number": seen}, {"row_number": pl.Int64})
    )
    warehouse.run(connection, "verification/put_back", **found)
    copies = _set_copies_aside(connection, contract, batch, path, opened)
    (held,) = warehouse.query(connection, "verification/recount", **found)
    dropped = held["rows_dropped"] + copies.get(True, {}).get("row_count", 0)
    counts = (held["rows_read"], held["rows_accepted"], held["rows_quarantined"], dropped)
    if counts[0] != sum(counts[1:]):
        raise OutOfBalance(
            "batch {}, read again: {} rows, {} accepted, {} quarantined, {} dropped".format(
                batch.batch_id, *counts
            )
        )
    lost = sum(row["accepted_before"] for row in copies.values())
    warehouse.query(
        connection, "verification/close_reread", batch.batch_id, *counts,
        Jsonb(_amounts(contract, held, tally, copies)), bool(held["rows_found"] or lost), bool(lost),
    )  # fmt: skip
    _settle(connection, batch, contract, is_whole=False)
    warehouse.query(
        connection, "verification/settle_flagged", batch.batch_id, contract.content_hash,
        **names(contract),
    )  # fmt: skip
    log.info(
        "%s: batch %s read again: %s of its quarantined rows are accepted",
        contract.name, batch.batch_id, held["rows_found"],
    )  # fmt: skip


def _look_at_flagged(connection: Connection[Any], batch: Batch, opened: Opened) -> None:
    """Verify accepted rows with open issues, into tables of their own."""
    flagged = _rows(connection, "flagged_row")
    if flagged.is_empty():
        return
    stamp = pl.lit(batch.batch_id, pl.Int64).alias("batch_id")
    for block in opened.reading:
        if (part := _chosen(block, flagged)) is None:
            continue
        verified = verify(part, opened.plans[block.table])
        found = verified.issues.select("row_number", "column_name", "rule")
        source_tables.copy_frame(
            connection, ("reread_row",), verified.accepted.select(stamp, pl.all())
        )
        source_tables.copy_frame(connection, ("reread_issue",), found)


def _part(
    opened: Opened, tried: pl.Series, corrected: pl.Series, seen: list[int], trailers: Trailers
) -> Iterator[Verified]:
    """The rows *tried*, verified; their numbers are added to *seen*, the sums of all rows to *trailers*."""
    if tried.is_empty() and not trailers.are_stated:
        return
    for block in opened.reading:
        if trailers.are_stated:
            trailers.add(block.table, verify(block, opened.plans[block.table]).amounts)
        if (part := _chosen(block, tried)) is not None:
            seen += [*part.rows["row_number"], *(row.row_number for row in part.broken)]
            yield verify(part, opened.plans[block.table], corrected)


def _chosen(block: Block, rows: pl.Series) -> Block | None:
    """Those of the rows of a block; None where there is none."""
    chosen = set(rows)
    part = replace(
        block,
        rows=block.rows.filter(pl.col("row_number").is_in(rows.implode())),
        broken=[row for row in block.broken if row.row_number in chosen],
        lost_digits=tuple(cell for cell in block.lost_digits if cell[0] in chosen),
    )
    return None if part.rows.is_empty() and not part.broken else part


def _set_copies_aside(
    connection: Connection[Any], contract: Contract, batch: Batch, path: Path, opened: Opened
) -> dict[bool, dict[str, Any]]:
    """Of rows that repeat a key now, keep the newest: their sums, of identical copies and of others."""
    found = _named(contract, batch)
    warehouse.run(connection, "verification/suspect_rows")
    warehouse.run(connection, "verification/suspects_among_tried", **found)
    source_tables.copy_frame(connection, ("batch_sheet",), source_tables.sheets(opened.plans))
    if contract.rows_are_transactions:
        warehouse.run(connection, "verification/identical_transactions", **found)
        return {}
    source_tables.set_copies_aside(connection, contract, batch, path)
    warehouse.run(connection, "verification/withdraw_again", **found)
    rows = warehouse.query(connection, "verification/set_aside_again", **found)
    return {bool(row["is_identical"]): row for row in rows}


def _amounts(
    contract: Contract,
    held: dict[str, Any],
    tally: source_tables.Tally,
    copies: dict[bool, dict[str, Any]],
) -> dict[str, Any]:
    """The amounts of a batch after its quarantined rows were read again."""
    amounts: dict[str, Any] = {}
    for name in (column.name for column in contract.amounts):
        read_again = tally.amounts.get(name)
        before = held["amounts"].get(name, {})
        parts = {
            "accepted": held[name],
            "quarantined": (read_again.quarantined if read_again else Decimal(0))
            + copies.get(False, {}).get(name, Decimal(0)),
            "dropped": Decimal(before.get("dropped", 0))
            + copies.get(True, {}).get(name, Decimal(0)),
        }
        amounts[name] = {
            "read": str(sum(parts.values(), Decimal(0))),
            **{part: str(value) for part, value in parts.items()},
            "unreadable": held[f"{name}_unreadable"] + (read_again.unreadable if read_again else 0),
        }
    return amounts


def _settle(connection: Connection[Any], batch: Batch, contract: Contract, is_whole: bool) -> None:
    """Bring the issues of a batch together with those of its last reading, and note the reading."""
    source_tables.note_version(connection, contract)
    warehouse.run(connection, "verification/leave_corrected", batch_id=batch.batch_id)
    read = (batch.batch_id, contract.content_hash)
    warehouse.query(connection, "verification/settle_issues", *read, is_whole=is_whole)
    warehouse.query(connection, "verification/reading", *read, is_whole)


def _named(contract: Contract, batch: Batch) -> dict[str, Any]:
    """The names that the SQL files of a reading use."""
    corrected = CORRECTED_ROW.search(batch.file_name) if batch.is_correction else None
    return names(contract) | {
        "batch_id": batch.batch_id,
        "corrected_row": corrected[0] if corrected else "",
    }


def _rows(connection: Connection[Any], table: str) -> pl.Series:
    """The row numbers in a temporary table."""
    rows = connection.execute(f"select row_number from {table}").fetchall()  # noqa: S608
    return pl.Series("row_number", [row[0] for row in rows], dtype=pl.Int64)


def _corrected(connection: Connection[Any]) -> pl.Series:
    """The quarantined rows for which a correction stands."""
    rows = connection.execute("select row_number from tried_row where is_corrected").fetchall()
    return pl.Series("row_number", [row[0] for row in rows], dtype=pl.Int64)
