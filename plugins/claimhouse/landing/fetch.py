"""Feeds fetched from a database: one query a day, written as a file in the landing root.

The contract names the Airflow connection (``fetch``), and
``include/sql/fetch/<source>/<feed>.sql`` is the query, in the language of that database.
The connection may be of any kind whose Airflow hook speaks DB-API 2.0 (PEP 249): Teradata,
Microsoft SQL Server, MariaDB, Postgres. The rows go to ``<feed>_<day>.csv`` in the source's folder
and are landed and verified like any other file.
"""

from __future__ import annotations

import csv
import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TextIO

from claimhouse import connections, contracts, settings, storage, warehouse
from claimhouse.contracts import Column, Contract
from claimhouse.reading import Unreadable
from claimhouse.verification import make_plan

log = logging.getLogger(__name__)

# Rows fetched at a time: bounds the memory.
ROWS_AT_A_TIME = 5_000


class FetchFailed(RuntimeError):
    """The database refused the query or failed; the message names feed and connection, no value."""


def feeds(source: str) -> list[str]:
    """The feeds of *source* that are fetched from a database."""
    return [contract.feed for contract in contracts.of_source(source) if contract.fetch_connection]


def fetch(source: str, feed: str, day: date) -> str | None:
    """Write the rows of *feed* for *day* as a file in the landing root.

    It may be repeated: unchanged rows leave the file as it is, changed rows replace it, and content
    that has landed before is not written again.

    Args:
        source: the source system.
        feed: one of :func:`feeds`.
        day: the day that the query is for.

    Returns:
        The file's address; None where the connection does not exist, or nothing is new.

    Raises:
        FetchFailed: the database could not be reached, refused the query or failed. No partial
            file is left.
        Unreadable: the query lacks a column that the contract requires.
    """
    contract = contracts.of(source, feed)
    connection = connections.find(str(contract.fetch_connection))
    if connection is None:
        log.info(
            "%s: connection %s does not exist; only dropped files are taken",
            contract.name, contract.fetch_connection,
        )  # fmt: skip
        return None
    folder = storage.at(settings.landing_root()) / source
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{feed}_{day.isoformat()}.csv"
    # Landing ignores files whose name begins with a dot.
    draft = folder / f".{path.name}.draft"
    try:
        with _errors_without_values(contract):
            query = warehouse.sql(f"fetch/{source}/{feed}", day=day.isoformat())
            rows, checksum = _write(draft, contract, _rows(connection.get_hook(), query))
        if _is_known(contract, path.name, checksum) or _is_there(path, checksum):
            log.info("%s: %s rows, nothing new", contract.name, rows)
            return None
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
    log.info("%s: %s rows fetched", contract.name, rows)
    return str(path)


@contextmanager
def _errors_without_values(contract: Contract) -> Iterator[None]:
    """Drivers quote rows in their errors: raise only the kind of error, and where it occurred."""
    try:
        yield
    except Unreadable:  # names only columns
        raise
    except Exception as error:
        state = getattr(error, "sqlstate", None)
        kind = f"{type(error).__name__} ({state})" if state else type(error).__name__
        query = f"include/sql/fetch/{contract.source_system}/{contract.feed}.sql"
        raise FetchFailed(
            f"{contract.name}, connection {contract.fetch_connection}: {kind}; run {query} by hand for details"
        ) from None


def _rows(hook: Any, query: str) -> Iterator[Sequence[Any]]:
    """The column names, then the rows, as the database sends them."""
    with closing(hook.get_conn()) as connection, closing(_cursor(connection)) as cursor:
        cursor.execute(query)
        yield [column[0] for column in cursor.description]
        while rows := cursor.fetchmany(ROWS_AT_A_TIME):
            yield from rows


def _cursor(connection: Any) -> Any:
    """A cursor that does not buffer all rows in the client; these drivers need a special one."""
    driver = type(connection).__module__.split(".")[0]
    if driver in ("psycopg", "psycopg2"):
        return connection.cursor("claimhouse_fetch")
    if driver == "MySQLdb":
        from importlib import import_module

        return connection.cursor(import_module("MySQLdb.cursors").SSCursor)
    return connection.cursor()


class _Hashed:
    """A text file that computes the checksum of what is written to it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, text: str) -> None:
        """Write *text*."""
        self.digest.update(text.encode())
        self._file.write(text)


def _write(draft: Any, contract: Contract, rows: Iterator[Sequence[Any]]) -> tuple[int, str]:
    """Write *rows* in the contract's format; return their count and the file's checksum."""
    header = [str(name) for name in next(rows)]
    plan = make_plan(contract, header, draft.name)
    by_header = {
        plan.renames[column.name]: column
        for column in contract.columns
        if column.name in plan.renames
    }
    columns = [by_header.get(name) for name in header]
    count = 0
    with draft.open("w", encoding="utf-8", newline="") as file:
        hashed = _Hashed(file)
        writer = csv.writer(
            hashed,
            delimiter=contract.dialect.delimiter,
            quotechar=contract.dialect.quote,
            lineterminator="\n",
        )
        writer.writerow(header)
        for row in rows:
            writer.writerow(map(_text, row, columns))
            count += 1
    return count, hashed.digest.hexdigest()


def _text(value: Any, column: Column | None) -> str:
    """A value as the contract reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        if column is None:
            return "true" if value else "false"
        return column.true_values[0] if value else column.false_values[0]
    if isinstance(value, datetime) and value.tzinfo:
        value = value.astimezone(UTC)
    if isinstance(value, date):
        date_format = column.date_formats[0] if column and column.date_formats else None
        return value.strftime(date_format) if date_format else value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def _is_known(contract: Contract, name: str, checksum: str) -> bool:
    """Whether a file of this content has landed, under any name."""
    with warehouse.connect() as connection:
        from_name = contract.told_by_name(name)
        return bool(warehouse.query(connection, "landing/known_file", checksum, name, from_name))


def _is_there(path: Any, checksum: str) -> bool:
    """Whether the file with this content exists already."""
    if not path.exists():
        return False
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(storage.CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == checksum
