"""Feeds fetched from a database: one query for each day, written as a file in the landing root.

The contract names the Airflow connection (``fetch``), and
``include/sql/fetch/<source>/<feed>.sql`` is the query, in the language of that database.
The connection may be of any kind whose Airflow hook speaks DB-API 2.0 (PEP 249): Teradata,
Microsoft SQL Server, MariaDB, Postgres. The rows go to ``<feed>_<day>.csv`` in the source's folder
and are landed and verified like any other file. ``landing.fetched_day`` remembers every day asked for,
so that a day on which nothing ran, or the database was away, is asked for later.
"""

from __future__ import annotations

import csv
import hashlib
import logging
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from psycopg import Connection

from claimhouse import connections, contracts, settings, storage, warehouse
from claimhouse.contracts import Column, Contract
from claimhouse.reading import Unreadable
from claimhouse.verification import make_plan

log = logging.getLogger(__name__)

# Rows fetched at a time: bounds the memory.
ROWS_AT_A_TIME = 5_000
ONE_DAY = timedelta(days=1)
# Within this time of its day a fetched file had landed, before the days fetched were remembered.
FETCHED_WITHIN = timedelta(days=31)


class FetchFailed(RuntimeError):
    """The database refused the query or failed; the message names feed and connection, no value."""


class Unreachable(FetchFailed):
    """The database could not be reached: no other day could be fetched either."""


def feeds(source: str) -> list[str]:
    """The feeds of *source* that are fetched from a database."""
    return [contract.feed for contract in contracts.of_source(source) if contract.fetch_connection]


def connected(source: str) -> list[str]:
    """The feeds of *source* whose database has a connection now; of the others only dropped files are taken."""
    known = {
        contract.feed: str(contract.fetch_connection)
        for contract in contracts.of_source(source)
        if contract.fetch_connection
    }
    missing = {name for name in sorted(set(known.values())) if connections.find(name) is None}
    for name in sorted(missing):
        log.info("%s: connection %s does not exist; only dropped files are taken", source, name)
    return [feed for feed, name in known.items() if name not in missing]


def day_of(context: Mapping[str, Any]) -> date:
    """The day that a run covers, by its Airflow context: the one on which its interval begins, in UTC.

    A run that was triggered without a logical date covers no interval: it counts as one that
    began a day before.
    """
    start = context.get("data_interval_start") or context["dag_run"].run_after - ONE_DAY
    day: date = start.astimezone(UTC).date()
    return day


def fetch(source: str, feed: str, day: date) -> list[str]:
    """Write the rows of *feed* as files in the landing root, one for each day since the last one fetched.

    The days asked for are *day*, those between it and the last day asked for before, and those
    that could not be fetched then: the oldest first. A first fetch asks for *day* alone. A query
    without a day in it says what holds at present, and is asked once.

    It may be repeated: unchanged rows leave a day's file as it is, changed rows replace it.

    Args:
        source: the source system.
        feed: one of :func:`feeds`.
        day: the day that the run covers.

    Returns:
        The addresses of the files written; none where the connection does not exist, or nothing
        is new.

    Raises:
        FetchFailed: days could not be fetched; they stay open, and all others are fetched.
        Unreachable: the database could not be reached; the days that are left stay open.
        Unreadable: the query lacks a column that the contract requires.
    """
    contract = contracts.of(source, feed)
    connection = connections.find(str(contract.fetch_connection))
    if connection is None:
        log.info(
            "%s: connection %s does not exist; only dropped files are taken",
            contract.name, contract.fetch_connection,
        )  # fmt: skip
        return []
    days = _days_to_ask(contract, day)
    written: list[str] = []
    errors: dict[date, FetchFailed] = {}
    for each in days if _is_dated(contract) else days[-1:]:
        try:
            path, rows = _fetch_day(contract, connection.get_hook, each)
        except (FetchFailed, Unreadable) as error:
            _report(contract, each, error)
            if isinstance(error, Unreadable):
                raise  # and so would every other day be
            errors[each] = error
            if isinstance(error, Unreachable):
                break
        else:
            _note(contract, each, rows)
            written += [path] if path else []
    if not errors and not _is_dated(contract):
        for each in days[:-1]:
            _note(contract, each, None)
    if errors:
        last = list(errors.values())[-1]
        raise type(last)(f"{last} (days that failed: {', '.join(map(str, errors))})") from None
    return written


def _is_dated(contract: Contract) -> bool:
    """Whether the query asks for a day; otherwise it asks for what holds at present."""
    return _query(contract, date(2000, 1, 1)) != _query(contract, date(2000, 1, 2))


def _query(contract: Contract, day: date) -> str:
    path = f"fetch/{contract.source_system}/{contract.feed}"
    return warehouse.sql(path, day=day.isoformat())


def _days_to_ask(contract: Contract, day: date) -> list[date]:
    """The days to ask for, the oldest first; each is remembered until it is fetched.

    Raises:
        FetchFailed: *day* has not begun.
    """
    if day > datetime.now(UTC).date() + timedelta(days=1):
        raise FetchFailed(f"{contract.name}: {day} has not begun")
    feed = (contract.source_system, contract.feed)
    with warehouse.connect() as connection:
        asked = {
            row["day"]: row["is_fetched"]
            for row in warehouse.query(connection, "landing/days", *feed)
        }
        if not asked and (last := _last_by_name(connection, contract, day)):
            warehouse.query(connection, "landing/day_fetched", *feed, last, None)
            asked[last] = True
        latest = max(asked, default=day - ONE_DAY)
        new = {latest + ONE_DAY * n for n in range(1, (day - latest).days + 1)} | {
            day
        } - asked.keys()
        warehouse.query(connection, "landing/days_asked", *feed, sorted(new))
    still_open = {each for each, is_fetched in asked.items() if not is_fetched and each <= day}
    days = sorted({*new, *still_open, day})
    # What holds at present must not stand under a day that is over.
    return days if _is_dated(contract) else sorted({*days, max(latest, day)})


def _last_by_name(connection: Connection[Any], contract: Contract, day: date) -> date | None:
    """The last day that was fetched before days were remembered, by the names of landed files.

    A file that landed long after the day in its name was dropped by hand.
    """
    rows = warehouse.query(
        connection, "landing/names_of_feed", contract.source_system, contract.feed
    )
    days = [
        named
        for row in rows
        if (named := _day_in_name(contract, row["file_name"]))
        and timedelta() <= row["landed_on"] - named <= FETCHED_WITHIN
        and named <= day
    ]
    return max(days, default=None)


def _day_in_name(contract: Contract, name: str) -> date | None:
    text = name.removeprefix(f"{contract.feed}_").removesuffix(".csv")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if name == _name(contract, day) else None


def _name(contract: Contract, day: date) -> str:
    return f"{contract.feed}_{day.isoformat()}.csv"


def _note(contract: Contract, day: date, rows: int | None) -> None:
    """Remember a day as fetched, once its file is in place."""
    feed = (contract.source_system, contract.feed)
    with warehouse.connect() as connection:
        warehouse.query(connection, "landing/day_fetched", *feed, day, rows)
        warehouse.query(
            connection, "landing/close_day_issue", contract.source_system, _name(contract, day)
        )


def _report(contract: Contract, day: date, error: Exception) -> None:
    """Report a day without rows: what reads the days in their order would take it for a day without change."""
    message = (
        f"The rows of {day} are missing: {error}. Every run asks for the day again; until it is "
        f"fetched, changes of that day count from the next day that is there."
    )
    with warehouse.connect() as connection:
        warehouse.query(
            connection, "landing/report_file",
            contract.source_system, _name(contract, day), "day_not_fetched", message,
        )  # fmt: skip


def _fetch_day(
    contract: Contract, get_hook: Callable[[], Any], day: date
) -> tuple[str | None, int]:
    """Write the file of one day.

    Returns:
        Its address, None where nothing is new; and the number of its rows.
    """
    root, source = settings.landing_root(), contract.source_system
    name = _name(contract, day)
    address = f"{root.rstrip('/')}/{source}/{name}"
    with _folder(root, source) as folder:
        # Landing ignores files whose name begins with a dot.
        draft = folder / f".{uuid.uuid4().hex}{storage.IN_PROGRESS}"
        try:
            with (
                _errors_without_values(contract),
                closing(_rows(get_hook(), _query(contract, day))) as fetched,
            ):
                rows, checksum = _write(draft, name, contract, fetched)
            if _is_known(contract, name, checksum) or _is_there(root, source, name, checksum):
                log.info("%s: %s: %s rows, nothing new", contract.name, day, rows)
                return None, rows
            storage.put(draft, address)
        finally:
            draft.unlink(missing_ok=True)
    log.info("%s: %s: %s rows fetched", contract.name, day, rows)
    return address, rows


@contextmanager
def _folder(root: str, source: str) -> Iterator[Path]:
    """Where files are written: in the source's folder, or on this machine if that is elsewhere."""
    path = storage.local(root)
    if path is None:
        with TemporaryDirectory(prefix="claimhouse-") as temporary:
            yield Path(temporary)
        return
    folder = path / source
    folder.mkdir(parents=True, exist_ok=True)
    storage.remove_abandoned(folder)
    yield folder


@contextmanager
def _errors_without_values(contract: Contract) -> Iterator[None]:
    """Drivers quote rows in their errors: raise only the kind of error, and where it occurred."""
    try:
        yield
    except Unreadable:  # names only columns
        raise
    except Exception as error:
        cause = error.args[0] if isinstance(error, _NotReached) else error
        state = getattr(cause, "sqlstate", None)
        kind = f"{type(cause).__name__} ({state})" if state else type(cause).__name__
        query = f"include/sql/fetch/{contract.source_system}/{contract.feed}.sql"
        failure = Unreachable if isinstance(error, _NotReached) else FetchFailed
        raise failure(
            f"{contract.name}, connection {contract.fetch_connection}: {kind}; run {query} by hand for details"
        ) from None


def _rows(hook: Any, query: str) -> Generator[Sequence[Any], None, None]:
    """The column names, then the rows, as the database sends them."""
    with closing(_reached(hook)) as connection, closing(_cursor(connection)) as cursor:
        cursor.execute(query)
        yield [column[0] for column in cursor.description]
        while rows := cursor.fetchmany(ROWS_AT_A_TIME):
            yield from rows


class _NotReached(Exception):
    """No connection could be opened; holds the name of the driver's error."""


def _reached(hook: Any) -> Any:
    try:
        return hook.get_conn()
    except Exception as error:
        raise _NotReached(error) from None


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


def _write(
    draft: Path, name: str, contract: Contract, rows: Iterator[Sequence[Any]]
) -> tuple[int, str]:
    """Write *rows* in the contract's format; return their count and the file's checksum."""
    header = [str(name) for name in next(rows)]
    plan = make_plan(contract, header, name)
    by_header = {
        plan.renames[column.name]: column
        for column in contract.columns
        if column.name in plan.renames
    }
    columns = [by_header.get(name) for name in header]
    count = 0
    with storage.new_file(draft) as raw, TextIOWrapper(raw, encoding="utf-8", newline="") as file:
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
        file.flush()
        storage.sync(raw)
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
    """Whether the day's file, or of a feed without days the newest, has landed with this content."""
    is_dated = _is_dated(contract)
    with warehouse.connect() as connection:
        rows = warehouse.query(
            connection, "landing/newest_file",
            contract.source_system, contract.feed, name if is_dated else None,
        )  # fmt: skip
    content = {"checksum": checksum, "told_by_name": contract.told_by_name(name)}
    return rows == [content]


def _is_there(root: str, source: str, name: str, checksum: str) -> bool:
    """Whether the file with this content exists already."""
    try:
        with storage.opened(root, (source, name)) as file:
            return storage.pour(file.read, lambda _: None)[1] == checksum
    except OSError:
        return False
