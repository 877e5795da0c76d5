"""A feed that is fetched from a database: one query, laid as a file in the landing root.

The contract names the Airflow connection (``fetch``), and
``include/sql/fetch/<source>/<feed>.sql`` is the query, in the language of that database.
The connection may be of any kind whose Airflow hook speaks DB-API 2.0 (PEP 249): Teradata,
Microsoft SQL Server, MariaDB, Postgres. The rows go to ``<feed>_<day>.csv`` in the source's folder
and are landed and verified like a file that somebody dropped there.
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

# Rows fetched at a time: what bounds the memory, whatever the query yields.
ROWS_AT_A_TIME = 5_000


class ExtractFailed(RuntimeError):
    """The database refused or broke off; the message names feed and connection, and no value."""


def feeds(source: str) -> list[str]:
    """The feeds of *source* whose contract names a database they come from."""
    return [one.feed for one in contracts.of_source(source) if one.fetch_connection]


def fetch(source: str, feed: str, day: date) -> str | None:
    """Lay the rows that *feed* has for *day* as a file in the landing root.

    To repeat it is harmless: rows that are as they were leave the file as it is, changed ones
    replace it, and a file whose content was landed before is not laid again.

    Args:
        source: the source system.
        feed: one of :func:`feeds`.
        day: the day the query is asked for.

    Returns:
        Where the file lies; None where nobody made the connection, or where nothing is new.

    Raises:
        ExtractFailed: the database could not be reached, refused the query or broke off. No
            part of a file is left.
        Unreadable: the query yields no column for one that the contract requires.
    """
    contract = contracts.of(source, feed)
    connection = connections.find(str(contract.fetch_connection))
    if connection is None:
        log.info(
            "%s: there is no connection %s; only dropped files are taken",
            contract.name, contract.fetch_connection,
        )  # fmt: skip
        return None
    folder = storage.at(settings.landing_root()) / source
    folder.mkdir(parents=True, exist_ok=True)
    laid = folder / f"{feed}_{day.isoformat()}.csv"
    # landing leaves files alone whose name begins with a dot
    draft = folder / f".{laid.name}.draft"
    try:
        with _told_without_values(contract):
            query = warehouse.sql(f"fetch/{source}/{feed}", day=day.isoformat())
            rows, checksum = _write(draft, contract, _rows(connection.get_hook(), query))
        if _is_known(contract, laid.name, checksum) or _is_there(laid, checksum):
            log.info("%s: %s rows, nothing new", contract.name, rows)
            return None
        draft.rename(laid)
    finally:
        draft.unlink(missing_ok=True)
    log.info("%s: %s rows fetched", contract.name, rows)
    return str(laid)


@contextmanager
def _told_without_values(contract: Contract) -> Iterator[None]:
    """Errors of a driver quote rows: hand on what kind of error it was, and where."""
    try:
        yield
    except Unreadable:  # names columns alone
        raise
    except Exception as error:
        state = getattr(error, "sqlstate", None)
        kind = f"{type(error).__name__} ({state})" if state else type(error).__name__
        query = f"include/sql/fetch/{contract.source_system}/{contract.feed}.sql"
        raise ExtractFailed(
            f"{contract.name}, connection {contract.fetch_connection}: {kind}; run {query} by hand to see more"
        ) from None


def _rows(hook: Any, query: str) -> Iterator[Sequence[Any]]:
    """The column names, then each row, while the database still sends."""
    with closing(hook.get_conn()) as connection, closing(_cursor(connection)) as cursor:
        cursor.execute(query)
        yield [column[0] for column in cursor.description]
        while rows := cursor.fetchmany(ROWS_AT_A_TIME):
            yield from rows


def _cursor(connection: Any) -> Any:
    """A cursor that leaves the rows on the server; most drivers' own does, these need telling."""
    driver = type(connection).__module__.split(".")[0]
    if driver in ("psycopg", "psycopg2"):
        return connection.cursor("claimhouse_extract")
    if driver == "MySQLdb":
        from importlib import import_module

        return connection.cursor(import_module("MySQLdb.cursors").SSCursor)
    return connection.cursor()


class _Hashed:
    """A text file that takes the checksum of what is written to it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, text: str) -> None:
        """Write *text*."""
        self.digest.update(text.encode())
        self._file.write(text)


def _write(draft: Any, contract: Contract, rows: Iterator[Sequence[Any]]) -> tuple[int, str]:
    """Write *rows* as the contract reads them; how many there were, and the file's checksum."""
    header = [str(name) for name in next(rows)]
    plan = make_plan(contract, header, draft.name)
    named = {name: column for column, name in plan.renames.items()}
    of_name = {column.name: column for column in contract.columns}
    columns = [of_name[named[name]] if name in named else None for name in header]
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
    """A value as the contract expects to read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        words = (column.true_values, column.false_values) if column else (("true",), ("false",))
        return words[0][0] if value else words[1][0]
    if isinstance(value, datetime) and value.tzinfo:
        value = value.astimezone(UTC)
    if isinstance(value, date):
        written = column.date_formats[0] if column and column.date_formats else None
        return value.strftime(written) if written else value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def _is_known(contract: Contract, name: str, checksum: str) -> bool:
    """Whether a file of this content was landed, under whatever name."""
    with warehouse.connect() as connection:
        told = contract.told_by_name(name)
        return bool(warehouse.query(connection, "landing/known_file", checksum, name, told))


def _is_there(laid: Any, checksum: str) -> bool:
    """Whether the file lies there already, not yet landed."""
    if not laid.exists():
        return False
    digest = hashlib.sha256()
    with laid.open("rb") as file:
        while chunk := file.read(storage.CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == checksum
