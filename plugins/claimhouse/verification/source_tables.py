"""Source tables: accepted rows, typed, in the source's own shape, every version received.

One call of :func:`verify_batch` verifies one batch and loads what it accepts, in one transaction:
if it is killed nothing is kept, and a second call does nothing. A block is verified while the
server copies the block before it.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg import Connection, errors, sql
from psycopg.types.json import Jsonb

from claimhouse import batches, contracts, reference, storage, warehouse
from claimhouse.batches import Batch
from claimhouse.contracts import Column, Contract
from claimhouse.reading import SHEET_ROWS, Block, Dialect, Note, Reading, Unreadable, join_row
from claimhouse.verification import issues
from claimhouse.verification.header import Plan
from claimhouse.verification.recognize import dialect_of
from claimhouse.verification.repeats import Repeats
from claimhouse.verification.sheets import Opened, open_tables
from claimhouse.verification.trailers import Trailers
from claimhouse.verification.verify import Amount, Verified, verify

log = logging.getLogger(__name__)

# Blocks verified and not yet written: bounds the memory where the server is slower.
MOST_WAITING = 2
# Rows in one piece of a binary COPY.
PIECE_ROWS = 50_000

_Number = TypeVar("_Number", int, Decimal)


class OutOfBalance(RuntimeError):
    """Rows or money read differ from what was accepted, quarantined and dropped."""


@dataclass
class Tally:
    """Rows and money of a batch so far."""

    rows_read: int = 0
    rows_written: int = 0
    rows_quarantined: int = 0
    amounts: dict[str, Amount] = field(default_factory=dict)

    def add(self, block: Verified, written: int) -> None:
        """Add a block, of which the server counted *written* accepted rows."""
        self.rows_read += block.rows_read
        self.rows_written += written
        self.rows_quarantined += len(block.quarantined)
        for name, amount in block.amounts.items():
            self.amounts[name] = self.amounts.get(name, Amount()) + amount


def ensure_tables(source: str) -> None:
    """Create the tables and current views of a source's feeds, and add new columns of its contracts."""
    with warehouse.connect() as connection:
        create_tables(connection, source)


def create_tables(connection: Connection[Any], source: str) -> None:
    """:func:`ensure_tables` in the transaction of *connection*."""
    reference.fill(connection)  # the checks of batches read lists
    connection.execute("select pg_advisory_xact_lock(hashtext('claimhouse.source'))")
    for contract in contracts.of_source(source):
        if not _is_complete(connection, contract):
            warehouse.run(connection, "verification/table", **names(contract))
        _create_current(connection, contract)


def _is_complete(connection: Connection[Any], contract: Contract) -> bool:
    """Whether the table of a feed is what its contract asks for.

    To alter it, even by nothing, takes a lock that waits for everybody who reads it.
    """
    found = warehouse.query(
        connection,
        "verification/is_complete",
        f"source_{contract.source_system}",
        contract.feed,
        [column.name for column in contract.columns],
        [column.description for column in contract.columns],
    )
    return bool(found) and bool(found[0]["is_complete"])


def _create_current(connection: Connection[Any], contract: Contract) -> None:
    """Create the view of a feed's current records, also where the contract's rows mean something else now."""
    schema, view = f"source_{contract.source_system}", f"{contract.feed}_current"
    text = warehouse.sql("verification/current", **names(contract))
    # the text has the columns of the table as *
    followed = f"{text} {warehouse.columns(connection, schema, contract.feed)}"
    if warehouse.view_is_of(connection, schema, view, followed):
        return
    try:
        with connection.transaction():
            connection.execute(text.encode())
    except errors.InvalidTableDefinition:  # a column has another type
        with connection.transaction():
            # Mappings that read it go too; the load that follows creates them.
            connection.execute(sql.SQL("drop view {} cascade").format(sql.Identifier(schema, view)))
            connection.execute(text.encode())
    warehouse.note_view(connection, schema, view, followed)


def index(source: str) -> None:
    """Index new rows by batch, and by key where the contract asks for it."""
    with warehouse.connect() as connection:
        for contract in contracts.of_source(source):
            warehouse.run(
                connection,
                "verification/index",
                may_be_reversed=contract.may_be_reversed,
                **names(contract),
            )


def close_issues(batch_ids: Sequence[int]) -> None:
    """Close the open issues of records of which there is a newer good row.

    To be called once all of *batch_ids* are verified: any of them may have the good row, and an issue
    of them may have been settled by a file that landed before.
    """
    feeds: dict[tuple[str, str], list[int]] = {}
    for batch_id in sorted(batch_ids):
        with warehouse.connect() as connection:
            batch = batches.locked(connection, batch_id)
            if contracts.of(batch.source_system, batch.feed).rows_are_transactions:
                warehouse.query(connection, "verification/close_corrected", batch_id)
                continue
        feeds.setdefault((batch.source_system, batch.feed), []).append(batch_id)
    for (source, feed), of_feed in feeds.items():
        with warehouse.connect() as connection:
            # Batches that are read again at the same time settle issues of one another.
            connection.execute(
                "select pg_advisory_xact_lock(hashtextextended(%s, 0))",
                (f"claimhouse.issues {source}.{feed}",),
            )
            warehouse.run(
                connection,
                "verification/close_issues",
                **names(contracts.of(source, feed)),
                batches="{" + ",".join(map(str, of_feed)) + "}",
            )


def reopen_issues(source: str) -> list[int]:
    """Open the issues again that rows had settled which have left their batches since.

    Returns:
        The batches of these issues.
    """
    reopened: set[int] = set()
    for contract in contracts.of_source(source):
        with warehouse.connect() as connection:
            rows = warehouse.query(connection, "verification/reopen_settled", **names(contract))
            reopened.update(row["batch_id"] for row in rows)
    return sorted(reopened)


def set_reversals_aside(batch_ids: Sequence[int]) -> list[int]:
    """Quarantine rows that take back an amount in feeds whose rows are states.

    Such a row has a negative amount, and its record is known with a positive one: in the same file,
    in one that waits, or loaded. To be called once all of *batch_ids* are verified, so that the order
    of rows and files does not matter; a row of an earlier batch is withdrawn if one of these brings
    the positive amount.

    Returns:
        The batches that lost rows.
    """
    with warehouse.connect() as connection:
        feeds = {
            (batch.source_system, batch.feed)
            for batch in (batches.locked(connection, batch_id) for batch_id in batch_ids)
        }
    found: dict[int, list[dict[str, Any]]] = {}
    for source, feed in sorted(feeds):
        contract = contracts.of(source, feed)
        if contract.may_be_reversed:
            with warehouse.connect() as connection:
                for row in warehouse.query(
                    connection,
                    "verification/undeclared_reversals",
                    list(batch_ids),
                    **names(contract),
                ):
                    found.setdefault(row["batch_id"], []).append(row)
    for batch_id, rows in found.items():
        with warehouse.connect() as connection:
            _withdraw(connection, batches.locked(connection, batch_id), rows)
    return sorted(found)


def _withdraw(connection: Connection[Any], batch: Batch, rows: Sequence[dict[str, Any]]) -> None:
    """Move accepted rows of a batch to quarantine, each with an issue."""
    contract = contract_of(batch)
    keys = {row["row_number"]: row["record_key"] for row in rows}
    try:
        with archived(batch) as path:
            contract = replace(contract, dialect=dialect_of(contract, path))
            _quarantine(connection, contract, batch, path, keys)
    except storage.Damaged:  # the row as it was loaded is what is left of it
        warehouse.query(
            connection,
            "verification/quarantine_loaded",
            batch.batch_id,
            Jsonb(list(rows)),
            **names(contract),
        )
    warehouse.query(
        connection, "verification/withdraw", batch.batch_id, list(keys), **names(contract)
    )
    warehouse.query(connection, "verification/reversal_issues", batch.batch_id, Jsonb(list(rows)))
    log.info("%s: batch %s: %s reversals set aside", contract.name, batch.batch_id, len(rows))


def verify_landed(connection: Connection[Any], batch: Batch) -> str:
    """Verify a batch that has landed, and load the rows it accepts; or reject it.

    Args:
        connection: of a transaction in which the batch is locked.
        batch: its state is landed.

    Returns:
        The batch's state afterwards.

    Raises:
        OutOfBalance: rows or money are missing; nothing of the batch is kept.
        claimhouse.storage.Damaged: the archived file is not the one that landed.
    """
    contract = contract_of(batch)
    started = time.perf_counter()
    if batch.was_read:
        warehouse.run(connection, "verification/issues_before", batch_id=batch.batch_id)
    try:
        with archived(batch) as path:
            contract = replace(contract, dialect=dialect_of(contract, path))
            tally = load(connection, contract, batch, path)
    except Unreadable as error:
        log.warning("%s: batch %s rejected: %s", contract.name, batch.batch_id, error.rule)
        return _reject(connection, batch, error)
    close(connection, contract, batch.batch_id, tally, time.perf_counter() - started)
    note_reading(connection, batch, contract)
    log.info(
        "%s: batch %s verified: %s rows read, %s quarantined",
        contract.name, batch.batch_id, tally.rows_read, tally.rows_quarantined,
    )  # fmt: skip
    return "verified"


def reject_batch(batch_id: int, error: Unreadable) -> str:
    """Reject a batch that is not verified yet, for a reason that its file alone does not tell.

    Returns:
        The batch's state afterwards.
    """
    with warehouse.connect() as connection:
        batch = batches.locked(connection, batch_id)
        return batch.state if batch.state != "landed" else _reject(connection, batch, error)


def note_reading(connection: Connection[Any], batch: Batch, contract: Contract) -> None:
    """Note that a batch was read as a whole; its issues are those of this reading and no other."""
    note_version(connection, contract)
    read = (batch.batch_id, contract.content_hash)
    if batch.was_read:
        warehouse.query(connection, "verification/settle_issues", *read, is_whole=True)
    warehouse.query(connection, "verification/reading", *read, True)


def note_version(connection: Connection[Any], contract: Contract) -> None:
    """Keep the text of a contract under which a batch is read."""
    warehouse.query(
        connection, "verification/contract_version",
        contract.content_hash, contract.source_system, contract.feed, contract.content,
    )  # fmt: skip


def archived(batch: Batch) -> AbstractContextManager[Path]:
    """The batch's file, compared with what landed; every read of the batch shares it."""
    return storage.local_copy(batch.archive_path, batch.checksum, batch.size_bytes)


def contract_of(batch: Batch) -> Contract:
    """The batch's contract; a reviewer's correction is plain csv whatever the feed's format.

    It knows how late a version can be: days are compared in UTC, and the day after the arrival leaves
    room for any time zone.
    """
    contract = contracts.of(batch.source_system, batch.feed)
    if batch.is_correction:
        contract = replace(contract, dialect=Dialect(), other_dialects=())
    latest = batch.arrived_at.astimezone(UTC).date() + timedelta(days=1)
    return replace(contract, latest_version=latest)


def load(
    connection: Connection[Any],
    contract: Contract,
    batch: Batch,
    path: Path,
    withheld: pl.Series | None = None,
) -> Tally:
    """Verify the file of a batch and write its rows and issues; *withheld* rows are not accepted."""
    opened = open_tables(contract, path, batch.file_name)
    tally, repeats, trailers = Tally(), Repeats(contract.key), Trailers(contract)
    for block, rows in write_blocks(
        connection, contract, batch, _verified(opened, repeats, trailers, withheld)
    ):
        tally.add(block, rows)
    opened.reading.notes.extend(trailers.check(opened.reading))
    _copy_notes(connection, batch, opened)
    warehouse.run(connection, "verification/suspect_rows")
    copy_frame(connection, ("suspect_row",), repeats.rows.to_frame())
    copy_frame(connection, ("batch_sheet",), sheets(opened.plans))
    if contract.rows_are_transactions:
        warehouse.run(
            connection,
            "verification/identical_transactions",
            batch_id=batch.batch_id,
            **names(contract),
        )
    else:
        set_copies_aside(connection, contract, batch, path)
    return tally


def sheets(plans: Sequence[Plan]) -> pl.DataFrame:
    """The name of the sheet of each table by its first row number, where there are several."""
    rows = [
        (number * SHEET_ROWS, plan.sheet)
        for number, plan in enumerate(plans)
        if plan.sheet is not None
    ]
    return pl.DataFrame(rows, schema={"first_row": pl.Int64, "sheet_name": pl.String}, orient="row")


def _verified(
    opened: Opened, repeats: Repeats, trailers: Trailers, withheld: pl.Series | None
) -> Iterator[Verified]:
    for block in _read_ahead(opened.reading):
        verified = verify(block, opened.plans[block.table], withheld)
        repeats.add(verified.accepted)
        trailers.add(block.table, verified.amounts)
        yield verified
    repeats.find()  # in parallel with writing the last blocks


def _read_ahead(reading: Reading) -> Iterator[Block]:
    """The blocks of *reading*, the next one read in a thread while one is verified."""
    blocks = iter(reading)
    with ThreadPoolExecutor(1, "read") as reader:
        following = reader.submit(next, blocks, None)
        while (block := following.result()) is not None:
            following = reader.submit(next, blocks, None)
            yield block


def write_blocks(
    connection: Connection[Any],
    contract: Contract,
    batch: Batch,
    blocks: Iterator[Verified],
) -> Iterator[tuple[Verified, int]]:
    """Encode and write each block in threads while the next is verified.

    Yields:
        Each block once it is written, and how many accepted rows the server counted.
    """
    waiting: deque[tuple[Verified, Future[int]]] = deque()
    with ThreadPoolExecutor(1, "encode") as encoder, ThreadPoolExecutor(1, "copy") as writer:
        for block in blocks:
            encoded = encoder.submit(_encode_block, contract, batch, block)
            waiting.append((block, writer.submit(_write_block, connection, contract, encoded)))
            while len(waiting) > MOST_WAITING:
                yield _done(*waiting.popleft())
        while waiting:
            yield _done(*waiting.popleft())


def _done(block: Verified, written: Future[int]) -> tuple[Verified, int]:
    return block, written.result()


@dataclass(frozen=True)
class _Encoded:
    """Rows of one table, encoded for a binary COPY."""

    table: tuple[str, ...]
    statement: sql.Composed
    pieces: list[bytes]


def _encode_block(contract: Contract, batch: Batch, block: Verified) -> list[_Encoded]:
    frames = [
        (_table(contract), block.accepted.select(_stamp(batch), pl.all())),
        (
            ("quality", "quarantine"),
            block.quarantined.select(_stamp(batch), *_origin(batch), _sheet(block.sheet), pl.all()),
        ),
        (("quality", "issue"), _with_origin(batch, block.issues, block.sheet)),
    ]
    return [_encode(table, frame) for table, frame in frames if not frame.is_empty()]


def _table(contract: Contract) -> tuple[str, ...]:
    return (f"source_{contract.source_system}", contract.feed)


def _encode(table: tuple[str, ...], frame: pl.DataFrame) -> _Encoded:
    """Encode *frame* for the columns of *table* that have its names."""
    statement = sql.SQL("copy {} ({}) from stdin with (format binary)").format(
        sql.Identifier(*table), sql.SQL(", ").join(map(sql.Identifier, frame.columns))
    )
    arrow = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    encoder = ArrowToPostgresBinaryEncoder(arrow.schema)
    pieces = [encoder.write_header()]
    pieces += [encoder.write_batch(piece) for piece in arrow.to_batches(max_chunksize=PIECE_ROWS)]
    return _Encoded(table, statement, [*pieces, encoder.finish()])


def _write_block(
    connection: Connection[Any], contract: Contract, encoded: Future[list[_Encoded]]
) -> int:
    """Write a block, and return how many rows the server added to the source table."""
    written = {rows.table: _write(connection, rows) for rows in encoded.result()}
    return written.get(_table(contract), 0)


def _write(connection: Connection[Any], rows: _Encoded) -> int:
    with connection.cursor() as cursor:
        with cursor.copy(rows.statement) as copy:
            for piece in rows.pieces:
                copy.write(piece)
        return cursor.rowcount


def copy_frame(connection: Connection[Any], table: tuple[str, ...], frame: pl.DataFrame) -> None:
    """Encode and write *frame*."""
    if not frame.is_empty():
        _write(connection, _encode(table, frame))


def _copy_notes(connection: Connection[Any], batch: Batch, opened: Opened) -> None:
    """Write what there is to say of the file and its sheets."""
    of_headers = [note for plan in opened.plans for note in plan.notes]
    copy_notes(connection, batch, [*opened.notes, *of_headers, *opened.reading.notes])


def copy_notes(connection: Connection[Any], batch: Batch, notes: Sequence[Note]) -> None:
    """Write *notes* as issues of a batch."""
    for note in notes:
        frame = issues.note_issues([note])
        copy_frame(connection, ("quality", "issue"), _with_origin(batch, frame, note.sheet_name))


def _with_origin(batch: Batch, issues: pl.DataFrame, sheet_name: str | None = None) -> pl.DataFrame:
    file_name = pl.lit(batch.file_name, pl.String).alias("file_name")
    return issues.select(_stamp(batch), *_origin(batch), file_name, _sheet(sheet_name), pl.all())


def _sheet(name: str | None) -> pl.Expr:
    return pl.lit(name, pl.String).alias("sheet_name")


def _stamp(batch: Batch) -> pl.Expr:
    return pl.lit(batch.batch_id, pl.Int64).alias("batch_id")


def _origin(batch: Batch) -> list[pl.Expr]:
    return [
        pl.lit(batch.source_system, pl.String).alias("source_system"),
        pl.lit(batch.feed, pl.String).alias("feed"),
    ]


def set_copies_aside(
    connection: Connection[Any], contract: Contract, batch: Batch, path: Path
) -> None:
    """Of the rows that repeat a key, keep the newest; quarantine or drop the others."""
    warehouse.run(connection, "verification/copies", **names(contract), batch_id=batch.batch_id)
    conflicting = warehouse.query(connection, "verification/conflicting_copies")
    keys = {row["row_number"]: row["record_key"] for row in conflicting}
    _quarantine(connection, contract, batch, path, keys)
    if keys and contract.amounts:
        warehouse.run(
            connection,
            "verification/set_aside_amounts",
            batch_id=batch.batch_id,
            **names(contract),
        )


def _quarantine(
    connection: Connection[Any],
    contract: Contract,
    batch: Batch,
    path: Path,
    keys: dict[int, str],
) -> None:
    """Quarantine rows of a batch that was read before, as they came; *keys* by row number.

    Raises:
        OutOfBalance: the file at *path* lacks some of them.
    """
    if not keys:
        return
    missing = set(keys)
    # The file is read again for its raw rows: few files need it, and keeping them costs memory.
    opened = open_tables(contract, path, batch.file_name)
    for block in opened.reading:
        plan = opened.plans[block.table]
        rows = block.rows.filter(pl.col("row_number").is_in(list(keys)))
        frame = rows.select(
            _stamp(batch),
            *_origin(batch),
            _sheet(plan.sheet),
            "row_number",
            pl.col("row_number").replace_strict(keys, return_dtype=pl.String).alias("record_key"),
            join_row(rows, plan.written, contract.dialect).alias("raw_row"),
        )
        copy_frame(connection, ("quality", "quarantine"), frame)
        missing -= set(rows["row_number"])
    if missing:
        raise OutOfBalance(f"batch {batch.batch_id}: {len(missing)} rows are no longer in its file")


def _reject(connection: Connection[Any], batch: Batch, error: Unreadable) -> str:
    connection.rollback()
    with connection.transaction():
        batches.locked(connection, batch.batch_id)
        if batch.was_read:
            warehouse.run(connection, "verification/issues_before", batch_id=batch.batch_id)
        enter_rejection(connection, batch, error)
    return "rejected"


def enter_rejection(connection: Connection[Any], batch: Batch, error: Unreadable) -> None:
    """Enter that a batch is rejected; nothing of it may be in the tables."""
    frame = _with_origin(batch, issues.unreadable_issue(error))
    copy_frame(connection, ("quality", "issue"), frame)
    warehouse.query(connection, "verification/reject_batch", batch.batch_id)
    note_reading(connection, batch, contracts.of(batch.source_system, batch.feed))


def close(
    connection: Connection[Any],
    contract: Contract,
    batch_id: int,
    tally: Tally,
    seconds: float,
) -> None:
    """Compare what was written with what was read, and end the batch's verification.

    Rows are as the server counted them; the checks of the batch compare the sums it holds.

    Raises:
        OutOfBalance: they differ.
    """
    copies = (
        []
        if contract.rows_are_transactions
        else warehouse.query(connection, "verification/set_aside", **names(contract))
    )
    aside = {bool(row["is_identical"]): row for row in copies}
    dropped, conflicting = aside.get(True, {}), aside.get(False, {})
    rows = _parts(
        tally.rows_read, tally.rows_written, tally.rows_quarantined,
        dropped.get("row_count", 0), conflicting.get("row_count", 0),
    )  # fmt: skip
    _balance("rows", rows)
    amounts = {}
    for name in (column.name for column in contract.amounts):
        amount = tally.amounts.get(name, Amount())
        sums = _parts(
            amount.read, amount.accepted, amount.quarantined,
            dropped.get(name, Decimal(0)), conflicting.get(name, Decimal(0)),
        )  # fmt: skip
        _balance(name, sums)
        amounts[name] = {part: str(value) for part, value in sums.items()} | {
            "unreadable": amount.unreadable
        }
    timings = {"verification_seconds": round(seconds, 3)}
    warehouse.query(
        connection, "verification/close_batch",
        batch_id, *rows.values(), Jsonb(amounts), Jsonb(timings),
    )  # fmt: skip


def _parts(
    read: _Number, written: _Number, quarantined: _Number, dropped: _Number, conflicting: _Number
) -> dict[str, _Number]:
    """What became of the rows, or of an amount, of a batch.

    Args:
        read: in the file.
        written: in the source table before copies were set aside.
        quarantined: for a rule of the contract.
        dropped: in identical copies.
        conflicting: in conflicting copies, which are quarantined too.
    """
    return {
        "read": read,
        "accepted": written - dropped - conflicting,
        "quarantined": quarantined + conflicting,
        "dropped": dropped,
    }


def _balance(what: str, parts: dict[str, Any]) -> None:
    if parts["read"] != parts["accepted"] + parts["quarantined"] + parts["dropped"]:
        numbers = ", ".join(f"{value} {part}" for part, value in parts.items())
        raise OutOfBalance(f"{what}: {numbers}")


def _key_columns(contract: Contract) -> list[Column]:
    columns = {column.name: column for column in contract.columns}
    return [columns[name] for name in contract.key]


def _record_key(contract: Contract) -> str:
    """SQL of the key of a row, as text; the column itself, which an index may lead to, where it is the key."""
    columns = _key_columns(contract)
    if len(columns) == 1 and columns[0].physical_type == "text" and columns[0].required:
        return columns[0].name
    return f"concat_ws('|', {', '.join(map(_key_text, columns))})"


def _key_text(column: Column) -> str:
    """SQL that spells a part of a key as verification does, whatever the session's time zone."""
    if column.type == "timestamp":
        return f"to_char({column.name} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    if column.type == "date":
        return f"to_char({column.name}, 'YYYY-MM-DD')"
    return column.name


def names(contract: Contract) -> dict[str, Any]:
    """The names that this room's SQL files use, of one contract."""
    return {
        "source": contract.source_system,
        "schema": f"source_{contract.source_system}",
        "feed": contract.feed,
        "key": contract.key,
        "has_key_index": contract.has_key_index,
        "record_key": _record_key(contract),
        "columns": contract.columns,
        "amounts": contract.amounts,
        "version_column": contract.version_column,
        "version_type": next(
            (
                column.physical_type
                for column in contract.columns
                if column.name == contract.version_column
            ),
            None,
        ),
        "sheet_rows": SHEET_ROWS,
        "rows_are_transactions": contract.rows_are_transactions,
    }
